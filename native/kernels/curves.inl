// The soft elementwise curves over vectors V of float (F) or double (D). See curves.h for the contract.

template <class V>
using Lane = std::decay_t<decltype(std::declval<V&>()[0])>;

// The same of a number.
template <class T, class = void>
struct NumberOfType {
  using type = T;
};
template <class V>
struct NumberOfType<V, std::void_t<Lane<V>>> {
  using type = Lane<V>;
};
template <class T>
using NumberOf = typename NumberOfType<T>::type;

template <class V>
constexpr std::size_t kLanes = sizeof(V) / sizeof(Lane<V>);

template <class V>
inline V all_lanes(double x) {
  return splat(static_cast<Lane<V>>(x));
}

// Polynomials of numbers or vectors: a[0] + a[1] x + ...
template <class V, std::size_t n>
inline V polynomial(V x, const Lane<V> (&a)[n]) {
  V result = splat(a[n - 1]);
  for (std::size_t i = n - 1; i-- > 0;) result = result * x + splat(a[i]);
  return result;
}

// exp(x) - 1 for x <= 0, without loss near 0: x = k ln 2 + r, and both 2^k (exp(r) - 1) and 2^k - 1
// are of one sign.
inline F expm1_of_negative(F x) {
  const F clamped = max(x, splat(-30.0f));
  const F shifted = clamped * 0x1.715476p+0f + kRoundFloat;
  const F k = shifted - kRoundFloat;
  const F r = (clamped - k * 0x1.62ep-1f) - k * 0x1.0bfbe8p-15f;
  const F rest = polynomial(r, {0.5f, 1.0f / 6, 1.0f / 24, 1.0f / 120, 1.0f / 720, 1.0f / 5040});
  const F power = from_bits(bits_of(splat(1.0f)) + (bits_of(shifted) << 23));
  return power * (r + r * r * rest) + (power - 1.0f);
}
inline D expm1_of_negative(D x) {
  const D clamped = max(x, splat(-50.0));
  const D shifted = clamped * kLog2E + kRoundDouble;
  const D k = shifted - kRoundDouble;
  const D r = (clamped - k * kLn2High) - k * kLn2Low;
  const D rest = polynomial(
      r, {0.5, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
          1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0});
  const D power = from_bits(bits_of(splat(1.0)) + (bits_of(shifted) << 52));
  return power * (r + r * r * rest) + (power - 1.0);
}

// log(1 + x) for x in [0, 1]: 2 atanh(x / (2 + x)) by its series.
inline F log1p_of_share(F x) {
  const F u = x / (x + 2.0f);
  return u * polynomial(u * u, {2.0f, 2.0f / 3, 2.0f / 5, 2.0f / 7, 2.0f / 9, 2.0f / 11, 2.0f / 13});
}
inline D log1p_of_share(D x) {
  const D u = x / (x + 2.0);
  return u * polynomial(u * u, {2.0, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15,
                                2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25, 2.0 / 27, 2.0 / 29,
                                2.0 / 31, 2.0 / 33});
}

// The softness and its multiples, rounded as the portable bodies round them.
template <class V>
struct Softness {
  explicit Softness(Lane<V> t)
      : whole(splat(t)), reach(splat(t * 5)), window(splat(t * 10)) {}
  V whole;
  V reach;
  V window;
};

// Vectors lose NaN in min, max and exp; this brings it back.
template <class V>
inline V or_nan(V carrier, V y) {
  return select(carrier == carrier, y, carrier);
}

template <class V>
inline V cut(V x, double low, double high) {
  return min(max(x, all_lanes<V>(low)), all_lanes<V>(high));
}

// A curve and its slope.
template <class V>
struct Bend {
  V value;
  V slope;
};

// exp(-|z|) with 1 / (1 + it): what both halves of the logistic function are made of.
template <class V>
struct Logistic {
  explicit Logistic(V at) : z(at), e(exp_in_range(V{} - abs(at))) {
    r = splat(Lane<V>(1)) / (e + splat(Lane<V>(1)));
  }
  V sigma() const { return select(z > V{}, r, e * r); }
  V z;
  V e;
  V r;
};

// The sign as a polynomial of v in [-1, 1], of numbers or vectors: v | v (3 - v^2) / 2 |
// v (15 - 10 v^2 + 3 v^4) / 8.
template <int alpha, class T>
inline T odd_step(T v) {
  if constexpr (alpha == 1) return v;
  using Number = NumberOf<T>;
  const T square = v * v;
  if constexpr (alpha == 2) return v * (square * Number(-0.5) + Number(1.5));
  return v * ((square * Number(0.375) - Number(1.25)) * square + Number(1.875));
}

