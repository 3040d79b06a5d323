// _core.GeneratorHandle and what goes with it: NumPy's generators as values of the IR (kernels/generator.h).
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

// The state that generators had.
class Snapshot {
 public:
  explicit Snapshot(const nb::sequence& addresses) {
    for (const nb::handle address : addresses) {
      generators_.push_back(&kernels::generator_at(nb::cast<std::uint64_t>(address)));
    }
    states_ = std::make_unique_for_overwrite<kernels::GeneratorState[]>(generators_.size());
    for (std::size_t i = 0; i < generators_.size(); ++i) kernels::save(*generators_[i], states_[i]);
  }

  void restore() const {
    for (std::size_t i = 0; i < generators_.size(); ++i) kernels::restore(*generators_[i], states_[i]);
  }

 private:
  std::vector<const kernels::Generator*> generators_;
  std::unique_ptr<kernels::GeneratorState[]> states_;
};

}  // namespace

void bind_generator(nb::module_& m) {
  nb::class_<Handle>(m, "GeneratorHandle", "A bit generator of NumPy's as a value of the IR.")
      .def(nb::init<nb::object, const std::string&>(), "bit_generator"_a, "type"_a)
      .def_prop_ro("address", [](const Handle& handle) { return kernels::address_of(handle.generator); });
  nb::class_<Snapshot>(m, "GeneratorSnapshot", "The states of the generators at these addresses.")
      .def(nb::init<const nb::sequence&>(), "addresses"_a)
      .def("restore", &Snapshot::restore, "Gives the generators the states back.");
  m.def(
      "generator_origin",
      [](std::uint64_t address) {
        return nb::borrow(static_cast<PyObject*>(const_cast<void*>(kernels::generator_at(address).origin)));
      },
      "address"_a, "The bit generator that the generator at this address is, or is a copy of.");
  m.def(
      "copy_generator",
      [](std::uint64_t from, std::uint64_t to) {
        kernels::copy_state(kernels::generator_at(from), kernels::generator_at(to));
      },
      "source"_a, "target"_a, "Gives the generator at ``target`` the state of the one at ``source``.");
}

}  // namespace gemmule
