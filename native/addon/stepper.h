// Sessions run again and again, with their state in native memory between the runs.
#pragma once

#include <node_api.h>

#include <optional>
#include <stdexcept>
#include <vector>

#include "js.h"
#include "session.h"
#include "session_run.h"
#include "tensor.h"
#include "wrapped.h"

namespace softonnx {

// An input that is held, and the output, if any, that is its next value. A step writes that to
// memory of its own, `then`, and changes it with `now` when all went well: a node may read the
// old value after the new one is ready.
struct HeldInput {
  std::size_t input;
  std::optional<std::size_t> next;
  TensorValue now;
  TensorValue then;
};

struct Stepper {
  std::shared_ptr<Session> session;
  std::vector<HeldInput> held;
  // The inputs that each step is fed, and the outputs that it gives.
  std::vector<std::size_t> feeds;
  std::vector<std::size_t> results;
  // While a step is under way, the state is its own.
  bool busy = false;
};

namespace stepping {

constexpr Wrapped<Stepper> kWrapped({0x8a3d6f1e52c94b70, 0xb6e07c2d93f4185a}, "stepper");

class Step final : public SessionRun {
 public:
  explicit Step(std::shared_ptr<Stepper> stepper)
      : SessionRun(stepper->session), stepper_(std::move(stepper)) {}
  ~Step() override {
    if (begun_) stepper_->busy = false;
  }

  // False with an exception pending.
  bool read_feeds(napi_env env, napi_value feeds) {
    const auto count = js::array_length(env, feeds);
    if (!count || *count != stepper_->feeds.size()) {
      js::throw_type_error(env, "expected one feed for each input that is not held");
      return false;
    }
    for (std::size_t i = 0; i < *count; ++i) {
      if (!feed(env, stepper_->feeds[i], js::get(env, feeds, i))) return false;
    }
    // As in set_state.
    if (stepper_->busy) {
      js::throw_type_error(env, "a step is under way");
      return false;
    }
    for (const HeldInput& held : stepper_->held) feed(held.input, held.now.get());
    for (const std::size_t output : stepper_->results) fetch(output);
    for (const HeldInput& held : stepper_->held) {
      if (held.next) fetch(*held.next, held.then.get());
    }
    feeds_.hold(env, feeds);
    stepper_->busy = begun_ = true;
    return true;
  }

 protected:
  napi_value finish(napi_env env) override {
    const std::size_t count = stepper_->results.size();
    napi_value results = js::array(env, count);
    for (std::size_t i = 0; i < count; ++i) js::set(env, results, i, result(env, i));
    return results;
  }

  void commit() override {
    for (HeldInput& held : stepper_->held) {
      if (held.next) std::swap(held.now, held.then);
    }
  }

  void release(napi_env env) override {
    SessionRun::release(env);
    feeds_.release(env);
  }

