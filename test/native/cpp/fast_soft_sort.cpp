// FastSoftSort, its ranks and their gradients against pooling in long double, for every instruction
// set, over sizes, ties, spreads and hostile numbers.
#include <algorithm>

#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::KernelTable;
using Row = std::vector<long double>;
using Places = std::vector<std::size_t>;

static long double root(int mode, long double x) {
  const long double size = std::fabs(x);
  return std::copysign(mode == 2 ? std::sqrt(size) : std::cbrt(size), x);
}

static long double power(int mode, long double t) {
  return mode == 2 ? t * std::fabs(t) : t * t * t;
}

// The projection of a block, s and w from first to last.
static void project(int mode, const Row& s, const Row& w, std::size_t first, std::size_t last,
                    Row& y) {
  const auto length = static_cast<long double>(last - first + 1);
  long double of_s = 0, of_w = 0, low = INFINITY, high = -INFINITY;
  for (std::size_t i = first; i <= last; ++i) {
    of_s += mode == 0 ? std::exp(s[i] - s[first]) : s[i] - s[first];
    of_w += mode == 0 ? std::exp(w[i] - w[first]) : w[i];
    low = std::fmin(low, s[i] - root(mode, w[i])), high = std::fmax(high, s[i] - root(mode, w[i]));
  }
  if (mode > 1) {
    for (int k = 0; k < 90; ++k) {
      const long double middle = (low + high) / 2;
      long double sum = 0;
      for (std::size_t i = first; i <= last; ++i) sum += power(mode, s[i] - middle);
      (sum > of_w ? low : high) = middle;
    }
  }
  for (std::size_t i = first; i <= last; ++i) {
    const long double near = s[i] - s[first];
    y[i] = first == last ? w[i]
           : mode == 0   ? near + w[first] + std::log(of_w / of_s)
           : mode == 1   ? near + (of_w - of_s) / length
                         : power(mode, s[i] - low);
  }
}

// The level that tells whether two blocks are one.
static long double level(int mode, const Row& s, const Row& w, std::size_t first,
                         std::size_t last) {
  Row y(s.size());
  project(mode, s, w, first, last, y);
  return s[first] - (mode > 1 ? root(mode, y[first]) : y[first]);
}

struct Problem {
  int mode;
  bool ranks, standardized;
  long double softness;
};

struct Scale {
  long double mean = 0, deviation = 1;
};

static Scale scale_of(const Row& x) {
  Scale scale;
  const auto n = static_cast<long double>(x.size());
  for (const long double t : x) scale.mean += t / n;
  long double variance = 1e-6L;
  for (const long double t : x) variance += (t - scale.mean) * (t - scale.mean) / n;
  scale.deviation = std::sqrt(variance);
  return scale;
}

static Row keys_of(const Problem& p, const Row& x) {
  if (!p.standardized) return x;
  const Scale scale = scale_of(x);
  Row keys;
  for (const long double t : x) {
    keys.push_back(1 / (1 + std::exp((scale.mean - t) / scale.deviation)));
  }
  return keys;
}

// The two rows of the isotonic regression.
static void operands(const Problem& p, const Row& keys, const Places& order, Row& s, Row& w) {
  const std::size_t n = keys.size();
  const auto most = static_cast<long double>(n > 2 ? n - 1 : 1);
  s.resize(n), w.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    const long double key = keys[order[i]];
    s[i] = p.ranks ? -key / p.softness : static_cast<long double>(n - 1 - i) / most / p.softness;
    w[i] = p.ranks ? static_cast<long double>(n - i) / most : key;
  }
}

// The result where the order and the last entries of the blocks are given.
static Row evaluate(const Problem& p, const Row& x, const Places& order, const Places& last) {
  const std::size_t n = x.size();
  Row s, w, y(n), result(n);
  operands(p, keys_of(p, x), order, s, w);
  std::size_t first = 0;
  for (const std::size_t end : last) project(p.mode, s, w, first, end, y), first = end + 1;
  const Scale scale = scale_of(x);
  for (std::size_t i = 0; i < n; ++i) {
    if (p.ranks) {
      result[order[i]] = y[i] * static_cast<long double>(n > 2 ? n - 1 : 1);
    } else if (p.standardized) {
      const long double inside = std::fmin(std::fmax(y[i], 1e-10L), 1 - 1e-10L);
      result[n - 1 - i] = std::log(inside / (1 - inside)) * scale.deviation + scale.mean;
    } else {
      result[n - 1 - i] = y[i];
    }
  }
  return result;
}

static Places sorted(const Problem& p, const Row& keys) {
  Places order(keys.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return p.ranks ? keys[a] < keys[b] : keys[a] > keys[b];
  });
  return order;
}

