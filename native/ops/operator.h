// A kernel operator as ONNX Runtime sees it: what each file of ops/ describes, and the adapter
// that turns a description into ONNX Runtime's own structure.
#pragma once

#include <cstddef>

#include "../ort_api.h"

namespace softonnx {

// Every tensor of a kernel operator has the element type that its name ends with.
struct OperatorSpec {
  const char* name;
  ort::ElementType type;
  std::size_t inputs;
  std::size_t outputs;
  // Which of the variants that share these functions this one is; its meaning is theirs.
  int variant;
  ort::Status* (*compute)(const ort::Api& api, const OperatorSpec& spec,
                          ort::KernelContext* context);
  // Optional: null where the output shapes are not known before the run.
  ort::Status* (*infer_shapes)(const ort::Api& api, const OperatorSpec& spec,
                               ort::ShapeInferContext* context);
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
