// exp(x) for x <= 0, within 2 ulp, written so that a loop of calls becomes vector code. Below
// -708, where the result nears the subnormal range, it is exactly 0.
//
// x = k ln 2 + r with |r| <= ln(2) / 2, exp(r) by its Taylor series to r^13 (remainder 4e-18),
// 2^k added into the exponent field.
inline double exp_of_nonpositive(double x) {
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  // The high part of ln 2 has 12 zero bits at its end: k * kLn2High is exact.
  constexpr double kLn2High = 0x1.62e42fefa38p-1;
  constexpr double kLn2Low = 0x1.ef35793c7673p-45;
  // Adding it leaves the nearest integer in the low bits of the sum.
  constexpr double kRound = 0x1.8p52;

  const double clamped = x > -708.0 ? x : -708.0;
  const double shifted = clamped * kLog2E + kRound;
  const double k = shifted - kRound;
  const double r = (clamped - k * kLn2High) - k * kLn2Low;

  double tail = 1.0 / 6227020800.0;
  tail = tail * r + 1.0 / 479001600.0;
  tail = tail * r + 1.0 / 39916800.0;
  tail = tail * r + 1.0 / 3628800.0;
  tail = tail * r + 1.0 / 362880.0;
  tail = tail * r + 1.0 / 40320.0;
  tail = tail * r + 1.0 / 5040.0;
  tail = tail * r + 1.0 / 720.0;
  tail = tail * r + 1.0 / 120.0;
  tail = tail * r + 1.0 / 24.0;
  tail = tail * r + 1.0 / 6.0;
  tail = tail * r + 0.5;
  const double series = 1.0 + (r + r * r * tail);

  std::uint64_t bits;
  std::uint64_t exponent;
  std::memcpy(&bits, &series, sizeof bits);
  std::memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << 52;
  double scaled;
  std::memcpy(&scaled, &bits, sizeof scaled);
  return x > -708.0 ? scaled : 0.0;
}
