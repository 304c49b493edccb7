// The Node addon. What it exports is private to src/runtime/native-addon.ts, which names the
// types; each function checks its arguments all the same, for nothing done in JavaScript may
// crash the process.
#include <node_api.h>

#include "beside.h"
#include "js.h"
#include "run.h"
#include "runtime.h"
#include "session.h"
#include "stepper.h"

namespace softonnx {
namespace {

// (libraries: string[], logSeverityLevel: number) => the version of ONNX Runtime. Throws an Error
// that says why there is no ONNX Runtime to work with.
napi_value attach(napi_env env, napi_callback_info info) try {
  napi_value arguments[2] = {nullptr, nullptr};
  std::size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const auto length = js::array_length(env, arguments[0]);
  if (!length) return js::throw_type_error(env, "expected an array of paths");
  std::vector<Path> candidates;
  for (std::size_t i = 0; i < *length; ++i) {
    const auto path = js::to_path(env, js::get(env, arguments[0], i));
    if (!path) return js::throw_type_error(env, "expected an array of paths");
    candidates.push_back(*path);
  }
  constexpr int kWarning = 2;
  const int severity = js::to_int(env, arguments[1]).value_or(kWarning);
  std::string error;
  const Runtime* runtime = attach_runtime(candidates, severity, &error);
  if (!runtime) {
    napi_throw_error(env, nullptr, error.c_str());
    return nullptr;
  }
  return js::string(env, runtime->version);
} catch (const std::exception& exception) {
  return js::throw_type_error(env, exception.what());
}

void set_function(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  js::set(env, exports, name, function);
}

}  // namespace
}  // namespace softonnx

NAPI_MODULE_INIT() {
  using namespace softonnx;
  set_function(env, exports, "attach", attach);
  set_function(env, exports, "createSession", create_session);
  set_function(env, exports, "run", run_session);
  set_function(env, exports, "dispose", dispose_session);
  set_function(env, exports, "endProfiling", end_profiling);
  set_function(env, exports, "timeSpent", time_spent);
  set_function(env, exports, "createStepper", create_stepper);
  set_function(env, exports, "step", step);
  set_function(env, exports, "runBeside", run_beside);
  set_function(env, exports, "readState", read_state);
  set_function(env, exports, "writeState", write_state);
  set_function(env, exports, "disposeStepper", dispose_stepper);
  return exports;
}
