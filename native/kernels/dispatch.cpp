// Chooses among the kernels compiled for each instruction set.
#include <cstdlib>
#include <cstring>

#include "processor.h"
#include "table.h"

namespace softonnx {

namespace plain {
extern const KernelTable table;
}
#ifdef SOFTONNX_X64_KERNELS
namespace avx2 {
extern const KernelTable table;
}
namespace avx512 {
extern const KernelTable table;
}
#endif

KernelTables runnable_kernels() {
  KernelTables result{};
  result.table[result.count++] = &plain::table;
#ifdef SOFTONNX_X64_KERNELS
  const Processor own = processor();
  if (own.avx2) result.table[result.count++] = &avx2::table;
  if (own.avx512) result.table[result.count++] = &avx512::table;
#endif
  return result;
}

namespace {

const KernelTable& choose() {
  const KernelTables all = runnable_kernels();
  if (const char* wish = std::getenv("SOFTONNX_ISA")) {
    for (std::size_t i = 0; i < all.count; ++i) {
      if (std::strcmp(all.table[i]->name, wish) == 0) return *all.table[i];
    }
  }
  return *all.table[all.count - 1];
}

}  // namespace

const KernelTable& kernels() {
  static const KernelTable& chosen = choose();
  return chosen;
}

}  // namespace softonnx
