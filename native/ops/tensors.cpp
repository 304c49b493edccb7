#include "tensors.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace softonnx {

ort::Status* invalid_argument(const ort::Api& api, const char* format, ...) {
  char message[256];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return api.CreateStatus(ort::ErrorCode::invalid_argument, message);
}

ort::Status* matrix_input(const ort::Api& api, const ort::KernelContext* context,
                          const char* operator_name, std::size_t index,
                          const char* argument_name, MatrixInput* result) {
  const ort::Value* value = nullptr;
  if (ort::Status* status = api.KernelContext_GetInput(context, index, &value)) return status;
  ort::TensorInfo* info = nullptr;
  if (ort::Status* status = api.GetTensorTypeAndShape(value, &info)) return status;
  std::size_t rank = 0;
  std::int64_t dims[2] = {0, 0};
  ort::Status* status = api.GetDimensionsCount(info, &rank);
  if (!status && rank == 2) status = api.GetDimensions(info, dims, rank);
  api.ReleaseTensorTypeAndShapeInfo(info);
  if (status) return status;
  if (rank != 2) {
    return invalid_argument(api, "%s: %s: expected rank 2, got rank %zu", operator_name,
                            argument_name, rank);
  }
  void* data = nullptr;
  // The interface has no read-only getter.
  status = api.GetTensorMutableData(const_cast<ort::Value*>(value), &data);
  *result = {data, dims[0], dims[1]};
  return status;
}

ort::Status* matrix_output(const ort::Api& api, ort::KernelContext* context, std::size_t index,
                           std::int64_t rows, std::int64_t columns, void** data) {
  const std::int64_t dims[2] = {rows, columns};
  ort::Value* value = nullptr;
  if (ort::Status* status = api.KernelContext_GetOutput(context, index, dims, 2, &value)) {
    return status;
  }
  return api.GetTensorMutableData(value, data);
}

namespace {

struct RowRanges {
  void (*body)(void*, std::size_t, std::size_t);
  void* data;
  std::size_t rows;
  std::size_t rows_per_range;
};

// Below this, waking a thread costs more than it saves.
constexpr double kWorthSharing = 50e3;
// Long enough that handing out a range is free, short enough that the last one is not waited for.
constexpr double kRangeCost = 20e3;

}  // namespace

ort::Status* for_row_ranges(const ort::Api& api, const ort::KernelContext* context,
                            std::size_t rows, double cost,
                            void (*body)(void* data, std::size_t begin, std::size_t end),
                            void* data) {
  if (rows < 2 || cost * static_cast<double>(rows) < kWorthSharing) {
    body(data, 0, rows);
    return nullptr;
  }
  const double ideal = std::max(1.0, kRangeCost / cost);
  RowRanges ranges{body, data, rows,
                   ideal < static_cast<double>(rows) ? static_cast<std::size_t>(ideal) : rows};
  const std::size_t count = (rows + ranges.rows_per_range - 1) / ranges.rows_per_range;
  return api.KernelContext_ParallelFor(
      context,
      [](void* pointer, std::size_t index) {
        const RowRanges& all = *static_cast<const RowRanges*>(pointer);
        const std::size_t begin = index * all.rows_per_range;
        all.body(all.data, begin, std::min(all.rows, begin + all.rows_per_range));
      },
      count, 0, &ranges);
}

}  // namespace softonnx
