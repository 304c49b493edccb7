// The kernels that smoothSort and second derivatives stand on, against their definitions in long
// double, over random sizes and hostile rows.
#include <algorithm>

#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::KernelTable;
using Row = std::vector<long double>;

template <class Kernel, class Rows>
static void run(const Kernel& kernel, const Rows& rows, std::size_t n, std::size_t count) {
  const std::size_t bytes = kernel.scratch(n);
  void* const raw = std::malloc(bytes + 64);
  std::memset(raw, 0xff, bytes + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(raw);
  // One after the other: nothing may pass from a row to the next.
  for (std::size_t i = 0; i < count; ++i) {
    kernel.run(rows, i, i + 1, reinterpret_cast<void*>((address + 63) / 64 * 64));
  }
  std::free(raw);
}

static double hostile() {
  const double all[] = {std::numeric_limits<double>::quiet_NaN(),
                        std::numeric_limits<double>::infinity(),
                        -std::numeric_limits<double>::infinity()};
  return all[below(3)];
}

static std::size_t random_length(int round) { return below(round % 25 == 0 ? 400 : 24); }

static double test_decay_sums(const KernelTable& table) {
  double worst = 0;
  for (int round = 0; round < 400; ++round) {
    const std::size_t n = random_length(round), batch = below(4), channels = below(4);
    const std::size_t size = batch * n, all = channels * size;
    Exactly<double> s(size), a(all), b(all), l(all), r(all), softness(1);
    softness[0] = std::exp(uniform(-8, 3));
    for (std::size_t i = 0; i < size; ++i) s[i] = below(2) ? normal() : std::floor(2 * normal());
    for (std::size_t row = 0; row < batch; ++row) std::sort(s.get() + row * n, s.get() + (row + 1) * n);
    for (std::size_t i = 0; i < all; ++i) a[i] = normal(), b[i] = normal();
    const bool spoil = round % 5 == 0 && size > 0;
    if (spoil) s[below(n)] = hostile();
    run(table.decay_sums,
        softonnx::DecayRows{s.get(), a.get(), b.get(), softness.get(), l.get(), r.get(), batch, n,
                            channels},
        n, batch);
    for (std::size_t at = 0; at < all; ++at) {
      const std::size_t i = at % n, row = at / n % batch, start = at - i;
      if (spoil && row == 0) {
        require(std::isnan(l[at]) && std::isnan(r[at]), "NaN row");
        continue;
      }
      const double* const own = s.get() + row * n;
      long double left = 0, right = 0;
      for (std::size_t j = 0; j < n; ++j) {
        const long double apart = static_cast<long double>(own[i]) - own[j];
        const long double decay = std::exp(-std::fabs(apart) / softness[0]);
        if (apart > 0) left += decay * a[start + j];
        if (apart < 0) right += decay * b[start + j];
      }
      const auto error = static_cast<double>(
          std::fmax(std::fabs(l[at] - left), std::fabs(r[at] - right)) / static_cast<long double>(n));
      require(error < 1e-14, "decayed", l[at], static_cast<double>(left));
      worst = std::fmax(worst, error);
    }
  }
  return worst;
}

static long double second_difference(const Row& x, std::size_t i) {
  return 2 * x[i] - (i > 0 ? x[i - 1] : 0) - (i + 1 < x.size() ? x[i + 1] : 0);
}

static double test_smooth_sort(const KernelTable& table) {
  double worst = 0;
  for (int round = 0; round < 300; ++round) {
    const std::size_t n = random_length(round), batch = below(4), size = batch * n;
    Exactly<double> c(size), q(size), beta(size);
    const double scale = std::exp(uniform(-3, 6));
    for (std::size_t i = 0; i < size; ++i) {
      c[i] = scale * uniform(0, 1);
      q[i] = below(4) ? std::exp(normal()) : 1e-9;
    }
    const bool spoil = round % 5 == 0 && size > 0;
    if (spoil) (below(2) ? c : q)[below(n)] = hostile();
    run(table.smooth_sort, softonnx::SmoothSortRows{c.get(), q.get(), beta.get(), n}, n, batch);
    for (std::size_t row = 0; row < batch; ++row) {
      const Row own(beta.get() + row * n, beta.get() + (row + 1) * n);
      if (spoil && row == 0) {
        for (const long double x : own) require(std::isnan(x), "NaN row");
        continue;
      }
      Row slack(n);
      long double largest = 0;
      for (std::size_t i = 0; i < n; ++i) {
        slack[i] = std::exp(-(c[row * n + i] + second_difference(own, i)));
        largest = std::fmax(largest, std::fmax(static_cast<long double>(q[row * n + i]), slack[i]));
      }
      for (std::size_t i = 0; i < n; ++i) {
        const long double left =
            q[row * n + i] - second_difference(slack, i) - std::exp(-own[i]);
        const auto error = static_cast<double>(std::fabs(left) / largest);
        require(error < 1e-9, "gaps", static_cast<double>(left), 0);
        worst = std::fmax(worst, error);
      }
    }
  }
  return worst;
}

static double test_smooth_sort_step(const KernelTable& table) {
  double worst = 0;
  for (int round = 0; round < 300; ++round) {
    const std::size_t n = random_length(round), batch = below(4), size = batch * n;
    Exactly<double> s(size), d(size), f(size), u(size);
    for (std::size_t i = 0; i < size; ++i) {
      s[i] = std::exp(3 * normal());
      d[i] = std::exp(3 * normal());
      f[i] = normal();
    }
    const bool spoil = round % 5 == 0 && size > 0;
    if (spoil) f[below(n)] = hostile();
    run(table.smooth_sort_step,
        softonnx::SmoothSortStepRows{s.get(), d.get(), f.get(), u.get(), n}, n, batch);
    for (std::size_t row = 0; row < batch; ++row) {
      const Row own(u.get() + row * n, u.get() + (row + 1) * n);
      if (spoil && row == 0) {
        for (const long double x : own) require(std::isnan(x), "NaN row");
        continue;
      }
      Row bent(n);
      long double size_of_terms = 1;
      for (std::size_t i = 0; i < n; ++i) {
        bent[i] = s[row * n + i] * second_difference(own, i);
        size_of_terms = std::fmax(size_of_terms, 4 * s[row * n + i] * std::fabs(own[i]));
      }
      for (std::size_t i = 0; i < n; ++i) {
        const long double left =
            f[row * n + i] - second_difference(bent, i) - d[row * n + i] * own[i];
        const auto error = static_cast<double>(std::fabs(left) / size_of_terms);
        require(error < 1e-12, "adjoint", static_cast<double>(left), 0);
        worst = std::fmax(worst, error);
      }
    }
  }
  return worst;
}

static Row log_symmetric(const Row& x) {
  const long double nothing = -1e4000L;
  Row e(x.size() + 1, nothing);
  e[0] = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    for (std::size_t k = j + 1; k > 0; --k) {
      const long double with = e[k - 1] + x[j], most = std::fmax(e[k], with);
      e[k] = most + std::log1p(std::exp(-std::fabs(e[k] - with)));
    }
  }
  return e;
}

