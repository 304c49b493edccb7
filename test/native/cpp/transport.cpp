// Transport potentials against their own equations in long double: both marginals to 1e-9 of
// every mass, over shapes, softness and costs; and hostile input.
#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::KernelTable;

static long double phi(int mode, long double s) {
  if (mode == 0) return std::exp(s);
  return s <= 0 ? 0 : mode == 1 ? s : mode == 2 ? s * s : s * s * s;
}

struct Problem {
  std::size_t n, m;
  std::vector<double> cost, a, b;
  double softness;
};

static Problem random_problem(int round) {
  Problem p{1 + below(round % 20 == 0 ? 80 : 14), 1 + below(round % 20 == 0 ? 70 : 14), {}, {}, {},
            std::exp(uniform(-5, 2))};
  const int kind = static_cast<int>(below(4));
  std::vector<double> x(p.n), y(p.m);
  for (double& t : x) t = kind == 0 ? std::floor(3 * normal()) / 3 : 1 / (1 + std::exp(normal()));
  for (std::size_t j = 0; j < p.m; ++j) y[j] = static_cast<double>(j) / static_cast<double>(p.m);
  for (std::size_t i = 0; i < p.n; ++i) {
    for (std::size_t j = 0; j < p.m; ++j) {
      p.cost.push_back(kind == 3 ? 5 + normal() : (x[i] - y[j]) * (x[i] - y[j]));
    }
  }
  double total_a = 0, total_b = 0;
  for (std::size_t i = 0; i < p.n; ++i) p.a.push_back(kind == 1 ? 1 : uniform(0.2, 1));
  for (std::size_t j = 0; j < p.m; ++j) p.b.push_back(kind == 1 ? 1 : uniform(0.2, 1));
  for (const double t : p.a) total_a += t;
  for (const double t : p.b) total_b += t;
  for (double& t : p.a) t /= total_a;
  for (double& t : p.b) t /= total_b;
  return p;
}

struct Found {
  std::vector<double> f, g;
  std::int64_t steps;
  double residual;
};

