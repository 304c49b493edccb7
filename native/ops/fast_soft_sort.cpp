#include "fast_soft_sort.h"

#include <memory>
#include <new>

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// An entry of a row, on one core; only the order of magnitude matters.
constexpr double kNanoseconds[] = {20, 8, 60, 40};
constexpr double kGradientNanoseconds = 5;

// What a variant stands for: its mode, and whether it standardises.
int mode_of(const OperatorSpec& spec) { return spec.variant / 2; }
bool standardizes(const OperatorSpec& spec) { return spec.variant % 2 == 1; }

ort::Status* read_entries(const ort::Api& api, const OperatorSpec& spec,
                          ort::KernelContext* context, Input* x, Input* softness) {
  if (ort::Status* status = read_input(api, context, spec.name, 0, "x", 2, x)) return status;
  // An index takes 32 bits in the sort.
  if (x->dims[1] > 0x7fffffff) {
    return invalid_argument(api, "%s: x: rows of %lld entries are too long", spec.name,
                            static_cast<long long>(x->dims[1]));
  }
  return read_input(api, context, spec.name, 1, "softness", 0, softness);
}

template <class Real, bool ranks>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input x{};
  Input softness{};
  if (ort::Status* status = read_entries(api, spec, context, &x, &softness)) return status;
  void* outputs[4] = {};
  if (ort::Status* status = make_output(api, context, 0, x.dims, 2, &outputs[0])) return status;
  for (std::size_t i = 1; i < spec.outputs; ++i) {
    if (ort::Status* status = make_optional_output(api, context, i, x.dims, 2, &outputs[i])) {
      return status;
    }
  }
  const FastSortRows<Real> rows{static_cast<const Real*>(x.data),
                                static_cast<const double*>(softness.data),
                                standardizes(spec),
                                static_cast<Real*>(outputs[0]),
                                static_cast<std::int64_t*>(outputs[1]),
                                static_cast<std::int64_t*>(outputs[2]),
                                static_cast<double*>(outputs[3]),
                                x.size(1)};
  const auto& own = kernels_for<Real>(kernels());
  const auto& kernel = (ranks ? own.fast_ranks : own.fast_sort)[mode_of(spec)];
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), x.size(0),
                  kNanoseconds[mode_of(spec)] * static_cast<double>(rows.n + 1));
}

// True where all are places in rows of n.
bool are_places(const std::int64_t* order, std::size_t count, std::size_t n) {
  bool result = true;
  for (std::size_t i = 0; i < count; ++i) {
    result &= static_cast<std::uint64_t>(order[i]) < n;
  }
  return result;
}

