#include "run.h"

#include "js.h"
#include "session.h"
#include "session_options.h"
#include "session_run.h"
#include "tensor.h"

namespace softonnx {
namespace {

struct RunSettings {
  std::optional<int> log_severity;
  std::optional<int> log_verbosity;
  std::optional<std::string> tag;
  std::vector<std::pair<std::string, std::string>> config;

  bool any() const { return log_severity || log_verbosity || tag || !config.empty(); }
};

class PlainRun final : public SessionRun {
 public:
  using SessionRun::SessionRun;

  bool read_feeds(napi_env env, napi_value feeds) {
    const auto count = js::array_length(env, feeds);
    if (!count || *count != session_->inputs.size()) {
      js::throw_type_error(env, "expected one feed for each input");
      return false;
    }
    for (std::size_t i = 0; i < *count; ++i) {
      if (!feed(env, i, js::get(env, feeds, i))) return false;
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
      napi_value item = js::get(env, fetches, i);
      const auto index = js::to_int(env, js::get(env, item, "output"));
      if (!index || *index < 0 || static_cast<std::size_t>(*index) >= session_->outputs.size()) {
        js::throw_type_error(env, "no such output");
        return false;
      }
      const auto output = static_cast<std::size_t>(*index);
      napi_value into = js::get(env, item, "into");
      if (js::is_nullish(env, into)) {
        fetch(output);
        continue;
      }
      into_.emplace_back(*session_->runtime.api);
      if (!tensor_from_js(env, session_->runtime, into, "output " + session_->outputs[output].name,
                          true, &into_.back())) {
        return false;
      }
      fetch(output, into_.back().get());
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
  ort::Status* make_options(const ort::Api& api, ort::RunOptions** options) const override {
    if (!settings_.any()) return nullptr;
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

  napi_value finish(napi_env env) override {
    napi_value results = js::array(env, fetch_count());
    for (std::size_t i = 0; i < fetch_count(); ++i) js::set(env, results, i, result(env, i));
    return results;
  }

  void release(napi_env env) override {
    SessionRun::release(env);
    feeds_.release(env);
    fetches_.release(env);
  }

 private:
  RunSettings settings_;
  // Values over the memory that outputs are written to.
  std::vector<TensorValue> into_;
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
  std::unique_ptr<PlainRun> run;
  try {
    run = std::make_unique<PlainRun>(std::move(session));
    if (run->read_feeds(env, arguments[1]) && run->read_fetches(env, arguments[2]) &&
        run->read_options(env, arguments[3])) {
      return SessionRun::start(env, std::move(run));
    }
  } catch (const std::exception& exception) {
    js::throw_type_error(env, exception.what());
  }
  if (run) run->abandon(env);
  return nullptr;
}

}  // namespace softonnx
