// Standardisation, the way back and their gradients against long double, for every instruction set, over
// sizes and scales; and hostile numbers.
#include "../../../native/kernels/table.h"
#include "testing.h"

using softonnx::KernelTable;

using Long = long double;

template <class Real>
struct Row {
  explicit Row(std::size_t n) : x(n), squashed(n), dsquashed(n), dx(n) {}
  Exactly<Real> x, squashed, dsquashed, dx;
  Real first = 0, offset = 0, deviation = 0, doffset = 0, ddeviation = 0;
};

template <class Real>
static void forward(const KernelTable& table, Row<Real>& row) {
  softonnx::kernels_for<Real>(table).standardize(
      {row.x.get(), row.squashed.get(), &row.first, &row.offset, &row.deviation, row.x.size()}, 0,
      1);
}

// Relative to the precision of the type.
template <class Real>
static double epsilons(Long found, Long expected, Long size = 1) {
  const Long scale = std::fmax(size, std::fabs(expected));
  return static_cast<double>(std::fabs(found - expected) / scale) /
         static_cast<double>(std::numeric_limits<Real>::epsilon());
}

template <class Real>
static double test_forward(const KernelTable& table, Row<Real>& row) {
  const std::size_t n = row.x.size();
  const auto count = static_cast<Long>(n);
  Long mean = 0, variance = 0, largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Long shifted = static_cast<Long>(row.x[i]) - row.x[0];
    mean += shifted / count;
    largest = std::fmax(largest, std::fabs(shifted));
  }
  for (std::size_t i = 0; i < n; ++i) {
    const Long centered = static_cast<Long>(row.x[i]) - row.x[0] - mean;
    variance += centered * centered / count;
  }
  const Long deviation = std::sqrt(variance + 1e-6L);
  forward(table, row);
  // Sums are known to the precision of the type, relative to their largest term.
  double worst = std::fmax(epsilons<Real>(row.offset, mean, largest),
                           epsilons<Real>(row.deviation, deviation));
  require(row.first == row.x[0], "first");
  for (std::size_t i = 0; i < n; ++i) {
    const Long centered = static_cast<Long>(row.x[i]) - row.x[0] - mean;
    worst = std::fmax(worst, epsilons<Real>(row.squashed[i],
                                            1 / (1 + std::exp(-centered / deviation)),
                                            1 + largest / deviation));
  }
  return worst;
}

// Of the formulas at the numbers that the forward pass gave out.
template <class Real>
static double test_gradient(const KernelTable& table, Row<Real>& row) {
  const std::size_t n = row.x.size();
  for (std::size_t i = 0; i < n; ++i) row.dsquashed[i] = static_cast<Real>(normal());
  row.doffset = static_cast<Real>(normal());
  row.ddeviation = static_cast<Real>(normal());
  softonnx::kernels_for<Real>(table).standardize_grad(
      {row.x.get(), &row.first, &row.offset, &row.deviation, row.squashed.get(),
       row.dsquashed.get(), &row.doffset, &row.ddeviation, row.dx.get(), n},
      0, 1);
  std::vector<Long> direct(n), score(n);
  Long along = 0, total = 0, largest = 1;
  for (std::size_t i = 0; i < n; ++i) {
    score[i] = (static_cast<Long>(row.x[i]) - row.first - row.offset) / row.deviation;
    direct[i] = row.dsquashed[i] * row.squashed[i] / (1 + std::exp(score[i])) / row.deviation;
    along += direct[i] * score[i];
    largest = std::fmax(largest, std::fabs(direct[i]));
  }
  const Long by_deviation = (row.ddeviation - along) / static_cast<Long>(n);
  for (std::size_t i = 0; i < n; ++i) total += direct[i] + score[i] * by_deviation;
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Long expected = direct[i] + score[i] * by_deviation +
                          (row.doffset - total) / static_cast<Long>(n);
    worst = std::fmax(worst, epsilons<Real>(row.dx[i], expected, largest));
  }
  return worst;
}

