// SoftSort of a sorted row in modes c0, c1 and c2: row i is zero outside a window around entry i,
//   P_ij = max(rho_i - d_ij, 0)^alpha,  d_ij = |s_i - s_j| / softness,  sum_j P_ij = 1.
// rho changes no faster than the place of entry i, so both ends of the window only move forward.
//
// rho is found without a pass over the window, from the moments sum d^k of its entries on the
// left and on the right of entry i: they follow the entry as it moves (the binomial theorem) and
// entries come and go one by one. All distances are below 2, so what rounding leaves behind stays
// near eps; the moments are taken anew every kRebuild rows.

constexpr std::size_t kRebuild = 64;
constexpr int kMaxRadiusSteps = 60;

template <int alpha>
struct Moments {
  double m[alpha + 1];

  void clear() {
    for (double& x : m) x = 0;
  }
  void add(double d, double sign) {
    double power = sign;
    for (double& x : m) {
      x += power;
      power *= d;
    }
  }
  // Every distance grows by e.
  void shift(double e) {
    if constexpr (alpha == 3) m[3] += e * (3 * m[2] + e * (3 * m[1] + e * m[0]));
    if constexpr (alpha >= 2) m[2] += e * (2 * m[1] + e * m[0]);
    m[1] += e * m[0];
  }
};

template <int alpha>
class Window {
 public:
  // s ends with kOverrun infinities.
  Window(const double* s, std::size_t n, double per_softness)
      : s_(s), n_(n), per_softness_(per_softness) {}

  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }
  double radius() const { return radius_; }

  // Goes to row i, the one after the last; to the first at the start.
  void move_to(std::size_t i) {
    row_ = i;
    const double e = i == 0 ? kInfinity : distance(i, i - 1);
    if (e == 0) {
      // The window stays, entry i changes sides.
      right_.add(0, -1);
      left_.add(0, 1);
      return;
    }
    if (!(e < 1)) {
      begin_ = i;
      end_ = i + 1;
      left_.clear();
      right_.clear();
    } else {
      left_.shift(e);
      if (end_ > i) {
        right_.add(e, -1);
        right_.shift(-e);
      } else {
        end_ = i + 1;
        right_.clear();
      }
    }
    left_.add(0, 1);
    // The sum at this radius is 1 or more, as every entry of the last row is at most e farther.
    radius_ = e < 1 && radius_ + e < 1 ? radius_ + e : 1;
    widen();
    if (++since_ >= kRebuild) rebuild();
    solve();
  }

 private:
  double distance(std::size_t i, std::size_t j) const { return (s_[i] - s_[j]) * per_softness_; }

  void widen() {
    for (; end_ < n_; ++end_) {
      const double d = distance(end_, row_);
      if (!(d < radius_)) break;
      right_.add(d, 1);
    }
  }

  // Drops the entries that the radius no longer reaches. Whether there were any.
  bool narrow() {
    bool dropped = false;
    for (; begin_ < row_; ++begin_) {
      const double d = distance(row_, begin_);
      if (d < radius_) break;
      left_.add(d, -1);
      dropped = true;
    }
    for (; end_ > row_ + 1; --end_) {
      const double d = distance(end_ - 1, row_);
      if (d < radius_) break;
      right_.add(d, -1);
      dropped = true;
    }
    return dropped;
  }

  void rebuild() {
    since_ = 0;
    left_.clear();
    right_.clear();
    for (std::size_t j = begin_; j <= row_; ++j) left_.add(distance(row_, j), 1);
    for (std::size_t j = row_ + 1; j < end_; ++j) right_.add(distance(j, row_), 1);
  }

  // Newton on sum max(rho - d, 0)^alpha = 1, which is convex and rising in rho, from the right of
  // its root: the iterates fall to it.
  void solve() {
    narrow();
    for (int step = 0; step < kMaxRadiusSteps; ++step) {
      double m[alpha + 1];
      for (int k = 0; k <= alpha; ++k) m[k] = left_.m[k] + right_.m[k];
      const double rho = radius_;
      double change;
      if constexpr (alpha == 1) {
        change = (m[0] * rho - m[1] - 1) / m[0];
      } else if constexpr (alpha == 2) {
        const double weight = m[0] * rho - m[1];
        change = ((weight - m[1]) * rho + m[2] - 1) / (2 * weight);
      } else {
        const double weight = (m[0] * rho - 2 * m[1]) * rho + m[2];
        const double power = ((m[0] * rho - 3 * m[1]) * rho + 3 * m[2]) * rho - m[3];
        change = (power - 1) / (3 * weight);
      }
      radius_ = rho - change;
      const bool dropped = narrow();
      if (alpha == 1 ? !dropped : !(change > 1e-8 * radius_)) break;
    }
  }

  const double* s_;
  std::size_t n_;
  double per_softness_;
  std::size_t row_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t since_ = kRebuild;
  double radius_ = 1;
  Moments<alpha> left_{};
  Moments<alpha> right_{};
};

