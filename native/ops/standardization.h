// ai.softonnx standardisation, version 1, float32 and float64. What has no shape here is
// [..., 1], a number a row.
//
//   Standardize_{float32,float64}
//     inputs   x [..., n]
//     outputs  squashed [..., n], first, offset, deviation
//   StandardizeGrad_{float32,float64}
//     inputs   x [..., n], first, offset, deviation, squashed [..., n], dsquashed [..., n], doffset, ddeviation
//     outputs  dx [..., n]
//   Unsquash_{float32,float64}
//     inputs   y [..., n], first, offset, deviation
//     outputs  entries [..., n]
//   UnsquashGrad_{float32,float64}
//     inputs   y [..., n], deviation, dentries [..., n]
//     outputs  dy [..., n], doffset, ddeviation
//
// kernels/standardization.h has the formulas.
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList standardization_operators();

}  // namespace softonnx
