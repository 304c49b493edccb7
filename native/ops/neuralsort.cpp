#include "neuralsort.h"

#include <memory>
#include <new>

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// A pair of entries, on one core; only the order of magnitude matters.
constexpr double kNanoseconds = 0.3;

double cost_of(std::size_t n) {
  const auto entries = static_cast<double>(n);
  return kNanoseconds * entries * (entries + 100);
}

struct Operands {
  Input keys;
  Input payload;
  Input softness;
  Input dy;

  std::size_t n() const { return keys.size(keys.rank - 1); }
  std::size_t batch() const { return keys.count(keys.rank - 1); }
};

ort::Status* read_operands(const ort::Api& api, const OperatorSpec& spec,
                           const ort::KernelContext* context, bool payload,
                           const char* cotangent, Operands* found) {
  Operands& o = *found;
  if (ort::Status* status = read_any_input(api, context, spec.name, 0, "keys", 1, &o.keys)) {
    return status;
  }
  // An index takes 32 bits in the sort.
  if (o.n() > 0x7fffffff) {
    return invalid_argument(api, "%s: keys: rows of %zu entries are too long", spec.name, o.n());
  }
  std::size_t next = 1;
  const auto read_row = [&](const char* name, Input* input) -> ort::Status* {
    if (ort::Status* status = read_any_input(api, context, spec.name, next++, name, 1, input)) {
      return status;
    }
    return require_same_shape(api, spec.name, name, *input, o.keys);
  };
  if (payload) {
    if (ort::Status* status = read_row("payload", &o.payload)) return status;
  }
  if (ort::Status* status =
          read_input(api, context, spec.name, next++, "softness", 0, &o.softness)) {
    return status;
  }
  return cotangent ? read_row(cotangent, &o.dy) : nullptr;
}

template <class Real, bool ranks>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Operands o{};
  if (ort::Status* status = read_operands(api, spec, context, !ranks, nullptr, &o)) return status;
  const Input& keys = o.keys;
  void* y = nullptr;
  if (ort::Status* status = make_output(api, context, 0, keys.dims, keys.rank, &y)) return status;
  void* permutation = nullptr;
  if (!ranks && keys.rank < kMaxRank) {
    std::int64_t dims[kMaxRank];
    for (std::size_t i = 0; i < keys.rank; ++i) dims[i] = keys.dims[i];
    dims[keys.rank] = keys.dims[keys.rank - 1];
    if (ort::Status* status =
            make_optional_output(api, context, 1, dims, keys.rank + 1, &permutation)) {
      return status;
    }
  }
  const NeuralSortRows<Real> rows{static_cast<const Real*>(keys.data),
                                  static_cast<const Real*>(o.payload.data),
                                  static_cast<const Real*>(o.softness.data),
                                  static_cast<Real*>(y),
                                  static_cast<Real*>(permutation),
                                  o.n()};
  const auto& own = kernels_for<Real>(kernels());
  const auto& kernel = (ranks ? own.neuralsort_ranks : own.neuralsort_values)[spec.variant];
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), o.batch(),
                  cost_of(rows.n));
}

