// Hands out the parts of one block of scratch memory, or, without a block, counts what is needed.
class Arena {
 public:
  explicit Arena(void* block) : block_(static_cast<char*>(block)) {}

  template <class T>
  T* take(std::size_t n) {
    const std::size_t at = used_;
    // To the next cache line, and a few more: arrays whose distance is a multiple of 4096 bytes
    // would compete for the same places in the first-level cache.
    used_ += (n * sizeof(T) + 63) / 64 * 64 + 3 * 64;
    return block_ ? reinterpret_cast<T*>(block_ + at) : nullptr;
  }

  std::size_t used() const { return used_; }

 private:
  char* block_;
  std::size_t used_ = 0;
};

// Room after the last entry of a row, so that vectors may run over its end.
constexpr std::size_t kOverrun = 16;

inline double* take_row(Arena& arena, std::size_t n) { return arena.take<double>(n + kOverrun); }
