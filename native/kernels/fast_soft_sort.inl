// FastSoftSort over rows. See fast_soft_sort.h for the contract.
//
// Most blocks of a solution are one entry, whose value is the entry itself and whose derivative is 1:
// only the others, the pooled entries, are gone through by the formulas of their mode.

// How close to 0 and 1 values may come before the way back to the units of the entries.
constexpr double kSquashMargin = 1e-10;
constexpr double kVarianceFloor = 1e-6;

// (x - first - offset) / deviation. The mean is taken about the first entry, so that large entries
// keep their digits.
struct RowScale {
  double first;
  double offset;
  double deviation;

  template <class Number>
  Number standardize(Number x) const {
    return ((x - first) - offset) / deviation;
  }
};

template <class Real>
inline RowScale measure_row(const Real* x, std::size_t n) {
  RowScale scale{static_cast<double>(x[0]), 0, 0};
  const auto count = static_cast<double>(n);
  D sums[kChains];
  fill_chains(sums, 0);
  for_each_vector(x, n, scale.first,
                  [&](std::size_t chain, D entry) { sums[chain] += entry - scale.first; });
  scale.offset = sum_of_chains(sums) / count;
  const double mean = scale.first + scale.offset;
  fill_chains(sums, 0);
  for_each_vector(x, n, mean, [&](std::size_t chain, D entry) {
    const D apart = (entry - scale.first) - scale.offset;
    sums[chain] += apart * apart;
  });
  scale.deviation = std::sqrt(sum_of_chains(sums) / count + kVarianceFloor);
  return scale;
}

inline D squash(D u) { return splat(1.0) / (exp_in_range(-u) + 1.0); }

// The derivative of squash(u).
inline D squash_slope(D u) {
  const D e = exp_in_range(-abs(u));
  const D whole = e + 1.0;
  return e / (whole * whole);
}

// The pooled entries of a row, one block after the other. Its rows of numbers go on for kOverrun
// entries.
struct PooledEntries {
  std::size_t count;
  std::size_t blocks;
  std::uint32_t* at;    // places in the sorted row
  std::uint32_t* last;  // of block k, among the pooled entries
  double* v;            // the level of block k
  double* s;            // less that of the first entry of the block
  double* w;
  double* t;            // s - v, in modes c1 and c2
  double* y;            // the projection
  double* p;            // exp s and exp w over their sums, in mode smooth
  double* q;
  double* g;            // the cotangent of y, then that of w
  double* u;            // the entries, standardised
};

inline PooledEntries take_pooled(Arena& arena, std::size_t n) {
  PooledEntries result{};
  result.at = arena.take<std::uint32_t>(n);
  result.last = arena.take<std::uint32_t>(n);
  for (double** row : {&result.v, &result.s, &result.w, &result.t, &result.y, &result.p,
                       &result.q, &result.g, &result.u}) {
    *row = take_row(arena, n);
  }
  return result;
}

// each(first, last, k) for the blocks of pooled entries.
template <class Each>
inline void for_each_block(const PooledEntries& pooled, Each each) {
  std::size_t first = 0;
  for (std::size_t k = 0; k < pooled.blocks; ++k) {
    each(first, std::size_t{pooled.last[k]}, k);
    first = pooled.last[k] + std::size_t{1};
  }
}

template <class Term>
inline double sum_over(std::size_t first, std::size_t last, Term term) {
  double result = 0;
  for (std::size_t i = first; i <= last; ++i) result += term(i);
  return result;
}

// t |t| or t^3, and half or a third of its derivative.
template <Projection projection>
inline double power_of(double t) {
  return projection == Projection::c1 ? t * std::fabs(t) : t * t * t;
}
template <Projection projection>
inline double slope_of(double t) {
  return projection == Projection::c1 ? std::fabs(t) : t * t;
}
template <Projection projection>
constexpr double kSlopeFactor = projection == Projection::c1 ? 2 : 3;

inline void exp_row(const double* x, std::size_t n, double* to) {
  for (std::size_t i = 0; i < n; i += kDoubles) store(to + i, exp_in_range(load(x + i)));
}

