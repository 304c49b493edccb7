// SoftSort, its ranks and their gradients against the dense matrix in long double, for every
// instruction set, over sizes, ties, spreads and hostile numbers.
#include <algorithm>

#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::KernelTable;
using Row = std::vector<long double>;

struct Reference {
  Row y, dkeys, dpayload;
  long double dsoftness = 0;
};

static long double phi(int mode, long double r) {
  if (mode == 0) return std::exp(r);
  return r <= 0 ? 0 : mode == 1 ? r : mode == 2 ? r * r : r * r * r;
}

static long double slope(int mode, long double r) {
  if (mode == 0) return std::exp(r);
  return r <= 0 ? 0 : mode == 1 ? 1 : mode == 2 ? 2 * r : 3 * r * r;
}

// The rho with sum phi(rho - d) = 1, by bisection.
static long double radius(int mode, const Row& d) {
  long double low = mode == 0 ? -std::log(static_cast<long double>(d.size())) - 1 : 0;
  long double high = 1;
  for (int i = 0; i < 90; ++i) {
    const long double middle = (low + high) / 2;
    long double sum = 0;
    for (const long double x : d) sum += phi(mode, middle - x);
    (sum < 1 ? low : high) = middle;
  }
  return high;
}

// Row by row of the matrix; `ranks` puts each row at the place of its key.
static Reference dense(int mode, bool ranks, const Row& keys, const Row& payload,
                       long double softness, const Row& dy) {
  const std::size_t n = keys.size();
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  Row x = payload;
  if (ranks) {
    for (std::size_t i = 0; i < n; ++i) x[order[i]] = static_cast<long double>(i + 1);
  }
  Reference result{Row(n), Row(n), Row(n), 0};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t own = order[i];
    const std::size_t at = ranks ? own : i;
    Row d(n), p(n), w(n);
    for (std::size_t j = 0; j < n; ++j) d[j] = std::fabs(keys[own] - keys[j]) / softness;
    const long double rho = radius(mode, d);
    long double total = 0, weights = 0, mean = 0, y = 0;
    for (std::size_t j = 0; j < n; ++j) {
      p[j] = phi(mode, rho - d[j]);
      w[j] = slope(mode, rho - d[j]);
      total += p[j];
      weights += w[j];
    }
    for (std::size_t j = 0; j < n; ++j) {
      y += p[j] / total * x[j];
      mean += w[j] / weights * x[j];
    }
    result.y[at] = y;
    for (std::size_t j = 0; j < n; ++j) {
      const long double g = dy[at] * w[j] * (x[j] - mean);
      const long double sign = keys[own] > keys[j] ? 1 : keys[own] < keys[j] ? -1 : 0;
      result.dkeys[own] -= g * sign / softness;
      result.dkeys[j] += g * sign / softness;
      result.dpayload[j] += dy[at] * p[j] / total;
      result.dsoftness += g * d[j] / softness;
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
  const std::size_t n = round % 40 == 0 ? 200 + below(150) : below(40);
  const std::size_t batch = below(3);
  Case<Real> c{batch, n, Exactly<Real>(batch * n), Exactly<Real>(batch * n), Exactly<Real>(1),
               Exactly<Real>(batch * n)};
  c.softness[0] = static_cast<Real>(std::exp(uniform(-7, 3)));
  const int kind = static_cast<int>(below(6));
  const double spread = kind == 5 ? std::exp(uniform(-30, 10)) : 1;
  for (std::size_t i = 0; i < batch * n; ++i) {
    double key = spread * normal();
    if (kind == 1) key = std::floor(3 * key) * 0.25;                 // ties, -0.0 among them
    if (kind == 2) key = 0.5;                                        // all tied
    if (kind == 3) key = below(9) ? key : key * 1e6;                 // outliers
    if (kind == 4) key = below(2) ? key : key * 1e-300;              // subnormal in float
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

// The largest difference over the largest number, in units of the type's epsilon.
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
  double y, dkeys, dpayload, dsoftness;
};

template <class Real>
static void compare(const KernelTable& table, int mode, bool ranks, const Case<Real>& c,
                    const std::vector<Reference>& expected, Worst& worst) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  const std::size_t n = c.n;
  Exactly<Real> y(c.batch * n), dkeys(c.batch * n), dpayload(c.batch * n);
  Exactly<double> dsoftness(c.batch);
  const Real* const payload = ranks ? nullptr : c.payload.get();
  run((ranks ? kernels.softsort_ranks : kernels.softsort_values)[mode],
      {c.keys.get(), payload, c.softness.get(), y.get(), n}, c.batch);
  run((ranks ? kernels.softsort_ranks_grad : kernels.softsort_values_grad)[mode],
      {c.keys.get(), payload, c.softness.get(), c.dy.get(), dkeys.get(),
       ranks ? nullptr : dpayload.get(), dsoftness.get(), n},
      c.batch);
  const double eps = std::numeric_limits<Real>::epsilon();
  const auto check = [&](double error, double bound, const char* name, double& most) {
    if (error > bound) {
      std::printf("%s mode %d ranks %d n %zu softness %g: ", table.name, mode, ranks, n,
                  static_cast<double>(c.softness[0]));
    }
    require(error <= bound, name, error, bound);
    most = std::fmax(most, error);
  };
  for (std::size_t row = 0; row < c.batch; ++row) {
    const Reference& truth = expected[row];
    // Gradients are sums that may cancel: measured against their terms.
    const long double size = (1 + (ranks ? n : 3)) / static_cast<long double>(c.softness[0]);
    check(apart(y.get() + row * n, truth.y, 1), 0.6 * eps + 1e-12, "y", worst.y);
    check(apart(dkeys.get() + row * n, truth.dkeys, size), 0.6 * eps + 1e-12, "dkeys", worst.dkeys);
    check(apart(dsoftness.get() + row, {truth.dsoftness}, size * (1 + n)), 1e-12, "dsoftness",
          worst.dsoftness);
    if (ranks) continue;
    check(apart(dpayload.get() + row * n, truth.dpayload, 1), 0.6 * eps + 1e-12, "dpayload",
          worst.dpayload);
  }
}

template <class Real>
static void test() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  Worst worst[3] = {};
  for (int round = 0; round < 960; ++round) {
    const int mode = round % 4;
    const bool ranks = round / 4 % 2 == 1;
    const Case<Real> c = random_case<Real>(round / 8);
    std::vector<Reference> expected;
    for (std::size_t row = 0; row < c.batch; ++row) {
      expected.push_back(dense(mode, ranks, slice(c.keys, row, c.n), slice(c.payload, row, c.n),
                               c.softness[0], slice(c.dy, row, c.n)));
    }
    for (std::size_t i = 0; i < all.count; ++i) {
      compare(*all.table[i], mode, ranks, c, expected, worst[i]);
    }
  }
  for (std::size_t i = 0; i < all.count; ++i) {
    std::printf("%s %s: y %.1e dkeys %.1e dpayload %.1e dsoftness %.1e\n", all.table[i]->name,
                type_name<Real>(), worst[i].y, worst[i].dkeys, worst[i].dpayload,
                worst[i].dsoftness);
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
      const Real sizes[] = {1, max / 4, tiny, 0};
      keys[i] = static_cast<Real>(uniform(-1, 1)) * sizes[below(4)];
      payload[i] = static_cast<Real>(normal());
      dy[i] = 1;
    }
    // The first row only.
    Exactly<Real>& spoiled = *std::vector<Exactly<Real>*>{&keys, &payload, &dy}[below(3)];
    const bool spoil = below(2) == 1;
    if (spoil) spoiled[below(n)] = bad[below(3)];
    const bool forward_spoiled = spoil && &spoiled != &dy;
    const bool lost = !(softness[0] > 0);
    Exactly<Real> y(2 * n), dkeys(2 * n), dpayload(2 * n);
    Exactly<double> dsoftness(2);
    run(kernels.softsort_values[mode], {keys.get(), payload.get(), softness.get(), y.get(), n}, 2);
    run(kernels.softsort_values_grad[mode],
        {keys.get(), payload.get(), softness.get(), dy.get(), dkeys.get(), dpayload.get(),
         dsoftness.get(), n},
        2);
    for (std::size_t i = 0; i < 2 * n; ++i) {
      const bool first = i < n;
      require(std::isnan(y[i]) == (lost || (first && forward_spoiled)), "NaN in y", y[i]);
      require(std::isnan(dpayload[i]) == (lost || (first && spoil)), "NaN in dpayload", dpayload[i]);
    }
  }
}

