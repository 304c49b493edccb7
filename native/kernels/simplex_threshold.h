// The simplex threshold: for each row v of n entries, the t with sum_j phi(v_j - t) = mass.
//
//   smooth  phi(r) = exp(r)         c1  phi(r) = max(r, 0)^2
//   c0      phi(r) = max(r, 0)      c2  phi(r) = max(r, 0)^3
//
// smooth is log-sum-exp. c0 is the threshold of the Euclidean projection onto the simplex
// (Michelot 1986; Duchi et al., ICML 2008). c1 and c2 are, up to the scale of v, those of
// alpha-entmax with alpha = 3/2 and 4/3 (Peters, Niculae and Martins, ACL 2019).
#pragma once

#include <cstddef>

namespace softonnx {

enum class Projection { smooth, c0, c1, c2 };

constexpr std::size_t kProjectionCount = 4;

// v is [batch, n], contiguous. mass is one entry a row (mass_stride 1) or one for all rows
// (mass_stride 0). t is [batch].
template <class Real>
struct ThresholdRows {
  const Real* v;
  const Real* mass;
  std::size_t mass_stride;
  Real* t;
  std::size_t n;
};

// Solves rows [begin, end). All arithmetic is in double, whatever Real is, and the result of a
// row depends on that row alone.
//
// An entry of -inf carries no mass. t is NaN if the row holds NaN or +inf, or no finite entry,
// or if its mass is NaN or not positive; an infinite mass gives -inf.
template <class Real>
using ThresholdKernel = void (*)(const ThresholdRows<Real>& rows, std::size_t begin,
                                 std::size_t end);

}  // namespace softonnx
