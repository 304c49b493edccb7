// Times each kernel alone on one thread and prints one line for each instruction set:
//   instruction set, kernel, size, milliseconds, goal
#include <algorithm>
#include <cmath>
#include <cstring>

#include "timing.h"

using namespace softonnx;

static void softsort(const KernelTable& table, std::size_t batch, std::size_t n, int mode,
                     const char* name, const char* size, double goal, double grad_goal) {
  const auto keys = bench::squashed<float>(batch * n);
  const auto payload = bench::normals<float>(batch * n);
  const auto dy = bench::normals<float>(batch * n);
  const float softness = 0.1f;
  std::vector<float> y(batch * n), dkeys(batch * n), dpayload(batch * n);
  std::vector<double> dsoftness(batch);
  const auto& kernels = table.float32;
  const double forward = bench::time_of(
      kernels.softsort_values[mode], {keys.data(), payload.data(), &softness, y.data(), n}, batch);
  const double backward =
      bench::time_of(kernels.softsort_values_grad[mode],
                     {keys.data(), payload.data(), &softness, dy.data(), dkeys.data(),
                      dpayload.data(), dsoftness.data(), n},
                     batch);
  char label[64];
  std::snprintf(label, sizeof label, "softsort %s", name);
  bench::row(table.name, label, size, forward, goal);
  std::snprintf(label, sizeof label, "softsort %s gradient", name);
  bench::row(table.name, label, size, backward, grad_goal);
  const double ranks = bench::time_of(kernels.softsort_ranks[mode],
                                      {keys.data(), nullptr, &softness, y.data(), n}, batch);
  std::snprintf(label, sizeof label, "rank %s", name);
  bench::row(table.name, label, size, ranks, goal);
}

static void neuralsort(const KernelTable& table, std::size_t batch, std::size_t n, int mode,
                       const char* name, const char* size, double goal, double grad_goal) {
  const auto keys = bench::squashed<float>(batch * n);
  const auto payload = bench::normals<float>(batch * n);
  const auto dy = bench::normals<float>(batch * n);
  const float softness = 0.1f;
  std::vector<float> y(batch * n), dkeys(batch * n), dpayload(batch * n);
  std::vector<double> dsoftness(batch);
  const auto& kernels = table.float32;
  char label[64];
  std::snprintf(label, sizeof label, "neuralsort %s", name);
  bench::row(table.name, label, size,
             bench::time_of(kernels.neuralsort_values[mode],
                            {keys.data(), payload.data(), &softness, y.data(), nullptr, n}, batch),
             goal);
  std::snprintf(label, sizeof label, "neuralsort %s gradient", name);
  bench::row(table.name, label, size,
             bench::time_of(kernels.neuralsort_values_grad[mode],
                            {keys.data(), payload.data(), &softness, dy.data(), dkeys.data(),
                             dpayload.data(), dsoftness.data(), n},
                            batch),
             grad_goal);
}

static void curve(const KernelTable& table, CurveKind kind, int mode, std::size_t n,
                  const char* name, const char* size, double goal, double grad_goal) {
  const auto x = bench::normals<float>(n);
  const auto dy = bench::normals<float>(n);
  std::vector<float> y(n);
  const std::size_t chunks = (n + kCurveChunk - 1) / kCurveChunk;
  for (const int part : {0, 1}) {
    const CurveRows<float> rows{x.data(), part ? dy.data() : nullptr, y.data(), nullptr, 0.1f, 5,
                                n};
    const auto kernel = table.float32.curves[static_cast<int>(kind)][part][mode];
    const double time = bench::milliseconds([&] { kernel(rows, 0, chunks); });
    char label[64];
    std::snprintf(label, sizeof label, part ? "%s gradient" : "%s", name);
    bench::row(table.name, label, size, time, part ? grad_goal : goal);
  }
}

static void adam(const KernelTable& table, std::size_t n, const char* size) {
  const auto g = bench::normals<float>(n);
  std::vector<float> w(n), m(n), s(n, 1), next(n), next_m(n), next_s(n);
  const AdamRows<float> rows{w.data(), g.data(), m.data(), s.data(), 1e-3f, 1, 0.1f, 0.999f, 1e-3f,
                             1e-8f, 0, Decay::none, next.data(), next_m.data(), next_s.data(), n};
  const std::size_t chunks = (n + kStepChunk - 1) / kStepChunk;
  bench::row(table.name, "adam", size,
             bench::milliseconds([&] { table.float32.adam(rows, 0, chunks); }), 0);
}

