// SoftSort over rows: sorting, the work on the sorted row, and putting results in their places.
// See softsort.h for the contract.

struct SoftSortSpace {
  Sorting sorting;
  double* s;
  double* x;
  double* y;     // values, or the cotangent in the order of the keys
  double* sbar;
  double* xbar;
  SmoothRow row;
  SmoothGradient gradient;
};

// Without a block, this only counts.
template <class Real, bool smooth, bool gradient>
inline SoftSortSpace take_softsort(Arena& arena, std::size_t n) {
  SoftSortSpace space{};
  space.sorting = take_sorting<Real>(arena, n);
  const auto take = [&](double*& row) { row = take_row(arena, n); };
  take(space.s), take(space.x), take(space.y);
  if (gradient) take(space.sbar), take(space.xbar);
  if (smooth) {
    SmoothGradient& g = space.gradient;
    take(space.row.gap), take(space.row.decay), take(space.row.step);
    take(g.left.l), take(g.left.a), take(g.right.l), take(g.right.a);
    if (gradient) {
      take(g.left.q), take(g.left.w), take(g.right.q), take(g.right.w);
      take(g.off), take(g.h), take(g.hd);
    }
  }
  return space;
}

template <class Real, bool smooth, bool gradient>
std::size_t softsort_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_softsort<Real, smooth, gradient>(arena, n);
  return arena.used();
}

// 1 / softness, within the range in which products with any finite distance make sense; NaN
// where the softness is not positive.
inline double per_softness(double softness) {
  if (!(softness > 0)) return kNaN;
  const double result = 1 / softness;
  return result < 1e-300 ? 1e-300 : result > 1e300 ? 1e300 : result;
}

// Sorts the row and lays the payload, or the positions, beside it. False where a number is not
// finite.
template <class Real>
inline bool sort_with_payload(const Real* keys, const Real* payload, std::size_t n,
                              const SoftSortSpace& space) {
  if (!all_finite(keys, n) || (payload && !all_finite(payload, n))) return false;
  sort_row(keys, n, space.sorting, space.s);
  for (std::size_t i = 0; i < n; ++i) {
    space.x[i] = payload ? static_cast<double>(payload[space.sorting.order[i]])
                         : static_cast<double>(i + 1);
  }
  end_row(space.s, n, kInfinity);
  end_row(space.x, n, 0);
  return true;
}

inline void describe_smooth(SoftSortSpace& space, std::size_t n, double per_tau) {
  space.row.n = n;
  space.row.s = space.s;
  space.row.x = space.x;
  find_gaps(space.row, per_tau);
}

template <class Real>
inline void store_row(const double* from, std::size_t n, Real* to) {
  std::size_t i = 0;
  for (; i + kDoubles <= n; i += kDoubles) store_doubles(to + i, load(from + i));
  for (; i < n; ++i) to[i] = static_cast<Real>(from[i]);
}

template <class Real>
inline void scatter_row(const double* from, const std::uint32_t* order, std::size_t n, Real* to) {
  for (std::size_t i = 0; i < n; ++i) to[order[i]] = static_cast<Real>(from[i]);
}

template <Projection projection, bool ranks, class Real>
void softsort_rows(const SoftSortRows<Real>& rows, std::size_t begin, std::size_t end,
                   void* block) {
  constexpr bool smooth = projection == Projection::smooth;
  const std::size_t n = rows.n;
  const double per_tau = per_softness(static_cast<double>(*rows.softness));
  Arena arena(block);
  SoftSortSpace space = take_softsort<Real, smooth, false>(arena, n);
  for (std::size_t row = begin; row < end && n > 0; ++row) {
    Real* const y = rows.y + row * n;
    const Real* const payload = ranks ? nullptr : rows.payload + row * n;
    if (!(per_tau > 0) || !sort_with_payload(rows.keys + row * n, payload, n, space)) {
      fill_row(y, n, kNaN);
      continue;
    }
    if constexpr (smooth) {
      describe_smooth(space, n, per_tau);
      smooth_values(space.row, space.gradient.left, space.gradient.right, space.y);
    } else {
      window_values<static_cast<int>(projection)>(space.s, space.x, n, per_tau, space.y);
    }
    if constexpr (ranks) {
      scatter_row(space.y, space.sorting.order, n, y);
    } else {
      store_row(space.y, n, y);
    }
  }
}

template <Projection projection, bool ranks, class Real>
void softsort_gradient_rows(const SoftSortGradRows<Real>& rows, std::size_t begin,
                            std::size_t end, void* block) {
  constexpr bool smooth = projection == Projection::smooth;
  const std::size_t n = rows.n;
  const double per_tau = per_softness(static_cast<double>(*rows.softness));
  Arena arena(block);
  SoftSortSpace space = take_softsort<Real, smooth, true>(arena, n);
  for (std::size_t row = begin; row < end; ++row) {
    const Real* const payload = ranks ? nullptr : rows.payload + row * n;
    const Real* const dy = rows.dy + row * n;
    if (n == 0 || !(per_tau > 0) || !all_finite(dy, n) ||
        !sort_with_payload(rows.keys + row * n, payload, n, space)) {
      rows.dsoftness[row] = n == 0 ? 0 : kNaN;
      fill_row(rows.dkeys + row * n, n, kNaN);
      if (!ranks) fill_row(rows.dpayload + row * n, n, kNaN);
      continue;
    }
    const std::uint32_t* const order = space.sorting.order;
    for (std::size_t i = 0; i < n; ++i) {
      space.y[i] = static_cast<double>(dy[ranks ? order[i] : i]);
    }
    end_row(space.y, n, 0);
    if constexpr (smooth) {
      describe_smooth(space, n, per_tau);
      space.gradient.sbar = space.sbar;
      space.gradient.xbar = space.xbar;
      rows.dsoftness[row] = smooth_gradient(space.row, space.gradient, space.y, per_tau);
    } else {
      std::memset(space.sbar, 0, (n + kOverrun) * sizeof *space.sbar);
      std::memset(space.xbar, 0, (n + kOverrun) * sizeof *space.xbar);
      rows.dsoftness[row] = window_gradient<static_cast<int>(projection), !ranks>(
          space.s, space.x, n, per_tau, space.y, space.sbar, space.xbar);
    }
    scatter_row(space.sbar, order, n, rows.dkeys + row * n);
    if (!ranks) scatter_row(space.xbar, order, n, rows.dpayload + row * n);
  }
}

template <Projection projection, bool ranks, class Real>
constexpr RowKernel<SoftSortRows<Real>> softsort_kernel() {
  return {softsort_rows<projection, ranks, Real>,
          softsort_scratch<Real, projection == Projection::smooth, false>};
}

template <Projection projection, bool ranks, class Real>
constexpr RowKernel<SoftSortGradRows<Real>> softsort_gradient_kernel() {
  return {softsort_gradient_rows<projection, ranks, Real>,
          softsort_scratch<Real, projection == Projection::smooth, true>};
}
