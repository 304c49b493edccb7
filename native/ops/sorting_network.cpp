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

ort::Status* require_power_of_two(const ort::Api& api, const OperatorSpec& spec, const Input& x) {
  const std::size_t n = x.size(1);
  if (n > 0 && (n & (n - 1)) == 0) return nullptr;
  return invalid_argument(api, "%s: x: expected rows of a power of two, got %zu", spec.name, n);
}

std::int64_t layers_of(std::size_t n) {
  std::int64_t phases = 0;
  for (std::size_t size = n; size > 1; size /= 2) ++phases;
  return phases * (phases + 1) / 2;
}

double cost_of(std::size_t entries, std::int64_t layers) {
  return kNanoseconds * static_cast<double>(entries) * static_cast<double>(layers + 1);
}

// In order, whichever thread each came from.
double sum_in_order(const double* parts, std::size_t count) {
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) total += parts[i];
  return total;
}

template <class Real, bool gradient>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input x{};
  Input softness{};
  Input dy{};
  if (ort::Status* status = read_input(api, context, spec.name, 0, "x", 2, &x)) return status;
  if (ort::Status* status = read_input(api, context, spec.name, 1, "softness", 0, &softness)) {
    return status;
  }
  if (ort::Status* status = require_power_of_two(api, spec, x)) return status;
  const std::size_t n = x.size(1);
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
  if (ort::Status* status = run_rows(api, context, spec.name, kernel, rows, kernel.scratch(n),
                                     groups, cost_of(group * n, layers_of(n)))) {
    return status;
  }
  if (!gradient) return nullptr;
  *static_cast<Real*>(dsoftness) = static_cast<Real>(sum_in_order(parts.get(), groups));
  return nullptr;
}

template <class Real>
ort::Status* compute_trace(const ort::Api& api, const OperatorSpec& spec,
                           ort::KernelContext* context) {
  Input x{};
  Input softness{};
  ort::Status* status = read_input(api, context, spec.name, 0, "x", 2, &x);
  if (!status) status = require_power_of_two(api, spec, x);
  if (!status) status = read_input(api, context, spec.name, 1, "softness", 0, &softness);
  if (status) return status;
  const std::size_t n = x.size(1);
  const std::int64_t pairs[] = {layers_of(n), x.dims[0], x.dims[1] / 2};
  void* y = nullptr;
  void* differences = nullptr;
  status = make_output(api, context, 0, x.dims, 2, &y);
  if (!status) status = make_output(api, context, 1, pairs, 3, &differences);
  if (status) return status;
  const NetworkTraceRows<Real> rows{
      static_cast<const Real*>(x.data), static_cast<const Real*>(softness.data),
      static_cast<Real*>(y), static_cast<Real*>(differences), x.size(0), n};
  const auto& kernel = kernels_for<Real>(kernels()).network_trace[spec.variant];
  const std::size_t group = kernel.group(n);
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(n),
                  (rows.batch + group - 1) / group, cost_of(group * n, pairs[0]));
}

template <class Real, bool gradient>
ort::Status* compute_permutation(const ort::Api& api, const OperatorSpec& spec,
                                 ort::KernelContext* context) {
  Input x{};
  Input softness{};
  Input dy{};
  Input dp{};
  ort::Status* status = read_input(api, context, spec.name, 0, "x", 2, &x);
  if (!status) status = require_power_of_two(api, spec, x);
  if (!status) status = read_input(api, context, spec.name, 1, "softness", 0, &softness);
  if (status) return status;
  const Input square{nullptr, 3, {x.dims[0], x.dims[1], x.dims[1]}};
  void* y = nullptr;
  void* second = nullptr;
  if (gradient) {
    status = read_input(api, context, spec.name, 2, "dy", 2, &dy);
    if (!status) status = require_same_shape(api, spec.name, "dy", dy, x);
    if (!status) status = read_input(api, context, spec.name, 3, "dpermutation", 3, &dp);
    if (!status) status = require_same_shape(api, spec.name, "dpermutation", dp, square);
    if (status) return status;
  }
  status = make_output(api, context, 0, x.dims, 2, &y);
  if (!status) status = make_output(api, context, 1, square.dims, gradient ? 0 : 3, &second);
  if (status) return status;
  const std::size_t batch = x.size(0);
  const std::size_t n = x.size(1);
  const std::unique_ptr<double[]> parts(new (std::nothrow) double[batch + 1]);
  if (!parts) return failure(api, "%s: out of memory", spec.name);
  const NetworkPermutationRows<Real> rows{static_cast<const Real*>(x.data),
                                          static_cast<const Real*>(softness.data),
                                          static_cast<const Real*>(dy.data),
                                          static_cast<const Real*>(dp.data),
                                          static_cast<Real*>(y),
                                          gradient ? nullptr : static_cast<Real*>(second),
                                          parts.get(),
                                          n};
  const auto& own = kernels_for<Real>(kernels());
  const auto& kernel =
      (gradient ? own.network_permutation_grad : own.network_permutation)[spec.variant];
  if ((status = run_rows(api, context, spec.name, kernel, rows, kernel.scratch(n), batch,
                         static_cast<double>(n * n)))) {
    return status;
  }
  if (gradient) *static_cast<Real*>(second) = static_cast<Real>(sum_in_order(parts.get(), batch));
  return nullptr;
}

ort::Status* infer_permutation(const ort::Api& api, const OperatorSpec& spec,
                               ort::ShapeInferContext* context) {
  if (ort::Status* status = infer_like_input(api, spec, context, 0, 0)) return status;
  return infer_like_input(api, spec, context, 1, 0, [](Shape& shape) {
    if (shape.rank != 2) return;
    shape.dims[2] = shape.dims[1];
    shape.names[2] = shape.names[1];
    shape.rank = 3;
  });
}

// The differences are known with the sizes alone.
ort::Status* infer_trace(const ort::Api& api, const OperatorSpec& spec,
                         ort::ShapeInferContext* context) {
  return infer_like_input(api, spec, context, 0, 0);
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
       compute<double, true>, infer_shapes},                                                     \
      {"SortingNetworkTrace_" mode "_float32", f32, 2, 2, 0, 0, variant, compute_trace<float>,   \
       infer_trace},                                                                             \
      {"SortingNetworkTrace_" mode "_float64", f64, 2, 2, 0, 0, variant, compute_trace<double>,  \
       infer_trace},                                                                             \
      {"SortingNetworkPermutation_" mode "_float32", f32, 2, 2, 0, 0, variant,                   \
       compute_permutation<float, false>, infer_permutation},                                    \
      {"SortingNetworkPermutation_" mode "_float64", f64, 2, 2, 0, 0, variant,                   \
       compute_permutation<double, false>, infer_permutation},                                   \
      {"SortingNetworkPermutationGrad_" mode "_float32", f32, 4, 2, 0, 0, variant,               \
       compute_permutation<float, true>, infer_shapes},                                          \
      {"SortingNetworkPermutationGrad_" mode "_float64", f64, 4, 2, 0, 0, variant,               \
       compute_permutation<double, true>, infer_shapes},

constexpr OperatorSpec kSpecs[] = {SOFTONNX_NETWORK("smooth", 0) SOFTONNX_NETWORK("c0", 1)
                                       SOFTONNX_NETWORK("c1", 2) SOFTONNX_NETWORK("c2", 3)};

#undef SOFTONNX_NETWORK

}  // namespace

OperatorList sorting_network_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