static double test_log_symmetric(const KernelTable& table) {
  double worst = 0;
  for (int round = 0; round < 200; ++round) {
    const std::size_t n = below(round % 25 == 0 ? 60 : 14), batch = below(3);
    Exactly<double> x(batch * n), e(batch * (n + 1)), ebar(batch * (n + 1)), xbar(batch * n);
    const double scale = std::exp(uniform(-3, 5));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = scale * (below(3) ? normal() : 1);
    for (std::size_t i = 0; i < e.size(); ++i) ebar[i] = normal();
    const bool spoil = round % 5 == 0 && x.size() > 0;
    if (spoil) x[below(n)] = hostile();
    run(table.log_symmetric, softonnx::LogSymmetricRows{x.get(), e.get(), n}, n, batch);
    run(table.log_symmetric_grad,
        softonnx::LogSymmetricGradRows{x.get(), ebar.get(), xbar.get(), n}, n, batch);
    for (std::size_t row = 0; row < batch; ++row) {
      const Row own(x.get() + row * n, x.get() + (row + 1) * n);
      const Row expected = log_symmetric(own);
      if (spoil && row == 0) {
        for (std::size_t k = 0; k <= n; ++k) require(std::isnan(e[k]), "NaN row");
        for (std::size_t j = 0; j < n; ++j) require(std::isnan(xbar[j]), "NaN gradient");
        continue;
      }
      long double size = 1;
      for (const long double t : expected) size = std::fmax(size, std::fabs(t));
      for (std::size_t k = 0; k <= n; ++k) {
        const auto error =
            static_cast<double>(std::fabs(e[row * (n + 1) + k] - expected[k]) / size);
        require(error < 1e-14, "bounds", e[row * (n + 1) + k], static_cast<double>(expected[k]));
        worst = std::fmax(worst, error);
      }
      for (std::size_t j = 0; j < n; ++j) {
        // The share of the sets of k that hold j, from the row without it.
        Row others(own);
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(j));
        const Row without = log_symmetric(others);
        long double total = 0;
        for (std::size_t k = 1; k <= n; ++k) {
          total += ebar[row * (n + 1) + k] * std::exp(own[j] + without[k - 1] - expected[k]);
        }
        const auto error = static_cast<double>(std::fabs(xbar[row * n + j] - total) / size);
        require(error < 1e-12, "shares", xbar[row * n + j], static_cast<double>(total));
      }
    }
  }
  return worst;
}