// sign, with its slope by x.
template <Projection projection, class V>
inline V odd_value(V x, const Softness<V>& t) {
  if constexpr (projection == Projection::smooth) {
    const V z = x / t.whole;
    const V near = V{} - expm1_of_negative(V{} - abs(z));
    const V size = near / (splat(Lane<V>(2)) - near);
    return or_nan(z, select(z < V{}, V{} - size, size));
  } else {
    const V whole = x / t.reach;
    return or_nan(whole, odd_step<static_cast<int>(projection)>(cut(whole, -1, 1)));
  }
}

template <Projection projection, class V>
inline Bend<V> odd_bend_of(V x, const Softness<V>& t) {
  if constexpr (projection == Projection::smooth) {
    const Logistic<V> at(x / t.whole);
    const V size = (splat(Lane<V>(1)) - at.e) * at.r;
    const V slope = at.e * at.r * at.r * Lane<V>(2) / t.whole;
    return {or_nan(at.z, select(at.z < V{}, V{} - size, size)), or_nan(at.z, slope)};
  } else {
    constexpr int alpha = static_cast<int>(projection);
    const V whole = x / t.reach;
    const V v = cut(whole, -1, 1);
    const V bump = splat(Lane<V>(1)) - v * v;
    V slope;
    if constexpr (alpha == 1) {
      slope = select(abs(whole) <= splat(Lane<V>(1)), splat(Lane<V>(1)), V{});
    } else {
      slope = alpha == 2 ? bump * Lane<V>(1.5) : bump * bump * Lane<V>(1.875);
    }
    // The indicator of c0 is 0 for NaN in its body too.
    return {or_nan(whole, odd_step<alpha>(v)),
            alpha == 1 ? slope / t.reach : or_nan(whole, slope / t.reach)};
  }
}

// Where x stands in the window, from 0 to 1.
template <class V>
inline V window_of(V x, const Softness<V>& t) {
  const V whole = x / t.window + splat(Lane<V>(0.5));
  return or_nan(whole, cut(whole, 0, 1));
}

template <Projection projection, class V>
inline V step_value(V x, const Softness<V>& t) {
  if constexpr (projection == Projection::smooth) {
    const Logistic<V> at(x / t.whole);
    return or_nan(at.z, at.sigma());
  } else {
    const V w = window_of(x, t);
    const V z = splat(Lane<V>(1)) - w;
    if constexpr (projection == Projection::c0) return w;
    if constexpr (projection == Projection::c1) return w * w * (z * Lane<V>(2) + splat(Lane<V>(1)));
    return w * w * w * ((z * Lane<V>(6) + splat(Lane<V>(3))) * z + splat(Lane<V>(1)));
  }
}

template <Projection projection, class V>
inline Bend<V> step_bend_of(V x, const Softness<V>& t) {
  if constexpr (projection == Projection::smooth) {
    const Logistic<V> at(x / t.whole);
    return {or_nan(at.z, at.sigma()), or_nan(at.z, at.e * at.r * at.r / t.whole)};
  } else {
    return {step_value<projection>(x, t), odd_bend_of<projection>(x, t).slope * Lane<V>(0.5)};
  }
}

// The integral of the step over the window, from where it stands in it.
template <Projection projection, class V>
inline V window_integral(V w) {
  const V z = splat(Lane<V>(1)) - w;
  const V square = w * w;
  if constexpr (projection == Projection::c0) return square;
  if constexpr (projection == Projection::c1) return square * w * (z + splat(Lane<V>(1)));
  return square * square * ((z * Lane<V>(2) + splat(Lane<V>(2))) * z + splat(Lane<V>(1)));
}

template <Projection projection, class V>
inline V ramp_value(V x, const Softness<V>& t) {
  if constexpr (projection == Projection::smooth) {
    const V z = x / t.whole;
    const V rest = log1p_of_share(exp_in_range(V{} - abs(z)));
    return or_nan(z, max(x, V{}) + rest * t.whole);
  } else {
    const V w = window_of(x, t);
    const V bend = window_integral<projection>(w) * t.reach;
    // Beyond the window x itself; NaN is beyond nothing.
    return select(w < splat(Lane<V>(1)), bend, or_nan(w, x));
  }
}

