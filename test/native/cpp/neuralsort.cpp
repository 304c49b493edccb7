// NeuralSort, its ranks, its permutation and its gradients against the dense matrix in long double,
// for every instruction set, over sizes, ties, spreads and hostile numbers.
#include <algorithm>

#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::KernelTable;
using Row = std::vector<long double>;

static long double phi(int mode, long double r) {
  if (mode == 0) return std::exp(r);
  return r <= 0 ? 0 : mode == 1 ? r : mode == 2 ? r * r : r * r * r;
}

static long double slope(int mode, long double r) {
  if (mode == 0) return std::exp(r);
  return r <= 0 ? 0 : mode == 1 ? 1 : mode == 2 ? 2 * r : 3 * r * r;
}

// The t with sum phi(v - t) = 1, by bisection.
static long double threshold(int mode, const Row& v) {
  const long double most = *std::max_element(v.begin(), v.end());
  if (mode == 0) {
    long double sum = 0;
    for (const long double x : v) sum += std::exp(x - most);
    return most + std::log(sum);
  }
  long double low = most - 1, high = most;
  for (int i = 0; i < 80; ++i) {
    const long double middle = (low + high) / 2;
    long double sum = 0;
    for (const long double x : v) sum += phi(mode, x - middle);
    (sum > 1 ? low : high) = middle;
  }
  return low;
}

// The soft distance, its slope by d, and its derivative by the softness.
struct Distance {
  long double value, slope, softness;
};

static Distance distance(int mode, long double d, long double softness) {
  if (mode == 0) {
    const long double u = d / (2 * softness);
    const long double t = std::tanh(u);
    const long double q = std::fabs(u) > 5000 ? 0 : 1 / (std::cosh(u) * std::cosh(u));
    return {d * t, t + u * q, -d * u * q / softness};
  }
  const long double v = std::fmax(-1, std::fmin(1, d / (5 * softness)));
  const long double bump = 1 - v * v;
  const long double o = mode == 1   ? v
                        : mode == 2 ? v * (3 - v * v) / 2
                                    : v * (15 - 10 * v * v + 3 * v * v * v * v) / 8;
  const bool inside = std::fabs(d / (5 * softness)) <= 1;
  const long double o1 = !inside ? 0 : mode == 1 ? 1 : mode == 2 ? 1.5L * bump
                                                                : 1.875L * bump * bump;
  return {d * o, o + v * o1, -d * v * o1 / softness};
}

struct Matrices {
  std::vector<Row> logits, p, w;
  Row a;
};

static Matrices matrices(int mode, const Row& keys, long double softness) {
  const std::size_t n = keys.size();
  Matrices m{std::vector<Row>(n), std::vector<Row>(n), std::vector<Row>(n), Row(n)};
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < n; ++k) m.a[j] += distance(mode, keys[j] - keys[k], softness).value;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const long double c = 2.0L * i - (n - 1.0L);
    for (std::size_t j = 0; j < n; ++j) m.logits[i].push_back((c * keys[j] - m.a[j]) / softness);
    const long double t = threshold(mode, m.logits[i]);
    for (std::size_t j = 0; j < n; ++j) {
      m.p[i].push_back(phi(mode, m.logits[i][j] - t));
      m.w[i].push_back(slope(mode, m.logits[i][j] - t));
    }
  }
  return m;
}

struct Gradient {
  Row dkeys, dpayload;
  long double dsoftness;
};

// From the cotangent of P.
static Gradient pull_back(int mode, const Matrices& m, const std::vector<Row>& dp, const Row& keys,
                          long double softness) {
  const std::size_t n = keys.size();
  Gradient result{Row(n), Row(n), 0};
  Row b(n);
  for (std::size_t i = 0; i < n; ++i) {
    const long double c = 2.0L * i - (n - 1.0L);
    long double weights = 0, mean = 0;
    for (std::size_t j = 0; j < n; ++j) weights += m.w[i][j], mean += m.w[i][j] * dp[i][j];
    for (std::size_t j = 0; j < n; ++j) {
      const long double dl = m.w[i][j] * (dp[i][j] - mean / weights);
      result.dkeys[j] += c * dl / softness;
      b[j] -= dl / softness;
      result.dsoftness -= dl * m.logits[i][j] / softness;
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < n; ++k) {
      const Distance d = distance(mode, keys[j] - keys[k], softness);
      result.dkeys[j] += b[j] * d.slope;
      result.dkeys[k] -= b[j] * d.slope;
      result.dsoftness += b[j] * d.softness;
    }
  }
  return result;
}

