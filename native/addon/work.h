// Work that settles a promise, off the JavaScript thread or, where that takes longer, on it.
#pragma once

#include <node_api.h>

#include <chrono>
#include <exception>
#include <memory>
#include <string>

#include "js.h"

namespace softonnx {

// start() has perform() run on a thread of libuv's pool, then finish() on the JavaScript thread.
// The object owns itself from start() on and is destroyed after finish(), also where the
// environment is going away and the promise can no longer be settled.
class Work {
 public:
  virtual ~Work() = default;

  // The promise, or null with a JavaScript exception pending. With `stay` all is done, and the
  // promise settled, on return.
  static napi_value start(napi_env env, std::unique_ptr<Work> work, bool stay = false) {
    work->deferred_ = std::make_unique<js::Deferred>(env);
    napi_value promise = work->deferred_->promise();
    if (stay && promise) {
      perform_timed(nullptr, work.get());
      work->stayed_ = true;
      work->settle(env, napi_ok);
      return promise;
    }
    napi_value name = js::string(env, "softonnx");
    if (!promise || !name ||
        napi_create_async_work(env, nullptr, name, perform_timed, finish_on_thread, work.get(),
                               &work->handle_) != napi_ok) {
      work->release(env);
      return js::throw_type_error(env, "softonnx: no work can be queued");
    }
    if (napi_queue_async_work(env, work->handle_) != napi_ok) {
      napi_delete_async_work(env, work->handle_);
      work->release(env);
      return js::throw_type_error(env, "softonnx: no work can be queued");
    }
    // Owned by the queue from here on.
    static_cast<void>(work.release());
    return promise;
  }

 protected:
  // Mostly off the JavaScript thread: no Node-API here. A message is a failure.
  virtual std::string perform() = 0;
  // What the promise resolves to. May throw std::exception.
  virtual napi_value finish(napi_env env) = 0;
  // After perform() and finish() have succeeded.
  virtual void commit() {}
  // Lets go of what is held in JavaScript. Comes last, whatever happened.
  virtual void release(napi_env env) = 0;

  // Of perform(); zero if it was never reached.
  std::chrono::steady_clock::duration took() const { return took_; }
  // Whether it was made on the JavaScript thread.
  bool stayed() const { return stayed_; }

 private:
  static void perform_timed(napi_env, void* data) {
    Work* own = static_cast<Work*>(data);
    const auto begin = std::chrono::steady_clock::now();
    try {
      own->error_ = own->perform();
    } catch (const std::exception& exception) {
      own->error_ = exception.what();
    }
    own->took_ = std::chrono::steady_clock::now() - begin;
  }

  static void finish_on_thread(napi_env env, napi_status status, void* data) {
    const std::unique_ptr<Work> own(static_cast<Work*>(data));
    own->settle(env, status);
    napi_delete_async_work(env, own->handle_);
  }

  void settle(napi_env env, napi_status status) {
    if (status != napi_ok && error_.empty()) error_ = "cancelled";
    napi_value value = nullptr;
    if (error_.empty()) {
      try {
        value = finish(env);
        bool pending = false;
        if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
          napi_value thrown = nullptr;
          napi_get_and_clear_last_exception(env, &thrown);
          error_ = "the result could not be made (out of memory?)";
        }
      } catch (const std::exception& exception) {
        error_ = exception.what();
      }
    }
    if (error_.empty()) {
      commit();
      deferred_->resolve(env, value);
    } else {
      deferred_->reject(env, error_);
    }
    release(env);
  }

  napi_async_work handle_ = nullptr;
  std::unique_ptr<js::Deferred> deferred_;
  std::string error_;
  std::chrono::steady_clock::duration took_{};
  bool stayed_ = false;
};

}  // namespace softonnx
