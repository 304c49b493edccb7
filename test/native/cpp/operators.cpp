// Every operator that the library registers, run by a host that stands in for ONNX Runtime: its
// tensors are allocated to the byte, and its thread pool is made of std::thread. Results must not
// depend on the number of threads, and operands of any rank and size must end in a result or an
// error. Meant for the sanitizers, of threads as well as of addresses.
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "../../../native/library/register.h"
#include "testing.h"

namespace ort = softonnx::ort;

struct Tensor {
  ort::ElementType type = ort::ElementType::float32;
  std::vector<std::int64_t> dims;
  std::unique_ptr<char[]> data;
  std::size_t bytes = 0;

  void allocate() {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    bytes = count * (type == ort::ElementType::float32 ? 4 : 8);
    data.reset(new char[bytes]());
  }
};

struct Context {
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  unsigned threads = 1;
};

// The tensor's own description stands for that of ONNX Runtime.
static Tensor* of(const void* pointer) { return static_cast<Tensor*>(const_cast<void*>(pointer)); }
static Context* context_of(const void* pointer) {
  return static_cast<Context*>(const_cast<void*>(pointer));
}

static ort::Status* create_status(ort::ErrorCode, const char* message) {
  return reinterpret_cast<ort::Status*>(new std::string(message));
}

static ort::ErrorCode get_code(const void*) { return ort::ErrorCode::invalid_argument; }

static const char* get_message(const void* status) {
  return static_cast<const std::string*>(status)->c_str();
}

static void release_status(void* status) { delete static_cast<std::string*>(status); }

static ort::Status* get_input(const void* context, std::size_t index, const void** value) {
  *value = &context_of(context)->inputs[index];
  return nullptr;
}

static ort::Status* get_output(void* context, std::size_t index, const std::int64_t* dims,
                               std::size_t rank, void** value) {
  Tensor& output = context_of(context)->outputs[index];
  output.dims.assign(dims, dims + rank);
  output.allocate();
  *value = &output;
  return nullptr;
}

static ort::Status* get_type_and_shape(const void* value, void** info) {
  *info = of(value);
  return nullptr;
}

static ort::Status* get_rank(const void* info, std::size_t* rank) {
  *rank = of(info)->dims.size();
  return nullptr;
}

static ort::Status* get_dims(const void* info, std::int64_t* dims, std::size_t rank) {
  for (std::size_t i = 0; i < rank; ++i) dims[i] = of(info)->dims[i];
  return nullptr;
}

static ort::Status* get_data(void* value, void** data) {
  *data = of(value)->data.get();
  return nullptr;
}

static void release(void*) {}

// What of a description is made by hand, for the check at load.
static Tensor described;
static const char* described_names[2];

static ort::Status* create_info(void** info) {
  *info = &described;
  return nullptr;
}

static ort::Status* set_type(void* info, ort::ElementType type) {
  of(info)->type = type;
  return nullptr;
}

static ort::Status* get_type(const void* info, ort::ElementType* type) {
  *type = of(info)->type;
  return nullptr;
}

static ort::Status* set_dims(void* info, const std::int64_t* dims, std::size_t rank) {
  of(info)->dims.assign(dims, dims + rank);
  return nullptr;
}

static ort::Status* set_names(void*, const char** names, std::size_t rank) {
  for (std::size_t i = 0; i < rank && i < 2; ++i) described_names[i] = names[i];
  return nullptr;
}

static ort::Status* get_names(const void*, const char** names, std::size_t rank) {
  for (std::size_t i = 0; i < rank && i < 2; ++i) names[i] = described_names[i];
  return nullptr;
}

static ort::Status* parallel_for(const void* context, void (*body)(void*, std::size_t),
                                 std::size_t count, std::size_t, void* data) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) body(data, i);
  };
  std::vector<std::thread> pool;
  for (unsigned i = 1; i < context_of(context)->threads; ++i) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
  return nullptr;
}

static std::vector<const ort::CustomOp*> registered;

static ort::Status* create_domain(const char*, void** domain) {
  *domain = &registered;
  return nullptr;
}

static ort::Status* add_operator(void*, const ort::CustomOp* op) {
  registered.push_back(op);
  return nullptr;
}