static Found solve(const KernelTable& table, int mode, const Problem& p, double tolerance = 1e-11,
                   std::int64_t most = 200) {
  const auto& kernel = table.transport[mode];
  const Exactly<double> cost(p.cost), a(p.a), b(p.b), f(p.n), g(p.m);
  Found result{{}, {}, 0, 0};
  const std::size_t bytes = kernel.scratch(p.n, p.m);
  void* const raw = std::malloc(bytes + 64);
  std::memset(raw, 0xff, bytes + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(raw);
  kernel.run({cost.get(), a.get(), 0, b.get(), 0, p.softness, tolerance, most, f.get(), g.get(),
              &result.steps, &result.residual, p.n, p.m},
             0, 1, reinterpret_cast<void*>((address + 63) / 64 * 64));
  std::free(raw);
  result.f.assign(f.get(), f.get() + p.n);
  result.g.assign(g.get(), g.get() + p.m);
  return result;
}

static double error_of(int mode, const Problem& p, const Found& found) {
  std::vector<long double> rows(p.n), columns(p.m);
  for (std::size_t i = 0; i < p.n; ++i) {
    for (std::size_t j = 0; j < p.m; ++j) {
      const long double cell =
          phi(mode, (0.0L + found.f[i] + found.g[j] - p.cost[i * p.m + j]) / p.softness);
      rows[i] += cell;
      columns[j] += cell;
    }
  }
  long double worst = 0;
  for (std::size_t i = 0; i < p.n; ++i) worst = std::fmax(worst, std::fabs(rows[i] / p.a[i] - 1));
  for (std::size_t j = 0; j < p.m; ++j) worst = std::fmax(worst, std::fabs(columns[j] / p.b[j] - 1));
  return static_cast<double>(worst);
}

static void test(const KernelTable& table) {
  double worst = 0, most = 0;
  for (int round = 0; round < 400; ++round) {
    const int mode = round % 4;
    const Problem p = random_problem(round);
    const Found found = solve(table, mode, p);
    const double error = error_of(mode, p, found);
    if (!(error < 1e-8)) {
      std::printf("%s mode %d n %zu m %zu softness %g steps %d residual %g: ", table.name, mode, p.n,
                  p.m, p.softness, static_cast<int>(found.steps), found.residual);
    }
    require(error < 1e-8, "marginals", error);
    worst = std::fmax(worst, error);
    most = std::fmax(most, static_cast<double>(found.steps));
    long double gauge = 0;
    for (const double t : found.f) gauge += t;
    for (const double t : found.g) gauge -= t;
    require(std::fabs(static_cast<double>(gauge)) < 1e-10 * static_cast<double>(p.n + p.m + 50), "gauge",
            static_cast<double>(gauge));
  }
  std::printf("%s: marginals %.1e, steps %.0f\n", table.name, worst, most);
}

// Few anchors and small softness, where alternations come nearer slowly and must not count as at their end.
// Plans that nearly fall apart stop at some 1e-11.
static void test_slow(const KernelTable& table) {
  for (int round = 0; round < 300; ++round) {
    Problem p{2 + below(6), 2 + below(2), {}, {}, {}, uniform(0.05, 0.3)};
    for (std::size_t i = 0; i < p.n; ++i) {
      const double x = normal();
      for (std::size_t j = 0; j < p.m; ++j) p.cost.push_back(-2 * x * static_cast<double>(j));
    }
    p.a.assign(p.n, 1.0 / static_cast<double>(p.n));
    p.b.assign(p.m, 1.0 / static_cast<double>(p.m));
    const double error = error_of(0, p, solve(table, 0, p, 1e-12));
    require(error < 1e-10, "marginals of few anchors", error);
  }
}

// Right sides L (u, v) of u and v that are balanced on each component must give these back; what is
// against the range of L must change nothing.
static void test_solve(const KernelTable& table) {
  double worst = 0;
  for (int round = 0; round < 200; ++round) {
    const std::size_t n = below(12) + (round % 20 == 0 ? 40 : 0);
    const std::size_t m = below(12) + (round % 20 == 0 ? 60 : 0);
    const std::size_t parts = 1 + below(3);
    std::vector<double> w(n * m), r(n), s(m);
    std::vector<long double> u(n), v(m);
    for (long double& x : u) x = normal();
    for (long double& x : v) x = normal();
    // Full blocks on the diagonal: part k has the rows and columns that are k modulo parts.
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < m; ++j) {
        if (i % parts == j % parts) w[i * m + j] = std::exp(uniform(-3, 1));
      }
    }
    for (std::size_t part = 0; part < parts; ++part) {
      long double surplus = 0, count = 0, rows = 0, columns = 0;
      for (std::size_t i = part; i < n; i += parts) surplus += u[i], ++count, ++rows;
      for (std::size_t j = part; j < m; j += parts) surplus -= v[j], ++count, ++columns;
      for (std::size_t i = part; i < n; i += parts) {
        u[i] = columns > 0 ? u[i] - surplus / count : 0;
      }
      for (std::size_t j = part; j < m; j += parts) v[j] = rows > 0 ? v[j] + surplus / count : 0;
    }
    const long double against = normal();
    for (std::size_t i = 0; i < n; ++i) {
      long double total = against;
      for (std::size_t j = 0; j < m; ++j) total += w[i * m + j] * (u[i] + v[j]);
      r[i] = static_cast<double>(total);
    }
    for (std::size_t j = 0; j < m; ++j) {
      long double total = -against;
      for (std::size_t i = 0; i < n; ++i) total += w[i * m + j] * (u[i] + v[j]);
      s[j] = static_cast<double>(total);
    }
    const Exactly<double> ww(w), rr(r), ss(s), uu(n), vv(m);
    const std::size_t bytes = table.transport_solve.scratch(n, m);
    void* const raw = std::malloc(bytes + 64);
    std::memset(raw, 0xff, bytes + 64);
    const auto address = reinterpret_cast<std::uintptr_t>(raw);
    table.transport_solve.run({ww.get(), rr.get(), ss.get(), uu.get(), vv.get(), n, m}, 0, 1,
                              reinterpret_cast<void*>((address + 63) / 64 * 64));
    std::free(raw);
    double error = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double apart = static_cast<double>(std::fabs(uu[i] - u[i]));
      if (!(apart <= error)) error = apart;
    }
    for (std::size_t j = 0; j < m; ++j) {
      const double apart = static_cast<double>(std::fabs(vv[j] - v[j]));
      if (!(apart <= error)) error = apart;
    }
    if (!(error < 1e-10)) std::printf("%s n %zu m %zu parts %zu: ", table.name, n, m, parts);
    require(error < 1e-10, "solve", error);
    worst = std::fmax(worst, error);
  }
  std::printf("%s: solve %.1e\n", table.name, worst);
}

static long double phi_slope(int mode, long double s) {
  if (mode == 0) return std::exp(s);
  return s <= 0 ? 0 : mode == 1 ? 1 : mode == 2 ? 2 * s : 3 * s * s;
}

