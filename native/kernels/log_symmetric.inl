// The recurrence over entries, e_k <- log(exp e_k + exp(e_{k-1} + x_j)). Back through it, states
// are kept every sqrt(n) rounds and made again in between: O(n^1.5) memory for a gradient.

// Stands for log 0: finite, so that differences of two are not NaN.
constexpr double kNothing = -1e30;

// e_0..e_n with room before and after.
inline std::size_t symmetric_stride(std::size_t n) { return kFrame + n + 1 + kOverrun; }

// Of no entries: e_0 = 1 and nothing else.
inline void begin_symmetric(double* e, std::size_t n) {
  for (std::size_t i = 0; i < symmetric_stride(n); ++i) e[i] = kNothing;
  e[kFrame] = 0;
}

// One entry more, from the top down, so that what is read is what was.
inline void add_entry(double* e, std::size_t had, double x) {
  double* const from = e + kFrame;
  for (std::size_t k = (had + 1) / kDoubles * kDoubles + kDoubles; k > 0;) {
    k -= kDoubles;
    const D without = load(from + k);
    const D with = load(from + k - 1) + x;
    const D least = exp_in_range(splat(0.0) - abs(without - with));
    store(from + k, max(without, with) + log_of_normal(least + 1.0));
  }
}

inline std::size_t log_symmetric_scratch(std::size_t n) {
  Arena arena(nullptr);
  arena.take<double>(symmetric_stride(n));
  return arena.used();
}

void log_symmetric_rows(const LogSymmetricRows& rows, std::size_t begin, std::size_t end,
                        void* block) {
  const std::size_t n = rows.n;
  Arena arena(block);
  double* const e = arena.take<double>(symmetric_stride(n));
  for (std::size_t row = begin; row < end; ++row) {
    const double* const x = rows.x + row * n;
    if (!all_finite(x, n)) {
      fill_row(rows.e + row * (n + 1), n + 1, kNaN);
      continue;
    }
    begin_symmetric(e, n);
    for (std::size_t j = 0; j < n; ++j) add_entry(e, j, x[j]);
    std::memcpy(rows.e + row * (n + 1), e + kFrame, (n + 1) * sizeof *e);
  }
}

struct SymmetricTape {
  std::size_t every;  // rounds between two states that are kept
  double* kept;       // [ceil(n / every)][stride]: before round 0, every, 2 every, ..
  double* between;    // [every][stride]
  double* bar;        // [stride]
  double* within;     // [stride]
};

inline SymmetricTape take_symmetric_tape(Arena& arena, std::size_t n) {
  SymmetricTape tape{};
  tape.every = 1;
  while (tape.every * tape.every < n) ++tape.every;
  const std::size_t stride = symmetric_stride(n);
  tape.kept = arena.take<double>((n + tape.every) / tape.every * stride);
  tape.between = arena.take<double>(tape.every * stride);
  tape.bar = arena.take<double>(stride);
  tape.within = arena.take<double>(stride);
  return tape;
}

inline std::size_t log_symmetric_grad_scratch(std::size_t n) {
  Arena arena(nullptr);
  take_symmetric_tape(arena, n);
  return arena.used();
}

// Back through the round that added x to `had` entries: the cotangent of x.
inline double pull_back_entry(const SymmetricTape& tape, const double* e, std::size_t had,
                              double x) {
  double* const bar = tape.bar + kFrame;
  double* const within = tape.within + kFrame;
  D total = splat(0.0);
  const std::size_t count = had + 2;
  for (std::size_t k = 0; k < count; k += kDoubles) {
    const D apart = load(e + kFrame + k) - (load(e + kFrame + k - 1) + x);
    const D least = exp_in_range(splat(0.0) - abs(apart));
    const D more = splat(1.0) / (least + 1.0);
    const D less = least * more;
    const MaskD smaller = apart > splat(0.0);
    const D own = load(bar + k);
    const D with = own * select(smaller, less, more);
    total += with;
    store(within + k, with);
    store(bar + k, own * select(smaller, more, less));
  }
  end_row(within, count, 0);
  for (std::size_t k = 0; k < count; k += kDoubles) {
    store(bar + k, load(bar + k) + load(within + k + 1));
  }
  end_row(bar, had + 1, 0);
  return sum(total);
}

void log_symmetric_grad_rows(const LogSymmetricGradRows& rows, std::size_t begin,
                             std::size_t end, void* block) {
  const std::size_t n = rows.n;
  if (n == 0) return;
  Arena arena(block);
  const SymmetricTape tape = take_symmetric_tape(arena, n);
  const std::size_t stride = symmetric_stride(n);
  for (std::size_t row = begin; row < end; ++row) {
    const double* const x = rows.x + row * n;
    const double* const ebar = rows.ebar + row * (n + 1);
    double* const xbar = rows.xbar + row * n;
    if (!all_finite(x, n) || !all_finite(ebar, n + 1)) {
      fill_row(xbar, n, kNaN);
      continue;
    }
    begin_symmetric(tape.between, n);
    for (std::size_t j = 0; j < n; ++j) {
      if (j % tape.every == 0) {
        std::memcpy(tape.kept + j / tape.every * stride, tape.between, stride * sizeof *ebar);
      }
      add_entry(tape.between, j, x[j]);
    }
    std::memset(tape.bar, 0, stride * sizeof *ebar);
    std::memcpy(tape.bar + kFrame, ebar, (n + 1) * sizeof *ebar);
    for (std::size_t last = n; last > 0;) {
      const std::size_t first = (last - 1) / tape.every * tape.every;
      std::memcpy(tape.between, tape.kept + first / tape.every * stride, stride * sizeof *ebar);
      for (std::size_t j = first + 1; j < last; ++j) {
        double* const own = tape.between + (j - first) * stride;
        std::memcpy(own, own - stride, stride * sizeof *ebar);
        add_entry(own, j - 1, x[j - 1]);
      }
      for (std::size_t j = last; j-- > first;) {
        xbar[j] = pull_back_entry(tape, tape.between + (j - first) * stride, j, x[j]);
      }
      last = first;
    }
  }
}
