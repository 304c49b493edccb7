// What is known of output shapes before a run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "operator.h"
#include "tensors.h"

namespace softonnx {

struct Shape {
  std::size_t rank;
  std::int64_t dims[kMaxRank];
  // Of sizes that are known by name only; empty otherwise.
  const char* names[kMaxRank];
};

// Says that an output has the shape of an input, changed as wished; says nothing where the shape
// of the input is not known.
ort::Status* infer_like_input(const ort::Api& api, const OperatorSpec& spec,
                              ort::ShapeInferContext* context, std::size_t output,
                              std::size_t input, void (*change)(Shape& shape) = nullptr);

ort::Status* infer_scalar(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context, std::size_t output);

}  // namespace softonnx
