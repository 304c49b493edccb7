// Sessions: an ONNX Runtime session with the kernel operators registered, wrapped in a
// JavaScript object.
#pragma once

#include <node_api.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "pace.h"
#include "runtime.h"

namespace softonnx {

// An input or output of a model. dims is -1 where the size is not fixed, and names then holds
// its name ("" where it has none).
struct Port {
  std::string name;
  bool is_tensor = false;
  ort::ElementType type = ort::ElementType::undefined;
  std::vector<std::int64_t> dims;
  std::vector<std::string> names;
};

struct Session {
  const Runtime& runtime;
  ort::Session* handle = nullptr;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  Pace pace;
  // How long all runs that have ended took inside ONNX Runtime.
  std::chrono::steady_clock::duration spent{};

  explicit Session(const Runtime& own) : runtime(own) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();
};

// (source: Uint8Array | string, options) => Promise<object>. The source must stay unchanged
// until the promise settles.
napi_value create_session(napi_env env, napi_callback_info info);

// (session) => undefined. Idempotent. The memory goes when the last run that is under way ends.
napi_value dispose_session(napi_env env, napi_callback_info info);

// (session) => number: the milliseconds that its runs have spent inside ONNX Runtime.
napi_value time_spent(napi_env env, napi_callback_info info);

// (session) => string, the file that the profile was written to.
napi_value end_profiling(napi_env env, napi_callback_info info);

// The session in a JavaScript object that create_session made. Null with an exception pending
// where it is another object or disposed of.
std::shared_ptr<Session> unwrap_session(napi_env env, napi_value object);

}  // namespace softonnx
