#include "transport.h"

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// A cell of a problem, on one core; only the order of magnitude matters.
constexpr double kNanoseconds[] = {10, 100, 100, 100};

// [B, size], or [1, size] for all where that is allowed.
ort::Status* read_side(const ort::Api& api, const ort::KernelContext* context,
                       const OperatorSpec& spec, std::size_t index, const char* argument,
                       const Input& problem, std::size_t axis, bool may_be_shared,
                       Input* result) {
  if (ort::Status* status = read_input(api, context, spec.name, index, argument, 2, result)) {
    return status;
  }
  const bool shared = may_be_shared && result->dims[0] == 1;
  if (result->dims[1] == problem.dims[axis] && (shared || result->dims[0] == problem.dims[0])) {
    return nullptr;
  }
  return invalid_argument(api, "%s: %s: expected shape [%lld, %lld]%s, got [%lld, %lld]",
                          spec.name, argument, static_cast<long long>(problem.dims[0]),
                          static_cast<long long>(problem.dims[axis]),
                          may_be_shared ? ", or one row for all" : "",
                          static_cast<long long>(result->dims[0]),
                          static_cast<long long>(result->dims[1]));
}

ort::Status* read_scalar(const ort::Api& api, const ort::KernelContext* context,
                         const OperatorSpec& spec, std::size_t index, const char* argument,
                         const void** result) {
  Input input{};
  if (ort::Status* status = read_input(api, context, spec.name, index, argument, 0, &input)) {
    return status;
  }
  *result = input.data;
  return nullptr;
}

template <class T>
ort::Status* make(const ort::Api& api, ort::KernelContext* context, std::size_t index,
                  std::int64_t batch, std::int64_t size, std::size_t rank, T** result) {
  const std::int64_t dims[2] = {batch, size};
  void* data = nullptr;
  ort::Status* status = make_output(api, context, index, dims, rank, &data);
  *result = static_cast<T*>(data);
  return status;
}

std::size_t stride_over(const Input& side) { return side.dims[0] == 1 ? 0 : side.size(1); }

ort::Status* compute(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Input cost{};
  Input a{};
  Input b{};
  const void* scalars[3];
  ort::Status* status = read_input(api, context, spec.name, 0, "cost", 3, &cost);
  if (!status) status = read_side(api, context, spec, 1, "a", cost, 1, true, &a);
  if (!status) status = read_side(api, context, spec, 2, "b", cost, 2, true, &b);
  if (!status) status = read_scalar(api, context, spec, 3, "softness", &scalars[0]);
  if (!status) status = read_scalar(api, context, spec, 4, "tolerance", &scalars[1]);
  if (!status) status = read_scalar(api, context, spec, 5, "maxIterations", &scalars[2]);
  if (status) return status;
  const std::int64_t batch = cost.dims[0];
  TransportRows rows{};
  status = make(api, context, 0, batch, cost.dims[1], 2, &rows.f);
  if (!status) status = make(api, context, 1, batch, cost.dims[2], 2, &rows.g);
  if (!status) status = make(api, context, 2, batch, 0, 1, &rows.steps);
  if (!status) status = make(api, context, 3, batch, 0, 1, &rows.residual);
  if (status) return status;
  rows.cost = static_cast<const double*>(cost.data);
  rows.a = static_cast<const double*>(a.data);
  rows.a_stride = stride_over(a);
  rows.b = static_cast<const double*>(b.data);
  rows.b_stride = stride_over(b);
  rows.softness = *static_cast<const double*>(scalars[0]);
  rows.tolerance = *static_cast<const double*>(scalars[1]);
  rows.max_iterations = *static_cast<const std::int64_t*>(scalars[2]);
  rows.n = cost.size(1);
  rows.m = cost.size(2);
  const TransportKernel& kernel = kernels().transport[spec.variant];
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n, rows.m),
                  static_cast<std::size_t>(batch),
                  kNanoseconds[spec.variant] * static_cast<double>(rows.n * rows.m + 1));
}

// The operands of both operators on plans.
ort::Status* read_plan(const ort::Api& api, const OperatorSpec& spec,
                       const ort::KernelContext* context, Input* cost, TransportPlanRows* rows) {
  Input f{};
  Input g{};
  const void* softness = nullptr;
  ort::Status* status = read_input(api, context, spec.name, 0, "cost", 3, cost);
  if (!status) status = read_side(api, context, spec, 1, "f", *cost, 1, false, &f);
  if (!status) status = read_side(api, context, spec, 2, "g", *cost, 2, false, &g);
  if (!status) status = read_scalar(api, context, spec, 3, "softness", &softness);
  if (status) return status;
  rows->cost = static_cast<const double*>(cost->data);
  rows->f = static_cast<const double*>(f.data);
  rows->g = static_cast<const double*>(g.data);
  rows->softness = *static_cast<const double*>(softness);
  rows->n = cost->size(1);
  rows->m = cost->size(2);
  return nullptr;
}

// A cell, on one core.
constexpr double kPlanNanoseconds = 1;

ort::Status* compute_plan(const ort::Api& api, const OperatorSpec& spec,
                          ort::KernelContext* context) {
  Input cost{};
  TransportPlanRows rows{};
  void* plan = nullptr;
  ort::Status* status = read_plan(api, spec, context, &cost, &rows);
  if (!status) status = make_output(api, context, 0, cost.dims, 3, &plan);
  if (status) return status;
  rows.cells = static_cast<double*>(plan);
  return run_chunks(api, context, kernels().transport_plan[spec.variant].plan, rows,
                    cost.size(0) * rows.n, kPlanNanoseconds * static_cast<double>(rows.m + 1));
}

