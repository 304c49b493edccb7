// Smooth SoftSort of a sorted row: the kernel exp(-|s_i - s_j| / softness) decays from each entry to
// the next by one factor, so its sums to the left and to the right of every entry follow from
// those of the neighbour. Exponents are differences of neighbours, never positive: nothing
// overflows, and no sum cancels but the last, of both sides.
//
// With K the kernel, d the distance over the softness, x the payload in the order of the keys:
//   left   L = sum K   A = sum K (x_j - x_i)   Q = sum K d   W = sum K d (x_j - x_i)   over j < i
//   right  the same over j > i
//   y_i = x_i + off_i,  off = (A_left + A_right) / Z,  Z = L_left + L_right + 1
// Entries equal to entry i count in these sums; the gradient of the keys, where they must not,
// takes them out again (`without_ties`).

struct Side {
  double* l;
  double* a;
  double* q;
  double* w;
};

struct SmoothRow {
  std::size_t n;
  double* s;     // sorted keys
  double* x;     // payload
  double* gap;   // (s_i - s_{i-1}) / softness, at i >= 1
  double* decay;  // exp(-gap)
  double* step;   // decay * (x_i - x_{i-1})
  bool ties;
};

// Beyond this exp is 0, and the distance need not be known.
constexpr double kFar = 1000;

// s ends with infinities and x with zeros.

inline void find_gaps(SmoothRow& row, double per_softness) {
  MaskD equal = splat(0.0) > splat(1.0);
  for (std::size_t i = 1; i < row.n; i += kDoubles) {
    const D apart = load(row.s + i) - load(row.s + i - 1);
    const D gap = min(apart * per_softness, splat(kFar));
    const D decay = exp_in_range(splat(0.0) - gap);
    const D change = load(row.x + i) - load(row.x + i - 1);
    store(row.gap + i, gap);
    store(row.decay + i, decay);
    // Payloads so far apart that they overflow are no matter across a gap that nothing crosses.
    store(row.step + i, select(decay > splat(0.0), decay * change, splat(0.0)));
    equal = equal | (apart == splat(0.0));
  }
  row.ties = any(equal);
}

// What vectors read beyond the end of a row.
inline void end_row(double* row, std::size_t n, double x) {
  for (std::size_t i = n; i < n + kOverrun; ++i) row[i] = x;
}

inline void end_side(const Side& side, std::size_t n) {
  double* const all[] = {side.l, side.a, side.q, side.w};
  for (double* row : all) end_row(row, n, 0);
}

// L and A of both sides. The two recurrences run beside each other to hide their latency.
inline void sweep_values(const SmoothRow& row, const Side& left, const Side& right) {
  const std::size_t n = row.n;
  double l = 0, a = 0, r = 0, b = 0;
  left.l[0] = left.a[0] = right.l[n - 1] = right.a[n - 1] = 0;
  for (std::size_t i = 1, j = n - 1; i < n; ++i, --j) {
    const double u = row.decay[i], v = row.step[i];
    a = u * a - (v * l + v);
    l = u * l + u;
    left.l[i] = l;
    left.a[i] = a;
    const double u2 = row.decay[j], v2 = row.step[j];
    b = u2 * b + (v2 * r + v2);
    r = u2 * r + u2;
    right.l[j - 1] = r;
    right.a[j - 1] = b;
  }
}

// All four sums of both sides.
inline void sweep_all(const SmoothRow& row, const Side& left, const Side& right) {
  const std::size_t n = row.n;
  double l = 0, a = 0, q = 0, w = 0;
  double r = 0, b = 0, o = 0, z = 0;
  left.l[0] = left.a[0] = left.q[0] = left.w[0] = 0;
  right.l[n - 1] = right.a[n - 1] = right.q[n - 1] = right.w[n - 1] = 0;
  for (std::size_t i = 1, j = n - 1; i < n; ++i, --j) {
    const double u = row.decay[i], v = row.step[i], d = row.gap[i];
    a = u * a - (v * l + v);
    l = u * l + u;
    w = u * w + (d * a - v * q);
    q = u * q + d * l;
    left.l[i] = l;
    left.a[i] = a;
    left.q[i] = q;
    left.w[i] = w;
    const double u2 = row.decay[j], v2 = row.step[j], d2 = row.gap[j];
    b = u2 * b + (v2 * r + v2);
    r = u2 * r + u2;
    z = u2 * z + (d2 * b + v2 * o);
    o = u2 * o + d2 * r;
    right.l[j - 1] = r;
    right.a[j - 1] = b;
    right.q[j - 1] = o;
    right.w[j - 1] = z;
  }
}

