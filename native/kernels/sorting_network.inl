// The bitonic network over one long row, or over short ones side by side. See sorting_network.h.

template <class V>
struct Share {
  V m;      // how much of each entry goes to the other side
  V slope;  // m'(z)
};

template <class V, class Real>
inline V clamp(V x, Real low, Real high) {
  return min(max(x, splat(low)), splat(high));
}

// z is (a - b) / softness, signed such that the pair is to rise.
template <Projection projection, bool gradient, class Real, class V>
inline Share<V> share_of(V z) {
  const V one = splat(Real(1));
  V m;
  V slope = one;
  if constexpr (projection == Projection::smooth) {
    m = one / (one + exp_in_range(splat(Real(0)) - z));
    if constexpr (gradient) slope = m * (one - m);
  } else {
    const V place = z * Real(0.1) + Real(0.5);
    const V w = clamp(place, Real(0), Real(1));
    const V rest = one - w;
    const V hump = w * rest;
    if constexpr (projection == Projection::c0) {
      m = w;
      if constexpr (gradient) {
        slope = select(abs(place - Real(0.5)) <= splat(Real(0.5)), splat(Real(0.1)),
                       splat(Real(0)));
      }
    } else if constexpr (projection == Projection::c1) {
      m = w * w * (rest * Real(2) + one);
      slope = hump * Real(0.6);
    } else {
      m = w * w * w * ((rest * Real(6) + Real(3)) * rest + one);
      slope = hump * hump * Real(3);
    }
  }
  return {m, slope};
}

// Pairs i of a layer lie at e and e + d with e = i / d * 2 d + i % d. Calls body(i, a, b) for each
// vector of pairs, and writes back what it makes of a and b.
template <int near, class Real, class Body>
inline void for_pairs(Real* x, std::size_t size, std::size_t d, Body body) {
  typedef typename VectorTraits<Real>::Vector V;
  constexpr std::size_t kLanes = VectorTraits<Real>::kLanes;
  for (std::size_t i = 0; i < size / 2; i += kLanes) {
    if constexpr (near == 0) {
      Real* const a = x + (i / d * 2 * d + i % d);
      const Two<V> mixed = body(i, load(a), load(a + d));
      store(a, mixed.first);
      store(a + d, mixed.second);
    } else {
      // Both sides of these pairs lie in two neighbouring vectors.
      Real* const both = x + 2 * i;
      const Two<V> sides = part<near>(load(both), load(both + kLanes));
      const Two<V> mixed = body(i, sides.first, sides.second);
      const Two<V> joined = join<near>(mixed.first, mixed.second);
      store(both, joined.first);
      store(both + kLanes, joined.second);
    }
  }
}

template <class Real, class Body>
inline void for_pairs_at(Real* x, std::size_t size, std::size_t d, Body body) {
  constexpr std::size_t kLanes = VectorTraits<Real>::kLanes;
  if (d >= kLanes) return for_pairs<0>(x, size, d, body);
  // Only distances below the lanes come here, so that wider patterns are never made.
  if constexpr (kLanes > 8) {
    if (d == 8) return for_pairs<8>(x, size, d, body);
  }
  if constexpr (kLanes > 4) {
    if (d == 4) return for_pairs<4>(x, size, d, body);
  }
  if constexpr (kLanes > 2) {
    if (d == 2) return for_pairs<2>(x, size, d, body);
  }
  for_pairs<1>(x, size, d, body);
}

constexpr int kMostLanesLog2 = 4;

// What is kept of every pair in every layer.
enum class Kept { nothing, bends, differences };

template <class Real>
struct Network {
  typedef typename VectorTraits<Real>::Vector V;
  static constexpr std::size_t kLanes = VectorTraits<Real>::kLanes;

  std::size_t n;
  std::size_t size;    // entries of a group
  int phases;
  std::size_t layers;
  Real per_softness;
  Real* signs;  // [kMostLanesLog2][kLanes]: of the pairs of one vector, in the first phases
  Real* x;      // [size]
  Real* k;      // [layers][size / 2]: differences, or what of a change of each goes over
  Real* felt;   // with bends: what the softness does to the difference, times the softness

  V signs_of(int phase, std::size_t i) const {
    const std::size_t block = std::size_t{1} << phase;
    if (block < kLanes) return load(signs + static_cast<std::size_t>(phase) * kLanes);
    return splat(sign(phase, i));
  }

