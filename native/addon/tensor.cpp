#include "tensor.h"

#include <cstring>
#include <limits>
#include <stdexcept>

#include "js.h"

namespace softonnx {
namespace {

void check(const ort::Api& api, ort::Status* status, const std::string& what) {
  if (status) throw std::runtime_error(what + ": " + take_message(api, status));
}

// The number of elements, or nothing where it overflows.
std::optional<std::size_t> element_count(const std::vector<std::int64_t>& dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) {
    const auto size = static_cast<std::size_t>(dim);
    if (size != 0 && count > std::numeric_limits<std::size_t>::max() / 64 / size) return {};
    count *= size;
  }
  return count;
}

bool fill_strings(napi_env env, const Runtime& runtime, napi_value data, std::size_t count,
                  const std::string& what, ort::Value* value) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto text = js::to_string(env, js::get(env, data, i));
    if (!text) {
      js::throw_type_error(env, what + ": element " + std::to_string(i) + " is not a string");
      return false;
    }
    char* buffer = nullptr;
    check(*runtime.api,
          runtime.api->GetResizedStringTensorElementBuffer(value, i, text->size(), &buffer), what);
    std::memcpy(buffer, text->data(), text->size());
  }
  return true;
}

napi_value strings_to_js(napi_env env, const Runtime& runtime, const TensorValue& value,
                         std::size_t count, const std::string& what) {
  const ort::Api& api = *runtime.api;
  std::size_t length = 0;
  check(api, api.GetStringTensorDataLength(value.get(), &length), what);
  std::string text(length, '\0');
  std::vector<std::size_t> offsets(count);
  check(api,
        api.GetStringTensorContent(value.get(), &text[0], length, offsets.data(), offsets.size()),
        what);
  napi_value result = js::array(env, count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? offsets[i + 1] : length;
    js::set(env, result, i, js::string(env, text.substr(offsets[i], end - offsets[i])));
  }
  return result;
}

// What a JavaScript tensor says of itself. Its bytes are none for strings.
struct Given {
  ort::ElementType type;
  std::vector<std::int64_t> dims;
  std::size_t count;
  napi_value data;
  js::Bytes bytes;
};

// False with an exception pending.
bool read_given(napi_env env, napi_value tensor, const std::string& what, bool strings,
                Given* given) {
  const auto type = js::to_int(env, js::get(env, tensor, "type"));
  auto dims = js::to_dims(env, js::get(env, tensor, "dims"));
  const auto count = dims ? element_count(*dims) : std::nullopt;
  if (!type || !count) {
    js::throw_type_error(env, what + ": not a tensor");
    return false;
  }
  *given = {static_cast<ort::ElementType>(*type), std::move(*dims), *count,
            js::get(env, tensor, "data"), {nullptr, 0}};
  if (given->type == ort::ElementType::string && strings) return true;
  const std::size_t size = element_size(given->type);
  if (size == 0) {
    js::throw_type_error(env, what + ": unsupported element type");
    return false;
  }
  const auto bytes = js::to_bytes(env, given->data);
  if (!bytes || bytes->length != *count * size) {
    js::throw_type_error(env, what + ": expected " + std::to_string(*count) +
                                  " elements, the data has " +
                                  (bytes ? std::to_string(bytes->length / size) : "none"));
    return false;
  }
  given->bytes = *bytes;
  return true;
}

TensorValue allocate(const Runtime& runtime, const std::vector<std::int64_t>& dims,
                     ort::ElementType type, const std::string& what) {
  TensorValue value(*runtime.api);
  check(*runtime.api,
        runtime.api->CreateTensorAsOrtValue(runtime.allocator, dims.data(), dims.size(), type,
                                            value.put()),
        what);
  return value;
}

struct Description {
  ort::ElementType type = ort::ElementType::undefined;
  std::vector<std::int64_t> dims;
};

Description describe(const ort::Api& api, const TensorValue& value, const std::string& what) {
  Description description;
  ort::TensorInfo* info = nullptr;
  std::size_t rank = 0;
  check(api, api.GetTensorTypeAndShape(value.get(), &info), what);
  ort::Status* status = api.GetTensorElementType(info, &description.type);
  if (!status) status = api.GetDimensionsCount(info, &rank);
  if (!status) {
    description.dims.resize(rank);
    status = api.GetDimensions(info, description.dims.data(), rank);
  }
  api.ReleaseTensorTypeAndShapeInfo(info);
  check(api, status, what);
  return description;
}

