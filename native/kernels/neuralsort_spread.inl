// The spread A_j = sum_k |s_j - s_k|, soft, of a sorted row, and what its cotangent means for the row.
//
// The soft distance is below the hard one by a function g of the distance that is all but 0 beyond
// a few softnesses:
//   smooth  g = 2 d q,  q = 1 / (1 + exp(d / softness))
//   else    g = d (1 - o(v)),  v = d / (5 softness), 0 for v >= 1
// So the hard distances come from a recurrence along the row, whose terms all have one sign, and g
// from the pairs within reach, each taken once. With E = exp(s / softness), relative to a place
// nearby, q = E_j / (E_j + E_k): no exponential and, of several divisions, one for each vector of pairs.

// Distances at which g is nothing, in softnesses.
template <Projection projection>
constexpr double kSpreadReach = projection == Projection::smooth ? 40.0 : 5.0;

// Entries that share a place for E. Their own distances stay within reach, so that every exponent
// within reach of them is below 2 * 40.
constexpr std::size_t kSpreadTile = 64;

// The left entries of this many pairs go along the row together, as far as registers reach.
#if defined(__AVX512F__)
constexpr std::size_t kPairRows = 4;
#else
constexpr std::size_t kPairRows = 2;
#endif

struct SpreadRow {
  std::size_t n;
  const double* s;   // ascending
  double per;        // 1 / softness
  double* e;         // room for E
};

inline D at_most_1(D x) { return min(x, splat(1.0)); }
inline double at_most_1(double x) { return x < 1.0 ? x : 1.0; }
inline D one_within_1(D x) { return select(x <= splat(1.0), splat(1.0), splat(0.0)); }
inline double one_within_1(double x) { return x <= 1.0 ? 1.0 : 0.0; }

// v o'(v), for v cut to 1 out of `whole`.
template <int alpha, class T>
inline T odd_bend(T v, T whole) {
  if constexpr (alpha == 1) return v * one_within_1(whole);
  const T bump = v * v * -1.0 + 1.0;
  if constexpr (alpha == 2) return v * bump * 1.5;
  return v * bump * bump * 1.875;
}

// 1 / x for each.
inline void invert(const D (&x)[2], D (&result)[2]) {
  const D inverse = splat(1.0) / (x[0] * x[1]);
  result[0] = inverse * x[1];
  result[1] = inverse * x[0];
}
inline void invert(const D (&x)[4], D (&result)[4]) {
  const D a = x[0] * x[1];
  const D b = x[2] * x[3];
  const D inverse = splat(1.0) / (a * b);
  const D of_a = inverse * b;
  const D of_b = inverse * a;
  result[0] = of_a * x[1];
  result[1] = of_a * x[0];
  result[2] = of_b * x[3];
  result[3] = of_b * x[2];
}

// Calls tile(first, last, end) for stretches [first, last) of a row that share their place for E,
// with `end` where nothing after is within reach of them.
template <Projection projection, class Tile>
inline void for_each_tile(const SpreadRow& row, Tile tile) {
  const double reach = kSpreadReach<projection> / row.per;
  std::size_t end = 0;
  for (std::size_t first = 0; first < row.n;) {
    const std::size_t most = first + kSpreadTile < row.n ? first + kSpreadTile : row.n;
    std::size_t last = first + 1;
    if (row.s[most - 1] - row.s[first] <= reach) {
      last = most;
    } else {
      while (row.s[last] - row.s[first] <= reach) ++last;
    }
    if (end < last) end = last;
    while (end < row.n && row.s[end] - row.s[last - 1] <= reach) ++end;
    if constexpr (projection == Projection::smooth) {
      const double place = row.s[first];
      for (std::size_t k = first; k < end; k += kDoubles) {
        // What is read beyond the end counts as just out of reach.
        store(row.e + k, exp_in_range(min((load(row.s + k) - place) * row.per, splat(90.0))));
      }
    }
    tile(first, last, end);
    first = last;
  }
}

// What entry k counts as beyond the end of a tile: at a distance that matters to nobody.
struct Beyond {
  double s;
  double e;
};

template <Projection projection>
inline Beyond beyond(const SpreadRow& row, std::size_t last) {
  // e^90 is 1e-17 times as near as the farthest of the tile.
  if (projection == Projection::smooth) return {row.s[last - 1], 1.2e39};
  return {row.s[last - 1] + 10 / row.per, 0};
}

