#include "decay_sums.h"

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// A point or a number at it, on one core; only the order of magnitude matters.
constexpr double kNanoseconds = 4;

ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input s{};
  Input a{};
  Input b{};
  Input softness{};
  ort::Status* status = read_input(api, context, spec.name, 0, "s", 2, &s);
  if (!status) status = read_input(api, context, spec.name, 1, "a", 3, &a);
  if (status) return status;
  const Input expected{nullptr, 3, {a.dims[0], s.dims[0], s.dims[1]}};
  status = require_same_shape(api, spec.name, "a", a, expected);
  if (!status) status = read_input(api, context, spec.name, 2, "b", 3, &b);
  if (!status) status = require_same_shape(api, spec.name, "b", b, a);
  if (!status) status = read_input(api, context, spec.name, 3, "softness", 0, &softness);
  void* outputs[2] = {};
  for (std::size_t i = 0; !status && i < 2; ++i) {
    status = make_output(api, context, i, a.dims, 3, &outputs[i]);
  }
  if (status) return status;
  const DecayRows rows{static_cast<const double*>(s.data),
                       static_cast<const double*>(a.data),
                       static_cast<const double*>(b.data),
                       static_cast<const double*>(softness.data),
                       static_cast<double*>(outputs[0]),
                       static_cast<double*>(outputs[1]),
                       s.size(0),
                       s.size(1),
                       a.size(0)};
  const auto& kernel = kernels().decay_sums;
  const double cost = kNanoseconds * static_cast<double>((rows.channels + 1) * (rows.n + 1));
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), rows.batch, cost);
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  if (ort::Status* status = infer_like_input(api, spec, context, 0, 1)) return status;
  return infer_like_input(api, spec, context, 1, 1);
}

constexpr OperatorSpec kSpecs[] = {
    {"DecaySums_float64", ort::ElementType::float64, 4, 2, 0, 0, 0, compute, infer_shapes},
};

}  // namespace

OperatorList decay_sums_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
