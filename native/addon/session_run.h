// One run of a session: what both a plain run and a step are.
#pragma once

#include <node_api.h>

#include <memory>
#include <string>
#include <vector>

#include "js.h"
#include "session.h"
#include "tensor.h"
#include "work.h"

namespace softonnx {

class SessionRun : public Work {
 public:
  explicit SessionRun(std::shared_ptr<Session> session) : session_(std::move(session)) {
    input_names_.reserve(session_->inputs.size());
    inputs_.reserve(session_->inputs.size());
    fed_.reserve(session_->inputs.size());
  }

  // An input from JavaScript. False with an exception pending.
  bool feed(napi_env env, std::size_t input, napi_value tensor) {
    const std::string& name = session_->inputs[input].name;
    fed_.emplace_back(*session_->runtime.api);
    const auto bytes =
        tensor_from_js(env, session_->runtime, tensor, "input " + name, false, &fed_.back());
    if (!bytes) return false;
    fed_bytes_ += *bytes;
    feed(input, fed_.back().get());
    return true;
  }

  // An input that lies in native memory and lives until the work is destroyed.
  void feed(std::size_t input, const ort::Value* value) {
    input_names_.push_back(session_->inputs[input].name.c_str());
    inputs_.push_back(value);
  }

  // An output that ONNX Runtime allocates, for result().
  void fetch(std::size_t output) { fetch(output, nullptr); }

  // An output that is written over a value, which lives until the work is destroyed.
  void fetch(std::size_t output, ort::Value* into) {
    output_names_.push_back(session_->outputs[output].name.c_str());
    outputs_.push_back(into);
    made_.emplace_back(*session_->runtime.api);
  }

  // The promise, or null with an exception pending.
  static napi_value start(napi_env env, std::unique_ptr<SessionRun> run) {
    const bool stay = run->session_->pace.stays(run->fed_bytes_);
    return Work::start(env, std::move(run), stay);
  }

 protected:
  std::string perform() override {
    const ort::Api& api = *session_->runtime.api;
    ort::RunOptions* options = nullptr;
    ort::Status* status = make_options(api, &options);
    if (!status) status = run(api, options);
    if (options) api.ReleaseRunOptions(options);
    return status ? take_message(api, status) : std::string();
  }

  // Leaves null for those that a run needs none of.
  virtual ort::Status* make_options(const ort::Api&, ort::RunOptions**) const { return nullptr; }

  // The output of the i-th fetch, in JavaScript; null where it was written over a value.
  napi_value result(napi_env env, std::size_t i) const {
    napi_value value = nullptr;
    napi_get_null(env, &value);
    if (!made_[i].get()) return value;
    return tensor_to_js(env, session_->runtime, made_[i],
                        std::string("output ") + output_names_[i]);
  }

  std::size_t fetch_count() const { return outputs_.size(); }

  void release(napi_env) override {
    if (took().count() == 0) return;
    session_->pace.record(fed_bytes_, took(), stayed());
    session_->spent += took();
  }

  // Alive though it be disposed of meanwhile. Names point into it.
  const std::shared_ptr<Session> session_;

 private:
  ort::Status* run(const ort::Api& api, const ort::RunOptions* options) {
    std::vector<ort::Value*> outputs = outputs_;
    ort::Status* status =
        api.Run(session_->handle, options, input_names_.data(), inputs_.data(), inputs_.size(),
                output_names_.data(), outputs.size(), outputs.data());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs_[i]) *made_[i].put() = outputs[i];
    }
    return status;
  }

  std::vector<const char*> input_names_;
  std::vector<const ort::Value*> inputs_;
  std::vector<const char*> output_names_;
  // Null where ONNX Runtime allocates.
  std::vector<ort::Value*> outputs_;
  // What owns the inputs from JavaScript, and the outputs that ONNX Runtime allocates.
  std::vector<TensorValue> fed_;
  std::vector<TensorValue> made_;
  std::size_t fed_bytes_ = 0;
};

}  // namespace softonnx
