// _core.Program: functions that run without PyTensor, by address too.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include "gemmule/gemmule.h"
#include "ir/error.h"
#include "program/file.h"
#include "program/loaded_program.h"
#include "python/arguments.h"
#include "python/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

// A copy: the caller may change the array.
Tensor tensor_of(nb::handle array, const std::string& name) {
  if (!is_numpy_array(array.ptr()))
    throw DTypeError("data \"" + name + "\": a NumPy array is needed");
  nb::object keep = nb::borrow(array);
  NumpyView view = view_numpy(keep.ptr());
  if (!view.dtype)
    throw DTypeError("data \"" + name + "\": arrays of " + dtype_name(keep.ptr()) + " are no data");
  if (!is_plain(view)) {
    keep = nb::steal(copied_numpy(keep.ptr()));
    view = view_numpy(keep.ptr());
  }
  return Tensor::from_bytes(*view.dtype, {view.shape.begin(), view.shape.end()}, view.data);
}

nb::object array_of(const Tensor& tensor) {
  nb::object array = nb::steal(empty_numpy(numpy_type_number(tensor.dtype), tensor.shape));
  if (tensor.bytes() > 0) std::memcpy(numpy_data(array.ptr()), tensor.data.get(), tensor.bytes());
  return array;
}

Named<Tensor> to_data(const nb::dict& given) {
  Named<Tensor> data;
  for (const auto& [key, value] : given) {
    const auto name = nb::cast<std::string>(key);
    data.emplace_back(name, tensor_of(value, name));
  }
  return data;
}

nb::tuple shape_of(const Type& type) {
  nb::list sizes;
  for (const Dim& dim : type.shape)
    sizes.append(dim.is_known() ? nb::object(nb::int_(dim.size)) : nb::none());
  return nb::tuple(sizes);
}

nb::tuple variable(const std::string& name, const Type& type) {
  return nb::make_tuple(name, std::string(numpy_name(type.dtype)), shape_of(type));
}

nb::list inputs_of(const LoadedProgram& program, const std::string& name) {
  const LoadedFunction& function = program.function(name);
  nb::list rows;
  for (int i = 0; i < static_cast<int>(function.arguments().size()); ++i) {
    rows.append(variable(function.argument_name(i), function.argument_type(i)));
  }
  return rows;
}

nb::list outputs_of(const LoadedProgram& program, const std::string& name) {
  const PackedFunction& function = program.function(name).packed();
  nb::list rows;
  for (std::size_t i = 0; i < function.outputs.size(); ++i) {
    rows.append(variable(function.outputs[i], function.graph.type(function.graph.outputs[i])));
  }
  return rows;
}

nb::list run(const LoadedProgram& program, const std::string& name, const nb::list& arrays) {
  const LoadedFunction& function = program.function(name);
  const std::span<const int> arguments = function.arguments();
  if (arrays.size() != arguments.size()) {
    throw UserError("function \"" + name + "\" takes " + std::to_string(arguments.size()) +
                    " inputs, " + std::to_string(arrays.size()) + " were given");
  }
  std::vector<ArgumentLayout> layouts;
  std::vector<const void*> addresses;
  std::vector<nb::object> keep;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    Argument argument = read_argument(function.packed().graph, arguments[i], arrays[i].ptr());
    if (argument.mlx != nullptr) throw DTypeError("a program takes NumPy arrays, and no mx.array");
    if (!is_plain(argument.view)) {
      argument.keep = nb::steal(copied_numpy(argument.keep.ptr()));
      argument.view = view_numpy(argument.keep.ptr());
    }
    const auto shape = argument.view.shape;
    layouts.push_back({*argument.view.dtype, {shape.begin(), shape.end()}, {}});
    addresses.push_back(argument.view.data);
    keep.push_back(std::move(argument.keep));
  }
  std::shared_ptr<const BoundFunction> bound;
  {
    const nb::gil_scoped_release release;
    bound = function.bind(layouts, addresses.data());
  }
  nb::list results;
  std::vector<void*> outputs;
  for (const Layout& layout : bound->outputs()) {
    results.append(nb::steal(empty_numpy(numpy_type_number(layout.dtype), layout.shape)));
    outputs.push_back(numpy_data(results[results.size() - 1].ptr()));
  }
  const nb::gil_scoped_release release;
  bound->run(addresses.data(), outputs.data());
  return results;
}