  // Of pair i in a row: blocks of 2^phase pairs rise and fall in turn.
  Real sign(int phase, std::size_t i) const {
    return ((i & (n / 2 - 1)) >> phase & 1) == 0 ? per_softness : -per_softness;
  }

  void find_signs() {
    for (int phase = 0; phase < phases && phase < kMostLanesLog2; ++phase) {
      for (std::size_t i = 0; i < kLanes; ++i) {
        signs[static_cast<std::size_t>(phase) * kLanes + i] = sign(phase, i);
      }
    }
  }
};

inline std::size_t network_size(std::size_t n, std::size_t lanes) {
  return n < 2 * lanes ? 2 * lanes : n;
}

inline int log2_of(std::size_t n) {
  int result = 0;
  while (n >> 1 >> result > 0) ++result;
  return result;
}

template <class Real, Kept kept>
inline Network<Real> take_network(Arena& arena, std::size_t n) {
  Network<Real> net{};
  net.n = n;
  net.size = network_size(n, net.kLanes);
  net.phases = log2_of(n);
  net.layers = static_cast<std::size_t>(net.phases * (net.phases + 1) / 2);
  net.signs = arena.take<Real>(kMostLanesLog2 * net.kLanes);
  net.x = arena.take<Real>(net.size);
  if (kept != Kept::nothing) net.k = arena.take<Real>(net.layers * net.size / 2);
  if (kept == Kept::bends) net.felt = arena.take<Real>(net.layers * net.size / 2);
  return net;
}

template <class Real, Kept kept>
std::size_t network_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_network<Real, kept>(arena, n);
  return arena.used();
}

template <class Real>
std::size_t network_group(std::size_t n) {
  const std::size_t size = network_size(n, VectorTraits<Real>::kLanes);
  return n == 0 ? 1 : size / n;
}

template <Projection projection, Kept kept, class Real>
inline void run_network(const Network<Real>& net) {
  constexpr bool gradient = kept == Kept::bends;
  typedef typename VectorTraits<Real>::Vector V;
  std::size_t at = 0;
  for (int phase = 0; phase < net.phases; ++phase) {
    for (std::size_t d = std::size_t{1} << phase; d > 0; d /= 2, at += net.size / 2) {
      for_pairs_at(net.x, net.size, d, [&](std::size_t i, V a, V b) -> Two<V> {
        const V u = a - b;
        const V z = u * net.signs_of(phase, i);
        const Share<V> share = share_of<projection, gradient, Real>(z);
        if constexpr (gradient) {
          // Far out the slope is 0, which an infinite z must not spoil.
          const V bend = clamp(z, Real(-1e4), Real(1e4)) * share.slope;
          store(net.k + at + i, share.m + bend);
          store(net.felt + at + i, u * bend);
        }
        if constexpr (kept == Kept::differences) store(net.k + at + i, u);
        // With shares of 0 and 1 these are the entries themselves, to the last bit.
        const V rest = splat(Real(1)) - share.m;
        return {rest * a + share.m * b, rest * b + share.m * a};
      });
    }
  }
}

template <class Real, class V>
inline double exact_sum(V x) {
  double result = 0;
  for (std::size_t i = 0; i < VectorTraits<Real>::kLanes; ++i) result += static_cast<double>(x[i]);
  return result;
}

// With the cotangent of y in net.x: makes it that of x, and gives that of the softness.
template <class Real>
inline double pull_back_network(const Network<Real>& net) {
  typedef typename VectorTraits<Real>::Vector V;
  double softness = 0;
  std::size_t at = net.layers * (net.size / 2);
  for (int phase = net.phases - 1; phase >= 0; --phase) {
    for (std::size_t d = 1; d <= std::size_t{1} << phase; d *= 2) {
      at -= net.size / 2;
      V felt = splat(Real(0));
      for_pairs_at(net.x, net.size, d, [&](std::size_t i, V a, V b) -> Two<V> {
        const V p = a - b;
        const V moved = p * load(net.k + at + i);
        felt += p * load(net.felt + at + i);
        return {a - moved, b + moved};
      });
      softness += exact_sum<Real>(felt);
    }
  }
  return softness * static_cast<double>(net.per_softness);
}

