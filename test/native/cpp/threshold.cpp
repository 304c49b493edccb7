// The simplex threshold against bisection in long double, for every instruction set.
#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::Projection;

static long double phi(Projection projection, long double r) {
  if (projection == Projection::smooth) return std::exp(r);
  if (r <= 0) return 0;
  return projection == Projection::c0 ? r : projection == Projection::c1 ? r * r : r * r * r;
}

static long double gap(Projection projection, long double mass) {
  return projection == Projection::smooth ? 1
         : projection == Projection::c0   ? mass
         : projection == Projection::c1   ? std::sqrt(mass)
                                          : std::cbrt(mass);
}

// The root by bisection, relative to the largest entry and in units of the gap.
template <class Real>
static long double bisect(Projection projection, const Real* v, std::size_t n, long double mass) {
  long double largest = -INFINITY;
  for (std::size_t j = 0; j < n; ++j) {
    if (!(v[j] < std::numeric_limits<Real>::infinity())) return NAN;
    if (v[j] > largest) largest = v[j];
  }
  if (!(mass > 0) || std::isinf(largest)) return NAN;
  const bool smooth = projection == Projection::smooth;
  const long double scale = gap(projection, mass);
  const long double target = smooth ? mass : 1;
  long double low = smooth ? -std::log(mass) - 1 : -1 - 1e-9L;
  long double high = smooth ? low + std::log(static_cast<long double>(n)) + 2 : 0;
  for (int i = 0; i < 120; ++i) {
    const long double middle = (low + high) / 2;
    long double sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += phi(projection, (v[j] - largest) / scale - middle);
    (sum > target ? low : high) = middle;
  }
  return largest + scale * low;
}

template <class Real>
static std::vector<Real> random_row(std::size_t n) {
  std::vector<Real> row(n);
  const double spread = std::exp(uniform(-12, 6));
  const double centre = uniform(-1, 1) * std::exp(uniform(-5, 5));
  const int kind = static_cast<int>(uniform(0, 5));
  for (Real& x : row) {
    double value = centre + spread * uniform(-1, 1);
    if (kind == 1) value = centre;                                      // all tied
    if (kind == 2) value = std::floor(uniform(0, 4));                   // few values
    if (kind == 3 && uniform(0, 1) < 0.3) value = -INFINITY;            // without mass
    if (kind == 4) value *= std::exp(uniform(-60, 60));                 // of every size
    x = static_cast<Real>(value);
  }
  return row;
}

template <class Real>
static void test_threshold(const softonnx::KernelTable& table) {
  const Real specials[] = {std::numeric_limits<Real>::quiet_NaN(),
                           std::numeric_limits<Real>::infinity(),
                           -std::numeric_limits<Real>::infinity(),
                           std::numeric_limits<Real>::max(),
                           std::numeric_limits<Real>::lowest(),
                           std::numeric_limits<Real>::denorm_min(),
                           Real(-0.0),
                           Real(0)};
  double worst = 0;
  for (int round = 0; round < 1200; ++round) {
    const auto projection = static_cast<Projection>(round % 4);
    const std::size_t n = round % 50 == 0 ? 1 + round : static_cast<std::size_t>(uniform(0, 70));
    const std::size_t batch = static_cast<std::size_t>(uniform(0, 4));
    const bool one_mass = round % 3 == 0;
    // Allocated to the byte, so that reading past either end is seen.
    const std::unique_ptr<Real[]> v(new Real[batch * n]);
    const std::unique_ptr<Real[]> mass(new Real[one_mass ? 1 : batch]);
    const std::unique_ptr<Real[]> t(new Real[batch]);
    for (std::size_t row = 0; row < batch; ++row) {
      std::vector<Real> values = random_row<Real>(n);
      if (round % 7 == 0) {
        for (Real& x : values) {
          if (uniform(0, 1) < 0.1) x = specials[static_cast<std::size_t>(uniform(0, 8))];
        }
      }
      if (n > 0) std::memcpy(v.get() + row * n, values.data(), n * sizeof(Real));
    }
    for (std::size_t i = 0; i < (one_mass ? 1 : batch); ++i) {
      mass[i] = static_cast<Real>(std::exp(uniform(-30, 30)));
      if (round % 11 == 0) mass[i] = specials[static_cast<std::size_t>(uniform(0, 8))];
    }
    const softonnx::ThresholdRows<Real> rows{v.get(), mass.get(), one_mass ? std::size_t{0} : 1,
                                             t.get(), n};
    softonnx::kernels_for<Real>(table).threshold[round % 4](rows, 0, batch);
    for (std::size_t row = 0; row < batch; ++row) {
      const Real* values = v.get() + row * n;
      const Real weight = mass[one_mass ? 0 : row];
      const long double expected = bisect(projection, values, n, weight);
      if (std::isnan(expected)) {
        require(std::isnan(t[row]), "NaN", t[row], NAN);
        continue;
      }
      if (std::isinf(weight)) {
        require(t[row] == -INFINITY, "-inf", t[row], -INFINITY);
        continue;
      }
      long double size = std::fabs(expected);
      for (std::size_t j = 0; j < n; ++j) {
        const long double x = values[j];
        if (x > expected) size = std::fmax(size, std::fabs(x));
      }
      if (projection == Projection::smooth) {
        size = std::fmax(size, 1 + std::fabs(std::log(static_cast<long double>(weight))));
      } else {
        size = std::fmax(size, gap(projection, weight));
      }
      // Where t leaves the range of the type, or goes where it has few bits.
      if (size > std::numeric_limits<Real>::max()) continue;
      if (size < std::numeric_limits<Real>::min() * 8) continue;
      const auto error = static_cast<double>(std::fabs(t[row] - expected) / size);
      require(error <= 4 * std::numeric_limits<Real>::epsilon(), "threshold", t[row],
              static_cast<double>(expected));
      worst = std::fmax(worst, error / std::numeric_limits<Real>::epsilon());
    }
  }
  std::printf("%s %s: %.2f epsilon\n", table.name, type_name<Real>(), worst);
}

// With any argument: the instruction sets that run here, and the one that is chosen.
int main(int count, char**) {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  if (count > 1) {
    for (std::size_t i = 0; i < all.count; ++i) std::printf("%s ", all.table[i]->name);
    return std::printf("-> %s\n", softonnx::kernels().name), 0;
  }
  for (std::size_t i = 0; i < all.count; ++i) {
    test_threshold<float>(*all.table[i]);
    test_threshold<double>(*all.table[i]);
  }
}
