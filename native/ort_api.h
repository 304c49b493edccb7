// The part of ONNX Runtime's C interface that this library calls.
//
// ONNX Runtime publishes one table of function pointers that only ever grows at its end, so a
// slot's number and signature hold for every later version. The numbers below were checked
// against the public header include/onnxruntime/core/session/onnxruntime_c_api.h of 1.29
// (ORT_API_VERSION 29): comments and preprocessor lines removed, the members of the table's
// struct counted from 0 in order of declaration, each name below found at its number; and once
// more against the list of the same table in csharp/src/Microsoft.ML.OnnxRuntime. Sessions were
// made and run through these numbers with 1.17.3 and 1.30.0, and library/interface.cpp tries some
// of them on whatever version it meets.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef _WIN32
#define SOFTONNX_ORT_CALL __stdcall
#else
#define SOFTONNX_ORT_CALL
#endif

namespace softonnx::ort {

#ifdef _WIN32
using PathChar = wchar_t;
#else
using PathChar = char;
#endif

// The oldest interface that has every slot below (KernelContext_ParallelFor came with 1.17).
constexpr uint32_t kApiVersion = 17;

struct Allocator;
struct CustomOpDomain;
struct Env;
struct KernelContext;
struct KernelInfo;
struct MemoryInfo;
struct RunOptions;
struct Session;
struct SessionOptions;
struct ShapeInferContext;
struct Status;
struct TensorInfo;
struct TypeInfo;
struct Value;
struct CustomOp;

enum class ErrorCode : int { fail = 1, invalid_argument = 2 };

enum class ElementType : int {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
};

enum class ValueKind : int { unknown = 0, tensor = 1 };

constexpr int kDeviceAllocator = 0;
constexpr int kDefaultMemory = 0;

// A null Status is success; a non-null one is owned by the caller.
struct Api {
  using Slot = void (*)();
  Slot slots[275];

#define SOFTONNX_ORT_SLOT(number, Result, Name, ...)                                       \
  template <class... Arguments>                                                            \
  Result Name(Arguments... arguments) const {                                              \
    return reinterpret_cast<Result(SOFTONNX_ORT_CALL*)(__VA_ARGS__)>(slots[number])(arguments...); \
  }