 private:
  const std::shared_ptr<Stepper> stepper_;
  bool begun_ = false;
  js::Pin feeds_;
};

// False with an exception pending.
inline bool set_state(napi_env env, Stepper* stepper, std::size_t position, napi_value tensor) {
  HeldInput& held = stepper->held[position];
  const Session& session = *stepper->session;
  const std::string what = "state " + session.inputs[held.input].name;
  TensorValue now(*session.runtime.api);
  TensorValue then(*session.runtime.api);
  if (!tensor_copied_from_js(env, session.runtime, tensor, what, &now)) return false;
  if (held.next) then = tensor_like(session.runtime, now, what);
  // Reading calls into JavaScript, which may have started a step meanwhile.
  if (stepper->busy) {
    js::throw_type_error(env, "a step is under way");
    return false;
  }
  held.now = std::move(now);
  held.then = std::move(then);
  return true;
}

inline std::optional<std::size_t> index_below(napi_env env, napi_value value, std::size_t bound) {
  const auto index = js::to_int(env, value);
  if (!index || *index < 0 || static_cast<std::size_t>(*index) >= bound) return {};
  return static_cast<std::size_t>(*index);
}

// False with an exception pending.
inline bool read_held(napi_env env, napi_value list, Stepper* stepper) {
  const Session& session = *stepper->session;
  const auto count = js::array_length(env, list);
  std::vector<bool> is_held(session.inputs.size());
  std::vector<bool> is_next(session.outputs.size());
  for (std::size_t i = 0; i < count.value_or(0); ++i) {
    napi_value item = js::get(env, list, i);
    napi_value next_value = js::get(env, item, "next");
    const auto input = index_below(env, js::get(env, item, "input"), session.inputs.size());
    const auto next = index_below(env, next_value, session.outputs.size());
    const bool paired = next || js::is_nullish(env, next_value);
    if (!input || !paired || is_held[*input] || (next && is_next[*next]) ||
        (next && session.outputs[*next].type != session.inputs[*input].type)) {
      js::throw_type_error(env, "expected inputs to hold, each with its next value");
      return false;
    }
    is_held[*input] = true;
    if (next) is_next[*next] = true;
    const ort::Api& api = *session.runtime.api;
    stepper->held.push_back({*input, next, TensorValue(api), TensorValue(api)});
    if (!set_state(env, stepper, i, js::get(env, item, "start"))) return false;
  }
  for (std::size_t i = 0; i < is_held.size(); ++i) {
    if (!is_held[i]) stepper->feeds.push_back(i);
  }
  for (std::size_t i = 0; i < is_next.size(); ++i) {
    if (!is_next[i]) stepper->results.push_back(i);
  }
  return true;
}

// Null with an exception pending where the state is not to be had.
inline std::shared_ptr<Stepper> at_rest(napi_env env, napi_value object) {
  auto stepper = kWrapped.unwrap(env, object);
  if (!stepper || !stepper->busy) return stepper;
  js::throw_type_error(env, "a step is under way");
  return nullptr;
}

}  // namespace stepping

// (session, [{ input: index, next: index | null, start: tensor }, ...]) => object. Copies the
// tensors.
inline napi_value create_stepper(napi_env env, napi_callback_info info) try {
  napi_value arguments[2] = {nullptr, nullptr};
  std::size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  auto stepper = std::make_shared<Stepper>();
  stepper->session = unwrap_session(env, arguments[0]);
  if (!stepper->session || !stepping::read_held(env, arguments[1], stepper.get())) return nullptr;
  napi_value result = js::object(env);
  stepping::kWrapped.wrap(env, result, std::move(stepper));
  return result;
} catch (const std::exception& exception) {
  return js::throw_type_error(env, exception.what());
}

// (stepper, feeds) => Promise<tensor[]>: one feed for each input that is not held, one tensor for
// each output that is no next value, in the session's order. One step at a time. The state stays
// as it is where the promise rejects.
inline napi_value step(napi_env env, napi_callback_info info) {
  napi_value arguments[2] = {nullptr, nullptr};
  std::size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  auto stepper = stepping::at_rest(env, arguments[0]);
  if (!stepper) return nullptr;
  try {
    auto work = std::make_unique<stepping::Step>(std::move(stepper));
    if (work->read_feeds(env, arguments[1])) return SessionRun::start(env, std::move(work));
  } catch (const std::exception& exception) {
    js::throw_type_error(env, exception.what());
  }
  return nullptr;
}

// (stepper) => tensor[], copies of what is held, in order. Not while a step is under way.
inline napi_value read_state(napi_env env, napi_callback_info info) try {
  napi_value arguments[1] = {nullptr};
  std::size_t count = 1;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const auto stepper = stepping::at_rest(env, arguments[0]);
  if (!stepper) return nullptr;
  const Session& session = *stepper->session;
  napi_value results = js::array(env, stepper->held.size());
  for (std::size_t i = 0; i < stepper->held.size(); ++i) {
    const HeldInput& held = stepper->held[i];
    js::set(env, results, i,
            tensor_to_js(env, session.runtime, held.now,
                         "state " + session.inputs[held.input].name));
  }
  return results;
} catch (const std::exception& exception) {
  return js::throw_type_error(env, exception.what());
}

// (stepper, position, tensor) => undefined. Copies the tensor. Not while a step is under way.
inline napi_value write_state(napi_env env, napi_callback_info info) try {
  napi_value arguments[3] = {nullptr, nullptr, nullptr};
  std::size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const auto stepper = stepping::at_rest(env, arguments[0]);
  if (!stepper) return nullptr;
  const auto position = stepping::index_below(env, arguments[1], stepper->held.size());
  if (!position) return js::throw_type_error(env, "no such state");
  stepping::set_state(env, stepper.get(), *position, arguments[2]);
  return nullptr;
} catch (const std::exception& exception) {
  return js::throw_type_error(env, exception.what());
}

// (stepper) => undefined. Idempotent. The state goes when a step that is under way ends; the
// session stays.
inline napi_value dispose_stepper(napi_env env, napi_callback_info info) {
  napi_value arguments[1] = {nullptr};
  std::size_t count = 1;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  stepping::kWrapped.dispose(env, arguments[0]);
  return nullptr;
}

}  // namespace softonnx
