// ai.softonnx SoftSort, version 1, in {smooth,c0,c1,c2} and {float32,float64}.
//
//   SoftSortValues_*      keys [B, n], payload [B, n], softness [] -> y [B, n], ascending by keys
//   SoftSortRanks_*       keys [B, n], softness [] -> r [B, n], from 1, ascending
//   SoftSortValuesGrad_*  keys, payload, softness, dy -> dkeys, dpayload, dsoftness
//   SoftSortRanksGrad_*   keys, softness, dr -> dkeys, dsoftness
#pragma once

#include "operator.h"

namespace softonnx {

OperatorList softsort_operators();

}  // namespace softonnx
