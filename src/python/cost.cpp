// _core.kernels: the kernels of a graph, what they compute and what they cost.
#include "plan/cost.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "ir/text.h"
#include "plan/formula.h"
#include "python/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

// A number, or text where a size is not known.
nb::object number_or_text(const SizeFormula& formula) {
  const auto value = formula.value();
  if (!value) return nb::cast(formula.text());
  return nb::cast(static_cast<std::int64_t>(*value));
}

nb::list typed_values(const Graph& graph, const std::vector<ValueId>& values) {
  nb::list texts;
  for (const ValueId value : values) {
    texts.append(value_text(graph, value) + ": " + to_text(graph.type(value), &graph));
  }
  return texts;
}

void add_kernels(nb::list& rows, const Graph& graph, int depth) {
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    const Node& node = graph.nodes[id];
    const auto found = cost(graph, node);
    if (!found) continue;
    nb::dict row;
    row["kernel"] = std::string(info(node.op).kernel);
    row["op"] = std::string(info(node.op).name);
    row["equation"] = formula(graph, node);
    row["pattern"] = node.equation;
    row["origin"] = node.origin;
    row["node"] = id;
    row["operands"] = typed_values(graph, node.inputs);
    row["results"] = typed_values(graph, node.outputs);
    row["flops"] = number_or_text(found->flops);
    row["bytes"] = number_or_text(found->bytes);
    row["depth"] = depth;
    rows.append(row);
    if (node.op == Op::scan) add_kernels(rows, node.attributes.graph("body"), depth + 1);
  }
}

nb::list kernels_of(const Graph& graph) {
  nb::list rows;
  add_kernels(rows, graph, 0);
  return rows;
}

}  // namespace

void bind_cost(nb::module_& m) {
  m.def(
      "kernels", &kernels_of, "graph"_a,
      "The kernels of a graph in order. Dicts of kernel, op, equation (in the graph's names),\n"
      "pattern (the rule's equation, \"\" when none fired), origin (the node of the PyTensor\n"
      "graph), node (index into graph.nodes), operands and results (\"%A: f64[m,k]\"), flops and\n"
      "bytes: numbers, or formulas of the sizes that are not known; depth: how many loops it is in,\n"
      "whose own rows come before; flops and bytes are those of one step then.");
}

}  // namespace gemmule
