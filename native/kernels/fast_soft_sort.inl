// FastSoftSort over rows. See fast_soft_sort.h for the contract.
//
// Most blocks of a solution are one entry, whose value is the entry itself and whose derivative is 1:
// only the others, the pooled entries, are gone through by the formulas of their mode.

// How close to 0 and 1 values may come before the way back to the units of the entries.
constexpr double kSquashMargin = 1e-10;

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

// False where the row has no scale: it holds NaN or infinities, or its squares overflow.
template <class Real>
inline bool measure_row(const Real* x, std::size_t n, RowScale& scale) {
  const auto count = static_cast<double>(n);
  const double first = static_cast<double>(x[0]);
  const double offset = sum_of_terms(x, n, [&](auto entry) { return entry - first; }) / count;
  const double squares = sum_of_terms(x, n, [&](auto entry) {
    const auto apart = (entry - first) - offset;
    return apart * apart;
  });
  scale = {first, offset, std::sqrt(squares / count + kVarianceFloor)};
  return scale.deviation < kInfinity;
}

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
  double* g;            // cotangents: of y, then of w, then of the entries by their keys alone
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

inline std::size_t pooled_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_pooled(arena, n);
  return arena.used();
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
  if (!(softness > 0) || !(standardized ? measure_row(x, n, scale) : all_finite(x, n))) {
    return false;
  }
  // Values are sorted from the largest, ranks are those of the entries with their signs turned.
  constexpr double kSign = ranks ? 1 : -1;
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

