#include "tensors.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace softonnx {

namespace {

ort::Status* error(const ort::Api& api, ort::ErrorCode code, const char* format,
                   std::va_list arguments) {
  char message[256];
  std::vsnprintf(message, sizeof message, format, arguments);
  return api.CreateStatus(code, message);
}

// "[2, 3]"
struct ShapeText {
  // A size has 20 characters at most.
  char text[kMaxRank * 22 + 2];

  explicit ShapeText(const Input& input) {
    std::size_t length = 0;
    text[length++] = '[';
    for (std::size_t i = 0; i < input.rank; ++i) {
      length += static_cast<std::size_t>(std::snprintf(text + length, sizeof text - length,
                                                       i == 0 ? "%lld" : ", %lld",
                                                       static_cast<long long>(input.dims[i])));
    }
    std::snprintf(text + length, sizeof text - length, "]");
  }
};

}  // namespace

ort::Status* invalid_argument(const ort::Api& api, const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  ort::Status* status = error(api, ort::ErrorCode::invalid_argument, format, arguments);
  va_end(arguments);
  return status;
}

ort::Status* failure(const ort::Api& api, const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  ort::Status* status = error(api, ort::ErrorCode::fail, format, arguments);
  va_end(arguments);
  return status;
}

namespace {

// The sizes are read if there are least_rank to most_rank of them.
ort::Status* read_tensor(const ort::Api& api, const ort::KernelContext* context, std::size_t index,
                         std::size_t least_rank, std::size_t most_rank, Input* result) {
  const ort::Value* value = nullptr;
  if (ort::Status* status = api.KernelContext_GetInput(context, index, &value)) return status;
  ort::TensorInfo* info = nullptr;
  if (ort::Status* status = api.GetTensorTypeAndShape(value, &info)) return status;
  *result = {};
  ort::Status* status = api.GetDimensionsCount(info, &result->rank);
  const bool fits = result->rank >= least_rank && result->rank <= most_rank;
  if (!status && fits && result->rank > 0) {
    status = api.GetDimensions(info, result->dims, result->rank);
  }
  api.ReleaseTensorTypeAndShapeInfo(info);
  if (status) return status;
  void* data = nullptr;
  // The interface has no read-only getter.
  status = api.GetTensorMutableData(const_cast<ort::Value*>(value), &data);
  result->data = data;
  return status;
}

}  // namespace

ort::Status* read_input(const ort::Api& api, const ort::KernelContext* context,
                        const char* operator_name, std::size_t index, const char* argument_name,
                        std::size_t rank, Input* result) {
  if (ort::Status* status = read_tensor(api, context, index, rank, rank, result)) return status;
  if (result->rank == rank) return nullptr;
  return invalid_argument(api, "%s: %s: expected rank %zu, got rank %zu", operator_name,
                          argument_name, rank, result->rank);
}

ort::Status* read_any_input(const ort::Api& api, const ort::KernelContext* context,
                            const char* operator_name, std::size_t index,
                            const char* argument_name, std::size_t least_rank, Input* result) {
  if (ort::Status* status = read_tensor(api, context, index, least_rank, kMaxRank, result)) {
    return status;
  }
  if (result->rank >= least_rank && result->rank <= kMaxRank) return nullptr;
  return invalid_argument(api, "%s: %s: expected rank %zu to %zu, got rank %zu", operator_name,
                          argument_name, least_rank, kMaxRank, result->rank);
}

ort::Status* require_same_shape(const ort::Api& api, const char* operator_name,
                                const char* argument_name, const Input& input,
                                const Input& expected) {
  bool same = input.rank == expected.rank;
  for (std::size_t i = 0; same && i < input.rank; ++i) same = input.dims[i] == expected.dims[i];
  if (same) return nullptr;
  return invalid_argument(api, "%s: %s: expected shape %s, got %s", operator_name, argument_name,
                          ShapeText(expected).text, ShapeText(input).text);
}

ort::Status* make_output(const ort::Api& api, ort::KernelContext* context, std::size_t index,
                         const std::int64_t* dims, std::size_t rank, void** data) {
  ort::Value* value = nullptr;
  if (ort::Status* status = api.KernelContext_GetOutput(context, index, dims, rank, &value)) {
    return status;
  }
  return api.GetTensorMutableData(value, data);
}

ort::Status* make_optional_output(const ort::Api& api, ort::KernelContext* context,
                                  std::size_t index, const std::int64_t* dims, std::size_t rank,
                                  void** data) {
  ort::Value* value = nullptr;
  if (ort::Status* status = api.KernelContext_GetOutput(context, index, dims, rank, &value)) {
    return status;
  }
  *data = nullptr;
  return value ? api.GetTensorMutableData(value, data) : nullptr;
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
