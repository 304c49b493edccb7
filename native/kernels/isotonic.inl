// Pool adjacent violators: each entry is a block of its own, and joins the block before it while
// that has a level that is not above its own. A block is a few sums that join in constant time.

// Mode c0. Sums are about the block's first entry, so that means of large numbers keep their digits.
struct MeanPool {
  double first;
  double rest;
  double count;
  double level;

  void start(double s, double w) { *this = {s - w, 0, 1, s - w}; }
  void join(const MeanPool& next) {
    rest += next.rest + next.count * (next.first - first);
    count += next.count;
    level = first + rest / count;
  }
  bool pools_with(const MeanPool& next) const { return level <= next.level; }
};

// Mode smooth, where the ranges of s and w are small enough for products of their exponentials:
// levels are compared without a logarithm.
struct RatioPool {
  double s;  // sum exp(s - largest s)
  double w;

  void join(const RatioPool& next) {
    s += next.s;
    w += next.w;
  }
  bool pools_with(const RatioPool& next) const { return s * next.w <= next.s * w; }
};
constexpr double kRatioRange = 300;

// Mode smooth, of any range.
struct LogSumPool {
  double top_s, sum_s;  // logsumexp s = top + log sum
  double top_w, sum_w;
  double level;

  void start(double s, double w) { *this = {s, 1, w, 1, s - w}; }
  static void add(double& top, double& sum, double next_top, double next_sum) {
    if (next_top <= top) {
      sum += next_sum * exp_in_range(next_top - top);
    } else {
      sum = next_sum + sum * exp_in_range(top - next_top);
      top = next_top;
    }
  }
  void join(const LogSumPool& next) {
    add(top_s, sum_s, next.top_s, next.sum_s);
    add(top_w, sum_w, next.top_w, next.sum_w);
    level = (top_s - top_w) + std::log(sum_s / sum_w);
  }
  bool pools_with(const LogSumPool& next) const { return level <= next.level; }
};

// Mode c2: sum (s - theta)^3 is a cubic in theta whose coefficients are central moments.
struct CubePool {
  double count, mean, second, third;
  double w;
  double level;

  void start(double s, double weight) { *this = {1, s, 0, 0, weight, s - std::cbrt(weight)}; }
  void join(const CubePool& next) {
    const double n = count + next.count;
    const double apart = next.mean - mean;
    const double a = count / n, b = next.count / n;
    third += next.third + apart * (a * apart * b * apart * (count - next.count) +
                                   3 * (a * next.second - b * second));
    second += next.second + apart * apart * a * next.count;
    mean += apart * b;
    count = n;
    w += next.w;
    level = mean + root();
  }
  bool pools_with(const CubePool& next) const { return level <= next.level; }

 private:
  // x^3 + 3 p x + 2 q = 0 with p >= 0, in a form without cancellation.
  double root() const {
    const double p = second / count;
    const double q = (w - third) / (2 * count);
    const double u = std::cbrt(std::fabs(q) + std::sqrt(q * q + p * p * p));
    if (!(u > 0)) return 0;
    const double v = p / u;
    return -2 * q / (u * u + p + v * v);
  }
};

struct IsotonicSpace {
  double* s;
  double* w;
  double* level;          // of block k
  std::uint32_t* last;    // entry of block k
  void* pools;
  std::uint32_t* segments;  // pairs, a stack
};

inline IsotonicSpace take_isotonic(Arena& arena, std::size_t n) {
  IsotonicSpace space{};
  space.s = take_row(arena, n);
  space.w = take_row(arena, n);
  space.level = take_row(arena, n);
  space.last = arena.take<std::uint32_t>(n);
  space.pools = arena.take<CubePool>(n);
  space.segments = arena.take<std::uint32_t>(2 * n + 2);
  return space;
}

inline std::size_t isotonic_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_isotonic(arena, n);
  return arena.used();
}

// start(i) makes a block of entry i. The number of blocks; their last entries into `last`.
template <class Pool, class Start>
inline std::size_t pool_neighbours(std::size_t n, Pool* pools, std::uint32_t* last, Start start) {
  static_assert(sizeof(Pool) <= sizeof(CubePool));
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    Pool own = start(i);
    while (count > 0 && pools[count - 1].pools_with(own)) {
      Pool joined = pools[--count];
      joined.join(own);
      own = joined;
    }
    pools[count] = own;
    last[count++] = static_cast<std::uint32_t>(i);
  }
  return count;
}

