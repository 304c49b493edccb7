// Transport with a power of max(s, 0) for phi: every row (and every column) is a threshold
// problem, solved by Newton on the norm from its last solution while it lies in the cache.

constexpr int kMostThresholdSteps = 60;

struct PowerSums {
  double power;
  double weight;
};

// Of max(v - t, 0); v is whole vectors.
template <int alpha>
inline PowerSums power_sums(const double* v, std::size_t columns, double t) {
  D powers[2] = {splat(0.0), splat(0.0)};
  D weights[2] = {splat(0.0), splat(0.0)};
  for (std::size_t j = 0; j < columns; j += kTileColumns) {
    for (std::size_t k = 0; k < 2; ++k) {
      const D r = max(load(v + j + k * kDoubles) - t, splat(0.0));
      powers[k] += power_of<alpha>(r);
      weights[k] += weight_of<alpha>(r);
    }
  }
  return {sum(powers[0] + powers[1]), sum(weights[0] + weights[1])};
}

inline double largest_of(const double* v, std::size_t columns) {
  D result = load(v);
  for (std::size_t j = kDoubles; j < columns; j += kDoubles) result = max(result, load(v + j));
  return largest_lane(result);
}

template <int alpha>
inline double root_of(double x) {
  return alpha == 1 ? x : alpha == 2 ? std::sqrt(x) : std::cbrt(x);
}

// The t with sum max(v - t, 0)^alpha = mass. From the right of the root, where `start` may be,
// the first step leads to its left, and from there the iterates rise.
template <int alpha>
inline double threshold_from(const double* v, std::size_t columns, double mass, double start) {
  const double target = root_of<alpha>(mass);
  double t = start;
  double support = -1;
  for (int step = 0; step < kMostThresholdSteps; ++step) {
    const PowerSums sums = power_sums<alpha>(v, columns, t);
    if (!(sums.weight > 0)) {
      // Right of all entries.
      t = largest_of(v, columns) - target;
      if (!(t == t)) return t;
      support = -1;
      continue;
    }
    if constexpr (alpha == 1) {
      const double change = (sums.power - mass) / sums.weight;
      t += change;
      // Supports at different t are nested: of one size they are one.
      if (sums.weight == support) break;
      support = sums.weight;
    } else {
      const double norm = root_of<alpha>(sums.power);
      t += (norm - target) * (alpha == 2 ? norm : norm * norm) / sums.weight;
      if (std::fabs(norm - target) <= 1e-8 * target) break;
    }
  }
  return t;
}

template <int alpha>
struct PowerTransport {
  std::size_t turned_stride;
  double* row;    // one row of g - cost
  double* saved;  // g where the search began

  // From g: rows exact, and the sums of the columns.
  void evaluate(Transport& t, const double* g) {
    const std::size_t columns = padded(t.m);
    for (std::size_t j = 0; j < columns; ++j) t.columns[j] = 0;
    for (std::size_t i = 0; i < t.n; ++i) {
      const double* const cost = t.cost + i * t.stride;
      for (std::size_t j = 0; j < columns; j += kDoubles) {
        store(row + j, load(g + j) - load(cost + j) * t.per_softness);
      }
      const double level = threshold_from<alpha>(row, columns, t.a[i], -t.f[i]);
      t.f[i] = -level;
      for (std::size_t j = 0; j < columns; j += kDoubles) {
        const D r = max(load(row + j) - level, splat(0.0));
        store(t.columns + j, load(t.columns + j) + power_of<alpha>(r));
      }
    }
  }

  // From f: column j exact.
  void project_column(Transport& t, std::size_t j) {
    const std::size_t rows = padded(t.n);
    const double* const cost = t.turned + j * turned_stride;
    for (std::size_t i = 0; i < rows; i += kDoubles) {
      store(row + i, load(t.f + i) - load(cost + i) * t.per_softness);
    }
    for (std::size_t i = t.n; i < rows; ++i) row[i] = -1e300;
    t.g[j] = -threshold_from<alpha>(row, rows, t.b[j], -t.g[j]);
  }

  void alternate(Transport& t) {
    for (std::size_t j = 0; j < t.m; ++j) project_column(t, j);
    evaluate(t, t.g);
  }

  void enter(Transport& t, double per_softness) {
    const double ratio = per_softness / t.per_softness;
    t.per_softness = per_softness;
    for (std::size_t i = 0; i < t.n; ++i) t.f[i] *= ratio;
    for (std::size_t j = 0; j < t.m; ++j) t.g[j] *= ratio;
    evaluate(t, t.g);
  }

  void weigh(Transport& t) {
    const std::size_t columns = padded(t.m);
    for (std::size_t i = 0; i < t.n; ++i) {
      const double* const cost = t.cost + i * t.stride;
      double* const w = t.kernel + i * t.stride;
      const D own = splat(t.f[i]);
      D total = splat(0.0);
      for (std::size_t j = 0; j < columns; j += kDoubles) {
        const D s = own + (load(t.g + j) - load(cost + j) * t.per_softness);
        const D weight = weight_of<alpha>(max(s, splat(0.0)));
        store(w + j, weight);
        total += weight;
      }
      const double rows = sum(total);
      t.weights[i] = rows > 0 ? alpha / rows : 0;
    }
    weighted_gram(t.kernel, t.stride, t.n, t.m, t.weights, t.panel, t.gram);
    std::memcpy(saved, t.g, padded(t.m) * sizeof *saved);
  }

  void go(Transport& t, double length) {
    for (std::size_t j = 0; j < t.m; ++j) t.g[j] = saved[j] + length * t.d[j];
    evaluate(t, t.g);
  }

  void accept(Transport&, double) {}
};

template <int alpha>
inline Solved solve_power(Transport& t, Arena& arena, double target, double range,
                          double tolerance, std::int64_t most) {
  PowerTransport<alpha> model;
  model.turned_stride = stride_of(t.n);
  model.row = arena.take<double>(vector_padded(t.n));
  model.saved = arena.take<double>(vector_padded(t.m));
  const auto cells = static_cast<double>(t.n) * static_cast<double>(t.m);
  const double dense = 1 / (range * root_of<alpha>(cells));
  t.per_softness = dense < target ? dense : target;
  for (std::size_t i = 0; i < vector_padded(t.n); ++i) t.f[i] = 0;
  for (std::size_t j = 0; j < vector_padded(t.m); ++j) t.g[j] = j < t.m ? 0 : -1e300;
  for (std::size_t j = 0; j < t.m; ++j) {
    double* const column = t.turned + j * model.turned_stride;
    for (std::size_t i = 0; i < padded(t.n); ++i) {
      column[i] = i < t.n ? t.cost[i * t.stride + j] : 0;
    }
  }
  model.evaluate(t, t.g);
  const Solved result = continue_by_newton(t, model, target, tolerance, most);
  double total = 0;
  for (std::size_t j = 0; j < t.m; ++j) total += t.b[j];
  for (std::size_t j = 0; j < t.m; ++j) {
    if (t.b[j] < kNoMass * total) model.project_column(t, j);
  }
  return result;
}
