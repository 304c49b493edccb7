// Isotonic regression of rows: the falling v that pools neighbouring entries into blocks, on each
// of which it is the level theta with
//   smooth  theta = logsumexp s - logsumexp w        c1  sum (s - theta) |s - theta| = sum w
//   c0      theta = mean (s - w)                     c2  sum (s - theta)^3 = sum w
// (Blondel et al., ICML 2020, for smooth and c0). Blocks of equal level are one block.
//
// A row with NaN or infinite numbers gives NaN, and one block.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softonnx {

// All matrices are [batch, n], contiguous. The arithmetic is in double.
template <class Real>
struct IsotonicRows {
  const Real* s;
  const Real* w;
  std::int64_t* blocks;  // numbers of blocks from 0
  Real* v;
  std::size_t n;
};

}  // namespace softonnx
