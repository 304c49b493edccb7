// The pseudo-inverse of a bipartite graph's signless Laplacian, on the smaller side. See
// transport.h for the contract.

struct TransportSolveSpace {
  double* w;        // [n][stride], n >= m
  double* r;        // [n]
  double* s;        // [padded m]
  double* inverse;  // [n]: 1 / the row's sum, 0 for empty rows
  double* x;        // [padded m]
  double* diagonal;
  double* rest;
  double* panel;
  double* gram;
  double* matrix;
  double* factor;
  std::uint32_t* component;  // of each column
  std::uint32_t* row_component;  // [n]; m for empty rows
  double* weight;            // by component
  double* surplus;
  double* count;
};

inline TransportSolveSpace take_transport_solve(Arena& arena, std::size_t n, std::size_t m) {
  TransportSolveSpace p{};
  const std::size_t stride = stride_of(m);
  const std::size_t room = vector_padded(m);
  p.w = arena.take<double>(n * stride + kTileColumns);
  p.r = arena.take<double>(n);
  p.inverse = arena.take<double>(n);
  p.s = arena.take<double>(room);
  p.x = arena.take<double>(room);
  p.diagonal = arena.take<double>(room);
  p.rest = arena.take<double>(room);
  p.weight = arena.take<double>(room);
  p.surplus = arena.take<double>(room);
  p.count = arena.take<double>(room);
  p.panel = arena.take<double>(n * kTileRows);
  p.gram = arena.take<double>((m + kTileRows) * stride + kTileColumns);
  p.matrix = arena.take<double>((m + kTileRows) * stride + kTileColumns);
  p.factor = arena.take<double>((m + 1) * stride + kTileColumns);
  p.component = arena.take<std::uint32_t>(room);
  p.row_component = arena.take<std::uint32_t>(n);
  return p;
}

inline std::size_t transport_solve_scratch(std::size_t n, std::size_t m) {
  Arena arena(nullptr);
  take_transport_solve(arena, n < m ? m : n, n < m ? n : m);
  return arena.used();
}

inline std::uint32_t root_of_tree(std::uint32_t* parent, std::uint32_t j) {
  while (parent[j] != j) j = parent[j] = parent[parent[j]];
  return j;
}

// What connects two columns counts if it is more than this share of all that connects the lesser of
// them to others.
constexpr double kLeastTie = 1e-13;

// Which columns the support connects, as the least of them, and how many components they are.
inline std::size_t find_components(const TransportSolveSpace& p, std::size_t m,
                                   std::size_t stride) {
  for (std::size_t j = 0; j < m; ++j) p.component[j] = static_cast<std::uint32_t>(j);
  std::size_t components = m;
  // A dense plan is connected by its first row.
  for (std::size_t j = 0; j < m && components > 1; ++j) {
    const double* const row = p.gram + j * stride;
    for (std::size_t k = j + 1; k < m; ++k) {
      if (!(row[k] > kLeastTie * std::min(p.diagonal[j], p.diagonal[k]))) continue;
      const std::uint32_t one = root_of_tree(p.component, static_cast<std::uint32_t>(j));
      const std::uint32_t other = root_of_tree(p.component, static_cast<std::uint32_t>(k));
      if (one == other) continue;
      p.component[std::max(one, other)] = std::min(one, other);
      --components;
    }
  }
  for (std::size_t j = 0; j < m; ++j) {
    p.component[j] = root_of_tree(p.component, static_cast<std::uint32_t>(j));
  }
  return components;
}

// The component of a row is that of its largest cell; m for an empty row.
inline void find_row_components(const TransportSolveSpace& p, std::size_t n, std::size_t m,
                                std::size_t stride, std::size_t components) {
  for (std::size_t i = 0; i < n; ++i) {
    p.row_component[i] = static_cast<std::uint32_t>(p.inverse[i] > 0 ? 0 : m);
    if (components == 1 || !(p.inverse[i] > 0)) continue;
    const double* const row = p.w + i * stride;
    double most = 0;
    for (std::size_t j = 0; j < m; ++j) {
      if (row[j] > most) {
        most = row[j];
        p.row_component[i] = p.component[j];
      }
    }
  }
}

