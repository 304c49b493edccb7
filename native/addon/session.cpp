#include "session.h"

#include <stdexcept>

#include "../library/register.h"
#include "js.h"
#include "session_options.h"
#include "work.h"
#include "wrapped.h"

namespace softonnx {
namespace {

constexpr Wrapped<Session> kWrapped({0x5c1b2f6d0a7e4931, 0x9f3e8d42b6a01c75}, "session");

// Throws where ONNX Runtime reports a failure: for use off the JavaScript thread.
void check(const ort::Api& api, ort::Status* status) {
  if (status) throw std::runtime_error(take_message(api, status));
}

std::string take_name(const Runtime& runtime, char* name) {
  std::string text(name);
  runtime.api->AllocatorFree(runtime.allocator, name);
  return text;
}

void read_type(const Runtime& runtime, ort::TypeInfo* info, Port* port) {
  const ort::Api& api = *runtime.api;
  const ort::TensorInfo* tensor = nullptr;
  check(api, api.CastTypeInfoToTensorInfo(info, &tensor));
  port->is_tensor = tensor != nullptr;
  if (!tensor) return;
  std::size_t rank = 0;
  check(api, api.GetTensorElementType(tensor, &port->type));
  check(api, api.GetDimensionsCount(tensor, &rank));
  port->dims.resize(rank);
  std::vector<const char*> names(rank, "");
  check(api, api.GetDimensions(tensor, port->dims.data(), rank));
  check(api, api.GetSymbolicDimensions(tensor, names.data(), rank));
  port->names.assign(names.begin(), names.end());
}

struct TypeInfoDeleter {
  const ort::Api& api;
  void operator()(ort::TypeInfo* info) const { api.ReleaseTypeInfo(info); }
};

std::vector<Port> read_ports(const Session& session, bool outputs) {
  const Runtime& runtime = session.runtime;
  const ort::Api& api = *runtime.api;
  std::size_t count = 0;
  check(api, outputs ? api.SessionGetOutputCount(session.handle, &count)
                     : api.SessionGetInputCount(session.handle, &count));
  std::vector<Port> ports(count);
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    check(api, outputs ? api.SessionGetOutputName(session.handle, i, runtime.allocator, &name)
                       : api.SessionGetInputName(session.handle, i, runtime.allocator, &name));
    ports[i].name = take_name(runtime, name);
    ort::TypeInfo* info = nullptr;
    check(api, outputs ? api.SessionGetOutputTypeInfo(session.handle, i, &info)
                       : api.SessionGetInputTypeInfo(session.handle, i, &info));
    const std::unique_ptr<ort::TypeInfo, TypeInfoDeleter> owned(info, TypeInfoDeleter{api});
    read_type(runtime, info, &ports[i]);
  }
  return ports;
}

napi_value port_object(napi_env env, const Port& port) {
  napi_value result = js::object(env);
  js::set(env, result, "name", js::string(env, port.name));
  js::set(env, result, "isTensor", js::boolean(env, port.is_tensor));
  if (!port.is_tensor) return result;
  js::set(env, result, "type", js::number(env, static_cast<int>(port.type)));
  napi_value shape = js::array(env, port.dims.size());
  for (std::size_t i = 0; i < port.dims.size(); ++i) {
    js::set(env, shape, i,
            port.dims[i] < 0 ? js::string(env, port.names[i])
                             : js::number(env, static_cast<double>(port.dims[i])));
  }
  js::set(env, result, "shape", shape);
  return result;
}

napi_value port_array(napi_env env, const std::vector<Port>& ports) {
  napi_value result = js::array(env, ports.size());
  for (std::size_t i = 0; i < ports.size(); ++i) {
    js::set(env, result, i, port_object(env, ports[i]));
  }
  return result;
}

class CreateWork final : public Work {
 public:
  explicit CreateWork(const Runtime& runtime) : session_(std::make_shared<Session>(runtime)) {}

  // Exactly one of the two sources is set.
  std::optional<Path> path;
  js::Bytes bytes{nullptr, 0};
  js::Pin source;
  SessionSettings settings;

 protected:
  std::string perform() override {
    const ort::Api& api = *session_->runtime.api;
    ort::SessionOptions* options = nullptr;
    ort::Status* status = api.CreateSessionOptions(&options);
    if (!status) status = apply_session_settings(api, settings, options);
    if (!status) status = register_operators(options, session_->runtime.base);
    if (!status) {
      status = path ? api.CreateSession(session_->runtime.env, path->c_str(), options,
                                        &session_->handle)
                    : api.CreateSessionFromArray(session_->runtime.env, bytes.data, bytes.length,
                                                 options, &session_->handle);
    }
    if (options) api.ReleaseSessionOptions(options);
    if (status) return take_message(api, status);
    session_->inputs = read_ports(*session_, false);
    session_->outputs = read_ports(*session_, true);
    return {};
  }

  napi_value finish(napi_env env) override {
    napi_value result = js::object(env);
    js::set(env, result, "inputs", port_array(env, session_->inputs));
    js::set(env, result, "outputs", port_array(env, session_->outputs));
    kWrapped.wrap(env, result, session_);
    return result;
  }

  void release(napi_env env) override { source.release(env); }

 private:
  std::shared_ptr<Session> session_;
};

napi_value first_argument(napi_env env, napi_callback_info info) {
  napi_value arguments[1] = {nullptr};
  std::size_t count = 1;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  return arguments[0];
}

}  // namespace

Session::~Session() {
  if (handle) runtime.api->ReleaseSession(handle);
}

napi_value create_session(napi_env env, napi_callback_info info) try {
  napi_value arguments[2] = {nullptr, nullptr};
  std::size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Runtime* runtime = attached_runtime();
  if (!runtime) return js::throw_type_error(env, "attach() has not succeeded yet");
  auto work = std::make_unique<CreateWork>(*runtime);
  work->path = js::to_path(env, arguments[0]);
  if (!work->path) {
    const auto bytes = js::to_bytes(env, arguments[0]);
    if (!bytes) return js::throw_type_error(env, "expected a model: a path or a Uint8Array");
    work->bytes = *bytes;
  }
  if (!read_session_settings(env, arguments[1], &work->settings)) return nullptr;
  work->source.hold(env, arguments[0]);
  return Work::start(env, std::move(work));
} catch (const std::exception& exception) {
  return js::throw_type_error(env, exception.what());
}

napi_value dispose_session(napi_env env, napi_callback_info info) {
  kWrapped.dispose(env, first_argument(env, info));
  return nullptr;
}

napi_value end_profiling(napi_env env, napi_callback_info info) try {
  const auto session = unwrap_session(env, first_argument(env, info));
  if (!session) return nullptr;
  const Runtime& runtime = session->runtime;
  char* file = nullptr;
  check(*runtime.api,
        runtime.api->SessionEndProfiling(session->handle, runtime.allocator, &file));
  return js::string(env, take_name(runtime, file));
} catch (const std::exception& exception) {
  return js::throw_type_error(env, exception.what());
}

napi_value time_spent(napi_env env, napi_callback_info info) {
  const auto session = unwrap_session(env, first_argument(env, info));
  if (!session) return nullptr;
  const std::chrono::duration<double, std::milli> spent = session->spent;
  napi_value result = nullptr;
  napi_create_double(env, spent.count(), &result);
  return result;
}

std::shared_ptr<Session> unwrap_session(napi_env env, napi_value object) {
  return kWrapped.unwrap(env, object);
}

}  // namespace softonnx