template <class Real>
static double test_layers(const KernelTable& table) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  double worst = 0;
  for (int round = 0; round < 300; ++round) {
    const std::size_t phases = below(round % 25 == 0 ? 9 : 5), n = std::size_t{1} << phases;
    const std::size_t batch = below(5), channels = below(4), layers = phases * (phases + 1) / 2;
    const std::size_t pairs = layers * batch * (n / 2);
    Exactly<Real> h(batch * n * channels), w(pairs), v(pairs * channels), y(h.size()), p(v.size());
    for (std::size_t i = 0; i < h.size(); ++i) h[i] = static_cast<Real>(normal());
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<Real>(uniform(0, 1));
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<Real>(normal());
    const bool backward = below(2) == 1, added = below(2) == 1;
    run(kernels.swap_layers,
        softonnx::SwapRows<Real>{h.get(), w.get(), added ? v.get() : nullptr, y.get(), p.get(),
                                 batch, n, channels, backward},
        n, batch);
    std::vector<std::size_t> distances;
    for (std::size_t phase = 0; phase < phases; ++phase) {
      for (std::size_t d = std::size_t{1} << phase; d > 0; d /= 2) distances.push_back(d);
    }
    const double eps = std::numeric_limits<Real>::epsilon();
    for (std::size_t row = 0; row < batch; ++row) {
      Row own(h.get() + row * n * channels, h.get() + (row + 1) * n * channels);
      long double size = 1;
      for (std::size_t step = 0; step < layers; ++step) {
        const std::size_t layer = backward ? layers - 1 - step : step, d = distances[layer];
        for (std::size_t pair = 0; pair < n / 2; ++pair) {
          const std::size_t at = (layer * batch + row) * (n / 2) + pair;
          for (std::size_t c = 0; c < channels; ++c) {
            long double& a = own[(pair / d * 2 * d + pair % d) * channels + c];
            long double& b = own[(pair / d * 2 * d + pair % d + d) * channels + c];
            const long double apart = a - b;
            const long double moved = w[at] * apart - (added ? v[at * channels + c] : 0);
            a -= moved;
            b += moved;
            size = std::fmax(size, std::fabs(apart) + std::fabs(moved));
            const auto error = static_cast<double>(std::fabs(p[at * channels + c] - apart) / size) / eps;
            require(error < 200, "p", p[at * channels + c], static_cast<double>(apart));
          }
        }
      }
      for (std::size_t i = 0; i < own.size(); ++i) {
        const auto error =
            static_cast<double>(std::fabs(y[row * n * channels + i] - own[i]) / size) / eps;
        require(error < 200, "y", y[row * n * channels + i], static_cast<double>(own[i]));
        worst = std::fmax(worst, error);
      }
    }
  }
  return worst;
}

// The values are those of the kernel without the trace, the differences give them back.
template <class Real>
static void test_trace(const KernelTable& table) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  for (int round = 0; round < 200; ++round) {
    const int mode = round % 4;
    const std::size_t phases = below(round % 25 == 0 ? 9 : 6), n = std::size_t{1} << phases;
    const std::size_t batch = below(9), layers = phases * (phases + 1) / 2;
    Exactly<Real> x(batch * n), y(batch * n), expected(batch * n), softness(1);
    Exactly<Real> differences(layers * batch * (n / 2));
    softness[0] = static_cast<Real>(std::exp(uniform(-3, 2)));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<Real>(normal());
    const bool spoil = round % 5 == 0 && batch > 0;
    if (spoil) x[below(n)] = static_cast<Real>(hostile());
    const std::size_t group = kernels.network_trace[mode].group(n);
    const std::size_t groups = (batch + group - 1) / group;
    run(kernels.network_trace[mode],
        softonnx::NetworkTraceRows<Real>{x.get(), softness.get(), y.get(), differences.get(), batch, n},
        n, groups);
    run(kernels.network_values[mode],
        softonnx::NetworkRows<Real>{x.get(), softness.get(), nullptr, expected.get(), nullptr, batch, n},
        n, groups);
    for (std::size_t i = 0; i < y.size(); ++i) {
      require(y[i] == expected[i] || (std::isnan(y[i]) && std::isnan(expected[i])), "traced", y[i],
              expected[i]);
    }
    // The first layer compares neighbours.
    for (std::size_t pair = 0; layers > 0 && pair < batch * n / 2; ++pair) {
      const Real found = differences[pair], own = x[2 * pair] - x[2 * pair + 1];
      const bool lost = spoil && pair < n / 2;
      require(lost ? std::isnan(found) : found == own, "difference", found, own);
    }
  }
}

int main() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  for (std::size_t i = 0; i < all.count; ++i) {
    const KernelTable& table = *all.table[i];
    std::printf("%s: decay %.1e", table.name, test_decay_sums(table));
    std::printf(" gaps %.1e", test_smooth_sort(table));
    std::printf(" adjoint %.1e", test_smooth_sort_step(table));
    std::printf(" bounds %.1e\n", test_log_symmetric(table));
    test_trace<float>(table);
    test_trace<double>(table);
    std::printf("%s: layers %.1f and %.1f epsilon\n", table.name, test_layers<float>(table),
                test_layers<double>(table));
  }
}