// Without the interpreter; OSError and its classes for what the system refuses.
template <class Body>
void with_file(const std::string& path, Body body) {
  try {
    const nb::gil_scoped_release release;
    body();
  } catch (const FileError& error) {
    if (error.kind != FileError::Kind::io) throw;
    errno = error.error;
    PyErr_SetFromErrnoWithFilename(PyExc_OSError, path.c_str());
    nb::raise_python_error();
  }
}

}  // namespace

void bind_stored_program(nb::module_& m) {
  nb::class_<PackedFunction>(
      m, "ProgramFunction",
      "A function of a program: an optimised graph and the names of its inputs and outputs.\n\n"
      "With `conditions`, a graph of the same inputs with one bool[] per message of `checks`, the\n"
      "last output of `graph` says whether all of them hold.")
      .def(
          "__init__",
          [](PackedFunction* self, std::string name, const Graph& graph,
             std::vector<std::string> inputs, std::vector<std::string> outputs,
             const std::optional<Graph>& conditions, std::vector<std::string> checks,
             const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& parts) {
            std::optional<Checks> all;
            if (conditions) all = Checks{*conditions, std::move(checks)};
            std::vector<Part> its_parts;
            for (const auto& [part, shape] : parts) its_parts.push_back({part, shape});
            new (self) PackedFunction{std::move(name),    graph,          std::move(inputs),
                                      std::move(outputs), std::move(all), std::move(its_parts)};
          },
          "name"_a, "graph"_a, "inputs"_a, "outputs"_a, "conditions"_a = nb::none(),
          "checks"_a = std::vector<std::string>{},
          "parts"_a = std::vector<std::pair<std::string, std::vector<std::int64_t>>>{})
      .def_ro("name", &PackedFunction::name)
      .def_ro("graph", &PackedFunction::graph)
      .def_ro("inputs", &PackedFunction::inputs)
      .def_ro("outputs", &PackedFunction::outputs);

  nb::class_<LoadedProgram>(m, "Program",
                            "Functions that run without PyTensor, from Python and by address. It "
                            "never changes; threads may call at once.\n\n"
                            "An input that has the name of a datum has its value. The function "
                            "\"logp\" of a flat float64 vector, whose outputs\n"
                            "are the density and its gradient, and \"expand\", whose output is a "
                            "flat vector, run by address: see\n"
                            "include/gemmule/gemmule.h.")
      .def(
          "__init__",
          [](LoadedProgram* self, const std::vector<PackedFunction>& functions,
             const nb::dict& data, const nb::dict& metadata) {
            auto package = std::make_shared<Package>();
            package->functions = functions;
            package->data = to_data(data);
            for (const auto& [key, value] : metadata) {
              package->metadata.emplace_back(nb::cast<std::string>(key),
                                             nb::cast<std::string>(value));
            }
            new (self) LoadedProgram(std::move(package));
          },
          "functions"_a, "data"_a = nb::dict(), "metadata"_a = nb::dict())
      .def_prop_ro("functions",
                   [](const LoadedProgram& program) {
                     std::vector<std::string> names;
                     for (const PackedFunction& function : program.package().functions)
                       names.push_back(function.name);
                     return names;
                   })
      .def("inputs", &inputs_of, "function"_a,
           "(name, dtype, shape) of each input that has no data; None is a size that a call "
           "decides.")
      .def("outputs", &outputs_of, "function"_a, "(name, dtype, shape) of each output.")
      .def(
          "function",
          [](const LoadedProgram& program, const std::string& name) -> const PackedFunction& {
            return program.function(name).packed();
          },
          "function"_a, nb::rv_policy::reference_internal, "The function with its graph.")
      .def(
          "parts",
          [](const LoadedProgram& program, const std::string& name) {
            nb::list rows;
            for (const Part& part : program.function(name).parts()) {
              rows.append(nb::make_tuple(part.name, nb::tuple(nb::cast(part.shape))));
            }
            return rows;
          },
          "function"_a,
          "(name, shape) of the variables in the flat vector that \"logp\" takes and that "
          "\"expand\" gives.")
      .def_prop_ro("data",
                   [](const LoadedProgram& program) {
                     nb::dict data;
                     for (const auto& [name, value] : program.package().data)
                       data[name.c_str()] = array_of(value);
                     return data;
                   })
      .def_prop_ro("metadata",
                   [](const LoadedProgram& program) {
                     nb::dict metadata;
                     for (const auto& [name, value] : program.package().metadata)
                       metadata[name.c_str()] = value;
                     return metadata;
                   })
      .def("run", &run, "function"_a, "inputs"_a,
           "New NumPy arrays for a list of NumPy arrays or numbers. Raises ValueError with the "
           "message of a check that\n"
           "does not hold, TypeError and ValueError for dtypes and shapes that do not fit.")
      .def(
          "with_data",
          [](const LoadedProgram& program, const nb::kwargs& updates) {
            return program.with_data(to_data(nb::borrow<nb::dict>(updates))).release();
          },
          nb::rv_policy::take_ownership,
          "The same program with other values of these data, which are copied.")
      .def(
          "to_bytes",
          [](const LoadedProgram& program) {
            const std::vector<std::byte> bytes = to_bytes(program.package());
            return nb::bytes(bytes.data(), bytes.size());
          },
          "What `save` writes.")
      .def(
          "save",
          [](const LoadedProgram& program, const std::string& path) {
            with_file(path, [&] { save_package(program.package(), path); });
          },
          "path"_a, "Writes the file as a whole or not at all. Raises OSError where it cannot.")
      .def_static(
          "from_bytes",
          [](const nb::bytes& bytes) {
            const auto* first = static_cast<const std::byte*>(bytes.data());
            return new LoadedProgram(
                std::make_shared<const Package>(parse_package({first, bytes.size()}, "bytes")));
          },
          "bytes"_a, nb::rv_policy::take_ownership,
          "Raises ValueError for what is damaged, ends early or is newer.")
      .def_static(
          "load",
          [](const std::string& path) {
            std::unique_ptr<LoadedProgram> program;
            with_file(path, [&] {
              program = std::make_unique<LoadedProgram>(
                  std::make_shared<const Package>(load_package(path)));
            });
            return program.release();
          },
          "path"_a, nb::rv_policy::take_ownership,
          "Reads a file. Raises FileNotFoundError and other OSErrors where it cannot be read, "
          "ValueError for one that is\n"
          "damaged, ends early or is newer.")
      .def("prepare", &LoadedProgram::prepare, nb::call_guard<nb::gil_scoped_release>(),
           "Does now what the first call of logp and expand would: milliseconds.")
      .def_prop_ro("dim", &LoadedProgram::dim, "The length of the vector that logp takes.")
      .def_prop_ro("expanded", &LoadedProgram::expanded,
                   "The length of the vector that expand gives.")
      .def_prop_ro(
          "model_address",
          [](const LoadedProgram& program) { return reinterpret_cast<std::uintptr_t>(&program); },
          "What gemmule_logp and gemmule_expand take last. Keep the program alive as long as it is "
          "used.")
      .def_prop_ro_static(
          "logp_address",
          [](nb::handle) { return reinterpret_cast<std::uintptr_t>(&gemmule_logp); },
          "int gemmule_logp(uint64_t dim, const double* x, double* gradient, double* logp,\n"
          "const void* model)")
      .def_prop_ro_static(
          "expand_address",
          [](nb::handle) { return reinterpret_cast<std::uintptr_t>(&gemmule_expand); },
          "int gemmule_expand(uint64_t dim, uint64_t expanded, const double* x, double* out,\n"
          "const void* model)");
  m.def(
      "last_error", [] { return std::string(gemmule_last_error()); },
      "The message of the last failed call by address on this thread.");
}

}  // namespace gemmule
