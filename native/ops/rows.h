// Running a kernel over the rows of a batch, on the threads of the session.
#pragma once

#include <atomic>
#include <cstddef>

#include "scratch.h"
#include "tensors.h"

namespace softonnx {

// kernel.run(rows, begin, end, block) over [0, batch), each call with scratch memory of its own.
// `cost` is roughly the number of nanoseconds that one row takes.
template <class Kernel, class Rows>
ort::Status* run_rows(const ort::Api& api, const ort::KernelContext* context, const char* name,
                      const Kernel& kernel, const Rows& rows, std::size_t bytes,
                      std::size_t batch, double cost) {
  struct Task {
    const Kernel& kernel;
    const Rows& rows;
    std::size_t bytes;
    std::atomic<bool> failed;
  } task{kernel, rows, bytes, {false}};
  if (batch == 0) return nullptr;
  ort::Status* status = for_row_ranges(
      api, context, batch, cost,
      [](void* data, std::size_t begin, std::size_t end) {
        Task& own = *static_cast<Task*>(data);
        if (void* block = thread_scratch(own.bytes)) {
          own.kernel.run(own.rows, begin, end, block);
          trim_thread_scratch();
        } else {
          own.failed = true;
        }
      },
      &task);
  if (status || !task.failed) return status;
  return failure(api, "%s: out of memory for %zu bytes of scratch", name, bytes);
}

// kernel(rows, begin, end) over [0, chunks), for kernels that need no scratch memory. `cost` is roughly the
// number of nanoseconds that one chunk takes.
template <class Rows>
ort::Status* run_chunks(const ort::Api& api, const ort::KernelContext* context,
                        void (*kernel)(const Rows&, std::size_t, std::size_t), const Rows& rows,
                        std::size_t chunks, double cost) {
  struct Task {
    void (*kernel)(const Rows&, std::size_t, std::size_t);
    const Rows& rows;
  } task{kernel, rows};
  if (chunks == 0) return nullptr;
  return for_row_ranges(
      api, context, chunks, cost,
      [](void* data, std::size_t begin, std::size_t end) {
        const Task& own = *static_cast<const Task*>(data);
        own.kernel(own.rows, begin, end);
      },
      &task);
}

}  // namespace softonnx
