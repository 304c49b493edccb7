// Newton on the convex function of smooth_sort.h, whose Hessian has five diagonals: a factor and a
// solution cost O(n).

struct FiveDiagonals {
  double* scale;  // 1 / sqrt of the main diagonal
  double* pivot;
  double* one;  // below the diagonal of the unit lower factor
  double* two;
};

struct SmoothSortSpace {
  FiveDiagonals factor;
  // With room before and after, for neighbours beyond the ends.
  double* c;
  double* q;
  double* beta;
  double* next;
  double* step;
  double* s;
  double* d;
  double* next_s;
  double* next_d;
};

constexpr std::size_t kFrame = 8;

inline SmoothSortSpace take_smooth_sort(Arena& arena, std::size_t n) {
  SmoothSortSpace space{};
  const auto take = [&](double*& x) {
    x = arena.take<double>(n + 2 * kFrame + kOverrun);
    if (x) x += kFrame;
  };
  take(space.factor.scale), take(space.factor.pivot);
  take(space.factor.one), take(space.factor.two);
  take(space.c), take(space.q), take(space.beta), take(space.next), take(space.step);
  take(space.s), take(space.d), take(space.next_s), take(space.next_d);
  return space;
}

inline std::size_t smooth_sort_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_smooth_sort(arena, n);
  return arena.used();
}

// Zeros around a row, so that what lies beyond its ends counts for nothing.
inline void frame_row(double* x, std::size_t n) {
  for (std::size_t i = 0; i < kFrame; ++i) x[-1 - static_cast<std::ptrdiff_t>(i)] = 0;
  end_row(x, n, 0);
}

inline double second_difference(const double* x, std::size_t i) {
  return 2 * x[i] - x[static_cast<std::ptrdiff_t>(i) - 1] - x[i + 1];
}

// Added to the diagonal, which is scaled to 1, and the least that a pivot may be: rounding.
constexpr double kRidge = 1e-15;
constexpr double kLeastPivot = 1e-16;

// Factors L diag(s) L + diag(d), scaled to a diagonal of 1. s is framed.
inline void factor_five(const FiveDiagonals& to, const double* s, const double* d,
                        std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const double before = s[static_cast<std::ptrdiff_t>(i) - 1];
    to.scale[i] = 1 / std::sqrt(4 * s[i] + d[i] + (s[i + 1] + before));
  }
  frame_row(to.scale, n);
  double pivot1 = 0, pivot2 = 0, one1 = 0, two1 = 0, two2 = 0;
  for (std::size_t i = 0; i < n; ++i) {
    // Scales are 0 beyond the end, and so are these.
    const double one = -2 * (s[i] + s[i + 1]) * to.scale[i] * to.scale[i + 1];
    const double two = s[i + 1] * to.scale[i] * to.scale[i + 2];
    double pivot = 1 + kRidge - pivot1 * one1 * one1 - pivot2 * two2 * two2;
    // NaN too, which only numbers that have overflown can make.
    if (!(pivot > kLeastPivot)) pivot = kLeastPivot;
    const double inverse = 1 / pivot;
    to.pivot[i] = inverse;
    to.one[i] = (one - pivot1 * one1 * two1) * inverse;
    to.two[i] = two * inverse;
    pivot2 = pivot1, pivot1 = pivot;
    one1 = to.one[i];
    two2 = two1, two1 = to.two[i];
  }
}

// x is framed, and becomes the solution.
inline void solve_five(const FiveDiagonals& factor, std::size_t n, double* x) {
  double before1 = 0, before2 = 0, one1 = 0, two1 = 0, two2 = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double own = x[i] * factor.scale[i] - one1 * before1 - two2 * before2;
    before2 = before1, before1 = own;
    one1 = factor.one[i];
    two2 = two1, two1 = factor.two[i];
    x[i] = own;
  }
  double after1 = 0, after2 = 0;
  for (std::size_t i = n; i-- > 0;) {
    const double own = x[i] * factor.pivot[i] - factor.one[i] * after1 - factor.two[i] * after2;
    after2 = after1, after1 = own;
    x[i] = own * factor.scale[i];
  }
}

inline void copy_framed(const double* from, std::size_t n, double* to) {
  for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
  frame_row(to, n);
}

// s and d at beta, which is framed, and the value of the function there.
inline double weigh_smoothly(const SmoothSortSpace& space, const double* beta, std::size_t n,
                             double* s, double* d) {
  D total = splat(0.0);
  for (std::size_t i = 0; i < n; i += kDoubles) {
    const D own = load(beta + i);
    const D bend = own * 2.0 - load(beta + i - 1) - load(beta + i + 1);
    const D slack = exp_in_range(splat(0.0) - (load(space.c + i) + bend));
    const D gap = exp_in_range(splat(0.0) - own);
    store(s + i, slack);
    store(d + i, gap);
    if (i + kDoubles <= n) total += load(space.q + i) * own + (slack + gap);
  }
  double rest = 0;
  for (std::size_t i = n / kDoubles * kDoubles; i < n; ++i) {
    rest += space.q[i] * beta[i] + (s[i] + d[i]);
  }
  frame_row(s, n);
  frame_row(d, n);
  return sum(total) + rest;
}

