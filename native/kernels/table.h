// One entry for each kernel, as compiled for one instruction set.
#pragma once

#include "curves.h"
#include "decay_sums.h"
#include "fast_soft_sort.h"
#include "isotonic.h"
#include "log_symmetric.h"
#include "neuralsort.h"
#include "optimizer_steps.h"
#include "simplex_threshold.h"
#include "smooth_sort.h"
#include "softsort.h"
#include "sorting_network.h"
#include "standardization.h"
#include "swap_layers.h"
#include "transport.h"

namespace softonnx {

// Those for one element type, by mode.
template <class Real>
struct RealKernels {
  CurveKernel<Real> curves[kCurveCount][kCurvePartCount][kProjectionCount];
  StepKernel<AdamRows<Real>> adam;
  StepKernel<MomentumRows<Real>> momentum;
  ThresholdKernel<Real> threshold[kProjectionCount];
  RowKernel<SoftSortRows<Real>> softsort_values[kProjectionCount];
  RowKernel<SoftSortRows<Real>> softsort_ranks[kProjectionCount];
  RowKernel<SoftSortGradRows<Real>> softsort_values_grad[kProjectionCount];
  RowKernel<SoftSortGradRows<Real>> softsort_ranks_grad[kProjectionCount];
  RowKernel<NeuralSortRows<Real>> neuralsort_values[kProjectionCount];
  RowKernel<NeuralSortRows<Real>> neuralsort_ranks[kProjectionCount];
  RowKernel<NeuralSortGradRows<Real>> neuralsort_values_grad[kProjectionCount];
  RowKernel<NeuralSortGradRows<Real>> neuralsort_ranks_grad[kProjectionCount];
  RowKernel<FastSortRows<Real>> fast_sort[kProjectionCount];
  RowKernel<FastSortRows<Real>> fast_ranks[kProjectionCount];
  RowKernel<FastSortGradRows<Real>> fast_sort_grad[kProjectionCount];
  RowKernel<FastSortGradRows<Real>> fast_ranks_grad[kProjectionCount];
  RowKernel<IsotonicRows<Real>> isotonic[kProjectionCount];
  GroupKernel<NetworkRows<Real>> network_values[kProjectionCount];
  GroupKernel<NetworkRows<Real>> network_values_grad[kProjectionCount];
  GroupKernel<NetworkTraceRows<Real>> network_trace[kProjectionCount];
  RowKernel<NetworkPermutationRows<Real>> network_permutation[kProjectionCount];
  RowKernel<NetworkPermutationRows<Real>> network_permutation_grad[kProjectionCount];
  RowKernel<SwapRows<Real>> swap_layers;
  PlainKernel<StandardizeRows<Real>> standardize;
  PlainKernel<StandardizeGradRows<Real>> standardize_grad;
  PlainKernel<UnsquashRows<Real>> unsquash;
  PlainKernel<UnsquashGradRows<Real>> unsquash_grad;
};

struct KernelTable {
  // Of the instruction set, as SOFTONNX_ISA names it.
  const char* name;
  RealKernels<float> float32;
  RealKernels<double> float64;
  TransportKernel transport[kProjectionCount];
  TransportPlanKernel transport_plan[kProjectionCount];
  TransportSolveKernel transport_solve;
  RowKernel<DecayRows> decay_sums;
  RowKernel<SmoothSortRows> smooth_sort;
  RowKernel<SmoothSortStepRows> smooth_sort_step;
  RowKernel<LogSymmetricRows> log_symmetric;
  RowKernel<LogSymmetricGradRows> log_symmetric_grad;
};

template <class Real>
const RealKernels<Real>& kernels_for(const KernelTable& table);
template <>
inline const RealKernels<float>& kernels_for(const KernelTable& table) {
  return table.float32;
}
template <>
inline const RealKernels<double>& kernels_for(const KernelTable& table) {
  return table.float64;
}

// The table for this processor; the same one for the life of the process. The environment
// variable SOFTONNX_ISA may ask for another than the best: plain, avx2 or avx512.
const KernelTable& kernels();

// Every table that this processor can run, the best last.
struct KernelTables {
  const KernelTable* table[3];
  std::size_t count;
};

KernelTables runnable_kernels();

}  // namespace softonnx
