// The permutation of the bitonic network and its gradient: the rows of the identity go through the
// layers as the entries do, a few columns at a time, with the shares that the entries had.
//
// Layers whose pairs lie within kNearRows rows are done block by block, in the first-level cache.
// In the first phases the columns of a tile are zero but in the rows of their own block, and
// nothing else is done there.

// Products of small shares soon leave the normal range, where arithmetic is a hundred times slower.
// While one of these lives, results below it are 0.
class FlushSmallResults {
 public:
#if defined(__SSE2__)
  FlushSmallResults() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8000); }
  ~FlushSmallResults() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#else
  FlushSmallResults() {}
  ~FlushSmallResults() {}
#endif
};

constexpr std::size_t kTileBytes = 64;
constexpr std::size_t kNearRows = 256;

template <class Real>
struct PermutationTile {
  typedef typename VectorTraits<Real>::Vector V;
  static constexpr std::size_t kLanes = VectorTraits<Real>::kLanes;
  static constexpr std::size_t kWidth = kTileBytes / sizeof(Real);

  std::size_t n;
  std::size_t half;  // pairs of a layer, as the tables below have them
  int phases;
  Real* rows;   // [n][kWidth]
  Real* m;      // [layers][half]
  // Gradient:
  Real* u;      // [layers][half]: differences of the entries
  Real* slope;  // dm / du
  Real* share;  // the cotangent of m, added up over tiles
  Real* apart;  // [layers][n / 2][kWidth]: differences of the rows
};

// Calls layer(phase, d, at) for the layers whose pairs are `nearest` <= d <= `farthest` in the
// order of the network, or in the opposite one.
template <class Layer>
inline void layers_of_phase(int phase, std::size_t farthest, std::size_t nearest, bool forward,
                            Layer layer) {
  const std::size_t widest = std::size_t{1} << phase;
  const auto first = static_cast<std::size_t>(phase * (phase + 1) / 2);
  std::size_t steps = 0;
  while (widest >> steps > 0) ++steps;
  for (std::size_t k = 0; k < steps; ++k) {
    const std::size_t step = forward ? k : steps - 1 - k;
    const std::size_t d = widest >> step;
    if (d <= farthest && d >= nearest) layer(d, first + step);
  }
}

// Calls layer(d, index, begin, end) for every layer over a range of rows in which its pairs lie,
// in an order that respects their dependence. `column` is any column of the tile.
template <class Layer>
inline void walk_layers(std::size_t n, int phases, std::size_t column, bool forward, Layer layer) {
  const std::size_t block = n < kNearRows ? n : kNearRows;
  const int near_phases = log2_of(block);
  const std::size_t home = column / block * block;
  const auto first_phases = [&] {
    for (int k = 0; k < near_phases; ++k) {
      const int phase = forward ? k : near_phases - 1 - k;
      layers_of_phase(phase, block, 1, forward, [&](std::size_t d, std::size_t index) {
        layer(d, index, home, home + block);
      });
    }
  };
  const auto far_layers = [&](int phase) {
    layers_of_phase(phase, n, block, forward,
                    [&](std::size_t d, std::size_t index) { layer(d, index, 0, n); });
  };
  const auto near_layers = [&](int phase) {
    for (std::size_t begin = 0; begin < n; begin += block) {
      layers_of_phase(phase, block / 2, 1, forward, [&](std::size_t d, std::size_t index) {
        layer(d, index, begin, begin + block);
      });
    }
  };
  if (forward) {
    first_phases();
    for (int phase = near_phases; phase < phases; ++phase) {
      far_layers(phase);
      near_layers(phase);
    }
  } else {
    for (int phase = phases - 1; phase >= near_phases; --phase) {
      near_layers(phase);
      far_layers(phase);
    }
    first_phases();
  }
}

// Calls pair(a, b, index of the pair) for the pairs of a layer within [begin, end).
template <class Real, class Pair>
inline void for_row_pairs(const PermutationTile<Real>& tile, std::size_t d, std::size_t begin,
                          std::size_t end, Pair pair) {
  constexpr std::size_t kWidth = PermutationTile<Real>::kWidth;
  for (std::size_t base = begin; base < end; base += 2 * d) {
    for (std::size_t k = 0; k < d; ++k) {
      Real* const a = tile.rows + (base + k) * kWidth;
      pair(a, a + d * kWidth, base / 2 + k);
    }
  }
}

