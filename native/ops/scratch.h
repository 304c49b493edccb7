// Scratch memory for kernels, kept by each thread from one call to the next.
#pragma once

#include <cstddef>

namespace softonnx {

// At least `bytes` at an address that is a multiple of 64, valid until this thread asks again or
// ends; null where memory has run out.
void* thread_scratch(std::size_t bytes);

// Gives back what is too large to keep.
void trim_thread_scratch();

}  // namespace softonnx