  SOFTONNX_ORT_SLOT(0, Status*, CreateStatus, ErrorCode, const char* message)
  SOFTONNX_ORT_SLOT(1, ErrorCode, GetErrorCode, const Status*)
  SOFTONNX_ORT_SLOT(2, const char*, GetErrorMessage, const Status*)
  SOFTONNX_ORT_SLOT(3, Status*, CreateEnv, int severity, const char* log_id, Env**)
  SOFTONNX_ORT_SLOT(7, Status*, CreateSession, const Env*, const PathChar* path,
                    const SessionOptions*, Session**)
  SOFTONNX_ORT_SLOT(8, Status*, CreateSessionFromArray, const Env*, const void* bytes,
                    size_t length, const SessionOptions*, Session**)
  SOFTONNX_ORT_SLOT(9, Status*, Run, Session*, const RunOptions*, const char* const* input_names,
                    const Value* const* inputs, size_t input_count,
                    const char* const* output_names, size_t output_count, Value** outputs)
  SOFTONNX_ORT_SLOT(10, Status*, CreateSessionOptions, SessionOptions**)
  SOFTONNX_ORT_SLOT(11, Status*, SetOptimizedModelFilePath, SessionOptions*, const PathChar*)
  SOFTONNX_ORT_SLOT(13, Status*, SetSessionExecutionMode, SessionOptions*, int mode)
  SOFTONNX_ORT_SLOT(14, Status*, EnableProfiling, SessionOptions*, const PathChar* prefix)
  SOFTONNX_ORT_SLOT(17, Status*, DisableMemPattern, SessionOptions*)
  SOFTONNX_ORT_SLOT(19, Status*, DisableCpuMemArena, SessionOptions*)
  SOFTONNX_ORT_SLOT(20, Status*, SetSessionLogId, SessionOptions*, const char*)
  SOFTONNX_ORT_SLOT(21, Status*, SetSessionLogVerbosityLevel, SessionOptions*, int)
  SOFTONNX_ORT_SLOT(22, Status*, SetSessionLogSeverityLevel, SessionOptions*, int)
  SOFTONNX_ORT_SLOT(23, Status*, SetSessionGraphOptimizationLevel, SessionOptions*, int)
  SOFTONNX_ORT_SLOT(24, Status*, SetIntraOpNumThreads, SessionOptions*, int)
  SOFTONNX_ORT_SLOT(25, Status*, SetInterOpNumThreads, SessionOptions*, int)
  SOFTONNX_ORT_SLOT(26, Status*, CreateCustomOpDomain, const char* name, CustomOpDomain**)
  SOFTONNX_ORT_SLOT(27, Status*, CustomOpDomain_Add, CustomOpDomain*, const CustomOp*)
  SOFTONNX_ORT_SLOT(28, Status*, AddCustomOpDomain, SessionOptions*, CustomOpDomain*)
  SOFTONNX_ORT_SLOT(30, Status*, SessionGetInputCount, const Session*, size_t*)
  SOFTONNX_ORT_SLOT(31, Status*, SessionGetOutputCount, const Session*, size_t*)
  SOFTONNX_ORT_SLOT(33, Status*, SessionGetInputTypeInfo, const Session*, size_t, TypeInfo**)
  SOFTONNX_ORT_SLOT(34, Status*, SessionGetOutputTypeInfo, const Session*, size_t, TypeInfo**)
  SOFTONNX_ORT_SLOT(36, Status*, SessionGetInputName, const Session*, size_t, Allocator*, char**)
  SOFTONNX_ORT_SLOT(37, Status*, SessionGetOutputName, const Session*, size_t, Allocator*, char**)
  SOFTONNX_ORT_SLOT(39, Status*, CreateRunOptions, RunOptions**)
  SOFTONNX_ORT_SLOT(40, Status*, RunOptionsSetRunLogVerbosityLevel, RunOptions*, int)
  SOFTONNX_ORT_SLOT(41, Status*, RunOptionsSetRunLogSeverityLevel, RunOptions*, int)
  SOFTONNX_ORT_SLOT(42, Status*, RunOptionsSetRunTag, RunOptions*, const char*)
  SOFTONNX_ORT_SLOT(46, Status*, RunOptionsSetTerminate, RunOptions*)
  SOFTONNX_ORT_SLOT(48, Status*, CreateTensorAsOrtValue, Allocator*, const int64_t* dims,
                    size_t rank, ElementType, Value**)
  SOFTONNX_ORT_SLOT(49, Status*, CreateTensorWithDataAsOrtValue, const MemoryInfo*, void* data,
                    size_t bytes, const int64_t* dims, size_t rank, ElementType, Value**)
  SOFTONNX_ORT_SLOT(51, Status*, GetTensorMutableData, Value*, void**)
  SOFTONNX_ORT_SLOT(53, Status*, GetStringTensorDataLength, const Value*, size_t*)
  SOFTONNX_ORT_SLOT(54, Status*, GetStringTensorContent, const Value*, void* bytes, size_t length,
                    size_t* offsets, size_t count)
  SOFTONNX_ORT_SLOT(55, Status*, CastTypeInfoToTensorInfo, const TypeInfo*, const TensorInfo**)
  SOFTONNX_ORT_SLOT(57, Status*, CreateTensorTypeAndShapeInfo, TensorInfo**)
  SOFTONNX_ORT_SLOT(58, Status*, SetTensorElementType, TensorInfo*, ElementType)
  SOFTONNX_ORT_SLOT(59, Status*, SetDimensions, TensorInfo*, const int64_t*, size_t rank)
  SOFTONNX_ORT_SLOT(60, Status*, GetTensorElementType, const TensorInfo*, ElementType*)
  SOFTONNX_ORT_SLOT(61, Status*, GetDimensionsCount, const TensorInfo*, size_t*)
  SOFTONNX_ORT_SLOT(62, Status*, GetDimensions, const TensorInfo*, int64_t*, size_t rank)
  SOFTONNX_ORT_SLOT(63, Status*, GetSymbolicDimensions, const TensorInfo*, const char**,
                    size_t rank)
  SOFTONNX_ORT_SLOT(65, Status*, GetTensorTypeAndShape, const Value*, TensorInfo**)
  SOFTONNX_ORT_SLOT(67, Status*, GetValueType, const Value*, ValueKind*)
  SOFTONNX_ORT_SLOT(69, Status*, CreateCpuMemoryInfo, int allocator, int memory, MemoryInfo**)
  SOFTONNX_ORT_SLOT(76, Status*, AllocatorFree, Allocator*, void*)
  SOFTONNX_ORT_SLOT(78, Status*, GetAllocatorWithDefaultOptions, Allocator**)
  SOFTONNX_ORT_SLOT(90, Status*, KernelContext_GetInput, const KernelContext*, size_t,
                    const Value**)
  SOFTONNX_ORT_SLOT(91, Status*, KernelContext_GetOutput, KernelContext*, size_t,
                    const int64_t* dims, size_t rank, Value**)
  SOFTONNX_ORT_SLOT(93, void, ReleaseStatus, Status*)
  SOFTONNX_ORT_SLOT(95, void, ReleaseSession, Session*)
  SOFTONNX_ORT_SLOT(96, void, ReleaseValue, Value*)
  SOFTONNX_ORT_SLOT(97, void, ReleaseRunOptions, RunOptions*)
  SOFTONNX_ORT_SLOT(98, void, ReleaseTypeInfo, TypeInfo*)
  SOFTONNX_ORT_SLOT(99, void, ReleaseTensorTypeAndShapeInfo, TensorInfo*)
  SOFTONNX_ORT_SLOT(100, void, ReleaseSessionOptions, SessionOptions*)
  SOFTONNX_ORT_SLOT(110, Status*, SessionEndProfiling, Session*, Allocator*, char** file)
  SOFTONNX_ORT_SLOT(124, Status*, AddFreeDimensionOverrideByName, SessionOptions*, const char*,
                    int64_t)
  SOFTONNX_ORT_SLOT(130, Status*, AddSessionConfigEntry, SessionOptions*, const char* key,
                    const char* value)
  SOFTONNX_ORT_SLOT(165, Status*, AddRunConfigEntry, RunOptions*, const char* key,
                    const char* value)
  SOFTONNX_ORT_SLOT(228, Status*, RegisterCustomOpsLibrary_V2, SessionOptions*, const PathChar*)
  SOFTONNX_ORT_SLOT(252, Status*, GetResizedStringTensorElementBuffer, Value*, size_t index,
                    size_t length, char** buffer)
  SOFTONNX_ORT_SLOT(268, Status*, ShapeInferContext_GetInputTypeShape, const ShapeInferContext*,
                    size_t, TensorInfo**)
  SOFTONNX_ORT_SLOT(270, Status*, ShapeInferContext_SetOutputTypeShape, const ShapeInferContext*,
                    size_t, const TensorInfo*)
  SOFTONNX_ORT_SLOT(271, Status*, SetSymbolicDimensions, TensorInfo*, const char**, size_t rank)
  SOFTONNX_ORT_SLOT(274, Status*, KernelContext_ParallelFor, const KernelContext*,
                    void (*body)(void*, size_t), size_t count, size_t batches, void* data)

#undef SOFTONNX_ORT_SLOT
};

// What OrtGetApiBase() returns.
struct ApiBase {
  const Api*(SOFTONNX_ORT_CALL* GetApi)(uint32_t version);
  const char*(SOFTONNX_ORT_CALL* GetVersionString)();
};

// One custom operator, as ONNX Runtime reads it; the layout of interface version 17. A field
// that is null is not supplied. `version` bounds which of the fields are read.
struct CustomOp {
  uint32_t version;
  void*(SOFTONNX_ORT_CALL* create)(const CustomOp*, const Api*, const KernelInfo*);
  const char*(SOFTONNX_ORT_CALL* name)(const CustomOp*);
  const char*(SOFTONNX_ORT_CALL* provider)(const CustomOp*);
  ElementType(SOFTONNX_ORT_CALL* input_type)(const CustomOp*, size_t);
  size_t(SOFTONNX_ORT_CALL* input_count)(const CustomOp*);
  ElementType(SOFTONNX_ORT_CALL* output_type)(const CustomOp*, size_t);
  size_t(SOFTONNX_ORT_CALL* output_count)(const CustomOp*);
  void(SOFTONNX_ORT_CALL* compute)(void*, KernelContext*);
  void(SOFTONNX_ORT_CALL* destroy)(void*);
  int(SOFTONNX_ORT_CALL* input_presence)(const CustomOp*, size_t);
  int(SOFTONNX_ORT_CALL* output_presence)(const CustomOp*, size_t);
  int(SOFTONNX_ORT_CALL* input_memory)(const CustomOp*, size_t);
  int(SOFTONNX_ORT_CALL* variadic_input_min)(const CustomOp*);
  int(SOFTONNX_ORT_CALL* variadic_input_homogeneous)(const CustomOp*);
  int(SOFTONNX_ORT_CALL* variadic_output_min)(const CustomOp*);
  int(SOFTONNX_ORT_CALL* variadic_output_homogeneous)(const CustomOp*);
  Status*(SOFTONNX_ORT_CALL* try_create)(const CustomOp*, const Api*, const KernelInfo*, void**);
  Status*(SOFTONNX_ORT_CALL* try_compute)(void*, KernelContext*);
  Status*(SOFTONNX_ORT_CALL* infer_shapes)(const CustomOp*, ShapeInferContext*);
  int(SOFTONNX_ORT_CALL* first_version)(const CustomOp*);
  int(SOFTONNX_ORT_CALL* last_version)(const CustomOp*);
};

}  // namespace softonnx::ort