template <class Real, bool ranks>
ort::Status* compute_gradient(const ort::Api& api, const OperatorSpec& spec,
                              ort::KernelContext* context) {
  Input x{};
  Input softness{};
  if (ort::Status* status = read_entries(api, spec, context, &x, &softness)) return status;
  constexpr const char* kNames[] = {"order", "blocks", "v"};
  const std::size_t kept_count = spec.inputs - 3;
  Input kept[3] = {};
  Input dy{};
  for (std::size_t i = 0; i < kept_count + 1; ++i) {
    const bool last = i == kept_count;
    const char* const name = last ? (ranks ? "dr" : "dy") : kNames[i];
    Input& input = last ? dy : kept[i];
    ort::Status* status = read_input(api, context, spec.name, i + 2, name, 2, &input);
    if (!status) status = require_same_shape(api, spec.name, name, input, x);
    if (status) return status;
  }
  const std::size_t batch = x.size(0);
  const std::size_t n = x.size(1);
  const auto* const order = static_cast<const std::int64_t*>(kept[0].data);
  if (!are_places(order, batch * n, n)) {
    return invalid_argument(api, "%s: order: expected places from 0 to %zu", spec.name,
                            n > 0 ? n - 1 : 0);
  }
  void* dx = nullptr;
  void* total = nullptr;
  if (ort::Status* status = make_output(api, context, 0, x.dims, 2, &dx)) return status;
  if (ort::Status* status = make_output(api, context, 1, nullptr, 0, &total)) return status;
  const std::unique_ptr<double[]> dsoftness(new (std::nothrow) double[batch + 1]);
  if (!dsoftness) return failure(api, "%s: out of memory", spec.name);
  const FastSortGradRows<Real> rows{static_cast<const Real*>(x.data),
                                    static_cast<const double*>(softness.data),
                                    standardizes(spec),
                                    order,
                                    static_cast<const std::int64_t*>(kept[1].data),
                                    static_cast<const double*>(kept[2].data),
                                    static_cast<const Real*>(dy.data),
                                    static_cast<Real*>(dx),
                                    dsoftness.get(),
                                    n};
  const auto& own = kernels_for<Real>(kernels());
  const auto& kernel = (ranks ? own.fast_ranks_grad : own.fast_sort_grad)[mode_of(spec)];
  if (ort::Status* status =
          run_rows(api, context, spec.name, kernel, rows, kernel.scratch(n), batch,
                   kGradientNanoseconds * static_cast<double>(n + 1))) {
    return status;
  }
  // In order, whichever thread each came from.
  double sum = 0;
  for (std::size_t row = 0; row < batch; ++row) sum += dsoftness[row];
  *static_cast<double*>(total) = sum;
  return nullptr;
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  for (std::size_t output = 0; output < spec.outputs; ++output) {
    if (ort::Status* status = infer_like_input(api, spec, context, output, 0)) return status;
  }
  return nullptr;
}

ort::Status* infer_gradient_shapes(const ort::Api& api, const OperatorSpec& spec,
                                   ort::ShapeInferContext* context) {
  if (ort::Status* status = infer_like_input(api, spec, context, 0, 0)) return status;
  return infer_scalar(api, spec, context, 1);
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

// Outputs and inputs that are kept: `kept` bits of them, of which order and blocks are int64 and the
// third is float64.
constexpr unsigned bits(unsigned count) { return (1u << count) - 1; }

#define SOFTONNX_FAST(name, gradient_name, ranks, suffix, type, Real, kept, variant)              \
  {name suffix, type, 2, 1 + kept, 0, bits(2) << 1, variant, compute<Real, ranks>, infer_shapes,  \
   bits(kept) << 1, 1u << 1, kept > 2 ? 1u << 3 : 0},                                             \
      {gradient_name suffix, type, 3 + kept, 2, bits(2) << 2, 0, variant,                         \
       compute_gradient<Real, ranks>, infer_gradient_shapes, 0,                                   \
       1u << 1 | (kept > 2 ? 1u << 4 : 0), 1u << 1},

#define SOFTONNX_FAST_BOTH(suffix, type, Real, kept, variant)                                     \
  SOFTONNX_FAST("FastSoftSort", "FastSoftSortGrad", false, suffix, type, Real, kept, variant)     \
  SOFTONNX_FAST("FastSoftRanks", "FastSoftRanksGrad", true, suffix, type, Real, kept, variant)

#define SOFTONNX_FAST_MODE(mode, kept, variant)                                                   \
  SOFTONNX_FAST_BOTH("_" mode "_plain_float32", f32, float, kept, 2 * variant)                    \
  SOFTONNX_FAST_BOTH("_" mode "_plain_float64", f64, double, kept, 2 * variant)                   \
  SOFTONNX_FAST_BOTH("_" mode "_standardized_float32", f32, float, kept, 2 * variant + 1)         \
  SOFTONNX_FAST_BOTH("_" mode "_standardized_float64", f64, double, kept, 2 * variant + 1)

constexpr OperatorSpec kSpecs[] = {SOFTONNX_FAST_MODE("smooth", 2, 0) SOFTONNX_FAST_MODE("c0", 2, 1)
                                       SOFTONNX_FAST_MODE("c1", 3, 2)
                                           SOFTONNX_FAST_MODE("c2", 3, 3)};

#undef SOFTONNX_FAST_MODE
#undef SOFTONNX_FAST_BOTH
#undef SOFTONNX_FAST

}  // namespace

OperatorList fast_soft_sort_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
