// ai.softonnx IsotonicRegression_{smooth,c0,c1,c2}_{float32,float64}, version 1.
//
//   inputs   s [B, n], w [B, n]
//   outputs  blocks int64 [B, n], from 0 and rising; v [B, n], falling (kernels/isotonic.h)
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList isotonic_operators();

}  // namespace softonnx