// y on the blocks; in mode smooth p and q too. In modes c1 and c2 what rounding of v has cost t is
// the same for a whole block: a Newton step of its sum.
template <Projection projection>
inline void project_pooled(const PooledEntries& pooled) {
  const PooledEntries& own = pooled;
  if constexpr (projection == Projection::smooth) {
    for_each_block(own, [&](std::size_t first, std::size_t last, std::size_t) {
      for (std::size_t i = first; i <= last; ++i) own.t[i] = own.w[i] - own.w[first];
    });
    exp_row(own.s, own.count, own.p);
    exp_row(own.t, own.count, own.q);
  }
  for_each_block(own, [&](std::size_t first, std::size_t last, std::size_t k) {
    const auto sum = [&](auto term) { return sum_over(first, last, term); };
    if constexpr (projection == Projection::c0) {
      const double total = sum([&](std::size_t i) { return own.w[i] - own.s[i]; });
      const double mean = total / static_cast<double>(last - first + 1);
      for (std::size_t i = first; i <= last; ++i) own.y[i] = own.s[i] + mean;
    } else if constexpr (projection == Projection::smooth) {
      const double of_s = sum([&](std::size_t i) { return own.p[i]; });
      const double of_w = sum([&](std::size_t i) { return own.q[i]; });
      const double ratio = std::log(of_w / of_s);
      const double top = own.w[first];
      for (std::size_t i = first; i <= last; ++i) {
        own.y[i] = (own.s[i] + top) + ratio;
        own.p[i] /= of_s;
        own.q[i] /= of_w;
      }
    } else {
      const double off =
          sum([&](std::size_t i) { return own.w[i] - power_of<projection>(own.t[i]); });
      const double steepness =
          kSlopeFactor<projection> *
          sum([&](std::size_t i) { return slope_of<projection>(own.t[i]); });
      const double most = std::fabs(own.v[k]) * 0x1p-49;
      const double step = off / (steepness > 0 ? steepness : 1);
      const double bounded = step < -most ? -most : step > most ? most : step;
      for (std::size_t i = first; i <= last; ++i) {
        own.y[i] = power_of<projection>(own.t[i] + bounded);
      }
    }
  });
}

// From the cotangents g of y: those of w in place of g, and ds(i, cotangent) for those of s.
template <Projection projection, class Store>
inline void pull_back_pooled(const PooledEntries& pooled, Store ds) {
  double* const g = pooled.g;
  for_each_block(pooled, [&](std::size_t first, std::size_t last, std::size_t) {
    const auto sum = [&](auto term) { return sum_over(first, last, term); };
    const auto length = static_cast<double>(last - first + 1);
    if constexpr (projection == Projection::c0) {
      const double mean = sum([&](std::size_t i) { return g[i]; }) / length;
      for (std::size_t i = first; i <= last; ++i) {
        ds(i, g[i] - mean);
        g[i] = mean;
      }
    } else if constexpr (projection == Projection::smooth) {
      const double total = sum([&](std::size_t i) { return g[i]; });
      for (std::size_t i = first; i <= last; ++i) {
        ds(i, g[i] - total * pooled.p[i]);
        g[i] = total * pooled.q[i];
      }
    } else {
      const auto slope = [&](std::size_t i) { return slope_of<projection>(pooled.t[i]); };
      const double whole = sum(slope);
      const auto share = [&](std::size_t i) { return whole > 0 ? slope(i) / whole : 1 / length; };
      const auto steep = [&](std::size_t i) {
        return kSlopeFactor<projection> * slope(i) * g[i];
      };
      const double total = sum(steep);
      const double dw = sum([&](std::size_t i) { return share(i) * g[i]; });
      for (std::size_t i = first; i <= last; ++i) {
        ds(i, steep(i) - share(i) * total);
        g[i] = dw;
      }
    }
  });
}

// The numbers that take the part of the entries, or of their ranks, in the order of the row.
struct EvenNumbers {
  double most;  // n - 1, at least 1
  double step;  // between neighbours that run from 1 / softness down to 0

  EvenNumbers(std::size_t n, double softness)
      : most(n > 2 ? static_cast<double>(n - 1) : 1), step(1 / (most * softness)) {}

