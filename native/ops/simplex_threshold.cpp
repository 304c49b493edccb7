#include "simplex_threshold.h"

#include <cstdio>

#include "../kernels/table.h"
#include "shapes.h"
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
  Input v{};
  Input mass{};
  if (ort::Status* status = read_input(api, context, spec.name, 0, "v", 2, &v)) return status;
  if (ort::Status* status = read_input(api, context, spec.name, 1, "mass", 2, &mass)) {
    return status;
  }
  if (mass.dims[1] != 1 || (mass.dims[0] != v.dims[0] && mass.dims[0] != 1)) {
    return invalid_argument(
        api, "%s: mass: expected shape [%lld, 1] or [1, 1], got [%lld, %lld]", spec.name,
        static_cast<long long>(v.dims[0]), static_cast<long long>(mass.dims[0]),
        static_cast<long long>(mass.dims[1]));
  }
  const std::int64_t dims[2] = {v.dims[0], 1};
  void* t = nullptr;
  if (ort::Status* status = make_output(api, context, 0, dims, 2, &t)) return status;
  if (v.dims[0] == 0) return nullptr;

  Work<Real> work{kernels_for<Real>(kernels()).threshold[spec.variant],
                  {static_cast<const Real*>(v.data), static_cast<const Real*>(mass.data),
                   mass.dims[0] == 1 ? std::size_t{0} : std::size_t{1}, static_cast<Real*>(t),
                   v.size(1)}};
  return for_row_ranges(
      api, context, v.size(0),
      kNanosecondsPerEntry * static_cast<double>(v.dims[1] + 1),
      [](void* data, std::size_t begin, std::size_t end) {
        const Work<Real>& own = *static_cast<const Work<Real>*>(data);
        own.kernel(own.rows, begin, end);
      },
      &work);
}

// t has the batch of v, named or not.
ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  return infer_like_input(api, spec, context, 0, 0, [](Shape& shape) {
    shape.dims[1] = 1;
    shape.names[1] = "";
  });
}

template <class Real>
constexpr OperatorSpec spec(const char* name, ort::ElementType type, Projection projection) {
  return {name, type, 2, 1, 0, 0, static_cast<int>(projection), compute<Real>, infer_shapes};
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
