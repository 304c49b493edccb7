// Every kernel, compiled for one instruction set. The build compiles this file once for each,
// with SOFTONNX_ISA naming it; each copy lives in a namespace of its own, so that the linker
// cannot fold two of them into the one that an older processor must not run. For the same
// reason the .inl files share no function templates with code outside this namespace.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "table.h"

namespace softonnx::SOFTONNX_ISA {

namespace {
#include "exp.inl"
#include "lanes.inl"
#include "simplex_threshold.inl"
}  // namespace

extern const KernelTable table;

const KernelTable table = {
    {threshold_rows<Projection::smooth, float>, threshold_rows<Projection::c0, float>,
     threshold_rows<Projection::c1, float>, threshold_rows<Projection::c2, float>},
    {threshold_rows<Projection::smooth, double>, threshold_rows<Projection::c0, double>,
     threshold_rows<Projection::c1, double>, threshold_rows<Projection::c2, double>},
};

}  // namespace softonnx::SOFTONNX_ISA
