#include "python/native.h"

#include <nanobind/nanobind.h>

#include <algorithm>
#include <array>
#include <boost/container/small_vector.hpp>
#include <cstring>

#include "ir/error.h"
#include "kernels/movement.h"
#include "mlx/lower.h"
#include "mlx/ops.h"
#include "python/arguments.h"
#include "python/numpy_arrays.h"

namespace nb = nanobind;

namespace gemmule {

// The inputs of one call: where they lie, and the key of the program that takes them so.
class NativeExecutable::Call {
 public:
  Call(const NativeExecutable& executable, std::span<PyObject* const> objects)
      : executable_(executable), objects_(objects) {
    std::size_t strided = 0;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      if (!read_plain(i)) strided += read_any(i);
    }
    key.push_back(static_cast<std::int64_t>(strided));
    if (strided > 0) key.insert(key.end(), strides_.begin(), strides_.end());
    for (const int index : executable.graph_.static_value_inputs()) {
      const Tensor value = value_of(index);
      const std::size_t words = (value.bytes() + 7) / 8;
      key.resize(key.size() + words, 0);
      if (words > 0) std::memcpy(&key[key.size() - words], value.data.get(), value.bytes());
    }
  }

  std::span<const std::int64_t> sizes() const { return {key.data(), size_count_}; }

  PlanOptions plan_options() const {
    PlanOptions options;
    options.donatable = executable_.donatable_;
    options.input_strides.resize(objects_.size());
    for (std::size_t at = 0; at < strides_.size();) {
      const auto input = static_cast<std::size_t>(strides_[at++]);
      const auto rank = static_cast<std::size_t>(executable_.input_ranks_[input]);
      options.input_strides[input].assign(strides_.begin() + static_cast<std::ptrdiff_t>(at),
                                          strides_.begin() + static_cast<std::ptrdiff_t>(at + rank));
      at += rank;
    }
    return options;
  }

  Tensor value_of(int index) const {
    const DType dtype = executable_.input_dtypes_[index];
    std::size_t start = 0;
    for (int i = 0; i < index; ++i) start += static_cast<std::size_t>(executable_.input_ranks_[i]);
    const auto rank = static_cast<std::size_t>(executable_.input_ranks_[index]);
    Tensor tensor = Tensor::zeros(dtype, {key.begin() + static_cast<std::ptrdiff_t>(start),
                                          key.begin() + static_cast<std::ptrdiff_t>(start + rank)});
    ConstView from{addresses[index], dtype, tensor.shape, row_major_strides(tensor.shape)};
    for (std::size_t at = 0; at < strides_.size();) {
      const auto input = static_cast<int>(strides_[at++]);
      const auto its_rank = static_cast<std::size_t>(executable_.input_ranks_[input]);
      if (input == index) {
        std::copy_n(strides_.begin() + static_cast<std::ptrdiff_t>(at), its_rank, from.strides.begin());
      }
      at += its_rank;
    }
    const View to{const_cast<std::byte*>(tensor.data.get()), dtype, tensor.shape, row_major_strides(tensor.shape)};
    if (tensor.count() > 0) kernels::copy(from, to);
    return tensor;
  }

