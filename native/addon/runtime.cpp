#include "runtime.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace softonnx {
namespace {

using GetApiBase = const ort::ApiBase*(SOFTONNX_ORT_CALL*)();

std::atomic<const Runtime*> attached{nullptr};

// The entry point of a library, only if this process has it loaded.
GetApiBase entry_point_if_loaded(const Path& path) {
#ifdef _WIN32
  HMODULE module = nullptr;
  if (!GetModuleHandleExW(0, path.c_str(), &module)) return nullptr;
  return reinterpret_cast<GetApiBase>(
      reinterpret_cast<void*>(GetProcAddress(module, "OrtGetApiBase")));
#else
  // The handle is never closed: the library must outlive us.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  return handle ? reinterpret_cast<GetApiBase>(dlsym(handle, "OrtGetApiBase")) : nullptr;
#endif
}

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

const Runtime* attach(const std::vector<Path>& candidates, int log_severity,
                      std::string* error) {
  GetApiBase entry = nullptr;
  for (const Path& path : candidates) {
    entry = entry_point_if_loaded(path);
    if (entry) break;
  }
  if (!entry) {
    *error = "onnxruntime-node is loaded, but its library was not found in this process";
    return nullptr;
  }
  const ort::ApiBase* base = entry();
  const std::string version = base->GetVersionString();
  const std::string found = "found ONNX Runtime " + version;
  // Asking for an interface that is too new would print a line of ONNX Runtime's own.
  if (!has_interface(version.c_str(), ort::kApiVersion)) {
    *error = found + ", need 1." + std::to_string(ort::kApiVersion) + " or later";
    return nullptr;
  }
  const ort::Api* api = base->GetApi(ort::kApiVersion);
  if (!api || !slots_answer(*api)) {
    *error = found + ", whose C interface is not the published one";
    return nullptr;
  }

  ort::Env* env = nullptr;
  ort::MemoryInfo* cpu = nullptr;
  ort::Allocator* allocator = nullptr;
  ort::Status* status = api->CreateEnv(log_severity, "softonnx", &env);
  if (!status) {
    status = api->CreateCpuMemoryInfo(ort::kDeviceAllocator, ort::kDefaultMemory, &cpu);
  }
  if (!status) status = api->GetAllocatorWithDefaultOptions(&allocator);
  if (status) {
    *error = found + ": " + take_message(*api, status);
    return nullptr;
  }
  return new Runtime{base, api, env, cpu, allocator, version};
}

}  // namespace

const Runtime* attach_runtime(const std::vector<Path>& candidates, int log_severity,
                              std::string* error) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!attached.load()) attached.store(attach(candidates, log_severity, error));
  return attached.load();
}

const Runtime* attached_runtime() { return attached.load(); }

std::string take_message(const ort::Api& api, ort::Status* status) {
  std::string message = api.GetErrorMessage(status);
  api.ReleaseStatus(status);
  return message;
}

}  // namespace softonnx
