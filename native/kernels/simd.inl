// Vectors of double (D) and float (F), as wide as the instruction set that this file is compiled
// for. GCC and clang have such types of their own, which cover SSE2, AVX2, AVX-512 and NEON with
// one source; a compiler without them gets arrays with the same operators, for its optimiser to
// find vectors in. What is built: load, store, splat, + - * / and comparisons, select, min, max,
// abs, sum, any, and conversions.

#if defined(__AVX512F__)
constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t kVectorBytes = 32;
#else
constexpr std::size_t kVectorBytes = 16;
#endif

constexpr std::size_t kDoubles = kVectorBytes / sizeof(double);
constexpr std::size_t kFloats = kVectorBytes / sizeof(float);

#if !defined(__GNUC__) && !defined(SOFTONNX_ARRAY_VECTORS)
#define SOFTONNX_ARRAY_VECTORS
#endif

#ifndef SOFTONNX_ARRAY_VECTORS

typedef double D __attribute__((vector_size(kVectorBytes)));
typedef float F __attribute__((vector_size(kVectorBytes)));
typedef float HalfF __attribute__((vector_size(kVectorBytes / 2)));
typedef decltype(D{} < D{}) MaskD;
typedef decltype(F{} < F{}) MaskF;
typedef std::uint64_t BitsD __attribute__((vector_size(kVectorBytes)));
typedef std::uint32_t BitsF __attribute__((vector_size(kVectorBytes)));

inline D select(MaskD mask, D a, D b) { return mask ? a : b; }
inline F select(MaskF mask, F a, F b) { return mask ? a : b; }
inline BitsD bits_of(D x) { return (BitsD)x; }
inline BitsF bits_of(F x) { return (BitsF)x; }
inline D from_bits(BitsD x) { return (D)x; }
inline F from_bits(BitsF x) { return (F)x; }

// A number beside a vector counts as a vector of it, and x - 0 is x, of either sign.
inline D splat(double x) { return x - D{}; }
inline F splat(float x) { return x - F{}; }

#else

// An array of N numbers that is added, compared and so on number by number.
template <class T, std::size_t N>
struct Lanes {
  T lane[N];
  T& operator[](std::size_t i) { return lane[i]; }
  const T& operator[](std::size_t i) const { return lane[i]; }
};

typedef Lanes<double, kDoubles> D;
typedef Lanes<float, kFloats> F;
typedef Lanes<bool, kDoubles> MaskD;
typedef Lanes<bool, kFloats> MaskF;
typedef Lanes<std::uint64_t, kDoubles> BitsD;
typedef Lanes<std::uint32_t, kFloats> BitsF;

template <class R, class T, std::size_t N, class Operation>
inline Lanes<R, N> each(const Lanes<T, N>& a, const Lanes<T, N>& b, Operation operation) {
  Lanes<R, N> result;
  for (std::size_t i = 0; i < N; ++i) result[i] = operation(a[i], b[i]);
  return result;
}

#define SOFTONNX_LANES(op, R)                                                       \
  template <class T, std::size_t N>                                                 \
  inline Lanes<R, N> operator op(const Lanes<T, N>& a, const Lanes<T, N>& b) {      \
    return each<R>(a, b, [](T x, T y) { return static_cast<R>(x op y); });          \
  }                                                                                 \
  template <class T, std::size_t N>                                                 \
  inline Lanes<R, N> operator op(const Lanes<T, N>& a, T b) {                       \
    Lanes<T, N> all;                                                                \
    for (std::size_t i = 0; i < N; ++i) all[i] = b;                                 \
    return a op all;                                                                \
  }                                                                                 \
  template <class T, std::size_t N>                                                 \
  inline Lanes<R, N> operator op(T a, const Lanes<T, N>& b) {                       \
    Lanes<T, N> all;                                                                \
    for (std::size_t i = 0; i < N; ++i) all[i] = a;                                 \
    return all op b;                                                                \
  }
