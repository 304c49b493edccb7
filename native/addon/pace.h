// Whether a run is better made on the JavaScript thread than handed to another.
//
// Handing it over and coming back takes 15 to 20 µs, more than a small model does. So runs that
// proved quick are made where they are asked for; but the event loop gets its turn once a
// millisecond, and a model that takes long once is handed over until it has been quick again for
// a while. Used on the JavaScript thread alone.
#pragma once

#include <chrono>
#include <cstddef>

namespace softonnx {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  // `bytes` is how much the run is fed: what was quick for less says nothing.
  bool stays(std::size_t bytes) const {
    return quick_runs_ >= kEnough && bytes <= quick_bytes_ && Clock::now() - turn_ < kPatience;
  }

  // After each run, whether it failed or not.
  void record(std::size_t bytes, Clock::duration took, bool stayed) {
    if (!stayed) turn_ = Clock::now();
    if (took > kQuick) {
      quick_runs_ = 0;
      quick_bytes_ = 0;
    } else {
      if (quick_runs_ < kEnough) ++quick_runs_;
      if (bytes > quick_bytes_) quick_bytes_ = bytes;
    }
  }

 private:
  static constexpr std::chrono::microseconds kQuick{50};
  static constexpr std::chrono::milliseconds kPatience{1};
  static constexpr int kEnough = 4;

  int quick_runs_ = 0;
  std::size_t quick_bytes_ = 0;
  // When the event loop was last seen to turn.
  Clock::time_point turn_{};
};

}  // namespace softonnx
