// Smooth transport: the plan is diag(u) K diag(v) for a kernel K that is computed once a stage, so
// alternations, line searches and Hessians are products with K, without an exponential.

constexpr std::size_t kRowsAtOnce = 4;

// A kernel of few columns is kept column by column, so that vectors hold rows and are full.
inline bool is_narrow(const Transport& t) { return t.m <= kDoubles; }

inline double* narrow_column(const Transport& t, std::size_t j) {
  return t.kernel + j * padded(t.n);
}

// From v: u = a / (K v), so that rows are exact, and the sums of the columns, in one pass over K.
inline void scale_wide_rows(Transport& t, const double* v) {
  const std::size_t columns = padded(t.m);
  double* const sums = t.columns;
  for (std::size_t j = 0; j < columns; ++j) sums[j] = 0;
  for (std::size_t i = 0; i < t.n; i += kRowsAtOnce) {
    // The last rows are counted once: what is repeated gets no weight.
    const double* rows[kRowsAtOnce];
    D dots[kRowsAtOnce];
    for (std::size_t r = 0; r < kRowsAtOnce; ++r) {
      rows[r] = t.kernel + (i + r < t.n ? i + r : t.n - 1) * t.stride;
      dots[r] = splat(0.0);
    }
    for (std::size_t j = 0; j < columns; j += kDoubles) {
      const D x = load(v + j);
      for (std::size_t r = 0; r < kRowsAtOnce; ++r) dots[r] += x * load(rows[r] + j);
    }
    D scales[kRowsAtOnce];
    for (std::size_t r = 0; r < kRowsAtOnce; ++r) {
      double scale = 0;
      if (i + r < t.n) t.u[i + r] = scale = t.a[i + r] / sum(dots[r]);
      scales[r] = splat(scale);
    }
    for (std::size_t j = 0; j < columns; j += kDoubles) {
      D x = load(sums + j);
      for (std::size_t r = 0; r < kRowsAtOnce; ++r) x += scales[r] * load(rows[r] + j);
      store(sums + j, x);
    }
  }
  for (std::size_t j = 0; j < columns; ++j) sums[j] *= v[j];
}

// The same, for a narrow kernel.
inline void scale_narrow_rows(Transport& t, const double* v) {
  D sums[kDoubles];
  for (std::size_t j = 0; j < t.m; ++j) sums[j] = splat(0.0);
  for (std::size_t i = 0; i < t.n; i += kDoubles) {
    D cells[kDoubles];
    D total = splat(0.0);
    for (std::size_t j = 0; j < t.m; ++j) {
      cells[j] = load(narrow_column(t, j) + i) * v[j];
      total += cells[j];
    }
    // Rows beyond the last have an a of 0, and a kernel of 1.
    const D u = load(t.a + i) / total;
    store(t.u + i, u);
    for (std::size_t j = 0; j < t.m; ++j) sums[j] += u * cells[j];
  }
  for (std::size_t j = 0; j < t.m; ++j) t.columns[j] = sum(sums[j]);
  for (std::size_t j = t.m; j < padded(t.m); ++j) t.columns[j] = 0;
}

inline void scale_rows(Transport& t, const double* v) {
  is_narrow(t) ? scale_narrow_rows(t, v) : scale_wide_rows(t, v);
}

struct SmoothTransport {
  // K = exp(f + g - cost) with u = v = 1.
  void refresh(Transport& t) {
    for (std::size_t j = 0; j < padded(t.m); ++j) t.v[j] = 1;
    is_narrow(t) ? refresh_narrow(t) : refresh_wide(t);
  }

  void refresh_narrow(Transport& t) {
    for (std::size_t j = 0; j < t.m; ++j) {
      double* const k = narrow_column(t, j);
      const D own = splat(t.g[j]);
      for (std::size_t i = 0; i < t.n; i += kDoubles) {
        D cost = splat(0.0);
        for (std::size_t r = 0; r < kDoubles && i + r < t.n; ++r) {
          cost[r] = t.cost[(i + r) * t.stride + j];
        }
        store(k + i, exp_in_range(load(t.f + i) + own - cost * t.per_softness));
      }
      for (std::size_t i = t.n; i < padded(t.n); ++i) k[i] = 1;
    }
  }

