// The C entry point by which any host of ONNX Runtime loads the kernel operators:
//
//   OrtStatus* RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base)
//
// Python: SessionOptions.register_custom_ops_library(path); C#: RegisterCustomOpLibraryV2(path).
#include "register.h"

#if defined(_WIN32)
#define SOFTONNX_EXPORT __declspec(dllexport)
#else
#define SOFTONNX_EXPORT __attribute__((visibility("default")))
#endif

extern "C" SOFTONNX_EXPORT softonnx::ort::Status* SOFTONNX_ORT_CALL
RegisterCustomOps(softonnx::ort::SessionOptions* options, const softonnx::ort::ApiBase* base) {
  return softonnx::register_operators(options, base);
}
