// A library with ONNX Runtime's entry point that is not the ONNX Runtime we know: its version is
// that of the environment variable OTHER_VERSION, and its table answers nothing.
#include <cstdlib>

#include "../../../native/ort_api.h"

namespace ort = softonnx::ort;

static void* nothing() { return nullptr; }

static const ort::Api* table(std::uint32_t) {
  static const ort::Api api = [] {
    ort::Api result{};
    for (auto& slot : result.slots) slot = reinterpret_cast<ort::Api::Slot>(nothing);
    return result;
  }();
  return &api;
}

static const char* version() { return std::getenv("OTHER_VERSION"); }

extern "C" const ort::ApiBase* OrtGetApiBase() {
  static const ort::ApiBase base{table, version};
  return &base;
}