  double spaced(std::size_t i, std::size_t n) const {
    return static_cast<double>(n - 1 - i) * step;
  }
  double place(std::size_t i, std::size_t n) const { return static_cast<double>(n - i) / most; }
};

struct FastSortSpace {
  Sorting sorting;
  IsotonicSpace isotonic;
  PooledEntries pooled;
  double* keys;
};

inline FastSortSpace take_fast_sort(Arena& arena, std::size_t n) {
  FastSortSpace space{};
  space.sorting = take_sorting<double>(arena, n);
  space.isotonic = take_isotonic(arena, n);
  space.pooled = take_pooled(arena, n);
  space.keys = take_row(arena, n);
  return space;
}

inline std::size_t fast_sort_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_fast_sort(arena, n);
  return arena.used();
}

// Fills the rows of the isotonic regression and the order. False where that has no solution.
template <bool ranks, class Real>
inline bool prepare_fast_sort(const Real* x, std::size_t n, double softness, bool standardized,
                              RowScale& scale, const FastSortSpace& space) {
  if (!(softness > 0) || !all_finite(x, n)) return false;
  // Values are sorted from the largest, ranks are those of the entries with their signs turned.
  constexpr double kSign = ranks ? 1 : -1;
  if (standardized) scale = measure_row(x, n);
  std::size_t i = 0;
  const auto key = [&](D entry) {
    return (standardized ? squash(scale.standardize(entry)) : entry) * kSign;
  };
  for (; i + kDoubles <= n; i += kDoubles) store(space.keys + i, key(load_doubles(x + i)));
  if (i < n) store(space.keys + i, key(load_some(x + i, n - i, scale.first)));
  const EvenNumbers even(n, softness);
  double* const s = space.isotonic.s;
  double* const w = space.isotonic.w;
  sort_row(space.keys, n, space.sorting, ranks ? s : w);
  if constexpr (ranks) {
    for (i = 0; i < n; ++i) s[i] = -s[i] / softness;
    for (i = 0; i < n; ++i) w[i] = even.place(i, n);
  } else {
    for (i = 0; i < n; ++i) w[i] = -w[i];
    for (i = 0; i < n; ++i) s[i] = even.spaced(i, n);
  }
  return std::fabs(s[0]) < kInfinity && std::fabs(s[n - 1]) < kInfinity;
}

// The pooled entries of `count` blocks.
inline void collect_pooled(const IsotonicSpace& solved, std::size_t count, PooledEntries& pooled) {
  pooled.count = pooled.blocks = 0;
  std::size_t first = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t last = solved.last[k];
    if (last > first) {
      for (std::size_t i = first; i <= last; ++i) {
        const std::size_t to = pooled.count++;
        pooled.at[to] = static_cast<std::uint32_t>(i);
        pooled.s[to] = solved.s[i] - solved.s[first];
        pooled.w[to] = solved.w[i];
        pooled.t[to] = solved.s[i] - solved.level[k];
      }
      pooled.v[pooled.blocks] = solved.level[k];
      pooled.last[pooled.blocks++] = static_cast<std::uint32_t>(pooled.count - 1);
    }
    first = last + 1;
  }
  end_row(pooled.s, pooled.count, 0);
  end_row(pooled.t, pooled.count, 0);
}

// The way back from the standardised scale.
struct Unsquashed {
  D inside;
  D rest;  // 1 - inside
  D z;

  explicit Unsquashed(D y) {
    inside = min(max(y, splat(kSquashMargin)), splat(1 - kSquashMargin));
    rest = splat(1.0) - inside;
    z = log_of_normal(inside / rest);
  }
};

template <class Real>
inline void keep_for_gradient(const FastSortRows<Real>& rows, std::size_t row, std::size_t count,
                              const FastSortSpace& space) {
  const std::size_t n = rows.n;
  if (rows.order) {
    for (std::size_t i = 0; i < n; ++i) rows.order[row * n + i] = space.sorting.order[i];
  }
  std::size_t i = 0;
  for (std::size_t k = 0; rows.blocks && k < count; ++k) {
    for (; i <= space.isotonic.last[k]; ++i) {
      rows.blocks[row * n + i] = static_cast<std::int64_t>(k);
    }
  }
  i = 0;
  for (std::size_t k = 0; rows.v && k < count; ++k) {
    for (; i <= space.isotonic.last[k]; ++i) rows.v[row * n + i] = space.isotonic.level[k];
  }
}