template <class Real>
struct Case {
  std::size_t batch, n;
  Exactly<Real> keys, payload, softness, dy;
};

template <class Real>
static Case<Real> random_case(int round) {
  const std::size_t n = round % 40 == 0 ? 100 + below(120) : below(40);
  const std::size_t batch = below(3);
  Case<Real> c{batch, n, Exactly<Real>(batch * n), Exactly<Real>(batch * n), Exactly<Real>(1),
               Exactly<Real>(batch * n)};
  c.softness[0] = static_cast<Real>(std::exp(uniform(-6, 4)));
  const int kind = static_cast<int>(below(5));
  const double spread = kind == 3 ? std::exp(uniform(-20, 6)) : 1;
  for (std::size_t i = 0; i < batch * n; ++i) {
    double key = spread * normal();
    if (kind == 1) key = std::floor(3 * key) * 0.25;     // ties, -0.0 among them
    if (kind == 2) key = 0.5;                            // all tied
    if (kind == 4) key = below(9) ? key : key * 1e3;     // outliers
    c.keys[i] = static_cast<Real>(below(20) ? key : -0.0);
    c.payload[i] = below(4) ? static_cast<Real>(3 * normal()) : c.keys[i];
    c.dy[i] = static_cast<Real>(normal());
  }
  return c;
}

template <class Real>
static Row slice(const Exactly<Real>& values, std::size_t row, std::size_t n) {
  return Row(values.get() + row * n, values.get() + (row + 1) * n);
}

template <class Real>
static double apart(const Real* got, const Row& expected, long double least) {
  long double size = least, error = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    size = std::fmax(size, std::fabs(expected[i]));
    const long double difference = std::fabs(got[i] - expected[i]);
    if (!(difference <= error)) error = std::isnan(difference) ? INFINITY : difference;
  }
  return static_cast<double>(error / size);
}

template <class Rows>
static void run(const softonnx::RowKernel<Rows>& kernel, const Rows& rows, std::size_t batch) {
  const std::size_t bytes = kernel.scratch(rows.n);
  // To the byte, and filled with what a kernel must not read.
  void* const raw = std::malloc(bytes + 64);
  std::memset(raw, 0xff, bytes + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(raw);
  void* const block = reinterpret_cast<void*>((address + 63) / 64 * 64);
  kernel.run(rows, 0, batch, block);
  std::free(raw);
}

struct Worst {
  double y, gradient, softness;
};

template <class Real>
static void compare(const KernelTable& table, int mode, const Case<Real>& c, Worst& worst,
                    bool ranks, const std::vector<Row>& values, const std::vector<Row>& p,
                    const std::vector<Gradient>& gradients) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  const std::size_t n = c.n;
  Exactly<Real> y(c.batch * n), dkeys(c.batch * n), dpayload(c.batch * n);
  Exactly<Real> permutation(c.batch * n * n);
  Exactly<double> dsoftness(c.batch);
  const Real* const payload = ranks ? nullptr : c.payload.get();
  run((ranks ? kernels.neuralsort_ranks : kernels.neuralsort_values)[mode],
      {c.keys.get(), payload, c.softness.get(), y.get(), ranks ? nullptr : permutation.get(), n},
      c.batch);
  run((ranks ? kernels.neuralsort_ranks_grad : kernels.neuralsort_values_grad)[mode],
      {c.keys.get(), payload, c.softness.get(), c.dy.get(), dkeys.get(),
       ranks ? nullptr : dpayload.get(), dsoftness.get(), n},
      c.batch);
  // The exponential is in the type itself, and what a logit is off by in double its probability is too: the
  // terms of a logit, over the softness, times the rounding of a double.
  const double eps = std::numeric_limits<Real>::epsilon();
  for (std::size_t row = 0; row < c.batch; ++row) {
    const Row keys = slice(c.keys, row, n);
    long double range = 0;
    for (const long double key : keys) range = std::fmax(range, std::fabs(key - keys[0]));
    const double terms = static_cast<double>(n * range / c.softness[0]);
    const double bound = 4 * eps + 1e-15 * terms + 1e-13;
    const auto check = [&](double error, double most, const char* name, double& record) {
      if (error > most) {
        std::printf("%s mode %d ranks %d n %zu softness %g terms %g: ", table.name, mode, ranks, n,
                    static_cast<double>(c.softness[0]), terms);
      }
      require(error <= most, name, error, most);
      record = std::fmax(record, error);
    };
    check(apart(y.get() + row * n, values[row], 1), bound, ranks ? "r" : "y", worst.y);
    const double size = (1.0 + n) * (ranks ? 1.0 + n : 4.0) / static_cast<double>(c.softness[0]);
    check(apart(dkeys.get() + row * n, gradients[row].dkeys, size), bound, "dkeys", worst.gradient);
    check(apart(dsoftness.get() + row, {gradients[row].dsoftness}, size), bound * (1 + terms),
          "dsoftness", worst.softness);
    if (ranks) continue;
    check(apart(permutation.get() + row * n * n, p[row], 1), bound, "permutation", worst.y);
    check(apart(dpayload.get() + row * n, gradients[row].dpayload, 1), bound, "dpayload",
          worst.gradient);
  }
}

