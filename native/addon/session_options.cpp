#include "session_options.h"

#include <cmath>

#include "js.h"

namespace softonnx {
namespace {

bool wrong_type(napi_env env, const char* option) {
  js::throw_type_error(env, std::string("session option ") + option + " has a wrong type");
  return false;
}

bool read(napi_env env, napi_value options, const char* key, std::optional<int>* result) {
  napi_value value = js::get(env, options, key);
  if (js::is_nullish(env, value)) return true;
  *result = js::to_int(env, value);
  return *result || wrong_type(env, key);
}

bool read(napi_env env, napi_value options, const char* key, bool* result) {
  napi_value value = js::get(env, options, key);
  if (js::is_nullish(env, value)) return true;
  const auto flag = js::to_boolean(env, value);
  if (!flag) return wrong_type(env, key);
  *result = *flag;
  return true;
}

bool read_text(napi_env env, napi_value options, const char* key,
               std::optional<std::string>* result) {
  napi_value value = js::get(env, options, key);
  if (js::is_nullish(env, value)) return true;
  *result = js::to_string(env, value);
  return *result || wrong_type(env, key);
}

bool read_path(napi_env env, napi_value options, const char* key, std::optional<Path>* result) {
  napi_value value = js::get(env, options, key);
  if (js::is_nullish(env, value)) return true;
  *result = js::to_path(env, value);
  return *result || wrong_type(env, key);
}

bool read_free_dimensions(napi_env env, napi_value options,
                          std::vector<std::pair<std::string, std::int64_t>>* result) {
  constexpr const char* kKey = "freeDimensionOverrides";
  napi_value pairs = js::get(env, options, kKey);
  if (js::is_nullish(env, pairs)) return true;
  const auto count = js::array_length(env, pairs);
  if (!count) return wrong_type(env, kKey);
  for (std::size_t i = 0; i < *count; ++i) {
    napi_value pair = js::get(env, pairs, i);
    const auto name = js::to_string(env, js::get(env, pair, std::size_t{0}));
    const auto size = js::to_number(env, js::get(env, pair, 1));
    if (!name || !size || *size != std::floor(*size) || std::fabs(*size) > 0x1p53) {
      return wrong_type(env, kKey);
    }
    result->emplace_back(*name, static_cast<std::int64_t>(*size));
  }
  return true;
}

}  // namespace

bool read_config(napi_env env, napi_value pairs, const char* option,
                 std::vector<std::pair<std::string, std::string>>* config) {
  if (js::is_nullish(env, pairs)) return true;
  const auto count = js::array_length(env, pairs);
  if (!count) return wrong_type(env, option);
  for (std::size_t i = 0; i < *count; ++i) {
    napi_value pair = js::get(env, pairs, i);
    const auto key = js::to_string(env, js::get(env, pair, std::size_t{0}));
    const auto value = js::to_string(env, js::get(env, pair, 1));
    if (!key || !value) return wrong_type(env, option);
    config->emplace_back(*key, *value);
  }
  return true;
}

bool read_session_settings(napi_env env, napi_value options, SessionSettings* settings) {
  if (js::is_nullish(env, options)) return true;
  return read(env, options, "graphOptimizationLevel", &settings->graph_optimization_level) &&
         read(env, options, "intraOpNumThreads", &settings->intra_op_threads) &&
         read(env, options, "interOpNumThreads", &settings->inter_op_threads) &&
         read(env, options, "executionMode", &settings->execution_mode) &&
         read(env, options, "logSeverityLevel", &settings->log_severity) &&
         read(env, options, "logVerbosityLevel", &settings->log_verbosity) &&
         read_text(env, options, "logId", &settings->log_id) &&
         read_path(env, options, "profileFilePrefix", &settings->profile_prefix) &&
         read_path(env, options, "optimizedModelFilePath", &settings->optimized_model_path) &&
         read(env, options, "enableCpuMemArena", &settings->memory_arena) &&
         read(env, options, "enableMemPattern", &settings->memory_pattern) &&
         read_free_dimensions(env, options, &settings->free_dimensions) &&
         read_config(env, js::get(env, options, "config"), "extra", &settings->config);
}

ort::Status* apply_session_settings(const ort::Api& api, const SessionSettings& settings,
                                    ort::SessionOptions* options) {
  ort::Status* status = nullptr;
  // Stops at the first failure.
  const auto apply = [&](auto&& call) {
    if (!status) status = call();
  };
  if (settings.graph_optimization_level) {
    apply([&] {
      return api.SetSessionGraphOptimizationLevel(options, *settings.graph_optimization_level);
    });
  }
  if (settings.intra_op_threads) {
    apply([&] { return api.SetIntraOpNumThreads(options, *settings.intra_op_threads); });
  }
  if (settings.inter_op_threads) {
    apply([&] { return api.SetInterOpNumThreads(options, *settings.inter_op_threads); });
  }
  if (settings.execution_mode) {
    apply([&] { return api.SetSessionExecutionMode(options, *settings.execution_mode); });
  }
  if (settings.log_severity) {
    apply([&] { return api.SetSessionLogSeverityLevel(options, *settings.log_severity); });
  }
  if (settings.log_verbosity) {
    apply([&] { return api.SetSessionLogVerbosityLevel(options, *settings.log_verbosity); });
  }
  if (settings.log_id) {
    apply([&] { return api.SetSessionLogId(options, settings.log_id->c_str()); });
  }
  if (settings.profile_prefix) {
    apply([&] { return api.EnableProfiling(options, settings.profile_prefix->c_str()); });
  }
  if (settings.optimized_model_path) {
    apply([&] {
      return api.SetOptimizedModelFilePath(options, settings.optimized_model_path->c_str());
    });
  }
  if (!settings.memory_arena) apply([&] { return api.DisableCpuMemArena(options); });
  if (!settings.memory_pattern) apply([&] { return api.DisableMemPattern(options); });
  for (const auto& [name, size] : settings.free_dimensions) {
    apply([&, &name = name, &size = size] {
      return api.AddFreeDimensionOverrideByName(options, name.c_str(), size);
    });
  }
  for (const auto& [key, value] : settings.config) {
    apply([&, &key = key, &value = value] {
      return api.AddSessionConfigEntry(options, key.c_str(), value.c_str());
    });
  }
  return status;
}

}  // namespace softonnx
