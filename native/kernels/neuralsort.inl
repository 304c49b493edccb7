// NeuralSort over rows of a batch: sorting, the spread, the rows of the matrix, and putting results in their
// places. See neuralsort.h for the contract.

// The row in units of its range, so that no logit overflows: s within [-1, 1], and the softness to match.
struct NeuralSpace {
  Sorting sorting;
  double* sorted;
  double* s;
  double* a;
  double* e;
  double* x;      // the payload in the order of the keys
  double* line;   // sum_i c_i dL_ij
  double* b;      // the cotangent of A
  double* other;  // the cotangent of s; ranks: sums of the columns
  double* share;  // ranks: the cotangent of each over the sum of its column
  double* means;  // ranks
  Lines lines;
};

// Beyond these the softness makes no difference in double.
constexpr double kLeastPer = 1e-40;
constexpr double kMostPer = 1e300;

template <class Real, bool ranks, bool gradient>
inline NeuralSpace take_neuralsort(Arena& arena, std::size_t n) {
  NeuralSpace space{};
  space.sorting = take_sorting<Real>(arena, n);
  const std::size_t whole = line_blocks(n) * kLineBlock;
  const auto take = [&](double*& row) { row = take_row(arena, whole); };
  take(space.sorted), take(space.s), take(space.a), take(space.e), take(space.x);
  if (ranks) take(space.other), take(space.means);
  if (gradient) {
    take(space.line), take(space.b);
    ranks ? take(space.share) : take(space.other);
  }
  space.lines = take_lines(arena, n);
  return space;
}

// Sorts and scales the row, and finds its spread and its lines. False where a number is not finite.
template <class Real, Projection projection>
inline bool describe_neuralsort(const Real* keys, std::size_t n, double per_tau,
                                NeuralSpace& space) {
  if (!all_finite(keys, n)) return false;
  sort_row(keys, n, space.sorting, space.sorted);
  const double* const sorted = space.sorted;
  const double middle = sorted[n / 2];
  // Halves, since the range of finite numbers may be infinite.
  const double half_range = 0.5 * sorted[n - 1] - 0.5 * sorted[0];
  const double scale = half_range > 1e-290 ? 0.5 / half_range : half_range > 0 ? 1e290 : 0;
  for (std::size_t j = 0; j < n; ++j) space.s[j] = (0.5 * sorted[j] - 0.5 * middle) * (2 * scale);
  end_row(space.s, n, kInfinity);
  const double per = scale > 0 ? per_tau / scale : 1;
  Lines& lines = space.lines;
  lines.per = per < kLeastPer ? kLeastPer : per < kMostPer ? per : kMostPer;
  spread_of<projection>({n, space.s, lines.per, space.e}, space.a);
  lines.s = space.s;
  lines.a = space.a;
  find_envelope(lines);
  for (std::size_t j = n; j < lines.blocks * kLineBlock; ++j) {
    space.s[j] = 0;
    space.a[j] = kNever;
  }
  find_blocks(lines);
  return true;
}

// Zero, with all that lies beyond the row.
inline void clear_line(const NeuralSpace& space, double* row) {
  std::memset(row, 0, (space.lines.blocks * kLineBlock + kOverrun) * sizeof *row);
}

template <class Real>
inline void sort_payload(const Real* payload, std::size_t n, const NeuralSpace& space) {
  clear_line(space, space.x);
  for (std::size_t j = 0; j < n; ++j) {
    space.x[j] = static_cast<double>(payload[space.sorting.order[j]]);
  }
}

template <Projection projection, class Real>
void neuralsort_value_rows(const NeuralSortRows<Real>& rows, std::size_t begin, std::size_t end,
                           void* block) {
  const std::size_t n = rows.n;
  const double per_tau = per_softness(static_cast<double>(*rows.softness));
  Arena arena(block);
  NeuralSpace space = take_neuralsort<Real, false, false>(arena, n);
  LineRow<Real, projection> line(space.lines, arena);
  for (std::size_t row = begin; row < end && n > 0; ++row) {
    Real* const y = rows.y + row * n;
    Real* const permutation = rows.permutation ? rows.permutation + row * n * n : nullptr;
    if (!(per_tau > 0) || !all_finite(rows.payload + row * n, n) ||
        !describe_neuralsort<Real, projection>(rows.keys + row * n, n, per_tau, space)) {
      fill_row(y, n, kNaN);
      if (permutation) fill_row(permutation, n * n, kNaN);
      continue;
    }
    sort_payload(rows.payload + row * n, n, space);
    if (permutation) fill_row(permutation, n * n, 0);
    line.start();
    for (std::size_t i = 0; i < n; ++i) {
      line.move_to(i);
      D mean = splat(0.0);
      line.for_each([&](std::size_t j, D p, D, D) { mean += p * load(space.x + j); });
      y[i] = static_cast<Real>(sum(mean) * line.inverse_total());
      if (!permutation) continue;
      Real* const own = permutation + i * n;
      const std::uint32_t* const order = space.sorting.order;
      line.for_each([&](std::size_t j, D p, D, D) {
        for (std::size_t k = 0; k < kDoubles && j + k < n; ++k) {
          own[order[j + k]] = static_cast<Real>(p[k] * line.inverse_total());
        }
      });
    }
  }
}

