// The threshold of one row, and the loop over rows. See simplex_threshold.h for the contract.

// The largest entry; NaN where the row holds NaN or +inf, or nothing but -inf.
template <class Real>
inline double largest_entry(const Real* v, std::size_t n) {
  D largest[kChains];
  D unfit[kChains];
  fill_chains(largest, -kInfinity);
  fill_chains(unfit, 0);
  for_each_vector(v, n, -kInfinity, [&](std::size_t chain, D x) {
    largest[chain] = max(x, largest[chain]);
    // False for NaN and +inf.
    unfit[chain] = select(x < splat(kInfinity), unfit[chain], splat(1.0));
  });
  const double result =
      largest_lane(max(max(largest[0], largest[1]), max(largest[2], largest[3])));
  return sum_of_chains(unfit) == 0 && result > -kInfinity ? result : kNaN;
}

template <class Real>
inline double log_sum_exp_above(const Real* v, std::size_t n, double largest) {
  D sums[kChains];
  fill_chains(sums, 0);
  for_each_vector(v, n, -kInfinity, [&](std::size_t chain, D x) {
    sums[chain] += exp_in_range(x - largest);
  });
  return std::log(sum_of_chains(sums));
}

struct SupportSums {
  double power;   // sum of r^alpha over the entries with r > 0
  double weight;  // sum of r^(alpha - 1) over the same
};

// r_j = (v_j - largest) * inverse_scale - s
template <int alpha, class Real>
inline SupportSums support_sums(const Real* v, std::size_t n, double largest,
                                double inverse_scale, double s) {
  D powers[kChains];
  D weights[kChains];
  fill_chains(powers, 0);
  fill_chains(weights, 0);
  for_each_vector(v, n, -kInfinity, [&](std::size_t chain, D x) {
    const D r = (x - largest) * inverse_scale - s;
    const D inside = max(r, splat(0.0));
    if constexpr (alpha == 1) {
      powers[chain] += inside;
      weights[chain] += select(r > splat(0.0), splat(1.0), splat(0.0));
    } else if constexpr (alpha == 2) {
      powers[chain] += inside * inside;
      weights[chain] += inside;
    } else {
      const D square = inside * inside;
      powers[chain] += square * inside;
      weights[chain] += square;
    }
  });
  return {sum_of_chains(powers), sum_of_chains(weights)};
}

constexpr int kMaxNewtonSteps = 60;
// Newton on the norm converges quadratically: the step taken at this distance is exact.
constexpr double kLastStep = 1e-8;

// Newton's iteration on the norm N(t) = ||(v - t)_+||_alpha, which is convex and decreasing, so
// from a start on its left the iterates rise to the root without a safeguard. It runs in units
// of mass^(1/alpha) and relative to the largest entry: s = (t - largest) / mass^(1/alpha). Then
// the root lies in [-1, 0), every r in [0, 1], the target norm is 1, and nothing overflows or
// cancels, however large or small the row and the mass are.
template <int alpha, class Real>
inline double newton_on_norm(const Real* v, std::size_t n, double largest, double mass) {
  const double scale = alpha == 1 ? mass : alpha == 2 ? std::sqrt(mass) : std::cbrt(mass);
  // A subnormal mass has no finite inverse; t is within that mass of the largest entry anyway.
  const double inverse = 1.0 / scale;
  const double inverse_scale =
      inverse < std::numeric_limits<double>::max() ? inverse : std::numeric_limits<double>::max();
  double s = -1.0;
  double support = kInfinity;
  for (int step = 0; step < kMaxNewtonSteps; ++step) {
    const SupportSums sums = support_sums<alpha>(v, n, largest, inverse_scale, s);
    if constexpr (alpha == 1) {
      // The norm is linear while the support stays, and the support only shrinks.
      if (sums.weight >= support) break;
      support = sums.weight;
      s += (sums.power - 1.0) / sums.weight;
    } else {
      const double norm = alpha == 2 ? std::sqrt(sums.power) : std::cbrt(sums.power);
      const double norm_power = alpha == 2 ? norm : norm * norm;
      s += (norm - 1.0) * norm_power / sums.weight;
      if (std::fabs(norm - 1.0) <= kLastStep) break;
    }
  }
  return largest + scale * s;
}

template <Projection projection, class Real>
inline double threshold_of_row(const Real* v, std::size_t n, double mass) {
  if (!(mass > 0)) return kNaN;
  const double largest = largest_entry(v, n);
  if (!(largest == largest)) return largest;
  if (!(mass < kInfinity)) return -mass;
  if constexpr (projection == Projection::smooth) {
    return largest + (log_sum_exp_above(v, n, largest) - std::log(mass));
  } else {
    constexpr int alpha = static_cast<int>(projection);
    static_assert(alpha >= 1 && alpha <= 3);
    return newton_on_norm<alpha>(v, n, largest, mass);
  }
}

template <Projection projection, class Real>
void threshold_rows(const ThresholdRows<Real>& rows, std::size_t begin, std::size_t end) {
  for (std::size_t row = begin; row < end; ++row) {
    const double mass = static_cast<double>(rows.mass[row * rows.mass_stride]);
    rows.t[row] =
        static_cast<Real>(threshold_of_row<projection>(rows.v + row * rows.n, rows.n, mass));
  }
}
