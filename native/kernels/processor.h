// Which of the instruction sets that kernels are compiled for this processor, and the operating
// system on it, can run.
#pragma once

namespace softonnx {

struct Processor {
  bool avx2;    // with fused multiply-add
  bool avx512;  // F, DQ, BW and VL
};

Processor processor();

}  // namespace softonnx