static Row solve(const Problem& p, const Row& x) {
  const Row keys = keys_of(p, x);
  const Places order = sorted(p, keys);
  Row s, w, levels;
  operands(p, keys, order, s, w);
  Places firsts;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::size_t first = i;
    long double own = level(p.mode, s, w, i, i);
    while (!levels.empty() && levels.back() <= own) {
      first = firsts.back();
      firsts.pop_back(), levels.pop_back();
      own = level(p.mode, s, w, first, i);
    }
    firsts.push_back(first), levels.push_back(own);
  }
  Places last;
  for (std::size_t k = 1; k < firsts.size(); ++k) last.push_back(firsts[k] - 1);
  if (!x.empty()) last.push_back(x.size() - 1);
  return evaluate(p, x, order, last);
}

template <class Rows>
static void run(const softonnx::RowKernel<Rows>& kernel, const Rows& rows, std::size_t batch) {
  const std::size_t bytes = kernel.scratch(rows.n);
  // To the byte, and filled with what a kernel must not read.
  void* const raw = std::malloc(bytes + 64);
  std::memset(raw, 0xff, bytes + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(raw);
  kernel.run(rows, 0, batch, reinterpret_cast<void*>((address + 63) / 64 * 64));
  std::free(raw);
}

static double apart(const Row& got, const Row& expected, long double least) {
  long double size = least, error = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    size = std::fmax(size, std::fabs(expected[i]));
    error = std::fmax(error, std::fabs(got[i] - expected[i]));
    if (std::isnan(got[i])) error = INFINITY;
  }
  return static_cast<double>(error / size);
}

struct Worst {
  double y, dx, dsoftness;
};

template <class Real>
static void compare(const KernelTable& table, const Problem& p, std::size_t batch, std::size_t n,
                    const Exactly<Real>& x, const std::vector<Row>& expected, Worst& worst) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  Exactly<Real> y(batch * n), again(batch * n), dy(batch * n), dx(batch * n);
  Exactly<std::int64_t> order(batch * n), blocks(batch * n);
  Exactly<double> v(batch * n), dsoftness(batch), softness(1);
  softness[0] = static_cast<double>(p.softness);
  double* const levels = p.mode > 1 ? v.get() : nullptr;
  const auto& forward = (p.ranks ? kernels.fast_ranks : kernels.fast_sort)[p.mode];
  const double* const tau = softness.get();
  run(forward, {x.get(), tau, p.standardized, y.get(), order.get(), blocks.get(), levels, n}, batch);
  run(forward, {x.get(), tau, p.standardized, again.get(), nullptr, nullptr, nullptr, n}, batch);
  require(std::memcmp(y.get(), again.get(), batch * n * sizeof(Real)) == 0,
          "what is kept changes nothing");
  for (std::size_t i = 0; i < batch * n; ++i) dy[i] = static_cast<Real>(normal());
  const auto& backward = (p.ranks ? kernels.fast_ranks_grad : kernels.fast_sort_grad)[p.mode];
  run(backward,
      {x.get(), tau, p.standardized, order.get(), blocks.get(), levels, dy.get(), dx.get(),
       dsoftness.get(), n},
      batch);
  for (std::size_t row = 0; row < batch; ++row) {
    const auto own = [&](const auto& all) {
      return Row(all.get() + row * n, all.get() + (row + 1) * n);
    };
    const Row entries = own(x), cotangent = own(dy);
    if (n > 0 && std::isnan(expected[row][0])) {
      for (std::size_t i = row * n; i < (row + 1) * n; ++i) {
        require(std::isnan(y[i]) && std::isnan(dx[i]) && blocks[i] == 0, "NaN row");
        require(order[i] == static_cast<std::int64_t>(i - row * n), "its order is any");
      }
      require(std::isnan(dsoftness[row]), "NaN softness cotangent");
      continue;
    }
    worst.y = std::fmax(worst.y, apart(own(y), expected[row], 1));
    // Of the solution that the kernel found, by differences.
    Places places, last;
    for (std::size_t i = row * n; i < (row + 1) * n; ++i) {
      places.push_back(static_cast<std::size_t>(order[i]));
      if (i + 1 == (row + 1) * n || blocks[i + 1] != blocks[i]) last.push_back(i - row * n);
    }
    Places all = places;
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < n; ++i) require(all[i] == i, "a permutation");
    const auto total = [&](const Problem& problem, const Row& at) {
      const Row found = evaluate(problem, at, places, last);
      long double sum = 0;
      for (std::size_t i = 0; i < n; ++i) sum += cotangent[i] * found[i];
      return sum;
    };
    const long double spread = scale_of(entries).deviation;
    Row slopes;
    for (std::size_t i = 0; i < n; ++i) {
      // In mode c1 the second derivative jumps.
      const long double step = (p.mode == 2 ? 1e-8L : 1e-6L) * (p.standardized ? spread : 1);
      Row up = entries, down = entries;
      up[i] += step, down[i] -= step;
      slopes.push_back((total(p, up) - total(p, down)) / (2 * step));
    }
    worst.dx = std::fmax(worst.dx, apart(own(dx), slopes, 1));
    Problem more = p, less = p;
    more.softness *= 1 + 2e-5L, less.softness *= 1 - 2e-5L;
    const long double change = (total(more, entries) - total(less, entries)) / (4e-5L * p.softness);
    // What it is made of may be larger than it is.
    worst.dsoftness = std::fmax(
        worst.dsoftness, apart({dsoftness[row]}, {change}, std::fmax(1, 1 / p.softness)));
  }
}