constexpr int kMostNewtonSteps = 100;
// A step below this, of exponents, has the next one below rounding.
constexpr double kSmallStep = 1e-9;
// How much the value may rise by rounding, relative to it.
constexpr double kValueNoise = 1e-12;
// The least that q counts as, relative to the largest of its row.
constexpr double kLeastGap = 1e-30;

void smooth_sort_rows(const SmoothSortRows& rows, std::size_t begin, std::size_t end,
                      void* block) {
  const std::size_t n = rows.n;
  if (n == 0) return;
  Arena arena(block);
  SmoothSortSpace space = take_smooth_sort(arena, n);
  for (std::size_t row = begin; row < end; ++row) {
    double* const beta = rows.beta + row * n;
    if (!all_finite(rows.c + row * n, n) || !all_finite(rows.q + row * n, n)) {
      fill_row(beta, n, kNaN);
      continue;
    }
    copy_framed(rows.c + row * n, n, space.c);
    copy_framed(rows.q + row * n, n, space.q);
    double largest = space.q[0];
    for (std::size_t i = 1; i < n; ++i) largest = space.q[i] > largest ? space.q[i] : largest;
    if (!(largest > 0)) {
      fill_row(beta, n, kNaN);
      continue;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const double least = largest * kLeastGap;
      // Half the gap for each of the two exponentials: inside for any q.
      space.beta[i] = -std::log(0.5 * (space.q[i] > least ? space.q[i] : least));
    }
    frame_row(space.beta, n);
    double value = weigh_smoothly(space, space.beta, n, space.s, space.d);
    double share = 1;
    bool open = true;
    for (int round = 0; round < kMostNewtonSteps && open; ++round) {
      if (share == 1) {
        for (std::size_t i = 0; i < n; ++i) {
          space.step[i] = second_difference(space.s, i) + space.d[i] - space.q[i];
        }
        frame_row(space.step, n);
        factor_five(space.factor, space.s, space.d, n);
        solve_five(space.factor, n, space.step);
        open = false;
        for (std::size_t i = 0; i < n; ++i) open = open || std::fabs(space.step[i]) > kSmallStep;
      }
      for (std::size_t i = 0; i < n; ++i) space.next[i] = space.beta[i] + share * space.step[i];
      frame_row(space.next, n);
      const double after = weigh_smoothly(space, space.next, n, space.next_s, space.next_d);
      if (after <= value + std::fabs(value) * kValueNoise) {
        double* spare = space.beta;
        space.beta = space.next, space.next = spare;
        spare = space.s, space.s = space.next_s, space.next_s = spare;
        spare = space.d, space.d = space.next_d, space.next_d = spare;
        value = after;
        share = 1;
      } else {
        share *= 0.5;
      }
    }
    std::memcpy(beta, space.beta, n * sizeof *beta);
  }
}

void smooth_sort_step_rows(const SmoothSortStepRows& rows, std::size_t begin, std::size_t end,
                           void* block) {
  const std::size_t n = rows.n;
  if (n == 0) return;
  Arena arena(block);
  SmoothSortSpace space = take_smooth_sort(arena, n);
  double* const first = space.next;
  double* const left = space.step;
  double* const bent = space.next_s;
  for (std::size_t row = begin; row < end; ++row) {
    const double* const f = rows.f + row * n;
    double* const u = rows.u + row * n;
    if (!all_finite(rows.s + row * n, n) || !all_finite(rows.d + row * n, n) ||
        !all_finite(f, n)) {
      fill_row(u, n, kNaN);
      continue;
    }
    copy_framed(rows.s + row * n, n, space.s);
    copy_framed(rows.d + row * n, n, space.d);
    factor_five(space.factor, space.s, space.d, n);
    copy_framed(f, n, first);
    solve_five(space.factor, n, first);
    // Once more for what rounding, and the ridge, left.
    for (std::size_t i = 0; i < n; ++i) bent[i] = space.s[i] * second_difference(first, i);
    frame_row(bent, n);
    for (std::size_t i = 0; i < n; ++i) {
      left[i] = f[i] - second_difference(bent, i) - space.d[i] * first[i];
    }
    frame_row(left, n);
    solve_five(space.factor, n, left);
    for (std::size_t i = 0; i < n; ++i) u[i] = first[i] + left[i];
  }
}