// The values or ranks of each row, the permutation, and the gradients, by the matrix.
template <class Real>
static void expect(int mode, bool ranks, const Case<Real>& c, std::vector<Row>& values,
                   std::vector<Row>& permutations, std::vector<Gradient>& gradients) {
  const std::size_t n = c.n;
  for (std::size_t row = 0; row < c.batch; ++row) {
    const Row keys = slice(c.keys, row, n), x = slice(c.payload, row, n), dy = slice(c.dy, row, n);
    Row y(n), flat(n * n), dpayload(n);
    std::vector<Row> dp(n, Row(n));
    if (n > 0) {
      // The matrix takes a column for each key where it is: its rows alone are in order.
      const Matrices m = matrices(mode, keys, c.softness[0]);
      for (std::size_t j = 0; j < n; ++j) {
        long double mean = 0, total = 0;
        for (std::size_t i = 0; i < n; ++i) {
          flat[i * n + j] = m.p[i][j];
          mean += (i + 1) * m.p[i][j];
          total += m.p[i][j];
          if (ranks) continue;
          y[i] += m.p[i][j] * x[j];
          dpayload[j] += m.p[i][j] * dy[i];
          dp[i][j] = dy[i] * x[j];
        }
        if (!ranks) continue;
        const bool empty = total < 1e-10L;
        const long double divisor = empty ? 1e-10L : total;
        y[j] = mean / divisor;
        for (std::size_t i = 0; i < n; ++i) dp[i][j] = dy[j] / divisor * (i + 1 - (empty ? 0 : y[j]));
      }
      gradients.push_back(pull_back(mode, m, dp, keys, c.softness[0]));
      gradients.back().dpayload = dpayload;
    } else {
      gradients.push_back({});
    }
    values.push_back(y);
    permutations.push_back(flat);
  }
}

template <class Real>
static void test() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  Worst worst[3] = {};
  for (int round = 0; round < 640; ++round) {
    const int mode = round % 4;
    const bool ranks = round / 4 % 2 == 1;
    const Case<Real> c = random_case<Real>(round / 8);
    std::vector<Row> values, permutations;
    std::vector<Gradient> gradients;
    expect(mode, ranks, c, values, permutations, gradients);
    for (std::size_t i = 0; i < all.count; ++i) {
      compare(*all.table[i], mode, c, worst[i], ranks, values, permutations, gradients);
    }
  }
  for (std::size_t i = 0; i < all.count; ++i) {
    std::printf("%s %s: y %.1e gradient %.1e softness %.1e\n", all.table[i]->name,
                type_name<Real>(), worst[i].y, worst[i].gradient, worst[i].softness);
  }
}