// Copies the rows of a group into the network; those that are not finite, and those that are not
// there, as zeros. Gives whether all were finite.
template <class Real>
inline bool fill_network(const Network<Real>& net, const Real* x, std::size_t count) {
  bool finite = true;
  for (std::size_t row = 0; row < net.size / net.n; ++row) {
    Real* const to = net.x + row * net.n;
    if (row < count && all_finite(x + row * net.n, net.n)) {
      std::memcpy(to, x + row * net.n, net.n * sizeof(Real));
    } else {
      std::memset(to, 0, net.n * sizeof(Real));
      finite = finite && row >= count;
    }
  }
  return finite;
}

template <class Real>
inline void set_softness(Network<Real>& net, Real softness) {
  const Real inverse = 1 / softness;
  const Real most = std::numeric_limits<Real>::max();
  net.per_softness = inverse < most ? inverse : most;
  net.find_signs();
}

template <Projection projection, bool gradient, class Real>
void network_groups(const NetworkRows<Real>& rows, std::size_t begin, std::size_t end,
                    void* block) {
  const std::size_t n = rows.n;
  if (n == 0) return;
  Arena arena(block);
  constexpr Kept kept = gradient ? Kept::bends : Kept::nothing;
  Network<Real> net = take_network<Real, kept>(arena, n);
  const Real softness = *rows.softness;
  set_softness(net, softness);
  const std::size_t group = net.size / n;
  for (std::size_t g = begin; g < end; ++g) {
    const std::size_t first = g * group;
    const std::size_t count = rows.batch - first < group ? rows.batch - first : group;
    const Real* const x = rows.x + first * n;
    Real* const y = rows.y + first * n;
    const bool usable = softness > 0;
    bool finite = fill_network(net, x, count) && usable;
    run_network<projection, kept>(net);
    if constexpr (gradient) {
      const Real* const dy = rows.dy + first * n;
      finite = fill_network(net, dy, count) && finite;
      const double felt = pull_back_network(net);
      rows.dsoftness[g] = finite ? felt : kNaN;
    }
    std::memcpy(y, net.x, count * n * sizeof(Real));
    if (finite) continue;
    for (std::size_t row = 0; row < count; ++row) {
      const bool kept = usable && all_finite(x + row * n, n) &&
                        (!gradient || all_finite(rows.dy + (first + row) * n, n));
      if (!kept) fill_row(y + row * n, n, kNaN);
    }
  }
}

template <Projection projection, bool gradient, class Real>
constexpr GroupKernel<NetworkRows<Real>> network_kernel() {
  return {network_groups<projection, gradient, Real>,
          network_scratch<Real, gradient ? Kept::bends : Kept::nothing>, network_group<Real>};
}

template <Projection projection, class Real>
void network_trace_groups(const NetworkTraceRows<Real>& rows, std::size_t begin, std::size_t end,
                          void* block) {
  const std::size_t n = rows.n;
  if (n == 0) return;
  Arena arena(block);
  Network<Real> net = take_network<Real, Kept::differences>(arena, n);
  const Real softness = *rows.softness;
  set_softness(net, softness);
  const std::size_t group = net.size / n;
  for (std::size_t g = begin; g < end; ++g) {
    const std::size_t first = g * group;
    const std::size_t count = rows.batch - first < group ? rows.batch - first : group;
    const Real* const x = rows.x + first * n;
    const auto pairs_at = [&](std::size_t layer, std::size_t row) {
      return rows.differences + (layer * rows.batch + first + row) * (n / 2);
    };
    const bool usable = softness > 0;
    const bool finite = fill_network(net, x, count) && usable;
    run_network<projection, Kept::differences>(net);
    std::memcpy(rows.y + first * n, net.x, count * n * sizeof(Real));
    for (std::size_t layer = 0; layer < net.layers; ++layer) {
      std::memcpy(pairs_at(layer, 0), net.k + layer * (net.size / 2),
                  count * (n / 2) * sizeof(Real));
    }
    if (finite) continue;
    for (std::size_t row = 0; row < count; ++row) {
      if (usable && all_finite(x + row * n, n)) continue;
      fill_row(rows.y + (first + row) * n, n, kNaN);
      for (std::size_t layer = 0; layer < net.layers; ++layer) {
        fill_row(pairs_at(layer, row), n / 2, kNaN);
      }
    }
  }
}

template <Projection projection, class Real>
constexpr GroupKernel<NetworkTraceRows<Real>> network_trace_kernel() {
  return {network_trace_groups<projection, Real>, network_scratch<Real, Kept::differences>,
          network_group<Real>};
}
