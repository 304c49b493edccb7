// Optimizer steps: plain loops, which the compiler makes vectors of.

template <class Rows, class Loop>
inline void over_chunks(const Rows& rows, std::size_t begin, std::size_t end, Loop loop) {
  const std::size_t to = end * kStepChunk < rows.n ? end * kStepChunk : rows.n;
  loop(begin * kStepChunk, to);
}

template <Decay kind, class Real>
inline void adam_loop(const AdamRows<Real>& rows, std::size_t from, std::size_t to) {
  // As locals, since the outputs might be taken to be these.
  const Real* const __restrict w = rows.w;
  const Real* const __restrict gradient = rows.g;
  const Real* const __restrict mean = rows.mean;
  const Real* const __restrict square = rows.square;
  Real* const __restrict next = rows.next;
  Real* const __restrict next_mean = rows.next_mean;
  Real* const __restrict next_square = rows.next_square;
  const Real rate = rows.rate, root = rows.root, enter1 = rows.enter1, beta2 = rows.beta2;
  const Real enter2 = rows.enter2, epsilon = rows.epsilon, decay = rows.decay;
  for (std::size_t i = from; i < to; ++i) {
    const Real g = kind == Decay::coupled ? gradient[i] + w[i] * decay : gradient[i];
    const Real m = mean[i] + (g - mean[i]) * enter1;
    const Real s = square[i] * beta2 + g * g * enter2;
    const Real move = m / (std::sqrt(s) / root + epsilon) * rate;
    next[i] = (kind == Decay::decoupled ? w[i] * decay : w[i]) - move;
    next_mean[i] = m;
    next_square[i] = s;
  }
}

template <class Real>
void adam_chunks(const AdamRows<Real>& rows, std::size_t begin, std::size_t end) {
  over_chunks(rows, begin, end, [&](std::size_t from, std::size_t to) {
    switch (rows.kind) {
      case Decay::none: return adam_loop<Decay::none>(rows, from, to);
      case Decay::coupled: return adam_loop<Decay::coupled>(rows, from, to);
      case Decay::decoupled: return adam_loop<Decay::decoupled>(rows, from, to);
    }
  });
}

template <bool nesterov, bool decays, class Real>
inline void momentum_loop(const MomentumRows<Real>& rows, std::size_t from, std::size_t to) {
  const Real* const __restrict w = rows.w;
  const Real* const __restrict gradient = rows.g;
  const Real* const __restrict v = rows.v;
  Real* const __restrict next = rows.next;
  Real* const __restrict next_v = rows.next_v;
  const Real rate = rows.rate, momentum = rows.momentum, decay = rows.decay;
  for (std::size_t i = from; i < to; ++i) {
    const Real g = decays ? gradient[i] + w[i] * decay : gradient[i];
    const Real velocity = v[i] * momentum + g;
    next[i] = w[i] - (nesterov ? g + velocity * momentum : velocity) * rate;
    next_v[i] = velocity;
  }
}

template <class Real>
void momentum_chunks(const MomentumRows<Real>& rows, std::size_t begin, std::size_t end) {
  over_chunks(rows, begin, end, [&](std::size_t from, std::size_t to) {
    const bool decays = rows.kind != Decay::none;
    if (rows.nesterov) {
      decays ? momentum_loop<true, true>(rows, from, to) : momentum_loop<true, false>(rows, from, to);
    } else {
      decays ? momentum_loop<false, true>(rows, from, to)
             : momentum_loop<false, false>(rows, from, to);
    }
  });
}