template <bool save, class Real>
inline void mix_rows(const PermutationTile<Real>& tile, std::size_t column) {
  typedef PermutationTile<Real> Tile;
  std::memset(tile.rows, 0, tile.n * Tile::kWidth * sizeof *tile.rows);
  for (std::size_t c = column; c < column + Tile::kWidth && c < tile.n; ++c) {
    tile.rows[c * Tile::kWidth + (c - column)] = 1;
  }
  const std::size_t pairs = tile.n / 2;
  const auto layer = [&](std::size_t d, std::size_t index, std::size_t begin, std::size_t end) {
    const Real* const m = tile.m + index * tile.half;
    for_row_pairs(tile, d, begin, end, [&](Real* a, Real* b, std::size_t i) {
      const auto share = splat(m[i]);
      const auto rest = splat(1 - m[i]);
      for (std::size_t c = 0; c < Tile::kWidth; c += Tile::kLanes) {
        const auto x = load(a + c);
        const auto y = load(b + c);
        if (save) store(tile.apart + (index * pairs + i) * Tile::kWidth + c, x - y);
        store(a + c, rest * x + share * y);
        store(b + c, rest * y + share * x);
      }
    });
  };
  walk_layers(tile.n, tile.phases, column, true, layer);
}

// With the cotangents of the tile's columns in its rows: adds to those of the shares.
template <class Real>
inline void pull_back_rows(const PermutationTile<Real>& tile, std::size_t column) {
  typedef PermutationTile<Real> Tile;
  const std::size_t pairs = tile.n / 2;
  const auto layer = [&](std::size_t d, std::size_t index, std::size_t begin, std::size_t end) {
    const Real* const m = tile.m + index * tile.half;
    Real* const shares = tile.share + index * tile.half;
    for_row_pairs(tile, d, begin, end, [&](Real* a, Real* b, std::size_t i) {
      const auto share = splat(m[i]);
      auto felt = splat(Real(0));
      for (std::size_t c = 0; c < Tile::kWidth; c += Tile::kLanes) {
        const auto x = load(a + c);
        const auto y = load(b + c);
        const auto r = x - y;
        felt += r * load(tile.apart + (index * pairs + i) * Tile::kWidth + c);
        const auto moved = share * r;
        store(a + c, x - moved);
        store(b + c, y + moved);
      }
      shares[i] -= sum(felt);
    });
  };
  walk_layers(tile.n, tile.phases, column, false, layer);
}

// The entries through the network, keeping the shares and what their gradient needs.
template <Projection projection, bool gradient, class Real>
inline void trace_network(const Network<Real>& net, const PermutationTile<Real>& tile) {
  typedef typename VectorTraits<Real>::Vector V;
  std::size_t at = 0;
  for (int phase = 0; phase < net.phases; ++phase) {
    for (std::size_t d = std::size_t{1} << phase; d > 0; d /= 2, at += net.size / 2) {
      for_pairs_at(net.x, net.size, d, [&](std::size_t i, V a, V b) -> Two<V> {
        const V u = a - b;
        const V signs = net.signs_of(phase, i);
        const Share<V> share = share_of<projection, gradient, Real>(u * signs);
        store(tile.m + at + i, share.m);
        if constexpr (gradient) {
          store(tile.u + at + i, u);
          store(tile.slope + at + i, share.slope * signs);
        }
        const V rest = splat(Real(1)) - share.m;
        return {rest * a + share.m * b, rest * b + share.m * a};
      });
    }
  }
}

// The cotangent of y in net.x becomes that of x, the shares' having been found; gives that of the
// softness.
template <class Real>
inline double pull_back_trace(const Network<Real>& net, const PermutationTile<Real>& tile) {
  typedef typename VectorTraits<Real>::Vector V;
  double softness = 0;
  std::size_t at = net.layers * (net.size / 2);
  for (int phase = net.phases - 1; phase >= 0; --phase) {
    for (std::size_t d = 1; d <= std::size_t{1} << phase; d *= 2) {
      at -= net.size / 2;
      V felt = splat(Real(0));
      for_pairs_at(net.x, net.size, d, [&](std::size_t i, V a, V b) -> Two<V> {
        const V u = load(tile.u + at + i);
        const V slope = load(tile.slope + at + i);
        const V p = a - b;
        const V bent = p * slope * u;
        const V du = load(tile.share + at + i) * slope;
        // What the softness does to a share is what the difference does, times -u / softness.
        felt += (bent - du) * u;
        const V moved = p * load(tile.m + at + i) + bent - du;
        return {a - moved, b + moved};
      });
      softness += exact_sum<Real>(felt);
    }
  }
  return softness * static_cast<double>(net.per_softness);
}

template <class Real>
struct PermutationSpace {
  Network<Real> net;
  PermutationTile<Real> tile;
};