template <class Pool>
inline std::size_t pool_by_levels(const IsotonicSpace& space, std::size_t n) {
  Pool* const pools = static_cast<Pool*>(space.pools);
  const std::size_t count = pool_neighbours(n, pools, space.last, [&](std::size_t i) {
    Pool pool;
    pool.start(space.s[i], space.w[i]);
    return pool;
  });
  for (std::size_t k = 0; k < count; ++k) space.level[k] = pools[k].level;
  return count;
}

struct Extent {
  double least;
  double most;
};

inline Extent extent_of(const double* x, std::size_t n) {
  Extent result{x[0], x[0]};
  for (std::size_t i = 1; i < n; ++i) {
    result.least = x[i] < result.least ? x[i] : result.least;
    result.most = x[i] > result.most ? x[i] : result.most;
  }
  return result;
}

inline std::size_t pool_smooth(const IsotonicSpace& space, std::size_t n) {
  const Extent s = extent_of(space.s, n);
  const Extent w = extent_of(space.w, n);
  if (!(s.most - s.least < kRatioRange && w.most - w.least < kRatioRange)) {
    return pool_by_levels<LogSumPool>(space, n);
  }
  // Exponentials in place of the entries; a block of one gets its level from these in turn.
  double* const ratio_s = space.level;
  RatioPool* const pools = static_cast<RatioPool*>(space.pools);
  const std::size_t count = [&] {
    // In strides of a vector, so that exp is one.
    std::size_t ready = 0;
    double es[kDoubles];
    double ew[kDoubles];
    return pool_neighbours(n, pools, space.last, [&](std::size_t i) {
      if (i == ready) {
        store(es, exp_in_range(load(space.s + i) - s.most));
        store(ew, exp_in_range(load(space.w + i) - w.most));
        ready += kDoubles;
      }
      const std::size_t lane = i - (ready - kDoubles);
      return RatioPool{es[lane], ew[lane]};
    });
  }();
  std::size_t first = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t last = space.last[k];
    ratio_s[k] = first == last ? space.s[first] - space.w[first]
                               : (s.most - w.most) + std::log(pools[k].s / pools[k].w);
    first = last + 1;
  }
  return count;
}

// Mode c1: the sum (s - theta) |s - theta| has no such form, so the row is divided from the top:
// where the entries before a place, at the level of their block, want a higher one, it is cut.

constexpr int kMaxLevelSteps = 80;

inline double signed_root(double x) { return x < 0 ? -std::sqrt(-x) : std::sqrt(x); }

struct SquareSums {
  double total;   // sum t |t|
  double slope;   // sum |t|
  double size;    // sum t^2
};

inline SquareSums square_sums(const double* s, std::size_t n, double level) {
  D total = splat(0.0);
  D slope = splat(0.0);
  D size = splat(0.0);
  std::size_t j = 0;
  const auto add = [&](D x) {
    const D t = x - level;
    const D a = abs(t);
    total += t * a;
    slope += a;
    size += t * t;
  };
  for (; j + kDoubles <= n; j += kDoubles) add(load(s + j));
  if (j < n) add(load_some(s + j, n - j, level));
  return {sum(total), sum(slope), sum(size)};
}

// The root by Newton within a bracket that only shrinks.
inline double level_of_squares(const double* s, const double* w, std::size_t n) {
  double low = kInfinity, high = -kInfinity, wanted = 0, sizes = 0, mean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double own = s[i] - signed_root(w[i]);
    low = own < low ? own : low;
    high = own > high ? own : high;
    wanted += w[i];
    sizes += std::fabs(w[i]);
    mean += s[i] - s[0];
  }
  const auto count = static_cast<double>(n);
  double level = s[0] + mean / count - signed_root(wanted / count);
  for (int step = 0; step < kMaxLevelSteps; ++step) {
    if (!(level >= low && level <= high)) level = low + (high - low) / 2;
    const SquareSums sums = square_sums(s, n, level);
    const double off = sums.total - wanted;
    (off > 0 ? low : high) = level;
    if (std::fabs(off) <= 2e-16 * (sums.size + sizes) || !(sums.slope > 0)) break;
    const double change = off / (2 * sums.slope);
    level += change;
    if (std::fabs(change) <= 1e-16 * (std::fabs(level) + std::fabs(high - low))) break;
  }
  return level;
}

