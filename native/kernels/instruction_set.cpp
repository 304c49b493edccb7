// Every kernel, compiled for one instruction set. The build compiles this file once for each,
// with SOFTONNX_ISA naming it; each copy lives in a namespace of its own, so that the linker
// cannot fold two of them into the one that an older processor must not run. For the same
// reason the .inl files share no function templates with code outside this namespace.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "table.h"

#define SOFTONNX_TEXT(name) #name
#define SOFTONNX_NAME(name) SOFTONNX_TEXT(name)

namespace softonnx::SOFTONNX_ISA {

namespace {
#include "simd.inl"
#include "math.inl"
#include "lanes.inl"
#include "simplex_threshold.inl"

template <class Real>
constexpr RealKernels<Real> all() {
  return {
      {threshold_rows<Projection::smooth, Real>, threshold_rows<Projection::c0, Real>,
       threshold_rows<Projection::c1, Real>, threshold_rows<Projection::c2, Real>},
  };
}

}  // namespace

extern const KernelTable table;

const KernelTable table = {SOFTONNX_NAME(SOFTONNX_ISA), all<float>(), all<double>()};

}  // namespace softonnx::SOFTONNX_ISA
