#include "python/executable.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ir/error.h"
#include "mlx/eval_here.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "mlx/wait.h"

namespace nb = nanobind;

namespace gemmule {

// The inputs of one call and what tells its program from others.
struct Executable::Call {
  mx::Device device;
  std::vector<Argument> arguments;
  ProgramKey key;  // device, sizes, values of static inputs
  std::size_t size_count = 0;
  bool any_mlx = false;

  std::span<const std::int64_t> sizes() const { return std::span(key).subspan(1, size_count); }
};

namespace {

mx::Device parse_device(const std::string& name) {
  if (name == "cpu") return mx::Device::cpu;
  if (name == "gpu") return mx::Device::gpu;
  throw UserError("device '" + name + "': it must be 'cpu', 'gpu' or None");
}

Executable::Executor parse_executor(const std::string& name) {
  if (name == "auto") return Executable::Executor::automatic;
  if (name == "cpu") return Executable::Executor::cpu;
  if (name == "mlx") return Executable::Executor::mlx;
  throw UserError("executor '" + name + "': it must be 'auto', 'cpu' or 'mlx'");
}

bool overlap(const NumpyView& a, const NumpyView& b) {
  const auto [a_low, a_high] = memory_bounds(a);
  const auto [b_low, b_high] = memory_bounds(b);
  return a_low < b_high && b_low < a_high;
}

// MLX refuses to wait for float64 arrays on a GPU's stream. Ours are computed on the CPU's: they are
// evaluated one by one, the rest together.
void eval_with_gpu(const std::vector<mx::array>& results) {
  std::vector<mx::array> others;
  for (mx::array result : results) {
    if (result.dtype() == mx::float64) {
      result.eval();
    } else {
      others.push_back(std::move(result));
    }
  }
  eval_and_wait(std::move(others));
}

nb::list new_list(std::size_t size) {
  PyObject* list = PyList_New(static_cast<Py_ssize_t>(size));
  if (list == nullptr) nb::raise_python_error();
  return nb::steal<nb::list>(list);
}

}  // namespace

Executable::Executable(Graph graph, std::vector<int> donatable, const std::optional<std::string>& device,
                       const std::string& executor, std::vector<std::string> disabled)
    : graph_(std::move(graph)),
      executor_(parse_executor(executor)),
      prepare_{.disabled = std::move(disabled)},
      native_(graph_, donatable, prepare_),
      donatable_(std::move(donatable)) {
  if (device && *device != "mlx") device_ = parse_device(*device);
  const Graph& known = graph_.graph();
  for (const ValueId input : known.inputs) input_dtypes_.push_back(known.type(input).dtype);
  for (const ValueId output : known.outputs) output_dtypes_.push_back(known.type(output).dtype);
  for (const int index : donatable_) {
    if (index < 0 || index >= static_cast<int>(input_dtypes_.size())) {
      throw UserError("donatable: there is no input " + std::to_string(index));
    }
  }
}

std::optional<std::string> Executable::device_name() const {
  if (!device_) return std::nullopt;
  return *device_ == mx::Device::cpu ? "cpu" : "gpu";
}

std::string Executable::executor_name() const {
  if (executor_ == Executor::automatic) return "auto";
  return executor_ == Executor::cpu ? "cpu" : "mlx";
}

bool Executable::is_native() const {
  if (executor_ != Executor::automatic) return executor_ == Executor::cpu;
  return (device_ ? *device_ : mx::default_device()) == mx::Device::cpu;
}

namespace {

// While MLX traces a function its arrays have no values yet.
bool is_tracer(PyObject* object) {
  return nb::isinstance<mx::array>(object) && nb::inst_ptr<mx::array>(object)->is_tracer();
}

// The inputs of a call, kept alive: another thread may change the caller's list.
class Inputs {
 public:
  Inputs(nb::handle inputs, std::size_t count) {
    PyObject* list = PySequence_Fast(inputs.ptr(), "inputs: a list or tuple is needed");
    if (list == nullptr) nb::raise_python_error();
    const nb::object holder = nb::steal(list);
    const auto given = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(list));
    if (given != count) {
      throw UserError(std::to_string(count) + " inputs are needed, " + std::to_string(given) + " were given");
    }
    for (std::size_t i = 0; i < count; ++i) {
      objects_.push_back(Py_NewRef(PySequence_Fast_GET_ITEM(list, static_cast<Py_ssize_t>(i))));
    }
  }
  ~Inputs() {
    for (PyObject* object : objects_) Py_DECREF(object);
  }
  Inputs(const Inputs&) = delete;
  Inputs& operator=(const Inputs&) = delete;

  std::span<PyObject* const> objects() const { return objects_; }
  bool any_tracer() const { return std::ranges::any_of(objects_, is_tracer); }

 private:
  std::vector<PyObject*> objects_;
};

}  // namespace

