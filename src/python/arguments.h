// What a call gets from Python, checked against the inputs of its graph.
#pragma once

#include <nanobind/nanobind.h>

#include "ir/graph.h"
#include "mlx/array.h"
#include "python/numpy_arrays.h"

namespace gemmule {

// One input of a call.
struct Argument {
  nanobind::object keep;  // the NumPy array that is read, perhaps converted; invalid for an mx.array
  NumpyView view;
  const mx::array* mlx = nullptr;
  bool shared = false;  // read where it lies
};

// A NumPy array, mx.array or number with the dtype and rank of input `index` of the graph. Throws DTypeError and
// ShapeError that name the input otherwise.
Argument read_argument(const Graph& graph, int index, PyObject* object);

}  // namespace gemmule
