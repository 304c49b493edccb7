// Work off the JavaScript thread that settles a promise.
#pragma once

#include <node_api.h>

#include <exception>
#include <memory>
#include <string>

#include "js.h"

namespace softonnx {

// start() runs perform() on a thread of libuv's pool, then finish() on the JavaScript thread.
// The object owns itself from start() on and is destroyed after finish(), also where the
// environment is going away and the promise can no longer be settled.
class Work {
 public:
  virtual ~Work() = default;

  // The promise, or null with a JavaScript exception pending.
  static napi_value start(napi_env env, std::unique_ptr<Work> work) {
    Work* own = work.get();
    own->deferred_ = std::make_unique<js::Deferred>(env);
    napi_value promise = own->deferred_->promise();
    napi_value name = js::string(env, "softonnx");
    if (!promise || !name ||
        napi_create_async_work(env, nullptr, name, perform_on_pool, finish_on_thread, own,
                               &own->handle_) != napi_ok) {
      own->release(env);
      return js::throw_type_error(env, "softonnx: no work can be queued");
    }
    if (napi_queue_async_work(env, own->handle_) != napi_ok) {
      napi_delete_async_work(env, own->handle_);
      own->release(env);
      return js::throw_type_error(env, "softonnx: no work can be queued");
    }
    // Owned by the queue from here on.
    static_cast<void>(work.release());
    return promise;
  }

 protected:
  // Off the JavaScript thread: no Node-API here. A message is a failure.
  virtual std::string perform() = 0;
  // What the promise resolves to. May throw std::exception.
  virtual napi_value finish(napi_env env) = 0;
  // Lets go of what is held in JavaScript.
  virtual void release(napi_env env) = 0;

 private:
  static void perform_on_pool(napi_env, void* data) {
    Work* own = static_cast<Work*>(data);
    try {
      own->error_ = own->perform();
    } catch (const std::exception& exception) {
      own->error_ = exception.what();
    }
  }

  static void finish_on_thread(napi_env env, napi_status status, void* data) {
    const std::unique_ptr<Work> own(static_cast<Work*>(data));
    if (status != napi_ok && own->error_.empty()) own->error_ = "cancelled";
    if (own->error_.empty()) {
      try {
        napi_value value = own->finish(env);
        bool pending = false;
        if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
          napi_value thrown = nullptr;
          napi_get_and_clear_last_exception(env, &thrown);
          own->error_ = "the result could not be made (out of memory?)";
        } else {
          own->deferred_->resolve(env, value);
        }
      } catch (const std::exception& exception) {
        own->error_ = exception.what();
      }
    }
    if (!own->error_.empty()) own->deferred_->reject(env, own->error_);
    own->release(env);
    napi_delete_async_work(env, own->handle_);
  }

  napi_async_work handle_ = nullptr;
  std::unique_ptr<js::Deferred> deferred_;
  std::string error_;
};

}  // namespace softonnx
