#include "interface.h"

#include <cstdlib>
#include <cstring>

namespace softonnx {
namespace {

// Interface version n came with release 1.n.
bool has_interface(const char* version, unsigned needed) {
  char* end = nullptr;
  const unsigned long major = std::strtoul(version, &end, 10);
  if (end == version || *end != '.') return false;
  const char* minor_text = end + 1;
  const unsigned long minor = std::strtoul(minor_text, &end, 10);
  return end != minor_text && (major > 1 || (major == 1 && minor >= needed));
}

// Calls through the first slots and through later ones, and looks at what comes back: a table
// laid out otherwise cannot answer so.
bool slots_answer(const ort::Api& api) {
  ort::Status* status = api.CreateStatus(ort::ErrorCode::invalid_argument, "softonnx");
  if (!status) return false;
  const bool status_answers = api.GetErrorCode(status) == ort::ErrorCode::invalid_argument &&
                              std::strcmp(api.GetErrorMessage(status), "softonnx") == 0;
  api.ReleaseStatus(status);
  if (!status_answers) return false;

  ort::TensorInfo* info = nullptr;
  if (api.CreateTensorTypeAndShapeInfo(&info)) return false;
  const std::int64_t written[2] = {3, 5};
  const char* names[2] = {"", "rows"};
  const char* names_read[2] = {nullptr, nullptr};
  std::int64_t read[2] = {0, 0};
  std::size_t rank = 0;
  ort::ElementType type = ort::ElementType::undefined;
  const bool answers =
      !api.SetTensorElementType(info, ort::ElementType::float64) &&
      !api.SetDimensions(info, written, 2) && !api.SetSymbolicDimensions(info, names, 2) &&
      !api.GetTensorElementType(info, &type) && !api.GetDimensionsCount(info, &rank) &&
      rank == 2 && !api.GetDimensions(info, read, rank) &&
      !api.GetSymbolicDimensions(info, names_read, rank) &&
      type == ort::ElementType::float64 && read[0] == 3 && read[1] == 5 &&
      std::strcmp(names_read[1], "rows") == 0;
  api.ReleaseTensorTypeAndShapeInfo(info);
  return answers;
}

}  // namespace

Interface published_interface(const ort::ApiBase& base) {
  const std::string version = base.GetVersionString();
  const std::string found = "found ONNX Runtime " + version;
  // Asking for an interface that is too new would print a line of ONNX Runtime's own.
  if (!has_interface(version.c_str(), ort::kApiVersion)) {
    return {nullptr, found + ", need 1." + std::to_string(ort::kApiVersion) + " or later"};
  }
  const ort::Api* api = base.GetApi(ort::kApiVersion);
  if (!api || !slots_answer(*api)) {
    return {nullptr, found + ", whose C interface is not the published one"};
  }
  return {api, ""};
}

}  // namespace softonnx
