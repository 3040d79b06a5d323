// Host tensors from NumPy arrays and back.
#pragma once

#include <nanobind/nanobind.h>

#include <string>

#include "ir/graph.h"

namespace gemmule {

// Throws UnsupportedError for a name that no dtype of the core has.
DType to_dtype(const std::string& name);

// Any NumPy array, made row-major and native first. A large one is not copied: constants do not change.
Tensor to_tensor(nanobind::handle array);

// A NumPy array with a copy of the elements.
nanobind::object to_numpy(const Tensor& tensor);

// The array whose elements the tensor reads, or else a copy. One array, however many graphs hold it, is pickled once.
nanobind::object array_of(const Tensor& tensor);

}  // namespace gemmule
