// Times each kernel alone on one thread and prints one line for each instruction set:
//   instruction set, kernel, size, milliseconds, goal
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
}

int main(int count, char** arguments) {
  const KernelTables all = runnable_kernels();
  for (std::size_t i = all.count; i-- > 0;) run(*all.table[i], count > 1 ? arguments[1] : nullptr);
}
