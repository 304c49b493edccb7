// Logarithms of the elementary symmetric polynomials of exp x: e_k is the log of the sum of
// exp(sum x_S) over all sets S of k of the n entries, k = 0..n; and their gradient,
//   xbar_j = sum_k ebar_k pi_kj,  pi_kj the share of the sets of k entries that hold j.
//
// A row with NaN or infinite numbers gives NaN.
#pragma once

#include <cstddef>

namespace softonnx {

struct LogSymmetricRows {
  const double* x;  // [batch, n]
  double* e;        // [batch, n + 1]
  std::size_t n;
};

struct LogSymmetricGradRows {
  const double* x;     // [batch, n]
  const double* ebar;  // [batch, n + 1]
  double* xbar;        // [batch, n]
  std::size_t n;
};

}  // namespace softonnx