// A row's bits do not depend on the rows beside it, nor, for a long row, on where it lies.
template <class Real>
static void test_long_rows(const KernelTable& table) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  for (const std::size_t n : {std::size_t{4096}, std::size_t{5001}}) {
    Exactly<Real> keys(2 * n), softness(1), ranks(2 * n), alone(n);
    softness[0] = static_cast<Real>(0.01);
    for (std::size_t i = 0; i < n; ++i) {
      keys[i] = keys[n + i] = static_cast<Real>(i % 7 ? normal() : std::floor(normal() * 4));
    }
    for (int mode = 0; mode < 4; ++mode) {
      run(kernels.softsort_ranks[mode], {keys.get(), nullptr, softness.get(), ranks.get(), n}, 2);
      run(kernels.softsort_ranks[mode], {keys.get() + n, nullptr, softness.get(), alone.get(), n}, 1);
      double total = 0;
      for (std::size_t i = 0; i < n; ++i) {
        require(ranks[i] == alone[i] && ranks[n + i] == alone[i], "the same row");
        require(ranks[i] >= 1 && ranks[i] <= static_cast<Real>(n), "a rank", ranks[i]);
        total += ranks[i];
      }
      require(std::fabs(total / static_cast<double>(n) - static_cast<double>(n + 1) / 2) <
                  0.05 * static_cast<double>(n),
              "the mean rank", total);
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
