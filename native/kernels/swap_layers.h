// A linear run through the layers of a sorting network (sorting_network.h has them): in each, every
// pair (a, b) of entries gives
//   p = a - b,  a <- a - (w p - v),  b <- b + (w p - v)
// forward from the first layer to the last, or backward. The arithmetic is that of Real.
#pragma once

#include <cstddef>

namespace softonnx {

template <class Real>
struct SwapRows {
  const Real* h;  // [batch, n, channels], n a power of two
  const Real* w;  // [layers, batch, n / 2]
  const Real* v;  // [layers, batch, n / 2, channels], or null for zeros
  Real* y;        // as h
  Real* p;        // as v
  std::size_t batch;
  std::size_t n;
  std::size_t channels;
  bool backward;
};

}  // namespace softonnx
