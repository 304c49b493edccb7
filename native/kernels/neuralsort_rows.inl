// The rows of NeuralSort's matrix, one after the other, each as the few entries that count.
//
// Row i is the projection of the lines c s_j - A_j at c = 2i - (n - 1). The largest is on the upper
// envelope of the lines, along which it only moves forward as c grows. Entries are taken in blocks: where
// the bound of a whole block is too far below the largest, its probabilities are 0 to rounding.

constexpr std::size_t kLineBlock = 16;

struct Lines {
  std::size_t n;
  std::size_t blocks;
  const double* s;          // ascending, within [-1, 1], with zeros to the end of the last block
  const double* a;          // A, with kNever to the end of the last block
  double per;               // 1 / softness
  double* first;            // of each block: the least s, the greatest, the least A
  double* last;
  double* least;
  std::uint32_t* envelope;  // the lines of the upper envelope in order
  std::size_t envelope_size;
};

// A of an entry that is none.
constexpr double kNever = 1e300;

inline std::size_t line_blocks(std::size_t n) { return (n + kLineBlock - 1) / kLineBlock; }

inline Lines take_lines(Arena& arena, std::size_t n) {
  Lines lines{};
  lines.n = n;
  lines.blocks = line_blocks(n);
  lines.first = take_row(arena, lines.blocks);
  lines.last = take_row(arena, lines.blocks);
  lines.least = take_row(arena, lines.blocks);
  lines.envelope = arena.take<std::uint32_t>(n);
  return lines;
}

inline void find_envelope(Lines& lines) {
  const double* const s = lines.s;
  const double* const a = lines.a;
  std::uint32_t* const kept = lines.envelope;
  std::size_t size = 0;
  for (std::size_t j = 0; j < lines.n; ++j) {
    const auto own = static_cast<std::uint32_t>(j);
    if (size > 0 && s[kept[size - 1]] == s[j]) {
      if (a[kept[size - 1]] <= a[j]) continue;
      --size;
    }
    while (size >= 2) {
      const std::uint32_t p = kept[size - 2];
      const std::uint32_t q = kept[size - 1];
      // Whether line j passes p before q does.
      if ((a[j] - a[p]) * (s[q] - s[p]) > (a[q] - a[p]) * (s[j] - s[p])) break;
      --size;
    }
    kept[size++] = own;
  }
  lines.envelope_size = size;
}

inline void find_blocks(Lines& lines) {
  for (std::size_t block = 0; block < lines.blocks; ++block) {
    const std::size_t begin = block * kLineBlock;
    const std::size_t end = begin + kLineBlock < lines.n ? begin + kLineBlock : lines.n;
    D least = load(lines.a + begin);
    for (std::size_t j = begin + kDoubles; j < begin + kLineBlock; j += kDoubles) {
      least = min(least, load(lines.a + j));
    }
    lines.first[block] = lines.s[begin];
    lines.last[block] = lines.s[end - 1];
    lines.least[block] = -largest_lane(splat(0.0) - least);
  }
}

// How far below the largest logit of its row an entry still counts. In the other modes the threshold is
// within 1 of the largest.
template <class Real, Projection projection>
constexpr double kDepth = projection != Projection::smooth ? 1.0 : sizeof(Real) == 4 ? 28.0 : 45.0;

// Logits go no lower than this, so that no product with one overflows.
constexpr double kLowest = -1e4;

// One row: of the entries in `active` blocks, side by side, their logits less the largest, and the
// probabilities times `total`. In mode smooth float32 may have the exponential in float.
template <class Real, Projection projection>
class LineRow {
 public:
  using Logit = std::conditional_t<projection == Projection::smooth, Real, double>;

  LineRow(const Lines& lines, Arena& arena)
      : lines_(lines),
        bound_(take_row(arena, lines.blocks)),
        active_(arena.take<std::uint32_t>(lines.blocks)),
        logit_(arena.take<Logit>(lines.blocks * kLineBlock + kOverrun)),
        p_(arena.take<Logit>(lines.blocks * kLineBlock + kOverrun)) {}

  // Before the first row.
  void start() { at_ = 0; }