// Of one pair, d = s_k - s_j >= 0: g, or half of it in mode smooth.
template <Projection projection, class T>
inline T lack_of(T d, T q, double per) {
  if constexpr (projection == Projection::smooth) {
    return d * q;
  } else {
    constexpr int alpha = static_cast<int>(projection);
    const T v = at_most_1(d * (per / kSpreadReach<projection>));
    return d - d * odd_step<alpha>(v);
  }
}

// What `lack_of` is to be multiplied by.
template <Projection projection>
constexpr double kLackFactor = projection == Projection::smooth ? 2.0 : 1.0;

// lack[k] += that of all pairs of k with entries before it, lack[j] += with those after it.
template <Projection projection>
inline void add_lacks(const SpreadRow& row, double* lack) {
  constexpr bool smooth = projection == Projection::smooth;
  const double* const s = row.s;
  const double* const e = row.e;
  for_each_tile<projection>(row, [&](std::size_t first, std::size_t last, std::size_t end) {
    const Beyond after = beyond<projection>(row, last);
    std::size_t j = first;
    for (; j + kPairRows <= last; j += kPairRows) {
      for (std::size_t a = j; a + 1 < j + kPairRows; ++a) {
        for (std::size_t b = a + 1; b < j + kPairRows; ++b) {
          const double q = smooth ? e[a] / (e[a] + e[b]) : 0;
          const double g = lack_of<projection>(s[b] - s[a], q, row.per);
          lack[a] += g;
          lack[b] += g;
        }
      }
      D own[kPairRows];
      D place[kPairRows];
      D scale[kPairRows];
      for (std::size_t r = 0; r < kPairRows; ++r) {
        own[r] = splat(0.0);
        place[r] = splat(s[j + r]);
        scale[r] = splat(smooth ? e[j + r] : 0);
      }
      const auto step = [&](std::size_t k, D sk, D ek) {
        D total = load(lack + k);
        if constexpr (smooth) {
          D sums[kPairRows];
          D inverse[kPairRows];
          for (std::size_t r = 0; r < kPairRows; ++r) sums[r] = scale[r] + ek;
          invert(sums, inverse);
          for (std::size_t r = 0; r < kPairRows; ++r) {
            const D part = (sk - place[r]) * inverse[r];
            own[r] += part;
            total += scale[r] * part;
          }
        } else {
          for (std::size_t r = 0; r < kPairRows; ++r) {
            const D g = lack_of<projection>(sk - place[r], sk, row.per);
            own[r] += g;
            total += g;
          }
        }
        store(lack + k, total);
      };
      std::size_t k = j + kPairRows;
      for (; k + kDoubles <= end; k += kDoubles) step(k, load(s + k), load(e + k));
      if (k < end) {
        step(k, load_some(s + k, end - k, after.s), load_some(e + k, end - k, after.e));
      }
      for (std::size_t r = 0; r < kPairRows; ++r) {
        lack[j + r] += smooth ? e[j + r] * sum(own[r]) : sum(own[r]);
      }
    }
    for (; j < last; ++j) {
      for (std::size_t k = j + 1; k < end; ++k) {
        const double q = smooth ? e[j] / (e[j] + e[k]) : 0;
        const double g = lack_of<projection>(s[k] - s[j], q, row.per);
        lack[j] += g;
        lack[k] += g;
      }
    }
  });
}

// a_j = A_j. All arrays have room for kOverrun more.
template <Projection projection>
inline void spread_of(const SpreadRow& row, double* a) {
  const std::size_t n = row.n;
  std::memset(a, 0, (n + kOverrun) * sizeof *a);
  add_lacks<projection>(row, a);
  double left = 0;
  double right = 0;
  for (std::size_t j = 0; j < n; ++j) {
    if (j > 0) left += static_cast<double>(j) * (row.s[j] - row.s[j - 1]);
    a[j] = left - kLackFactor<projection> * a[j];
  }
  for (std::size_t j = n; j-- > 0;) {
    if (j + 1 < n) right += static_cast<double>(n - 1 - j) * (row.s[j + 1] - row.s[j]);
    a[j] += right;
  }
}

// Of one pair: the slope of `lack_of` by d, and its derivative by the softness.
template <class T>
struct LackSlopes {
  T slope;
  T softness;
};

