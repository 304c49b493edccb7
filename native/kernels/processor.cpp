#include "processor.h"

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#define SOFTONNX_X64 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace softonnx {

#ifdef SOFTONNX_X64
namespace {

struct Registers {
  std::uint32_t a, b, c, d;
};

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
#if defined(_MSC_VER)
  int r[4];
  __cpuidex(r, static_cast<int>(leaf), static_cast<int>(subleaf));
  return {static_cast<std::uint32_t>(r[0]), static_cast<std::uint32_t>(r[1]),
          static_cast<std::uint32_t>(r[2]), static_cast<std::uint32_t>(r[3])};
#else
  Registers r{};
  __cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
  return r;
#endif
}

// The registers that the operating system saves when it switches threads.
std::uint64_t saved_state() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  std::uint32_t low;
  std::uint32_t high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
#endif
}

constexpr bool has(std::uint32_t bits, int bit) { return (bits >> bit & 1) != 0; }

}  // namespace

Processor processor() {
  if (cpuid(0, 0).a < 7) return {false, false};
  const Registers one = cpuid(1, 0);
  // XGETBV is there for programs to use, and so are AVX and FMA.
  if (!has(one.c, 27) || !has(one.c, 28) || !has(one.c, 12)) return {false, false};
  const std::uint64_t saved = saved_state();
  const Registers seven = cpuid(7, 0);
  const bool ymm = (saved & 0x6) == 0x6;
  const bool zmm = (saved & 0xe6) == 0xe6;
  const bool avx2 = ymm && has(seven.b, 5);
  return {avx2, avx2 && zmm && has(seven.b, 16) && has(seven.b, 17) && has(seven.b, 30) &&
                    has(seven.b, 31)};
}

#else

Processor processor() { return {false, false}; }

#endif

}  // namespace softonnx
