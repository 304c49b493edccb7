#include "smooth_sort.h"

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// An entry of a row, for a solution and for one step, on one core; only the order of magnitude
// matters.
constexpr double kSolveNanoseconds = 400;
constexpr double kStepNanoseconds = 40;

// The inputs in `names`, all of one shape, and the output beside them.
ort::Status* read_rows(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context,
                       const char* const* names, Input* inputs, void** output) {
  for (std::size_t i = 0; i < spec.inputs; ++i) {
    ort::Status* status = read_input(api, context, spec.name, i, names[i], 2, &inputs[i]);
    if (!status) status = require_same_shape(api, spec.name, names[i], inputs[i], inputs[0]);
    if (status) return status;
  }
  return make_output(api, context, 0, inputs[0].dims, 2, output);
}

ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  constexpr const char* kNames[] = {"c", "q"};
  Input inputs[2] = {};
  void* beta = nullptr;
  if (ort::Status* status = read_rows(api, spec, context, kNames, inputs, &beta)) return status;
  const SmoothSortRows rows{static_cast<const double*>(inputs[0].data),
                            static_cast<const double*>(inputs[1].data),
                            static_cast<double*>(beta), inputs[0].size(1)};
  const auto& kernel = kernels().smooth_sort;
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), inputs[0].size(0),
                  kSolveNanoseconds * static_cast<double>(rows.n + 1));
}

ort::Status* compute_step(const ort::Api& api, const OperatorSpec& spec,
                          ort::KernelContext* context) {
  constexpr const char* kNames[] = {"s", "d", "f"};
  Input inputs[3] = {};
  void* u = nullptr;
  if (ort::Status* status = read_rows(api, spec, context, kNames, inputs, &u)) return status;
  const SmoothSortStepRows rows{static_cast<const double*>(inputs[0].data),
                                static_cast<const double*>(inputs[1].data),
                                static_cast<const double*>(inputs[2].data),
                                static_cast<double*>(u), inputs[0].size(1)};
  const auto& kernel = kernels().smooth_sort_step;
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), inputs[0].size(0),
                  kStepNanoseconds * static_cast<double>(rows.n + 1));
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  return infer_like_input(api, spec, context, 0, 0);
}

constexpr auto f64 = ort::ElementType::float64;

constexpr OperatorSpec kSpecs[] = {
    {"SmoothSort_float64", f64, 2, 1, 0, 0, 0, compute, infer_shapes},
    {"SmoothSortStep_float64", f64, 3, 1, 0, 0, 0, compute_step, infer_shapes},
};

}  // namespace

OperatorList smooth_sort_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
