// What the benchmark programs share: the time of a call, and a table of rows.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <vector>

#include "../../native/kernels/table.h"

namespace bench {

inline std::mt19937_64 generator(1);

template <class Real>
std::vector<Real> normals(std::size_t n) {
  std::normal_distribution<double> distribution;
  std::vector<Real> result(n);
  for (Real& x : result) x = static_cast<Real>(distribution(generator));
  return result;
}

// Standard normal numbers through the logistic function: the keys that the soft operators make.
template <class Real>
std::vector<Real> squashed(std::size_t n) {
  std::vector<Real> result = normals<Real>(n);
  for (Real& x : result) x = static_cast<Real>(1 / (1 + std::exp(-static_cast<double>(x))));
  return result;
}

// Of the processor, so that what else runs on the machine counts little.
inline double processor_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

// The smallest mean, in milliseconds, of batches within 0.15 s.
template <class Call>
double milliseconds(Call call) {
  const double start = processor_seconds();
  call();
  const double once = processor_seconds() - start;
  const int batch = once > 1e-3 ? 1 : static_cast<int>(1e-3 / (once + 1e-7)) + 1;
  double best = 1e9;
  while (processor_seconds() - start < 0.15) {
    const double begin = processor_seconds();
    for (int i = 0; i < batch; ++i) call();
    const double mean = (processor_seconds() - begin) / batch;
    best = mean < best ? mean : best;
  }
  return best * 1e3;
}

// A goal of 0 is none.
inline void row(const char* isa, const char* kernel, const char* size, double time, double goal) {
  std::printf("%s\t%s\t%s\t%.4g\t%.4g\n", isa, kernel, size, time, goal);
}

class Block {
 public:
  explicit Block(std::size_t bytes) : raw_(std::malloc(bytes + 64)) {}
  ~Block() { std::free(raw_); }
  Block(const Block&) = delete;
  void* get() const {
    return reinterpret_cast<void*>((reinterpret_cast<std::size_t>(raw_) + 63) / 64 * 64);
  }

 private:
  void* raw_;
};

template <class Rows>
double time_of(const softonnx::RowKernel<Rows>& kernel, const Rows& rows, std::size_t batch) {
  const Block block(kernel.scratch(rows.n));
  return milliseconds([&] { kernel.run(rows, 0, batch, block.get()); });
}

}  // namespace bench
