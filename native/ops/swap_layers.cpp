#include "swap_layers.h"

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// A number in a layer, on one core; only the order of magnitude matters.
constexpr double kNanoseconds = 0.5;

std::int64_t layers_of(std::int64_t n) {
  std::int64_t phases = 0;
  while (n >> 1 >> phases > 0) ++phases;
  return phases * (phases + 1) / 2;
}

// The variant says whether to go backward.
template <class Real>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input h{};
  Input w{};
  Input v{};
  if (ort::Status* status = read_input(api, context, spec.name, 0, "h", 3, &h)) return status;
  const std::int64_t n = h.dims[1];
  if (n < 1 || (n & (n - 1)) != 0) {
    return invalid_argument(api, "%s: h: expected a power of two entries, got %lld", spec.name,
                            static_cast<long long>(n));
  }
  const Input pairs{nullptr, 4, {layers_of(n), h.dims[0], n / 2, h.dims[2]}};
  Input shares = pairs;
  shares.rank = 3;
  ort::Status* status = read_input(api, context, spec.name, 1, "w", 3, &w);
  if (!status) status = require_same_shape(api, spec.name, "w", w, shares);
  if (!status && spec.inputs > 2) {
    status = read_input(api, context, spec.name, 2, "v", 4, &v);
    if (!status) status = require_same_shape(api, spec.name, "v", v, pairs);
  }
  void* y = nullptr;
  void* p = nullptr;
  if (!status) status = make_output(api, context, 0, h.dims, 3, &y);
  if (!status) status = make_output(api, context, 1, pairs.dims, 4, &p);
  if (status) return status;
  const SwapRows<Real> rows{static_cast<const Real*>(h.data),
                            static_cast<const Real*>(w.data),
                            static_cast<const Real*>(v.data),
                            static_cast<Real*>(y),
                            static_cast<Real*>(p),
                            h.size(0),
                            h.size(1),
                            h.size(2),
                            spec.variant != 0};
  const auto& kernel = kernels_for<Real>(kernels()).swap_layers;
  const double size = static_cast<double>(rows.n) * static_cast<double>(rows.channels);
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), rows.batch,
                  kNanoseconds * (size + 1) * static_cast<double>(pairs.dims[0] + 1));
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  return infer_like_input(api, spec, context, 0, 0);
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

#define SOFTONNX_SWAP(direction, variant)                                                     \
  {"SwapLayers_" direction "_Plain_float32", f32, 2, 2, 0, 0, variant, compute<float>,        \
   infer_shapes},                                                                             \
      {"SwapLayers_" direction "_Plain_float64", f64, 2, 2, 0, 0, variant, compute<double>,   \
       infer_shapes},                                                                         \
      {"SwapLayers_" direction "_Added_float32", f32, 3, 2, 0, 0, variant, compute<float>,    \
       infer_shapes},                                                                         \
      {"SwapLayers_" direction "_Added_float64", f64, 3, 2, 0, 0, variant, compute<double>,   \
       infer_shapes},

constexpr OperatorSpec kSpecs[] = {SOFTONNX_SWAP("Forward", 0) SOFTONNX_SWAP("Backward", 1)};

#undef SOFTONNX_SWAP

}  // namespace

OperatorList swap_layers_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
