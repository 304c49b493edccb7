// One entry for each kernel, as compiled for one instruction set.
#pragma once

#include "simplex_threshold.h"

namespace softonnx {

struct KernelTable {
  ThresholdKernel<float> threshold_float32[kProjectionCount];
  ThresholdKernel<double> threshold_float64[kProjectionCount];
};

template <class Real>
ThresholdKernel<Real> threshold_kernel(const KernelTable& table, Projection projection);

template <>
inline ThresholdKernel<float> threshold_kernel(const KernelTable& table, Projection projection) {
  return table.threshold_float32[static_cast<std::size_t>(projection)];
}

template <>
inline ThresholdKernel<double> threshold_kernel(const KernelTable& table, Projection projection) {
  return table.threshold_float64[static_cast<std::size_t>(projection)];
}

// The table for this processor; the same one for the life of the process.
const KernelTable& kernels();

}  // namespace softonnx
