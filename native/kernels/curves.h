// The soft elementwise curves of x and a softness t, their slopes and their derivatives by t.
//
//   step   1 / (1 + exp(-x / t)), or a polynomial of degree 1, 3, 5 (smooth, c0, c1, c2) of
//          w = x / (10 t) + 1/2 cut to [0, 1]
//   sign   2 step - 1
//   abs    x sign
//   relu   the integral of step
//   gated  x step
//   round  the sum over whole numbers n within `radius` of floor(x) of
//          n (step(x - n + 1/2) - step(x - n - 1/2))
#pragma once

#include <cstddef>
#include <cstdint>

#include "simplex_threshold.h"

namespace softonnx {

enum class CurveKind { step, sign, abs, relu, gated, round };
constexpr std::size_t kCurveCount = 6;

// The curve; the product of its slope with a cotangent; the sum of the products of its derivatives by
// the softness with a cotangent.
enum class CurvePart { value, slope, by_softness };
constexpr std::size_t kCurvePartCount = 3;

// Entries are handed out in chunks of this many, which do not depend on the number of threads.
constexpr std::size_t kCurveChunk = 4096;

template <class Real>
struct CurveRows {
  const Real* x;
  const Real* dy;  // but for the value
  Real* y;         // of the value and the slope
  double* sums;    // by_softness: [chunks]
  Real softness;
  std::int64_t radius;  // round only
  std::size_t n;
};

// Chunks [begin, end).
template <class Real>
using CurveKernel = void (*)(const CurveRows<Real>& rows, std::size_t begin, std::size_t end);

}  // namespace softonnx
