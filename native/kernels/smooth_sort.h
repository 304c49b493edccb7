// The solver under SmoothSort (Paulus et al. 2026): for each row the minimum beta of
//   q.beta + sum exp(-(c + L beta)) + sum exp(-beta)
// with (L x)_i = 2 x_i - x_{i-1} - x_{i+1}, nothing beyond the ends; and the systems of its Newton
// steps and derivatives, (L diag(s) L + diag(d)) u = f.
//
// A row with NaN or infinite numbers gives NaN.
#pragma once

#include <cstddef>

namespace softonnx {

// All matrices are [batch, n], in double.
struct SmoothSortRows {
  const double* c;
  const double* q;  // positive
  double* beta;
  std::size_t n;
};

struct SmoothSortStepRows {
  const double* s;  // not negative
  const double* d;  // positive
  const double* f;
  double* u;
  std::size_t n;
};

}  // namespace softonnx
