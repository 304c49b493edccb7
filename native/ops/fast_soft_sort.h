// ai.softonnx FastSoftSort, version 1, in {smooth,c0,c1,c2}, {plain,standardized}, {float32,float64}.
//
//   FastSoftSort_*       x [B, n], softness [] -> y [B, n], rising, and what is kept
//   FastSoftRanks_*      x [B, n], softness [] -> r [B, n], 1 for the largest, and what is kept
//   FastSoftSortGrad_*   x, softness, what is kept, dy [B, n] -> dx [B, n], dsoftness []
//   FastSoftRanksGrad_*  x, softness, what is kept, dr [B, n] -> dx [B, n], dsoftness []
//
// Kept are order and blocks, int64 [B, n], and in modes c1 and c2 v, float64 [B, n]. Softness and its
// cotangent are float64 (kernels/fast_soft_sort.h).
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList fast_soft_sort_operators();

}  // namespace softonnx
