// exp and log over vectors, within a few units in the last place.

// Adding it to a number below 2^51 leaves the nearest integer in the low bits of the sum.
constexpr double kRoundDouble = 0x1.8p52;
constexpr float kRoundFloat = 0x1.8p23f;
constexpr double kLog2E = 0x1.71547652b82fep+0;
// The high part of ln 2 has zero bits at its end: an exponent times it is exact.
constexpr double kLn2High = 0x1.62e42fefa38p-1;
constexpr double kLn2Low = 0x1.ef35793c7673p-45;

constexpr double kExpLowest = -708.0;
constexpr double kExpHighest = 709.0;

// exp(x) for x <= 709, where it is 0 below -708 (there the result nears the subnormal range).
// Greater x give exp(709), NaN gives a number.
//
// x = k ln 2 + r with |r| <= ln(2) / 2; exp(r) by its Taylor series to r^13 (remainder 4e-18);
// 2^k added into the exponent field.
inline D exp_in_range(D x) {
  const D clamped = min(max(x, splat(kExpLowest)), splat(kExpHighest));
  const D shifted = clamped * kLog2E + kRoundDouble;
  const D k = shifted - kRoundDouble;
  const D r = (clamped - k * kLn2High) - k * kLn2Low;
  // Pairs of terms, so that the chain of dependent additions is half as long.
  const D r2 = r * r;
  D odd = r2 * (1.0 / 6227020800.0) + 1.0 / 39916800.0;
  D even = r2 * (1.0 / 479001600.0) + 1.0 / 3628800.0;
  odd = odd * r2 + 1.0 / 362880.0;
  even = even * r2 + 1.0 / 40320.0;
  odd = odd * r2 + 1.0 / 5040.0;
  even = even * r2 + 1.0 / 720.0;
  odd = odd * r2 + 1.0 / 120.0;
  even = even * r2 + 1.0 / 24.0;
  odd = odd * r2 + 1.0 / 6.0;
  even = even * r2 + 0.5;
  const D series = (r + r2 * (odd * r + even)) + 1.0;
  const D scaled = from_bits(bits_of(series) + (bits_of(shifted) << 52));
  return select(x > splat(kExpLowest), scaled, splat(0.0));
}

inline double exp_in_range(double x) { return exp_in_range(splat(x))[0]; }

// The same in float: for x <= 88, 0 below -87.
inline F exp_in_range(F x) {
  const F clamped = min(max(x, splat(-87.0f)), splat(88.0f));
  const F shifted = clamped * 0x1.715476p+0f + kRoundFloat;
  const F k = shifted - kRoundFloat;
  // Eleven bits of ln 2, and the rest.
  const F r = (clamped - k * 0x1.62ep-1f) - k * 0x1.0bfbe8p-15f;
  const F r2 = r * r;
  F odd = r2 * (1.0f / 5040.0f) + 1.0f / 120.0f;
  F even = r2 * (1.0f / 720.0f) + 1.0f / 24.0f;
  odd = odd * r2 + 1.0f / 6.0f;
  even = even * r2 + 0.5f;
  const F series = (r + r2 * (odd * r + even)) + 1.0f;
  const F scaled = from_bits(bits_of(series) + (bits_of(shifted) << 23));
  return select(x > splat(-87.0f), scaled, splat(0.0f));
}

// log(x) for normal positive x; other numbers give nonsense, which callers select away.
//
// x = 2^k m with m in [sqrt(1/2), sqrt(2)); log(m) = 2 atanh((m - 1) / (m + 1)) by its series.
inline D log_of_normal(D x) {
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdu;
  constexpr std::uint64_t kOne = 0x3ff0000000000000u;
  constexpr std::uint64_t kExponent = 0xfff0000000000000u;
  // The distance of the exponent from that of sqrt(1/2), in place.
  const BitsD apart = bits_of(x) - kSqrtHalf;
  const BitsD exponent = apart & kExponent;
  const D m = from_bits(bits_of(x) - exponent);
  // The exponent is small and signed: its bits are added into those of kRoundDouble.
  constexpr std::uint64_t kBias = 0x4330000000000000u + (std::uint64_t{1} << 51);
  const BitsD shifted_down = ((exponent + kOne) >> 52) + (kBias - 1023);
  const D k = from_bits(shifted_down) - kRoundDouble;
  const D f = m - 1.0;
  const D s = f / (m + 1.0);
  const D z = s * s;
  D tail = z * (2.0 / 23.0) + 2.0 / 21.0;
  tail = tail * z + 2.0 / 19.0;
  tail = tail * z + 2.0 / 17.0;
  tail = tail * z + 2.0 / 15.0;
  tail = tail * z + 2.0 / 13.0;
  tail = tail * z + 2.0 / 11.0;
  tail = tail * z + 2.0 / 9.0;
  tail = tail * z + 2.0 / 7.0;
  tail = tail * z + 2.0 / 5.0;
  tail = tail * z + 2.0 / 3.0;
  // 2s = f - s f, of which f is exact.
  const D rest = s * (z * tail - f) + k * kLn2Low;
  return k * kLn2High + (f + rest);
}