// The plan and its gradient over the rows [0, split) and [split, n), cell by cell.
static void test_plan(const KernelTable& table) {
  for (int round = 0; round < 200; ++round) {
    const int mode = round % 4;
    const std::size_t batch = below(3), n = below(20), m = below(40), cells = batch * n * m;
    const double softness = std::exp(uniform(-2, 2));
    std::vector<double> cost(cells), dplan(cells), f(batch * n), g(batch * m);
    for (double& x : cost) x = normal();
    for (double& x : dplan) x = normal();
    for (double& x : f) x = normal();
    for (double& x : g) x = normal();
    const Exactly<double> exact_cost(cost), exact_dplan(dplan), exact_f(f), exact_g(g);
    const Exactly<double> plan(cells), dcost(cells), df(f.size()), dg(g.size());
    const auto& kernel = table.transport_plan[mode];
    softonnx::TransportPlanRows rows{exact_cost.get(), exact_f.get(), exact_g.get(), softness,
                                     exact_dplan.get(), plan.get(), df.get(), dg.get(), n, m};
    const std::size_t split = below(batch * n + 1);
    kernel.plan(rows, 0, split);
    kernel.plan(rows, split, batch * n);
    rows.cells = dcost.get();
    kernel.gradient(rows, 0, batch);
    std::vector<long double> by_row(f.size()), by_column(g.size());
    for (std::size_t at = 0; at < cells; ++at) {
      const std::size_t row = at / m, column = row / n * m + at % m;
      const long double s = (0.0L + f[row] + g[column] - cost[at]) / softness;
      const long double w = phi_slope(mode, s) * dplan[at] / softness;
      const double scale = static_cast<double>(1 + std::fabs(phi(mode, s)));
      require(std::fabs(plan.get()[at] - static_cast<double>(phi(mode, s))) < 1e-13 * scale, "plan");
      require(std::fabs(dcost.get()[at] + static_cast<double>(w)) <=
                  1e-12 * (scale + static_cast<double>(std::fabs(w))),
              "dcost");
      by_row[row] += dcost.get()[at];
      by_column[column] += dcost.get()[at];
    }
    for (std::size_t i = 0; i < f.size(); ++i) {
      const auto sum = static_cast<double>(by_row[i]);
      require(std::fabs(df.get()[i] + sum) <= 1e-9 * (1 + std::fabs(sum)), "df", df.get()[i] + sum);
    }
    for (std::size_t j = 0; j < g.size(); ++j) {
      const auto sum = static_cast<double>(by_column[j]);
      require(std::fabs(dg.get()[j] + sum) <= 1e-9 * (1 + std::fabs(sum)), "dg", dg.get()[j] + sum);
    }
  }
  // NaN in gives NaN out, and what is out of range infinity, not a large number.
  for (int mode = 0; mode < 4; ++mode) {
    const double cost[2] = {NAN, -1e308}, f = 0, g[2] = {0, 0};
    double plan[2];
    table.transport_plan[mode].plan({cost, &f, g, 1e-3, nullptr, plan, nullptr, nullptr, 1, 2}, 0, 1);
    require(std::isnan(plan[0]), "NaN for a cost");
    require(plan[1] == static_cast<double>(INFINITY), "infinity");
  }
}

static void test_hostile(const KernelTable& table) {
  const double inf = INFINITY;
  for (int mode = 0; mode < 4; ++mode) {
    for (const double bad : {static_cast<double>(NAN), inf, -inf, 0.0, -1.0}) {
      Problem p = random_problem(1);
      if (!(std::fabs(bad) < inf)) {
        Problem q = p;
        q.cost[below(q.cost.size())] = bad;
        require(std::isnan(solve(table, mode, q).f[0]), "NaN for a cost");
      }
      Problem q = p;
      q.b[0] = bad;
      require(std::isnan(solve(table, mode, q).g[0]), "NaN for a mass");
      q = p;
      q.softness = bad;
      if (!(bad > 0)) require(std::isnan(solve(table, mode, q).residual), "NaN for a softness");
    }
    // Ends, whatever comes.
    for (const double softness : {1e-300, 1e-12, 1e-6, 1e12, 1e300}) {
      Problem p = random_problem(2);
      p.softness = softness;
      solve(table, mode, p);
      for (double& c : p.cost) c *= 1e200;
      solve(table, mode, p);
      for (double& c : p.cost) c = 0;
      solve(table, mode, p, 0);
      solve(table, mode, p, 1e-9, 0);
    }
  }
}

int main() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  for (std::size_t i = 0; i < all.count; ++i) {
    test_hostile(*all.table[i]);
    test(*all.table[i]);
    test_slow(*all.table[i]);
    test_solve(*all.table[i]);
    test_plan(*all.table[i]);
  }
}