// The entries of the blocks of several.
inline void collect_pooled(const IsotonicSpace& solved, std::size_t blocks, PooledEntries& pooled) {
  pooled.count = 0;
  pooled.blocks = blocks;
  for (std::size_t k = 0; k < blocks; ++k) {
    const IsotonicBlock& own = solved.blocks[k];
    for (std::size_t i = own.first; i <= own.last; ++i) {
      const std::size_t to = pooled.count++;
      pooled.at[to] = static_cast<std::uint32_t>(i);
      pooled.s[to] = solved.s[i] - solved.s[own.first];
      pooled.w[to] = solved.w[i];
      pooled.t[to] = solved.s[i] - own.level;
    }
    pooled.v[k] = own.level;
    pooled.last[k] = static_cast<std::uint32_t>(pooled.count - 1);
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
inline void keep_for_gradient(const FastSortRows<Real>& rows, std::size_t row, std::size_t blocks,
                              const FastSortSpace& space) {
  const std::size_t n = rows.n;
  const IsotonicSpace& solved = space.isotonic;
  if (rows.order) {
    for (std::size_t i = 0; i < n; ++i) rows.order[row * n + i] = space.sorting.order[i];
  }
  if (rows.blocks) number_blocks(solved, blocks, n, rows.blocks + row * n);
  if (rows.v) spread_levels(solved, blocks, n, rows.v + row * n);
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

// What the gradient of a row adds up, beside the cotangents of its entries. With a the cotangent of an
// entry through its squashed form alone, its cotangent is a + u * deviation / n + offset / n: also
// through the deviation and the mean of the row, on the way there and on the way back. An entry
// alone has a = g in the values, and adds nothing.
struct ScaleShares {
  double deviation;  // sum (g z - a u)
  double offset;     // sum (g - a)
  double softness;   // sum ds s
};

// The entries of the blocks of several, as they are and their cotangents.
template <bool ranks, class Real>
inline void gather_pooled(const FastSortGradRows<Real>& rows, std::size_t row,
                          const EvenNumbers& even, PooledEntries& pooled) {
  const std::size_t n = rows.n;
  const Real* const x = rows.x + row * n;
  const Real* const dy = rows.dy + row * n;
  const std::int64_t* const order = rows.order + row * n;
  const std::int64_t* const blocks = rows.blocks + row * n;
  pooled.count = pooled.blocks = 0;
  const auto next_pair = [&](std::size_t at) {
    return find_place(at, n - 1, [&](std::size_t i) { return blocks[i] == blocks[i + 1]; });
  };
  for (std::size_t at = next_pair(0); at + 1 < n; at = next_pair(at)) {
    if (rows.v) pooled.v[pooled.blocks] = rows.v[row * n + at];
    const std::int64_t own = blocks[at];
    for (; at < n && blocks[at] == own; ++at) {
      const std::size_t to = pooled.count++;
      pooled.at[to] = static_cast<std::uint32_t>(at);
      pooled.u[to] = static_cast<double>(x[order[at]]);
      pooled.g[to] = ranks ? static_cast<double>(dy[order[at]]) * even.most
                           : static_cast<double>(dy[n - 1 - at]);
    }
    pooled.last[pooled.blocks++] = static_cast<std::uint32_t>(pooled.count - 1);
    if (at >= n) break;
  }
  end_row(pooled.u, pooled.count, 0);
  end_row(pooled.g, pooled.count, 0);
}

// Their rows s and w, and the entries standardised.
template <bool ranks>
inline void describe_pooled(PooledEntries& pooled, const EvenNumbers& even, std::size_t n,
                            double softness, const RowScale* scale, bool levels) {
  double* const keys = ranks ? pooled.s : pooled.w;
  for (std::size_t i = 0; i < pooled.count; i += kDoubles) {
    D key = load(pooled.u + i);
    if (scale) {
      const D u = scale->standardize(key);
      store(pooled.u + i, u);
      key = squash(u);
    }
    store(keys + i, key);
  }
  for_each_block(pooled, [&](std::size_t first, std::size_t last, std::size_t k) {
    double top = 0;
    for (std::size_t i = first; i <= last; ++i) {
      const double s = ranks ? -pooled.s[i] / softness : even.spaced(pooled.at[i], n);
      if (ranks) pooled.w[i] = even.place(pooled.at[i], n);
      if (i == first) top = s;
      pooled.s[i] = s - top;
      if (levels) pooled.t[i] = s - pooled.v[k];
    }
  });
  end_row(pooled.s, pooled.count, 0);
}

// The cotangents g of results in the units of the entries as those of the projection.
inline void pull_back_unsquash(const PooledEntries& pooled, const RowScale& scale,
                               ScaleShares& shares) {
  D deviation = splat(0.0);
  D offset = splat(0.0);
  end_row(pooled.y, pooled.count, 0.5);
  for (std::size_t i = 0; i < pooled.count; i += kDoubles) {
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

// The cotangents of keys, as those of the entries through their squashed form alone.
inline void pull_back_squash(const PooledEntries& pooled, const RowScale& scale,
                             ScaleShares& shares) {
  D deviation = splat(0.0);
  D offset = splat(0.0);
  end_row(pooled.g, pooled.count, 0);
  for (std::size_t i = 0; i < pooled.count; i += kDoubles) {
    const D u = load(pooled.u + i);
    const D a = load(pooled.g + i) * squash_slope(u) / scale.deviation;
    deviation += a * u;
    offset += a;
    store(pooled.g + i, a);
  }
  shares.deviation -= sum(deviation);
  shares.offset -= sum(offset);
}

// The cotangents a of the pooled entries of a row in pooled.g.
template <Projection projection, bool ranks, class Real>
inline ScaleShares pull_back_row(const FastSortGradRows<Real>& rows, std::size_t row,
                                 double softness, const RowScale* scale, PooledEntries& pooled) {
  const EvenNumbers even(rows.n, softness);
  ScaleShares shares{0, 0, 0};
  gather_pooled<ranks>(rows, row, even, pooled);
  describe_pooled<ranks>(pooled, even, rows.n, softness, scale, rows.v != nullptr);
  project_pooled<projection>(pooled);
  if (scale && !ranks) pull_back_unsquash(pooled, *scale, shares);
  pull_back_pooled<projection>(pooled, [&](std::size_t i, double ds) {
    shares.softness += ds * pooled.s[i];
    pooled.y[i] = -ds / softness;
  });
  // The keys are in w; of ranks, in s.
  if (ranks) std::memcpy(pooled.g, pooled.y, pooled.count * sizeof *pooled.g);
  if (scale) pull_back_squash(pooled, *scale, shares);
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
                           const RowScale& scale, ScaleShares& shares) {
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
    rows.dx[row * n + order[i]] = 0;
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
  PooledEntries pooled = take_pooled(arena, n);
  for (std::size_t row = begin; row < end; ++row) {
    const Real* const x = rows.x + row * n;
    const Real* const dy = rows.dy + row * n;
    Real* const dx = rows.dx + row * n;
    const std::int64_t* const order = rows.order + row * n;
    rows.dsoftness[row] = 0;
    if (n == 0) continue;
    RowScale scale{0, 0, 1};
    if (!(softness > 0) || !all_finite(dy, n) ||
        !(rows.standardized ? measure_row(x, n, scale) : all_finite(x, n))) {
      rows.dsoftness[row] = kNaN;
      fill_row(dx, n, kNaN);
      continue;
    }
    // Entries alone first.
    if (ranks) {
      fill_row(dx, n, 0);
    } else {
      for (std::size_t i = 0; i < n; ++i) dx[order[i]] = dy[n - 1 - i];
    }
    ScaleShares shares = pull_back_row<projection, ranks>(
        rows, row, softness, rows.standardized ? &scale : nullptr, pooled);
    if (!ranks && rows.standardized && perhaps_beyond(x, n, scale)) {
      hold_at_margin(rows, row, scale, shares);
    }
    rows.dsoftness[row] = -shares.softness / softness;
    const double by_deviation = shares.deviation / static_cast<double>(n);
    const double by_offset = shares.offset / static_cast<double>(n);
    if (by_deviation != 0 || by_offset != 0) {
      std::size_t i = 0;
      for (; i + kDoubles <= n; i += kDoubles) {
        const D u = scale.standardize(load_doubles(x + i));
        store_doubles(dx + i, (load_doubles(dx + i) + u * by_deviation) + by_offset);
      }
      for (; i < n; ++i) {
        const double u = scale.standardize(static_cast<double>(x[i]));
        dx[i] = static_cast<Real>((static_cast<double>(dx[i]) + u * by_deviation) + by_offset);
      }
    }
    for (std::size_t i = 0; i < pooled.count; ++i) {
      const double shared = pooled.u[i] * by_deviation + by_offset;
      dx[order[pooled.at[i]]] = static_cast<Real>(pooled.g[i] + shared);
    }
  }
}

template <Projection projection, bool ranks, class Real>
constexpr RowKernel<FastSortRows<Real>> fast_sort_kernel() {
  return {fast_sort_rows<projection, ranks, Real>, fast_sort_scratch};
}

template <Projection projection, bool ranks, class Real>
constexpr RowKernel<FastSortGradRows<Real>> fast_sort_gradient_kernel() {
  return {fast_sort_gradient_rows<projection, ranks, Real>, pooled_scratch};
}
