// Sums over ascending points that decay with the distance, each side on its own:
//   l_i = sum over s_j < s_i of exp(-(s_i - s_j) / softness) a_j
//   r_i = sum over s_j > s_i of exp(-(s_j - s_i) / softness) b_j
// Equal points take no part.
//
// A row of points with NaN or infinity gives NaN, and so does a softness that is not positive.
#pragma once

#include <cstddef>

namespace softonnx {

// In double, contiguous.
struct DecayRows {
  const double* s;  // [batch, n]
  const double* a;  // [channels, batch, n]
  const double* b;  // as a
  const double* softness;
  double* l;  // as a
  double* r;  // as a
  std::size_t batch;
  std::size_t n;
  std::size_t channels;
};

}  // namespace softonnx
