#include "shapes.h"

namespace softonnx {
namespace {

ort::Status* set_output(const ort::Api& api, const OperatorSpec& spec,
                        ort::ShapeInferContext* context, std::size_t output, Shape& shape) {
  ort::TensorInfo* info = nullptr;
  if (ort::Status* status = api.CreateTensorTypeAndShapeInfo(&info)) return status;
  ort::Status* status = api.SetTensorElementType(info, spec.output_type(output));
  if (!status) status = api.SetDimensions(info, shape.dims, shape.rank);
  if (!status) status = api.SetSymbolicDimensions(info, shape.names, shape.rank);
  if (!status) status = api.ShapeInferContext_SetOutputTypeShape(context, output, info);
  api.ReleaseTensorTypeAndShapeInfo(info);
  return status;
}

}  // namespace

ort::Status* infer_like_input(const ort::Api& api, const OperatorSpec& spec,
                              ort::ShapeInferContext* context, std::size_t output,
                              std::size_t input, void (*change)(Shape& shape)) {
  // Owned by the context.
  ort::TensorInfo* info = nullptr;
  if (ort::Status* status = api.ShapeInferContext_GetInputTypeShape(context, input, &info)) {
    return status;
  }
  Shape shape{};
  if (ort::Status* status = api.GetDimensionsCount(info, &shape.rank)) return status;
  // An unknown shape reads as rank 0; a wrong rank is an error of the run.
  if (shape.rank == 0 || shape.rank > kMaxRank) return nullptr;
  if (ort::Status* status = api.GetDimensions(info, shape.dims, shape.rank)) return status;
  if (ort::Status* status = api.GetSymbolicDimensions(info, shape.names, shape.rank)) {
    return status;
  }
  if (change) change(shape);
  for (std::size_t i = 0; i < shape.rank; ++i) {
    // The interface has no way to say that one size is unknown.
    if (shape.dims[i] < 0 && shape.names[i][0] == '\0') return nullptr;
  }
  return set_output(api, spec, context, output, shape);
}

ort::Status* infer_scalar(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context, std::size_t output) {
  Shape shape{};
  return set_output(api, spec, context, output, shape);
}

}  // namespace softonnx