// By the softness, without cancellation far from 0 in mode smooth.
template <Projection projection, class V>
inline V ramp_by_softness(V x, const Softness<V>& t) {
  const V z = x / t.whole;
  if constexpr (projection == Projection::smooth) {
    const Logistic<V> at(z);
    return or_nan(z, log1p_of_share(at.e) + abs(z) * (at.e * at.r));
  } else {
    const V w = window_of(x, t);
    const V inside = window_integral<projection>(w) * Lane<V>(5) - z * step_value<projection>(x, t);
    return or_nan(z, select(w < splat(Lane<V>(1)), inside, V{}));
  }
}

// Round: of the steps at m + 1/2 above floor(x), m = -(radius + 1) .. radius, those within `active` of
// the middle one; the others are 0 or 1.
template <CurvePart part, Projection projection, class V>
class Rounding {
 public:
  explicit Rounding(const CurveRows<Lane<V>>& rows) : t_(rows.softness), radius_(rows.radius) {
    // Where a step is 0 or 1 to rounding, in softnesses; its slope counts as often as floor(x) says.
    constexpr double kFloatReach = part == CurvePart::value ? 18 : 26;
    const double reach = projection != Projection::smooth ? 5
                         : sizeof(Lane<V>) == 4           ? kFloatReach
                                                          : 38;
    const double softness = static_cast<double>(rows.softness);
    const double most = softness > 0 ? softness * reach + 0.5 : static_cast<double>(radius_ + 1);
    active_ = most < static_cast<double>(radius_ + 1) ? static_cast<std::int64_t>(most) + 1
                                                      : radius_ + 1;
    for (std::int64_t m = -kKept; m <= kKept; ++m) factors_[m + kKept] = factor_at(m);
  }

  V at(V x) const {
    const V center = floor_of(x);
    const V f = x - center;
    const std::int64_t first = -(radius_ + 1);
    V total = V{};
    if constexpr (part == CurvePart::value) {
      // The steps below the active ones are 1, and those above are 0.
      if (first < -active_) {
        total = center + all_lanes<V>(static_cast<double>(-radius_ - active_ - first - 1));
      }
    }
    // E = exp((m + 1/2 - f) / t) by one exponential and factors, where no step is beyond reach.
    V e = V{};
    if constexpr (projection == Projection::smooth) {
      e = exp_in_range(cut((splat(Lane<V>(0.5)) - f) / t_.whole, -40, 40));
    }
    for (std::int64_t m = first < -active_ ? -active_ : first; m <= radius_ && m <= active_; ++m) {
      const auto place = static_cast<Lane<V>>(m);
      const V number = m == first     ? center - all_lanes<V>(static_cast<double>(radius_))
                       : m == radius_ ? V{} - center - all_lanes<V>(static_cast<double>(radius_))
                                      : splat(Lane<V>(1));
      const V apart = f - splat(place + Lane<V>(0.5));
      V term;
      if constexpr (projection == Projection::smooth) {
        // Beyond this it is too far to matter, and its square would overflow.
        const V far = min(e * splat(factor(m)), all_lanes<V>(1e30));
        const V w = splat(Lane<V>(1)) / (far + splat(Lane<V>(1)));
        term = part == CurvePart::value ? w : w * (far * w);
      } else {
        term = part == CurvePart::value ? step_value<projection>(apart, t_)
                                        : step_bend_of<projection>(apart, t_).slope;
      }
      if constexpr (part == CurvePart::by_softness) term = term * (V{} - apart);
      total += term * number;
    }
    // What each slope and distance is divided by.
    if constexpr (part != CurvePart::value && projection == Projection::smooth) {
      total = total / t_.whole;
    }
    if constexpr (part == CurvePart::by_softness) total = total / t_.whole;
    return or_nan(f, or_nan(t_.whole, total));
  }

 private:
  // The factors of so many steps on either side of the middle one are kept.
  static constexpr std::int64_t kKept = 16;

  Lane<V> factor(std::int64_t m) const {
    return m >= -kKept && m <= kKept ? factors_[m + kKept] : factor_at(m);
  }

  // exp(m / t), within what a step can tell apart.
  Lane<V> factor_at(std::int64_t m) const {
    const double exponent = static_cast<double>(m) / static_cast<double>(t_.whole[0]);
    return static_cast<Lane<V>>(std::exp(exponent < -80 ? -80 : exponent > 80 ? 80 : exponent));
  }