// Takes from rows and adds to columns until both have one sum on every component.
inline void balance(const TransportSolveSpace& p, std::size_t n, std::size_t m, double* rows,
                    double* columns) {
  for (std::size_t j = 0; j < m; ++j) p.surplus[j] = p.count[j] = 0;
  for (std::size_t j = 0; j < m; ++j) {
    p.surplus[p.component[j]] -= columns[j];
    p.count[p.component[j]] += 1;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t own = p.row_component[i];
    if (own == m) {
      rows[i] = 0;
      continue;
    }
    p.surplus[own] += rows[i];
    p.count[own] += 1;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t own = p.row_component[i];
    if (own < m) rows[i] -= p.surplus[own] / p.count[own];
  }
  for (std::size_t j = 0; j < m; ++j) {
    columns[j] += p.surplus[p.component[j]] / p.count[p.component[j]];
  }
}

// u_i = (r_i - sum_j W_ij x_j) / sum_j W_ij
inline void rows_from_columns(const TransportSolveSpace& p, std::size_t n, std::size_t m,
                              std::size_t stride, const double* r, double* u) {
  for (std::size_t i = 0; i < n; ++i) {
    D dot = splat(0.0);
    for (std::size_t j = 0; j < padded(m); j += kDoubles) {
      dot += load(p.w + i * stride + j) * load(p.x + j);
    }
    u[i] = (r[i] - sum(dot)) * p.inverse[i];
  }
}

// columns_j -= sum_i W_ij y_i
inline void subtract_columns(const TransportSolveSpace& p, std::size_t n, std::size_t m,
                             std::size_t stride, const double* y, double* columns) {
  for (std::size_t i = 0; i < n; ++i) {
    const D own = splat(y[i]);
    for (std::size_t j = 0; j < padded(m); j += kDoubles) {
      store(columns + j, load(columns + j) - own * load(p.w + i * stride + j));
    }
  }
}

// (D - G) x = right with D such that rows sum to 0, scaled to a diagonal of 1; on each component a
// rank-one term chooses among the solutions.
inline void factor_laplacian(const TransportSolveSpace& p, std::size_t m, std::size_t stride) {
  for (std::size_t j = 0; j < m; ++j) p.weight[j] = 0;
  for (std::size_t j = 0; j < m; ++j) {
    if (!(p.diagonal[j] > 0)) p.diagonal[j] = 1;
    p.weight[p.component[j]] += p.diagonal[j];
    p.diagonal[j] = std::sqrt(p.diagonal[j]);
    p.rest[j] = 1 / p.diagonal[j];
  }
  for (std::size_t j = 0; j < m; ++j) {
    const double* const from = p.gram + j * stride;
    double* const to = p.matrix + j * stride;
    const double own = p.diagonal[j];
    const double inverse = p.rest[j];
    const std::uint32_t component = p.component[j];
    const double gauge = own / p.weight[component];
    for (std::size_t k = j + 1; k < m; ++k) {
      const double together = p.component[k] == component ? gauge : 0;
      to[k] = together * p.diagonal[k] - from[k] * (inverse * p.rest[k]);
    }
    to[j] = 1 + own * gauge;
  }
  cholesky(p.matrix, stride, m, p.factor);
}

// What the product of the scaled matrix with x leaves of `right`, into p.rest.
inline void residual_of(const TransportSolveSpace& p, std::size_t m, std::size_t stride,
                        const double* right) {
  for (std::size_t j = 0; j < m; ++j) p.rest[j] = right[j];
  for (std::size_t j = 0; j < m; ++j) {
    const double* const row = p.matrix + j * stride;
    const D scale = splat(p.x[j]);
    D products = splat(0.0);
    std::size_t k = j + 1;
    for (; k + kDoubles <= m; k += kDoubles) {
      const D cells = load(row + k);
      products += cells * load(p.x + k);
      store(p.rest + k, load(p.rest + k) - cells * scale);
    }
    double own = row[j] * p.x[j] + sum(products);
    for (; k < m; ++k) {
      own += row[k] * p.x[k];
      p.rest[k] -= row[k] * p.x[j];
    }
    p.rest[j] -= own;
  }
}