// NaN where a number is NaN or infinite or the softness is not positive, in that row alone; and
// no matter what, an end.
template <class Real>
static void test_hostile(const KernelTable& table) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  const Real inf = std::numeric_limits<Real>::infinity();
  const Real max = std::numeric_limits<Real>::max();
  const Real tiny = std::numeric_limits<Real>::denorm_min();
  const Real bad[] = {std::numeric_limits<Real>::quiet_NaN(), inf, -inf};
  const Real softnesses[] = {bad[0], 0, -1, tiny, max, inf, 1};
  for (int round = 0; round < 1000; ++round) {
    const int mode = round % 4;
    const std::size_t n = 1 + below(50);
    Exactly<Real> keys(2 * n), payload(2 * n), dy(2 * n), softness(1);
    softness[0] = softnesses[below(7)];
    for (std::size_t i = 0; i < 2 * n; ++i) {
      const Real sizes[] = {1, max, tiny, 0};
      keys[i] = static_cast<Real>(uniform(-1, 1)) * sizes[below(4)];
      payload[i] = static_cast<Real>(normal());
      dy[i] = 1;
    }
    // The first row only.
    Exactly<Real>& spoiled = *std::vector<Exactly<Real>*>{&keys, &payload, &dy}[below(3)];
    const bool spoil = below(2) == 1;
    if (spoil) spoiled[below(n)] = bad[below(3)];
    const bool lost = !(softness[0] > 0);
    const auto expected = [&](std::size_t i, bool read) {
      return lost || (i < n && spoil && read);
    };
    Exactly<Real> y(2 * n), r(2 * n), dkeys(2 * n), dpayload(2 * n);
    Exactly<double> dsoftness(2);
    run(kernels.neuralsort_values[mode],
        {keys.get(), payload.get(), softness.get(), y.get(), nullptr, n}, 2);
    run(kernels.neuralsort_ranks[mode],
        {keys.get(), nullptr, softness.get(), r.get(), nullptr, n}, 2);
    run(kernels.neuralsort_values_grad[mode],
        {keys.get(), payload.get(), softness.get(), dy.get(), dkeys.get(), dpayload.get(),
         dsoftness.get(), n},
        2);
    for (std::size_t i = 0; i < 2 * n; ++i) {
      require(std::isnan(y[i]) == expected(i, &spoiled != &dy), "NaN in y", y[i]);
      require(std::isnan(r[i]) == expected(i, &spoiled == &keys), "NaN in r", r[i]);
      require(std::isnan(dpayload[i]) == expected(i, true), "NaN in dpayload", dpayload[i]);
    }
    run(kernels.neuralsort_ranks_grad[mode],
        {keys.get(), nullptr, softness.get(), dy.get(), dkeys.get(), nullptr, dsoftness.get(), n},
        2);
  }
}

// A row's bits do not depend on the rows beside it; its ranks lie between 1 and n.
template <class Real>
static void test_long_rows(const KernelTable& table) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  const std::size_t n = 1501;
  for (int mode = 0; mode < 4; ++mode) {
    Exactly<Real> keys(2 * n), softness(1), ranks(2 * n), alone(n);
    softness[0] = static_cast<Real>(mode % 2 ? 0.01 : 1);
    for (std::size_t i = 0; i < n; ++i) {
      keys[i] = keys[n + i] = static_cast<Real>(i % 7 ? normal() : std::floor(normal() * 4));
    }
    run(kernels.neuralsort_ranks[mode],
        {keys.get(), nullptr, softness.get(), ranks.get(), nullptr, n}, 2);
    run(kernels.neuralsort_ranks[mode],
        {keys.get() + n, nullptr, softness.get(), alone.get(), nullptr, n}, 1);
    for (std::size_t i = 0; i < n; ++i) {
      require(ranks[i] == alone[i] && ranks[n + i] == alone[i], "the same row");
      require(ranks[i] >= 0 && ranks[i] <= static_cast<Real>(n), "a rank", ranks[i]);
    }
  }
}

int main() {
  test<float>();
  test<double>();
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  for (std::size_t i = 0; i < all.count; ++i) {
    test_hostile<float>(*all.table[i]);
    test_hostile<double>(*all.table[i]);
    test_long_rows<float>(*all.table[i]);
    test_long_rows<double>(*all.table[i]);
  }
}
