// _core.GeneratorHandle and what goes with it: NumPy's generators as values of the IR
// (kernels/generator.h).
#include "kernels/generator.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <vector>

#include "ir/error.h"
#include "python/bindings.h"
#include "python/numpy_arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

kernels::StateLayout layout_of(const std::string& type) {
  if (type == "PCG64" || type == "PCG64DXSM") return kernels::StateLayout::pcg64;
  if (type == "MT19937") return kernels::StateLayout::mt19937;
  if (type == "Philox") return kernels::StateLayout::philox;
  if (type == "SFC64") return kernels::StateLayout::sfc64;
  throw UnsupportedError("the bit generator '" + type + "' is not one of NumPy's");
}

// Keeps the bit generator alive, in whose memory the state lies.
struct Handle {
  nb::object bit_generator;
  kernels::Generator generator;

  Handle(nb::object object, const std::string& type) : bit_generator(std::move(object)) {
    const nb::object capsule = bit_generator.attr("capsule");
    auto* bits = static_cast<bitgen_t*>(PyCapsule_GetPointer(capsule.ptr(), "BitGenerator"));
    if (bits == nullptr) nb::raise_python_error();
    generator = {bits, layout_of(type), bit_generator.ptr()};
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

// The number that a value of a generator holds: a 0-d array of NumPy or MLX.
std::uint64_t address_in(nb::handle value) {
  const int type_number = numpy_type_number(DType::u64);
  if (const void* data = plain_numpy(value.ptr(), type_number, 0))
    return *static_cast<const std::uint64_t*>(data);
  return nb::cast<std::uint64_t>(value.attr("item")());
}

// The state that generators had.
class Snapshot {
 public:
  explicit Snapshot(const nb::list& values) {
    generators_.reserve(values.size());
    for (const nb::handle value : values)
      generators_.push_back(&kernels::generator_at(address_in(value)));
    states_ = std::make_unique_for_overwrite<kernels::GeneratorState[]>(generators_.size());
    for (std::size_t i = 0; i < generators_.size(); ++i) kernels::save(*generators_[i], states_[i]);
  }

  void restore() const {
    for (std::size_t i = 0; i < generators_.size(); ++i)
      kernels::restore(*generators_[i], states_[i]);
  }

 private:
  std::vector<const kernels::Generator*> generators_;
  std::unique_ptr<kernels::GeneratorState[]> states_;
};

// outputs[i] = known[address in outputs[i]] for i in `positions`; how many were not known, which
// stay.
int settle(nb::list outputs, const nb::tuple& positions, const nb::dict& known) {
  int unknown = 0;
  for (const nb::handle position : positions) {
    const Py_ssize_t i = PyLong_AsSsize_t(position.ptr());
    const nb::handle value = PyList_GET_ITEM(outputs.ptr(), i);
    if (!is_numpy_array(value.ptr())) {
      ++unknown;
      continue;
    }
    const nb::object address = nb::steal(PyLong_FromUnsignedLongLong(address_in(value)));
    PyObject* object = PyDict_GetItemWithError(known.ptr(), address.ptr());
    if (object == nullptr) {
      if (PyErr_Occurred() != nullptr) nb::raise_python_error();
      ++unknown;
      continue;
    }
    PyList_SetItem(outputs.ptr(), i, Py_NewRef(object));
  }
  return unknown;
}

}  // namespace

void bind_generator(nb::module_& m) {
  nb::class_<Handle>(m, "GeneratorHandle", "A bit generator of NumPy's as a value of the IR.")
      .def(nb::init<nb::object, const std::string&>(), "bit_generator"_a, "type"_a)
      .def_prop_ro("address",
                   [](const Handle& handle) { return kernels::address_of(handle.generator); });
  nb::class_<Snapshot>(m, "GeneratorSnapshot", "The states of generators, given as uint64[].")
      .def(nb::init<const nb::list&>(), "values"_a)
      .def("restore", &Snapshot::restore, "Gives the generators the states back.");
  m.def("settle_generators", &settle, "outputs"_a, "positions"_a, "known"_a,
        "Puts the objects of ``known``, by address, in the place of handles in a list; how many it "
        "did not find.");
  m.def(
      "generator_origin",
      [](std::uint64_t address) {
        return nb::borrow(
            static_cast<PyObject*>(const_cast<void*>(kernels::generator_at(address).origin)));
      },
      "address"_a, "The bit generator that the generator at this address is, or is a copy of.");
  m.def(
      "copy_generator",
      [](std::uint64_t from, std::uint64_t to) {
        kernels::copy_state(kernels::generator_at(from), kernels::generator_at(to));
      },
      "source"_a, "target"_a,
      "Gives the generator at ``target`` the state of the one at ``source``.");
}

}  // namespace gemmule