// Copies W, turned where there are fewer rows than columns, with the sums of its rows.
inline void copy_weights(const TransportSolveSpace& p, const double* w, bool turned,
                         std::size_t n, std::size_t m, std::size_t stride) {
  for (std::size_t i = 0; i < n; ++i) {
    double* const to = p.w + i * stride;
    if (turned) {
      for (std::size_t j = 0; j < m; ++j) to[j] = w[j * n + i];
    } else {
      std::memcpy(to, w + i * m, m * sizeof *to);
    }
    for (std::size_t j = m; j < padded(m); ++j) to[j] = 0;
    D total = splat(0.0);
    for (std::size_t j = 0; j < padded(m); j += kDoubles) total += load(to + j);
    p.inverse[i] = sum(total) > 0 ? 1 / sum(total) : 0;
  }
}

// A right side that has no solution in floating point gains nothing from more.
constexpr int kRefinements = 2;

inline void transport_solve_rows(const TransportSolveRows& rows, std::size_t begin,
                                 std::size_t end, void* block) {
  const bool turned = rows.n < rows.m;
  const std::size_t n = turned ? rows.m : rows.n;
  const std::size_t m = turned ? rows.n : rows.m;
  const std::size_t stride = stride_of(m);
  Arena arena(block);
  const TransportSolveSpace p = take_transport_solve(arena, n, m);
  for (std::size_t row = begin; row < end; ++row) {
    const double* const w = rows.w + row * n * m;
    const double* const r = rows.r + row * rows.n;
    const double* const s = rows.s + row * rows.m;
    double* const u = rows.u + row * rows.n;
    double* const v = rows.v + row * rows.m;
    if (m == 0 || !all_finite(w, n * m) || !all_finite(r, rows.n) || !all_finite(s, rows.m)) {
      // Of an empty W nothing depends on the right side.
      fill_row(u, rows.n, m == 0 ? 0 : kNaN);
      fill_row(v, rows.m, m == 0 ? 0 : kNaN);
      continue;
    }
    copy_weights(p, w, turned, n, m, stride);
    for (std::size_t i = 0; i < n; ++i) p.r[i] = (turned ? s : r)[i];
    for (std::size_t j = 0; j < vector_padded(m); ++j) {
      p.s[j] = j < m ? (turned ? r : s)[j] : 0;
      p.x[j] = 0;
    }
    weighted_gram(p.w, stride, n, m, p.inverse, p.panel, p.gram);
    sums_beside_diagonal(p.gram, stride, m, p.diagonal);
    find_row_components(p, n, m, stride, find_components(p, m, stride));
    balance(p, n, m, p.r, p.s);
    double* const found = turned ? v : u;
    for (std::size_t i = 0; i < n; ++i) found[i] = p.r[i] * p.inverse[i];
    subtract_columns(p, n, m, stride, found, p.s);
    factor_laplacian(p, m, stride);
    for (std::size_t j = 0; j < m; ++j) p.s[j] /= p.diagonal[j];
    for (std::size_t j = m; j < vector_padded(m); ++j) p.rest[j] = 0;
    for (std::size_t j = 0; j < m; ++j) p.rest[j] = p.s[j];
    for (int round = 0; round <= kRefinements; ++round) {
      if (round > 0) residual_of(p, m, stride, p.s);
      solve_factored(p.factor, stride, m, p.rest);
      for (std::size_t j = 0; j < m; ++j) p.x[j] += p.rest[j];
    }
    for (std::size_t j = 0; j < m; ++j) p.x[j] /= p.diagonal[j];
    rows_from_columns(p, n, m, stride, p.r, found);
    balance(p, n, m, found, p.x);
    double* const other = turned ? u : v;
    for (std::size_t j = 0; j < m; ++j) other[j] = p.x[j];
  }
}
