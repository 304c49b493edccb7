// The copy of ONNX Runtime that onnxruntime-node has loaded into this process.
#pragma once

#include <string>
#include <vector>

#include "../ort_api.h"

namespace softonnx {

// Lives as long as the process: sessions of every thread share it.
struct Runtime {
  const ort::ApiBase* base;
  const ort::Api* api;
  ort::Env* env;
  ort::MemoryInfo* cpu;
  ort::Allocator* allocator;
  std::string version;
};

// A path as the operating system wants it.
using Path = std::basic_string<ort::PathChar>;

// Finds which of the candidates, paths or bare names, is loaded in this process (it loads none: a
// second copy of ONNX Runtime would have a world of its own), checks that it is one we can talk
// to, and makes its environment. Later calls return the first result. On failure returns null and sets *error.
const Runtime* attach_runtime(const std::vector<Path>& candidates, int log_severity,
                              std::string* error);

// Null before attach_runtime has succeeded.
const Runtime* attached_runtime();

// The message of a status, which is released.
std::string take_message(const ort::Api& api, ort::Status* status);

}  // namespace softonnx
