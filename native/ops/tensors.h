// Reading inputs and making outputs inside an operator's compute function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../ort_api.h"

namespace softonnx {

constexpr std::size_t kMaxRank = 16;

// The data is valid during the compute call only.
struct Input {
  const void* data;
  std::size_t rank;
  std::int64_t dims[kMaxRank];

  std::size_t size(std::size_t axis) const { return static_cast<std::size_t>(dims[axis]); }
  // The product of the sizes of the first `axes`.
  std::size_t count(std::size_t axes) const {
    std::size_t result = 1;
    for (std::size_t axis = 0; axis < axes; ++axis) result *= size(axis);
    return result;
  }
};

// One input as it must be: with this many axes. Errors name the operator and the argument.
ort::Status* read_input(const ort::Api& api, const ort::KernelContext* context,
                        const char* operator_name, std::size_t index, const char* argument_name,
                        std::size_t rank, Input* result);

// The same with any number of axes from `least_rank`.
ort::Status* read_any_input(const ort::Api& api, const ort::KernelContext* context,
                            const char* operator_name, std::size_t index,
                            const char* argument_name, std::size_t least_rank, Input* result);

// An error unless both have the same sizes.
ort::Status* require_same_shape(const ort::Api& api, const char* operator_name,
                                const char* argument_name, const Input& input,
                                const Input& expected);

ort::Status* make_output(const ort::Api& api, ort::KernelContext* context, std::size_t index,
                         const std::int64_t* dims, std::size_t rank, void** data);

// Null data where nothing reads the output.
ort::Status* make_optional_output(const ort::Api& api, ort::KernelContext* context,
                                  std::size_t index, const std::int64_t* dims, std::size_t rank,
                                  void** data);

ort::Status* invalid_argument(const ort::Api& api, const char* format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

ort::Status* failure(const ort::Api& api, const char* format, ...)
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
