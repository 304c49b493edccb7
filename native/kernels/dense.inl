// Symmetric matrices: the weighted Gram matrix, the Cholesky factor and solving with it.

// Registers hold kTileRows x 2 vectors of sums.
#if defined(__AVX512F__)
constexpr std::size_t kTileRows = 8;
#else
constexpr std::size_t kTileRows = 4;
#endif
constexpr std::size_t kTileColumns = 2 * kDoubles;

// Rows are padded with zeros to whole tiles.
inline std::size_t padded(std::size_t columns) {
  return (columns + kTileColumns - 1) / kTileColumns * kTileColumns;
}

// Rows lie this far apart, which is not a multiple of 512 bytes, so that a column does not fall
// into few sets of the first-level cache.
inline std::size_t stride_of(std::size_t columns) {
  const std::size_t whole = padded(columns);
  return whole % 64 == 0 ? whole + 8 : whole;
}

// gram[p][q] = sum_i weights_i k_ip k_iq for q >= p; `panel` has room for n * kTileRows.
inline void weighted_gram(const double* k, std::size_t stride, std::size_t n, std::size_t m,
                          const double* weights, double* panel, double* gram) {
  const std::size_t columns = padded(m);
  for (std::size_t p = 0; p < m; p += kTileRows) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t r = 0; r < kTileRows; ++r) {
        panel[i * kTileRows + r] = k[i * stride + p + r] * weights[i];
      }
    }
    for (std::size_t q = p / kTileColumns * kTileColumns; q < columns; q += kTileColumns) {
      D sums[kTileRows][2];
      for (std::size_t r = 0; r < kTileRows; ++r) sums[r][0] = sums[r][1] = splat(0.0);
      for (std::size_t i = 0; i < n; ++i) {
        const D x = load(k + i * stride + q);
        const D y = load(k + i * stride + q + kDoubles);
        for (std::size_t r = 0; r < kTileRows; ++r) {
          const D scale = splat(panel[i * kTileRows + r]);
          sums[r][0] += scale * x;
          sums[r][1] += scale * y;
        }
      }
      for (std::size_t r = 0; r < kTileRows; ++r) {
        store(gram + (p + r) * stride + q, sums[r][0]);
        store(gram + (p + r) * stride + q + kDoubles, sums[r][1]);
      }
    }
  }
}

// From the upper triangle of a symmetric matrix, the sums of its rows without the diagonal.
inline void sums_beside_diagonal(const double* matrix, std::size_t stride, std::size_t m,
                                 double* sums) {
  for (std::size_t j = 0; j < m; ++j) sums[j] = 0;
  for (std::size_t j = 0; j < m; ++j) {
    const double* const row = matrix + j * stride;
    D total = splat(0.0);
    std::size_t k = j + 1;
    for (; k + kDoubles <= m; k += kDoubles) {
      const D x = load(row + k);
      total += x;
      store(sums + k, load(sums + k) + x);
    }
    double own = sum(total);
    for (; k < m; ++k) {
      own += row[k];
      sums[k] += row[k];
    }
    sums[j] += own;
  }
}

constexpr std::size_t kFactorRows = 4;

// The Cholesky factor of the matrix whose upper triangle is in `a`. Where rounding leaves a pivot
// of nothing, that unknown is left out: its pivot counts as infinite.
inline void cholesky(const double* a, std::size_t stride, std::size_t m, double* factor) {
  std::memset(factor, 0, m * stride * sizeof *factor);
  for (std::size_t j = 0; j < m; ++j) {
    double* const own = factor + j * stride;
    D squares = splat(0.0);
    for (std::size_t k = 0; k < j; k += kDoubles) {
      const D x = load(own + k);
      squares += x * x;
    }
    const double pivot = a[j * stride + j] - sum(squares);
    if (!(pivot > 1e-15 * a[j * stride + j])) {
      own[j] = kInfinity;
      continue;
    }
    const double root = std::sqrt(pivot);
    const double inverse = 1 / root;
    // The pivot is written last: until then, what lies beyond column j - 1 counts as 0.
    std::size_t i = j + 1;
    for (; i + kFactorRows <= m; i += kFactorRows) {
      D dots[kFactorRows];
      for (D& dot : dots) dot = splat(0.0);
      for (std::size_t k = 0; k < j; k += kDoubles) {
        const D x = load(own + k);
        for (std::size_t r = 0; r < kFactorRows; ++r) {
          dots[r] += x * load(factor + (i + r) * stride + k);
        }
      }
      for (std::size_t r = 0; r < kFactorRows; ++r) {
        factor[(i + r) * stride + j] = (a[j * stride + i + r] - sum(dots[r])) * inverse;
      }
    }
    for (; i < m; ++i) {
      D dot = splat(0.0);
      for (std::size_t k = 0; k < j; k += kDoubles) {
        dot += load(own + k) * load(factor + i * stride + k);
      }
      factor[i * stride + j] = (a[j * stride + i] - sum(dot)) * inverse;
    }
    own[j] = root;
  }
}

// x (padded with zeros) becomes the solution for the right side that it holds.
inline void solve_factored(const double* factor, std::size_t stride, std::size_t m, double* x) {
  for (std::size_t i = 0; i < m; ++i) {
    const double* const own = factor + i * stride;
    D dot = splat(0.0);
    std::size_t k = 0;
    for (; k + kDoubles <= i; k += kDoubles) dot += load(own + k) * load(x + k);
    double rest = x[i] - sum(dot);
    for (; k < i; ++k) rest -= own[k] * x[k];
    x[i] = rest / own[i];
  }
  for (std::size_t i = m; i-- > 0;) {
    const double* const own = factor + i * stride;
    x[i] /= own[i];
    const D scale = splat(x[i]);
    std::size_t k = 0;
    for (; k + kDoubles <= i; k += kDoubles) store(x + k, load(x + k) - scale * load(own + k));
    for (; k < i; ++k) x[k] -= x[i] * own[k];
  }
}