template <class Real>
static void test() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  std::vector<Worst> worst(all.count);
  for (int round = 0; round < 240; ++round) {
    const Problem p{round % 4, round / 4 % 2 == 1, round / 8 % 2 == 1, std::exp(uniform(-5, 2))};
    const std::size_t n = round % 60 == 17 ? 60 + below(40) : below(18);
    const std::size_t batch = below(3);
    const int kind = static_cast<int>(below(4));
    Exactly<Real> x(batch * n);
    for (std::size_t i = 0; i < batch * n; ++i) {
      double entry = normal();
      if (kind == 1) entry = std::floor(3 * entry) * 0.25;  // ties, -0.0 among them
      if (kind == 2) entry = 1000.3 + entry;
      x[i] = static_cast<Real>(below(20) ? entry : -0.0);
    }
    const bool spoil = round % 9 == 0 && batch * n > 0;
    if (spoil) x[below(n)] = below(2) ? NAN : -INFINITY;
    std::vector<Row> expected;
    for (std::size_t row = 0; row < batch; ++row) {
      const Row entries(x.get() + row * n, x.get() + (row + 1) * n);
      expected.push_back(spoil && row == 0 ? Row(n, NAN) : solve(p, entries));
    }
    for (std::size_t t = 0; t < all.count; ++t) {
      compare(*all.table[t], p, batch, n, x, expected, worst[t]);
    }
  }
  const double most = sizeof(Real) == 4 ? 3e-7 : 1e-9;
  for (std::size_t t = 0; t < all.count; ++t) {
    const auto [y, dx, dsoftness] = worst[t];
    std::printf("%s %s: y %.2g, dx %.2g, dsoftness %.2g\n", all.table[t]->name, type_name<Real>(), y,
                dx, dsoftness);
    require(y < most, "y", y);
    require(dx < 3e-7, "dx", dx);
    require(dsoftness < 1e-8, "dsoftness", dsoftness);
  }
}

// Long rows are sorted stably whatever their entries' magnitudes, and come back as they are where the
// softness is next to nothing.
template <class Real>
static void test_long_rows(std::size_t n, int kind) {
  Exactly<Real> x(n), y(n);
  Exactly<std::int64_t> order(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double entry = normal();
    x[i] = static_cast<Real>(kind == 0   ? entry
                             : kind == 1 ? std::floor(20 * entry)
                             : kind == 2 ? (i == n / 2 ? 1e30 : entry)
                             : kind == 3 ? entry * std::exp(uniform(-60, 60))
                                         : 4e-310 * entry);
  }
  const Exactly<double> softness(std::vector<double>{1e-60});
  const Problem p{1, false, false, 0};
  const Places expected = sorted(p, Row(x.get(), x.get() + n));
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  for (std::size_t t = 0; t < all.count; ++t) {
    run(softonnx::kernels_for<Real>(*all.table[t]).fast_sort[1],
        {x.get(), softness.get(), false, y.get(), order.get(), nullptr, nullptr, n}, 1);
    for (std::size_t i = 0; i < n; ++i) {
      require(static_cast<std::size_t>(order[i]) == expected[i], "order", kind);
      require(y[n - 1 - i] == x[expected[i]], "value", kind);
    }
  }
}

int main() {
  test<float>();
  test<double>();
  for (int kind = 0; kind < 5; ++kind) {
    for (const std::size_t n : {23u, 24u, 700u, 4097u, 20000u}) {
      test_long_rows<float>(n, kind);
      test_long_rows<double>(n, kind);
    }
  }
  test_long_rows<float>(70000, 0);
}