static void network(const KernelTable& table, std::size_t batch, std::size_t n, const char* size,
                    double goal, double grad_goal) {
  const auto x = bench::normals<float>(batch * n);
  const auto dy = bench::normals<float>(batch * n);
  const float softness = 0.1f;
  std::vector<float> y(batch * n);
  std::vector<double> dsoftness(batch);
  for (const bool gradient : {false, true}) {
    const auto& kernel =
        (gradient ? table.float32.network_values_grad : table.float32.network_values)[0];
    const bench::Block block(kernel.scratch(n));
    const std::size_t group = kernel.group(n);
    const NetworkRows<float> rows{x.data(),         &softness, dy.data(), y.data(),
                                  dsoftness.data(), batch,     n};
    const double time = bench::milliseconds(
        [&] { kernel.run(rows, 0, (batch + group - 1) / group, block.get()); });
    bench::row(table.name, gradient ? "network smooth gradient" : "network smooth", size, time,
               gradient ? grad_goal : goal);
  }
}

static void permutation(const KernelTable& table, std::size_t n, const char* size, double goal,
                        double grad_goal) {
  const auto x = bench::normals<float>(n);
  const auto dy = bench::normals<float>(n);
  const auto dp = bench::normals<float>(n * n);
  const float softness = 0.1f;
  std::vector<float> y(n), p(n * n);
  double dsoftness = 0;
  const NetworkPermutationRows<float> rows{x.data(), &softness, dy.data(), dp.data(),
                                           y.data(), p.data(),  &dsoftness, n};
  bench::row(table.name, "network permutation", size,
             bench::time_of(table.float32.network_permutation[0], rows, 1), goal);
  bench::row(table.name, "network permutation gradient", size,
             bench::time_of(table.float32.network_permutation_grad[0], rows, 1), grad_goal);
}

// Of sorted keys, as the projection onto the permutahedron asks for it; sorting not included.
static void isotonic(const KernelTable& table, std::size_t batch, std::size_t n, int mode,
                     double softness, const char* name, const char* size, double goal) {
  auto s = bench::normals<float>(batch * n);
  std::vector<float> w(batch * n), v(batch * n);
  std::vector<std::int64_t> blocks(batch * n);
  for (std::size_t row = 0; row < batch; ++row) {
    float* const own = s.data() + row * n;
    std::sort(own, own + n, [](float a, float b) { return a > b; });
    for (std::size_t i = 0; i < n; ++i) {
      own[i] = static_cast<float>(own[i] / softness);
      w[row * n + i] = static_cast<float>(n - i);
    }
  }
  const double time = bench::time_of(table.float32.isotonic[mode],
                                     {s.data(), w.data(), blocks.data(), v.data(), n}, batch);
  bench::row(table.name, name, size, time, goal);
}

// Standardised. The goals with gradient are those of forward and backward together.
static void fast_sort(const KernelTable& table, std::size_t batch, std::size_t n, int mode,
                      bool ranks, const char* name, const char* size, double goal,
                      double both_goal) {
  const auto x = bench::normals<float>(batch * n);
  const auto dy = bench::normals<float>(batch * n);
  std::vector<float> y(batch * n), dx(batch * n);
  std::vector<std::int64_t> order(batch * n), blocks(batch * n);
  std::vector<double> v(batch * n), dsoftness(batch);
  const double softness = 0.1;
  double* const levels = mode > 1 ? v.data() : nullptr;
  const auto& own = table.float32;
  const FastSortRows<float> alone{x.data(), &softness, true, y.data(), nullptr, nullptr, nullptr, n};
  FastSortRows<float> kept = alone;
  kept.order = order.data(), kept.blocks = blocks.data(), kept.v = levels;
  const FastSortGradRows<float> back{x.data(), &softness, true,      order.data(), blocks.data(),
                                     levels,   dy.data(), dx.data(), dsoftness.data(), n};
  const auto& forward = (ranks ? own.fast_ranks : own.fast_sort)[mode];
  const auto& backward = (ranks ? own.fast_ranks_grad : own.fast_sort_grad)[mode];
  char label[64];
  std::snprintf(label, sizeof label, "fast %s %s", ranks ? "ranks" : "sort", name);
  bench::row(table.name, label, size, bench::time_of(forward, alone, batch), goal);
  std::snprintf(label, sizeof label, "fast %s %s with gradient", ranks ? "ranks" : "sort", name);
  const bench::Block block(forward.scratch(n));
  const double both = bench::milliseconds([&] {
    forward.run(kept, 0, batch, block.get());
    backward.run(back, 0, batch, block.get());
  });
  bench::row(table.name, label, size, both, both_goal);
}

