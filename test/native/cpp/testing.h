// What the programs of this directory share.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

static std::mt19937_64 generator(7);

[[maybe_unused]] static double uniform(double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(generator);
}

[[maybe_unused]] static std::size_t below(std::size_t n) { return generator() % n; }

[[maybe_unused]] static double normal() { return std::normal_distribution<double>()(generator); }

[[maybe_unused]] static void require(bool condition, const char* what, double got = 0,
                                     double expected = 0) {
  if (condition) return;
  std::printf("failed: %s (got %.17g, expected %.17g)\n", what, got, expected);
  std::exit(1);
}

// Allocated to the byte, so that reading past either end is seen.
template <class T>
class Exactly {
 public:
  explicit Exactly(std::size_t n) : data_(new T[n]()), n_(n) {}
  explicit Exactly(const std::vector<T>& values) : Exactly(values.size()) {
    for (std::size_t i = 0; i < n_; ++i) data_[i] = values[i];
  }
  T* get() const { return data_.get(); }
  std::size_t size() const { return n_; }
  T& operator[](std::size_t i) const { return data_[i]; }

 private:
  std::unique_ptr<T[]> data_;
  std::size_t n_;
};

template <class Real>
constexpr const char* type_name() {
  return sizeof(Real) == 4 ? "float32" : "float64";
}
