// One step of Adam, and of gradient descent with momentum, over the entries of a parameter.
#pragma once

#include <cstddef>

namespace softonnx {

enum class Decay { none, coupled, decoupled };

// Entries are handed out in chunks of this many.
constexpr std::size_t kStepChunk = 4096;

//   g += decay w                                       where weight decay is coupled
//   mean += (g - mean) enter1,  square = beta2 square + enter2 g^2
//   w = [decay] w - rate mean / (sqrt(square) / root + epsilon)     [where it is decoupled]
template <class Real>
struct AdamRows {
  const Real* w;
  const Real* g;
  const Real* mean;
  const Real* square;
  Real rate, root, enter1, beta2, enter2, epsilon, decay;
  Decay kind;
  Real* next;
  Real* next_mean;
  Real* next_square;
  std::size_t n;
};

//   g += decay w                                       where there is weight decay
//   v = momentum v + g
//   w = w - rate v, or w - rate (g + momentum v) by Nesterov
template <class Real>
struct MomentumRows {
  const Real* w;
  const Real* g;
  const Real* v;
  Real rate, momentum, decay;
  bool nesterov;
  Decay kind;
  Real* next;
  Real* next_v;
  std::size_t n;
};

// Chunks [begin, end).
template <class Rows>
using StepKernel = void (*)(const Rows& rows, std::size_t begin, std::size_t end);

}  // namespace softonnx
