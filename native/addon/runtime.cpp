#include "runtime.h"

#include <atomic>
#include <mutex>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "../library/interface.h"

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
  const Interface found = published_interface(*base);
  if (!found.api) {
    *error = found.error;
    return nullptr;
  }
  const ort::Api* api = found.api;

  ort::Env* env = nullptr;
  ort::MemoryInfo* cpu = nullptr;
  ort::Allocator* allocator = nullptr;
  ort::Status* status = api->CreateEnv(log_severity, "softonnx", &env);
  if (!status) {
    status = api->CreateCpuMemoryInfo(ort::kDeviceAllocator, ort::kDefaultMemory, &cpu);
  }
  if (!status) status = api->GetAllocatorWithDefaultOptions(&allocator);
  if (status) {
    *error = take_message(*api, status);
    return nullptr;
  }
  return new Runtime{base, api, env, cpu, allocator, base->GetVersionString()};
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
