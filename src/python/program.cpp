// _core.Executable: an optimised graph that runs on MLX, for any input shapes.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
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
  const Graph& graph = executable.cache().graph();
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
  return executable.cache().specialised(sizes, [](int input) -> Tensor {
    throw UnsupportedError("the sizes depend on the value of input " + std::to_string(input) +
                           ": use specialised(inputs)");
  });
}

}  // namespace

void bind_program(nb::module_& m) {
  import_numpy();
  nb::class_<Executable>(
      m, "Executable",
      "A graph that runs on MLX. One program is made per set of input shapes and kept.\n\n"
      "`donatable` lists inputs whose memory a call may overwrite and return as a result. `device` "
      "is\n"
      "\"cpu\", \"gpu\", or None for MLX's default device at the time of the call. Threads may "
      "call at once.")
      .def(nb::init<Graph, std::vector<int>, const std::optional<std::string>&>(), "graph"_a,
           "donatable"_a = std::vector<int>{}, "device"_a = nb::none())
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
      .def_prop_ro("graph", [](const Executable& executable) { return executable.cache().graph(); })
      .def_prop_ro(
          "programs",
          [](const Executable& executable) {
            std::vector<std::string> texts;
            for (const auto& program : executable.cache().programs()) {
              texts.push_back(to_text(program->graph(), {.elide_large_constants = true}));
            }
            return texts;
          },
          "The text of every program made so far.");
}

}  // namespace gemmule
