// Between NumPy arrays and MLX arrays, without copies where memory allows.
#pragma once

#include <Python.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "ir/graph.h"
#include "mlx/array.h"

namespace gemmule {

namespace mx = mlx::core;

// Loads NumPy's C API. Once, before all others.
void import_numpy();

bool is_numpy_array(PyObject* object);

// What a NumPy array says of itself. Strides count bytes.
struct NumpyView {
  char* data = nullptr;
  std::optional<DType> dtype;  // nothing: strings, objects and the like
  std::span<const Py_ssize_t> shape, strides;
  bool native = false;  // byte order and alignment
  bool writable = false;
};
NumpyView view_numpy(PyObject* array);

// The dtype as messages say it: "float64", "object".
std::string dtype_name(PyObject* array);

// The first byte and the one behind the last that the array may touch.
std::pair<const char*, const char*> memory_bounds(const NumpyView& view);

// A new row-major array in the machine's byte order. Throws nb::python_error.
PyObject* copied_numpy(PyObject* array);

// The array for a Python number or NumPy scalar, as NumPy sees it (new reference), or null for
// other objects.
PyObject* numpy_from_number(PyObject* object);

// Whether a Python int, float or complex fits `dtype` without a change of kind.
bool is_python_number(PyObject* object);

// A 0-d array of `dtype` that holds a Python number (new reference); null with a Python error set
// otherwise.
PyObject* numpy_from_number(PyObject* number, DType dtype);

// -- for calls that must cost little ---------------------------------------------------------------

// NumPy's number for a dtype.
int numpy_type_number(DType dtype);

// The elements of a NumPy array of this type number and rank that is row-major, aligned and in the machine's
// byte order; null for anything else.
const void* plain_numpy(PyObject* object, int type_number, int rank);

// Of a NumPy array.
const Py_ssize_t* numpy_shape(PyObject* array);
void* numpy_data(PyObject* array);

// A new row-major array (reference) whose elements are not set.
PyObject* empty_numpy(int type_number, std::span<const std::int64_t> shape);

// True where MLX's arrays can lie in any memory: its allocator is the CPU's.
bool can_share_memory();

// Row-major, in the machine's byte order; of a dtype that is known.
bool is_plain(const NumpyView& view);

// Whether the array's memory can be an MLX array as it is.
bool shareable(const NumpyView& view);

// An MLX array in the memory of a shareable array, which the caller keeps alive.
mx::array share_numpy(const NumpyView& view, DType dtype);

// An MLX array of its own memory with the elements of a row-major native array.
mx::array copy_numpy(const NumpyView& view, DType dtype);

// A NumPy array (new reference) with the elements of an evaluated array.
//
// In the array's memory, which it keeps alive, when `own` says that nobody else uses that memory
// and it has no gaps; a copy otherwise, and for few elements.
PyObject* to_numpy(const mx::array& array, DType dtype, bool own);

// A NumPy array (new reference) in memory of `owner`, of which `array` is a view.
PyObject* view_of_numpy(const mx::array& array, DType dtype, PyObject* owner);

}  // namespace gemmule
