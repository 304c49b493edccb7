#pragma once

#include <node_api.h>

namespace softonnx {

// (session, feeds, fetches, options) => Promise<(tensor | null)[]>, computed off the JavaScript
// thread.
//
//   feeds    one tensor for each input of the session: operators trust that none is missing
//   fetches  [{ output: index, into: tensor | null }, ...]
//   options  { logSeverityLevel?, logVerbosityLevel?, tag?, config? }
//
// The result has one entry for each fetch: null where it went `into` a tensor. The arrays that
// tensors lie in are referenced until the promise settles; they must not be detached before.
napi_value run_session(napi_env env, napi_callback_info info);

}  // namespace softonnx