// -- inputs -------------------------------------------------------------------------------------

Executable::Call Executable::begin(nb::handle inputs) const {
  PyObject* list = PySequence_Fast(inputs.ptr(), "inputs: a list or tuple is needed");
  if (list == nullptr) nb::raise_python_error();
  const nb::object holder = nb::steal(list);
  const auto count = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(list));
  if (count != input_dtypes_.size()) {
    throw UserError(std::to_string(input_dtypes_.size()) + " inputs are needed, " +
                    std::to_string(count) + " were given");
  }

  Call call{.device = device_ ? *device_ : mx::default_device(), .arguments = {}, .key = {}};
  call.arguments.reserve(count);
  call.key.reserve(1 + 2 * count);
  call.key.push_back(static_cast<std::int64_t>(call.device.type));
  for (std::size_t i = 0; i < count; ++i) {
    Argument& input = call.arguments.emplace_back(
        read_argument(graph_.graph(), static_cast<int>(i), PySequence_Fast_GET_ITEM(list, i)));
    if (input.mlx != nullptr) {
      call.any_mlx = true;
      // The caller's list may be changed by another thread.
      input.keep = nb::borrow(PySequence_Fast_GET_ITEM(list, i));
      call.key.insert(call.key.end(), input.mlx->shape().begin(), input.mlx->shape().end());
    } else {
      call.key.insert(call.key.end(), input.view.shape.begin(), input.view.shape.end());
    }
  }
  call.size_count = call.key.size() - 1;
  for (const int index : graph_.static_value_inputs()) {
    const Tensor value = value_of(call, index);
    const std::size_t words = (value.bytes() + 7) / 8;
    call.key.resize(call.key.size() + words, 0);
    std::memcpy(&call.key[call.key.size() - words], value.data.get(), value.bytes());
  }
  return call;
}

Tensor Executable::value_of(const Call& call, int index) const {
  const Argument& input = call.arguments[index];
  std::vector<std::int64_t> shape;
  if (input.mlx == nullptr) {
    shape.assign(input.view.shape.begin(), input.view.shape.end());
    if (is_plain(input.view))
      return Tensor::from_bytes(input_dtypes_[index], shape, input.view.data);
    const nb::object copy = nb::steal(copied_numpy(input.keep.ptr()));
    return Tensor::from_bytes(input_dtypes_[index], shape, view_numpy(copy.ptr()).data);
  }
  mx::array dense = mx::contiguous(*input.mlx, false, mx::default_stream(mx::Device::cpu));
  dense.eval();
  shape.assign(dense.shape().begin(), dense.shape().end());
  return Tensor::from_bytes(input_dtypes_[index], shape, dense.data<char>());
}

std::shared_ptr<const MlxProgram> Executable::program(const Call& call) const {
  if (auto found = cache_.find(call.key)) return found;
  std::vector<std::pair<int, Tensor>> values;
  for (const int index : graph_.static_value_inputs())
    values.emplace_back(index, value_of(call, index));
  const nb::gil_scoped_release release;
  Graph specialised = graph_.specialised(call.sizes(), [&](int input) {
    return std::ranges::find(values, input, &std::pair<int, Tensor>::first)->second;
  });
  return cache_.keep(call.key, std::make_shared<const MlxProgram>(std::move(specialised), call.device));
}

// -- calls --------------------------------------------------------------------------------------

nb::object Executable::run(nb::handle inputs) const {
  if (is_native()) {
    const Inputs held(inputs, input_dtypes_.size());
    if (!held.any_tracer()) return nb::steal(native_.run(held.objects()));
  }
  Call call = begin(inputs);
  return call.any_mlx ? run_lazy(call) : run_now(call);
}

PyObject* Executable::run_native(std::span<PyObject* const> inputs) const {
  if (!is_native() || !std::ranges::all_of(inputs, is_numpy_array)) return nullptr;
  return native_.run(inputs);
}

nb::object Executable::lazy(nb::handle inputs) const {
  Call call = begin(inputs);
  return run_lazy(call);
}

nb::object Executable::run_lazy(Call& call) const {
  for (std::size_t i = 0; i < output_dtypes_.size(); ++i) {
    if (output_dtypes_[i] == DType::c128) {
      throw DTypeError(
          "output " + std::to_string(i) +
          " is complex128, which MLX lacks: pass NumPy arrays only to get NumPy arrays");
    }
  }
  const std::shared_ptr<const MlxProgram> program = this->program(call);
  // What is computed later must not see what the caller does to its arrays in between.
  std::vector<mx::array> arrays;
  arrays.reserve(call.arguments.size());
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    Argument& input = call.arguments[i];
    if (input.mlx != nullptr) {
      arrays.push_back(*input.mlx);
      continue;
    }
    if (!is_plain(input.view)) {
      input.keep = nb::steal(copied_numpy(input.keep.ptr()));
      input.view = view_numpy(input.keep.ptr());
    }
    arrays.push_back(copy_numpy(input.view, input_dtypes_[i]));
  }
  std::vector<mx::array> results;
  {
    const nb::gil_scoped_release release;
    results = program->run(std::move(arrays));
  }
  nb::list list = new_list(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i),
                    nb::cast(std::move(results[i])).release().ptr());
  }
  return list;
}

