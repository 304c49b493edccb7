#include "isotonic.h"

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// An entry of a row, on one core; only the order of magnitude matters.
constexpr double kNanoseconds[] = {6, 4, 60, 30};

template <class Real>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input s{};
  Input w{};
  if (ort::Status* status = read_input(api, context, spec.name, 0, "s", 2, &s)) return status;
  if (ort::Status* status = read_input(api, context, spec.name, 1, "w", 2, &w)) return status;
  if (ort::Status* status = require_same_shape(api, spec.name, "w", w, s)) return status;
  if (s.dims[1] > 0x7fffffff) {
    return invalid_argument(api, "%s: s: rows of %lld entries are too long", spec.name,
                            static_cast<long long>(s.dims[1]));
  }
  void* blocks = nullptr;
  void* v = nullptr;
  if (ort::Status* status = make_output(api, context, 0, s.dims, 2, &blocks)) return status;
  if (ort::Status* status = make_output(api, context, 1, s.dims, 2, &v)) return status;
  const IsotonicRows<Real> rows{static_cast<const Real*>(s.data),
                                static_cast<const Real*>(w.data),
                                static_cast<std::int64_t*>(blocks), static_cast<Real*>(v),
                                s.size(1)};
  const auto& kernel = kernels_for<Real>(kernels()).isotonic[spec.variant];
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), s.size(0),
                  kNanoseconds[spec.variant] * static_cast<double>(rows.n + 1));
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  if (ort::Status* status = infer_like_input(api, spec, context, 0, 0)) return status;
  return infer_like_input(api, spec, context, 1, 0);
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

#define SOFTONNX_ISOTONIC(mode, variant)                                                      \
  {"IsotonicRegression_" mode "_float32", f32, 2, 2, 0, 1, variant, compute<float>,           \
   infer_shapes},                                                                             \
      {"IsotonicRegression_" mode "_float64", f64, 2, 2, 0, 1, variant, compute<double>,      \
       infer_shapes},

constexpr OperatorSpec kSpecs[] = {SOFTONNX_ISOTONIC("smooth", 0) SOFTONNX_ISOTONIC("c0", 1)
                                       SOFTONNX_ISOTONIC("c1", 2) SOFTONNX_ISOTONIC("c2", 3)};

#undef SOFTONNX_ISOTONIC

}  // namespace

OperatorList isotonic_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
