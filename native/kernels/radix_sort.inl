// A stable ascending sort of one row of finite floats or doubles with the permutation it takes.
//
// Entries are (32 bits of key, index) in one word, sorted by least significant digits: the time
// does not depend on the order that the row comes in, and the sort is stable for free. The bits
// of a float make a whole key. A double is first sorted by two digits of its place in the range
// of the row, and insertion puts right what agrees in these; where that is too much, its bits are
// reduced to 32 by the range of the row, which tells entries of any magnitudes apart.

struct Sorting {
  std::uint64_t* entries;  // key above, index below
  std::uint64_t* spare;
  std::uint64_t* wide;     // all bits of the keys, for double
  std::uint32_t* counts;   // by digit
  std::uint32_t* order;    // the permutation: result i is entry order[i]
};

constexpr int kSmallDigit = 8;
constexpr int kLargeDigit = 11;
// The counts of a large digit cost more to clear and add up than a short row to move again.
constexpr std::size_t kLargeDigitFrom = 4096;
constexpr std::size_t kInsertionBelow = 24;
// Places are told apart by two digits: of so many bits that most entries have a place of their own,
// and no more, since moving words to 2^digit streams wants that many cache lines. While a place and
// an index fit in 32 bits, words are of half the length.
constexpr std::size_t kSmallPlacesTo = 4096;
constexpr std::size_t kMiddlePlacesTo = std::size_t{1} << 14;
constexpr std::size_t kLargePlacesFrom = std::size_t{1} << 16;

template <class Real>
inline Sorting take_sorting(Arena& arena, std::size_t n) {
  Sorting result;
  result.entries = arena.take<std::uint64_t>(n);
  result.spare = arena.take<std::uint64_t>(n);
  result.wide = sizeof(Real) == 8 ? arena.take<std::uint64_t>(n) : nullptr;
  result.counts = arena.take<std::uint32_t>(std::size_t{3} << kLargeDigit);
  result.order = arena.take<std::uint32_t>(n + kOverrun);
  return result;
}

// Unsigned integers in the order of the numbers. Adding 0 makes -0.0 the 0.0 that it equals.
inline std::uint32_t ordered_bits(float x) {
  const float key = x + 0.0f;
  std::uint32_t bits;
  std::memcpy(&bits, &key, sizeof bits);
  return bits ^ (static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> 31) | 0x80000000u);
}
inline std::uint64_t ordered_bits(double x) {
  const double key = x + 0.0;
  std::uint64_t bits;
  std::memcpy(&bits, &key, sizeof bits);
  return bits ^ (static_cast<std::uint64_t>(static_cast<std::int64_t>(bits) >> 63) |
                 (std::uint64_t{1} << 63));
}

// Sorts words by some digits of them from bit `low` on. The counts of all digits are taken in one
// pass, and a digit that is the same throughout is passed over.
template <int digit, int kDigits, class Word>
inline void sort_by_digits(Word* entries, Word* spare, std::uint32_t* counts, std::size_t n,
                           int low) {
  constexpr std::size_t kBuckets = std::size_t{1} << digit;
  constexpr Word kMask = kBuckets - 1;
  Word* const first = entries;
  std::memset(counts, 0, kDigits * kBuckets * sizeof *counts);
  for (std::size_t i = 0; i < n; ++i) {
    const Word key = entries[i] >> low;
    for (int k = 0; k < kDigits; ++k) ++counts[k * kBuckets + (key >> k * digit & kMask)];
  }
  for (int k = 0; k < kDigits; ++k) {
    std::uint32_t* const count = counts + k * kBuckets;
    const int shift = low + k * digit;
    if (count[entries[0] >> shift & kMask] == n) continue;
    std::uint32_t before = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      const std::uint32_t own = count[bucket];
      count[bucket] = before;
      before += own;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const Word word = entries[i];
      spare[count[word >> shift & kMask]++] = word;
    }
    Word* const swapped = entries;
    entries = spare;
    spare = swapped;
  }
  if (entries != first) std::memcpy(first, entries, n * sizeof *entries);
}

// By the upper half of the entries.
template <int digit>
inline void radix_sort(const Sorting& space, std::size_t n) {
  sort_by_digits<digit, (32 + digit - 1) / digit>(space.entries, space.spare, space.counts, n, 32);
}

// Insertion by less(a, b), giving up after `patience` moves. Whether it finished.
template <class Less>
inline bool insertion_sort(std::uint64_t* entries, std::size_t n, std::size_t patience, Less less) {
  for (std::size_t i = 1; i < n; ++i) {
    const std::uint64_t word = entries[i];
    std::size_t j = i;
    for (; j > 0 && less(word, entries[j - 1]); --j) {
      if (patience-- == 0) return false;
      entries[j] = entries[j - 1];
    }
    entries[j] = word;
  }
  return true;
}

inline void sort_words(const Sorting& space, std::size_t n) {
  if (n < kInsertionBelow) {
    // The index makes the words distinct, and ties keep their order by it.
    insertion_sort(space.entries, n, n * n,
                   [](std::uint64_t a, std::uint64_t b) { return a < b; });
  } else if (n < kLargeDigitFrom) {
    radix_sort<kSmallDigit>(space, n);
  } else {
    radix_sort<kLargeDigit>(space, n);
  }
}

// Sorts the keys into `sorted` and fills space.order.
inline void sort_row(const float* keys, std::size_t n, const Sorting& space, double* sorted) {
  for (std::size_t i = 0; i < n; ++i) {
    space.entries[i] = std::uint64_t{ordered_bits(keys[i])} << 32 | i;
  }
  sort_words(space, n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto index = static_cast<std::uint32_t>(space.entries[i]);
    space.order[i] = index;
    sorted[i] = static_cast<double>(keys[index]) + 0.0;
  }
}