template <class Real, bool gradient>
inline PermutationSpace<Real> take_permutation(Arena& arena, std::size_t n) {
  PermutationSpace<Real> space{take_network<Real, Kept::nothing>(arena, n), {}};
  PermutationTile<Real>& tile = space.tile;
  tile.n = n;
  tile.half = space.net.size / 2;
  tile.phases = space.net.phases;
  const std::size_t table = space.net.layers * tile.half;
  tile.rows = arena.take<Real>(n * tile.kWidth);
  tile.m = arena.take<Real>(table);
  if (gradient) {
    tile.u = arena.take<Real>(table);
    tile.slope = arena.take<Real>(table);
    tile.share = arena.take<Real>(table);
    tile.apart = arena.take<Real>(space.net.layers * (n / 2) * tile.kWidth);
  }
  return space;
}

template <class Real, bool gradient>
std::size_t permutation_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_permutation<Real, gradient>(arena, n);
  return arena.used();
}

template <Projection projection, class Real>
inline void permute_row(const NetworkPermutationRows<Real>& rows, std::size_t row,
                        const PermutationSpace<Real>& space) {
  constexpr std::size_t kWidth = PermutationTile<Real>::kWidth;
  const std::size_t n = rows.n;
  trace_network<projection, false>(space.net, space.tile);
  std::memcpy(rows.y + row * n, space.net.x, n * sizeof(Real));
  Real* const out = rows.permutation + row * n * n;
  for (std::size_t column = 0; column < n; column += kWidth) {
    mix_rows<false>(space.tile, column);
    const std::size_t width = n - column < kWidth ? n - column : kWidth;
    for (std::size_t i = 0; i < n; ++i) {
      std::memcpy(out + i * n + column, space.tile.rows + i * kWidth, width * sizeof(Real));
    }
  }
}

template <Projection projection, class Real>
inline void pull_back_row(const NetworkPermutationRows<Real>& rows, std::size_t row,
                          const PermutationSpace<Real>& space) {
  typedef PermutationTile<Real> Tile;
  const std::size_t n = rows.n;
  const Tile& tile = space.tile;
  trace_network<projection, true>(space.net, tile);
  std::memset(tile.share, 0, space.net.layers * tile.half * sizeof(Real));
  const Real* const dp = rows.dpermutation + row * n * n;
  for (std::size_t column = 0; column < n; column += Tile::kWidth) {
    mix_rows<true>(tile, column);
    const std::size_t width = n - column < Tile::kWidth ? n - column : Tile::kWidth;
    for (std::size_t i = 0; i < n; ++i) {
      Real* const to = tile.rows + i * Tile::kWidth;
      std::memcpy(to, dp + i * n + column, width * sizeof(Real));
      std::memset(to + width, 0, (Tile::kWidth - width) * sizeof(Real));
    }
    pull_back_rows(tile, column);
  }
  fill_network(space.net, rows.dy + row * n, 1);
  rows.dsoftness[row] = pull_back_trace(space.net, tile);
  std::memcpy(rows.y + row * n, space.net.x, n * sizeof(Real));
}

template <Projection projection, bool gradient, class Real>
void network_permutation_rows(const NetworkPermutationRows<Real>& rows, std::size_t begin,
                              std::size_t end, void* block) {
  const std::size_t n = rows.n;
  if (n == 0) return;
  const FlushSmallResults flush;
  Arena arena(block);
  PermutationSpace<Real> space = take_permutation<Real, gradient>(arena, n);
  const Real softness = *rows.softness;
  set_softness(space.net, softness);
  for (std::size_t row = begin; row < end; ++row) {
    bool usable = softness > 0 && fill_network(space.net, rows.x + row * n, 1);
    if (gradient) {
      usable = usable && all_finite(rows.dy + row * n, n) &&
               all_finite(rows.dpermutation + row * n * n, n * n);
    }
    if (!usable) {
      fill_row(rows.y + row * n, n, kNaN);
      if (gradient) {
        rows.dsoftness[row] = kNaN;
      } else {
        fill_row(rows.permutation + row * n * n, n * n, kNaN);
      }
    } else if constexpr (gradient) {
      pull_back_row<projection>(rows, row, space);
    } else {
      permute_row<projection>(rows, row, space);
    }
  }
}

template <Projection projection, bool gradient, class Real>
constexpr RowKernel<NetworkPermutationRows<Real>> network_permutation_kernel() {
  return {network_permutation_rows<projection, gradient, Real>,
          permutation_scratch<Real, gradient>};
}
