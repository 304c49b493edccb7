// Sums over a row in a fixed number of interleaved partial sums.
//
// The compiler may not reorder a floating-point sum, so one accumulator would be one long chain.
// kLanes independent ones map onto vectors of any width, and because their number does not
// depend on that width, the order of the additions does not either.

constexpr std::size_t kLanes = 16;

template <class Step>
inline void for_each_lane(std::size_t n, Step step) {
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) step(lane, j + lane);
  }
  for (std::size_t lane = 0; j + lane < n; ++lane) step(lane, j + lane);
}

inline double sum_of_lanes(const double (&lane)[kLanes]) {
  double pairs[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) pairs[i] = lane[i];
  for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) pairs[i] += pairs[i + width];
  }
  return pairs[0];
}