bool strings_from_js(napi_env env, const Runtime& runtime, const Given& given,
                     const std::string& what, TensorValue* result) {
  const auto length = js::array_length(env, given.data);
  if (!length || *length != given.count) {
    js::throw_type_error(env, what + ": expected an array of " + std::to_string(given.count) +
                                  " strings");
    return false;
  }
  *result = allocate(runtime, given.dims, ort::ElementType::string, what);
  return fill_strings(env, runtime, given.data, given.count, what, result->get());
}

}  // namespace

std::size_t element_size(ort::ElementType type) {
  switch (type) {
    case ort::ElementType::uint8:
    case ort::ElementType::int8:
    case ort::ElementType::boolean:
      return 1;
    case ort::ElementType::uint16:
    case ort::ElementType::int16:
    case ort::ElementType::float16:
      return 2;
    case ort::ElementType::float32:
    case ort::ElementType::int32:
    case ort::ElementType::uint32:
      return 4;
    case ort::ElementType::float64:
    case ort::ElementType::int64:
    case ort::ElementType::uint64:
      return 8;
    default:
      return 0;
  }
}

std::optional<std::size_t> tensor_from_js(napi_env env, const Runtime& runtime, napi_value tensor,
                                          const std::string& what, bool writable,
                                          TensorValue* result) {
  Given given;
  if (!read_given(env, tensor, what, !writable, &given)) return {};
  if (given.type == ort::ElementType::string) {
    if (!strings_from_js(env, runtime, given, what, result)) return {};
    return 0;
  }
  // An empty array may have no address, and ONNX Runtime wants one.
  static std::uint64_t nowhere = 0;
  check(*runtime.api,
        runtime.api->CreateTensorWithDataAsOrtValue(
            runtime.cpu, given.bytes.length > 0 ? given.bytes.data : static_cast<void*>(&nowhere),
            given.bytes.length, given.dims.data(), given.dims.size(), given.type, result->put()),
        what);
  return given.bytes.length;
}

bool tensor_copied_from_js(napi_env env, const Runtime& runtime, napi_value tensor,
                           const std::string& what, TensorValue* result) {
  Given given;
  if (!read_given(env, tensor, what, true, &given)) return false;
  if (given.type == ort::ElementType::string) {
    return strings_from_js(env, runtime, given, what, result);
  }
  *result = allocate(runtime, given.dims, given.type, what);
  void* copy = nullptr;
  check(*runtime.api, runtime.api->GetTensorMutableData(result->get(), &copy), what);
  if (given.bytes.length > 0) std::memcpy(copy, given.bytes.data, given.bytes.length);
  return true;
}

TensorValue tensor_like(const Runtime& runtime, const TensorValue& value,
                        const std::string& what) {
  const Description description = describe(*runtime.api, value, what);
  return allocate(runtime, description.dims, description.type, what);
}

ort::ElementType tensor_type(const Runtime& runtime, const TensorValue& value,
                             const std::string& what) {
  return describe(*runtime.api, value, what).type;
}

napi_value tensor_to_js(napi_env env, const Runtime& runtime, const TensorValue& value,
                        const std::string& what) {
  const ort::Api& api = *runtime.api;
  ort::ValueKind kind = ort::ValueKind::unknown;
  check(api, api.GetValueType(value.get(), &kind), what);
  if (kind != ort::ValueKind::tensor) throw std::runtime_error(what + ": not a tensor");

  const auto [type, dims] = describe(api, value, what);
  const std::size_t rank = dims.size();
  const std::size_t count = element_count(dims).value_or(0);

  napi_value result = js::object(env);
  js::set(env, result, "type", js::number(env, static_cast<int>(type)));
  napi_value sizes = js::array(env, rank);
  for (std::size_t i = 0; i < rank; ++i) {
    js::set(env, sizes, i, js::number(env, static_cast<double>(dims[i])));
  }
  js::set(env, result, "dims", sizes);
  if (type == ort::ElementType::string) {
    js::set(env, result, "data", strings_to_js(env, runtime, value, count, what));
    return result;
  }
  const std::size_t length = count * element_size(type);
  if (element_size(type) == 0) throw std::runtime_error(what + ": unsupported element type");
  void* source = nullptr;
  void* copy = nullptr;
  napi_value buffer = nullptr;
  check(api, api.GetTensorMutableData(value.get(), &source), what);
  if (napi_create_arraybuffer(env, length, &copy, &buffer) != napi_ok) {
    throw std::runtime_error(what + ": no memory for the result");
  }
  if (length > 0) std::memcpy(copy, source, length);
  js::set(env, result, "data", buffer);
  return result;
}

}  // namespace softonnx
