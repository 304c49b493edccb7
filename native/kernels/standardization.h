// Standardisation of rows x of n entries, and the way back:
//
//   squashed_i = sigmoid((x_i - first - offset) / deviation),  first = x_0,
//   offset = mean(x - first),  deviation = sqrt(mean((x - first - offset)^2) + 1e-6)
//   entries_i = logit(y_i) deviation + offset + first,  y clipped to [margin, 1 - margin]
//
// All arithmetic is in double, whatever Real is. NaN gives NaN.
#pragma once

#include <cstddef>

namespace softonnx {

template <class Real>
struct StandardizeRows {
  const Real* x;    // [batch, n]
  Real* squashed;   // [batch, n]
  Real* first;      // [batch]
  Real* offset;     // [batch]
  Real* deviation;  // [batch]
  std::size_t n;
};

// The gradient by x for cotangents of squashed, offset and deviation.
template <class Real>
struct StandardizeGradRows {
  const Real* x;
  const Real* first;
  const Real* offset;
  const Real* deviation;
  const Real* squashed;
  const Real* dsquashed;   // [batch, n]
  const Real* doffset;     // [batch]
  const Real* ddeviation;  // [batch]
  Real* dx;                // [batch, n]
  std::size_t n;
};

template <class Real>
struct UnsquashRows {
  const Real* y;  // [batch, n]
  const Real* first;
  const Real* offset;
  const Real* deviation;
  Real* entries;  // [batch, n]
  std::size_t n;
};

template <class Real>
struct UnsquashGradRows {
  const Real* y;  // [batch, n]
  const Real* deviation;
  const Real* dentries;  // [batch, n]
  Real* dy;              // [batch, n]
  Real* doffset;         // [batch]
  Real* ddeviation;      // [batch]
  std::size_t n;
};

// Over the rows [begin, end).
template <class Rows>
using PlainKernel = void (*)(const Rows& rows, std::size_t begin, std::size_t end);

}  // namespace softonnx