// From squashed normal numbers to `m` anchors; to 1e-12.
static void transport(const KernelTable& table, std::size_t batch, std::size_t n, std::size_t m,
                      int mode, double softness, const char* name, const char* size, double goal) {
  const auto x = bench::squashed<double>(batch * n);
  std::vector<double> cost(batch * n * m), a(n, 1.0 / n), b(m, 1.0 / m);
  std::vector<double> f(batch * n), g(batch * m), residual(batch);
  std::vector<std::int64_t> steps(batch);
  for (std::size_t i = 0; i < batch * n; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      const double anchor = m == 1 ? 0 : static_cast<double>(j) / (m - 1);
      cost[i * m + j] = (x[i] - anchor) * (x[i] - anchor);
    }
  }
  const auto& kernel = table.transport[mode];
  const bench::Block block(kernel.scratch(n, m));
  const TransportRows rows{cost.data(), a.data(), 0,        b.data(),     0,
                           softness,    1e-12,    200,      f.data(),     g.data(),
                           steps.data(), residual.data(), n, m};
  const double time = bench::milliseconds([&] { kernel.run(rows, 0, batch, block.get()); });
  bench::row(table.name, name, size, time, goal);
}

// The linear solve of the gradient, with the weights of a dense plan.
static void transport_solve(const KernelTable& table, std::size_t batch, std::size_t n,
                            std::size_t m, const char* size, double goal) {
  const auto x = bench::squashed<double>(batch * n);
  std::vector<double> w(batch * n * m), u(batch * n), v(batch * m);
  std::vector<double> s(batch * m, 0.1);
  for (std::size_t i = 0; i < batch * n; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      const double away = x[i] - static_cast<double>(j) / m;
      w[i * m + j] = std::exp(-10 * away * away) / (n + m);
    }
  }
  const auto& kernel = table.transport_solve;
  const bench::Block block(kernel.scratch(n, m));
  const TransportSolveRows rows{w.data(), x.data(), s.data(), u.data(), v.data(), n, m};
  const double time = bench::milliseconds([&] { kernel.run(rows, 0, batch, block.get()); });
  bench::row(table.name, "transport solve", size, time, goal);
}