SOFTONNX_LANES(+, T)
SOFTONNX_LANES(-, T)
SOFTONNX_LANES(*, T)
SOFTONNX_LANES(/, T)
SOFTONNX_LANES(<, bool)
SOFTONNX_LANES(>, bool)
SOFTONNX_LANES(<=, bool)
SOFTONNX_LANES(>=, bool)
SOFTONNX_LANES(==, bool)
SOFTONNX_LANES(!=, bool)
SOFTONNX_LANES(|, T)
SOFTONNX_LANES(&, T)
SOFTONNX_LANES(^, T)
#undef SOFTONNX_LANES

template <class T, std::size_t N, class Right>
inline Lanes<T, N>& operator+=(Lanes<T, N>& a, const Right& b) {
  return a = a + b;
}
template <class T, std::size_t N>
inline Lanes<T, N> operator-(const Lanes<T, N>& a) {
  Lanes<T, N> result;
  for (std::size_t i = 0; i < N; ++i) result[i] = -a[i];
  return result;
}
template <class T, std::size_t N>
inline Lanes<T, N> operator<<(const Lanes<T, N>& a, int shift) {
  Lanes<T, N> result;
  for (std::size_t i = 0; i < N; ++i) result[i] = a[i] << shift;
  return result;
}
template <class T, std::size_t N>
inline Lanes<T, N> operator>>(const Lanes<T, N>& a, int shift) {
  Lanes<T, N> result;
  for (std::size_t i = 0; i < N; ++i) result[i] = a[i] >> shift;
  return result;
}
template <class T, std::size_t N>
inline Lanes<T, N> select(const Lanes<bool, N>& mask, const Lanes<T, N>& a, const Lanes<T, N>& b) {
  Lanes<T, N> result;
  for (std::size_t i = 0; i < N; ++i) result[i] = mask[i] ? a[i] : b[i];
  return result;
}

template <class To, class From>
inline To same_bits(const From& x) {
  static_assert(sizeof(To) == sizeof(From));
  To result;
  std::memcpy(&result, &x, sizeof x);
  return result;
}
inline BitsD bits_of(const D& x) { return same_bits<BitsD>(x); }
inline BitsF bits_of(const F& x) { return same_bits<BitsF>(x); }
inline D from_bits(const BitsD& x) { return same_bits<D>(x); }
inline F from_bits(const BitsF& x) { return same_bits<F>(x); }

inline D splat(double x) {
  D result;
  for (std::size_t i = 0; i < kDoubles; ++i) result[i] = x;
  return result;
}
inline F splat(float x) {
  F result;
  for (std::size_t i = 0; i < kFloats; ++i) result[i] = x;
  return result;
}

#endif

// No address needs more alignment than its element.
inline D load(const double* p) {
  D result;
  std::memcpy(&result, p, sizeof result);
  return result;
}
inline F load(const float* p) {
  F result;
  std::memcpy(&result, p, sizeof result);
  return result;
}
inline void store(double* p, D x) { std::memcpy(p, &x, sizeof x); }
inline void store(float* p, F x) { std::memcpy(p, &x, sizeof x); }

// kDoubles numbers of either type.
inline D load_doubles(const double* p) { return load(p); }
inline void store_doubles(double* p, D x) { store(p, x); }
#ifndef SOFTONNX_ARRAY_VECTORS
inline D load_doubles(const float* p) {
  HalfF half;
  std::memcpy(&half, p, sizeof half);
  return __builtin_convertvector(half, D);
}
inline void store_doubles(float* p, D x) {
  const HalfF half = __builtin_convertvector(x, HalfF);
  std::memcpy(p, &half, sizeof half);
}
#else
inline D load_doubles(const float* p) {
  D result;
  for (std::size_t i = 0; i < kDoubles; ++i) result[i] = static_cast<double>(p[i]);
  return result;
}
inline void store_doubles(float* p, D x) {
  for (std::size_t i = 0; i < kDoubles; ++i) p[i] = static_cast<float>(x[i]);
}
#endif

