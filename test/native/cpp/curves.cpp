// The soft elementwise curves, their slopes and their derivatives by the softness, and the optimizer
// steps, against long double, for every instruction set, over sizes, softnesses and hostile numbers.
#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::CurveKind;
using softonnx::KernelTable;

struct Truth {
  long double value, slope, by_softness;
};

// The step and its slope.
static Truth step(int mode, long double x, long double t) {
  if (mode == 0) {
    const long double e = std::exp(-std::fabs(x / t));
    const long double slope = e / ((1 + e) * (1 + e)) / t;
    return {x > 0 ? 1 / (1 + e) : e / (1 + e), slope, -x * slope / t};
  }
  const long double v = std::fmax(-1, std::fmin(1, x / (5 * t)));
  const long double w = (v + 1) / 2, bump = 1 - v * v;
  const bool inside = std::fabs(x / (5 * t)) <= 1;
  const long double value = mode == 1   ? w
                            : mode == 2 ? w * w * (3 - 2 * w)
                                        : w * w * w * (10 - 15 * w + 6 * w * w);
  const long double odd = !inside ? 0 : mode == 1 ? 1 : mode == 2 ? 1.5L * bump
                                                                  : 1.875L * bump * bump;
  return {value, odd / (10 * t), -x * odd / (10 * t) / t};
}

static Truth ramp(int mode, long double x, long double t) {
  const Truth s = step(mode, x, t);
  if (mode == 0) {
    const long double y = std::fmax(x, 0) + t * std::log1p(std::exp(-std::fabs(x / t)));
    const long double z = std::fabs(x / t), e = std::exp(-z);
    return {y, s.value, std::log1p(e) + z * e / (1 + e)};
  }
  const long double w = std::fmax(0, std::fmin(1, x / (10 * t) + 0.5L));
  if (w >= 1) return {x, 1, 0};
  const long double bend = mode == 1   ? w * w
                           : mode == 2 ? w * w * w * (2 - w)
                                       : w * w * w * w * (5 - 6 * w + 2 * w * w);
  return {5 * t * bend, s.value, 5 * bend - x / t * s.value};
}

static Truth truth(CurveKind kind, int mode, long double x, long double t, int radius) {
  const Truth s = step(mode, x, t);
  switch (kind) {
    case CurveKind::step: return s;
    case CurveKind::sign:
      return {mode == 0 ? std::tanh(x / (2 * t)) : 2 * s.value - 1, 2 * s.slope,
              2 * s.by_softness};
    case CurveKind::abs: {
      const long double odd = mode == 0 ? std::tanh(x / (2 * t)) : 2 * s.value - 1;
      return {x * odd, odd + 2 * x * s.slope, 2 * x * s.by_softness};
    }
    case CurveKind::relu: return ramp(mode, x, t);
    case CurveKind::gated: return {x * s.value, s.value + x * s.slope, x * s.by_softness};
    case CurveKind::round: break;
  }
  const long double center = std::floor(x);
  Truth result{0, 0, 0};
  for (int o = -radius; o <= radius + 1; ++o) {
    const Truth w = step(mode, x - center - (o - 0.5L), t);
    const long double number = o == -radius       ? center - radius
                               : o == radius + 1 ? -center - radius
                                                 : 1;
    result.value += number * w.value;
    result.slope += number * w.slope;
    result.by_softness += number * w.by_softness;
  }
  return result;
}

// Where a curve has a corner, rounding decides on which side an entry is.
static bool at_corner(CurveKind kind, int mode, double x, double t) {
  if (mode == 0) return false;
  const auto near = [&](double d) { return std::fabs(std::fabs(d) / (5 * t) - 1) < 1e-5; };
  if (kind != CurveKind::round) return near(x);
  for (int o = -8; o <= 9; ++o) {
    if (near(x - std::floor(x) - (o - 0.5))) return true;
  }
  return false;
}

struct Worst {
  double value, slope, by_softness;
};

