// The options of a session, read on the JavaScript thread and applied off it.
#pragma once

#include <node_api.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime.h"

namespace softonnx {

struct SessionSettings {
  std::optional<int> graph_optimization_level;
  std::optional<int> intra_op_threads;
  std::optional<int> inter_op_threads;
  std::optional<int> execution_mode;
  std::optional<int> log_severity;
  std::optional<int> log_verbosity;
  std::optional<std::string> log_id;
  std::optional<Path> profile_prefix;
  std::optional<Path> optimized_model_path;
  bool memory_arena = true;
  bool memory_pattern = true;
  std::vector<std::pair<std::string, std::int64_t>> free_dimensions;
  std::vector<std::pair<std::string, std::string>> config;
};

// False with an exception pending where an option has a wrong type.
bool read_session_settings(napi_env env, napi_value options, SessionSettings* settings);

// Null on success.
ort::Status* apply_session_settings(const ort::Api& api, const SessionSettings& settings,
                                    ort::SessionOptions* options);

// [[key, value], ...] of strings; absent is empty. False with an exception pending.
bool read_config(napi_env env, napi_value pairs, const char* option,
                 std::vector<std::pair<std::string, std::string>>* config);

}  // namespace softonnx