  // The NumPy array that an output may be, when it takes the memory of input `index`; null where it may not.
  PyObject* given_away(int index) const {
    PyObject* object = objects_[index];
    if (!is_numpy_array(object)) return nullptr;
    const NumpyView view = view_numpy(object);
    if (!view.writable || view.data != addresses[index]) return nullptr;
    const auto [low, high] = memory_bounds(view);
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      if (static_cast<int>(i) == index) continue;
      if (!is_numpy_array(objects_[i])) return nullptr;
      const auto [other_low, other_high] = memory_bounds(view_numpy(objects_[i]));
      if (low < other_high && other_low < high) return nullptr;
    }
    return object;
  }

  boost::container::small_vector<const void*, 32> addresses;
  boost::container::small_vector<std::int64_t, 64> key;  // sizes, strides where not row-major, static values
  bool any_mlx = false;

 private:
  // The usual input: a NumPy array of the right dtype and rank, row-major and aligned.
  bool read_plain(std::size_t i) {
    PyObject* object = objects_[i];
    const int rank = executable_.input_ranks_[i];
    const void* data = plain_numpy(object, executable_.input_types_[i], rank);
    if (data == nullptr) return false;
    addresses.push_back(data);
    push_sizes(numpy_shape(object), rank);
    return true;
  }

  // Any other; returns whether it is not row-major.
  bool read_any(std::size_t i) {
    const int rank = executable_.input_ranks_[i];
    Argument argument = read_argument(executable_.graph_.graph(), static_cast<int>(i), objects_[i]);
    boost::container::small_vector<std::int64_t, 8> strides;
    if (argument.mlx != nullptr) {
      any_mlx = true;
      mx::array array = *argument.mlx;
      if (array.status() != mx::array::Status::available) {
        const nb::gil_scoped_release release;
        array.eval();
      }
      addresses.push_back(array.size() == 0 ? this : static_cast<const void*>(array.data<char>()));
      push_sizes(array.shape().begin(), rank);
      if (array.flags().row_contiguous || array.size() == 0) return false;
      strides.assign(array.strides().begin(), array.strides().end());
      arrays_.push_back(std::move(array));
    } else {
      bool divisible = argument.view.native;
      const auto item = static_cast<Py_ssize_t>(size_of(*argument.view.dtype));
      for (int axis = 0; axis < rank; ++axis) {
        divisible = divisible && (argument.view.shape[axis] == 1 || argument.view.strides[axis] % item == 0);
      }
      if (!divisible) {
        argument.keep = nb::steal(copied_numpy(argument.keep.ptr()));
        argument.view = view_numpy(argument.keep.ptr());
      }
      addresses.push_back(argument.view.data);
      push_sizes(argument.view.shape.data(), rank);
      const bool plain = is_plain(argument.view);
      if (!plain) {
        for (int axis = 0; axis < rank; ++axis) strides.push_back(argument.view.strides[axis] / item);
      }
      // What the caller gave lives as long as the call; what was made here must as well.
      if (argument.keep.ptr() != objects_[i]) made_.push_back(std::move(argument.keep));
      if (plain) return false;
    }
    strides_.push_back(static_cast<std::int64_t>(i));
    for (int axis = 0; axis < rank; ++axis) {
      const bool moves = key[key.size() - static_cast<std::size_t>(rank - axis)] != 1;
      strides_.push_back(moves ? strides[static_cast<std::size_t>(axis)] : 0);
    }
    return true;
  }

  template <class Sizes>
  void push_sizes(Sizes sizes, int rank) {
    for (int axis = 0; axis < rank; ++axis) key.push_back(static_cast<std::int64_t>(sizes[axis]));
    size_count_ = key.size();
  }

  const NativeExecutable& executable_;
  std::span<PyObject* const> objects_;
  std::size_t size_count_ = 0;
  boost::container::small_vector<std::int64_t, 16> strides_;  // per input that is not row-major: index, strides
  std::vector<nb::object> made_;
  std::vector<mx::array> arrays_;
};

NativeExecutable::NativeExecutable(const SizedGraph& graph, std::vector<int> donatable, PrepareOptions options)
    : graph_(graph), donatable_(std::move(donatable)), options_(std::move(options)) {
  const Graph& known = graph_.graph();
  for (const ValueId input : known.inputs) {
    input_dtypes_.push_back(known.type(input).dtype);
    input_types_.push_back(numpy_type_number(known.type(input).dtype));
    input_ranks_.push_back(known.type(input).rank());
  }
  for (const ValueId output : known.outputs) {
    output_dtypes_.push_back(known.type(output).dtype);
    output_types_.push_back(numpy_type_number(known.type(output).dtype));
  }
}

