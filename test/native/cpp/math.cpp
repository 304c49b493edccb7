// exp and log of one instruction set against long double.
#include "testing.h"

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "../../../native/kernels/processor.h"

namespace {
#include "../../../native/kernels/simd.inl"

#include "../../../native/kernels/math.inl"
}  // namespace

template <class Real>
static double units_in_last_place(Real got, long double expected) {
  const Real nearest = std::fabs(static_cast<Real>(expected));
  const Real unit = std::nextafter(nearest, std::numeric_limits<Real>::infinity()) - nearest;
  return static_cast<double>(std::fabs(static_cast<long double>(got) - expected) / unit);
}

static float float_exp(float x) { return exp_in_range(splat(x))[0]; }
static double log_of(double x) { return log_of_normal(splat(x))[0]; }

static void test_exp() {
  double worst = 0;
  double worst_float = 0;
  for (int i = 0; i < 400000; ++i) {
    const double size = std::exp(uniform(-40, 6.5));
    const double x = i % 4 == 0 ? uniform(-708, 709) : i % 4 == 1 ? size : -size;
    if (x > 709) continue;
    worst = std::fmax(worst, units_in_last_place(exp_in_range(x), std::exp(0.0L + x)));
    const auto y = static_cast<float>(x / 8.2);
    if (y > -87) {
      worst_float = std::fmax(worst_float, units_in_last_place(float_exp(y), std::exp(0.0L + y)));
    }
  }
  require(exp_in_range(0.0) == 1, "exp(0)");
  require(exp_in_range(-INFINITY) == 0, "exp(-inf)");
  require(exp_in_range(-709.0) == 0, "exp(-709)");
  require(float_exp(0) == 1, "exp(0) in float");
  require(float_exp(-INFINITY) == 0, "exp(-inf) in float");
  require(worst <= 2, "exp within 2 ulp", worst, 2);
  require(worst_float <= 2, "exp within 2 ulp in float", worst_float, 2);
  std::printf("exp: %.2f ulp, in float %.2f ulp\n", worst, worst_float);
}

static void test_log() {
  double worst = 0;
  for (int i = 0; i < 400000; ++i) {
    const double x = i % 2 ? std::exp(uniform(-700, 700)) : 1 + uniform(-0.5, 1);
    worst = std::fmax(worst, units_in_last_place(log_of(x), std::log(0.0L + x)));
  }
  require(log_of(1) == 0, "log(1)");
  require(worst <= 3, "log within 3 ulp", worst, 3);
  std::printf("log: %.2f ulp\n", worst);
}

// Every operation of simd.inl against the same on numbers.
static void test_vectors() {
  for (int i = 0; i < 1000; ++i) {
    double a[kDoubles], b[kDoubles], c[kDoubles];
    for (std::size_t k = 0; k < kDoubles; ++k) a[k] = below(3) ? uniform(-2, 2) : 0.0, b[k] = uniform(-2, 2);
    const D x = load(a);
    const D y = load(b);
    double total = 0;
    double largest = a[0];
    bool negative = false;
    store(c, select(x < y, x, y * 2.0));
    for (std::size_t k = 0; k < kDoubles; ++k) {
      require(c[k] == (a[k] < b[k] ? a[k] : b[k] * 2), "select");
      require(min(x, y)[k] == std::fmin(a[k], b[k]), "min");
      require(max(x, y)[k] == std::fmax(a[k], b[k]), "max");
      require(abs(x)[k] == std::fabs(a[k]), "abs");
      total += a[k];
      largest = std::fmax(largest, a[k]);
      negative = negative || a[k] < 0;
    }
    require(std::fabs(sum(x) - total) < 1e-14, "sum", sum(x), total);
    require(largest_lane(x) == largest, "largest lane");
    require(any(x < splat(0.0)) == negative, "any");
  }
}

int main() {
#if defined(__AVX512F__)
  const bool runs = softonnx::processor().avx512;
#elif defined(__AVX2__)
  const bool runs = softonnx::processor().avx2;
#else
  const bool runs = true;
#endif
  if (!runs) return std::printf("not on this processor\n"), 0;
  test_vectors();
  test_exp();
  test_log();
}
