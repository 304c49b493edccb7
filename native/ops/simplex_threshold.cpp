#include "simplex_threshold.h"

#include <cstdio>

#include "../kernels/table.h"
#include "tensors.h"

namespace softonnx {
namespace {

// Measured on one core, per entry of a row; only the order of magnitude matters.
constexpr double kNanosecondsPerEntry = 2.0;

template <class Real>
struct Work {
  ThresholdKernel<Real> kernel;
  ThresholdRows<Real> rows;
};

template <class Real>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  MatrixInput v{};
  MatrixInput mass{};
  if (ort::Status* status = matrix_input(api, context, spec.name, 0, "v", &v)) return status;
  if (ort::Status* status = matrix_input(api, context, spec.name, 1, "mass", &mass)) {
    return status;
  }
  if (mass.columns != 1 || (mass.rows != v.rows && mass.rows != 1)) {
    return invalid_argument(
        api, "%s: mass: expected shape [%lld, 1] or [1, 1], got [%lld, %lld]", spec.name,
        static_cast<long long>(v.rows), static_cast<long long>(mass.rows),
        static_cast<long long>(mass.columns));
  }
  void* t = nullptr;
  if (ort::Status* status = matrix_output(api, context, 0, v.rows, 1, &t)) return status;
  if (v.rows == 0) return nullptr;

  Work<Real> work{kernels_for<Real>(kernels()).threshold[spec.variant],
                  {static_cast<const Real*>(v.data), static_cast<const Real*>(mass.data),
                   mass.rows == 1 ? std::size_t{0} : std::size_t{1}, static_cast<Real*>(t),
                   static_cast<std::size_t>(v.columns)}};
  return for_row_ranges(
      api, context, static_cast<std::size_t>(v.rows),
      kNanosecondsPerEntry * static_cast<double>(v.columns + 1),
      [](void* data, std::size_t begin, std::size_t end) {
        const Work<Real>& own = *static_cast<const Work<Real>*>(data);
        own.kernel(own.rows, begin, end);
      },
      &work);
}

// t has the batch of v, named or not.
ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  // Owned by the context.
  ort::TensorInfo* v = nullptr;
  if (ort::Status* status = api.ShapeInferContext_GetInputTypeShape(context, 0, &v)) {
    return status;
  }
  std::size_t rank = 0;
  if (ort::Status* status = api.GetDimensionsCount(v, &rank)) return status;
  // An unknown shape reads as rank 0; a wrong rank is an error of the run.
  if (rank != 2) return nullptr;

  std::int64_t dims[2];
  const char* names[2];
  if (ort::Status* status = api.GetDimensions(v, dims, rank)) return status;
  if (ort::Status* status = api.GetSymbolicDimensions(v, names, rank)) return status;
  // The interface has no way to say that one dimension is unknown.
  if (dims[0] < 0 && names[0][0] == '\0') return nullptr;
  dims[1] = 1;
  names[1] = "";

  ort::TensorInfo* t = nullptr;
  if (ort::Status* status = api.CreateTensorTypeAndShapeInfo(&t)) return status;
  ort::Status* status = api.SetTensorElementType(t, spec.type);
  if (!status) status = api.SetDimensions(t, dims, rank);
  if (!status) status = api.SetSymbolicDimensions(t, names, rank);
  if (!status) status = api.ShapeInferContext_SetOutputTypeShape(context, 0, t);
  api.ReleaseTensorTypeAndShapeInfo(t);
  return status;
}

template <class Real>
constexpr OperatorSpec spec(const char* name, ort::ElementType type, Projection projection) {
  return {name, type, 2, 1, static_cast<int>(projection), compute<Real>, infer_shapes};
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

constexpr OperatorSpec kSpecs[] = {
    spec<float>("SimplexThreshold_smooth_float32", f32, Projection::smooth),
    spec<float>("SimplexThreshold_c0_float32", f32, Projection::c0),
    spec<float>("SimplexThreshold_c1_float32", f32, Projection::c1),
    spec<float>("SimplexThreshold_c2_float32", f32, Projection::c2),
    spec<double>("SimplexThreshold_smooth_float64", f64, Projection::smooth),
    spec<double>("SimplexThreshold_c0_float64", f64, Projection::c0),
    spec<double>("SimplexThreshold_c1_float64", f64, Projection::c1),
    spec<double>("SimplexThreshold_c2_float64", f64, Projection::c2),
};

}  // namespace

OperatorList simplex_threshold_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
