// Native objects in JavaScript objects: shared, so that work under way keeps what it needs though
// the object be disposed of or collected meanwhile.
#pragma once

#include <node_api.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "js.h"

namespace softonnx {

// `tag` marks the objects of one kind, so that no other wrapped object is taken for one; `what`
// is what errors call it.
template <class Native>
class Wrapped {
 public:
  constexpr Wrapped(napi_type_tag tag, const char* what) : tag_(tag), what_(what) {}

  // Throws std::runtime_error where it cannot.
  void wrap(napi_env env, napi_value object, std::shared_ptr<Native> native) const {
    auto holder = std::make_unique<Holder>(std::move(native));
    const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Holder*>(data); };
    if (!object || napi_wrap(env, object, holder.get(), finalize, nullptr, nullptr) != napi_ok) {
      throw std::runtime_error(std::string("the ") + what_ + " object could not be made");
    }
    static_cast<void>(holder.release());
    napi_type_tag_object(env, object, &tag_);
  }

  // Null with an exception pending where it is another object or disposed of.
  std::shared_ptr<Native> unwrap(napi_env env, napi_value object) const {
    Holder* holder = holder_of(env, object);
    if (!holder) return nullptr;
    if (!*holder) js::throw_type_error(env, std::string("the ") + what_ + " is disposed of");
    return *holder;
  }

  // Idempotent. An exception is pending where it is another object.
  void dispose(napi_env env, napi_value object) const {
    if (Holder* holder = holder_of(env, object)) holder->reset();
  }

 private:
  using Holder = std::shared_ptr<Native>;

  Holder* holder_of(napi_env env, napi_value object) const {
    napi_valuetype type = napi_undefined;
    bool ours = false;
    void* data = nullptr;
    if (!object || napi_typeof(env, object, &type) != napi_ok || type != napi_object ||
        napi_check_object_type_tag(env, object, &tag_, &ours) != napi_ok || !ours ||
        napi_unwrap(env, object, &data) != napi_ok) {
      js::throw_type_error(env, std::string("expected a ") + what_ + " that this library made");
      return nullptr;
    }
    return static_cast<Holder*>(data);
  }

  napi_type_tag tag_;
  const char* what_;
};

}  // namespace softonnx
