// The state of one transport problem, with at least as many rows as columns, and what both kinds
// of regulariser share: the Newton direction, the search along it and the continuation in the
// softness. See transport.h for the contract.

// Potentials and costs are in units of the softness of the stage, which is 1 / per_softness.
struct Transport {
  std::size_t n;
  std::size_t m;
  std::size_t stride;
  double per_softness;
  double* cost;     // [n][stride], from 0
  double* a;        // [n]
  double* b;        // [padded m]
  double* f;
  double* g;
  double* columns;  // sums of the plan's columns, at rows that are exact
  double* d;        // Newton direction of g
  double* kernel;   // [n][stride]: the model's
  double* weights;  // [n]
  double* u;        // [n]: the model's
  double* v;        // [padded m]
  double* trial;    // [padded m]
  double* turned;   // the cost as [m][row_stride], where a model wants it
  double* panel;
  double* gram;     // [m + tile][stride]
  double* factor;   // [m][stride]
};

inline std::size_t vector_padded(std::size_t n) { return padded(n) + kTileColumns; }

inline Transport take_transport(Arena& arena, std::size_t n, std::size_t m, bool with_turned) {
  Transport t{};
  t.n = n < m ? m : n;
  t.m = n < m ? n : m;
  t.stride = stride_of(t.m);
  t.cost = arena.take<double>(t.n * t.stride + kTileColumns);
  t.kernel = arena.take<double>(t.n * t.stride + kTileColumns);
  const auto long_side = [&](double*& x) { x = arena.take<double>(vector_padded(t.n)); };
  const auto short_side = [&](double*& x) { x = arena.take<double>(vector_padded(t.m)); };
  long_side(t.a), long_side(t.f), long_side(t.weights), long_side(t.u);
  short_side(t.b), short_side(t.g), short_side(t.columns), short_side(t.d), short_side(t.v);
  long_side(t.trial);
  t.turned = with_turned ? arena.take<double>(t.m * stride_of(t.n)) : nullptr;
  t.panel = arena.take<double>(t.n * kTileRows);
  t.gram = arena.take<double>((t.m + kTileRows) * t.stride + kTileColumns);
  t.factor = arena.take<double>((t.m + 1) * t.stride + kTileColumns);
  return t;
}

// Masses below this share of all are those that stand for none. To correct them in the end changes no
// other by what can be told.
constexpr double kNoMass = 1e-9;

// What the error of a mass is relative to: itself, or for one that stands for none 1% of the mean.
inline double weighable(double mass, double total, std::size_t count) {
  return mass < kNoMass * total ? total / (100 * static_cast<double>(count)) : mass;
}

struct ColumnError {
  double share;  // the largest error over the largest mass
  double entry;  // the largest relative error
};

inline ColumnError column_error(const Transport& t) {
  double largest = 0, mass = 0, total = 0, entry = 0;
  for (std::size_t j = 0; j < t.m; ++j) total += t.b[j];
  for (std::size_t j = 0; j < t.m; ++j) {
    const double error = std::fabs(t.b[j] - t.columns[j]);
    const double relative = error / weighable(t.b[j], total, t.m);
    // Once NaN, always NaN.
    if (!(error <= largest)) largest = error;
    if (!(relative <= entry)) entry = relative;
    mass = t.b[j] > mass ? t.b[j] : mass;
  }
  return {largest / mass, entry};
}