static ort::Status* add_domain(void*, void*) { return nullptr; }

template <class Function>
static ort::Api::Slot slot(Function* function) {
  return reinterpret_cast<ort::Api::Slot>(function);
}

static const ort::Api& host() {
  static const ort::Api table = [] {
    ort::Api result{};
    result.slots[0] = slot(create_status);
    result.slots[1] = slot(get_code);
    result.slots[2] = slot(get_message);
    result.slots[26] = slot(create_domain);
    result.slots[27] = slot(add_operator);
    result.slots[28] = slot(add_domain);
    result.slots[51] = slot(get_data);
    result.slots[57] = slot(create_info);
    result.slots[58] = slot(set_type);
    result.slots[59] = slot(set_dims);
    result.slots[60] = slot(get_type);
    result.slots[61] = slot(get_rank);
    result.slots[62] = slot(get_dims);
    result.slots[63] = slot(get_names);
    result.slots[65] = slot(get_type_and_shape);
    result.slots[90] = slot(get_input);
    result.slots[91] = slot(get_output);
    result.slots[93] = slot(release_status);
    result.slots[99] = slot(release);
    result.slots[271] = slot(set_names);
    result.slots[274] = slot(parallel_for);
    return result;
  }();
  return table;
}

// The operands of a family, an axis a letter: B rows, n entries, m others, C channels, p = n + 1,
// h = n / 2, L the layers of a network of n; 1 is itself.
static const std::map<std::string, std::vector<std::string>> kOperands = {
    {"AdamStep", {"Bn", "Bn", "Bn", "Bn", "", "", "", "", "", "", ""}},
    {"DecaySums", {"Bn", "CBn", "CBn", ""}},
    {"FastSoftRanks", {"Bn", ""}},
    {"FastSoftRanksGrad", {"Bn", "", "Bn", "Bn", "Bn", "Bn"}},
    {"FastSoftSort", {"Bn", ""}},
    {"FastSoftSortGrad", {"Bn", "", "Bn", "Bn", "Bn", "Bn"}},
    {"IsotonicRegression", {"Bn", "Bn"}},
    {"LogSymmetric", {"Bn"}},
    {"LogSymmetricGrad", {"Bn", "Bp"}},
    {"MomentumStep", {"Bn", "Bn", "Bn", "", "", ""}},
    {"NeuralSort", {"Bn", "Bn", ""}},
    {"NeuralSortGrad", {"Bn", "Bn", "", "Bn"}},
    {"NeuralSortRanks", {"Bn", ""}},
    {"NeuralSortRanksGrad", {"Bn", "", "Bn"}},
    {"SimplexThreshold", {"Bn", "B1"}},
    {"SmoothSort", {"Bn", "Bn"}},
    {"SmoothSortStep", {"Bn", "Bn", "Bn"}},
    {"SoftAbs", {"Bn", ""}},
    {"SoftAbsGrad", {"Bn", "", "Bn"}},
    {"SoftAbsSoftnessGrad", {"Bn", "", "Bn"}},
    {"SoftGatedRelu", {"Bn", ""}},
    {"SoftGatedReluGrad", {"Bn", "", "Bn"}},
    {"SoftGatedReluSoftnessGrad", {"Bn", "", "Bn"}},
    {"SoftRelu", {"Bn", ""}},
    {"SoftReluGrad", {"Bn", "", "Bn"}},
    {"SoftReluSoftnessGrad", {"Bn", "", "Bn"}},
    {"SoftRound", {"Bn", "", ""}},
    {"SoftRoundGrad", {"Bn", "", "", "Bn"}},
    {"SoftRoundSoftnessGrad", {"Bn", "", "", "Bn"}},
    {"SoftSign", {"Bn", ""}},
    {"SoftSignGrad", {"Bn", "", "Bn"}},
    {"SoftSignSoftnessGrad", {"Bn", "", "Bn"}},
    {"SoftStep", {"Bn", ""}},
    {"SoftStepGrad", {"Bn", "", "Bn"}},
    {"SoftStepSoftnessGrad", {"Bn", "", "Bn"}},
    {"SoftSortRanks", {"Bn", ""}},
    {"SoftSortRanksGrad", {"Bn", "", "Bn"}},
    {"SoftSortValues", {"Bn", "Bn", ""}},
    {"SoftSortValuesGrad", {"Bn", "Bn", "", "Bn"}},
    {"SortingNetworkPermutation", {"Bn", ""}},
    {"SortingNetworkPermutationGrad", {"Bn", "", "Bn", "Bnn"}},
    {"SortingNetworkTrace", {"Bn", ""}},
    {"SortingNetworkValues", {"Bn", ""}},
    {"SortingNetworkValuesGrad", {"Bn", "", "Bn"}},
    {"Standardize", {"Bn"}},
    {"StandardizeGrad", {"Bn", "B1", "B1", "B1", "Bn", "Bn", "B1", "B1"}},
    {"SwapLayers", {"BnC", "LBh", "LBhC"}},
    {"TransportPlan", {"Bnm", "Bn", "Bm", ""}},
    {"TransportPlanGrad", {"Bnm", "Bn", "Bm", "", "Bnm"}},
    {"TransportPotentials", {"Bnm", "Bn", "1m", "", "", ""}},
    {"TransportSolve", {"Bnm", "Bn", "Bm"}},
    {"Unsquash", {"Bn", "B1", "B1", "B1"}},
    {"UnsquashGrad", {"Bn", "B1", "Bn"}},
};

