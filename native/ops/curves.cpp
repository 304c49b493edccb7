#include "curves.h"

#include <memory>
#include <new>

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// Of an entry, on one core; only the order of magnitude matters.
constexpr double kNanoseconds = 0.5;

// More whole numbers than this on either side of every entry are taken for a mistake.
constexpr std::int64_t kMostRadius = std::int64_t{1} << 20;

constexpr int variant_of(CurveKind kind, CurvePart part, Projection projection) {
  return (static_cast<int>(kind) * static_cast<int>(kCurvePartCount) + static_cast<int>(part)) *
             static_cast<int>(kProjectionCount) +
         static_cast<int>(projection);
}

CurveKind kind_of(const OperatorSpec& spec) {
  return static_cast<CurveKind>(spec.variant /
                                static_cast<int>(kCurvePartCount * kProjectionCount));
}

CurvePart part_of(const OperatorSpec& spec) {
  return static_cast<CurvePart>(spec.variant / static_cast<int>(kProjectionCount) %
                                static_cast<int>(kCurvePartCount));
}

template <class Real>
ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  const CurveKind kind = kind_of(spec);
  const CurvePart part = part_of(spec);
  Input x{};
  Input softness{};
  if (ort::Status* status = read_any_input(api, context, spec.name, 0, "x", 0, &x)) return status;
  if (ort::Status* status = read_input(api, context, spec.name, 1, "softness", 0, &softness)) {
    return status;
  }
  CurveRows<Real> rows{};
  rows.x = static_cast<const Real*>(x.data);
  rows.softness = *static_cast<const Real*>(softness.data);
  rows.n = x.count(x.rank);
  std::size_t next = 2;
  if (kind == CurveKind::round) {
    Input radius{};
    if (ort::Status* status = read_input(api, context, spec.name, next++, "radius", 0, &radius)) {
      return status;
    }
    rows.radius = *static_cast<const std::int64_t*>(radius.data);
    if (rows.radius < 0 || rows.radius > kMostRadius) {
      return invalid_argument(api, "%s: radius: expected 0 to %lld, got %lld", spec.name,
                              static_cast<long long>(kMostRadius),
                              static_cast<long long>(rows.radius));
    }
  }
  if (part != CurvePart::value) {
    Input dy{};
    if (ort::Status* status = read_any_input(api, context, spec.name, next, "dy", 0, &dy)) {
      return status;
    }
    if (ort::Status* status = require_same_shape(api, spec.name, "dy", dy, x)) return status;
    rows.dy = static_cast<const Real*>(dy.data);
  }
  const bool sums = part == CurvePart::by_softness;
  void* output = nullptr;
  if (ort::Status* status =
          make_output(api, context, 0, x.dims, sums ? 0 : x.rank, &output)) {
    return status;
  }
  const std::size_t chunks = (rows.n + kCurveChunk - 1) / kCurveChunk;
  std::unique_ptr<double[]> parts;
  if (sums) {
    parts.reset(new (std::nothrow) double[chunks + 1]);
    if (!parts) return failure(api, "%s: out of memory", spec.name);
    rows.sums = parts.get();
  } else {
    rows.y = static_cast<Real*>(output);
  }
  const auto kernel = kernels_for<Real>(kernels())
                          .curves[static_cast<int>(kind)][static_cast<int>(part)]
                                 [spec.variant % static_cast<int>(kProjectionCount)];
  // A chunk at the end may be smaller, and so may the only one.
  const std::size_t largest = rows.n < kCurveChunk ? rows.n : kCurveChunk;
  const double cost = kNanoseconds * static_cast<double>(largest) *
                      (kind == CurveKind::round ? 4 : 1);
  if (ort::Status* status = run_chunks(api, context, kernel, rows, chunks, cost)) return status;
  if (sums) {
    // In order, whichever thread each came from.
    double total = 0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) total += parts[chunk];
    *static_cast<Real*>(output) = static_cast<Real>(total);
  }
  return nullptr;
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  return part_of(spec) == CurvePart::by_softness ? infer_scalar(api, spec, context, 0)
                                                 : infer_like_input(api, spec, context, 0, 0);
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

// The radius of round, which is input 2.
constexpr unsigned kRadius = 4;

#define SOFTONNX_CURVE_PART(name, kind, part, inputs, radius, mode)                             \
  {name "_" #mode "_float32", f32, inputs, 1, radius, 0,                                        \
   variant_of(CurveKind::kind, CurvePart::part, Projection::mode), compute<float>,              \
   infer_shapes},                                                                               \
      {name "_" #mode "_float64", f64, inputs, 1, radius, 0,                                    \
       variant_of(CurveKind::kind, CurvePart::part, Projection::mode), compute<double>,         \
       infer_shapes},

#define SOFTONNX_CURVE_MODES(name, kind, part, inputs, radius)     \
  SOFTONNX_CURVE_PART(name, kind, part, inputs, radius, smooth)    \
  SOFTONNX_CURVE_PART(name, kind, part, inputs, radius, c0)        \
  SOFTONNX_CURVE_PART(name, kind, part, inputs, radius, c1)        \
  SOFTONNX_CURVE_PART(name, kind, part, inputs, radius, c2)

#define SOFTONNX_CURVE(name, kind, inputs, radius)                                 \
  SOFTONNX_CURVE_MODES(name, kind, value, inputs, radius)                          \
  SOFTONNX_CURVE_MODES(name "Grad", kind, slope, inputs + 1, radius)               \
  SOFTONNX_CURVE_MODES(name "SoftnessGrad", kind, by_softness, inputs + 1, radius)

constexpr OperatorSpec kSpecs[] = {
    SOFTONNX_CURVE("SoftStep", step, 2, 0) SOFTONNX_CURVE("SoftSign", sign, 2, 0)
        SOFTONNX_CURVE("SoftAbs", abs, 2, 0) SOFTONNX_CURVE("SoftRelu", relu, 2, 0)
            SOFTONNX_CURVE("SoftGatedRelu", gated, 2, 0)
                SOFTONNX_CURVE("SoftRound", round, 3, kRadius)};

#undef SOFTONNX_CURVE
#undef SOFTONNX_CURVE_MODES
#undef SOFTONNX_CURVE_PART

}  // namespace

OperatorList curve_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