// The place after which to cut, or n - 1 for none.
inline std::size_t best_cut(const double* s, const double* w, std::size_t n, double level) {
  double above = 0, size = 0, best = 0;
  std::size_t at = n - 1;
  for (std::size_t i = 0; i + 1 < n; ++i) {
    const double t = s[i] - level;
    const double power = t * std::fabs(t);
    above += power - w[i];
    size += std::fabs(power) + std::fabs(w[i]);
    // What rounding makes of 0 is no reason to cut.
    const double score = above - 1e-14 * size;
    if (score > best) {
      best = score;
      at = i;
    }
  }
  return at;
}

inline std::size_t divide_squares(const IsotonicSpace& space, std::size_t n) {
  std::size_t blocks = 0;
  std::size_t depth = 0;
  std::uint32_t* const stack = space.segments;
  stack[depth++] = 0;
  stack[depth++] = static_cast<std::uint32_t>(n - 1);
  while (depth > 0) {
    const std::size_t last = stack[--depth];
    const std::size_t first = stack[--depth];
    const std::size_t length = last - first + 1;
    const double* const s = space.s + first;
    const double* const w = space.w + first;
    const double level =
        length == 1 ? s[0] - signed_root(w[0]) : level_of_squares(s, w, length);
    const std::size_t cut = best_cut(s, w, length, level);
    if (cut + 1 == length) {
      space.level[blocks] = level;
      space.last[blocks++] = static_cast<std::uint32_t>(last);
      continue;
    }
    // The left part is taken first.
    stack[depth++] = static_cast<std::uint32_t>(first + cut + 1);
    stack[depth++] = static_cast<std::uint32_t>(last);
    stack[depth++] = static_cast<std::uint32_t>(first);
    stack[depth++] = static_cast<std::uint32_t>(first + cut);
  }
  return blocks;
}

template <Projection projection, class Real>
void isotonic_rows(const IsotonicRows<Real>& rows, std::size_t begin, std::size_t end,
                   void* block) {
  const std::size_t n = rows.n;
  Arena arena(block);
  const IsotonicSpace space = take_isotonic(arena, n);
  for (std::size_t row = begin; row < end && n > 0; ++row) {
    const Real* const s = rows.s + row * n;
    const Real* const w = rows.w + row * n;
    Real* const v = rows.v + row * n;
    std::int64_t* const blocks = rows.blocks + row * n;
    if (!all_finite(s, n) || !all_finite(w, n)) {
      fill_row(v, n, kNaN);
      std::memset(blocks, 0, n * sizeof *blocks);
      continue;
    }
    for (std::size_t i = 0; i < n; ++i) {
      space.s[i] = static_cast<double>(s[i]);
      space.w[i] = static_cast<double>(w[i]);
    }
    end_row(space.s, n, space.s[n - 1]);
    end_row(space.w, n, space.w[n - 1]);
    std::size_t count;
    if constexpr (projection == Projection::smooth) {
      count = pool_smooth(space, n);
    } else if constexpr (projection == Projection::c0) {
      count = pool_by_levels<MeanPool>(space, n);
    } else if constexpr (projection == Projection::c1) {
      count = divide_squares(space, n);
    } else {
      count = pool_by_levels<CubePool>(space, n);
    }
    std::size_t i = 0;
    for (std::size_t k = 0; k < count; ++k) {
      for (; i <= space.last[k]; ++i) {
        v[i] = static_cast<Real>(space.level[k]);
        blocks[i] = static_cast<std::int64_t>(k);
      }
    }
  }
}

template <Projection projection, class Real>
constexpr RowKernel<IsotonicRows<Real>> isotonic_kernel() {
  return {isotonic_rows<projection, Real>, isotonic_scratch};
}
