#include "run.h"

#include "js.h"
#include "session.h"
#include "session_options.h"
#include "tensor.h"
#include "work.h"

namespace softonnx {
namespace {

struct RunSettings {
  std::optional<int> log_severity;
  std::optional<int> log_verbosity;
  std::optional<std::string> tag;
  std::vector<std::pair<std::string, std::string>> config;

  bool any() const { return log_severity || log_verbosity || tag || !config.empty(); }
};

class RunWork final : public Work {
 public:
  explicit RunWork(std::shared_ptr<Session> session) : session_(std::move(session)) {}

  bool read_feeds(napi_env env, napi_value feeds) {
    const auto count = js::array_length(env, feeds);
    if (!count || *count != session_->inputs.size()) {
      js::throw_type_error(env, "expected one feed for each input");
      return false;
    }
    for (std::size_t i = 0; i < *count; ++i) {
      napi_value tensor = js::get(env, feeds, i);
      const std::string& name = session_->inputs[i].name;
      TensorValue value(*session_->runtime.api);
      if (!tensor_from_js(env, session_->runtime, tensor, "input " + name, false, &value)) {
        return false;
      }
      input_names_.push_back(name.c_str());
      inputs_.push_back(std::move(value));
    }
    feeds_.hold(env, feeds);
    return true;
  }

  bool read_fetches(napi_env env, napi_value fetches) {
    const auto count = js::array_length(env, fetches);
    if (!count) {
      js::throw_type_error(env, "expected an array of fetches");
      return false;
    }
    for (std::size_t i = 0; i < *count; ++i) {
      napi_value fetch = js::get(env, fetches, i);
      const auto index = js::to_int(env, js::get(env, fetch, "output"));
      if (!index || *index < 0 || static_cast<std::size_t>(*index) >= session_->outputs.size()) {
        js::throw_type_error(env, "no such output");
        return false;
      }
      const std::string& name = session_->outputs[static_cast<std::size_t>(*index)].name;
      napi_value into = js::get(env, fetch, "into");
      TensorValue value(*session_->runtime.api);
      const bool given = !js::is_nullish(env, into);
      if (given &&
          !tensor_from_js(env, session_->runtime, into, "output " + name, true, &value)) {
        return false;
      }
      output_names_.push_back(name.c_str());
      given_.push_back(given);
      outputs_.push_back(std::move(value));
    }
    fetches_.hold(env, fetches);
    return true;
  }

  bool read_options(napi_env env, napi_value options) {
    if (js::is_nullish(env, options)) return true;
    settings_.log_severity = js::to_int(env, js::get(env, options, "logSeverityLevel"));
    settings_.log_verbosity = js::to_int(env, js::get(env, options, "logVerbosityLevel"));
    settings_.tag = js::to_string(env, js::get(env, options, "tag"));
    return read_config(env, js::get(env, options, "config"), "extra", &settings_.config);
  }

  // Where reading failed and the work was not started.
  void abandon(napi_env env) { release(env); }

 protected:
  std::string perform() override {
    const ort::Api& api = *session_->runtime.api;
    ort::RunOptions* options = nullptr;
    ort::Status* status = settings_.any() ? make_options(api, &options) : nullptr;
    if (!status) status = run(api, options);
    if (options) api.ReleaseRunOptions(options);
    return status ? take_message(api, status) : std::string();
  }

  napi_value finish(napi_env env) override {
    napi_value results = js::array(env, outputs_.size());
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      napi_value value = nullptr;
      napi_get_null(env, &value);
      if (!given_[i]) {
        const std::string what = std::string("output ") + output_names_[i];
        value = tensor_to_js(env, session_->runtime, outputs_[i], what);
      }
      js::set(env, results, i, value);
    }
    return results;
  }

  void release(napi_env env) override {
    feeds_.release(env);
    fetches_.release(env);
  }

 private:
  ort::Status* make_options(const ort::Api& api, ort::RunOptions** options) const {
    ort::Status* status = api.CreateRunOptions(options);
    if (!status && settings_.log_severity) {
      status = api.RunOptionsSetRunLogSeverityLevel(*options, *settings_.log_severity);
    }
    if (!status && settings_.log_verbosity) {
      status = api.RunOptionsSetRunLogVerbosityLevel(*options, *settings_.log_verbosity);
    }
    if (!status && settings_.tag) {
      status = api.RunOptionsSetRunTag(*options, settings_.tag->c_str());
    }
    for (const auto& [key, value] : settings_.config) {
      if (!status) status = api.AddRunConfigEntry(*options, key.c_str(), value.c_str());
    }
    return status;
  }

  ort::Status* run(const ort::Api& api, const ort::RunOptions* options) {
    std::vector<const ort::Value*> inputs;
    for (const TensorValue& value : inputs_) inputs.push_back(value.get());
    std::vector<ort::Value*> outputs;
    for (const TensorValue& value : outputs_) outputs.push_back(value.get());
    ort::Status* status =
        api.Run(session_->handle, options, input_names_.data(), inputs.data(), inputs.size(),
                output_names_.data(), outputs.size(), outputs.data());
    for (std::size_t i = 0; i < outputs.size(); ++i) *outputs_[i].put() = outputs[i];
    return status;
  }

  // Keeps the session alive though it be disposed of meanwhile. Names point into it.
  const std::shared_ptr<Session> session_;
  RunSettings settings_;
  std::vector<const char*> input_names_;
  std::vector<TensorValue> inputs_;
  std::vector<const char*> output_names_;
  std::vector<TensorValue> outputs_;
  std::vector<bool> given_;
  js::Pin feeds_;
  js::Pin fetches_;
};

}  // namespace

napi_value run_session(napi_env env, napi_callback_info info) {
  napi_value arguments[4] = {nullptr, nullptr, nullptr, nullptr};
  std::size_t count = 4;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  auto session = unwrap_session(env, arguments[0]);
  if (!session) return nullptr;
  std::unique_ptr<RunWork> work;
  try {
    work = std::make_unique<RunWork>(std::move(session));
    if (work->read_feeds(env, arguments[1]) && work->read_fetches(env, arguments[2]) &&
        work->read_options(env, arguments[3])) {
      return Work::start(env, std::move(work));
    }
  } catch (const std::exception& exception) {
    js::throw_type_error(env, exception.what());
  }
  if (work) work->abandon(env);
  return nullptr;
}

}  // namespace softonnx
