#include "sorting_network.h"

#include <memory>
#include <new>

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// An entry in a layer, on one core; only the order of magnitude matters.
constexpr double kNanoseconds = 0.4;

template <class Real, bool gradient>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input x{};
  Input softness{};
  Input dy{};
  if (ort::Status* status = read_input(api, context, spec.name, 0, "x", 2, &x)) return status;
  if (ort::Status* status = read_input(api, context, spec.name, 1, "softness", 0, &softness)) {
    return status;
  }
  const std::size_t n = x.size(1);
  if (n == 0 || (n & (n - 1)) != 0) {
    return invalid_argument(api, "%s: x: expected rows of a power of two, got %zu", spec.name, n);
  }
  if (gradient) {
    if (ort::Status* status = read_input(api, context, spec.name, 2, "dy", 2, &dy)) return status;
    if (ort::Status* status = require_same_shape(api, spec.name, "dy", dy, x)) return status;
  }
  void* y = nullptr;
  void* dsoftness = nullptr;
  if (ort::Status* status = make_output(api, context, 0, x.dims, 2, &y)) return status;
  if (gradient) {
    if (ort::Status* status = make_output(api, context, 1, nullptr, 0, &dsoftness)) {
      return status;
    }
  }
  const auto& own = kernels_for<Real>(kernels());
  const auto& kernel = (gradient ? own.network_values_grad : own.network_values)[spec.variant];
  const std::size_t batch = x.size(0);
  const std::size_t group = kernel.group(n);
  const std::size_t groups = (batch + group - 1) / group;
  const std::unique_ptr<double[]> parts(new (std::nothrow) double[gradient ? groups + 1 : 1]);
  if (!parts) return failure(api, "%s: out of memory", spec.name);
  const NetworkRows<Real> rows{static_cast<const Real*>(x.data),
                               static_cast<const Real*>(softness.data),
                               static_cast<const Real*>(dy.data),
                               static_cast<Real*>(y),
                               parts.get(),
                               batch,
                               n};
  double phases = 0;
  for (std::size_t size = n; size > 1; size /= 2) ++phases;
  const double layers = 1 + phases * (phases + 1) / 2;
  const double cost = kNanoseconds * static_cast<double>(group * n) * layers;
  if (ort::Status* status = run_rows(api, context, spec.name, kernel, rows, kernel.scratch(n),
                                     groups, cost)) {
    return status;
  }
  if (!gradient) return nullptr;
  // In order, whichever thread each came from.
  double total = 0;
  for (std::size_t g = 0; g < groups; ++g) total += parts[g];
  *static_cast<Real*>(dsoftness) = static_cast<Real>(total);
  return nullptr;
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  if (ort::Status* status = infer_like_input(api, spec, context, 0, 0)) return status;
  return spec.outputs > 1 ? infer_scalar(api, spec, context, 1) : nullptr;
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

#define SOFTONNX_NETWORK(mode, variant)                                                          \
  {"SortingNetworkValues_" mode "_float32", f32, 2, 1, 0, 0, variant, compute<float, false>,     \
   infer_shapes},                                                                                \
      {"SortingNetworkValues_" mode "_float64", f64, 2, 1, 0, 0, variant,                        \
       compute<double, false>, infer_shapes},                                                    \
      {"SortingNetworkValuesGrad_" mode "_float32", f32, 3, 2, 0, 0, variant,                    \
       compute<float, true>, infer_shapes},                                                      \
      {"SortingNetworkValuesGrad_" mode "_float64", f64, 3, 2, 0, 0, variant,                    \
       compute<double, true>, infer_shapes},

constexpr OperatorSpec kSpecs[] = {SOFTONNX_NETWORK("smooth", 0) SOFTONNX_NETWORK("c0", 1)
                                       SOFTONNX_NETWORK("c1", 2) SOFTONNX_NETWORK("c2", 3)};

#undef SOFTONNX_NETWORK

}  // namespace

OperatorList sorting_network_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
