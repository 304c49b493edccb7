// Isotonic regression against pooling in long double with every level by bisection.
#include <algorithm>

#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::KernelTable;
using Row = std::vector<long double>;

static long double level(int mode, const Row& s, const Row& w, std::size_t first, std::size_t last) {
  if (mode == 0) {
    long double top_s = -INFINITY, top_w = -INFINITY, sum_s = 0, sum_w = 0;
    for (std::size_t i = first; i <= last; ++i) {
      top_s = std::fmax(top_s, s[i]), top_w = std::fmax(top_w, w[i]);
    }
    for (std::size_t i = first; i <= last; ++i) {
      sum_s += std::exp(s[i] - top_s), sum_w += std::exp(w[i] - top_w);
    }
    return top_s - top_w + std::log(sum_s) - std::log(sum_w);
  }
  long double mean = 0, wanted = 0, low = INFINITY, high = -INFINITY;
  for (std::size_t i = first; i <= last; ++i) {
    mean += s[i] - w[i];
    wanted += w[i];
    const long double size = std::fabs(w[i]);
    const long double root = mode == 2 ? std::sqrt(size) : std::cbrt(size);
    const long double own = s[i] - (w[i] < 0 ? -root : root);
    low = std::fmin(low, own), high = std::fmax(high, own);
  }
  if (mode == 1) return mean / static_cast<long double>(last - first + 1);
  for (int k = 0; k < 80; ++k) {
    const long double middle = (low + high) / 2;
    long double sum = 0;
    for (std::size_t i = first; i <= last; ++i) {
      const long double t = s[i] - middle;
      sum += mode == 2 ? t * std::fabs(t) : t * t * t;
    }
    (sum > wanted ? low : high) = middle;
  }
  return low;
}

static Row pooled(int mode, const Row& s, const Row& w) {
  std::vector<std::size_t> firsts;
  Row levels;
  for (std::size_t i = 0; i < s.size(); ++i) {
    std::size_t first = i;
    long double own = level(mode, s, w, i, i);
    while (!levels.empty() && levels.back() <= own) {
      first = firsts.back();
      firsts.pop_back(), levels.pop_back();
      own = level(mode, s, w, first, i);
    }
    firsts.push_back(first), levels.push_back(own);
  }
  Row result;
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const std::size_t end = k + 1 < firsts.size() ? firsts[k + 1] : s.size();
    result.resize(end, levels[k]);
  }
  return result;
}

template <class Real>
static void run(const KernelTable& table, int mode, std::size_t batch, std::size_t n, const Real* s,
                const Real* w, std::int64_t* blocks, Real* v) {
  const auto& kernel = softonnx::kernels_for<Real>(table).isotonic[mode];
  const std::size_t bytes = kernel.scratch(n);
  void* const raw = std::malloc(bytes + 64);
  std::memset(raw, 0xff, bytes + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(raw);
  kernel.run({s, w, blocks, v, n}, 0, batch, reinterpret_cast<void*>((address + 63) / 64 * 64));
  std::free(raw);
}

template <class Real>
static void test() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  double worst = 0;
  for (int round = 0; round < 600; ++round) {
    const int mode = round % 4;
    const std::size_t n = round % 50 == 0 ? 100 + below(100) : below(30);
    const std::size_t batch = below(3);
    Exactly<Real> s(batch * n), w(batch * n), v(batch * n);
    Exactly<std::int64_t> blocks(batch * n);
    const double softness = std::exp(uniform(-6, 6));
    const int kind = static_cast<int>(below(4));
    for (std::size_t row = 0; row < batch; ++row) {
      Row x(n);
      for (long double& t : x) t = kind == 1 ? std::floor(3 * normal()) : normal();
      if (kind != 3) std::sort(x.rbegin(), x.rend());
      for (std::size_t i = 0; i < n; ++i) {
        s[row * n + i] = static_cast<Real>(x[i] / softness);
        w[row * n + i] = static_cast<Real>((n - i) * (kind == 2 ? 1 / softness : 1));
      }
    }
    const bool spoil = round % 9 == 0 && batch * n > 0;
    if (spoil) s[below(n)] = std::numeric_limits<Real>::infinity();
    std::vector<Row> expected;
    Row ss, ww;
    for (std::size_t row = 0; row < batch; ++row) {
      ss.assign(s.get() + row * n, s.get() + (row + 1) * n);
      ww.assign(w.get() + row * n, w.get() + (row + 1) * n);
      expected.push_back(spoil && row == 0 ? Row(n, NAN) : pooled(mode, ss, ww));
    }
    for (std::size_t t = 0; t < all.count; ++t) {
      run(*all.table[t], mode, batch, n, s.get(), w.get(), blocks.get(), v.get());
      for (std::size_t row = 0; row < batch; ++row) {
        long double size = 1;
        for (std::size_t i = 0; i < n; ++i) {
          size = std::fmax(size, std::fmax(std::fabs(static_cast<long double>(s[row * n + i])),
                                           std::fabs(static_cast<long double>(w[row * n + i]))));
        }
        for (std::size_t i = 0; i < n; ++i) {
          const Real got = v[row * n + i];
          const std::int64_t id = blocks[row * n + i];
          if (std::isnan(expected[row][i])) {
            require(std::isnan(got) && id == 0, "NaN row");
            continue;
          }
          const double error = static_cast<double>(std::fabs(got - expected[row][i]) / size);
          if (error > 1e-13 + std::numeric_limits<Real>::epsilon()) {
            std::printf("%s mode %d n %zu kind %d softness %g: ", all.table[t]->name, mode, n, kind,
                        softness);
          }
          require(error <= 1e-13 + std::numeric_limits<Real>::epsilon(), "v", got,
                  static_cast<double>(expected[row][i]));
          worst = std::fmax(worst, error);
          require(i == 0 ? id == 0 : id == blocks[row * n + i - 1] || id == blocks[row * n + i - 1] + 1,
                  "numbers that rise by one");
          if (i > 0 && id == blocks[row * n + i - 1]) {
            require(got == v[row * n + i - 1], "one level a block");
          }
        }
      }
    }
  }
  std::printf("%s: v %.1e\n", type_name<Real>(), worst);
}

int main() {
  test<float>();
  test<double>();
}
