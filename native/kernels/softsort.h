// SoftSort (Prillo and Eisenschlos, ICML 2020) of one row of n keys, in time O(n log n) for
// smooth and O(n window) for the others, without the n x n matrix.
//
// With s the keys in ascending order, row i of that matrix is
//   P_ij = phi(rho_i - |s_i - k_j| / softness),  sum_j P_ij = 1
// with phi(r) = exp(r), max(r, 0), max(r, 0)^2, max(r, 0)^3 for smooth, c0, c1, c2. The values are
// y_i = sum_j P_ij payload_j. The ranks are, for each key at its own place, the mean of the
// positions 1..n of the sorted keys under the row of its own key.
//
// A row with NaN or infinite numbers gives NaN, and so does a softness that is not positive.
// Equal keys have the derivative 0 with respect to their distance.
#pragma once

#include <cstddef>

namespace softonnx {

// All matrices are [batch, n], contiguous.
template <class Real>
struct SoftSortRows {
  const Real* keys;
  const Real* payload;  // values only
  const Real* softness;
  Real* y;
  std::size_t n;
};

template <class Real>
struct SoftSortGradRows {
  const Real* keys;
  const Real* payload;  // values only
  const Real* softness;
  const Real* dy;
  Real* dkeys;
  Real* dpayload;    // values only
  double* dsoftness;  // [batch]: each row's share
  std::size_t n;
};

// A kernel that needs scratch memory: rows [begin, end) with a block of scratch(n) bytes at an
// address that is a multiple of 64. All arithmetic is in double, and the result of a row depends
// on that row alone.
template <class Rows>
struct RowKernel {
  void (*run)(const Rows& rows, std::size_t begin, std::size_t end, void* block);
  std::size_t (*scratch)(std::size_t n);
};

}  // namespace softonnx