// Of these the first operand alone is a tensor, with any number of axes.
static const std::set<std::string> kAnyRank = {"NeuralSortRanks", "SoftAbs",  "SoftGatedRelu",
                                               "SoftRelu",        "SoftRound", "SoftSign",
                                               "SoftStep",        "Standardize"};

struct Sizes {
  std::int64_t batch, n, m, channels;
};

static std::int64_t size_of(char axis, const Sizes& sizes) {
  std::int64_t phases = 0;
  while (sizes.n >> 1 >> phases > 0) ++phases;
  switch (axis) {
    case 'B': return sizes.batch;
    case 'n': return sizes.n;
    case 'm': return sizes.m;
    case 'C': return sizes.channels;
    case 'p': return sizes.n + 1;
    case 'h': return sizes.n / 2;
    case 'L': return phases * (phases + 1) / 2;
    default: return 1;
  }
}

static void fill(Tensor& tensor) {
  tensor.allocate();
  const std::size_t count = tensor.bytes / (tensor.type == ort::ElementType::float32 ? 4 : 8);
  for (std::size_t i = 0; i < count; ++i) {
    const double x = uniform(0.1, 1.1);
    if (tensor.type == ort::ElementType::float32) {
      reinterpret_cast<float*>(tensor.data.get())[i] = static_cast<float>(x);
    } else if (tensor.type == ort::ElementType::float64) {
      reinterpret_cast<double*>(tensor.data.get())[i] = x;
    } else {
      // Of rows, the places of their entries.
      const bool rows = tensor.dims.size() == 2 && tensor.dims[1] > 0;
      reinterpret_cast<std::int64_t*>(tensor.data.get())[i] =
          rows ? static_cast<std::int64_t>(i) % tensor.dims[1] : 5;
    }
  }
}

static Context operands(const ort::CustomOp* op, const Sizes& sizes) {
  const std::string name = op->name(op);
  const auto found = kOperands.find(name.substr(0, name.find('_')));
  if (found == kOperands.end()) {
    std::printf("failed: no operands are known for %s\n", name.c_str());
    std::exit(1);
  }
  Context result;
  for (std::size_t i = 0; i < op->input_count(op); ++i) {
    Tensor tensor;
    tensor.type = op->input_type(op, i);
    for (const char axis : found->second.at(i)) tensor.dims.push_back(size_of(axis, sizes));
    fill(tensor);
    result.inputs.push_back(std::move(tensor));
  }
  return result;
}

