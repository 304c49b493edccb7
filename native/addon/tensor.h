// Tensors between JavaScript and ONNX Runtime.
//
// In JavaScript a tensor is { type, dims, data }: the element type's number, the sizes, and the
// elements as a Uint8Array over their bytes, or an array of strings. The way back is the same,
// with an ArrayBuffer of its own for data.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "runtime.h"

namespace softonnx {

// Bytes of one element; 0 for strings and for types that JavaScript has no array for.
std::size_t element_size(ort::ElementType type);

// Frees the value with it.
class TensorValue {
 public:
  explicit TensorValue(const ort::Api& api) : api_(&api) {}
  TensorValue(TensorValue&& other) noexcept : api_(other.api_), value_(other.value_) {
    other.value_ = nullptr;
  }
  TensorValue& operator=(TensorValue&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~TensorValue() {
    if (value_) api_->ReleaseValue(value_);
  }

  ort::Value* get() const { return value_; }
  ort::Value** put() { return &value_; }

 private:
  const ort::Api* api_;
  ort::Value* value_ = nullptr;
};

// Makes a value over the memory of a JavaScript tensor (strings are copied), which must stay
// referenced while the value is in use. `what` names it in errors. Returns how many bytes of
// memory (0 for strings), or nothing with an exception pending.
std::optional<std::size_t> tensor_from_js(napi_env env, const Runtime& runtime, napi_value tensor,
                                          const std::string& what, bool writable,
                                          TensorValue* result);

// Makes a value with memory of its own, and a copy of a JavaScript tensor's elements in it. False
// with an exception pending.
bool tensor_copied_from_js(napi_env env, const Runtime& runtime, napi_value tensor,
                           const std::string& what, TensorValue* result);

// A value of the same type and sizes, whose elements are anything. Throws std::runtime_error.
TensorValue tensor_like(const Runtime& runtime, const TensorValue& value,
                        const std::string& what);

// The type of a tensor's elements. Throws std::runtime_error.
ort::ElementType tensor_type(const Runtime& runtime, const TensorValue& value,
                             const std::string& what);

// A JavaScript tensor with a copy of the elements. Throws std::runtime_error.
napi_value tensor_to_js(napi_env env, const Runtime& runtime, const TensorValue& value,
                        const std::string& what);

}  // namespace softonnx