template <class Real>
static void compare(const KernelTable& table, Worst& worst) {
  const auto& curves = softonnx::kernels_for<Real>(table).curves;
  const double eps = std::numeric_limits<Real>::epsilon();
  for (int round = 0; round < 480; ++round) {
    const int mode = round % 4;
    const auto kind = static_cast<CurveKind>(round / 4 % 6);
    const std::size_t n = round % 97 == 0 ? 4097 + below(300) : below(70);
    const Real t = static_cast<Real>(std::exp(uniform(-5, 3)));
    const double size = below(3) ? std::exp(uniform(-8, 3)) : static_cast<double>(t);
    const int radius = static_cast<int>(below(8));
    Exactly<Real> x(n), dy(n), y(n), dx(n);
    for (std::size_t i = 0; i < n; ++i) {
      do x[i] = static_cast<Real>(size * normal());
      while (at_corner(kind, mode, static_cast<double>(x[i]), static_cast<double>(t)));
      dy[i] = static_cast<Real>(normal());
    }
    const std::size_t chunks = (n + softonnx::kCurveChunk - 1) / softonnx::kCurveChunk;
    Exactly<double> sums(chunks);
    const auto& own = curves[static_cast<int>(kind)];
    own[0][mode]({x.get(), nullptr, y.get(), nullptr, t, radius, n}, 0, chunks);
    own[1][mode]({x.get(), dy.get(), dx.get(), nullptr, t, radius, n}, 0, chunks);
    own[2][mode]({x.get(), dy.get(), nullptr, sums.get(), t, radius, n}, 0, chunks);
    long double total = 0, sizes = 1;
    double found = 0;
    for (std::size_t i = 0; i < chunks; ++i) found += sums[i];
    for (std::size_t i = 0; i < n; ++i) {
      const Truth expected = truth(kind, mode, x[i], t, radius);
      const double scale = 1 + std::fabs(static_cast<double>(x[i])) +
                           std::fabs(static_cast<double>(expected.value));
      const double error = static_cast<double>(std::fabs(y[i] - expected.value)) / scale;
      // A slope is of the order of 1 / t, and of numbers in round.
      const double steep = scale * (1 + 1 / static_cast<double>(t)) *
                           (kind == CurveKind::round ? radius + 1 : 1);
      const double slope_error =
          static_cast<double>(std::fabs(dx[i] - expected.slope * dy[i])) / steep / 4;
      require(error <= 16 * eps, "value", y[i], static_cast<double>(expected.value));
      require(slope_error <= 2 * eps, "slope", dx[i], static_cast<double>(expected.slope * dy[i]));
      worst.value = std::fmax(worst.value, error / eps);
      worst.slope = std::fmax(worst.slope, slope_error / eps);
      total += expected.by_softness * dy[i];
      sizes += steep * (1 + 1 / static_cast<double>(t)) * scale;
    }
    const double error = static_cast<double>(std::fabs(found - total) / sizes);
    require(error <= eps, "by softness", found, static_cast<double>(total));
    worst.by_softness = std::fmax(worst.by_softness, error / eps);
  }
}

// NaN stays NaN, and everything ends.
template <class Real>
static void test_hostile(const KernelTable& table) {
  const Real inf = std::numeric_limits<Real>::infinity();
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const Real max = std::numeric_limits<Real>::max();
  const Real numbers[] = {nan, inf, -inf, max, -max, std::numeric_limits<Real>::denorm_min(), -0.0,
                          1};
  const Real softnesses[] = {nan, 0, -1, inf, max, std::numeric_limits<Real>::min(), 1};
  const std::size_t n = 8;
  Exactly<Real> x(n), dy(n), y(n);
  Exactly<double> sums(1);
  for (std::size_t i = 0; i < n; ++i) x[i] = numbers[i], dy[i] = 1;
  for (const auto& kind : softonnx::kernels_for<Real>(table).curves) {
    for (const Real t : softnesses) {
      for (int mode = 0; mode < 4; ++mode) {
        kind[2][mode]({x.get(), dy.get(), nullptr, sums.get(), t, 2, n}, 0, 1);
        kind[1][mode]({x.get(), dy.get(), y.get(), nullptr, t, 2, n}, 0, 1);
        kind[0][mode]({x.get(), nullptr, y.get(), nullptr, t, 2, n}, 0, 1);
        require(std::isnan(y[0]), "NaN of NaN", y[0]);
        for (std::size_t i = 0; i < n; ++i) {
          require(std::isnan(y[i]) || !std::isnan(t), "NaN of a softness that is NaN", y[i]);
        }
      }
    }
  }
}

