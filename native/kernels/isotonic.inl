// Pool adjacent violators: each entry is a block of its own, and blocks join while one has a level
// that is not above that of the next. A block is a few sums that join in constant time. Most entries
// of a row may stay alone, so that only those are gone through that do not: the others are passed
// over in vectors.

// Mode c0. Sums are about the block's first entry, so that means of large numbers keep their
// digits. Levels are compared without a division.
struct MeanPool {
  double first;
  double rest;
  double count;

  void join(const MeanPool& next) {
    rest += next.rest + next.count * (next.first - first);
    count += next.count;
  }
  bool pools_with(const MeanPool& next) const {
    return ((first - next.first) * count + rest) * next.count <= next.rest * count;
  }
  double level() const { return first + rest / count; }
};

// 2^k, and 0 where that is next to nothing; k is a whole number of at most 1000.
inline double power_of_two(double k) {
  if (k < -1000) return 0;
  const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023);
  double result;
  const std::uint64_t bits = exponent << 52;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

// A sum of exponentials as sum * 2^power, so that it has no range to leave.
struct ScaledSum {
  double sum;
  double power;

  void add(const ScaledSum& next) {
    if (next.power <= power) {
      sum += next.sum * power_of_two(next.power - power);
    } else {
      sum = next.sum + sum * power_of_two(power - next.power);
      power = next.power;
    }
  }
};

// Mode smooth. Levels are differences of logarithms, compared as ratios.
struct RatioPool {
  ScaledSum s;  // sum exp s
  ScaledSum w;

  void join(const RatioPool& next) {
    s.add(next.s);
    w.add(next.w);
  }
  bool pools_with(const RatioPool& next) const {
    const double apart = (next.s.power + w.power) - (s.power + next.w.power);
    const double own = s.sum * next.w.sum;
    const double other = next.s.sum * w.sum;
    // Sums of at most 2^32 exponentials are beyond doubt at this distance.
    if (apart > 200) return true;
    if (apart < -200) return false;
    return own <= other * power_of_two(apart);
  }
  double level() const {
    const double power = s.power - w.power;
    return power * kLn2High + (power * kLn2Low + std::log(s.sum / w.sum));
  }
};

// Mode c2: sum (s - theta)^3 is a cubic in theta whose coefficients are central moments.
struct CubePool {
  double count, mean, second, third;
  double w;
  double root_level;

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
    root_level = mean + root();
  }
  bool pools_with(const CubePool& next) const { return root_level <= next.root_level; }
  double level() const { return root_level; }

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

// Of several entries.
struct IsotonicBlock {
  std::uint32_t first;
  std::uint32_t last;
  double level;
};

struct IsotonicSpace {
  double* s;
  double* w;
  double* level;          // of each entry if it stays alone
  IsotonicBlock* blocks;  // of several entries, in order
  void* pools;
  std::uint32_t* segments;  // pairs, a stack
};

template <class Pool>
struct PooledBlock {
  std::uint32_t first;
  std::uint32_t last;
  Pool pool;

  void join(const PooledBlock& next) {
    pool.join(next.pool);
    last = next.last;
  }
};

inline IsotonicSpace take_isotonic(Arena& arena, std::size_t n) {
  IsotonicSpace space{};
  space.s = take_row(arena, n);
  space.w = take_row(arena, n);
  space.level = take_row(arena, n);
  // Those of several entries.
  space.blocks = arena.take<IsotonicBlock>(n / 2 + 1);
  space.pools = arena.take<PooledBlock<CubePool>>(n / 2 + 1);
  space.segments = arena.take<std::uint32_t>(2 * n + 2);
  return space;
}

inline std::size_t isotonic_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_isotonic(arena, n);
  return arena.used();
}

// The first of n places from `at` on where holds(i), which is looked for in many places at once.
template <class Holds>
inline std::size_t find_place(std::size_t at, std::size_t n, Holds holds) {
  constexpr std::size_t kStride = 32;
  for (; at + kStride <= n; at += kStride) {
    bool found = false;
    for (std::size_t i = at; i < at + kStride; ++i) found |= holds(i);
    if (found) break;
  }
  while (at < n && !holds(at)) ++at;
  return at;
}

// before(i) and after(i) make a block of entry i, on either side of a block that grows. Gives how
// many blocks of several entries there are.
template <class Pool, class Before, class After>
inline std::size_t pool_neighbours(const IsotonicSpace& space, std::size_t n, Before before,
                                   After after) {
  static_assert(sizeof(Pool) <= sizeof(CubePool));
  using Block = PooledBlock<Pool>;
  Block* const pools = static_cast<Block*>(space.pools);
  const auto alone = [](std::size_t i, const Pool& pool) {
    return Block{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i), pool};
  };
  const double* const level = space.level;
  const auto next_rise = [&](std::size_t at) {
    return find_place(at, n - 1, [&](std::size_t i) { return level[i] <= level[i + 1]; });
  };
  std::size_t count = 0;
  for (std::size_t at = next_rise(0); at + 1 < n; at = next_rise(at)) {
    Block top = alone(at, before(at));
    top.join(alone(at + 1, after(at + 1)));
    for (;;) {
      while (top.first > 0) {
        const bool several = count > 0 && pools[count - 1].last + 1 == top.first;
        Block previous = several ? pools[count - 1] : alone(top.first - 1, before(top.first - 1));
        if (!previous.pool.pools_with(top.pool)) break;
        if (several) --count;
        previous.join(top);
        top = previous;
      }
      at = std::size_t{top.last} + 1;
      if (at >= n) break;
      const Block next = alone(at, after(at));
      if (!top.pool.pools_with(next.pool)) break;
      top.join(next);
    }
    pools[count++] = top;
  }
  for (std::size_t k = 0; k < count; ++k) {
    space.blocks[k] = {pools[k].first, pools[k].last, pools[k].pool.level()};
  }
  return count;
}

