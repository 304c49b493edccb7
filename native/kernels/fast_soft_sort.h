// FastSoftSort (Blondel et al., ICML 2020) of one row of n entries, in time O(n log n).
//
// The keys k are the entries, or the logistic function of the entries less their mean over their
// deviation sqrt(variance + 1e-6). With P(s; w) the projection of a falling row s onto the
// permutahedron of a falling row w (isotonic.h has the regression under it):
//   values  y = P(n - 1, ..., 0 over (n - 1) softness; k sorted), rising, in the units of the entries
//   ranks   r = (n - 1) P(-k sorted over softness; n, ..., 1 over n - 1) at the entries' own places
//
// A row with NaN or infinite numbers gives NaN, and so does a softness that is not positive.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softonnx {

// All matrices are [batch, n], contiguous. The arithmetic is in double.
template <class Real>
struct FastSortRows {
  const Real* x;
  const double* softness;
  bool standardized;
  Real* y;
  // For the gradient, null where not asked for: where the sorted entries were, the blocks of the
  // isotonic regression numbered from 0, and the levels (c1 and c2 only).
  std::int64_t* order;
  std::int64_t* blocks;
  double* v;
  std::size_t n;
};

template <class Real>
struct FastSortGradRows {
  const Real* x;
  const double* softness;
  bool standardized;
  const std::int64_t* order;  // numbers below n
  const std::int64_t* blocks;
  const double* v;  // c1 and c2 only
  const Real* dy;
  Real* dx;
  double* dsoftness;  // [batch]: each row's share
  std::size_t n;
};

}  // namespace softonnx
