#include "ir/graph.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "ir/infer.h"

namespace gemmule {

// -- types -------------------------------------------------------------------------------------

bool Type::is_static() const {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& dim) { return dim.is_known(); });
}

bool Type::is_scalar() const {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& dim) { return dim.is_one(); });
}

std::vector<std::int64_t> static_shape(const Type& type) {
  std::vector<std::int64_t> sizes;
  sizes.reserve(type.shape.size());
  for (const Dim& dim : type.shape) {
    if (!dim.is_known()) throw InternalError("a size that should be known is not");
    sizes.push_back(dim.size);
  }
  return sizes;
}

Type static_type(DType dtype, const std::vector<std::int64_t>& shape) {
  Type type{dtype, {}};
  type.shape.reserve(shape.size());
  for (const std::int64_t size : shape) type.shape.push_back(Dim::known(size));
  return type;
}

// -- tensors -----------------------------------------------------------------------------------

namespace {

template <class T>
T converted(double value) {
  if constexpr (std::is_same_v<T, Half>) {
    return Half(static_cast<float>(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace

std::int64_t Tensor::count() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

Tensor Tensor::zeros(DType dtype, std::vector<std::int64_t> shape) {
  Tensor tensor{dtype, std::move(shape), nullptr};
  // One byte at least, so that data is never null; the array form value-initialises.
  tensor.data = std::shared_ptr<const std::byte[]>(new std::byte[std::max<std::size_t>(tensor.bytes(), 1)]());
  return tensor;
}

Tensor Tensor::from_bytes(DType dtype, std::vector<std::int64_t> shape, const void* bytes) {
  Tensor tensor = zeros(dtype, std::move(shape));
  if (tensor.bytes() > 0) std::memcpy(const_cast<std::byte*>(tensor.data.get()), bytes, tensor.bytes());
  return tensor;
}

Tensor Tensor::scalar(DType dtype, double value) {
  return visit_dtype(dtype, [&]<class T>(T) {
    const T element = converted<T>(value);
    return from_bytes(dtype, {}, &element);
  });
}

Tensor Tensor::integers(const std::vector<std::int64_t>& values) {
  return from_bytes(DType::i64, {static_cast<std::int64_t>(values.size())}, values.data());
}

bool Tensor::same_bits(const Tensor& other) const {
  return dtype == other.dtype && shape == other.shape &&
         std::memcmp(data.get(), other.data.get(), bytes()) == 0;
}

std::optional<std::int64_t> Tensor::integer_at(std::int64_t i) const {
  return visit_dtype(dtype, [&]<class T>(T) -> std::optional<std::int64_t> {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<std::int64_t>(at<T>(i));
    } else {
      return std::nullopt;
    }
  });
}

// -- attributes --------------------------------------------------------------------------------

const Attribute* Attributes::find(std::string_view name) const {
  for (const auto& [key, value] : items) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Attributes::set(std::string_view name, Attribute value) {
  for (auto& [key, old] : items) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  items.emplace_back(std::string(name), std::move(value));
}

namespace {

template <class T>
const T& required(const Attributes& attributes, std::string_view name) {
  const Attribute* found = attributes.find(name);
  const T* value = found == nullptr ? nullptr : std::get_if<T>(found);
  if (value == nullptr) {
    throw InternalError("attribute '" + std::string(name) + "' is " +
                        (found == nullptr ? "missing" : "of the wrong kind"));
  }
  return *value;
}

}  // namespace

bool Attributes::flag(std::string_view name, bool otherwise) const {
  return find(name) == nullptr ? otherwise : required<bool>(*this, name);
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t otherwise) const {
  return find(name) == nullptr ? otherwise : required<std::int64_t>(*this, name);
}

const Integers& Attributes::integers(std::string_view name) const { return required<Integers>(*this, name); }
DType Attributes::dtype(std::string_view name) const { return required<DType>(*this, name); }
const Tensor& Attributes::tensor(std::string_view name) const { return required<Tensor>(*this, name); }

const Graph& Attributes::graph(std::string_view name) const {
  return *required<std::shared_ptr<const Graph>>(*this, name);
}

// -- graphs ------------------------------------------------------------------------------------

const Node* Graph::producer(ValueId value) const {
  const NodeId node = values[value].node;
  return node == kNone ? nullptr : &nodes[node];
}

const Node* Graph::producer(ValueId value, Op op) const {
  const Node* node = producer(value);
  return node != nullptr && node->op == op ? node : nullptr;
}

const Tensor* Graph::constant(ValueId value) const {
  const Node* node = producer(value, Op::constant);
  return node == nullptr ? nullptr : &node->attributes.tensor("value");
}

std::optional<double> Graph::scalar_constant(ValueId value) const {
  const Tensor* tensor = constant(value);
  if (tensor == nullptr || tensor->count() != 1) return std::nullopt;
  return visit_dtype(tensor->dtype, [&]<class T>(T) -> std::optional<double> {
    if constexpr (std::is_same_v<T, Half>) {
      return static_cast<float>(tensor->at<Half>(0));
    } else if constexpr (std::is_arithmetic_v<T>) {
      return static_cast<double>(tensor->at<T>(0));
    } else {
      const T element = tensor->at<T>(0);
      if (element.imag() != 0) return std::nullopt;
      return static_cast<double>(element.real());
    }
  });
}

std::optional<std::int64_t> Graph::integer_constant(ValueId value) const {
  const Tensor* tensor = constant(value);
  if (tensor == nullptr || tensor->count() != 1) return std::nullopt;
  return tensor->integer_at(0);
}

SymbolId Graph::add_symbol(std::string name) {
  const auto id = static_cast<SymbolId>(symbols.size());
  symbols.push_back(name.empty() ? "s" + std::to_string(id) : std::move(name));
  return id;
}

ValueId Graph::add_input(Type type, std::string name) {
  const auto id = static_cast<ValueId>(values.size());
  values.push_back({std::move(type), kNone, std::move(name)});
  inputs.push_back(id);
  return id;
}

std::vector<ValueId> Graph::add_all(Op op, std::vector<ValueId> operands, Attributes attributes,
                                    std::string origin) {
  for (const ValueId operand : operands) {
    if (operand < 0 || operand >= static_cast<ValueId>(values.size())) {
      throw UserError("[" + std::string(info(op).name) + "] operand %" + std::to_string(operand) +
                      " does not exist");
    }
  }
  InferContext context{*this, op, operands, attributes, origin};
  std::vector<Type> types = infer(context);
  const auto node = static_cast<NodeId>(nodes.size());
  std::vector<ValueId> results;
  results.reserve(types.size());
  for (Type& type : types) {
    results.push_back(static_cast<ValueId>(values.size()));
    values.push_back({std::move(type), node, ""});
  }
  nodes.push_back({op, std::move(operands), results, std::move(attributes), std::move(origin), ""});
  return results;
}

ValueId Graph::add(Op op, std::vector<ValueId> operands, Attributes attributes, std::string origin) {
  return add_all(op, std::move(operands), std::move(attributes), std::move(origin)).front();
}

ValueId Graph::add_constant(Tensor value) { return add(Op::constant, {}, {{"value", std::move(value)}}); }

Graph pruned(const Graph& graph, std::vector<ValueId>* moved) {
  Graph result;
  result.symbols = graph.symbols;
  std::vector<ValueId> renamed(graph.values.size(), kNone);
  const auto copy_value = [&](ValueId value, NodeId node) {
    renamed[value] = static_cast<ValueId>(result.values.size());
    result.values.push_back({graph.values[value].type, node, graph.values[value].name});
  };
  for (const ValueId input : graph.inputs) {
    copy_value(input, kNone);
    result.inputs.push_back(renamed[input]);
  }

  // Depth first from the outputs, without recursion: graphs can be deep.
  std::vector<std::pair<NodeId, std::size_t>> stack;  // a node and its next operand to visit
  std::vector<bool> entered(graph.nodes.size(), false);
  const auto enter = [&](ValueId value) {
    const NodeId node = graph.values[value].node;
    if (node == kNone || entered[node]) return;
    entered[node] = true;
    stack.emplace_back(node, 0);
  };
  for (const ValueId output : graph.outputs) {
    enter(output);
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      const Node& node = graph.nodes[id];
      if (next < node.inputs.size()) {
        enter(node.inputs[next++]);
        continue;
      }
      stack.pop_back();
      Node copy = node;
      for (ValueId& operand : copy.inputs) {
        if (renamed[operand] == kNone) throw InternalError("the graph has a cycle");
        operand = renamed[operand];
      }
      for (ValueId& value : copy.outputs) {
        copy_value(value, static_cast<NodeId>(result.nodes.size()));
        value = renamed[value];
      }
      result.nodes.push_back(std::move(copy));
    }
  }
  for (const ValueId output : graph.outputs) result.outputs.push_back(renamed[output]);
  if (moved != nullptr) *moved = std::move(renamed);
  return result;
}

std::vector<int> use_counts(const Graph& graph) {
  std::vector<int> counts(graph.values.size(), 0);
  std::vector<bool> live(graph.nodes.size(), false);
  std::vector<NodeId> stack;
  const auto use = [&](ValueId value) {
    ++counts[value];
    const NodeId node = graph.values[value].node;
    if (node == kNone || live[node]) return;
    live[node] = true;
    stack.push_back(node);
  };
  for (const ValueId output : graph.outputs) use(output);
  while (!stack.empty()) {
    const NodeId node = stack.back();
    stack.pop_back();
    for (const ValueId operand : graph.nodes[node].inputs) use(operand);
  }
  return counts;
}

}  // namespace gemmule
