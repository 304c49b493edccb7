// Runs of one session by the state that a stepper of another holds.
#pragma once

#include <node_api.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "js.h"
#include "session_run.h"
#include "stepper.h"

namespace softonnx {
namespace stepping {

class BesideRun final : public SessionRun {
 public:
  BesideRun(std::shared_ptr<Session> session, std::shared_ptr<Stepper> stepper)
      : SessionRun(std::move(session)), stepper_(std::move(stepper)) {}
  ~BesideRun() override {
    if (begun_) stepper_->busy = false;
  }

  // False with an exception pending.
  bool read(napi_env env, napi_value held, napi_value feeds) {
    std::vector<std::size_t> positions;
    std::vector<std::size_t> fed;
    if (!read_positions(env, held, &positions)) return false;
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (positions[i] == kFed) fed.push_back(i);
    }
    const auto count = js::array_length(env, feeds);
    if (!count || *count != fed.size()) {
      js::throw_type_error(env, "expected one feed for each input that is not held");
      return false;
    }
    for (std::size_t i = 0; i < fed.size(); ++i) {
      if (!feed(env, fed[i], js::get(env, feeds, i))) return false;
    }
    // Reading calls into JavaScript, which may have started a step meanwhile.
    if (stepper_->busy) {
      js::throw_type_error(env, "a step is under way");
      return false;
    }
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (positions[i] != kFed) feed(i, stepper_->held[positions[i]].now.get());
    }
    for (std::size_t i = 0; i < session_->outputs.size(); ++i) fetch(i);
    feeds_.hold(env, feeds);
    stepper_->busy = begun_ = true;
    return true;
  }

 protected:
  napi_value finish(napi_env env) override {
    napi_value results = js::array(env, fetch_count());
    for (std::size_t i = 0; i < fetch_count(); ++i) js::set(env, results, i, result(env, i));
    return results;
  }

  void release(napi_env env) override {
    SessionRun::release(env);
    feeds_.release(env);
  }

 private:
  static constexpr std::size_t kFed = static_cast<std::size_t>(-1);

  // For each input the state that it reads. False with an exception pending.
  bool read_positions(napi_env env, napi_value held, std::vector<std::size_t>* positions) {
    const auto count = js::array_length(env, held);
    bool fits = count && *count == session_->inputs.size();
    for (std::size_t i = 0; fits && i < *count; ++i) {
      napi_value item = js::get(env, held, i);
      if (js::is_nullish(env, item)) {
        positions->push_back(kFed);
        continue;
      }
      const auto position = index_below(env, item, stepper_->held.size());
      fits = position && stepper_->session->inputs[stepper_->held[*position].input].type ==
                             session_->inputs[i].type;
      if (fits) positions->push_back(*position);
    }
    if (!fits) js::throw_type_error(env, "expected for each input the state it reads, or null");
    return fits;
  }

  const std::shared_ptr<Stepper> stepper_;
  bool begun_ = false;
  js::Pin feeds_;
};

}  // namespace stepping

// (stepper, session, (position | null)[], feeds) => Promise<tensor[]>: runs the session; each input
// reads a state of the stepper, or where there is null the next feed. Not while a step is under way,
// and none starts before it ends.
inline napi_value run_beside(napi_env env, napi_callback_info info) {
  napi_value arguments[4] = {nullptr, nullptr, nullptr, nullptr};
  std::size_t count = 4;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  auto stepper = stepping::at_rest(env, arguments[0]);
  if (!stepper) return nullptr;
  auto session = unwrap_session(env, arguments[1]);
  if (!session) return nullptr;
  try {
    auto work = std::make_unique<stepping::BesideRun>(std::move(session), std::move(stepper));
    if (work->read(env, arguments[2], arguments[3])) {
      return SessionRun::start(env, std::move(work));
    }
  } catch (const std::exception& exception) {
    js::throw_type_error(env, exception.what());
  }
  return nullptr;
}

}  // namespace softonnx