template <class Real>
inline void lose_row(const FastSortRows<Real>& rows, std::size_t row) {
  const std::size_t n = rows.n;
  fill_row(rows.y + row * n, n, kNaN);
  for (std::size_t i = 0; rows.order && i < n; ++i) {
    rows.order[row * n + i] = static_cast<std::int64_t>(i);
  }
  if (rows.blocks) std::memset(rows.blocks + row * n, 0, n * sizeof *rows.blocks);
  if (rows.v) fill_row(rows.v + row * n, n, kNaN);
}

template <Projection projection, bool ranks, class Real>
void fast_sort_rows(const FastSortRows<Real>& rows, std::size_t begin, std::size_t end,
                    void* block) {
  const std::size_t n = rows.n;
  const double softness = *rows.softness;
  Arena arena(block);
  FastSortSpace space = take_fast_sort(arena, n);
  PooledEntries& pooled = space.pooled;
  for (std::size_t row = begin; row < end && n > 0; ++row) {
    const Real* const x = rows.x + row * n;
    Real* const y = rows.y + row * n;
    RowScale scale{0, 0, 1};
    if (!prepare_fast_sort<ranks>(x, n, softness, rows.standardized, scale, space)) {
      lose_row(rows, row);
      continue;
    }
    const std::uint32_t* const order = space.sorting.order;
    const std::size_t count = solve_isotonic<projection>(space.isotonic, n);
    collect_pooled(space.isotonic, count, pooled);
    project_pooled<projection>(pooled);
    const double* const w = space.isotonic.w;
    if constexpr (ranks) {
      const EvenNumbers even(n, softness);
      for (std::size_t i = 0; i < n; ++i) y[order[i]] = static_cast<Real>(w[i] * even.most);
      for (std::size_t i = 0; i < pooled.count; ++i) {
        y[order[pooled.at[i]]] = static_cast<Real>(pooled.y[i] * even.most);
      }
    } else {
      // An entry by itself comes back as it is, if it is not beyond the margin.
      for (std::size_t i = 0; i < n; ++i) y[n - 1 - i] = x[order[i]];
      if (rows.standardized) {
        const auto back = [&](D squashed) {
          return (Unsquashed(squashed).z * scale.deviation + scale.offset) + scale.first;
        };
        for (std::size_t i = 0; i < n && w[i] > 1 - kSquashMargin; ++i) {
          y[n - 1 - i] = static_cast<Real>(back(splat(w[i]))[0]);
        }
        for (std::size_t i = n; i > 0 && w[i - 1] < kSquashMargin; --i) {
          y[n - i] = static_cast<Real>(back(splat(w[i - 1]))[0]);
        }
        end_row(pooled.y, pooled.count, 0.5);
        for (std::size_t i = 0; i < pooled.count; i += kDoubles) {
          store(pooled.y + i, back(load(pooled.y + i)));
        }
      }
      for (std::size_t i = 0; i < pooled.count; ++i) {
        y[n - 1 - pooled.at[i]] = static_cast<Real>(pooled.y[i]);
      }
    }
    keep_for_gradient(rows, row, count, space);
  }
}

// What the gradient of a row adds up, beside the cotangents of its entries.
struct ScaleShares {
  double deviation;  // sum (g z - a u)
  double offset;     // sum (g - a)
  double softness;   // sum ds s
};

