// NeuralSort (Grover, Wang, Zweig and Ermon, ICLR 2019) of one row of n keys in O(n) memory.
//
// With k the keys, row i from 0 of the soft permutation is
//   P_ij = phi(L_ij - t_i),  L_ij = ((2i - (n - 1)) k_j - A_j) / softness,  sum_j P_ij = 1
// with phi(r) = exp(r), max(r, 0), max(r, 0)^2, max(r, 0)^3 for smooth, c0, c1, c2, and the spread
// A_j = sum_m |k_j - k_m|, where |d| is soft:
//   smooth  d tanh(d / (2 softness))
//   else    d o(v), v = d / (5 softness) cut to [-1, 1],
//           o(v) = v | v (3 - v^2) / 2 | v (15 - 10 v^2 + 3 v^4) / 8
// The values are y_i = sum_j P_ij payload_j. The ranks are, for each key, the mean of the positions
// 1..n under its column, which is brought to sum 1.
//
// A row with NaN or infinite numbers gives NaN, and so does a softness that is not positive.
#pragma once

#include <cstddef>

#include "softsort.h"

namespace softonnx {

// All matrices are [batch, n], contiguous.
template <class Real>
struct NeuralSortRows {
  const Real* keys;
  const Real* payload;  // values only
  const Real* softness;
  Real* y;
  Real* permutation;  // values only: [batch, n, n], or null where it is not wanted
  std::size_t n;
};

template <class Real>
using NeuralSortGradRows = SoftSortGradRows<Real>;

}  // namespace softonnx
