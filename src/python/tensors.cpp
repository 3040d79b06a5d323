#include "python/tensors.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "ir/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

// From so many bytes on a tensor reads the elements where the array has them.
constexpr std::size_t kShared = 64 << 10;

// Memory that lives as long as an array does. The last reader may be any thread, at any time.
struct ReleaseArray {
  PyObject* array;

  void operator()(const std::byte*) const {
    if (!Py_IsInitialized()) return;
    const nb::gil_scoped_acquire lock;
    Py_DECREF(array);
  }
};

std::uintptr_t address_of(nb::handle array) { return nb::cast<std::uintptr_t>(array.attr("ctypes").attr("data")); }

}  // namespace

DType to_dtype(const std::string& name) {
  const auto dtype = parse_dtype(name);
  if (!dtype) throw UnsupportedError("dtype '" + name + "' is not supported");
  return *dtype;
}

Tensor to_tensor(nb::handle array) {
  const nb::object numpy = nb::module_::import_("numpy");
  const nb::object given = numpy.attr("asarray")(array);
  const auto dtype = to_dtype(nb::cast<std::string>(given.attr("dtype").attr("name")));
  const nb::object native = given.attr("astype")(given.attr("dtype").attr("newbyteorder")("="), "copy"_a = false);
  nb::object dense = numpy.attr("ascontiguousarray")(native);
  const auto shape = nb::cast<std::vector<std::int64_t>>(given.attr("shape"));
  const std::uintptr_t address = address_of(dense);
  const auto* data = reinterpret_cast<const void*>(address);
  if (nb::cast<std::size_t>(dense.attr("nbytes")) < kShared || address % size_of(dtype) != 0) {
    return Tensor::from_bytes(dtype, shape, data);
  }
  return {dtype, shape, {static_cast<const std::byte*>(data), ReleaseArray{dense.release().ptr()}}};
}

nb::object to_numpy(const Tensor& tensor) {
  const nb::object numpy = nb::module_::import_("numpy");
  const nb::bytes bytes(reinterpret_cast<const char*>(tensor.data.get()), tensor.bytes());
  const nb::object flat = numpy.attr("frombuffer")(bytes, "dtype"_a = std::string(numpy_name(tensor.dtype)));
  return flat.attr("reshape")(nb::cast(tensor.shape));
}

nb::object array_of(const Tensor& tensor) {
  if (const auto* owner = std::get_deleter<ReleaseArray>(tensor.data)) {
    nb::object array = nb::borrow(owner->array);
    const nb::object dtype = nb::module_::import_("numpy").attr("dtype")(std::string(numpy_name(tensor.dtype)));
    const nb::object shape = nb::tuple(nb::cast(tensor.shape));
    if (array.attr("dtype").equal(dtype) && array.attr("shape").equal(shape)) return array;
  }
  return to_numpy(tensor);
}

}  // namespace gemmule