// The message of the error, empty for none.
static std::string run(const ort::CustomOp* op, Context& context, unsigned threads) {
  context.threads = threads;
  context.outputs.clear();
  context.outputs.resize(op->output_count(op));
  for (std::size_t i = 0; i < context.outputs.size(); ++i) {
    context.outputs[i].type = op->output_type(op, i);
  }
  void* kernel = nullptr;
  require(!op->try_create(op, &host(), nullptr, &kernel), "a kernel is made");
  ort::Status* const status =
      op->try_compute(kernel, reinterpret_cast<ort::KernelContext*>(&context));
  op->destroy(kernel);
  if (!status) return "";
  const std::unique_ptr<std::string> message(reinterpret_cast<std::string*>(status));
  require(message->find(op->name(op)) == 0, "the error names its operator");
  return *message;
}

static void test_threads(const ort::CustomOp* op) {
  // The last is enough work for every operator to be shared out.
  for (const Sizes& sizes : {Sizes{0, 8, 3, 2}, Sizes{1, 1, 1, 1}, Sizes{3, 2, 5, 0},
                             Sizes{5, 4, 1, 3}, Sizes{200, 16, 5, 2}, Sizes{40, 64, 5, 1}}) {
    Context context = operands(op, sizes);
    const std::string alone = run(op, context, 1);
    require(alone.empty(), alone.c_str());
    const std::vector<Tensor> expected = std::move(context.outputs);
    for (const unsigned threads : {2u, 5u}) {
      run(op, context, threads);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const Tensor& found = context.outputs[i];
        require(found.dims == expected[i].dims && found.bytes == expected[i].bytes &&
                    std::memcmp(found.data.get(), expected[i].data.get(), found.bytes) == 0,
                op->name(op), threads);
      }
    }
  }
}

// One operand of another rank or size than the others say.
static void test_shapes(const ort::CustomOp* op) {
  for (std::size_t index = 0; index < op->input_count(op); ++index) {
    for (int change = 0; change < 6; ++change) {
      Context context = operands(op, {3, 4, 5, 2});
      Tensor& tensor = context.inputs[index];
      const std::size_t rank = tensor.dims.size();
      if (change == 0) tensor.dims.push_back(2);
      if (change == 1 && rank > 0) tensor.dims.pop_back();
      if (change == 2 && rank > 0) tensor.dims[rank - 1] += 1;
      if (change == 3 && rank > 0) tensor.dims[0] += 1;
      if (change == 4 && rank > 0) tensor.dims[rank - 1] = 0;
      if (change == 5) tensor.dims.assign(9, 1);
      fill(tensor);
      const std::string message = run(op, context, 2);
      // The only tensor may have any number of axes where the operator takes any.
      const std::string name = op->name(op);
      const std::string family = name.substr(0, name.find('_'));
      const bool any_rank = index == 0 && kAnyRank.count(family) > 0;
      const bool must_fail = !any_rank && (change == 0 || change == 5 || (change == 1 && rank > 0));
      require(!must_fail || !message.empty(), op->name(op), static_cast<double>(index), change);
    }
  }
}

// Another ONNX Runtime than the published ones is refused in a sentence.
static void test_refusal(const ort::ApiBase& base, const char* expected) {
  const std::unique_ptr<std::string> message(
      reinterpret_cast<std::string*>(softonnx::register_operators(nullptr, &base)));
  require(message && *message == expected, message ? message->c_str() : "no error");
}

static const ort::Api* here(std::uint32_t) { return &host(); }
static const ort::Api* only_first(std::uint32_t version) { return version == 1 ? &host() : nullptr; }
static const ort::Api* nowhere(std::uint32_t) { return nullptr; }

int main() {
  test_refusal({only_first, []() -> const char* { return "1.16.3"; }},
               "softonnx: found ONNX Runtime 1.16.3, need 1.17 or later");
  test_refusal({only_first, []() -> const char* { return "1.30.0"; }},
               "softonnx: found ONNX Runtime 1.30.0, whose C interface is not the published one");
  const ort::ApiBase none{nowhere, []() -> const char* { return "another"; }};
  require(!softonnx::register_operators(nullptr, &none) && registered.empty(), "nothing to say it with");
  const ort::ApiBase base{here, []() -> const char* { return "1.17.0"; }};
  require(!softonnx::register_operators(nullptr, &base), "registered");
  for (const ort::CustomOp* op : registered) {
    test_threads(op);
    test_shapes(op);
  }
  std::printf("%zu operators\n", registered.size());
}
