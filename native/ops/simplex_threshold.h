// ai.softonnx SimplexThreshold_{smooth,c0,c1,c2}_{float32,float64}, version 1.
//
//   inputs  v [batch, n], mass [batch, 1] or [1, 1]
//   output  t [batch, 1] with sum_j phi(v_j - t) = mass (kernels/simplex_threshold.h)
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList simplex_threshold_operators();

}  // namespace softonnx