  void refresh_wide(Transport& t) {
    const std::size_t columns = padded(t.m);
    for (std::size_t i = 0; i < t.n; ++i) {
      const double* const cost = t.cost + i * t.stride;
      double* const k = t.kernel + i * t.stride;
      const D own = splat(t.f[i]);
      for (std::size_t j = 0; j < columns; j += kDoubles) {
        store(k + j, exp_in_range(own + load(t.g + j) - load(cost + j) * t.per_softness));
      }
      for (std::size_t j = t.m; j < columns; ++j) k[j] = 0;
    }
  }

  // Takes u and v into the potentials.
  void absorb(Transport& t) {
    for (std::size_t i = 0; i < t.n; i += kDoubles) {
      store(t.f + i, load(t.f + i) + log_of_normal(load(t.u + i)));
    }
    for (std::size_t j = 0; j < t.m; j += kDoubles) {
      store(t.g + j, load(t.g + j) + log_of_normal(load(t.v + j)));
    }
    for (std::size_t j = t.m; j < padded(t.m); ++j) t.g[j] = 0;
  }

  void enter(Transport& t, double per_softness) {
    absorb(t);
    const double ratio = per_softness / t.per_softness;
    t.per_softness = per_softness;
    for (std::size_t i = 0; i < t.n; ++i) t.f[i] *= ratio;
    for (std::size_t j = 0; j < t.m; ++j) t.g[j] *= ratio;
    refresh(t);
    scale_rows(t, t.v);
  }

  // Columns are made exact, and then rows.
  void alternate(Transport& t) {
    for (std::size_t j = 0; j < t.m; ++j) t.v[j] *= t.b[j] / t.columns[j];
    scale_rows(t, t.v);
  }

  // The Gram matrix of the plan with its rows over their sums.
  void weigh(Transport& t) {
    for (std::size_t i = 0; i < t.n; ++i) t.weights[i] = t.u[i] * t.u[i] / t.a[i];
    if (is_narrow(t)) {
      narrow_gram(t);
    } else {
      weighted_gram(t.kernel, t.stride, t.n, t.m, t.weights, t.panel, t.gram);
    }
    for (std::size_t j = 0; j < t.m; ++j) {
      double* const row = t.gram + j * t.stride;
      for (std::size_t k = j; k < t.m; ++k) row[k] *= t.v[j] * t.v[k];
    }
  }

  void narrow_gram(Transport& t) {
    for (std::size_t i = t.n; i < padded(t.n); ++i) t.weights[i] = 0;
    for (std::size_t p = 0; p < t.m; ++p) {
      for (std::size_t q = p; q < t.m; ++q) {
        D total = splat(0.0);
        for (std::size_t i = 0; i < t.n; i += kDoubles) {
          total += load(t.weights + i) * load(narrow_column(t, p) + i) *
                   load(narrow_column(t, q) + i);
        }
        t.gram[p * t.stride + q] = sum(total);
      }
    }
  }

  void go(Transport& t, double length) {
    for (std::size_t j = 0; j < padded(t.m); j += kDoubles) {
      const D change = min(max(load(t.d + j) * length, splat(-300.0)), splat(300.0));
      store(t.trial + j, load(t.v + j) * exp_in_range(change));
    }
    scale_rows(t, t.trial);
  }

  void accept(Transport& t, double) {
    std::memcpy(t.v, t.trial, padded(t.m) * sizeof *t.v);
    double most = 1, least = 1;
    for (std::size_t j = 0; j < t.m; ++j) {
      most = t.v[j] > most ? t.v[j] : most;
      least = t.v[j] < least ? t.v[j] : least;
    }
    // Long before products leave the range of double.
    if (most < 1e80 && least > 1e-80) return;
    absorb(t);
    refresh(t);
    scale_rows(t, t.v);
  }
};