// max(rho - d, 0), which is 0 for all entries outside the window: vectors need not end with it.
inline D reach(const double* s, D own, D radius, double per_softness) {
  return max(radius - abs(own - load(s)) * per_softness, splat(0.0));
}

// phi(r) and phi'(r) / alpha
template <int alpha>
inline D power_of(D r) {
  if constexpr (alpha == 1) return r;
  if constexpr (alpha == 2) return r * r;
  return r * r * r;
}
template <int alpha>
inline D weight_of(D r) {
  if constexpr (alpha == 1) return select(r > splat(0.0), splat(1.0), splat(0.0));
  if constexpr (alpha == 2) return r;
  return r * r;
}

// s ends with infinities and x with zeros.
template <int alpha>
inline void window_values(const double* s, const double* x, std::size_t n, double per_softness,
                          double* y) {
  Window<alpha> window(s, n, per_softness);
  for (std::size_t i = 0; i < n; ++i) {
    window.move_to(i);
    if (i > 0 && s[i] == s[i - 1]) {
      y[i] = y[i - 1];
      continue;
    }
    const D own = splat(s[i]);
    const D centre = splat(x[i]);
    const D radius = splat(window.radius());
    D total[2] = {splat(0.0), splat(0.0)};
    D moment[2] = {splat(0.0), splat(0.0)};
    std::size_t j = window.begin();
    for (; j + kDoubles < window.end(); j += 2 * kDoubles) {
      const D p = power_of<alpha>(reach(s + j, own, radius, per_softness));
      const D q = power_of<alpha>(reach(s + j + kDoubles, own, radius, per_softness));
      total[0] += p;
      total[1] += q;
      moment[0] += p * (load(x + j) - centre);
      moment[1] += q * (load(x + j + kDoubles) - centre);
    }
    if (j < window.end()) {
      const D p = power_of<alpha>(reach(s + j, own, radius, per_softness));
      total[0] += p;
      moment[0] += p * (load(x + j) - centre);
    }
    y[i] = x[i] + sum(moment[0] + moment[1]) / sum(total[0] + total[1]);
  }
}

// Adds to the cotangents of the sorted keys and, where wanted, of the payload in their order;
// gives that of the softness. With w = phi'(r) and m the mean of the payload under w, the
// cotangent of -d_ij is G_i w_ij (x_j - m_i).
template <int alpha, bool with_payload>
inline double window_gradient(const double* s, const double* x, std::size_t n,
                              double per_softness, const double* cotangent, double* sbar,
                              double* xbar) {
  Window<alpha> window(s, n, per_softness);
  double softness = 0;
  for (std::size_t first = 0; first < n;) {
    window.move_to(first);
    // Equal keys have equal rows, so they are treated as one.
    double common = cotangent[first];
    std::size_t last = first;
    while (last + 1 < n && s[last + 1] == s[first]) {
      window.move_to(++last);
      common += cotangent[last];
    }
    const D own = splat(s[first]);
    const D centre = splat(x[first]);
    const D radius = splat(window.radius());
    D total = splat(0.0);
    D weights = splat(0.0);
    D moment = splat(0.0);
    for (std::size_t j = window.begin(); j < window.end(); j += kDoubles) {
      const D r = reach(s + j, own, radius, per_softness);
      const D w = weight_of<alpha>(r);
      total += power_of<alpha>(r);
      weights += w;
      moment += w * (load(x + j) - centre);
    }
    const D mean = splat(x[first] + sum(moment) / sum(weights));
    // dP/dr is alpha w; the sum of P is 1 but for rounding, which the payload's share divides out.
    const D scale = splat(common * alpha);
    const D share = splat(common / sum(total));
    D apart = splat(0.0);
    D signs = splat(0.0);
    for (std::size_t j = window.begin(); j < window.end(); j += kDoubles) {
      const D r = reach(s + j, own, radius, per_softness);
      const D unit = weight_of<alpha>(r) * (load(x + j) - mean);
      const D entry = load(s + j);
      const D signed_unit = select(entry < own, unit,
                                   select(entry > own, splat(0.0) - unit, splat(0.0)));
      // In place of d, since the units sum to 0: the same where r > 0, and 0 elsewhere.
      apart += unit * r;
      signs += signed_unit;
      store(sbar + j, load(sbar + j) + scale * signed_unit);
      if constexpr (with_payload) {
        store(xbar + j, load(xbar + j) + share * power_of<alpha>(r));
      }
    }
    softness += common * alpha * -sum(apart);
    const double own_share = alpha * sum(signs);
    for (std::size_t i = first; i <= last; ++i) sbar[i] -= cotangent[i] * own_share;
    first = last + 1;
  }
  for (std::size_t i = 0; i < n; i += kDoubles) store(sbar + i, load(sbar + i) * per_softness);
  return softness * per_softness;
}