// From the cotangents of the lines, in `line` and `b`: those of the keys, at their places, and of the
// softness, to which the logits have given `softness`.
template <Projection projection, class Real>
inline double keys_gradient(NeuralSpace& space, std::size_t n, double per_tau, double softness,
                            double* sbar, Real* dkeys) {
  // Infinite where it ended before the lines came.
  end_row(space.s, n, kInfinity);
  const SpreadRow row{n, space.s, space.lines.per, space.e};
  softness += spread_gradient<projection>(row, space.b, sbar);
  for (std::size_t j = 0; j < n; ++j) {
    dkeys[space.sorting.order[j]] = static_cast<Real>((sbar[j] + space.line[j]) * per_tau);
  }
  return softness * per_tau;
}

template <Projection projection, class Real>
void neuralsort_value_gradient(const NeuralSortGradRows<Real>& rows, std::size_t begin,
                               std::size_t end, void* block) {
  const std::size_t n = rows.n;
  const double per_tau = per_softness(static_cast<double>(*rows.softness));
  Arena arena(block);
  NeuralSpace space = take_neuralsort<Real, false, true>(arena, n);
  LineRow<Real, projection> line(space.lines, arena);
  for (std::size_t row = begin; row < end; ++row) {
    const Real* const dy = rows.dy + row * n;
    Real* const dpayload = rows.dpayload + row * n;
    if (n == 0 || !(per_tau > 0) || !all_finite(dy, n) || !all_finite(rows.payload + row * n, n) ||
        !describe_neuralsort<Real, projection>(rows.keys + row * n, n, per_tau, space)) {
      rows.dsoftness[row] = n == 0 ? 0 : kNaN;
      fill_row(rows.dkeys + row * n, n, kNaN);
      fill_row(dpayload, n, kNaN);
      continue;
    }
    sort_payload(rows.payload + row * n, n, space);
    double* const xbar = space.other;
    clear_line(space, space.line), clear_line(space, space.b), clear_line(space, xbar);
    D softness = splat(0.0);
    line.start();
    for (std::size_t i = 0; i < n; ++i) {
      line.move_to(i);
      D weighted = splat(0.0);
      D weights = splat(0.0);
      line.for_each([&](std::size_t j, D, D w, D) {
        weighted += w * load(space.x + j);
        weights += w;
      });
      const double mean = sum(weighted) / sum(weights);
      const double c = line.coefficient(i);
      const double g = static_cast<double>(dy[i]) * line.inverse_total();
      line.for_each([&](std::size_t j, D p, D w, D logit) {
        const D slope = w * g * (load(space.x + j) - mean);
        store(xbar + j, load(xbar + j) + p * g);
        store(space.line + j, load(space.line + j) + slope * c);
        store(space.b + j, load(space.b + j) - slope);
        softness += slope * logit;
      });
    }
    for (std::size_t j = 0; j < n; ++j) {
      dpayload[space.sorting.order[j]] = static_cast<Real>(xbar[j]);
    }
    // The payload's row is free now, and the cotangent's no longer read.
    rows.dsoftness[row] = keys_gradient<projection>(space, n, per_tau, -sum(softness), xbar,
                                                    rows.dkeys + row * n) ;
  }
}

// Columns with a smaller sum count as having this one.
constexpr double kLeastColumn = 1e-10;

// The mean position of each column into `means` and its sum into `other`, in the order of the keys.
template <class Row>
inline void column_means(const NeuralSpace& space, std::size_t n, Row& line) {
  clear_line(space, space.means), clear_line(space, space.other);
  line.start();
  for (std::size_t i = 0; i < n; ++i) {
    line.move_to(i);
    const double factor = line.inverse_total();
    const double position = factor * static_cast<double>(i + 1);
    line.for_each([&](std::size_t j, D p, D, D) {
      store(space.means + j, load(space.means + j) + p * position);
      store(space.other + j, load(space.other + j) + p * factor);
    });
  }
  for (std::size_t j = 0; j < n; ++j) {
    space.means[j] /= space.other[j] > kLeastColumn ? space.other[j] : kLeastColumn;
  }
}