// `near` is q and `far` is 1 - q, in mode smooth.
template <Projection projection, class T>
inline LackSlopes<T> lack_slopes(T d, T near, T far, double per) {
  if constexpr (projection == Projection::smooth) {
    const T w = d * per;
    const T bend = near * (w * far);
    return {near - bend, w * bend};
  } else {
    constexpr int alpha = static_cast<int>(projection);
    const T whole = d * (per / kSpreadReach<projection>);
    const T v = at_most_1(whole);
    const T bend = odd_bend<alpha>(v, whole);
    return {T(odd_step<alpha>(v) + bend) * -1.0 + 1.0, v * bend * kSpreadReach<projection>};
  }
}

// With b the cotangent of A: u_j += what the lacks take from that of s_j, over kLackFactor. The
// result is what they take from that of the softness, likewise.
template <Projection projection>
inline double add_lack_slopes(const SpreadRow& row, const double* b, double* u) {
  constexpr bool smooth = projection == Projection::smooth;
  const double* const s = row.s;
  const double* const e = row.e;
  D softness = splat(0.0);
  double softness_of_few = 0;
  for_each_tile<projection>(row, [&](std::size_t first, std::size_t last, std::size_t end) {
    const Beyond after = beyond<projection>(row, last);
    const auto pair = [&](std::size_t j, std::size_t k) {
      const double inverse = smooth ? 1 / (e[j] + e[k]) : 0;
      const auto slopes =
          lack_slopes<projection>(s[k] - s[j], e[j] * inverse, e[k] * inverse, row.per);
      const double both = b[j] + b[k];
      u[j] -= slopes.slope * both;
      u[k] += slopes.slope * both;
      softness_of_few += slopes.softness * both;
    };
    std::size_t j = first;
    for (; j + kPairRows <= last; j += kPairRows) {
      for (std::size_t x = j; x + 1 < j + kPairRows; ++x) {
        for (std::size_t y = x + 1; y < j + kPairRows; ++y) pair(x, y);
      }
      D own[kPairRows];
      for (std::size_t r = 0; r < kPairRows; ++r) own[r] = splat(0.0);
      const auto step = [&](std::size_t k, D sk, D ek, D bk) {
        D total = load(u + k);
        D inverse[kPairRows];
        if constexpr (smooth) {
          D sums[kPairRows];
          for (std::size_t r = 0; r < kPairRows; ++r) sums[r] = ek + e[j + r];
          invert(sums, inverse);
        } else {
          for (std::size_t r = 0; r < kPairRows; ++r) inverse[r] = splat(0.0);
        }
        for (std::size_t r = 0; r < kPairRows; ++r) {
          const auto slopes = lack_slopes<projection>(D(sk - s[j + r]), D(inverse[r] * e[j + r]),
                                                      D(inverse[r] * ek), row.per);
          const D both = bk + b[j + r];
          const D part = slopes.slope * both;
          own[r] += part;
          total += part;
          softness += slopes.softness * both;
        }
        store(u + k, total);
      };
      std::size_t k = j + kPairRows;
      for (; k + kDoubles <= end; k += kDoubles) {
        step(k, load(s + k), load(e + k), load(b + k));
      }
      if (k < end) {
        step(k, load_some(s + k, end - k, after.s), load_some(e + k, end - k, after.e),
             load_some(b + k, end - k, 0));
      }
      for (std::size_t r = 0; r < kPairRows; ++r) u[j + r] -= sum(own[r]);
    }
    for (; j < last; ++j) {
      for (std::size_t k = j + 1; k < end; ++k) pair(j, k);
    }
  });
  return sum(softness) + softness_of_few;
}

// sbar_j = the cotangent of s_j from b, that of A, with the hard distances' part by sums along the row;
// the result is that of the softness.
template <Projection projection>
inline double spread_gradient(const SpreadRow& row, const double* b, double* sbar) {
  const std::size_t n = row.n;
  std::memset(sbar, 0, (n + kOverrun) * sizeof *sbar);
  const double softness = add_lack_slopes<projection>(row, b, sbar);
  double before = 0;
  double after = 0;
  for (std::size_t j = 0; j < n; ++j) {
    sbar[j] = before + static_cast<double>(j) * b[j] - kLackFactor<projection> * sbar[j];
    before += b[j];
  }
  for (std::size_t j = n; j-- > 0;) {
    sbar[j] -= after + static_cast<double>(n - 1 - j) * b[j];
    after += b[j];
  }
  return -kLackFactor<projection> * softness;
}