static void run(const KernelTable& table, const char* only) {
  const auto wanted = [&](const char* name) { return !only || std::strstr(name, only); };
  if (wanted("softsort")) {
    softsort(table, 1, 1024, 0, "smooth", "1x1024", 0.014, 0.022);
    softsort(table, 1, 4096, 0, "smooth", "1x4096", 0.05, 0.09);
    softsort(table, 128, 128, 0, "smooth", "128x128", 0.26, 0.4);
    softsort(table, 1, 1024, 1, "c0", "1x1024", 0.06, 0.12);
    softsort(table, 1, 4096, 1, "c0", "1x4096", 0.2, 0.6);
    softsort(table, 1, 4096, 2, "c1", "1x4096", 0.5, 1.9);
    softsort(table, 1, 4096, 3, "c2", "1x4096", 0.7, 3.1);
    softsort(table, 128, 128, 1, "c0", "128x128", 1.9, 2.2);
  }
  if (wanted("neuralsort")) {
    // The goals with gradient are those of forward and backward together.
    neuralsort(table, 1, 1024, 0, "smooth", "1x1024", 0.4, 0.8);
    neuralsort(table, 1, 4096, 0, "smooth", "1x4096", 4.7, 10);
    neuralsort(table, 128, 128, 0, "smooth", "128x128", 2.1, 3.9);
    neuralsort(table, 1, 1024, 1, "c0", "1x1024", 0, 0);
    neuralsort(table, 1, 1024, 2, "c1", "1x1024", 0, 0);
    neuralsort(table, 1, 1024, 3, "c2", "1x1024", 0, 0);
  }
  if (wanted("curves")) {
    const std::size_t million = std::size_t{1} << 20;
    curve(table, CurveKind::abs, 0, million, "abs smooth", "1M", 0.6, 0.8);
    curve(table, CurveKind::relu, 0, million, "relu smooth", "1M", 0.8, 0.6);
    curve(table, CurveKind::step, 1, million, "sigmoidal c0", "1M", 0.11, 0.25);
    curve(table, CurveKind::step, 3, million, "sigmoidal c2", "1M", 0.2, 0.2);
    curve(table, CurveKind::round, 0, million / 4, "round smooth", "256k", 0.6, 0.9);
  }
  if (wanted("adam")) adam(table, std::size_t{1} << 20, "1M");
  if (wanted("network")) {
    network(table, 1, 1024, "1x1024", 0.03, 0.05);
    network(table, 1, 16384, "1x16384", 0.75, 1.2);
    network(table, 128, 128, "128x128", 0.32, 0.5);
    permutation(table, 1024, "1x1024", 1.4, 6.5);
  }
  if (wanted("transport")) {
    transport(table, 1, 64, 64, 0, 0.1, "transport smooth", "64x64", 0.04);
    transport(table, 1, 256, 256, 0, 0.1, "transport smooth", "256x256", 0.45);
    transport(table, 16, 64, 64, 0, 0.1, "transport smooth", "16x64x64", 0.6);
    transport(table, 1, 256, 256, 0, 0.01, "transport smooth, softness 0.01", "256x256", 0);
    transport(table, 1, 256, 256, 0, 0.001, "transport smooth, softness 0.001", "256x256", 0);
    // The goals are what those with gradient leave beside the forward ones.
    transport_solve(table, 1, 64, 64, "64x64", 0.03);
    transport_solve(table, 1, 256, 256, "256x256", 1.05);
    transport_solve(table, 16, 64, 64, "16x64x64", 0.7);
    transport(table, 1, 1000, 2, 0, 0.1, "transport smooth", "1000x2", 0.0174);
    transport(table, 1, 200, 11, 0, 0.1, "transport smooth", "200x11", 0.0187);
    transport(table, 1, 64, 64, 1, 0.1, "transport c0", "64x64", 0.4);
    transport(table, 1, 256, 256, 1, 0.1, "transport c0", "256x256", 18);
    transport(table, 1, 1000, 2, 1, 0.1, "transport c0", "1000x2", 0.477);
    transport(table, 1, 200, 11, 1, 0.1, "transport c0", "200x11", 0.892);
    transport(table, 1, 256, 256, 2, 0.1, "transport c1", "256x256", 0);
    transport(table, 1, 256, 256, 3, 0.1, "transport c2", "256x256", 0);
  }
  if (wanted("fast")) {
    for (const bool ranks : {false, true}) {
      fast_sort(table, 1, 1024, 1, ranks, "c0", "1x1024", 0.013, 0.018);
      fast_sort(table, 1, 16384, 1, ranks, "c0", "1x16384", 0.18, 0.26);
      fast_sort(table, 128, 128, 1, ranks, "c0", "128x128", 0.22, 0.28);
      fast_sort(table, 1, 1024, 0, ranks, "smooth", "1x1024", 0.015, 0.021);
      fast_sort(table, 1, 16384, 0, ranks, "smooth", "1x16384", 0.22, 0.31);
      fast_sort(table, 1, 1024, 2, ranks, "c1", "1x1024", 0, 0);
      fast_sort(table, 1, 1024, 3, ranks, "c2", "1x1024", 0, 0);
    }
  }
  if (wanted("isotonic")) {
    isotonic(table, 1, 1024, 0, 0.1, "isotonic smooth", "1x1024", 0.008);
    isotonic(table, 1, 1024, 1, 0.1, "isotonic c0", "1x1024", 0.005);
    isotonic(table, 1, 1024, 2, 0.1, "isotonic c1", "1x1024", 0);
    isotonic(table, 1, 1024, 3, 0.1, "isotonic c2", "1x1024", 0);
    isotonic(table, 1, 16384, 0, 0.1, "isotonic smooth", "1x16384", 0.11);
    isotonic(table, 1, 16384, 1, 0.1, "isotonic c0", "1x16384", 0.07);
    isotonic(table, 1, 16384, 2, 0.1, "isotonic c1", "1x16384", 0);
    isotonic(table, 1, 16384, 3, 0.1, "isotonic c2", "1x16384", 0);
    isotonic(table, 1, 1024, 1, 1e-3, "isotonic c0, softness 1e-3", "1x1024", 0.005);
    isotonic(table, 1, 1024, 2, 1e-3, "isotonic c1, softness 1e-3", "1x1024", 0);
  }
}

// kernels [part of a family] [instruction set, or all; the best by default]
int main(int count, char** arguments) {
  const KernelTables all = runnable_kernels();
  const char* const wanted = count > 2 ? arguments[2] : all.table[all.count - 1]->name;
  for (std::size_t i = all.count; i-- > 0;) {
    const bool own = std::strcmp(wanted, "all") == 0 || std::strcmp(wanted, all.table[i]->name) == 0;
    if (own) run(*all.table[i], count > 1 ? arguments[1] : nullptr);
  }
}
