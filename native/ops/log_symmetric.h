// ai.softonnx LogSymmetric, version 1, float64.
//
//   LogSymmetric_float64      x [B, n] -> e [B, n + 1]
//   LogSymmetricGrad_float64  x [B, n], ebar [B, n + 1] -> xbar [B, n]
//
// kernels/log_symmetric.h has the equations.
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList log_symmetric_operators();

}  // namespace softonnx
