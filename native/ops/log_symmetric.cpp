#include "log_symmetric.h"

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// An entry of one round, on one core; only the order of magnitude matters.
constexpr double kNanoseconds = 2;

double cost_of(std::size_t n) {
  return kNanoseconds * static_cast<double>(n + 1) * static_cast<double>(n + 1);
}

ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input x{};
  if (ort::Status* status = read_input(api, context, spec.name, 0, "x", 2, &x)) return status;
  const std::int64_t dims[] = {x.dims[0], x.dims[1] + 1};
  void* e = nullptr;
  if (ort::Status* status = make_output(api, context, 0, dims, 2, &e)) return status;
  const LogSymmetricRows rows{static_cast<const double*>(x.data), static_cast<double*>(e),
                              x.size(1)};
  const auto& kernel = kernels().log_symmetric;
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), x.size(0),
                  cost_of(rows.n));
}

ort::Status* compute_gradient(const ort::Api& api, const OperatorSpec& spec,
                              ort::KernelContext* context) {
  Input x{};
  Input ebar{};
  ort::Status* status = read_input(api, context, spec.name, 0, "x", 2, &x);
  if (!status) status = read_input(api, context, spec.name, 1, "ebar", 2, &ebar);
  if (status) return status;
  const Input expected{nullptr, 2, {x.dims[0], x.dims[1] + 1}};
  void* xbar = nullptr;
  status = require_same_shape(api, spec.name, "ebar", ebar, expected);
  if (!status) status = make_output(api, context, 0, x.dims, 2, &xbar);
  if (status) return status;
  const LogSymmetricGradRows rows{static_cast<const double*>(x.data),
                                  static_cast<const double*>(ebar.data),
                                  static_cast<double*>(xbar), x.size(1)};
  const auto& kernel = kernels().log_symmetric_grad;
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n), x.size(0),
                  3 * cost_of(rows.n));
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  return infer_like_input(api, spec, context, 0, 0, [](Shape& shape) {
    if (shape.rank != 2) return;
    // One more than a size that is known by name only has no name.
    shape.dims[1] = shape.dims[1] < 0 ? -1 : shape.dims[1] + 1;
    shape.names[1] = "";
  });
}

ort::Status* infer_gradient(const ort::Api& api, const OperatorSpec& spec,
                            ort::ShapeInferContext* context) {
  return infer_like_input(api, spec, context, 0, 0);
}

constexpr auto f64 = ort::ElementType::float64;

constexpr OperatorSpec kSpecs[] = {
    {"LogSymmetric_float64", f64, 1, 1, 0, 0, 0, compute, infer_shapes},
    {"LogSymmetricGrad_float64", f64, 2, 1, 0, 0, 0, compute_gradient, infer_gradient},
};

}  // namespace

OperatorList log_symmetric_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
