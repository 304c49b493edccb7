// Finding ONNX Runtime's C interface, and making sure that it is the one which ort_api.h describes.
#pragma once

#include <string>

#include "../ort_api.h"

namespace softonnx {

struct Interface {
  const ort::Api* api;  // null where it cannot be used
  std::string error;    // why, in a sentence
};

// An ONNX Runtime that is too old, or that answers otherwise than the published interface.
Interface published_interface(const ort::ApiBase& base);

}  // namespace softonnx
