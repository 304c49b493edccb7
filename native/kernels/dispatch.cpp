#include "table.h"

namespace softonnx {

namespace plain {
extern const KernelTable table;
}

const KernelTable& kernels() { return plain::table; }

}  // namespace softonnx