template <class Real>
static void test_steps(const KernelTable& table) {
  const auto& kernels = softonnx::kernels_for<Real>(table);
  const double bound = 8 * std::numeric_limits<Real>::epsilon();
  for (int round = 0; round < 120; ++round) {
    const std::size_t n = round == 0 ? 0 : round == 1 ? 5000 : below(60);
    const std::size_t chunks = (n + softonnx::kStepChunk - 1) / softonnx::kStepChunk;
    Exactly<Real> w(n), g(n), m(n), s(n), next(n), next_m(n), next_s(n);
    for (std::size_t i = 0; i < n; ++i) {
      w[i] = static_cast<Real>(normal()), g[i] = static_cast<Real>(normal());
      m[i] = static_cast<Real>(normal()), s[i] = static_cast<Real>(uniform(0.01, 2));
    }
    const Real rate = static_cast<Real>(0.1), root = static_cast<Real>(0.3);
    const Real enter1 = static_cast<Real>(0.1), beta2 = static_cast<Real>(0.99);
    const Real enter2 = static_cast<Real>(0.01), epsilon = static_cast<Real>(1e-8);
    const Real decay = static_cast<Real>(0.7);
    const auto kind = static_cast<softonnx::Decay>(round % 3);
    const bool coupled = kind == softonnx::Decay::coupled;
    const bool decoupled = kind == softonnx::Decay::decoupled;
    kernels.adam({w.get(), g.get(), m.get(), s.get(), rate, root, enter1, beta2, enter2, epsilon,
                  decay, kind, next.get(), next_m.get(), next_s.get(), n},
                 0, chunks);
    const auto check = [&](const char* what, Real got, long double expected) {
      require(std::fabs(static_cast<double>(got - expected)) <=
                  bound * (1 + std::fabs(static_cast<double>(expected))),
              what, got, static_cast<double>(expected));
    };
    for (std::size_t i = 0; i < n; ++i) {
      const long double own = g[i] + (coupled ? static_cast<long double>(decay) * w[i] : 0);
      const long double mean = m[i] + (own - m[i]) * enter1;
      const long double square = static_cast<long double>(beta2) * s[i] + own * own * enter2;
      const long double kept = decoupled ? static_cast<long double>(decay) * w[i] : w[i];
      check("mean", next_m[i], mean);
      check("square", next_s[i], square);
      check("adam", next[i], kept - mean / (std::sqrt(square) / root + epsilon) * rate);
    }
    const bool nesterov = below(2) == 1;
    kernels.momentum({w.get(), g.get(), m.get(), rate, beta2, decay, nesterov,
                      coupled ? kind : softonnx::Decay::none, next.get(), next_m.get(), n},
                     0, chunks);
    for (std::size_t i = 0; i < n; ++i) {
      const long double own = g[i] + (coupled ? static_cast<long double>(decay) * w[i] : 0);
      const long double velocity = static_cast<long double>(beta2) * m[i] + own;
      check("velocity", next_m[i], velocity);
      check("momentum", next[i], w[i] - rate * (nesterov ? own + velocity * beta2 : velocity));
    }
  }
}

template <class Real>
static void test(const KernelTable& table) {
  Worst worst{};
  compare<Real>(table, worst);
  test_hostile<Real>(table);
  test_steps<Real>(table);
  std::printf("%s %s: value %.1f slope %.1f softness %.2f epsilon\n", table.name,
              type_name<Real>(), worst.value, worst.slope, worst.by_softness);
}

int main() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  for (std::size_t i = 0; i < all.count; ++i) {
    test<float>(*all.table[i]);
    test<double>(*all.table[i]);
  }
}