// Alternations while they promise to be quicker than Newton; nanoseconds, as measured.
inline double newton_alternations(const Transport& t) {
  const auto n = static_cast<double>(t.n);
  const auto m = static_cast<double>(padded(t.m));
  const double alternation =
      is_narrow(t) ? n * (0.15 * static_cast<double>(t.m) + 0.7) : 0.2 * n * m + 5 * n;
  const double step = 0.025 * n * m * m + 0.02 * m * m * m + m * m + 3 * alternation;
  return 5 * step / alternation;
}

constexpr double kLargestExponent = 300;
constexpr std::int64_t kMostAlternations = 2000;
// What a Newton step costs at the least: so many alternations count as one step.
constexpr std::int64_t kAlternationsPerStep = 4;

struct Alternated {
  std::int64_t steps;
  double error;
  bool done;  // whether it came to the tolerance
};

inline Alternated alternate_smoothly(Transport& t, SmoothTransport& model, double tolerance,
                                     std::int64_t most_steps) {
  const std::int64_t most = most_steps < kMostAlternations / kAlternationsPerStep
                                ? most_steps * kAlternationsPerStep
                                : kMostAlternations;
  const double limit = newton_alternations(t);
  double error = kInfinity, last = kInfinity, before = kInfinity;
  std::int64_t round = 0;
  bool done = false;
  while (round < most && !done) {
    model.alternate(t);
    ++round;
    error = column_error(t).entry;
    if (!(error < kInfinity)) break;
    done = error <= tolerance;
    // Slow, or at the end of what rounding allows: Newton's method knows which.
    if (!done && error < kStallError && error >= 0.9 * last) break;
    // The contraction of the last two rounds, which settles after a few.
    const double rate = std::sqrt(error / before);
    before = last;
    last = error;
    if (done || round < 5) continue;
    const double missing = std::log(tolerance / error) / std::log(rate);
    if (!(rate < 1) || missing > limit || missing > static_cast<double>(most - round)) break;
  }
  return {(round + kAlternationsPerStep - 1) / kAlternationsPerStep, error, done};
}

// Columns that stand for none may be wrong by 1% of the mean; to correct them changes no row.
inline void attach_small_columns(Transport& t) {
  double total = 0;
  for (std::size_t j = 0; j < t.m; ++j) total += t.b[j];
  for (std::size_t j = 0; j < t.m; ++j) {
    if (t.b[j] < kNoMass * total && t.columns[j] > 0) t.v[j] *= t.b[j] / t.columns[j];
  }
}

inline Solved solve_smooth(Transport& t, double target, double range, double tolerance,
                           std::int64_t most) {
  SmoothTransport model;
  Alternated first{0, kInfinity, false};
  const auto begin_at = [&](double per_softness) {
    t.per_softness = per_softness;
    for (std::size_t i = 0; i < vector_padded(t.n); ++i) t.f[i] = 0, t.u[i] = 1;
    for (std::size_t j = 0; j < vector_padded(t.m); ++j) t.g[j] = t.v[j] = 0;
    model.refresh(t);
    scale_rows(t, t.v);
  };
  const bool direct = range * target <= kLargestExponent;
  if (direct) {
    begin_at(target);
    first = alternate_smoothly(t, model, tolerance, most);
    if (first.done || first.steps >= most) {
      attach_small_columns(t);
      model.absorb(t);
      return {first.steps, first.error};
    }
  }
  // Near enough for Newton, or from a softness at which the plan is dense.
  if (!direct || !(column_error(t).share < kStageError)) {
    const double dense = 1 / range;
    begin_at(dense < target ? dense : target);
  }
  const Solved newton = continue_by_newton(t, model, target, tolerance, most - first.steps);
  attach_small_columns(t);
  model.absorb(t);
  return {first.steps + newton.steps, newton.error};
}
