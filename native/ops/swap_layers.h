// ai.softonnx SwapLayers_{Forward,Backward}_{Plain,Added}_{float32,float64}, version 1.
//
//   inputs   h [B, n, C], w [layers, B, n / 2], Added: v [layers, B, n / 2, C]; n a power of two
//   outputs  y [B, n, C], p [layers, B, n / 2, C] (kernels/swap_layers.h)
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList swap_layers_operators();

}  // namespace softonnx
