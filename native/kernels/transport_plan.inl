// The plan of potentials and its gradient, cell by cell. See transport.h for the contract.

// phi(s); NaN gives NaN.
template <Projection projection>
inline D plan_cells(D s) {
  if constexpr (projection == Projection::smooth) {
    return select(s <= splat(kExpHighest), exp_in_range(s), s * kInfinity);
  }
  const D r = select(s < splat(0.0), splat(0.0), s);
  if constexpr (projection == Projection::c0) return r;
  return projection == Projection::c1 ? r * r : r * r * r;
}

// phi'(s)
template <Projection projection>
inline D slope_cells(D s) {
  if constexpr (projection == Projection::smooth) return plan_cells<projection>(s);
  if constexpr (projection == Projection::c0) {
    return select(s > splat(0.0), splat(1.0), splat(0.0));
  }
  const D r = plan_cells<Projection::c0>(s);
  return projection == Projection::c1 ? r * 2.0 : r * r * 3.0;
}

template <Projection projection>
void transport_plan_rows(const TransportPlanRows& rows, std::size_t begin, std::size_t end) {
  const std::size_t m = rows.m;
  const double per_softness = 1 / rows.softness;
  for (std::size_t row = begin; row < end; ++row) {
    const double* const cost = rows.cost + row * m;
    const double* const g = rows.g + row / rows.n * m;
    double* const plan = rows.cells + row * m;
    const D f = splat(rows.f[row]);
    for_each_part(m, [&](std::size_t j, std::size_t count) {
      const D reached = f + load_up_to(g + j, count) - load_up_to(cost + j, count);
      store_up_to(plan + j, count, plan_cells<projection>(reached * per_softness));
    });
  }
}

template <Projection projection>
void transport_plan_gradient(const TransportPlanRows& rows, std::size_t begin, std::size_t end) {
  const std::size_t n = rows.n;
  const std::size_t m = rows.m;
  const double per_softness = 1 / rows.softness;
  for (std::size_t problem = begin; problem < end; ++problem) {
    const double* const g = rows.g + problem * m;
    double* const dg = rows.dg + problem * m;
    fill_row(dg, m, 0);
    for (std::size_t row = problem * n; row < (problem + 1) * n; ++row) {
      const double* const cost = rows.cost + row * m;
      const double* const dplan = rows.dplan + row * m;
      double* const dcost = rows.cells + row * m;
      const D f = splat(rows.f[row]);
      D total = splat(0.0);
      for_each_part(m, [&](std::size_t j, std::size_t count) {
        const D reached = f + load_up_to(g + j, count) - load_up_to(cost + j, count);
        const D slope = slope_cells<projection>(reached * per_softness);
        // Lanes beyond the row have a dplan of 0, but may have an infinite slope.
        const D w = only(slope * load_up_to(dplan + j, count) * per_softness, count);
        total += w;
        store_up_to(dg + j, count, load_up_to(dg + j, count) + w);
        store_up_to(dcost + j, count, -w);
      });
      rows.df[row] = sum(total);
    }
  }
}

template <Projection projection>
constexpr TransportPlanKernel transport_plan_kernel() {
  return {transport_plan_rows<projection>, transport_plan_gradient<projection>};
}
