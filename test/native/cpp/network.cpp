// The bitonic network and its gradient against the layers written out in long double.
#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::KernelTable;
using Row = std::vector<long double>;

static long double sigmoidal(int mode, long double z) {
  if (mode == 0) return 1 / (1 + std::exp(-z));
  const long double w = std::fmin(std::fmax(z / 10 + 0.5L, 0.0L), 1.0L);
  if (mode == 1) return w;
  return mode == 2 ? w * w * (3 - 2 * w) : w * w * w * (10 - 15 * w + 6 * w * w);
}

static long double derivative(int mode, long double z) {
  const long double m = sigmoidal(mode, z);
  if (mode == 0) return m * (1 - m);
  const long double w = z / 10 + 0.5L;
  if (w < 0 || w > 1) return 0;
  if (mode == 1) return 0.1L;
  return mode == 2 ? 0.6L * w * (1 - w) : 3 * w * w * (1 - w) * (1 - w);
}

struct Pair {
  std::size_t a, b;
  long double m, k, felt;
};

// Sorts x; the pairs in the order in which they were mixed.
static std::vector<Pair> network(int mode, long double softness, Row& x) {
  std::vector<Pair> pairs;
  const std::size_t n = x.size();
  for (std::size_t block = 2; block <= n; block *= 2) {
    for (std::size_t d = block / 2; d > 0; d /= 2) {
      for (std::size_t i = 0; i < n; ++i) {
        if ((i & d) != 0) continue;
        const long double u = x[i] - x[i + d];
        const long double z = ((i & block) == 0 ? u : -u) / softness;
        const long double m = sigmoidal(mode, z), bend = z * derivative(mode, z);
        pairs.push_back({i, i + d, m, m + bend, u * bend / softness});
        x[i] -= m * u;
        x[i + d] += m * u;
      }
    }
  }
  return pairs;
}

template <class Kernel, class Rows>
static std::size_t run(const Kernel& kernel, const Rows& rows) {
  const std::size_t bytes = kernel.scratch(rows.n);
  void* const raw = std::malloc(bytes + 64);
  std::memset(raw, 0xff, bytes + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(raw);
  const std::size_t group = kernel.group(rows.n);
  const std::size_t groups = (rows.batch + group - 1) / group;
  // One after the other: nothing may pass from a group to the next.
  for (std::size_t g = 0; g < groups; ++g) {
    kernel.run(rows, g, g + 1, reinterpret_cast<void*>((address + 63) / 64 * 64));
  }
  std::free(raw);
  return groups;
}

template <class Real>
static void test(const KernelTable& table) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  double worst[3] = {};
  const Real hostile[] = {std::numeric_limits<Real>::quiet_NaN(),
                          std::numeric_limits<Real>::infinity()};
  for (int round = 0; round < 600; ++round) {
    const int mode = round % 4;
    const std::size_t n = std::size_t{1} << below(round % 30 == 0 ? 10 : 7);
    const std::size_t batch = below(n < 16 ? 40 : 3);
    Exactly<Real> x(batch * n), dy(batch * n), y(batch * n), dx(batch * n), softness(1);
    Exactly<double> dsoftness(batch + 1);
    softness[0] = static_cast<Real>(std::exp(uniform(-6, 3)));
    for (std::size_t i = 0; i < batch * n; ++i) {
      x[i] = static_cast<Real>(below(3) ? normal() : std::floor(2 * normal()));
      dy[i] = static_cast<Real>(normal());
    }
    const bool spoil = round % 5 == 0 && batch > 0;
    const std::size_t spoiled = spoil ? below(batch) : batch;
    if (spoil) x[spoiled * n + below(n)] = hostile[below(2)];
    run(kernels.network_values[mode],
        softonnx::NetworkRows<Real>{x.get(), softness.get(), nullptr, y.get(), nullptr, batch, n});
    const std::size_t groups = run(kernels.network_values_grad[mode],
                                   softonnx::NetworkRows<Real>{x.get(), softness.get(), dy.get(),
                                                               dx.get(), dsoftness.get(), batch, n});
    long double felt = 0;
    for (std::size_t row = 0; row < batch; ++row) {
      if (row == spoiled) {
        for (std::size_t i = 0; i < n; ++i) {
          require(std::isnan(y[row * n + i]) && std::isnan(dx[row * n + i]), "NaN row");
        }
        continue;
      }
      Row sorted(x.get() + row * n, x.get() + (row + 1) * n);
      const std::vector<Pair> pairs = network(mode, softness[0], sorted);
      Row g(dy.get() + row * n, dy.get() + (row + 1) * n);
      for (std::size_t i = pairs.size(); i-- > 0;) {
        const Pair& pair = pairs[i];
        const long double p = g[pair.a] - g[pair.b];
        felt += p * pair.felt;
        g[pair.a] -= p * pair.k;
        g[pair.b] += p * pair.k;
      }
      const double eps = std::numeric_limits<Real>::epsilon();
      long double size = 1;
      for (const long double t : g) size = std::fmax(size, std::fabs(t));
      const long double steep = 1 + 1 / static_cast<long double>(softness[0]);
      for (std::size_t i = 0; i < n; ++i) {
        const double value = static_cast<double>(std::fabs(y[row * n + i] - sorted[i])) / eps;
        const double slope = static_cast<double>(std::fabs(dx[row * n + i] - g[i]) / size / steep) / eps;
        // 95 where NEON's fused multiply and add rounds otherwise, 36 elsewhere.
        require(value < 150, "y", y[row * n + i], static_cast<double>(sorted[i]));
        require(slope < 600, "dx", dx[row * n + i], static_cast<double>(g[i]));
        worst[0] = std::fmax(worst[0], value);
        worst[1] = std::fmax(worst[1], slope);
      }
    }
    double total = 0;
    for (std::size_t g = 0; g < groups; ++g) total += dsoftness[g];
    if (spoil) {
      require(std::isnan(total), "NaN softness", total);
    } else if (batch > 0) {
      const long double steep = 1 + 1 / static_cast<long double>(softness[0]);
      const double error =
          static_cast<double>(std::fabs(total - felt) / (steep * steep * batch * n)) /
          std::numeric_limits<Real>::epsilon();
      require(error < 300, "dsoftness", total, static_cast<double>(felt));
      worst[2] = std::fmax(worst[2], error);
    }
  }
  std::printf("%s %s: y %.1f dx %.1f dsoftness %.1f epsilon\n", table.name, type_name<Real>(),
              worst[0], worst[1], worst[2]);
}

