// ai.softonnx NeuralSort, version 1, in {smooth,c0,c1,c2} and {float32,float64}; keys of any rank.
//
//   NeuralSort_*           keys [..., n], payload [..., n], softness []
//                          -> y [..., n], ascending by keys, permutation [..., n, n] (optional)
//   NeuralSortRanks_*      keys [..., n], softness [] -> r [..., n], from 1, ascending
//   NeuralSortGrad_*       keys, payload, softness, dy -> dkeys, dpayload, dsoftness
//   NeuralSortRanksGrad_*  keys, softness, dr -> dkeys, dsoftness
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList neuralsort_operators();

}  // namespace softonnx
