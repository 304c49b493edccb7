#pragma once

#include "../ort_api.h"

namespace softonnx {

// Adds the domain ai.softonnx with every operator of ops/ to the session options. An ONNX
// Runtime that is too old or different gives an error status. Callable from any thread.
ort::Status* register_operators(ort::SessionOptions* options, const ort::ApiBase* base);

}  // namespace softonnx
