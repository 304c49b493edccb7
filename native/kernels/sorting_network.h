// A soft bitonic sorting network (Batcher 1968; Petersen et al., ICML 2021) over rows of n = 2^k
// entries: in each of k (k + 1) / 2 layers every pair (a, b) that is to rise becomes
//   a (1 - m) + b m,  b (1 - m) + a m,   m = sigmoidal((a - b) / softness)
// and the other way round where it is to fall. Layer by layer, pairs are `d` apart, with d = 2^p,
// 2^(p-1), .., 1 in phase p; blocks of 2^(p+1) entries rise and fall in turn.
//
//   smooth  1 / (1 + exp(-z))      with w = clip(z / 10 + 1/2, 0, 1):
//   c0      w    c1  w^2 (3 - 2 w)    c2  w^3 (10 - 15 w + 6 w^2)
//
// The arithmetic is that of Real. A row with NaN or infinite numbers gives NaN, and so does a
// softness that is not positive.
#pragma once

#include <cstddef>

namespace softonnx {

// Rows shorter than a vector or two go through the network side by side; so the unit of work is
// a group of rows, and what is added up over rows is added up by group.
template <class Real>
struct NetworkRows {
  const Real* x;
  const Real* softness;
  const Real* dy;     // gradient only
  Real* y;            // values, or with dy the cotangent of x
  double* dsoftness;  // gradient only: [groups]
  std::size_t batch;
  std::size_t n;
};

// The values with the difference a - b of every pair as it came to its layer.
template <class Real>
struct NetworkTraceRows {
  const Real* x;
  const Real* softness;
  Real* y;
  Real* differences;  // [layers, batch, n / 2]
  std::size_t batch;
  std::size_t n;
};

// The soft permutation with the values, each row of the batch by itself: P [n, n] with y = P x,
// P mixed layer by layer as the entries are.
template <class Real>
struct NetworkPermutationRows {
  const Real* x;
  const Real* softness;
  const Real* dy;           // gradient only
  const Real* dpermutation;  // gradient only
  Real* y;                  // or the cotangent of x
  Real* permutation;        // forward only
  double* dsoftness;        // gradient only: [batch]
  std::size_t n;
};

template <class Rows>
struct GroupKernel {
  void (*run)(const Rows& rows, std::size_t begin, std::size_t end, void* block);
  std::size_t (*scratch)(std::size_t n);
  // Rows in a group.
  std::size_t (*group)(std::size_t n);
};

}  // namespace softonnx
