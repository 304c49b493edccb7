// From each point to the next the sum decays by one factor. See decay_sums.h for the contract.

inline std::size_t decay_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_row(arena, n);
  return arena.used();
}

// exp(-(s_i - s_{i-1}) / softness) at i >= 1.
inline void find_decays(const double* s, std::size_t n, double softness, double* decay) {
  const D per = splat(-1.0) / splat(softness);
  for (std::size_t i = 1; i < n; i += kDoubles) {
    const std::size_t count = n - i;
    const D gap = count < kDoubles ? load_some(s + i, count, 0) - load_some(s + i - 1, count, 0)
                                   : load(s + i) - load(s + i - 1);
    // Equal points are no distance apart, also where 1 / softness has overflown.
    store(decay + i, select(gap == splat(0.0), splat(1.0), exp_in_range(gap * per)));
  }
}

void decay_rows(const DecayRows& rows, std::size_t begin, std::size_t end, void* block) {
  const std::size_t n = rows.n;
  if (n == 0) return;
  Arena arena(block);
  double* const decay = take_row(arena, n);
  const double softness = *rows.softness;
  for (std::size_t row = begin; row < end; ++row) {
    const double* const s = rows.s + row * n;
    const bool usable = softness > 0 && all_finite(s, n);
    if (usable) find_decays(s, n, softness, decay);
    for (std::size_t channel = 0; channel < rows.channels; ++channel) {
      const std::size_t at = (channel * rows.batch + row) * n;
      double* const l = rows.l + at;
      double* const r = rows.r + at;
      if (!usable) {
        fill_row(l, n, kNaN);
        fill_row(r, n, kNaN);
        continue;
      }
      const double* const a = rows.a + at;
      const double* const b = rows.b + at;
      // Up to the point before, itself included; the two sides hide each other's latency.
      double left = a[0], right = b[n - 1];
      l[0] = r[n - 1] = 0;
      for (std::size_t i = 1, j = n - 1; i < n; ++i, --j) {
        const bool tied = s[i] == s[i - 1];
        l[i] = tied ? l[i - 1] : left * decay[i];
        left = (tied ? left : l[i]) + a[i];
        const bool tied_after = s[j] == s[j - 1];
        r[j - 1] = tied_after ? r[j] : right * decay[j];
        right = (tied_after ? right : r[j - 1]) + b[j - 1];
      }
    }
  }
}
