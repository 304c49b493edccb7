// ai.softonnx optimizer steps, version 1, in {float32,float64}, over tensors of any one shape.
//
//   AdamStep_{none,coupled,decoupled}_*
//     parameter, gradient, mean, square [...], rate, root, enter1, beta2, enter2, epsilon [],
//     decay [] but for none -> next, nextMean, nextSquare [...]
//   MomentumStep_{heavy,nesterov}_{none,coupled}_*
//     parameter, gradient, velocity [...], rate, momentum [], decay [] but for none
//     -> next, nextVelocity [...]
//
// kernels/optimizer_steps.h has the equations.
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList optimizer_step_operators();

}  // namespace softonnx
