// _core.call_here: a Python function over mx.arrays, called with NumPy arrays and evaluated at
// once.
#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/movement.h"
#include "mlx/allocator.h"
#include "mlx/eval_here.h"
#include "mlx/host_primitive.h"
#include "mlx/lower.h"
#include "mlx/transforms.h"
#include "mlx/wait.h"
#include "python/bindings.h"
#include "python/numpy_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

// MLX has neither complex128 nor other kinds of elements, and only what is row-major is read by all
// of its own ops.
bool readable_in_place(const NumpyView& view) {
  return view.dtype && *view.dtype != DType::c128 && is_plain(view) && shareable(view);
}

mx::array copy_of(const mx::array& array) {
  mx::array copy(mx::allocator::malloc(array.nbytes()), array.shape(), array.dtype());
  if (array.size() == 0) return copy;
  const DType dtype = from_mlx(array.dtype());
  kernels::copy(const_view(array, dtype), mutable_view(copy, dtype));
  return copy;
}

// The arguments as mx.arrays; nothing where one of them needs more than a look.
std::optional<nb::list> arguments(const nb::tuple& inputs, std::vector<const void*>& borrowed) {
  if (mx::default_device() != mx::Device::cpu || !can_share_memory()) return std::nullopt;
  nb::list arguments;
  for (const nb::handle input : inputs) {
    if (is_numpy_array(input.ptr())) {
      const NumpyView view = view_numpy(input.ptr());
      if (!readable_in_place(view)) return std::nullopt;
      mx::array array = share_numpy(view, *view.dtype);
      borrowed.push_back(std::as_const(array).buffer().ptr());
      arguments.append(nb::cast(std::move(array)));
    } else if (nb::isinstance<mx::array>(input) && !nb::inst_ptr<mx::array>(input)->is_tracer()) {
      arguments.append(input);
    } else {
      return std::nullopt;
    }
  }
  if (borrowed.empty()) return std::nullopt;
  return arguments;
}

// The arrays in lists and tuples; what else is there is passed by.
void add_arrays(nb::handle object, std::vector<mx::array>& found) {
  if (nb::isinstance<mx::array>(object)) {
    found.push_back(*nb::inst_ptr<mx::array>(object));
  } else if (nb::isinstance<nb::list>(object) || nb::isinstance<nb::tuple>(object)) {
    for (const nb::handle item : object) add_arrays(item, found);
  }
}

nb::object call_here(const nb::callable& function, const nb::tuple& inputs) {
  std::vector<const void*> borrowed;
  std::optional<nb::list> list = arguments(inputs, borrowed);
  if (!list) return nb::none();
  nb::object object = function(*nb::tuple(*list));
  list.reset();
  auto results = nb::cast<std::vector<mx::array>>(object);
  object.reset();
  {
    const nb::gil_scoped_release release;
    eval_here(results);
    for (mx::array& result : results) {
      const void* memory = std::as_const(result).buffer().ptr();
      if (std::ranges::find(borrowed, memory) != borrowed.end()) result = copy_of(result);
    }
  }
  nb::list outputs;
  for (mx::array& result : results) outputs.append(nb::cast(std::move(result)));
  return outputs;
}

}  // namespace

void bind_call_here(nb::module_& m) {
  m.def(
      "wait",
      [](const nb::object& arrays) {
        std::vector<mx::array> found;
        add_arrays(arrays, found);
        nb::gil_scoped_release release;
        const bool on_cpu = mx::default_device() == mx::Device::cpu;
        on_cpu ? mx::eval(std::move(found)) : eval_and_wait(std::move(found));
      },
      "arrays"_a,
      "Evaluates an mx.array, or those in lists and tuples, and returns when they are there: as mx.eval, but on\n"
      "a GPU the thread does not sleep for results that take less than a millisecond.");
  m.def("call_here", &call_here, "function"_a, "inputs"_a,
        "The evaluated results of ``function``, which takes and returns mx.arrays, as a list.\n\n"
        "NumPy arrays among ``inputs`` are read where they lie, and the calling thread computes "
        "what Gemmule's\n"
        "kernels can. None, and no call, where that cannot be: without NumPy arrays, on a GPU, "
        "while MLX\n"
        "traces, or for NumPy arrays that are not row-major or of a dtype that MLX lacks.");
}

}  // namespace gemmule