// The cotangents of a row as a + u * deviation / n + offset / n: through the squashed entry itself,
// and through the deviation and the mean of the row, on the way there and on the way back.
//
// An entry by itself has a = g, and no other part in the values.
template <Projection projection, bool ranks, class Real>
inline ScaleShares pull_back_row(const FastSortGradRows<Real>& rows, std::size_t row,
                                 double softness, const RowScale& scale, PooledEntries& pooled,
                                 double* a) {
  const std::size_t n = rows.n;
  const Real* const x = rows.x + row * n;
  const Real* const dy = rows.dy + row * n;
  const std::int64_t* const order = rows.order + row * n;
  const std::int64_t* const blocks = rows.blocks + row * n;
  const EvenNumbers even(n, softness);
  ScaleShares shares{0, 0, 0};
  pooled.count = pooled.blocks = 0;
  if (ranks) std::memset(a, 0, n * sizeof *a);
  for (std::size_t i = 0, next; i < n; i = next) {
    for (next = i + 1; next < n && blocks[next] == blocks[i]; ++next) {
    }
    if (next == i + 1) {
      if (!ranks) a[order[i]] = static_cast<double>(dy[n - 1 - i]);
      continue;
    }
    for (std::size_t j = i; j < next; ++j) {
      const std::size_t to = pooled.count++;
      pooled.at[to] = static_cast<std::uint32_t>(j);
      pooled.u[to] = static_cast<double>(x[order[j]]);
      pooled.g[to] = ranks ? static_cast<double>(dy[order[j]]) * even.most
                           : static_cast<double>(dy[n - 1 - j]);
    }
    if (rows.v) pooled.v[pooled.blocks] = rows.v[row * n + i];
    pooled.last[pooled.blocks++] = static_cast<std::uint32_t>(pooled.count - 1);
  }
  const std::size_t count = pooled.count;
  for (double* each : {pooled.u, pooled.g, pooled.s, pooled.t}) end_row(each, count, 0);
  double* const keys = ranks ? pooled.s : pooled.w;
  for (std::size_t i = 0; i < count; i += kDoubles) {
    if (rows.standardized) {
      const D u = scale.standardize(load(pooled.u + i));
      store(pooled.u + i, u);
      store(keys + i, squash(u));
    } else {
      store(keys + i, load(pooled.u + i));
    }
  }
  for_each_block(pooled, [&](std::size_t first, std::size_t last, std::size_t k) {
    double top = 0;
    for (std::size_t i = first; i <= last; ++i) {
      const double s = ranks ? -pooled.s[i] / softness : even.spaced(pooled.at[i], n);
      if (ranks) pooled.w[i] = even.place(pooled.at[i], n);
      if (i == first) top = s;
      pooled.s[i] = s - top;
      if (rows.v) pooled.t[i] = s - pooled.v[k];
    }
  });
  end_row(pooled.s, count, 0);
  project_pooled<projection>(pooled);
  const bool back = rows.standardized && !ranks;
  if (back) {
    D deviation = splat(0.0);
    D offset = splat(0.0);
    end_row(pooled.y, count, 0.5);
    for (std::size_t i = 0; i < count; i += kDoubles) {
      const D g = load(pooled.g + i);
      const D y = load(pooled.y + i);
      const Unsquashed found(y);
      deviation += g * found.z;
      offset += g;
      const D dz = g * scale.deviation / (found.inside * found.rest);
      store(pooled.g + i, select(found.inside == y, dz, splat(0.0)));
    }
    shares.deviation += sum(deviation);
    shares.offset += sum(offset);
  }
  pull_back_pooled<projection>(pooled, [&](std::size_t i, double ds) {
    shares.softness += ds * pooled.s[i];
    // Of ranks the keys are in s.
    if (ranks) pooled.y[i] = -ds / softness;
  });
  const double* const dkeys = ranks ? pooled.y : pooled.g;
  D deviation = splat(0.0);
  D offset = splat(0.0);
  end_row(pooled.g, count, 0);
  end_row(pooled.y, count, 0);
  for (std::size_t i = 0; i < count; i += kDoubles) {
    D own = load(dkeys + i);
    if (rows.standardized) {
      const D u = load(pooled.u + i);
      own = own * squash_slope(u) / scale.deviation;
      deviation += own * u;
      offset += own;
    }
    store(pooled.g + i, own);
  }
  shares.deviation -= sum(deviation);
  shares.offset -= sum(offset);
  for (std::size_t i = 0; i < count; ++i) a[order[pooled.at[i]]] = pooled.g[i];
  return shares;
}

// Standardised entries further off than this may be beyond the margin.
constexpr double kPerhapsBeyond = 23;

