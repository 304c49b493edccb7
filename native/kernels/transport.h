// Regularised transport between two marginals: potentials f and g with
//   P_ij = phi((f_i + g_j - C_ij) / softness),  sum_j P_ij = a_i,  sum_i P_ij = b_j
// and phi(s) = exp(s), max(s, 0), max(s, 0)^2, max(s, 0)^3 for smooth, c0, c1, c2 (Cuturi 2013;
// Blondel, Seguy and Rolet 2018). In double; the gauge is sum f = sum g.
//
// A problem with NaN or infinite costs, or masses that are not positive and finite, gives NaN;
// so does a softness that is not positive, for all.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softonnx {

struct TransportRows {
  const double* cost;  // [batch, n, m]
  const double* a;     // [batch, n], or [n] for all with a_stride 0
  std::size_t a_stride;
  const double* b;
  std::size_t b_stride;
  double softness;
  double tolerance;  // of the largest relative error of a marginal
  std::int64_t max_iterations;  // steps at most
  double* f;             // [batch, n]
  double* g;             // [batch, m]
  std::int64_t* steps;   // [batch]: Newton steps; four alternations without one count as a step
  double* residual;      // [batch]: the largest relative error, masses below 1e-9 of all as 1% of
                         // the mean
  std::size_t n;
  std::size_t m;
};

// The plan P_ij of potentials. With dplan it is the gradient that is made: with
// W_ij = phi'(s_ij) dplan_ij / softness, dcost = -W, and df and dg are its sums.
struct TransportPlanRows {
  const double* cost;  // [batch, n, m]
  const double* f;     // [batch, n]
  const double* g;     // [batch, m]
  double softness;
  const double* dplan;  // [batch, n, m]
  double* cells;        // [batch, n, m]: the plan, or dcost
  double* df;           // [batch, n]
  double* dg;           // [batch, m]
  std::size_t n;
  std::size_t m;
};

struct TransportPlanKernel {
  // Over problems times n, their rows.
  void (*plan)(const TransportPlanRows& rows, std::size_t begin, std::size_t end);
  // Over problems.
  void (*gradient)(const TransportPlanRows& rows, std::size_t begin, std::size_t end);
};

struct TransportKernel {
  void (*run)(const TransportRows& rows, std::size_t begin, std::size_t end, void* block);
  std::size_t (*scratch)(std::size_t n, std::size_t m);
};

// The solution of least norm of
//   u_i sum_j W_ij + sum_j W_ij v_j = r_i,  sum_i W_ij u_i + v_j sum_i W_ij = s_j
// on each connected component of the support of W >= 0, with what of (r, s) has no solution there
// left out; 0 where W has an empty row or column.
struct TransportSolveRows {
  const double* w;  // [batch, n, m]
  const double* r;  // [batch, n]
  const double* s;  // [batch, m]
  double* u;
  double* v;
  std::size_t n;
  std::size_t m;
};

struct TransportSolveKernel {
  void (*run)(const TransportSolveRows& rows, std::size_t begin, std::size_t end, void* block);
  std::size_t (*scratch)(std::size_t n, std::size_t m);
};

}  // namespace softonnx
