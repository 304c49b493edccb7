#include "scratch.h"

#include <cstdint>
#include <cstdlib>

namespace softonnx {
namespace {

// Fresh memory costs a page fault each 4 KB, more than many kernels take; but what a thread keeps
// is lost to all others.
constexpr std::size_t kMostKept = std::size_t{8} << 20;
constexpr std::size_t kAlignment = 64;

struct Kept {
  void* memory = nullptr;
  std::size_t size = 0;

  ~Kept() { std::free(memory); }

  void resize(std::size_t bytes) {
    std::free(memory);
    memory = bytes > 0 ? std::malloc(bytes) : nullptr;
    size = memory ? bytes : 0;
  }
};

thread_local Kept kept;

}  // namespace

void* thread_scratch(std::size_t bytes) {
  if (bytes > SIZE_MAX - kAlignment) return nullptr;
  const std::size_t wanted = bytes + kAlignment;
  if (wanted > kept.size) kept.resize(wanted);
  if (!kept.memory) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(kept.memory);
  return reinterpret_cast<void*>((address + kAlignment - 1) / kAlignment * kAlignment);
}

void trim_thread_scratch() {
  if (kept.size > kMostKept) kept.resize(0);
}

}  // namespace softonnx