  // Goes to row i, which is not before the last one.
  void move_to(std::size_t i) {
    const double c = coefficient(i);
    const double largest = find_largest(c);
    find_active(c, largest);
    find_logits(c, largest);
    find_probabilities();
  }

  double coefficient(std::size_t i) const {
    return 2.0 * static_cast<double>(i) - static_cast<double>(lines_.n - 1);
  }

  // What the probabilities of this row are to be multiplied by.
  double inverse_total() const { return inverse_total_; }

  // visit(j, p, w, logit) for each vector of entries from j that count: their probabilities before that
  // factor, and the derivatives that go with them.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t t = 0; t < count_; ++t) {
      const std::size_t from = t * kLineBlock;
      const std::size_t j = active_[t] * kLineBlock;
      for (std::size_t k = 0; k < kLineBlock; k += kDoubles) {
        const D logit = load_doubles(logit_ + from + k);
        const D p = load_doubles(p_ + from + k);
        visit(j + k, p, slope_of(p, logit), logit);
      }
    }
  }

 private:
  double line(std::size_t j, double c) const { return c * lines_.s[j] - lines_.a[j]; }

  double find_largest(double c) {
    double largest = line(lines_.envelope[at_], c);
    while (at_ + 1 < lines_.envelope_size) {
      const double next = line(lines_.envelope[at_ + 1], c);
      if (next < largest) break;
      largest = next;
      ++at_;
    }
    return largest;
  }

  void find_active(double c, double largest) {
    const double lowest = largest - kDepth<Real, projection> / lines_.per;
    const double* const edge = c >= 0 ? lines_.last : lines_.first;
    for (std::size_t block = 0; block < lines_.blocks; block += kDoubles) {
      store(bound_ + block, load(edge + block) * c - load(lines_.least + block));
    }
    count_ = 0;
    for (std::size_t block = 0; block < lines_.blocks; ++block) {
      active_[count_] = static_cast<std::uint32_t>(block);
      count_ += bound_[block] >= lowest;
    }
  }

  void find_logits(double c, double largest) {
    for (std::size_t t = 0; t < count_; ++t) {
      const std::size_t j = active_[t] * kLineBlock;
      for (std::size_t k = 0; k < kLineBlock; k += kDoubles) {
        const D below = load(lines_.s + j + k) * c - load(lines_.a + j + k) - largest;
        store_doubles(logit_ + t * kLineBlock + k, max(below * lines_.per, splat(kLowest)));
      }
    }
  }

  void find_probabilities() {
    const std::size_t size = count_ * kLineBlock;
    if constexpr (projection != Projection::smooth) {
      threshold_ = newton_on_norm<kAlpha>(logit_, size, 0.0, 1.0);
      inverse_total_ = 1;
      for (std::size_t k = 0; k < size; k += kDoubles) {
        const D r = max(load(logit_ + k) - threshold_, splat(0.0));
        store(p_ + k, kAlpha == 1 ? r : kAlpha == 2 ? r * r : r * r * r);
      }
    } else {
      D total = splat(0.0);
      exponentials(logit_, size, p_);
      for (std::size_t k = 0; k < size; k += kDoubles) total += load_doubles(p_ + k);
      inverse_total_ = 1 / sum(total);
    }
  }

  static void exponentials(const double* x, std::size_t size, double* y) {
    for (std::size_t k = 0; k < size; k += kDoubles) store(y + k, exp_in_range(load(x + k)));
  }
  static void exponentials(const float* x, std::size_t size, float* y) {
    for (std::size_t k = 0; k < size; k += kFloats) store(y + k, exp_in_range(load(x + k)));
  }

  D slope_of(D p, D logit) const {
    if constexpr (projection == Projection::smooth || kAlpha == 0) return p;
    const D r = max(logit - threshold_, splat(0.0));
    if constexpr (kAlpha == 1) return select(r > splat(0.0), splat(1.0), splat(0.0));
    return kAlpha == 2 ? r * 2.0 : r * r * 3.0;
  }

  static constexpr int kAlpha = static_cast<int>(projection);

  const Lines& lines_;
  double* bound_;
  std::uint32_t* active_;
  Logit* logit_;
  Logit* p_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  double threshold_ = 0;
  double inverse_total_ = 0;
};
