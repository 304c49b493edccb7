// Parting the 2 lanes numbers of two vectors into the two sides of pairs that are d apart, and
// joining them again: with e counting through both vectors, the first side is every e whose bit d
// is clear, the second every e whose bit d is set.

template <class V>
struct Two {
  V first;
  V second;
};

constexpr int parted_from(int k, int d, bool second) {
  return k / d * 2 * d + k % d + (second ? d : 0);
}
constexpr int joined_from(int e, int d, int lanes) {
  return e / (2 * d) * d + e % d + ((e & d) != 0 ? lanes : 0);
}

template <class V>
struct VectorTraits;
template <>
struct VectorTraits<float> {
  typedef F Vector;
  static constexpr int kLanes = static_cast<int>(kFloats);
};
template <>
struct VectorTraits<double> {
  typedef D Vector;
  static constexpr int kLanes = static_cast<int>(kDoubles);
};

#if defined(__has_builtin) && !defined(SOFTONNX_ARRAY_VECTORS)
#if __has_builtin(__builtin_shufflevector)
#define SOFTONNX_SHUFFLES 1
#endif
#endif

#ifdef SOFTONNX_SHUFFLES

#define SOFTONNX_LIST2(f) f(0), f(1)
#define SOFTONNX_LIST4(f) SOFTONNX_LIST2(f), f(2), f(3)
#define SOFTONNX_LIST8(f) SOFTONNX_LIST4(f), f(4), f(5), f(6), f(7)
#define SOFTONNX_LIST16(f) \
  SOFTONNX_LIST8(f), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)
#define SOFTONNX_SHUFFLE(x, y, lanes, f) __builtin_shufflevector(x, y, SOFTONNX_LIST##lanes(f))

#define SOFTONNX_PARTED(k) parted_from(k, d, false)
#define SOFTONNX_PARTED_SECOND(k) parted_from(k, d, true)

// For one type with its number of lanes, a literal.
#define SOFTONNX_PART_AND_JOIN(V, lanes)                                             \
  template <int d>                                                                   \
  inline Two<V> part(V x, V y) {                                                     \
    return {SOFTONNX_SHUFFLE(x, y, lanes, SOFTONNX_PARTED),                          \
            SOFTONNX_SHUFFLE(x, y, lanes, SOFTONNX_PARTED_SECOND)};                  \
  }                                                                                  \
  template <int d>                                                                   \
  inline Two<V> join(V a, V b) {                                                     \
    return {SOFTONNX_SHUFFLE(a, b, lanes, SOFTONNX_JOINED_##lanes),                  \
            SOFTONNX_SHUFFLE(a, b, lanes, SOFTONNX_JOINED_SECOND_##lanes)};          \
  }
#define SOFTONNX_JOINED_2(e) joined_from(e, d, 2)
#define SOFTONNX_JOINED_SECOND_2(e) joined_from(e + 2, d, 2)
#define SOFTONNX_JOINED_4(e) joined_from(e, d, 4)
#define SOFTONNX_JOINED_SECOND_4(e) joined_from(e + 4, d, 4)
#define SOFTONNX_JOINED_8(e) joined_from(e, d, 8)
#define SOFTONNX_JOINED_SECOND_8(e) joined_from(e + 8, d, 8)
#define SOFTONNX_JOINED_16(e) joined_from(e, d, 16)
#define SOFTONNX_JOINED_SECOND_16(e) joined_from(e + 16, d, 16)

#if defined(__AVX512F__)
SOFTONNX_PART_AND_JOIN(F, 16)
SOFTONNX_PART_AND_JOIN(D, 8)
#elif defined(__AVX2__)
SOFTONNX_PART_AND_JOIN(F, 8)
SOFTONNX_PART_AND_JOIN(D, 4)
#else
SOFTONNX_PART_AND_JOIN(F, 4)
SOFTONNX_PART_AND_JOIN(D, 2)
#endif

#else

template <int d, class V>
inline Two<V> part(V x, V y) {
  constexpr int kLanes = static_cast<int>(sizeof(V) / sizeof(x[0]));
  Two<V> result;
  for (int k = 0; k < kLanes; ++k) {
    const int a = parted_from(k, d, false);
    const int b = parted_from(k, d, true);
    result.first[k] = a < kLanes ? x[a] : y[a - kLanes];
    result.second[k] = b < kLanes ? x[b] : y[b - kLanes];
  }
  return result;
}

template <int d, class V>
inline Two<V> join(V a, V b) {
  constexpr int kLanes = static_cast<int>(sizeof(V) / sizeof(a[0]));
  Two<V> result;
  for (int e = 0; e < 2 * kLanes; ++e) {
    const int from = joined_from(e, d, kLanes);
    const auto value = from < kLanes ? a[from] : b[from - kLanes];
    if (e < kLanes) {
      result.first[e] = value;
    } else {
      result.second[e - kLanes] = value;
    }
  }
  return result;
}

#endif
