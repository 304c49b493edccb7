#include "standardization.h"

#include "../kernels/table.h"
#include "rows.h"
#include "shapes.h"
#include "tensors.h"

namespace softonnx {
namespace {

// An entry, on one core; only the order of magnitude matters.
constexpr double kNanoseconds = 2;

// Reads the operands of one operator and makes its outputs, all of them rows or numbers of rows.
// The first operand has the rows; after an error nothing more is read or made.
template <class Real>
class Operands {
 public:
  Operands(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context)
      : api_(api), spec_(spec), context_(context) {}

  const Real* first_rows(const char* argument) {
    status = read_any_input(api_, context_, spec_.name, inputs_++, argument, 1, &rows_);
    if (status) return nullptr;
    numbers_ = rows_;
    numbers_.dims[rows_.rank - 1] = 1;
    return static_cast<const Real*>(rows_.data);
  }
  const Real* rows(const char* argument) { return read(argument, rows_); }
  const Real* numbers(const char* argument) { return read(argument, numbers_); }
  Real* rows_out() { return make(rows_); }
  Real* numbers_out() { return make(numbers_); }

  std::size_t n() const { return rows_.size(rows_.rank - 1); }

  template <class Rows>
  ort::Status* run(PlainKernel<Rows> kernel, const Rows& given) const {
    return run_chunks(api_, context_, kernel, given, rows_.count(rows_.rank - 1),
                      kNanoseconds * static_cast<double>(n() + 1));
  }

  ort::Status* status = nullptr;

 private:
  const Real* read(const char* argument, const Input& expected) {
    Input input{};
    if (!status) {
      status = read_any_input(api_, context_, spec_.name, inputs_++, argument, 1, &input);
    }
    if (!status) status = require_same_shape(api_, spec_.name, argument, input, expected);
    return static_cast<const Real*>(input.data);
  }

  Real* make(const Input& like) {
    void* data = nullptr;
    if (!status) status = make_output(api_, context_, outputs_++, like.dims, like.rank, &data);
    return static_cast<Real*>(data);
  }

  const ort::Api& api_;
  const OperatorSpec& spec_;
  ort::KernelContext* const context_;
  Input rows_{};
  Input numbers_{};
  std::size_t inputs_ = 0;
  std::size_t outputs_ = 0;
};

template <class Real>
ort::Status* standardize(const ort::Api& api, const OperatorSpec& spec,
                         ort::KernelContext* context) {
  Operands<Real> of(api, spec, context);
  StandardizeRows<Real> rows{};
  rows.x = of.first_rows("x");
  rows.squashed = of.rows_out();
  rows.first = of.numbers_out();
  rows.offset = of.numbers_out();
  rows.deviation = of.numbers_out();
  if (of.status) return of.status;
  rows.n = of.n();
  return of.run(kernels_for<Real>(kernels()).standardize, rows);
}

template <class Real>
ort::Status* standardize_grad(const ort::Api& api, const OperatorSpec& spec,
                              ort::KernelContext* context) {
  Operands<Real> of(api, spec, context);
  StandardizeGradRows<Real> rows{};
  rows.x = of.first_rows("x");
  rows.first = of.numbers("first");
  rows.offset = of.numbers("offset");
  rows.deviation = of.numbers("deviation");
  rows.squashed = of.rows("squashed");
  rows.dsquashed = of.rows("dsquashed");
  rows.doffset = of.numbers("doffset");
  rows.ddeviation = of.numbers("ddeviation");
  rows.dx = of.rows_out();
  if (of.status) return of.status;
  rows.n = of.n();
  return of.run(kernels_for<Real>(kernels()).standardize_grad, rows);
}

template <class Real>
ort::Status* unsquash(const ort::Api& api, const OperatorSpec& spec, ort::KernelContext* context) {
  Operands<Real> of(api, spec, context);
  UnsquashRows<Real> rows{};
  rows.y = of.first_rows("y");
  rows.first = of.numbers("first");
  rows.offset = of.numbers("offset");
  rows.deviation = of.numbers("deviation");
  rows.entries = of.rows_out();
  if (of.status) return of.status;
  rows.n = of.n();
  return of.run(kernels_for<Real>(kernels()).unsquash, rows);
}

template <class Real>
ort::Status* unsquash_grad(const ort::Api& api, const OperatorSpec& spec,
                           ort::KernelContext* context) {
  Operands<Real> of(api, spec, context);
  UnsquashGradRows<Real> rows{};
  rows.y = of.first_rows("y");
  rows.deviation = of.numbers("deviation");
  rows.dentries = of.rows("dentries");
  rows.dy = of.rows_out();
  rows.doffset = of.numbers_out();
  rows.ddeviation = of.numbers_out();
  if (of.status) return of.status;
  rows.n = of.n();
  return of.run(kernels_for<Real>(kernels()).unsquash_grad, rows);
}

// The first output has the rows, the others a number of each.
ort::Status* infer_shapes(const ort::Api& api, const OperatorSpec& spec,
                          ort::ShapeInferContext* context) {
  ort::Status* status = infer_like_input(api, spec, context, 0, 0);
  for (std::size_t output = 1; !status && output < spec.outputs; ++output) {
    status = infer_like_input(api, spec, context, output, 0, [](Shape& shape) {
      shape.dims[shape.rank - 1] = 1;
      shape.names[shape.rank - 1] = "";
    });
  }
  return status;
}

constexpr auto f32 = ort::ElementType::float32;
constexpr auto f64 = ort::ElementType::float64;

constexpr OperatorSpec kSpecs[] = {
    {"Standardize_float32", f32, 1, 4, 0, 0, 0, standardize<float>, infer_shapes},
    {"Standardize_float64", f64, 1, 4, 0, 0, 0, standardize<double>, infer_shapes},
    {"StandardizeGrad_float32", f32, 8, 1, 0, 0, 0, standardize_grad<float>, infer_shapes},
    {"StandardizeGrad_float64", f64, 8, 1, 0, 0, 0, standardize_grad<double>, infer_shapes},
    {"Unsquash_float32", f32, 4, 1, 0, 0, 0, unsquash<float>, infer_shapes},
    {"Unsquash_float64", f64, 4, 1, 0, 0, 0, unsquash<double>, infer_shapes},
    {"UnsquashGrad_float32", f32, 3, 3, 0, 0, 0, unsquash_grad<float>, infer_shapes},
    {"UnsquashGrad_float64", f64, 3, 3, 0, 0, 0, unsquash_grad<double>, infer_shapes},
};

}  // namespace

OperatorList standardization_operators() { return {kSpecs, sizeof kSpecs / sizeof kSpecs[0]}; }

}  // namespace softonnx