  static V floor_of(V x) {
    // Numbers from 2^23 (2^52) on are whole.
    constexpr double kWhole = sizeof(Lane<V>) == 4 ? 0x1p23 : 0x1p52;
    const V large = all_lanes<V>(kWhole);
    const V size = abs(x);
    const V nearest = select(x < V{}, (x - large) + large, (x + large) - large);
    const V down = nearest - select(nearest > x, splat(Lane<V>(1)), V{});
    return select(size < large, down, x);
  }

  Softness<V> t_;
  std::int64_t radius_;
  std::int64_t active_;
  Lane<V> factors_[2 * kKept + 1];
};

template <CurveKind kind, CurvePart part, Projection projection, class V>
inline V curve_at(V x, const Softness<V>& t) {
  constexpr bool odd = kind == CurveKind::sign || kind == CurveKind::abs;
  constexpr bool times_x = kind == CurveKind::abs || kind == CurveKind::gated;
  if constexpr (kind == CurveKind::relu) {
    if constexpr (part == CurvePart::value) return ramp_value<projection>(x, t);
    if constexpr (part == CurvePart::slope) return step_value<projection>(x, t);
    return ramp_by_softness<projection>(x, t);
  } else if constexpr (part == CurvePart::value) {
    const V y = odd ? odd_value<projection>(x, t) : step_value<projection>(x, t);
    return times_x ? x * y : y;
  } else {
    const Bend<V> bend = odd ? odd_bend_of<projection>(x, t) : step_bend_of<projection>(x, t);
    if constexpr (part == CurvePart::slope) {
      return times_x ? bend.value + x * bend.slope : bend.slope;
    } else {
      const V stretched = V{} - x / t.whole * bend.slope;
      return times_x ? x * stretched : stretched;
    }
  }
}

template <class Real>
struct Unused {
  explicit Unused(const CurveRows<Real>&) {}
};

template <CurveKind kind, CurvePart part, Projection projection, class Real>
void curve_chunks(const CurveRows<Real>& rows, std::size_t begin, std::size_t end) {
  using V = std::conditional_t<sizeof(Real) == 4, F, D>;
  constexpr std::size_t lanes = kLanes<V>;
  const Softness<V> t(rows.softness);
  // Of the others it is never read, and not made.
  const std::conditional_t<kind == CurveKind::round, Rounding<part, projection, V>, Unused<Real>>
      rounding(rows);
  const auto at = [&](V x) {
    if constexpr (kind == CurveKind::round) return rounding.at(x);
    else return curve_at<kind, part, projection>(x, t);
  };
  for (std::size_t chunk = begin; chunk < end; ++chunk) {
    const std::size_t from = chunk * kCurveChunk;
    const std::size_t to = from + kCurveChunk < rows.n ? from + kCurveChunk : rows.n;
    double total = 0;
    V sums = V{};
    const auto step = [&](const Real* x, const Real* dy, Real* y) {
      V result = at(load(x));
      if constexpr (part != CurvePart::value) result = result * load(dy);
      if constexpr (part == CurvePart::by_softness) sums += result;
      else store(y, result);
    };
    std::size_t i = from;
    for (; i + lanes <= to; i += lanes) {
      step(rows.x + i, part == CurvePart::value ? nullptr : rows.dy + i,
           part == CurvePart::by_softness ? nullptr : rows.y + i);
      if constexpr (part == CurvePart::by_softness) {
        // Few enough that float keeps the digits.
        if (i % (16 * lanes) == 0) total += static_cast<double>(sum(sums)), sums = V{};
      }
    }
    if (i < to) {
      Real x[lanes] = {};
      Real dy[lanes] = {};
      Real y[lanes];
      for (std::size_t k = 0; i + k < to; ++k) {
        x[k] = rows.x[i + k];
        if (part != CurvePart::value) dy[k] = rows.dy[i + k];
      }
      if constexpr (part == CurvePart::by_softness) {
        // A curve need not be finite at 0 where the softness is not.
        const V products = at(load(x)) * load(dy);
        store(y, products);
        for (std::size_t k = 0; i + k < to; ++k) total += static_cast<double>(y[k]);
      } else {
        step(x, dy, y);
        for (std::size_t k = 0; i + k < to; ++k) rows.y[i + k] = y[k];
      }
    }
    if constexpr (part == CurvePart::by_softness) {
      rows.sums[chunk] = total + static_cast<double>(sum(sums));
    }
  }
}
