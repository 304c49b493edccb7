// ai.softonnx soft curves, version 1, in {smooth,c0,c1,c2} and {float32,float64}, elementwise.
//
//   SoftStep_*, SoftSign_*, SoftAbs_*, SoftRelu_*, SoftGatedRelu_*
//                     x [...], softness [] -> y [...]
//   SoftRound_*       x [...], softness [], radius int64 [] -> y [...]
//   Soft...Grad_*          the same and dy [...] -> dx [...]
//   Soft...SoftnessGrad_*  the same and dy [...] -> dsoftness []
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList curve_operators();

}  // namespace softonnx
