// See swap_layers.h for the contract.

inline std::size_t swap_scratch(std::size_t) { return 0; }

// `count` entries on either side, with a share each, or one for all.
template <bool shared, class Real>
inline void swap_run(Real* a, Real* b, const Real* w, const Real* v, Real* p, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Real apart = a[i] - b[i];
    const Real moved = w[shared ? 0 : i] * apart - (v ? v[i] : Real(0));
    p[i] = apart;
    a[i] -= moved;
    b[i] += moved;
  }
}

// One layer of one row, with pairs d apart.
template <class Real>
inline void swap_layer(Real* y, const Real* w, const Real* v, Real* p, std::size_t half,
                       std::size_t d, std::size_t channels) {
  for (std::size_t pair = 0; pair < half; pair += d) {
    Real* const a = y + 2 * pair * channels;
    Real* const b = a + d * channels;
    if (channels == 1) {
      swap_run<false>(a, b, w + pair, v ? v + pair : v, p + pair, d);
      continue;
    }
    for (std::size_t i = 0; i < d; ++i) {
      const std::size_t at = (pair + i) * channels;
      swap_run<true>(a + i * channels, b + i * channels, w + pair + i, v ? v + at : v, p + at,
                     channels);
    }
  }
}

template <class Real>
void swap_rows(const SwapRows<Real>& rows, std::size_t begin, std::size_t end, void*) {
  const std::size_t half = rows.n / 2;
  const std::size_t size = rows.n * rows.channels;
  const int phases = log2_of(rows.n);
  const auto layers = static_cast<std::size_t>(phases * (phases + 1) / 2);
  for (std::size_t row = begin; row < end; ++row) {
    Real* const y = rows.y + row * size;
    if (size > 0) std::memcpy(y, rows.h + row * size, size * sizeof(Real));
    for (std::size_t round = 0; round < layers; ++round) {
      const std::size_t layer = rows.backward ? layers - 1 - round : round;
      std::size_t phase = 0;
      while ((phase + 1) * (phase + 2) / 2 <= layer) ++phase;
      const std::size_t d = std::size_t{1} << (phase - (layer - phase * (phase + 1) / 2));
      const std::size_t at = (layer * rows.batch + row) * half;
      swap_layer(y, rows.w + at, rows.v ? rows.v + at * rows.channels : rows.v,
                 rows.p + at * rows.channels, half, d, rows.channels);
    }
  }
}
