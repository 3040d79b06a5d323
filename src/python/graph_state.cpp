#include "python/graph_state.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>
#include <utility>

#include "ir/error.h"
#include "ir/verify.h"
#include "python/tensors.h"

namespace nb = nanobind;

namespace gemmule {
namespace {

// A dtype is a tuple of its name: strings are attributes of their own.
nb::object state_of(const Attribute& attribute) {
  struct Converter {
    nb::object operator()(bool value) const { return nb::bool_(value); }
    nb::object operator()(std::int64_t value) const { return nb::int_(value); }
    nb::object operator()(const std::string& value) const { return nb::cast(value); }
    nb::object operator()(DType value) const { return nb::make_tuple(std::string(numpy_name(value))); }
    nb::object operator()(const Integers& value) const { return nb::cast(value); }
    nb::object operator()(const Tensor& value) const { return array_of(value); }
    nb::object operator()(const std::shared_ptr<const Graph>& value) const { return nb::cast(Graph(*value)); }
  };
  return std::visit(Converter{}, attribute);
}

Attribute attribute_of(nb::handle state) {
  if (nb::isinstance<nb::bool_>(state)) return nb::cast<bool>(state);
  if (nb::isinstance<nb::int_>(state)) return nb::cast<std::int64_t>(state);
  if (nb::isinstance<nb::str>(state)) return nb::cast<std::string>(state);
  if (nb::isinstance<nb::tuple>(state)) return to_dtype(nb::cast<std::string>(state[0]));
  if (nb::isinstance<nb::list>(state)) return nb::cast<Integers>(state);
  if (nb::isinstance<Graph>(state)) return std::make_shared<const Graph>(nb::cast<const Graph&>(state));
  return to_tensor(state);
}

// A size, -1 where nothing is known, -2 - s for the symbol s.
std::int64_t state_of(const Dim& dim) {
  if (dim.is_known()) return dim.size;
  return dim.symbol == kNone ? -1 : -2 - static_cast<std::int64_t>(dim.symbol);
}

[[noreturn]] void refuse(const std::string& why) { throw UserError("this is not a pickled graph: " + why); }

void check_indices(const std::vector<ValueId>& indices, std::size_t count) {
  for (const ValueId index : indices) {
    if (index < 0 || static_cast<std::size_t>(index) >= count) refuse("a value does not exist");
  }
}

Dim dim_of(std::int64_t state, std::size_t symbols) {
  if (state >= 0) return Dim::known(state);
  if (state == -1) return {};
  const std::int64_t symbol = -2 - state;
  if (symbol >= static_cast<std::int64_t>(symbols)) refuse("a symbol does not exist");
  return Dim::unknown(static_cast<SymbolId>(symbol));
}

Value value_of(nb::handle state, std::size_t symbols) {
  Value value;
  value.type.dtype = to_dtype(nb::cast<std::string>(state[0]));
  for (const std::int64_t dim : nb::cast<Integers>(state[1])) value.type.shape.push_back(dim_of(dim, symbols));
  value.node = nb::cast<NodeId>(state[2]);
  value.name = nb::cast<std::string>(state[3]);
  return value;
}

Node node_of(nb::handle state) {
  const auto name = nb::cast<std::string>(state[0]);
  const auto op = parse_op(name);
  if (!op) refuse("unknown op '" + name + "'");
  Node node;
  node.op = *op;
  node.inputs = nb::cast<std::vector<ValueId>>(state[1]);
  node.outputs = nb::cast<std::vector<ValueId>>(state[2]);
  for (const nb::handle item : nb::cast<nb::list>(state[3])) {
    node.attributes.items.emplace_back(nb::cast<std::string>(item[0]), attribute_of(item[1]));
  }
  node.origin = nb::cast<std::string>(state[4]);
  node.equation = nb::cast<std::string>(state[5]);
  return node;
}

}  // namespace

nb::tuple state_of(const Graph& graph) {
  nb::list values, nodes;
  for (const Value& value : graph.values) {
    Integers dims;
    for (const Dim& dim : value.type.shape) dims.push_back(state_of(dim));
    values.append(nb::make_tuple(std::string(numpy_name(value.type.dtype)), dims, value.node, value.name));
  }
  for (const Node& node : graph.nodes) {
    nb::list attributes;
    for (const auto& [key, value] : node.attributes.items) attributes.append(nb::make_tuple(key, state_of(value)));
    nodes.append(nb::make_tuple(std::string(info(node.op).name), node.inputs, node.outputs, attributes, node.origin,
                                node.equation));
  }
  return nb::make_tuple(GEMMULE_VERSION, graph.symbols, values, nodes, graph.inputs, graph.outputs);
}

Graph graph_of(const nb::tuple& state) {
  if (nb::len(state) < 1 || !nb::isinstance<nb::str>(state[0])) refuse("it has no version");
  const auto version = nb::cast<std::string>(state[0]);
  if (version != GEMMULE_VERSION) {
    throw UserError("pickled by gemmule " + version + ", this is gemmule " GEMMULE_VERSION ": compile it again");
  }
  if (nb::len(state) != 6) refuse("parts are missing");
  Graph graph;
  graph.symbols = nb::cast<std::vector<std::string>>(state[1]);
  for (const nb::handle value : nb::cast<nb::list>(state[2])) {
    graph.values.push_back(value_of(value, graph.symbols.size()));
  }
  for (const nb::handle node : nb::cast<nb::list>(state[3])) graph.nodes.push_back(node_of(node));
  graph.inputs = nb::cast<std::vector<ValueId>>(state[4]);
  graph.outputs = nb::cast<std::vector<ValueId>>(state[5]);
  check_indices(graph.inputs, graph.values.size());
  check_indices(graph.outputs, graph.values.size());
  for (const Node& node : graph.nodes) {
    check_indices(node.inputs, graph.values.size());
    check_indices(node.outputs, graph.values.size());
  }
  for (const Value& value : graph.values) {
    if (value.node < kNone || value.node >= static_cast<NodeId>(graph.nodes.size())) refuse("a node does not exist");
  }
  try {
    verify(graph);
  } catch (const InternalError& error) {
    refuse(error.what());
  }
  return graph;
}

}  // namespace gemmule