// From the Gram matrix G of the weights: (D - G) d = b - columns, where D makes rows sum to 0. The
// shift is against null directions, where the support falls apart; the rank-one term chooses
// among the solutions, which are free up to a constant.
inline void newton_direction(Transport& t, double error) {
  const std::size_t m = t.m;
  double* const diagonal = t.trial;
  sums_beside_diagonal(t.gram, t.stride, m, diagonal);
  double total = 0;
  const double shift = 1e-3 * (error < 1 ? error : 1) + 1e-10;
  for (std::size_t j = 0; j < m; ++j) {
    // G_jj + sum of the others is the column's sum of weights.
    diagonal[j] += shift * (diagonal[j] + t.gram[j * t.stride + j]);
    if (!(diagonal[j] > 0)) diagonal[j] = 1;
    total += diagonal[j];
    diagonal[j] = std::sqrt(diagonal[j]);
  }
  for (std::size_t j = 0; j < m; ++j) {
    double* const row = t.gram + j * t.stride;
    const double own = diagonal[j];
    for (std::size_t k = j + 1; k < m; ++k) {
      const double scale = own * diagonal[k];
      row[k] = scale / total - row[k] / scale;
    }
    row[j] = 1 + own * own / total;
    t.d[j] = (t.b[j] - t.columns[j]) / own;
  }
  cholesky(t.gram, t.stride, m, t.factor);
  for (std::size_t j = m; j < vector_padded(m); ++j) t.d[j] = 0;
  solve_factored(t.factor, t.stride, m, t.d);
  for (std::size_t j = 0; j < m; ++j) t.d[j] /= diagonal[j];
}

inline double slope_along(const Transport& t) {
  double result = 0;
  for (std::size_t j = 0; j < t.m; ++j) result += (t.b[j] - t.columns[j]) * t.d[j];
  return result;
}

constexpr int kMostSearchRounds = 30;
constexpr double kLongest = 1e6;

// Follows d until the slope of the dual, which is concave, has nearly vanished: longer and longer
// until it is bracketed, then by secants with a bisection every third time.
template <class Model>
inline void search_along(Transport& t, Model& model, const ColumnError& before) {
  const double slope = slope_along(t);
  double length = 1, low = 0, low_slope = slope, high = kInfinity, high_slope = 0;
  for (int round = 0; round < kMostSearchRounds; ++round) {
    model.go(t, length);
    const double here = slope_along(t);
    const ColumnError error = column_error(t);
    if (std::fabs(here) <= 0.1 * slope || error.share <= 0.1 * before.share ||
        error.share < 1e-11) {
      break;
    }
    if (here > 0) {
      low = length;
      low_slope = here;
    } else {
      // NaN as well: too far.
      high = length;
      high_slope = here == here ? here : -slope;
    }
    if (!(high < kInfinity)) {
      if (length > kLongest) break;
      length *= 4;
    } else if (round % 3 == 2) {
      length = (low + high) / 2;
    } else {
      length = low + (high - low) * low_slope / (low_slope - high_slope);
    }
  }
  model.accept(t, length);
}

constexpr double kStageFactor = 4;
constexpr double kStageError = 0.1;
constexpr int kStageSteps = 10;
constexpr int kLastStageSteps = 60;
constexpr double kStallError = 1e-9;

struct Solved {
  std::int64_t steps;
  double error;
};

// Damped Newton on the dual of the columns at a softness that falls in stages to 1 / target. The
// model is at its first stage, with rows that are exact.
template <class Model>
inline Solved continue_by_newton(Transport& t, Model& model, double target, double tolerance,
                                 std::int64_t most) {
  Solved result{0, kInfinity};
  int age = 0;
  double last = kInfinity;
  while (result.steps < most) {
    model.alternate(t);
    ColumnError error = column_error(t);
    const bool final_stage = t.per_softness >= target;
    if (!final_stage && (error.share < kStageError || age >= kStageSteps)) {
      const double next = t.per_softness * kStageFactor;
      model.enter(t, next < target ? next : target);
      age = 0;
      last = kInfinity;
      continue;
    }
    result.error = error.entry;
    const bool stalled = error.entry < kStallError && error.entry >= 0.5 * last;
    if (final_stage && (error.entry <= tolerance || stalled || age >= kLastStageSteps)) break;
    if (!(error.share < 1e200)) break;
    last = error.entry;
    model.weigh(t);
    newton_direction(t, error.share);
    search_along(t, model, error);
    ++result.steps;
    ++age;
    if (final_stage) {
      error = column_error(t);
      result.error = error.entry;
      if (error.entry <= tolerance) break;
    }
  }
  return result;
}