template <class Real, bool ranks>
ort::Status* compute_gradient(const ort::Api& api, const OperatorSpec& spec,
                              ort::KernelContext* context) {
  Operands o{};
  if (ort::Status* status =
          read_operands(api, spec, context, !ranks, ranks ? "dr" : "dy", &o)) {
    return status;
  }
  void* outputs[3] = {};
  for (std::size_t i = 0; i < spec.outputs; ++i) {
    const std::size_t rank = i + 1 == spec.outputs ? 0 : o.keys.rank;
    if (ort::Status* status = make_output(api, context, i, o.keys.dims, rank, &outputs[i])) {
      return status;
    }
  }
  const std::size_t batch = o.batch();
  const std::unique_ptr<double[]> dsoftness(new (std::nothrow) double[batch + 1]);
  if (!dsoftness) return failure(api, "%s: out of memory", spec.name);
  const NeuralSortGradRows<Real> rows{static_cast<const Real*>(o.keys.data),
                                      static_cast<const Real*>(o.payload.data),
                                      static_cast<const Real*>(o.softness.data),
                                      static_cast<const Real*>(o.dy.data),
                                      static_cast<Real*>(outputs[0]),
                                      ranks ? nullptr : static_cast<Real*>(outputs[1]),
                                      dsoftness.get(),
                                      o.n()};
  const auto& own = kernels_for<Real>(kernels());
  const auto& kernel =
      (ranks ? own.neuralsort_ranks_grad : own.neuralsort_values_grad)[spec.variant];
  if (ort::Status* status = run_rows(api, context, spec.name, kernel, rows,
                                     kernel.scratch(rows.n), batch, 2 * cost_of(rows.n))) {
    return status;
  }
  // In order, whichever thread each came from.
  double total = 0;
  for (std::size_t row = 0; row < batch; ++row) total += dsoftness[row];
  *static_cast<Real*>(outputs[spec.outputs - 1]) = static_cast<Real>(total);
  return nullptr;
}

void square(Shape& shape) {
  if (shape.rank == kMaxRank) return;
  shape.dims[shape.rank] = shape.dims[shape.rank - 1];
  shape.names[shape.rank] = shape.names[shape.rank - 1];
  ++shape.rank;
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  if (ort::Status* status = infer_like_input(api, spec, context, 0, 0)) return status;
  return spec.outputs > 1 ? infer_like_input(api, spec, context, 1, 0, square) : nullptr;
}

ort::Status* infer_gradient(const ort::Api& api, const OperatorSpec& spec,
                            ort::ShapeInferContext* context) {
  for (std::size_t output = 0; output + 1 < spec.outputs; ++output) {
    if (ort::Status* status = infer_like_input(api, spec, context, output, 0)) return status;
  }
  return infer_scalar(api, spec, context, spec.outputs - 1);
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

// Of the permutation.
constexpr unsigned kSecond = 2;

#define SOFTONNX_NEURALSORT(mode, variant)                                                        \
  {"NeuralSort_" mode "_float32", f32, 3, 2, 0, 0, variant, compute<float, false>, infer_shapes,  \
   kSecond},                                                                                      \
      {"NeuralSort_" mode "_float64", f64, 3, 2, 0, 0, variant, compute<double, false>,           \
       infer_shapes, kSecond},                                                                    \
      {"NeuralSortRanks_" mode "_float32", f32, 2, 1, 0, 0, variant, compute<float, true>,        \
       infer_shapes},                                                                             \
      {"NeuralSortRanks_" mode "_float64", f64, 2, 1, 0, 0, variant, compute<double, true>,       \
       infer_shapes},                                                                             \
      {"NeuralSortGrad_" mode "_float32", f32, 4, 3, 0, 0, variant,                               \
       compute_gradient<float, false>, infer_gradient},                                           \
      {"NeuralSortGrad_" mode "_float64", f64, 4, 3, 0, 0, variant,                               \
       compute_gradient<double, false>, infer_gradient},                                          \
      {"NeuralSortRanksGrad_" mode "_float32", f32, 3, 2, 0, 0, variant,                          \
       compute_gradient<float, true>, infer_gradient},                                            \
      {"NeuralSortRanksGrad_" mode "_float64", f64, 3, 2, 0, 0, variant,                          \
       compute_gradient<double, true>, infer_gradient},

constexpr OperatorSpec kSpecs[] = {SOFTONNX_NEURALSORT("smooth", 0) SOFTONNX_NEURALSORT("c0", 1)
                                       SOFTONNX_NEURALSORT("c1", 2) SOFTONNX_NEURALSORT("c2", 3)};

#undef SOFTONNX_NEURALSORT

}  // namespace

OperatorList neuralsort_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
