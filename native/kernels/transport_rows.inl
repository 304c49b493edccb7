// Transport over a batch: reading a problem, solving it and writing its potentials.

template <Projection projection>
std::size_t transport_scratch(std::size_t n, std::size_t m) {
  Arena arena(nullptr);
  const Transport t = take_transport(arena, n, m, projection != Projection::smooth);
  arena.take<double>(vector_padded(t.n));
  arena.take<double>(vector_padded(t.m));
  return arena.used();
}

// Every mass must be positive and finite.
inline bool all_positive(const double* x, std::size_t n) {
  bool result = true;
  for (std::size_t i = 0; i < n; ++i) result = result && x[i] > 0 && x[i] < kInfinity;
  return result;
}

struct Costs {
  double lowest;
  double range;
};

// Copies the cost from its lowest entry on, turned where there are fewer rows than columns.
inline Costs copy_cost(const double* cost, std::size_t n, std::size_t m, const Transport& t) {
  Costs result{cost[0], 0};
  for (std::size_t i = 1; i < n * m; ++i) {
    result.lowest = cost[i] < result.lowest ? cost[i] : result.lowest;
  }
  const bool turned = n < m;
  for (std::size_t i = 0; i < t.n; ++i) {
    double* const to = t.cost + i * t.stride;
    for (std::size_t j = 0; j < t.m; ++j) {
      to[j] = cost[turned ? j * m + i : i * m + j] - result.lowest;
      result.range = to[j] > result.range ? to[j] : result.range;
    }
    for (std::size_t j = t.m; j < padded(t.m); ++j) to[j] = 0;
  }
  return result;
}

template <Projection projection>
inline double plan_cell(double s) {
  if constexpr (projection == Projection::smooth) return std::exp(s);
  const double r = s > 0 ? s : 0;
  if constexpr (projection == Projection::c0) return r;
  return projection == Projection::c1 ? r * r : r * r * r;
}

inline double largest_relative_error(const double* sums, const double* mass, std::size_t n) {
  double total = 0, result = 0;
  for (std::size_t i = 0; i < n; ++i) total += mass[i];
  for (std::size_t i = 0; i < n; ++i) {
    const double relative = std::fabs(sums[i] - mass[i]) / weighable(mass[i], total, n);
    // Once NaN, always NaN.
    if (!(relative <= result)) result = relative;
  }
  return result;
}

// For potentials of a solver that ran out of steps: it knows no error at the softness asked for.
template <Projection projection>
inline double marginal_error(const TransportRows& rows, std::size_t row, const Transport& t) {
  const double* const f = rows.f + row * rows.n;
  const double* const g = rows.g + row * rows.m;
  const double* const cost = rows.cost + row * rows.n * rows.m;
  double* const along = t.u;
  double* const across = t.trial;
  for (std::size_t j = 0; j < rows.m; ++j) across[j] = 0;
  for (std::size_t i = 0; i < rows.n; ++i) {
    along[i] = 0;
    for (std::size_t j = 0; j < rows.m; ++j) {
      const double cell =
          plan_cell<projection>((f[i] + g[j] - cost[i * rows.m + j]) / rows.softness);
      along[i] += cell;
      across[j] += cell;
    }
  }
  const double a = largest_relative_error(along, rows.a + row * rows.a_stride, rows.n);
  const double b = largest_relative_error(across, rows.b + row * rows.b_stride, rows.m);
  return a <= b ? b : a;
}

template <Projection projection>
void transport_rows(const TransportRows& rows, std::size_t begin, std::size_t end, void* block) {
  const std::size_t n = rows.n;
  const std::size_t m = rows.m;
  for (std::size_t row = begin; row < end; ++row) {
    double* const f = rows.f + row * n;
    double* const g = rows.g + row * m;
    const double* const cost = rows.cost + row * n * m;
    const double* const a = rows.a + row * rows.a_stride;
    const double* const b = rows.b + row * rows.b_stride;
    rows.steps[row] = 0;
    rows.residual[row] = kNaN;
    fill_row(f, n, kNaN);
    fill_row(g, m, kNaN);
    if (n == 0 || m == 0 || !(rows.softness > 0) || !all_finite(cost, n * m) ||
        !all_positive(a, n) || !all_positive(b, m)) {
      continue;
    }
    Arena arena(block);
    Transport t = take_transport(arena, n, m, projection != Projection::smooth);
    const bool turned = n < m;
    const Costs costs = copy_cost(cost, n, m, t);
    for (std::size_t i = 0; i < vector_padded(t.n); ++i) t.a[i] = i < t.n ? (turned ? b : a)[i] : 0;
    for (std::size_t j = 0; j < vector_padded(t.m); ++j) t.b[j] = j < t.m ? (turned ? a : b)[j] : 0;
    const double target = per_softness(rows.softness);
    // Costs that are all equal have no range to continue over.
    const double range = costs.range > 0 ? costs.range : 1 / target;
    Solved solved;
    if constexpr (projection == Projection::smooth) {
      solved = solve_smooth(t, target, range, rows.tolerance, rows.max_iterations);
    } else {
      solved = solve_power<static_cast<int>(projection)>(t, arena, target, range, rows.tolerance,
                                                         rows.max_iterations);
    }
    rows.steps[row] = solved.steps;
    rows.residual[row] = solved.error;
    // Shared out such that the sums of f and g are equal.
    const double* const rows_potential = turned ? t.g : t.f;
    const double* const columns_potential = turned ? t.f : t.g;
    // What the stage reached may be short of the target where the steps ran out.
    const double scale = 1 / t.per_softness;
    double surplus = 0;
    for (std::size_t i = 0; i < n; ++i) surplus -= rows_potential[i] * scale;
    for (std::size_t j = 0; j < m; ++j) surplus += columns_potential[j] * scale + costs.lowest;
    const double shift = surplus / static_cast<double>(n + m);
    for (std::size_t i = 0; i < n; ++i) f[i] = rows_potential[i] * scale + shift;
    for (std::size_t j = 0; j < m; ++j) {
      g[j] = columns_potential[j] * scale + (costs.lowest - shift);
    }
    const bool complete = t.per_softness >= target && solved.error < kInfinity;
    if (!complete) rows.residual[row] = marginal_error<projection>(rows, row, t);
  }
}

template <Projection projection>
constexpr TransportKernel transport_kernel() {
  return {transport_rows<projection>, transport_scratch<projection>};
}