// The lower 32 bits of each lane.
#ifndef SOFTONNX_ARRAY_VECTORS
typedef std::uint32_t HalfBits __attribute__((vector_size(kVectorBytes / 2)));
inline void store_low(std::uint32_t* p, BitsD x) {
  const HalfBits half = __builtin_convertvector(x, HalfBits);
  std::memcpy(p, &half, sizeof half);
}
#else
inline void store_low(std::uint32_t* p, const BitsD& x) {
  for (std::size_t i = 0; i < kDoubles; ++i) p[i] = static_cast<std::uint32_t>(x[i]);
}
#endif
inline void store_low(std::uint64_t* p, BitsD x) { std::memcpy(p, &x, sizeof x); }

// The first `count` < kDoubles numbers at p, and `fill` in the lanes after them.
template <class Real>
inline D load_some(const Real* p, std::size_t count, double fill) {
  D result = splat(fill);
  for (std::size_t i = 0; i < count; ++i) result[i] = static_cast<double>(p[i]);
  return result;
}

#if defined(__AVX512F__) && !defined(SOFTONNX_ARRAY_VECTORS)

inline D min(D a, D b) { return (D)_mm512_min_pd((__m512d)a, (__m512d)b); }
inline D max(D a, D b) { return (D)_mm512_max_pd((__m512d)a, (__m512d)b); }
inline F min(F a, F b) { return (F)_mm512_min_ps((__m512)a, (__m512)b); }
inline F max(F a, F b) { return (F)_mm512_max_ps((__m512)a, (__m512)b); }
inline double sum(D x) { return _mm512_reduce_add_pd((__m512d)x); }
inline bool any(MaskD mask) { return _mm512_movepi64_mask((__m512i)mask) != 0; }

#elif defined(__AVX2__) && !defined(SOFTONNX_ARRAY_VECTORS)

inline D min(D a, D b) { return (D)_mm256_min_pd((__m256d)a, (__m256d)b); }
inline D max(D a, D b) { return (D)_mm256_max_pd((__m256d)a, (__m256d)b); }
inline F min(F a, F b) { return (F)_mm256_min_ps((__m256)a, (__m256)b); }
inline F max(F a, F b) { return (F)_mm256_max_ps((__m256)a, (__m256)b); }
inline double sum(D x) {
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128((__m256d)x),
                                  _mm256_extractf128_pd((__m256d)x, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}
inline bool any(MaskD mask) { return _mm256_movemask_pd((__m256d)mask) != 0; }

#else

// The second operand where one is NaN, as the instructions of x86 do.
inline D min(D a, D b) { return select(a < b, a, b); }
inline D max(D a, D b) { return select(a > b, a, b); }
inline F min(F a, F b) { return select(a < b, a, b); }
inline F max(F a, F b) { return select(a > b, a, b); }
inline double sum(D x) {
  double result = x[0];
  for (std::size_t i = 1; i < kDoubles; ++i) result += x[i];
  return result;
}
inline bool any(MaskD mask) {
  bool result = false;
  for (std::size_t i = 0; i < kDoubles; ++i) result = result || mask[i];
  return result;
}

#endif

inline D abs(D x) { return from_bits(bits_of(x) & (~std::uint64_t{0} >> 1)); }
inline F abs(F x) { return from_bits(bits_of(x) & (~std::uint32_t{0} >> 1)); }

#if defined(__AVX512F__) && !defined(SOFTONNX_ARRAY_VECTORS)
inline float sum(F x) { return _mm512_reduce_add_ps((__m512)x); }
#else
inline float sum(F x) {
  // By halves, as an instruction set with vectors does it.
  float lane[kFloats];
  store(lane, x);
  for (std::size_t width = kFloats / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}
#endif

inline double largest_lane(D x) {
  double result = x[0];
  for (std::size_t i = 1; i < kDoubles; ++i) result = x[i] > result ? x[i] : result;
  return result;
}