// By all 64 bits, for rows in which 32 do not tell the entries apart: the lower half first, the
// upper half after it.
inline void sort_by_halves(const Sorting& space, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) space.entries[i] = space.wide[i] << 32 | i;
  radix_sort<kSmallDigit>(space, n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto index = static_cast<std::uint32_t>(space.entries[i]);
    space.entries[i] = space.wide[index] >> 32 << 32 | index;
  }
  radix_sort<kSmallDigit>(space, n);
}

inline void sort_by_bits(const double* keys, std::size_t n, const Sorting& space,
                         double* sorted) {
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t greatest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t bits = ordered_bits(keys[i]);
    space.wide[i] = bits;
    least = bits < least ? bits : least;
    greatest = bits > greatest ? bits : greatest;
  }
  int shift = 0;
  while (n > 0 && (greatest - least) >> shift > 0xffffffffu) ++shift;
  for (std::size_t i = 0; i < n; ++i) {
    space.entries[i] = (space.wide[i] - least) >> shift << 32 | i;
  }
  sort_words(space, n);
  const std::uint64_t* const wide = space.wide;
  const bool sorted_now =
      insertion_sort(space.entries, n, 4 * n, [wide](std::uint64_t a, std::uint64_t b) {
        return wide[static_cast<std::uint32_t>(a)] < wide[static_cast<std::uint32_t>(b)];
      });
  if (!sorted_now) sort_by_halves(space, n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto index = static_cast<std::uint32_t>(space.entries[i]);
    space.order[i] = index;
    sorted[i] = keys[index] + 0.0;
  }
}

// The place of each key in the range of the row as a number of some bits, with its index in the
// `low` bits below. False where the range has no such scale.
template <class Word>
inline bool find_places(const double* keys, std::size_t n, int bits, int low, Word* entries) {
  D lows[kChains];
  D highs[kChains];
  fill_chains(lows, kInfinity);
  fill_chains(highs, -kInfinity);
  for_each_vector(keys, n, keys[0], [&](std::size_t chain, D x) {
    lows[chain] = min(lows[chain], x);
    highs[chain] = max(highs[chain], x);
  });
  for (std::size_t chain = 1; chain < kChains; ++chain) {
    lows[0] = min(lows[0], lows[chain]);
    highs[0] = max(highs[0], highs[chain]);
  }
  const double least = -largest_lane(-lows[0]);
  const double range = largest_lane(highs[0]) - least;
  const double scale = range > 0 ? static_cast<double>((1u << bits) - 1) / range : 0;
  if (!(range < kInfinity && scale < kInfinity)) return false;
  // The sum with 2^52 is the nearest whole number, in its low bits.
  std::size_t i = 0;
  for (; i + kDoubles <= n; i += kDoubles) {
    BitsD index;
    for (std::size_t lane = 0; lane < kDoubles; ++lane) index[lane] = i + lane;
    store_low(entries + i, bits_of((load(keys + i) - least) * scale + 0x1p52) << low | index);
  }
  for (; i < n; ++i) {
    const double place = (keys[i] - least) * scale + 0x1p52;
    std::uint64_t word;
    std::memcpy(&word, &place, sizeof word);
    entries[i] = static_cast<Word>(word << low | i);
  }
  return true;
}

// Of the order that two digits of the places tell, order[i] is where entry i comes from.
template <int digit, class Word>
inline bool order_by_places(const double* keys, std::size_t n, int low, const Sorting& space) {
  Word* const entries = reinterpret_cast<Word*>(space.entries);
  Word* const spare = reinterpret_cast<Word*>(space.spare);
  if (!find_places(keys, n, 2 * digit, low, entries)) return false;
  sort_by_digits<digit, 2>(entries, spare, space.counts, n, low);
  const Word mask = static_cast<Word>((std::uint64_t{1} << low) - 1);
  for (std::size_t i = 0; i < n; ++i) {
    space.order[i] = static_cast<std::uint32_t>(entries[i] & mask);
  }
  return true;
}

inline bool order_nearly(const double* keys, std::size_t n, const Sorting& space) {
  if (n < kInsertionBelow) {
    for (std::size_t i = 0; i < n; ++i) space.order[i] = static_cast<std::uint32_t>(i);
    return true;
  }
  if (n <= kSmallPlacesTo) return order_by_places<8, std::uint32_t>(keys, n, 16, space);
  if (n <= kMiddlePlacesTo) return order_by_places<9, std::uint32_t>(keys, n, 14, space);
  if (n <= kLargePlacesFrom) return order_by_places<8, std::uint32_t>(keys, n, 16, space);
  return order_by_places<kLargeDigit, std::uint64_t>(keys, n, 32, space);
}

inline void sort_row(const double* keys, std::size_t n, const Sorting& space, double* sorted) {
  if (!order_nearly(keys, n, space)) return sort_by_bits(keys, n, space, sorted);
  std::size_t patience = n < kInsertionBelow ? n * n : 4 * n;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t index = space.order[i];
    const double key = keys[index] + 0.0;
    std::size_t j = i;
    for (; j > 0 && sorted[j - 1] > key; --j) {
      if (patience-- == 0) return sort_by_bits(keys, n, space, sorted);
      sorted[j] = sorted[j - 1];
      space.order[j] = space.order[j - 1];
    }
    sorted[j] = key;
    space.order[j] = index;
  }
}