nb::object Executable::run_now(Call& call) const {
  const std::shared_ptr<const MlxProgram> program = this->program(call);
  const bool share = call.device == mx::Device::cpu && can_share_memory();

  std::vector<mx::array> arrays;
  arrays.reserve(call.arguments.size());
  // The memory of inputs that are read where they lie, as MLX's buffers point at it.
  std::vector<const void*> memory(call.arguments.size(), nullptr);
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    Argument& input = call.arguments[i];
    input.shared = share && shareable(input.view);
    if (!input.shared && (share || !is_plain(input.view))) {
      input.keep = nb::steal(copied_numpy(input.keep.ptr()));
      input.view = view_numpy(input.keep.ptr());
    }
    arrays.push_back(share ? share_numpy(input.view, input_dtypes_[i])
                           : copy_numpy(input.view, input_dtypes_[i]));
    if (share) memory[i] = std::as_const(arrays.back()).buffer().ptr();
  }

  MlxProgram::Options options{.status = std::make_shared<RunStatus>(), .given_away = {}};
  for (const int index : donatable_) {
    const Argument& input = call.arguments[index];
    bool given_away = input.shared && input.view.writable;
    for (std::size_t i = 0; given_away && i < call.arguments.size(); ++i) {
      given_away = static_cast<int>(i) == index || !overlap(input.view, call.arguments[i].view);
    }
    if (!given_away) continue;
    options.given_away.resize(call.arguments.size());
    options.given_away[index] = true;
  }

  std::vector<mx::array> results;
  {
    const nb::gil_scoped_release release;
    results = program->run(std::move(arrays), options);
    call.device == mx::Device::cpu ? eval_here(results) : eval_with_gpu(results);
    options.status->rethrow();
  }

  nb::list list = new_list(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const mx::array& result = results[i];
    const void* buffer = result.buffer().ptr();
    const auto earlier = [&](const mx::array& other) { return other.buffer().ptr() == buffer; };
    const bool repeated = std::any_of(results.begin(), results.begin() + i, earlier);
    const auto input = std::ranges::find(memory, buffer);
    PyObject* object = nullptr;
    if (input == memory.end()) {
      const bool own = !repeated && result.data_shared_ptr().use_count() == 1;
      object = to_numpy(result, output_dtypes_[i], own);
    } else {
      const std::size_t index = static_cast<std::size_t>(input - memory.begin());
      const bool given_away = !options.given_away.empty() && options.given_away[index];
      object = given_away && !repeated
                   ? view_of_numpy(result, output_dtypes_[i], call.arguments[index].keep.ptr())
                   : to_numpy(result, output_dtypes_[i], false);
    }
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), object);
  }
  return list;
}

Graph Executable::graph_for(std::span<const std::int64_t> sizes, const SizedGraph::ValueOf& value_of) const {
  return is_native() ? graph_.prepared(sizes, value_of, prepare_) : graph_.specialised(sizes, value_of);
}

Graph Executable::specialised(nb::handle inputs) const {
  const Call call = begin(inputs);
  return graph_for(call.sizes(), [&](int input) { return value_of(call, input); });
}

std::vector<Graph> Executable::graphs() const {
  std::vector<Graph> graphs;
  for (const auto& program : cache_.programs()) graphs.push_back(program->graph());
  for (const auto& program : native_.programs()) graphs.push_back(program->graph());
  return graphs;
}

std::string Executable::program_text(nb::handle inputs) const {
  if (!is_native()) throw UserError("program_text: the native executor does not run this function");
  const Inputs held(inputs, input_dtypes_.size());
  return to_text(native_.program(held.objects())->plan());
}

std::pair<Graph, std::vector<std::pair<int, double>>> Executable::profile(nb::handle inputs, int repeats) const {
  if (!is_native()) throw UserError("profile: the native executor does not run this function");
  if (repeats < 1) throw UserError("profile: repeats must be at least 1");
  const Inputs held(inputs, input_dtypes_.size());
  const std::vector<double> seconds = native_.profile(held.objects(), repeats);
  const LinearProgram& plan = native_.program(held.objects())->plan();
  std::vector<std::pair<int, double>> rows;
  for (std::size_t i = 0; i < seconds.size(); ++i) rows.emplace_back(plan.instructions[i].node, seconds[i]);
  return {plan.graph, std::move(rows)};
}

}  // namespace gemmule
