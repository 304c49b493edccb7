// Node-API in few words. Every function here tolerates an environment that is going away (a
// worker being terminated): calls then fail, nothing throws, and what is read is empty.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime.h"

namespace softonnx::js {

// Throws a JavaScript TypeError unless an exception is pending already. Returns null.
napi_value throw_type_error(napi_env env, const std::string& message);

napi_value string(napi_env env, const std::string& text);
napi_value number(napi_env env, double value);
napi_value boolean(napi_env env, bool value);
napi_value array(napi_env env, std::size_t length);
napi_value object(napi_env env);

void set(napi_env env, napi_value object, const char* key, napi_value value);
void set(napi_env env, napi_value array, std::size_t index, napi_value value);

// Undefined or null where there is no such property.
napi_value get(napi_env env, napi_value object, const char* key);
napi_value get(napi_env env, napi_value array, std::size_t index);

// Readers: nothing where the value has another type.
std::optional<std::string> to_string(napi_env env, napi_value value);
std::optional<Path> to_path(napi_env env, napi_value value);
std::optional<double> to_number(napi_env env, napi_value value);
// Whole and within int.
std::optional<int> to_int(napi_env env, napi_value value);
std::optional<bool> to_boolean(napi_env env, napi_value value);
std::optional<std::size_t> array_length(napi_env env, napi_value value);
// Integers that a double holds exactly, none negative.
std::optional<std::vector<std::int64_t>> to_dims(napi_env env, napi_value value);

bool is_nullish(napi_env env, napi_value value);

struct Bytes {
  void* data;
  std::size_t length;
};

// The bytes of a Uint8Array, valid while the array is referenced and its buffer not detached.
std::optional<Bytes> to_bytes(napi_env env, napi_value value);

// A promise that native code settles once.
class Deferred {
 public:
  explicit Deferred(napi_env env);
  napi_value promise() const { return promise_; }
  void resolve(napi_env env, napi_value value);
  void reject(napi_env env, const std::string& message);

 private:
  napi_deferred deferred_ = nullptr;
  napi_value promise_ = nullptr;
};

// Keeps a JavaScript object alive until release().
class Pin {
 public:
  void hold(napi_env env, napi_value value);
  void release(napi_env env);

 private:
  napi_ref reference_ = nullptr;
};

}  // namespace softonnx::js
