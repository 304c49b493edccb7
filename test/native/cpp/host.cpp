// A host of ONNX Runtime without Node: `host <libonnxruntime> <softonnx_ops> <model> v...` runs a
// model with inputs v [1, n] and mass [1, 1] = 1 in float64, and prints its first output.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../../native/ort_api.h"

using namespace softonnx::ort;

static const Api* api;

static void check(Status* status) {
  if (!status) return;
  std::printf("%s\n", api->GetErrorMessage(status));
  std::exit(1);
}

static Value* tensor(const MemoryInfo* memory, std::vector<double>& data) {
  const std::int64_t dims[2] = {1, static_cast<std::int64_t>(data.size())};
  Value* value = nullptr;
  check(api->CreateTensorWithDataAsOrtValue(memory, data.data(), data.size() * sizeof(double),
                                            dims, 2, ElementType::float64, &value));
  return value;
}

int main(int count, char** arguments) {
  void* library = count < 5 ? nullptr : dlopen(arguments[1], RTLD_NOW);
  if (!library) return std::printf("no library\n"), 1;
  const auto base = reinterpret_cast<const ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"))();
  api = base->GetApi(kApiVersion);

  Env* env = nullptr;
  SessionOptions* options = nullptr;
  Session* session = nullptr;
  MemoryInfo* memory = nullptr;
  check(api->CreateEnv(2, "host", &env));
  check(api->CreateSessionOptions(&options));
  check(api->RegisterCustomOpsLibrary_V2(options, arguments[2]));
  check(api->CreateSession(env, arguments[3], options, &session));
  api->ReleaseSessionOptions(options);
  check(api->CreateCpuMemoryInfo(kDeviceAllocator, kDefaultMemory, &memory));

  std::vector<double> v;
  for (int i = 4; i < count; ++i) v.push_back(std::atof(arguments[i]));
  std::vector<double> mass{1};
  const Value* inputs[2] = {tensor(memory, v), tensor(memory, mass)};
  const char* input_names[2] = {"v", "mass"};
  const char* output_names[1] = {"t"};
  Value* output = nullptr;
  check(api->Run(session, nullptr, input_names, inputs, 2, output_names, 1, &output));
  void* data = nullptr;
  check(api->GetTensorMutableData(output, &data));
  std::printf("%.6f\n", *static_cast<double*>(data));
  api->ReleaseValue(output);
  api->ReleaseSession(session);
}