inline std::size_t pool_means(const IsotonicSpace& space, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) space.level[i] = space.s[i] - space.w[i];
  const auto start = [&](std::size_t i) { return MeanPool{space.level[i], 0, 1}; };
  return pool_neighbours<MeanPool>(space, n, start, start);
}

inline std::size_t pool_cubes(const IsotonicSpace& space, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) space.level[i] = space.s[i] - std::cbrt(space.w[i]);
  const auto start = [&](std::size_t i) {
    return CubePool{1, space.s[i], 0, 0, space.w[i], space.level[i]};
  };
  return pool_neighbours<CubePool>(space, n, start, start);
}

// exp(x) as sum * 2^power, for a vector of entries at a time.
struct ScaledExps {
  double sum[kDoubles];
  double power[kDoubles];

  void fill(const double* x) {
    const D entry = load(x);
    // Beyond this the nearest whole number is not found; |x| is taken for it, which orders right.
    const D bounded = min(max(entry, splat(-1e15)), splat(1e15));
    const D k = (bounded * kLog2E + kRoundDouble) - kRoundDouble;
    store(power, k);
    store(sum, exp_in_range((bounded - k * kLn2High) - k * kLn2Low));
  }
};

// The ratios of a vector of entries, which neighbours are taken from.
struct RatioPools {
  const double* s;
  const double* w;
  std::size_t first = ~std::size_t{0};
  ScaledExps of_s{};
  ScaledExps of_w{};

  RatioPool operator()(std::size_t i) {
    const std::size_t lane = i % kDoubles;
    if (i - lane != first) {
      first = i - lane;
      of_s.fill(s + first);
      of_w.fill(w + first);
    }
    return {{of_s.sum[lane], of_s.power[lane]}, {of_w.sum[lane], of_w.power[lane]}};
  }
};

inline std::size_t pool_ratios(const IsotonicSpace& space, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) space.level[i] = space.s[i] - space.w[i];
  return pool_neighbours<RatioPool>(space, n, RatioPools{space.s, space.w},
                                    RatioPools{space.s, space.w});
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
      if (length == 1) {
        space.level[first] = level;
      } else {
        space.blocks[blocks++] = {static_cast<std::uint32_t>(first),
                                  static_cast<std::uint32_t>(last), level};
      }
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

// Of space.s and space.w, which go on for kOverrun entries. Gives how many blocks of several entries
// there are.
template <Projection projection>
inline std::size_t solve_isotonic(const IsotonicSpace& space, std::size_t n) {
  end_row(space.s, n, space.s[n - 1]);
  end_row(space.w, n, space.w[n - 1]);
  if constexpr (projection == Projection::smooth) {
    return pool_ratios(space, n);
  } else if constexpr (projection == Projection::c0) {
    return pool_means(space, n);
  } else if constexpr (projection == Projection::c1) {
    return divide_squares(space, n);
  } else {
    return pool_cubes(space, n);
  }
}

// The level of each entry's block.
template <class Real>
inline void spread_levels(const IsotonicSpace& space, std::size_t count, std::size_t n, Real* v) {
  store_row(space.level, n, v);
  for (std::size_t k = 0; k < count; ++k) {
    const IsotonicBlock& own = space.blocks[k];
    for (std::size_t i = own.first; i <= own.last; ++i) v[i] = static_cast<Real>(own.level);
  }
}

// The numbers of all blocks from 0, those of one entry too.
inline void number_blocks(const IsotonicSpace& space, std::size_t count, std::size_t n,
                          std::int64_t* numbers) {
  // How far the number of an entry is behind its place.
  std::size_t behind = 0;
  std::size_t at = 0;
  const auto number_alone = [&](std::size_t end) {
    for (; at < end; ++at) numbers[at] = static_cast<std::int64_t>(at - behind);
  };
  for (std::size_t k = 0; k < count; ++k) {
    const IsotonicBlock& own = space.blocks[k];
    number_alone(own.first);
    for (; at <= own.last; ++at) numbers[at] = static_cast<std::int64_t>(own.first - behind);
    behind += own.last - own.first;
  }
  number_alone(n);
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
    const std::size_t count = solve_isotonic<projection>(space, n);
    number_blocks(space, count, n, blocks);
    spread_levels(space, count, n, v);
  }
}

template <Projection projection, class Real>
constexpr RowKernel<IsotonicRows<Real>> isotonic_kernel() {
  return {isotonic_rows<projection, Real>, isotonic_scratch};
}
