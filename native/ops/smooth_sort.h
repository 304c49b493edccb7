// ai.softonnx SmoothSort, version 1, float64.
//
//   SmoothSort_float64      c, q [B, m] -> beta [B, m]
//   SmoothSortStep_float64  s, d, f [B, m] -> u [B, m]
//
// kernels/smooth_sort.h has the equations.
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList smooth_sort_operators();

}  // namespace softonnx
