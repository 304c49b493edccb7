// Reading inputs and making outputs inside an operator's compute function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../ort_api.h"

namespace softonnx {

// A [rows, columns] input. The data is valid during the compute call only.
struct MatrixInput {
  const void* data;
  std::int64_t rows;
  std::int64_t columns;
};

// An error naming the operator and the argument where the input is not of rank 2.
ort::Status* matrix_input(const ort::Api& api, const ort::KernelContext* context,
                          const char* operator_name, std::size_t index,
                          const char* argument_name, MatrixInput* result);

ort::Status* matrix_output(const ort::Api& api, ort::KernelContext* context, std::size_t index,
                           std::int64_t rows, std::int64_t columns, void** data);

ort::Status* invalid_argument(const ort::Api& api, const char* format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

// Runs body(data, begin, end) over [0, rows), on the threads of the session where the work is
// worth sharing. `cost` is roughly the number of nanoseconds that one row takes. Nothing that
// body computes may depend on how the rows are divided.
ort::Status* for_row_ranges(const ort::Api& api, const ort::KernelContext* context,
                            std::size_t rows, double cost,
                            void (*body)(void* data, std::size_t begin, std::size_t end),
                            void* data);

}  // namespace softonnx
