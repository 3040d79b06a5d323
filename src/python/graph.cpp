// _core.Graph: building, printing and parsing the IR from Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "ir/error.h"
#include "ir/graph.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "plan/specialise.h"
#include "python/bindings.h"
#include "python/graph_state.h"
#include "python/tensors.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

Op to_op(const std::string& name) {
  const auto op = parse_op(name);
  if (!op) throw UnsupportedError("unknown op '" + name + "'");
  return *op;
}

Attribute to_attribute(const std::string& key, nb::handle value) {
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);
  if (nb::isinstance<nb::int_>(value)) return nb::cast<std::int64_t>(value);
  if (nb::isinstance<nb::str>(value)) {
    const auto text = nb::cast<std::string>(value);
    if (key == "dtype") return to_dtype(text);
    return text;
  }
  if (nb::isinstance<Graph>(value)) return std::make_shared<const Graph>(nb::cast<const Graph&>(value));
  return nb::cast<Integers>(value);
}

nb::object from_attribute(const Attribute& attribute) {
  struct Converter {
    nb::object operator()(bool value) const { return nb::bool_(value); }
    nb::object operator()(std::int64_t value) const { return nb::int_(value); }
    nb::object operator()(const std::string& value) const { return nb::cast(value); }
    nb::object operator()(DType value) const { return nb::cast(std::string(numpy_name(value))); }
    nb::object operator()(const Integers& value) const { return nb::cast(value); }
    nb::object operator()(const Tensor& value) const { return to_numpy(value); }
    nb::object operator()(const std::shared_ptr<const Graph>& value) const { return nb::cast(Graph(*value)); }
  };
  return std::visit(Converter{}, attribute);
}

Attributes to_attributes(const nb::dict& attributes) {
  Attributes result;
  for (const auto& [key, value] : attributes) {
    const auto name = nb::cast<std::string>(key);
    result.set(name, to_attribute(name, value));
  }
  return result;
}

ValueId checked(const Graph& graph, ValueId value) {
  if (value < 0 || value >= static_cast<ValueId>(graph.values.size())) {
    throw nb::index_error(("value %" + std::to_string(value) + " does not exist").c_str());
  }
  return value;
}

nb::list nodes_of(const Graph& graph) {
  nb::list nodes;
  for (const Node& node : graph.nodes) {
    nb::dict row, attributes;
    for (const auto& [key, value] : node.attributes.items) attributes[key.c_str()] = from_attribute(value);
    row["op"] = std::string(info(node.op).name);
    row["kernel"] = std::string(info(node.op).kernel);
    row["inputs"] = nb::cast(node.inputs);
    row["outputs"] = nb::cast(node.outputs);
    row["attributes"] = attributes;
    row["origin"] = node.origin;
    row["equation"] = node.equation;
    nodes.append(row);
  }
  return nodes;
}

}  // namespace

void bind_graph(nb::module_& m) {
  nb::class_<Graph>(m, "Graph",
                    "A graph of the IR: single-assignment values, each with a dtype and a shape whose sizes\n"
                    "are known or symbols. Values are named by integers.")
      .def(nb::init<>())
      .def(
          "input",
          [](Graph& graph, const std::string& dtype, const std::vector<std::optional<std::int64_t>>& shape,
             std::string name) {
            Type type{to_dtype(dtype), {}};
            for (const auto& size : shape) {
              type.shape.push_back(size ? Dim::known(*size) : Dim::unknown(graph.add_symbol()));
            }
            return graph.add_input(std::move(type), std::move(name));
          },
          "dtype"_a, "shape"_a, "name"_a = "", "Adds an input; None in `shape` is a size not known yet.")
      .def(
          "constant", [](Graph& graph, nb::handle array) { return graph.add_constant(to_tensor(array)); },
          "array"_a, "Adds a NumPy array (any layout; copied).")
      .def(
          "add",
          [](Graph& graph, const std::string& op, std::vector<ValueId> inputs, const nb::dict& attributes,
             std::string origin) {
            return graph.add_all(to_op(op), std::move(inputs), to_attributes(attributes), std::move(origin));
          },
          "op"_a, "inputs"_a, "attributes"_a = nb::dict(), "origin"_a = "",
          "Adds a node and returns the values of its results. Raises ValueError or TypeError when the\n"
          "operands break a rule of the op, UnsupportedError for an unknown op or dtype.")
      .def(
          "set_outputs",
          [](Graph& graph, std::vector<ValueId> outputs) {
            for (const ValueId output : outputs) checked(graph, output);
            graph.outputs = std::move(outputs);
          },
          "outputs"_a)
      .def(
          "set_inputs",
          [](Graph& graph, std::vector<ValueId> inputs) {
            if (!std::is_permutation(inputs.begin(), inputs.end(), graph.inputs.begin(), graph.inputs.end())) {
              throw nb::value_error("set_inputs takes the inputs of the graph in another order");
            }
            graph.inputs = std::move(inputs);
          },
          "inputs"_a, "Puts the inputs into another order.")
      .def("static_value_inputs", &static_value_inputs, "Indices of the inputs of whose values sizes are made.")
      .def("dtype",
           [](const Graph& graph, ValueId value) {
             return std::string(numpy_name(graph.type(checked(graph, value)).dtype));
           })
      .def("shape",
           [](const Graph& graph, ValueId value) {
             nb::list sizes;
             for (const Dim& dim : graph.type(checked(graph, value)).shape) {
               sizes.append(dim.is_known() ? nb::object(nb::int_(dim.size)) : nb::none());
             }
             return nb::tuple(sizes);
           })
      .def("type_text",
           [](const Graph& graph, ValueId value) { return to_text(graph.type(checked(graph, value)), &graph); })
      .def("value_text", [](const Graph& graph, ValueId value) { return value_text(graph, checked(graph, value)); })
      .def("constant_value",
           [](const Graph& graph, ValueId value) -> nb::object {
             const Tensor* tensor = graph.constant(checked(graph, value));
             return tensor == nullptr ? nb::none() : to_numpy(*tensor);
           },
           "The NumPy array behind a constant, or None.")
      .def_prop_ro("inputs", [](const Graph& graph) { return graph.inputs; })
      .def_prop_ro("outputs", [](const Graph& graph) { return graph.outputs; })
      .def_prop_ro("nodes", &nodes_of)
      .def("verify", &verify, "Raises InternalError naming the first rule that the graph breaks.")
      .def(
          "text",
          [](const Graph& graph, bool elide) { return to_text(graph, {.elide_large_constants = elide}); },
          "elide_large_constants"_a = false)
      .def("__getstate__", [](const Graph& graph) { return state_of(graph); })
      .def("__setstate__", [](Graph& graph, const nb::tuple& state) { new (&graph) Graph(graph_of(state)); })
      .def("__copy__", [](const Graph& graph) { return Graph(graph); })
      .def("__deepcopy__", [](const Graph& graph, nb::handle) { return Graph(graph); }, "memo"_a)
      .def("__str__", [](const Graph& graph) { return to_text(graph, {.elide_large_constants = true}); })
      .def("copy", [](const Graph& graph) { return graph; }, "The same graph, to be changed by itself.")
      .def_static("parse", [](const std::string& text) { return parse_graph(text); }, "text"_a,
                  "Reads the text form. Raises ValueError with line and column.");
}

}  // namespace gemmule
