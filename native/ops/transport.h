// ai.softonnx transport, version 1, float64.
//
//   TransportPotentials_{smooth,c0,c1,c2}_float64
//     inputs   cost [B, n, m], a [B, n] or [1, n], b [B, m] or [1, m], softness [], tolerance [],
//              maxIterations int64 []
//     outputs  f [B, n], g [B, m], steps int64 [B], residual [B]
//   TransportPlan_{smooth,c0,c1,c2}_float64
//     inputs   cost [B, n, m], f [B, n], g [B, m], softness []
//     outputs  plan [B, n, m]
//   TransportPlanGrad_{smooth,c0,c1,c2}_float64
//     inputs   as before, and dplan [B, n, m]
//     outputs  dcost [B, n, m], df [B, n], dg [B, m]
//   TransportSolve_float64
//     inputs   w [B, n, m], r [B, n], s [B, m]
//     outputs  u [B, n], v [B, m]
//
// kernels/transport.h has the equations.
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList transport_operators();

}  // namespace softonnx