ort::Status* compute_plan_gradient(const ort::Api& api, const OperatorSpec& spec,
                                   ort::KernelContext* context) {
  Input cost{};
  Input dplan{};
  TransportPlanRows rows{};
  void* dcost = nullptr;
  ort::Status* status = read_plan(api, spec, context, &cost, &rows);
  if (!status) status = read_input(api, context, spec.name, 4, "dplan", 3, &dplan);
  if (!status) status = require_same_shape(api, spec.name, "dplan", dplan, cost);
  if (!status) status = make_output(api, context, 0, cost.dims, 3, &dcost);
  if (!status) status = make(api, context, 1, cost.dims[0], cost.dims[1], 2, &rows.df);
  if (!status) status = make(api, context, 2, cost.dims[0], cost.dims[2], 2, &rows.dg);
  if (status) return status;
  rows.dplan = static_cast<const double*>(dplan.data);
  rows.cells = static_cast<double*>(dcost);
  return run_chunks(api, context, kernels().transport_plan[spec.variant].gradient, rows,
                    cost.size(0),
                    kPlanNanoseconds * static_cast<double>(rows.n * rows.m + 1));
}

ort::Status* compute_solve(const ort::Api& api, const OperatorSpec& spec,
                           ort::KernelContext* context) {
  Input w{};
  Input r{};
  Input s{};
  ort::Status* status = read_input(api, context, spec.name, 0, "w", 3, &w);
  if (!status) status = read_side(api, context, spec, 1, "r", w, 1, false, &r);
  if (!status) status = read_side(api, context, spec, 2, "s", w, 2, false, &s);
  if (status) return status;
  TransportSolveRows rows{};
  status = make(api, context, 0, w.dims[0], w.dims[1], 2, &rows.u);
  if (!status) status = make(api, context, 1, w.dims[0], w.dims[2], 2, &rows.v);
  if (status) return status;
  rows.w = static_cast<const double*>(w.data);
  rows.r = static_cast<const double*>(r.data);
  rows.s = static_cast<const double*>(s.data);
  rows.n = w.size(1);
  rows.m = w.size(2);
  const TransportSolveKernel& kernel = kernels().transport_solve;
  return run_rows(api, context, spec.name, kernel, rows, kernel.scratch(rows.n, rows.m),
                  w.size(0), kNanoseconds[0] * static_cast<double>(rows.n * rows.m + 1));
}

// [B, n, m] without one of its axes, or without both.
template <std::size_t dropped>
void drop(Shape& shape) {
  for (std::size_t i = dropped; i + 1 < kMaxRank; ++i) {
    shape.dims[i] = shape.dims[i + 1];
    shape.names[i] = shape.names[i + 1];
  }
  --shape.rank;
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  ort::Status* status = infer_like_input(api, spec, context, 0, 0, drop<2>);
  if (!status) status = infer_like_input(api, spec, context, 1, 0, drop<1>);
  for (std::size_t output = 2; !status && output < spec.outputs; ++output) {
    status = infer_like_input(api, spec, context, output, 0,
                              [](Shape& shape) { shape.rank = 1; });
  }
  return status;
}

ort::Status* infer_plan(const ort::Api& api, const OperatorSpec& spec,
                        ort::ShapeInferContext* context) {
  return infer_like_input(api, spec, context, 0, 0);
}

ort::Status* infer_plan_gradient(const ort::Api& api, const OperatorSpec& spec,
                                 ort::ShapeInferContext* context) {
  ort::Status* status = infer_plan(api, spec, context);
  if (!status) status = infer_like_input(api, spec, context, 1, 1);
  return status ? status : infer_like_input(api, spec, context, 2, 2);
}

constexpr auto f64 = ort::ElementType::float64;

// maxIterations and steps are the integers.
constexpr OperatorSpec potentials(const char* name, int variant) {
  return {name, f64, 6, 4, 1u << 5, 1u << 2, variant, compute, infer_shapes};
}

constexpr OperatorSpec plan(const char* name, int variant) {
  return {name, f64, 4, 1, 0, 0, variant, compute_plan, infer_plan};
}

constexpr OperatorSpec plan_gradient(const char* name, int variant) {
  return {name, f64, 5, 3, 0, 0, variant, compute_plan_gradient, infer_plan_gradient};
}

constexpr OperatorSpec kSpecs[] = {
    potentials("TransportPotentials_smooth_float64", 0),
    potentials("TransportPotentials_c0_float64", 1),
    potentials("TransportPotentials_c1_float64", 2),
    potentials("TransportPotentials_c2_float64", 3),
    plan("TransportPlan_smooth_float64", 0),
    plan("TransportPlan_c0_float64", 1),
    plan("TransportPlan_c1_float64", 2),
    plan("TransportPlan_c2_float64", 3),
    plan_gradient("TransportPlanGrad_smooth_float64", 0),
    plan_gradient("TransportPlanGrad_c0_float64", 1),
    plan_gradient("TransportPlanGrad_c1_float64", 2),
    plan_gradient("TransportPlanGrad_c2_float64", 3),
    {"TransportSolve_float64", f64, 3, 2, 0, 0, 0, compute_solve, infer_shapes},
};

}  // namespace

OperatorList transport_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
