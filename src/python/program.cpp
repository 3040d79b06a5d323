// _core.Executable: an optimised graph that runs on MLX, for any input shapes.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "ir/error.h"
#include "ir/text.h"
#include "python/bindings.h"
#include "python/executable.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

Graph program_graph(const Executable& executable,
                    const std::vector<std::vector<std::int64_t>>& shapes) {
  const Graph& graph = executable.sized_graph().graph();
  if (shapes.size() != graph.inputs.size()) {
    throw UserError(std::to_string(graph.inputs.size()) + " shapes are needed, " +
                    std::to_string(shapes.size()) + " were given");
  }
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (shapes[i].size() != graph.type(graph.inputs[i]).shape.size()) {
      throw ShapeError("shape " + std::to_string(i) + ": the input has " +
                       std::to_string(graph.type(graph.inputs[i]).shape.size()) + " dimensions");
    }
    sizes.insert(sizes.end(), shapes[i].begin(), shapes[i].end());
  }
  return executable.graph_for(sizes, [](int input) -> Tensor {
    throw UnsupportedError("the sizes depend on the value of input " + std::to_string(input) +
                           ": use specialised(inputs)");
  });
}

}  // namespace

void bind_program(nb::module_& m) {
  import_numpy();
  m.def(
      "native_passes",
      [] {
        std::vector<std::pair<std::string, std::string>> passes;
        for (const PreparePass& pass : prepare_passes()) passes.emplace_back(pass.name, pass.summary);
        return passes;
      },
      "(name, what it does) of the native executor's own passes over a graph with known sizes, in order.");
  nb::class_<Executable>(
      m, "Executable",
      "A graph that runs. One program is made per set of input shapes and kept.\n\n"
      "`donatable` lists inputs whose memory a call may overwrite and return as a result. `device` is\n"
      "\"cpu\", \"gpu\", or None for MLX's default device at the time of the call. `executor` is \"cpu\" (at once\n"
      "on the calling thread), \"mlx\" (through MLX's arrays) or \"auto\", the first where the device is the CPU.\n"
      "`disabled` names passes of the native executor to leave out. Threads may call at once.")
      .def(nb::init<Graph, std::vector<int>, const std::optional<std::string>&, const std::string&,
                    std::vector<std::string>>(),
           "graph"_a, "donatable"_a = std::vector<int>{}, "device"_a = nb::none(), "executor"_a = "auto",
           "disabled"_a = std::vector<std::string>{})
      .def("run", &Executable::run, "inputs"_a,
           "Results for NumPy arrays, mx.arrays and numbers, one per input of the graph, with its "
           "dtypes.\n\n"
           "NumPy arrays are read where they lie, and the results are NumPy arrays. Where any "
           "input is an\n"
           "mx.array, the results are lazy mx.arrays. Raises TypeError and ValueError for dtypes "
           "and shapes\n"
           "that do not fit, UnsupportedError for what the core lacks.")
      .def("lazy", &Executable::lazy, "inputs"_a, "The results as unevaluated mx.arrays.")
      .def("specialised", &Executable::specialised, "inputs"_a,
           "The graph that a call with these inputs runs.")
      .def("program_graph", &program_graph, "shapes"_a,
           "The graph that a call with inputs of these shapes runs.")
      .def("program_text", &Executable::program_text, "inputs"_a,
           "The instructions that a call with these inputs runs, and where its values lie. Raises ValueError\n"
           "where the native executor does not run it.")
      .def("profile", &Executable::profile, "inputs"_a, "repeats"_a = 10,
           "``(graph, [(index of the node or -1 for a copy, seconds)])`` of a call with these inputs: the\n"
           "minimum over `repeats` calls, per instruction. Raises ValueError where the native executor does not\n"
           "run it.")
      // The programs are made again, at the first call with inputs of their sizes.
      .def("__getstate__",
           [](const Executable& executable) {
             return nb::make_tuple(executable.sized_graph().graph(), executable.donatable(), executable.device_name(),
                                   executable.executor_name(), executable.disabled());
           })
      .def("__setstate__",
           [](Executable& executable, const nb::tuple& state) {
             new (&executable) Executable(nb::cast<Graph>(state[0]), nb::cast<std::vector<int>>(state[1]),
                                          nb::cast<std::optional<std::string>>(state[2]),
                                          nb::cast<std::string>(state[3]),
                                          nb::cast<std::vector<std::string>>(state[4]));
           })
      .def_prop_ro("graph", [](const Executable& executable) { return executable.sized_graph().graph(); })
      .def_prop_ro(
          "programs",
          [](const Executable& executable) {
            std::vector<std::string> texts;
            for (const Graph& graph : executable.graphs()) {
              texts.push_back(to_text(graph, {.elide_large_constants = true}));
            }
            return texts;
          },
          "The text of every program made so far.");
}

}  // namespace gemmule
