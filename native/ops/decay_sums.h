// ai.softonnx DecaySums_float64, version 1.
//
//   inputs   s [B, n], a [C, B, n], b [C, B, n], softness []
//   outputs  l, r [C, B, n] (kernels/decay_sums.h)
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList decay_sums_operators();

}  // namespace softonnx
