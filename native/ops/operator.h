// A kernel operator as ONNX Runtime sees it: what each file of ops/ describes, and the adapter
// that turns a description into ONNX Runtime's own structure.
#pragma once

#include <cstddef>

#include "../ort_api.h"

namespace softonnx {

struct OperatorSpec {
  const char* name;
  // Of its tensors, except those of int64 and float64: bit i of these sets is for input or output i.
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
  unsigned float64_inputs = 0;
  unsigned float64_outputs = 0;

  ort::ElementType input_type(std::size_t index) const {
    return type_at(index, int64_inputs, float64_inputs);
  }
  ort::ElementType output_type(std::size_t index) const {
    return type_at(index, int64_outputs, float64_outputs);
  }

 private:
  ort::ElementType type_at(std::size_t index, unsigned int64, unsigned float64) const {
    if (int64 >> index & 1) return ort::ElementType::int64;
    return float64 >> index & 1 ? ort::ElementType::float64 : type;
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