template <class Real>
inline bool perhaps_beyond(const Real* x, std::size_t n, const RowScale& scale) {
  D farthest[kChains];
  fill_chains(farthest, 0);
  for_each_vector(x, n, scale.first, [&](std::size_t chain, D entry) {
    farthest[chain] = max(farthest[chain], abs((entry - scale.first) - scale.offset));
  });
  const D both = max(max(farthest[0], farthest[1]), max(farthest[2], farthest[3]));
  return largest_lane(both) > kPerhapsBeyond * scale.deviation;
}

// Entries by themselves beyond the margin: their values are at it, whatever they are.
template <class Real>
inline void hold_at_margin(const FastSortGradRows<Real>& rows, std::size_t row,
                           const RowScale& scale, double* a, ScaleShares& shares) {
  const std::size_t n = rows.n;
  const std::int64_t* const order = rows.order + row * n;
  const std::int64_t* const blocks = rows.blocks + row * n;
  for (std::size_t i = 0; i < n; ++i) {
    const bool pooled = (i > 0 && blocks[i - 1] == blocks[i]) ||
                        (i + 1 < n && blocks[i + 1] == blocks[i]);
    if (pooled) continue;
    const auto entry = static_cast<double>(rows.x[row * n + order[i]]);
    const D w = squash(scale.standardize(splat(entry)));
    if (w[0] >= kSquashMargin && w[0] <= 1 - kSquashMargin) continue;
    const auto g = static_cast<double>(rows.dy[row * n + (n - 1 - i)]);
    a[order[i]] = 0;
    shares.deviation += g * Unsquashed(w).z[0];
    shares.offset += g;
  }
}

template <Projection projection, bool ranks, class Real>
void fast_sort_gradient_rows(const FastSortGradRows<Real>& rows, std::size_t begin,
                             std::size_t end, void* block) {
  const std::size_t n = rows.n;
  const double softness = *rows.softness;
  Arena arena(block);
  FastSortSpace space = take_fast_sort(arena, n);
  double* const a = space.keys;
  for (std::size_t row = begin; row < end; ++row) {
    const Real* const x = rows.x + row * n;
    Real* const dx = rows.dx + row * n;
    rows.dsoftness[row] = 0;
    if (n == 0) continue;
    if (!(softness > 0) || !all_finite(x, n) || !all_finite(rows.dy + row * n, n)) {
      rows.dsoftness[row] = kNaN;
      fill_row(dx, n, kNaN);
      continue;
    }
    RowScale scale{0, 0, 1};
    if (rows.standardized) scale = measure_row(x, n);
    ScaleShares shares = pull_back_row<projection, ranks>(rows, row, softness, scale,
                                                          space.pooled, a);
    if (!ranks && rows.standardized && perhaps_beyond(x, n, scale)) {
      hold_at_margin(rows, row, scale, a, shares);
    }
    rows.dsoftness[row] = -shares.softness / softness;
    const bool shared = rows.standardized && (shares.deviation != 0 || shares.offset != 0);
    const double by_deviation = shares.deviation / static_cast<double>(n);
    const double by_offset = shares.offset / static_cast<double>(n);
    std::size_t i = 0;
    for (; shared && i + kDoubles <= n; i += kDoubles) {
      const D u = scale.standardize(load_doubles(x + i));
      store_doubles(dx + i, (load(a + i) + u * by_deviation) + by_offset);
    }
    for (; shared && i < n; ++i) {
      const double u = scale.standardize(static_cast<double>(x[i]));
      dx[i] = static_cast<Real>((a[i] + u * by_deviation) + by_offset);
    }
    if (!shared) store_row(a, n, dx);
  }
}

template <Projection projection, bool ranks, class Real>
constexpr RowKernel<FastSortRows<Real>> fast_sort_kernel() {
  return {fast_sort_rows<projection, ranks, Real>, fast_sort_scratch};
}

template <Projection projection, bool ranks, class Real>
constexpr RowKernel<FastSortGradRows<Real>> fast_sort_gradient_kernel() {
  return {fast_sort_gradient_rows<projection, ranks, Real>, fast_sort_scratch};
}
