#include "optimizer_steps.h"

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// Of an entry, on one core; only the order of magnitude matters.
constexpr double kNanoseconds = 0.6;

constexpr const char* kAdamInputs[] = {"parameter", "gradient", "mean",    "square",
                                       "rate",      "root",     "enter1",  "beta2",
                                       "enter2",    "epsilon",  "decay"};
constexpr const char* kMomentumInputs[] = {"parameter", "gradient", "velocity",
                                           "rate",      "momentum", "decay"};
constexpr std::size_t kMostInputs = 11;

// The inputs of a step: `tensors` of one shape, and then scalars.
template <class Real>
struct Operands {
  std::size_t tensors;
  Input inputs[kMostInputs];

  const Real* tensor(std::size_t i) const { return static_cast<const Real*>(inputs[i].data); }
  // A scalar, or 0 where it was left out.
  Real number(std::size_t i) const {
    return inputs[i].data ? *static_cast<const Real*>(inputs[i].data) : Real{};
  }
  std::size_t n() const { return inputs[0].count(inputs[0].rank); }
  std::size_t chunks() const { return (n() + kStepChunk - 1) / kStepChunk; }
  double cost() const {
    return kNanoseconds * static_cast<double>(n() < kStepChunk ? n() : kStepChunk);
  }
};

template <class Real>
ort::Status* read_operands(const ort::Api& api, const OperatorSpec& spec,
                           const ort::KernelContext* context, const char* const* names,
                           Operands<Real>* o) {
  for (std::size_t i = 0; i < spec.inputs; ++i) {
    Input* const input = &o->inputs[i];
    if (i >= o->tensors) {
      if (ort::Status* status = read_input(api, context, spec.name, i, names[i], 0, input)) {
        return status;
      }
      continue;
    }
    if (ort::Status* status = read_any_input(api, context, spec.name, i, names[i], 0, input)) {
      return status;
    }
    if (ort::Status* status =
            require_same_shape(api, spec.name, names[i], *input, o->inputs[0])) {
      return status;
    }
  }
  return nullptr;
}

template <class Real>
ort::Status* make_outputs(const ort::Api& api, const OperatorSpec& spec,
                          ort::KernelContext* context, const Input& like, Real** outputs) {
  for (std::size_t i = 0; i < spec.outputs; ++i) {
    void* data = nullptr;
    if (ort::Status* status = make_output(api, context, i, like.dims, like.rank, &data)) {
      return status;
    }
    outputs[i] = static_cast<Real*>(data);
  }
  return nullptr;
}

template <class Real>
ort::Status* adam(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Operands<Real> o{4, {}};
  if (ort::Status* status = read_operands(api, spec, context, kAdamInputs, &o)) return status;
  Real* outputs[3] = {};
  if (ort::Status* status = make_outputs(api, spec, context, o.inputs[0], outputs)) return status;
  const AdamRows<Real> rows{o.tensor(0),  o.tensor(1), o.tensor(2), o.tensor(3),
                            o.number(4),  o.number(5), o.number(6), o.number(7),
                            o.number(8),  o.number(9), o.number(10),
                            static_cast<Decay>(spec.variant), outputs[0], outputs[1], outputs[2],
                            o.n()};
  return run_chunks(api, context, kernels_for<Real>(kernels()).adam, rows, o.chunks(), o.cost());
}

constexpr int kNesterov = 4;

template <class Real>
ort::Status* momentum(const ort::Api& api, const OperatorSpec& spec,
                      ort::KernelContext* context) {
  Operands<Real> o{3, {}};
  if (ort::Status* status = read_operands(api, spec, context, kMomentumInputs, &o)) return status;
  Real* outputs[2] = {};
  if (ort::Status* status = make_outputs(api, spec, context, o.inputs[0], outputs)) return status;
  const MomentumRows<Real> rows{o.tensor(0), o.tensor(1), o.tensor(2),
                                o.number(3), o.number(4), o.number(5),
                                (spec.variant & kNesterov) != 0,
                                static_cast<Decay>(spec.variant & 3), outputs[0], outputs[1],
                                o.n()};
  return run_chunks(api, context, kernels_for<Real>(kernels()).momentum, rows, o.chunks(),
                    o.cost());
}

ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  for (std::size_t output = 0; output < spec.outputs; ++output) {
    if (ort::Status* status = infer_like_input(api, spec, context, output, 0)) return status;
  }
  return nullptr;
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

#define SOFTONNX_ADAM(decay, inputs)                                                             \
  {"AdamStep_" #decay "_float32", f32, inputs, 3, 0, 0, static_cast<int>(Decay::decay),          \
   adam<float>, infer_shapes},                                                                   \
      {"AdamStep_" #decay "_float64", f64, inputs, 3, 0, 0, static_cast<int>(Decay::decay),      \
       adam<double>, infer_shapes},

#define SOFTONNX_MOMENTUM(form, flag, decay, inputs)                                             \
  {"MomentumStep_" form "_" #decay "_float32", f32, inputs, 2, 0, 0,                             \
   flag | static_cast<int>(Decay::decay), momentum<float>, infer_shapes},                        \
      {"MomentumStep_" form "_" #decay "_float64", f64, inputs, 2, 0, 0,                         \
       flag | static_cast<int>(Decay::decay), momentum<double>, infer_shapes},

constexpr OperatorSpec kSpecs[] = {
    SOFTONNX_ADAM(none, 10) SOFTONNX_ADAM(coupled, 11) SOFTONNX_ADAM(decoupled, 11)
        SOFTONNX_MOMENTUM("heavy", 0, none, 5) SOFTONNX_MOMENTUM("heavy", 0, coupled, 6)
            SOFTONNX_MOMENTUM("nesterov", kNesterov, none, 5)
                SOFTONNX_MOMENTUM("nesterov", kNesterov, coupled, 6)};

#undef SOFTONNX_ADAM
#undef SOFTONNX_MOMENTUM

}  // namespace

OperatorList optimizer_step_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
