// Walking over a row in vectors, with several of them in flight.
//
// The compiler may not reorder a floating-point sum, and one accumulator would be one long chain
// of additions; kChains of them hide its latency.

constexpr std::size_t kChains = 4;

// step(chain, x) for each vector x of v, the last one filled up.
template <class Real, class Step>
inline void for_each_vector(const Real* v, std::size_t n, double fill, Step step) {
  std::size_t j = 0;
  for (; j + kChains * kDoubles <= n; j += kChains * kDoubles) {
    for (std::size_t chain = 0; chain < kChains; ++chain) {
      step(chain, load_doubles(v + j + chain * kDoubles));
    }
  }
  for (; j + kDoubles <= n; j += kDoubles) step(0, load_doubles(v + j));
  if (j < n) step(1, load_some(v + j, n - j, fill));
}

// of(i, count) for the numbers [i, i + count) of n: kDoubles at a time, and those that are left.
template <class Of>
inline void for_each_part(std::size_t n, Of of) {
  std::size_t i = 0;
  for (; i + kDoubles <= n; i += kDoubles) of(i, kDoubles);
  if (i < n) of(i, n - i);
}

template <class Real>
inline D load_up_to(const Real* p, std::size_t count) {
  return count == kDoubles ? load_doubles(p) : load_some(p, count, 0);
}

template <class Real>
inline void store_up_to(Real* p, std::size_t count, D x) {
  if (count == kDoubles) return store_doubles(p, x);
  for (std::size_t i = 0; i < count; ++i) p[i] = static_cast<Real>(x[i]);
}

// x without what lies in lanes from `count` on.
inline D only(D x, std::size_t count) {
  for (std::size_t i = count; i < kDoubles; ++i) x[i] = 0;
  return x;
}

inline void fill_chains(D (&chain)[kChains], double x) {
  for (std::size_t i = 0; i < kChains; ++i) chain[i] = splat(x);
}

inline double sum_of_chains(const D (&chain)[kChains]) {
  return sum((chain[0] + chain[1]) + (chain[2] + chain[3]));
}

// True where no entry is NaN or infinite.
template <class Real>
inline bool all_finite(const Real* v, std::size_t n) {
  D zeros[kChains];
  fill_chains(zeros, 0);
  for_each_vector(v, n, 0, [&](std::size_t chain, D x) { zeros[chain] += x * 0.0; });
  return sum_of_chains(zeros) == 0;
}

template <class Real>
inline void fill_row(Real* row, std::size_t n, double x) {
  for (std::size_t i = 0; i < n; ++i) row[i] = static_cast<Real>(x);
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