template <class Real>
static double test_way_back(const KernelTable& table, const Row<Real>& row) {
  const std::size_t n = row.x.size();
  const double margin = sizeof(Real) == 8 ? 1e-10 : 10 * 0x1p-23;
  Exactly<Real> y(n), cotangent(n), entries(n), dy(n);
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = static_cast<Real>(uniform(-0.1, 1.1));
    cotangent[i] = static_cast<Real>(normal());
  }
  Real doffset, ddeviation;
  const auto& kernels = softonnx::kernels_for<Real>(table);
  kernels.unsquash({y.get(), &row.first, &row.offset, &row.deviation, entries.get(), n}, 0, 1);
  kernels.unsquash_grad({y.get(), &row.deviation, cotangent.get(), dy.get(), &doffset, &ddeviation, n},
                        0, 1);
  double worst = 0;
  Long sum = 0, weighted = 0, sizes = 1;
  for (std::size_t i = 0; i < n; ++i) {
    // Rounded as the kernel has it: there is little left of 1 - y.
    const Long inside = std::fmin(std::fmax(static_cast<Long>(y[i]), Long{margin}), Long{1 - margin});
    const Long logit = std::log(inside / (1 - inside));
    const Long size = std::fabs(logit * row.deviation) + std::fabs(row.offset) + std::fabs(row.first);
    worst = std::fmax(worst, epsilons<Real>(entries[i], logit * row.deviation + row.offset + row.first,
                                            size));
    const bool clipped = inside != static_cast<Long>(y[i]);
    const Long slope = clipped ? 0 : cotangent[i] * row.deviation / (inside * (1 - inside));
    // 1 - y costs digits near 1, which float64 has and double arithmetic has not.
    worst = std::fmax(worst, epsilons<Real>(dy[i], slope, 1 / (1 - inside)) / 4);
    sum += cotangent[i];
    weighted += cotangent[i] * logit;
    sizes += std::fabs(cotangent[i] * logit);
  }
  worst = std::fmax(worst, epsilons<Real>(doffset, sum, sizes));
  return std::fmax(worst, epsilons<Real>(ddeviation, weighted, sizes));
}

template <class Real>
static void test(const KernelTable& table) {
  double worst[3] = {};
  for (int round = 0; round < 300; ++round) {
    Row<Real> row(1 + below(round % 20 == 0 ? 300 : 40));
    const double scale = std::pow(10, uniform(-4, 4)), shift = round % 3 == 0 ? 1000 * scale : 0;
    for (std::size_t i = 0; i < row.x.size(); ++i) {
      row.x[i] = static_cast<Real>(shift + scale * (round % 7 == 0 ? 1 : normal()));
    }
    const double found[] = {test_forward(table, row), test_gradient(table, row),
                            test_way_back(table, row)};
    for (int part = 0; part < 3; ++part) {
      require(found[part] < 30, "epsilons", found[part], part);
      worst[part] = std::fmax(worst[part], found[part]);
    }
  }
  // A row with NaN or infinity has no scale.
  for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    Row<Real> row(11);
    row.x[10] = static_cast<Real>(bad);
    forward(table, row);
    for (std::size_t i = 0; i < 11; ++i) {
      const bool part = std::isnan(row.squashed[i]) || row.squashed[i] == 0;
      require(part || std::isnan(row.deviation), "NaN");
    }
    require(!std::isfinite(row.deviation), "the deviation of a spoiled row");
  }
  Row<Real> none(0);
  forward(table, none);
  std::printf("%s %s: forward %.1f gradient %.1f back %.1f epsilons\n", table.name,
              type_name<Real>(), worst[0], worst[1], worst[2]);
}

int main() {
  const softonnx::KernelTables all = softonnx::runnable_kernels();
  for (std::size_t i = 0; i < all.count; ++i) {
    test<float>(*all.table[i]);
    test<double>(*all.table[i]);
  }
}
