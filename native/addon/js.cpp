#include "js.h"

#include <cmath>

namespace softonnx::js {

napi_value throw_type_error(napi_env env, const std::string& message) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) {
    napi_throw_type_error(env, nullptr, message.c_str());
  }
  return nullptr;
}

napi_value string(napi_env env, const std::string& text) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

napi_value number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value array(napi_env env, std::size_t length) {
  napi_value result = nullptr;
  napi_create_array_with_length(env, length, &result);
  return result;
}

napi_value object(napi_env env) {
  napi_value result = nullptr;
  napi_create_object(env, &result);
  return result;
}

void set(napi_env env, napi_value object, const char* key, napi_value value) {
  if (object && value) napi_set_named_property(env, object, key, value);
}

void set(napi_env env, napi_value array, std::size_t index, napi_value value) {
  if (array && value) napi_set_element(env, array, static_cast<std::uint32_t>(index), value);
}

napi_value get(napi_env env, napi_value object, const char* key) {
  napi_value result = nullptr;
  return napi_get_named_property(env, object, key, &result) == napi_ok ? result : nullptr;
}

napi_value get(napi_env env, napi_value array, std::size_t index) {
  napi_value result = nullptr;
  const auto status = napi_get_element(env, array, static_cast<std::uint32_t>(index), &result);
  return status == napi_ok ? result : nullptr;
}

std::optional<std::string> to_string(napi_env env, napi_value value) {
  std::size_t length = 0;
  if (!value || napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return {};
  std::string text(length, '\0');
  // The terminating zero goes where std::string keeps its own.
  if (napi_get_value_string_utf8(env, value, &text[0], length + 1, &length) != napi_ok) return {};
  return text;
}

std::optional<Path> to_path(napi_env env, napi_value value) {
#ifdef _WIN32
  std::size_t length = 0;
  if (!value || napi_get_value_string_utf16(env, value, nullptr, 0, &length) != napi_ok) return {};
  static_assert(sizeof(wchar_t) == sizeof(char16_t));
  Path path(length, L'\0');
  char16_t* units = reinterpret_cast<char16_t*>(&path[0]);
  if (napi_get_value_string_utf16(env, value, units, length + 1, &length) != napi_ok) return {};
  return path;
#else
  return to_string(env, value);
#endif
}

std::optional<double> to_number(napi_env env, napi_value value) {
  double result = 0;
  if (!value || napi_get_value_double(env, value, &result) != napi_ok) return {};
  return result;
}

std::optional<int> to_int(napi_env env, napi_value value) {
  const auto number = to_number(env, value);
  if (!number || *number != std::floor(*number) || std::fabs(*number) > 0x1p30) return {};
  return static_cast<int>(*number);
}

std::optional<bool> to_boolean(napi_env env, napi_value value) {
  bool result = false;
  if (!value || napi_get_value_bool(env, value, &result) != napi_ok) return {};
  return result;
}

std::optional<std::size_t> array_length(napi_env env, napi_value value) {
  bool is_array = false;
  std::uint32_t length = 0;
  if (!value || napi_is_array(env, value, &is_array) != napi_ok || !is_array) return {};
  if (napi_get_array_length(env, value, &length) != napi_ok) return {};
  return length;
}

std::optional<std::vector<std::int64_t>> to_dims(napi_env env, napi_value value) {
  const auto rank = array_length(env, value);
  if (!rank) return {};
  std::vector<std::int64_t> dims(*rank);
  for (std::size_t i = 0; i < *rank; ++i) {
    const auto dim = to_number(env, get(env, value, i));
    if (!dim || !(*dim >= 0 && *dim <= 0x1p53) || *dim != std::floor(*dim)) return {};
    dims[i] = static_cast<std::int64_t>(*dim);
  }
  return dims;
}

bool is_nullish(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  return !value || napi_typeof(env, value, &type) != napi_ok || type == napi_undefined ||
         type == napi_null;
}

std::optional<Bytes> to_bytes(napi_env env, napi_value value) {
  bool is_typed_array = false;
  if (!value || napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array) {
    return {};
  }
  napi_typedarray_type type;
  Bytes bytes{nullptr, 0};
  if (napi_get_typedarray_info(env, value, &type, &bytes.length, &bytes.data, nullptr, nullptr) !=
          napi_ok ||
      type != napi_uint8_array) {
    return {};
  }
  return bytes;
}

Deferred::Deferred(napi_env env) {
  if (napi_create_promise(env, &deferred_, &promise_) != napi_ok) deferred_ = nullptr;
}

void Deferred::resolve(napi_env env, napi_value value) {
  if (!deferred_) return;
  if (!value) napi_get_undefined(env, &value);
  napi_resolve_deferred(env, deferred_, value);
  deferred_ = nullptr;
}

void Deferred::reject(napi_env env, const std::string& message) {
  if (!deferred_) return;
  napi_value error = nullptr;
  napi_value text = string(env, message);
  if (text) napi_create_error(env, nullptr, text, &error);
  if (!error) napi_get_undefined(env, &error);
  napi_reject_deferred(env, deferred_, error);
  deferred_ = nullptr;
}

void Pin::hold(napi_env env, napi_value value) {
  if (napi_create_reference(env, value, 1, &reference_) != napi_ok) reference_ = nullptr;
}

void Pin::release(napi_env env) {
  if (reference_) napi_delete_reference(env, reference_);
  reference_ = nullptr;
}

}  // namespace softonnx::js
