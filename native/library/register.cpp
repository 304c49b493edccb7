#include "register.h"

#include <deque>
#include <mutex>
#include <new>

#include "../ops/curves.h"
#include "../ops/decay_sums.h"
#include "../ops/fast_soft_sort.h"
#include "../ops/isotonic.h"
#include "../ops/log_symmetric.h"
#include "../ops/neuralsort.h"
#include "../ops/operator.h"
#include "../ops/optimizer_steps.h"
#include "../ops/simplex_threshold.h"
#include "../ops/smooth_sort.h"
#include "../ops/softsort.h"
#include "../ops/sorting_network.h"
#include "../ops/standardization.h"
#include "../ops/swap_layers.h"
#include "../ops/transport.h"
#include "interface.h"

namespace softonnx {
namespace {

constexpr char kDomain[] = "ai.softonnx";

// Sessions keep pointers to the domain and the operators, and may outlive every owner that we
// could name; so both are made once and never freed.
struct Domain {
  std::deque<CustomOperator> operators;
  ort::CustomOpDomain* handle = nullptr;
};

ort::Status* make_domain(const ort::Api& api, Domain* domain) {
  for (const OperatorList& list :
       {curve_operators(), decay_sums_operators(), fast_soft_sort_operators(),
        isotonic_operators(), log_symmetric_operators(), neuralsort_operators(),
        optimizer_step_operators(), simplex_threshold_operators(), smooth_sort_operators(),
        softsort_operators(), sorting_network_operators(), standardization_operators(),
        swap_layers_operators(), transport_operators()}) {
    for (std::size_t i = 0; i < list.count; ++i) domain->operators.emplace_back(api, list.specs[i]);
  }
  if (ort::Status* status = api.CreateCustomOpDomain(kDomain, &domain->handle)) return status;
  for (const CustomOperator& op : domain->operators) {
    if (ort::Status* status = api.CustomOpDomain_Add(domain->handle, &op)) return status;
  }
  return nullptr;
}

ort::Status* add_domain(const ort::Api& api, ort::SessionOptions* options) {
  static std::mutex mutex;
  static Domain* domain = nullptr;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!domain) {
    Domain* made = new Domain;
    if (ort::Status* status = make_domain(api, made)) return status;
    domain = made;
  }
  return api.AddCustomOpDomain(options, domain->handle);
}

}  // namespace

ort::Status* register_operators(ort::SessionOptions* options, const ort::ApiBase* base) {
  const Interface found = published_interface(*base);
  if (!found.api) {
    // Statuses are made by slot 0 of every version there ever was.
    const ort::Api* const oldest = base->GetApi(1);
    return oldest ? oldest->CreateStatus(ort::ErrorCode::fail, ("softonnx: " + found.error).c_str())
                  : nullptr;
  }
  try {
    return add_domain(*found.api, options);
  } catch (const std::bad_alloc&) {
    return found.api->CreateStatus(ort::ErrorCode::fail, "softonnx: out of memory");
  }
}

}  // namespace softonnx
