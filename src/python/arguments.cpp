#include "python/arguments.h"

#include "ir/error.h"
#include "mlx/lower.h"

namespace nb = nanobind;

namespace gemmule {
namespace {

std::string dimensions(std::size_t rank) {
  return std::to_string(rank) + (rank == 1 ? " dimension" : " dimensions");
}

// "input 0 "A" must be float64 with 2 dimensions"
std::string describe(const Graph& graph, int index) {
  const Value& value = graph.values[graph.inputs[index]];
  return "input " + std::to_string(index) + (value.name.empty() ? "" : " \"" + value.name + "\"") + " must be " +
         std::string(numpy_name(value.type.dtype)) + " with " + dimensions(value.type.shape.size());
}

// Whether a Python number is of a kind that the dtype holds: no fraction is cut off, no imaginary part lost.
bool holds(DType dtype, PyObject* number) {
  if (PyBool_Check(number)) return true;
  if (PyLong_Check(number)) return dtype != DType::bool_;
  return PyFloat_CheckExact(number) ? is_inexact(dtype) : is_complex(dtype);
}

}  // namespace

Argument read_argument(const Graph& graph, int index, PyObject* object) {
  const Type& type = graph.type(graph.inputs[index]);
  const DType dtype = type.dtype;
  const auto described = [&] { return describe(graph, index); };
  Argument result;
  std::size_t rank = 0;
  if (is_numpy_array(object)) {
    result.keep = nb::borrow(object);
  } else if (nb::isinstance<mx::array>(object)) {
    result.mlx = nb::inst_ptr<mx::array>(object);
    if (dtype == DType::c128) {
      throw DTypeError(described() + ", and an mx.array was given: MLX has no complex128, pass NumPy arrays");
    }
    const mx::Dtype given = result.mlx->dtype();
    if (given != to_mlx(dtype)) {
      const std::string what = given == mx::bfloat16 ? "bfloat16" : std::string(numpy_name(from_mlx(given)));
      throw DTypeError(described() + ", and an mx.array of " + what + " was given");
    }
    rank = result.mlx->ndim();
  } else if (is_python_number(object)) {
    PyObject* array = holds(dtype, object) ? numpy_from_number(object, dtype) : nullptr;
    if (array == nullptr) {
      PyErr_Clear();
      throw DTypeError(described() + ", and " + nb::repr(object).c_str() + " was given");
    }
    result.keep = nb::steal(array);
  } else if (PyObject* array = numpy_from_number(object)) {
    result.keep = nb::steal(array);
  } else {
    throw DTypeError(described() + ", and an object of type " + Py_TYPE(object)->tp_name +
                     " was given: pass NumPy arrays, mx.arrays or numbers");
  }
  if (result.mlx == nullptr) {
    result.view = view_numpy(result.keep.ptr());
    if (result.view.dtype != dtype) {
      throw DTypeError(described() + ", and an array of " + dtype_name(result.keep.ptr()) + " was given");
    }
    rank = result.view.shape.size();
  }
  if (rank != type.shape.size()) {
    throw ShapeError(described() + ", and an array with " + dimensions(rank) + " was given");
  }
  return result;
}

}  // namespace gemmule
