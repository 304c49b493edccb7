#include "operator.h"

namespace softonnx {
namespace {

const CustomOperator& self(const ort::CustomOp* op) {
  return *static_cast<const CustomOperator*>(op);
}

// A kernel holds no state: the operator stands for each of its instances.
ort::Status* SOFTONNX_ORT_CALL create_kernel(const ort::CustomOp* op, const ort::Api*,
                                             const ort::KernelInfo*, void** kernel) {
  *kernel = const_cast<ort::CustomOp*>(op);
  return nullptr;
}

void SOFTONNX_ORT_CALL destroy_kernel(void*) {}

ort::Status* SOFTONNX_ORT_CALL run_kernel(void* kernel, ort::KernelContext* context) {
  const CustomOperator& op = self(static_cast<const ort::CustomOp*>(kernel));
  return op.spec.compute(op.api, op.spec, context);
}

ort::Status* SOFTONNX_ORT_CALL infer_output_shapes(const ort::CustomOp* op,
                                                   ort::ShapeInferContext* context) {
  const CustomOperator& own = self(op);
  return own.spec.infer_shapes(own.api, own.spec, context);
}

}  // namespace

CustomOperator::CustomOperator(const ort::Api& table, const OperatorSpec& description)
    : ort::CustomOp{}, api(table), spec(description) {
  version = ort::kApiVersion;
  name = [](const ort::CustomOp* op) { return self(op).spec.name; };
  // Null is the CPU provider.
  provider = [](const ort::CustomOp*) -> const char* { return nullptr; };
  input_type = [](const ort::CustomOp* op, std::size_t index) {
    return self(op).spec.input_type(index);
  };
  input_count = [](const ort::CustomOp* op) { return self(op).spec.inputs; };
  output_type = [](const ort::CustomOp* op, std::size_t index) {
    return self(op).spec.output_type(index);
  };
  output_count = [](const ort::CustomOp* op) { return self(op).spec.outputs; };
  input_presence = [](const ort::CustomOp*, std::size_t) { return 0; };
  // 0 is required, 1 is optional.
  output_presence = [](const ort::CustomOp* op, std::size_t index) {
    return static_cast<int>(self(op).spec.optional_outputs >> index & 1);
  };
  input_memory = [](const ort::CustomOp*, std::size_t) { return ort::kDefaultMemory; };
  variadic_input_min = [](const ort::CustomOp*) { return 1; };
  variadic_input_homogeneous = [](const ort::CustomOp*) { return 1; };
  variadic_output_min = [](const ort::CustomOp*) { return 1; };
  variadic_output_homogeneous = [](const ort::CustomOp*) { return 1; };
  try_create = create_kernel;
  destroy = destroy_kernel;
  try_compute = run_kernel;
  if (description.infer_shapes) infer_shapes = infer_output_shapes;
  first_version = [](const ort::CustomOp*) { return 1; };
  last_version = [](const ort::CustomOp*) { return 1; };
}

}  // namespace softonnx