// P x = y, rows and columns that sum to 1; and the gradient against differences of the kernel.
template <class Real>
static void test_permutation(const KernelTable& table) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  const double eps = std::numeric_limits<Real>::epsilon();
  double worst[2] = {};
  for (int round = 0; round < 60; ++round) {
    const int mode = round % 4;
    const std::size_t n = std::size_t{1} << (round % 12 == 0 ? 9 : below(7));
    const std::size_t batch = round % 12 == 0 ? 1 : 1 + below(2);
    Exactly<Real> x(batch * n), softness(1), y(batch * n), p(batch * n * n), dy(batch * n),
        dp(batch * n * n), dx(batch * n);
    Exactly<double> dsoftness(batch);
    softness[0] = static_cast<Real>(std::exp(uniform(-3, 1)));
    for (std::size_t i = 0; i < batch * n; ++i) x[i] = static_cast<Real>(normal()), dy[i] = static_cast<Real>(normal());
    for (std::size_t i = 0; i < batch * n * n; ++i) dp[i] = static_cast<Real>(normal());
    const auto call = [&](const auto& kernel, const softonnx::NetworkPermutationRows<Real>& rows) {
      const std::size_t bytes = kernel.scratch(n);
      void* const raw = std::malloc(bytes + 64);
      std::memset(raw, 0xff, bytes + 64);
      const auto address = reinterpret_cast<std::uintptr_t>(raw);
      kernel.run(rows, 0, batch, reinterpret_cast<void*>((address + 63) / 64 * 64));
      std::free(raw);
    };
    const auto forward = [&] {
      call(kernels.network_permutation[mode], {x.get(), softness.get(), nullptr, nullptr, y.get(),
                                               p.get(), nullptr, n});
    };
    forward();
    for (std::size_t row = 0; row < batch; ++row) {
      for (std::size_t i = 0; i < n; ++i) {
        double value = 0, along = 0, across = 0;
        for (std::size_t j = 0; j < n; ++j) {
          value += static_cast<double>(p[(row * n + i) * n + j]) * x[row * n + j];
          along += p[(row * n + i) * n + j];
          across += p[(row * n + j) * n + i];
        }
        const double error = std::fmax(std::fabs(value - y[row * n + i]),
                                       std::fmax(std::fabs(along - 1), std::fabs(across - 1))) / eps;
        require(error < 400, "permutation", value, y[row * n + i]);
        worst[0] = std::fmax(worst[0], error);
      }
    }
    call(kernels.network_permutation_grad[mode], {x.get(), softness.get(), dy.get(), dp.get(), dx.get(),
                                                  nullptr, dsoftness.get(), n});
    if (sizeof(Real) == 4) continue;
    // Along one direction, which the kinks of c0 seldom cross.
    const auto loss = [&] {
      forward();
      long double total = 0;
      for (std::size_t i = 0; i < batch * n; ++i) total += static_cast<long double>(y[i]) * dy[i];
      for (std::size_t i = 0; i < batch * n * n; ++i) total += static_cast<long double>(p[i]) * dp[i];
      return total;
    };
    std::vector<double> direction(batch * n);
    for (double& t : direction) t = normal();
    const double h = 1e-7;
    const auto move = [&](double by) {
      for (std::size_t i = 0; i < batch * n; ++i) x[i] += static_cast<Real>(by * direction[i]);
      softness[0] += static_cast<Real>(by);
    };
    long double slope = 0;
    for (std::size_t i = 0; i < batch * n; ++i) slope += static_cast<long double>(dx[i]) * direction[i];
    for (std::size_t row = 0; row < batch; ++row) slope += dsoftness[row];
    move(h);
    const long double above = loss();
    move(-2 * h);
    const long double below_it = loss();
    const double difference = static_cast<double>((above - below_it) / (2 * h));
    const double error = std::fabs(static_cast<double>(slope) - difference) /
                         (1 + std::fabs(difference) + static_cast<double>(n) / softness[0]);
    require(error < (mode == 1 ? 1e-2 : 1e-5), "gradient of the permutation", static_cast<double>(slope), difference);
    if (mode != 1) worst[1] = std::fmax(worst[1], error);
  }
  std::printf("%s %s: permutation %.1f epsilon, gradient %.1e\n", table.name, type_name<Real>(), worst[0],
              worst[1]);
}

int main() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  for (std::size_t i = 0; i < all.count; ++i) {
    test<float>(*all.table[i]);
    test<double>(*all.table[i]);
    test_permutation<float>(*all.table[i]);
    test_permutation<double>(*all.table[i]);
  }
}
