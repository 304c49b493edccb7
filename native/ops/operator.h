// A kernel operator as ONNX Runtime sees it: what each file of ops/ describes, and the adapter
// that turns a description into ONNX Runtime's own structure.
#pragma once

#include <cstddef>

#include "../ort_api.h"

namespace softonnx {

struct OperatorSpec {
  const char* name;
  // Of its tensors, except those of int64: bit i of these sets is for input or output i.
  ort::ElementType type;
  std::size_t inputs;
  std::size_t outputs;
  unsigned int64_inputs;
  unsigned int64_outputs;
  // Which of the variants that share these functions this one is; its meaning is theirs.
  int variant;
  ort::Status* (*compute)(const ort::Api& api, const OperatorSpec& spec,
                          ort::KernelContext* context);
  // Optional: null where the output shapes are not known before the run.
  ort::Status* (*infer_shapes)(const ort::Api& api, const OperatorSpec& spec,
                               ort::ShapeInferContext* context);
  // Bit i: output i need not be asked for.
  unsigned optional_outputs = 0;

  ort::ElementType input_type(std::size_t index) const {
    return int64_inputs >> index & 1 ? ort::ElementType::int64 : type;
  }
  ort::ElementType output_type(std::size_t index) const {
    return int64_outputs >> index & 1 ? ort::ElementType::int64 : type;
  }
};

struct OperatorList {
  const OperatorSpec* specs;
  std::size_t count;
};

class CustomOperator : public ort::CustomOp {
 public:
  CustomOperator(const ort::Api& api, const OperatorSpec& spec);

  const ort::Api& api;
  const OperatorSpec& spec;
};

}  // namespace softonnx
