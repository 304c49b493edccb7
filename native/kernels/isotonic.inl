// Pool adjacent violators: each entry is a block of its own, and joins the block before it while
// that has a level that is not above its own. A block is a few sums that join in constant time.

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

// start(i) makes a block of entry i. Writes the levels and the last entries of the blocks; gives
// how many there are.
template <class Pool, class Start>
inline std::size_t pool_neighbours(const IsotonicSpace& space, std::size_t n, Start start) {
  static_assert(sizeof(Pool) <= sizeof(CubePool));
  Pool* const pools = static_cast<Pool*>(space.pools);
  std::size_t count = 0;
  // The last block, which is not among the others yet.
  Pool top = start(0);
  for (std::size_t i = 1; i < n; ++i) {
    const Pool own = start(i);
    if (top.pools_with(own)) {
      top.join(own);
      while (count > 0 && pools[count - 1].pools_with(top)) {
        Pool joined = pools[--count];
        joined.join(top);
        top = joined;
      }
    } else {
      pools[count] = top;
      space.last[count++] = static_cast<std::uint32_t>(i - 1);
      top = own;
    }
  }
  pools[count] = top;
  space.last[count++] = static_cast<std::uint32_t>(n - 1);
  for (std::size_t k = 0; k < count; ++k) space.level[k] = pools[k].level();
  return count;
}

inline std::size_t pool_means(const IsotonicSpace& space, std::size_t n) {
  return pool_neighbours<MeanPool>(space, n, [&](std::size_t i) {
    return MeanPool{space.s[i] - space.w[i], 0, 1};
  });
}

inline std::size_t pool_cubes(const IsotonicSpace& space, std::size_t n) {
  return pool_neighbours<CubePool>(space, n, [&](std::size_t i) {
    return CubePool{1, space.s[i], 0, 0, space.w[i], space.s[i] - std::cbrt(space.w[i])};
  });
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

inline std::size_t pool_ratios(const IsotonicSpace& space, std::size_t n) {
  ScaledExps s;
  ScaledExps w;
  const std::size_t count = pool_neighbours<RatioPool>(space, n, [&](std::size_t i) {
    const std::size_t lane = i % kDoubles;
    if (lane == 0) {
      s.fill(space.s + i);
      w.fill(space.w + i);
    }
    return RatioPool{{s.sum[lane], s.power[lane]}, {w.sum[lane], w.power[lane]}};
  });
  // Blocks of one entry have its level to the last bit.
  std::size_t first = 0;
  for (std::size_t k = 0; k < count; ++k) {
    if (space.last[k] == first) space.level[k] = space.s[first] - space.w[first];
    first = space.last[k] + 1;
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

// Of space.s and space.w, which go on for kOverrun entries. The levels and the last entries of the
// blocks; gives how many there are.
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