inline void smooth_values(const SmoothRow& row, const Side& left, const Side& right, double* y) {
  sweep_values(row, left, right);
  for (std::size_t i = 0; i < row.n; i += kDoubles) {
    const D normaliser = load(left.l + i) + load(right.l + i) + 1.0;
    store(y + i, load(row.x + i) + (load(left.a + i) + load(right.a + i)) / normaliser);
  }
  if (!row.ties) return;
  for (std::size_t i = 1; i < row.n; ++i) {
    if (row.s[i] == row.s[i - 1]) y[i] = y[i - 1];
  }
}

// Calls group(first, last) for each run of equal entries of two or more.
template <class Group>
inline void for_each_tie(const double* s, std::size_t n, Group group) {
  for (std::size_t first = 0; first + 1 < n;) {
    std::size_t last = first;
    while (last + 1 < n && s[last + 1] == s[first]) ++last;
    if (last > first) group(first, last);
    first = last + 1;
  }
}

// The sums over the entries strictly on each side: those of the first and the last of a group,
// about the payload of each member.
inline void without_ties(const SmoothRow& row, double* l, double* a, double* r, double* b,
                         double sign) {
  for_each_tie(row.s, row.n, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i <= last; ++i) {
      a[i] = a[first] - sign * l[first] * (row.x[i] - row.x[first]);
      l[i] = l[first];
    }
    for (std::size_t i = first; i <= last; ++i) {
      b[i] = b[last] - sign * r[last] * (row.x[i] - row.x[last]);
      r[i] = r[last];
    }
  });
}

struct SmoothGradient {
  Side left;
  Side right;
  double* off;
  double* h;      // the cotangent over Z
  double* hd;     // h * (x - y)
  double* sbar;
  double* xbar;
};

// The sums H = sum K h and E = sum K h_i (x_k - y_i) over i on either side of k, into l and q.
inline void sweep_cotangents(const SmoothRow& row, const SmoothGradient& g) {
  const std::size_t n = row.n;
  double h = 0, e = 0, k = 0, f = 0;
  g.left.q[0] = g.left.w[0] = g.right.q[n - 1] = g.right.w[n - 1] = 0;
  for (std::size_t i = 1, j = n - 1; i < n; ++i, --j) {
    const double before = h + g.h[i - 1];
    e = row.decay[i] * (e + g.hd[i - 1]) + row.step[i] * before;
    h = row.decay[i] * before;
    g.left.q[i] = h;
    g.left.w[i] = e;
    const double after = k + g.h[j];
    f = row.decay[j] * (f + g.hd[j]) - row.step[j] * after;
    k = row.decay[j] * after;
    g.right.q[j - 1] = k;
    g.right.w[j - 1] = f;
  }
}

// From the cotangent of y: that of the sorted keys, of the payload in their order, and, as the
// result, of the softness.
inline double smooth_gradient(const SmoothRow& row, const SmoothGradient& g,
                              const double* cotangent, double per_softness) {
  const std::size_t n = row.n;
  const Side& left = g.left;
  const Side& right = g.right;
  sweep_all(row, left, right);
  end_side(left, n);
  end_side(right, n);
  D softness = splat(0.0);
  for (std::size_t i = 0; i < n; i += kDoubles) {
    const D normaliser = load(left.l + i) + load(right.l + i) + 1.0;
    const D off = (load(left.a + i) + load(right.a + i)) / normaliser;
    const D h = load(cotangent + i) / normaliser;
    store(g.off + i, off);
    store(g.h + i, h);
    store(g.hd + i, splat(0.0) - h * off);
    const D sums = (load(left.w + i) + load(right.w + i)) -
                   (load(left.q + i) + load(right.q + i)) * off;
    softness += h * sums;
  }
  sweep_cotangents(row, g);
  for (std::size_t i = 0; i < n; i += kDoubles) {
    store(g.xbar + i, load(left.q + i) + load(right.q + i) + load(g.h + i));
  }
  if (row.ties) {
    without_ties(row, left.l, left.a, right.l, right.a, 1);
    without_ties(row, left.q, left.w, right.q, right.w, -1);
  }
  for (std::size_t i = 0; i < n; i += kDoubles) {
    const D off = load(g.off + i);
    const D own = (load(left.a + i) - off * load(left.l + i)) -
                  (load(right.a + i) - off * load(right.l + i));
    const D others = load(left.w + i) - load(right.w + i);
    store(g.sbar + i, (load(g.h + i) * own + others) * (-per_softness));
  }
  return sum(softness) * per_softness;
}