template <Projection projection, class Real>
void neuralsort_rank_rows(const NeuralSortRows<Real>& rows, std::size_t begin, std::size_t end,
                          void* block) {
  const std::size_t n = rows.n;
  const double per_tau = per_softness(static_cast<double>(*rows.softness));
  Arena arena(block);
  NeuralSpace space = take_neuralsort<Real, true, false>(arena, n);
  LineRow<Real, projection> line(space.lines, arena);
  for (std::size_t row = begin; row < end && n > 0; ++row) {
    Real* const y = rows.y + row * n;
    if (!(per_tau > 0) ||
        !describe_neuralsort<Real, projection>(rows.keys + row * n, n, per_tau, space)) {
      fill_row(y, n, kNaN);
      continue;
    }
    column_means(space, n, line);
    scatter_row(space.means, space.sorting.order, n, y);
  }
}

template <Projection projection, class Real>
void neuralsort_rank_gradient(const NeuralSortGradRows<Real>& rows, std::size_t begin,
                              std::size_t end, void* block) {
  const std::size_t n = rows.n;
  const double per_tau = per_softness(static_cast<double>(*rows.softness));
  Arena arena(block);
  NeuralSpace space = take_neuralsort<Real, true, true>(arena, n);
  LineRow<Real, projection> line(space.lines, arena);
  for (std::size_t row = begin; row < end; ++row) {
    const Real* const dr = rows.dy + row * n;
    if (n == 0 || !(per_tau > 0) || !all_finite(dr, n) ||
        !describe_neuralsort<Real, projection>(rows.keys + row * n, n, per_tau, space)) {
      rows.dsoftness[row] = n == 0 ? 0 : kNaN;
      fill_row(rows.dkeys + row * n, n, kNaN);
      continue;
    }
    column_means(space, n, line);
    clear_line(space, space.share);
    for (std::size_t j = 0; j < n; ++j) {
      const double cotangent = static_cast<double>(dr[space.sorting.order[j]]);
      const bool empty = !(space.other[j] >= kLeastColumn);
      space.share[j] = cotangent / (empty ? kLeastColumn : space.other[j]);
      // The divisor of a column that is all but empty is fixed.
      if (empty) space.means[j] = 0;
    }
    clear_line(space, space.line), clear_line(space, space.b);
    D softness = splat(0.0);
    line.start();
    for (std::size_t i = 0; i < n; ++i) {
      line.move_to(i);
      const double position = static_cast<double>(i + 1);
      const auto slope_at = [&](std::size_t j) {
        return load(space.share + j) * (position - load(space.means + j));
      };
      D weighted = splat(0.0);
      D weights = splat(0.0);
      line.for_each([&](std::size_t j, D, D w, D) {
        weighted += w * slope_at(j);
        weights += w;
      });
      const double mean = sum(weighted) / sum(weights);
      const double c = line.coefficient(i);
      const double factor = line.inverse_total();
      line.for_each([&](std::size_t j, D, D w, D logit) {
        const D slope = w * factor * (slope_at(j) - mean);
        store(space.line + j, load(space.line + j) + slope * c);
        store(space.b + j, load(space.b + j) - slope);
        softness += slope * logit;
      });
    }
    rows.dsoftness[row] = keys_gradient<projection>(space, n, per_tau, -sum(softness),
                                                    space.other, rows.dkeys + row * n);
  }
}

template <Projection projection, class Real, bool ranks, bool gradient>
std::size_t neuralsort_scratch(std::size_t n) {
  Arena arena(nullptr);
  const NeuralSpace space = take_neuralsort<Real, ranks, gradient>(arena, n);
  const LineRow<Real, projection> line(space.lines, arena);
  return arena.used();
}

template <Projection projection, bool ranks, class Real>
constexpr RowKernel<NeuralSortRows<Real>> neuralsort_kernel() {
  return {ranks ? neuralsort_rank_rows<projection, Real> : neuralsort_value_rows<projection, Real>,
          neuralsort_scratch<projection, Real, ranks, false>};
}

template <Projection projection, bool ranks, class Real>
constexpr RowKernel<NeuralSortGradRows<Real>> neuralsort_gradient_kernel() {
  return {ranks ? neuralsort_rank_gradient<projection, Real>
                : neuralsort_value_gradient<projection, Real>,
          neuralsort_scratch<projection, Real, ranks, true>};
}
