// Standardisation. See standardization.h for the contract.

constexpr double kVarianceFloor = 1e-6;

template <class Real>
constexpr double kMargin = sizeof(Real) == sizeof(double) ? 1e-10 : 10 * 0x1p-23;

// The sum of term(entry) over a row.
template <class Real, class Term>
inline double sum_of_terms(const Real* x, std::size_t n, Term term) {
  D sums[kChains];
  fill_chains(sums, 0);
  const std::size_t whole = n - n % kDoubles;
  for_each_vector(x, whole, 0, [&](std::size_t chain, D entry) { sums[chain] += term(entry); });
  double result = sum_of_chains(sums);
  for (std::size_t i = whole; i < n; ++i) result += term(static_cast<double>(x[i]));
  return result;
}

// The logistic function, of numbers.
inline D squash(D u) { return splat(1.0) / (exp_in_range(-u) + 1.0); }

template <class Real>
void standardize_rows(const StandardizeRows<Real>& rows, std::size_t begin, std::size_t end) {
  const std::size_t n = rows.n;
  const double count = static_cast<double>(n);
  for (std::size_t row = begin; row < end; ++row) {
    const Real* const x = rows.x + row * n;
    const double from = n > 0 ? static_cast<double>(x[0]) : kNaN;
    // As it is given out, so that the gradient is that of the same numbers.
    const Real offset =
        static_cast<Real>(sum_of_terms(x, n, [&](auto v) { return v - from; }) / count);
    const auto middle = static_cast<double>(offset);
    const double squares = sum_of_terms(x, n, [&](auto v) {
      const auto centered = (v - from) - middle;
      return centered * centered;
    });
    const Real deviation = static_cast<Real>(std::sqrt(squares / count + kVarianceFloor));
    const D scale = splat(static_cast<double>(deviation));
    for_each_part(n, [&](std::size_t i, std::size_t some) {
      const D centered = (load_up_to(x + i, some) - from) - middle;
      const D u = centered / scale;
      // exp_in_range makes a number of NaN.
      store_up_to(rows.squashed + row * n + i, some, select(u == u, squash(u), u));
    });
    rows.first[row] = static_cast<Real>(from);
    rows.offset[row] = offset;
    rows.deviation[row] = deviation;
  }
}

template <class Real>
void standardize_grad_rows(const StandardizeGradRows<Real>& rows, std::size_t begin,
                           std::size_t end) {
  const std::size_t n = rows.n;
  const double count = static_cast<double>(n);
  for (std::size_t row = begin; row < end; ++row) {
    const std::size_t at = row * n;
    const D first = splat(static_cast<double>(rows.first[row]));
    const D offset = splat(static_cast<double>(rows.offset[row]));
    const D inverse = splat(1 / static_cast<double>(rows.deviation[row]));
    const auto score = [&](std::size_t i, std::size_t some) {
      return ((load_up_to(rows.x + at + i, some) - first) - offset) * inverse;
    };
    const auto direct = [&](std::size_t i, std::size_t some) {
      // 1 - y has few digits left near 1.
      const D slope = load_up_to(rows.squashed + at + i, some) * squash(-score(i, some));
      return load_up_to(rows.dsquashed + at + i, some) * slope * inverse;
    };
    D totals = splat(0.0), along = splat(0.0), scores = splat(0.0);
    for_each_part(n, [&](std::size_t i, std::size_t some) {
      const D own = only(direct(i, some), some);
      const D at_score = only(score(i, some), some);
      totals += own;
      along += own * at_score;
      scores += at_score;
    });
    const double by_deviation = (static_cast<double>(rows.ddeviation[row]) - sum(along)) / count;
    const double total = sum(totals) + by_deviation * sum(scores);
    const double by_offset = (static_cast<double>(rows.doffset[row]) - total) / count;
    for_each_part(n, [&](std::size_t i, std::size_t some) {
      store_up_to(rows.dx + at + i, some,
                  direct(i, some) + score(i, some) * by_deviation + by_offset);
    });
  }
}

template <class Real>
inline D inside_of(D y) {
  const D clipped = min(max(y, splat(kMargin<Real>)), splat(1 - kMargin<Real>));
  return select(y == y, clipped, y);
}

inline D logit(D inside) {
  return select(inside == inside, log_of_normal(inside / (1.0 - inside)), inside);
}

template <class Real>
void unsquash_rows(const UnsquashRows<Real>& rows, std::size_t begin, std::size_t end) {
  const std::size_t n = rows.n;
  for (std::size_t row = begin; row < end; ++row) {
    const D deviation = splat(static_cast<double>(rows.deviation[row]));
    const D middle = splat(static_cast<double>(rows.offset[row]) +
                           static_cast<double>(rows.first[row]));
    for_each_part(n, [&](std::size_t i, std::size_t some) {
      const D inside = inside_of<Real>(load_up_to(rows.y + row * n + i, some));
      store_up_to(rows.entries + row * n + i, some, logit(inside) * deviation + middle);
    });
  }
}

template <class Real>
void unsquash_grad_rows(const UnsquashGradRows<Real>& rows, std::size_t begin, std::size_t end) {
  const std::size_t n = rows.n;
  for (std::size_t row = begin; row < end; ++row) {
    const D deviation = splat(static_cast<double>(rows.deviation[row]));
    D by_offset = splat(0.0), by_deviation = splat(0.0);
    for_each_part(n, [&](std::size_t i, std::size_t some) {
      const D y = load_up_to(rows.y + row * n + i, some);
      const D cotangent = load_up_to(rows.dentries + row * n + i, some);
      const D inside = inside_of<Real>(y);
      const D dy = cotangent * (deviation / (inside * (1.0 - inside)));
      by_offset += cotangent;
      by_deviation += only(cotangent * logit(inside), some);
      store_up_to(rows.dy + row * n + i, some, select(inside == y, dy, dy * 0.0));
    });
    rows.doffset[row] = static_cast<Real>(sum(by_offset));
    rows.ddeviation[row] = static_cast<Real>(sum(by_deviation));
  }
}
