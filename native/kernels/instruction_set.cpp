// Every kernel, compiled for one instruction set. The build compiles this file once for each,
// with SOFTONNX_ISA naming it; each copy lives in a namespace of its own, so that the linker
// cannot fold two of them into the one that an older processor must not run. For the same
// reason the .inl files share no function templates with code outside this namespace.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "table.h"

#define SOFTONNX_TEXT(name) #name
#define SOFTONNX_NAME(name) SOFTONNX_TEXT(name)

namespace softonnx::SOFTONNX_ISA {

namespace {
#include "simd.inl"
#include "math.inl"
#include "lanes.inl"
#include "arena.inl"
#include "radix_sort.inl"
#include "shuffle.inl"
#include "simplex_threshold.inl"
#include "softsort_smooth.inl"
#include "softsort_windows.inl"
#include "softsort.inl"
#include "curves.inl"
#include "neuralsort_spread.inl"
#include "neuralsort_rows.inl"
#include "neuralsort.inl"
#include "optimizer_steps.inl"
#include "sorting_network.inl"
#include "network_permutation.inl"
#include "standardization.inl"
#include "swap_layers.inl"
#include "decay_sums.inl"
#include "isotonic.inl"
#include "fast_soft_sort.inl"
#include "dense.inl"
#include "transport.inl"
#include "transport_smooth.inl"
#include "transport_power.inl"
#include "transport_rows.inl"
#include "transport_plan.inl"
#include "transport_solve.inl"
#include "smooth_sort.inl"
#include "log_symmetric.inl"

template <Projection projection, CurveKind kind, class Real>
constexpr void fill_curve(RealKernels<Real>& kernels) {
  auto& own = kernels.curves[static_cast<int>(kind)];
  constexpr int mode = static_cast<int>(projection);
  own[0][mode] = curve_chunks<kind, CurvePart::value, projection, Real>;
  own[1][mode] = curve_chunks<kind, CurvePart::slope, projection, Real>;
  own[2][mode] = curve_chunks<kind, CurvePart::by_softness, projection, Real>;
}

template <Projection projection, class Real>
constexpr void fill(RealKernels<Real>& kernels) {
  fill_curve<projection, CurveKind::step>(kernels);
  fill_curve<projection, CurveKind::sign>(kernels);
  fill_curve<projection, CurveKind::abs>(kernels);
  fill_curve<projection, CurveKind::relu>(kernels);
  fill_curve<projection, CurveKind::gated>(kernels);
  fill_curve<projection, CurveKind::round>(kernels);
  constexpr int mode = static_cast<int>(projection);
  kernels.threshold[mode] = threshold_rows<projection, Real>;
  kernels.softsort_values[mode] = softsort_kernel<projection, false, Real>();
  kernels.softsort_ranks[mode] = softsort_kernel<projection, true, Real>();
  kernels.softsort_values_grad[mode] = softsort_gradient_kernel<projection, false, Real>();
  kernels.neuralsort_values[mode] = neuralsort_kernel<projection, false, Real>();
  kernels.neuralsort_ranks[mode] = neuralsort_kernel<projection, true, Real>();
  kernels.neuralsort_values_grad[mode] = neuralsort_gradient_kernel<projection, false, Real>();
  kernels.neuralsort_ranks_grad[mode] = neuralsort_gradient_kernel<projection, true, Real>();
  kernels.fast_sort[mode] = fast_sort_kernel<projection, false, Real>();
  kernels.fast_ranks[mode] = fast_sort_kernel<projection, true, Real>();
  kernels.fast_sort_grad[mode] = fast_sort_gradient_kernel<projection, false, Real>();
  kernels.fast_ranks_grad[mode] = fast_sort_gradient_kernel<projection, true, Real>();
  kernels.isotonic[mode] = isotonic_kernel<projection, Real>();
  kernels.network_values[mode] = network_kernel<projection, false, Real>();
  kernels.network_values_grad[mode] = network_kernel<projection, true, Real>();
  kernels.network_trace[mode] = network_trace_kernel<projection, Real>();
  kernels.network_permutation[mode] = network_permutation_kernel<projection, false, Real>();
  kernels.network_permutation_grad[mode] = network_permutation_kernel<projection, true, Real>();
  kernels.softsort_ranks_grad[mode] = softsort_gradient_kernel<projection, true, Real>();
}

template <class Real>
constexpr RealKernels<Real> all() {
  RealKernels<Real> result{};
  result.adam = adam_chunks<Real>;
  result.momentum = momentum_chunks<Real>;
  fill<Projection::smooth>(result);
  fill<Projection::c0>(result);
  fill<Projection::c1>(result);
  fill<Projection::c2>(result);
  result.standardize = standardize_rows<Real>;
  result.standardize_grad = standardize_grad_rows<Real>;
  result.unsquash = unsquash_rows<Real>;
  result.unsquash_grad = unsquash_grad_rows<Real>;
  result.swap_layers = {swap_rows<Real>, swap_scratch};
  return result;
}

}  // namespace

extern const KernelTable table;

const KernelTable table = {
    SOFTONNX_NAME(SOFTONNX_ISA),
    all<float>(),
    all<double>(),
    {transport_kernel<Projection::smooth>(), transport_kernel<Projection::c0>(),
     transport_kernel<Projection::c1>(), transport_kernel<Projection::c2>()},
    {transport_plan_kernel<Projection::smooth>(), transport_plan_kernel<Projection::c0>(),
     transport_plan_kernel<Projection::c1>(), transport_plan_kernel<Projection::c2>()},
    {transport_solve_rows, transport_solve_scratch},
    {decay_rows, decay_scratch},
    {smooth_sort_rows, smooth_sort_scratch},
    {smooth_sort_step_rows, smooth_sort_scratch},
    {log_symmetric_rows, log_symmetric_scratch},
    {log_symmetric_grad_rows, log_symmetric_grad_scratch},
};

}  // namespace softonnx::SOFTONNX_ISA