std::shared_ptr<const CpuProgram> NativeExecutable::program_of(const Call& call) const {
  const std::span<const std::int64_t> key(call.key.data(), call.key.size());
  if (last_ && std::ranges::equal(key, last_key_)) return last_;
  std::shared_ptr<const CpuProgram> found = cache_.find(key);
  if (!found) {
    std::vector<std::pair<int, Tensor>> values;
    for (const int index : graph_.static_value_inputs()) values.emplace_back(index, call.value_of(index));
    const PlanOptions options = call.plan_options();
    const nb::gil_scoped_release release;
    Graph prepared = graph_.prepared(
        call.sizes(),
        [&](int input) { return std::ranges::find(values, input, &std::pair<int, Tensor>::first)->second; }, options_);
    auto made = std::make_shared<const CpuProgram>(std::move(prepared), options);
    const std::size_t bytes = made->plan().workspace_bytes;
    found = cache_.keep(key, std::move(made), bytes);
  }
  last_key_.assign(key.begin(), key.end());
  last_ = found;
  return found;
}

namespace {

// Where the results go: new arrays, or inputs that were given away.
struct Results {
  boost::container::small_vector<PyObject*, 16> numpy;
  std::vector<mx::array> mlx;
  boost::container::small_vector<void*, 16> addresses;

  Results() = default;
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;
  ~Results() {
    for (PyObject* object : numpy) Py_XDECREF(object);
  }
};

}  // namespace

PyObject* NativeExecutable::run(std::span<PyObject* const> inputs) const {
  const Call call(*this, inputs);
  const std::shared_ptr<const CpuProgram> program = program_of(call);
  const LinearProgram& plan = program->plan();
  const std::size_t count = plan.outputs.size();

  Results results;
  if (call.any_mlx) {
    for (std::size_t k = 0; k < count; ++k) {
      const DType dtype = output_dtypes_[k];
      if (dtype == DType::c128) {
        throw DTypeError("output " + std::to_string(k) +
                         " is complex128, which MLX lacks: pass NumPy arrays only to get NumPy arrays");
      }
      const Extents& shape = plan.outputs[k].shape;
      const auto bytes = static_cast<std::size_t>(plan.outputs[k].count()) * size_of(dtype);
      results.mlx.emplace_back(mx::allocator::malloc(std::max<std::size_t>(bytes, 1)), to_mlx_shape(static_type(dtype, shape)),
                               to_mlx(dtype));
      results.addresses.push_back(results.mlx.back().data<char>());
    }
  } else {
    results.numpy.resize(count, nullptr);
    for (const TakeOver& take_over : plan.take_overs) {
      results.numpy[take_over.output] = Py_XNewRef(call.given_away(take_over.input));
    }
    for (std::size_t k = 0; k < count; ++k) {
      if (results.numpy[k] == nullptr) results.numpy[k] = empty_numpy(output_types_[k], plan.outputs[k].shape);
      results.addresses.push_back(numpy_data(results.numpy[k]));
    }
  }

  if (program->is_long()) {
    const nb::gil_scoped_release release;
    program->run(call.addresses.data(), results.addresses.data());
  } else {
    program->run(call.addresses.data(), results.addresses.data());
  }

  PyObject* list = PyList_New(static_cast<Py_ssize_t>(count));
  if (list == nullptr) nb::raise_python_error();
  for (std::size_t k = 0; k < count; ++k) {
    PyObject* object = call.any_mlx ? nb::cast(std::move(results.mlx[k])).release().ptr()
                                    : std::exchange(results.numpy[k], nullptr);
    PyList_SET_ITEM(list, static_cast<Py_ssize_t>(k), object);
  }
  return list;
}

std::shared_ptr<const CpuProgram> NativeExecutable::program(std::span<PyObject* const> inputs) const {
  return program_of(Call(*this, inputs));
}

std::vector<double> NativeExecutable::profile(std::span<PyObject* const> inputs, int repeats) const {
  const Call call(*this, inputs);
  const std::shared_ptr<const CpuProgram> program = program_of(call);
  const LinearProgram& plan = program->plan();
  Results results;
  for (std::size_t k = 0; k < plan.outputs.size(); ++k) {
    results.numpy.push_back(empty_numpy(output_types_[k], plan.outputs[k].shape));
    results.addresses.push_back(numpy_data(results.numpy.back()));
  }
  std::vector<double> best;
  const nb::gil_scoped_release release;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    std::vector<double> seconds(plan.instructions.size(), 0.0);
    program->run_timed(call.addresses.data(), results.addresses.data(), seconds);
    if (best.empty()) best = seconds;
    for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], seconds[i]);
  }
  return best;
}

}  // namespace gemmule
