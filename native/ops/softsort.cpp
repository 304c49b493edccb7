#include "softsort.h"

#include <memory>
#include <new>

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// An entry of a row, on one core; only the order of magnitude matters.
constexpr double kNanoseconds[] = {8, 40, 90, 120};

double cost_of(const OperatorSpec& spec, std::size_t n) {
  return kNanoseconds[spec.variant] * static_cast<double>(n + 1);
}

// An index takes 32 bits in the sort.
ort::Status* require_sortable(const ort::Api& api, const OperatorSpec& spec, const Input& keys) {
  if (keys.dims[1] <= 0x7fffffff) return nullptr;
  return invalid_argument(api, "%s: keys: rows of %lld entries are too long", spec.name,
                          static_cast<long long>(keys.dims[1]));
}

template <class Real, bool ranks>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input keys{};
  Input payload{};
  Input softness{};
  if (ort::Status* status = read_input(api, context, spec.name, 0, "keys", 2, &keys)) {
    return status;
  }
  if (ort::Status* status = require_sortable(api, spec, keys)) return status;
  std::size_t next = 1;
  if (!ranks) {
    if (ort::Status* status =
            read_input(api, context, spec.name, next++, "payload", 2, &payload)) {
      return status;
    }
    if (ort::Status* status = require_same_shape(api, spec.name, "payload", payload, keys)) {
      return status;
    }
  }
  if (ort::Status* status = read_input(api, context, spec.name, next, "softness", 0, &softness)) {
    return status;
  }
  void* y = nullptr;
  if (ort::Status* status = make_output(api, context, 0, keys.dims, 2, &y)) return status;
  const SoftSortRows<Real> rows{
      static_cast<const Real*>(keys.data), static_cast<const Real*>(payload.data),
      static_cast<const Real*>(softness.data), static_cast<Real*>(y), keys.size(1)};
  const auto& own = kernels_for<Real>(kernels());
  const auto& kernel = (ranks ? own.softsort_ranks : own.softsort_values)[spec.variant];
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), keys.size(0),
                  cost_of(spec, rows.n));
}

template <class Real, bool ranks>
ort::Status* compute_gradient(const ort::Api& api, const OperatorSpec& spec,
                              ort::KernelContext* context) {
  Input keys{};
  Input payload{};
  Input softness{};
  Input dy{};
  if (ort::Status* status = read_input(api, context, spec.name, 0, "keys", 2, &keys)) {
    return status;
  }
  if (ort::Status* status = require_sortable(api, spec, keys)) return status;
  std::size_t next = 1;
  if (!ranks) {
    if (ort::Status* status =
            read_input(api, context, spec.name, next++, "payload", 2, &payload)) {
      return status;
    }
    if (ort::Status* status = require_same_shape(api, spec.name, "payload", payload, keys)) {
      return status;
    }
  }
  if (ort::Status* status =
          read_input(api, context, spec.name, next++, "softness", 0, &softness)) {
    return status;
  }
  const char* const cotangent = ranks ? "dr" : "dy";
  if (ort::Status* status = read_input(api, context, spec.name, next, cotangent, 2, &dy)) {
    return status;
  }
  if (ort::Status* status = require_same_shape(api, spec.name, cotangent, dy, keys)) {
    return status;
  }
  void* outputs[3] = {};
  for (std::size_t i = 0; i < spec.outputs; ++i) {
    const std::size_t rank = i + 1 == spec.outputs ? 0 : 2;
    if (ort::Status* status = make_output(api, context, i, keys.dims, rank, &outputs[i])) {
      return status;
    }
  }
  const std::size_t batch = keys.size(0);
  const std::unique_ptr<double[]> dsoftness(new (std::nothrow) double[batch + 1]);
  if (!dsoftness) return failure(api, "%s: out of memory", spec.name);
  const SoftSortGradRows<Real> rows{
      static_cast<const Real*>(keys.data),  static_cast<const Real*>(payload.data),
      static_cast<const Real*>(softness.data), static_cast<const Real*>(dy.data),
      static_cast<Real*>(outputs[0]),       ranks ? nullptr : static_cast<Real*>(outputs[1]),
      dsoftness.get(),                      keys.size(1)};
  const auto& own = kernels_for<Real>(kernels());
  const auto& kernel = (ranks ? own.softsort_ranks_grad : own.softsort_values_grad)[spec.variant];
  if (ort::Status* status =
          run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), batch,
                   2 * cost_of(spec, rows.n))) {
    return status;
  }
  // In order, whichever thread each came from.
  double total = 0;
  for (std::size_t row = 0; row < batch; ++row) total += dsoftness[row];
  *static_cast<Real*>(outputs[spec.outputs - 1]) = static_cast<Real>(total);
  return nullptr;
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  for (std::size_t output = 0; output < spec.outputs; ++output) {
    const bool scalar = spec.outputs > 1 && output + 1 == spec.outputs;
    if (ort::Status* status = scalar ? infer_scalar(api, spec, context, output)
                                     : infer_like_input(api, spec, context, output, 0)) {
      return status;
    }
  }
  return nullptr;
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

#define SOFTONNX_SOFTSORT(mode, variant)                                                          \
  {"SoftSortValues_" mode "_float32", f32, 3, 1, 0, 0, variant, compute<float, false>,            \
   infer_shapes},                                                                                 \
      {"SoftSortValues_" mode "_float64", f64, 3, 1, 0, 0, variant, compute<double, false>,       \
       infer_shapes},                                                                             \
      {"SoftSortRanks_" mode "_float32", f32, 2, 1, 0, 0, variant, compute<float, true>,          \
       infer_shapes},                                                                             \
      {"SoftSortRanks_" mode "_float64", f64, 2, 1, 0, 0, variant, compute<double, true>,         \
       infer_shapes},                                                                             \
      {"SoftSortValuesGrad_" mode "_float32", f32, 4, 3, 0, 0, variant,                           \
       compute_gradient<float, false>, infer_shapes},                                             \
      {"SoftSortValuesGrad_" mode "_float64", f64, 4, 3, 0, 0, variant,                           \
       compute_gradient<double, false>, infer_shapes},                                            \
      {"SoftSortRanksGrad_" mode "_float32", f32, 3, 2, 0, 0, variant,                            \
       compute_gradient<float, true>, infer_shapes},                                              \
      {"SoftSortRanksGrad_" mode "_float64", f64, 3, 2, 0, 0, variant,                            \
       compute_gradient<double, true>, infer_shapes},

constexpr OperatorSpec kSpecs[] = {SOFTONNX_SOFTSORT("smooth", 0) SOFTONNX_SOFTSORT("c0", 1)
                                       SOFTONNX_SOFTSORT("c1", 2) SOFTONNX_SOFTSORT("c2", 3)};

#undef SOFTONNX_SOFTSORT

}  // namespace

OperatorList softsort_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
