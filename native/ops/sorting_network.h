// ai.softonnx SortingNetwork, version 1, in {smooth,c0,c1,c2} and {float32,float64}.
//
//   SortingNetworkValues_*      x [B, n], softness [] -> y [B, n], ascending; n a power of two
//   SortingNetworkValuesGrad_*  x, softness, dy [B, n] -> dx [B, n], dsoftness []
//   SortingNetworkTrace_*       x, softness -> y, differences [layers, B, n / 2]
//   SortingNetworkPermutation_*      x, softness -> y [B, n], permutation [B, n, n]
//   SortingNetworkPermutationGrad_*  x, softness, dy, dpermutation -> dx, dsoftness
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList sorting_network_operators();

}  // namespace softonnx
