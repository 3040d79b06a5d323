#include "plan/specialise.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include "ir/error.h"
#include "ir/fused.h"
#include "ir/infer_rules.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "kernels/selection.h"
#include "kernels/view.h"
#include "passes/pass.h"
#include "plan/evaluate.h"
#include "plan/invariants.h"
#include "plan/unit_views.h"

namespace gemmule {
namespace {

// Folded results are kept small: a large one costs memory in every program, and views cost nothing.
constexpr std::int64_t kLargestFolded = 256;
constexpr std::int64_t kLargestFoldedIntegers = 1 << 16;

// The lengths of a loop's outputs, and the constants of which the body makes sizes.
std::vector<int> sizes_of_loop(const Node& node) {
  const ScanLoop loop = scan_loop(node.attributes);
  const Graph& body = node.attributes.graph("body");
  std::vector<int> operands;
  for (int i = 0; i < static_cast<int>(loop.states.size()); ++i) {
    if (loop.states[i].kind == ScanState::Kind::output) operands.push_back(loop.first_state() + i);
  }
  for (const int input : static_value_inputs(body)) {
    const int constant = input - loop.first_constant_input();
    if (constant >= 0) operands.push_back(loop.first_constant() + constant);
  }
  return operands;
}

// The condition decides which branch the program has.
bool is_static_choice(const Node& node) { return node.op == Op::choose_branch && node.attributes.flag("static"); }

bool has_static_choice(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), is_static_choice);
}

// The operands of a node that say how large its result is.
std::vector<int> size_operands(const Node& node) {
  int first = 0, end = static_cast<int>(node.inputs.size());
  switch (node.op) {
    case Op::reshape:
    case Op::broadcast_to:
    case Op::slice:
      first = 1;
      break;
    case Op::slice_set:
    case Op::slice_add:
      first = 2;
      break;
    case Op::arange:
    case Op::eye:
      break;
    case Op::scan:
      return sizes_of_loop(node);
    case Op::random:
      first = 1;
      end = 1 + static_cast<int>(std::max<std::int64_t>(node.attributes.integer("sizes", -1), 0));
      break;
    case Op::repeat_indices:
      return {1};
    case Op::csr_matmul:
      return {3, 4};
    case Op::csr_sample:
      return {3};
    case Op::choose_branch:
      if (is_static_choice(node)) return {0};
      return {};
    default:
      return {};
  }
  std::vector<int> operands;
  for (int i = first; i < end; ++i) operands.push_back(i);
  return operands;
}

std::string quoted_name(const Graph& graph, int input) {
  const std::string& name = graph.values[graph.inputs[input]].name;
  return "input " + std::to_string(input) + (name.empty() ? "" : " \"" + name + "\"");
}

void check_input(const Graph& graph, int input, const Type& given) {
  const Type& declared = graph.type(graph.inputs[input]);
  const auto text = [&] {
    return quoted_name(graph, input) + " is " + to_text(given) + ", the graph declares " + to_text(declared, &graph);
  };
  if (given.dtype != declared.dtype) throw DTypeError("[call] " + text() + ": dtypes differ");
  if (given.rank() != declared.rank()) throw ShapeError("[call] " + text() + ": the number of dimensions differs");
  for (int axis = 0; axis < given.rank(); ++axis) {
    if (!may_agree(given.shape[axis], declared.shape[axis])) {
      throw ShapeError("[call] " + text() + ": sizes of axis " + std::to_string(axis) + " differ");
    }
  }
}

bool has_fused(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [](const Node& node) { return node.op == Op::fused; });
}

class Specialiser {
 public:
  Specialiser(const Graph& from, const std::vector<Type>& types, const std::vector<const Tensor*>& values)
      : from_(from), moved_(from.values.size(), kNone) {
    if (types.size() != from.inputs.size()) {
      throw ShapeError("[call] " + std::to_string(types.size()) + " inputs given, the graph has " +
                       std::to_string(from.inputs.size()));
    }
    for (int i = 0; i < static_cast<int>(types.size()); ++i) {
      check_input(from, i, types[i]);
      const ValueId old = from.inputs[i];
      moved_[old] = to_.add_input(types[i], from.values[old].name);
    }
    for (int i = 0; i < static_cast<int>(types.size()); ++i) {
      if (values[i] != nullptr) moved_[from.inputs[i]] = to_.add_constant(*values[i]);
    }
  }

  Graph run() {
    const std::vector<bool> live = live_values();
    for (const Node& node : from_.nodes) {
      const auto is_live = [&](ValueId output) { return static_cast<bool>(live[output]); };
      if (std::any_of(node.outputs.begin(), node.outputs.end(), is_live)) add(node);
    }
    for (const ValueId output : from_.outputs) to_.outputs.push_back(moved_[output]);
    return pruned(to_);
  }

 private:
  // The operands of a choice that are its results, when its condition is known.
  std::optional<std::span<const ValueId>> chosen(const Node& node) const {
    if (!is_static_choice(node)) return std::nullopt;
    const ValueId condition = moved_[node.inputs[0]];
    const Tensor* value = condition == kNone ? nullptr : to_.constant(condition);
    if (value == nullptr) return std::nullopt;
    const std::span<const ValueId> results = std::span(node.inputs).subspan(1);
    const std::size_t count = node.outputs.size();
    return kernels::is_nonzero(value->dtype, value->data.get()) ? results.first(count) : results.last(count);
  }

  // What outputs are made of. A branch that is not taken is not looked at: it may be at fault.
  std::vector<bool> live_values() const {
    if (!has_static_choice(from_)) return std::vector<bool>(from_.values.size(), true);
    std::vector<bool> live(from_.values.size(), false);
    for (const ValueId output : from_.outputs) live[output] = true;
    for (auto id = static_cast<NodeId>(from_.nodes.size()) - 1; id >= 0; --id) {
      const Node& node = from_.nodes[id];
      const auto taken = chosen(node);
      for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        if (!live[node.outputs[i]]) continue;
        if (taken) {
          live[(*taken)[i]] = true;
        } else {
          for (const ValueId operand : node.inputs) live[operand] = true;
        }
      }
    }
    return live;
  }

  void add_chosen(const Node& node, std::span<const ValueId> taken) {
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (moved_[taken[i]] == kNone) continue;  // a result that nobody reads
      // A copy: the result of a choice is never memory of the caller's.
      moved_[node.outputs[i]] = to_.add(Op::copy, {moved_[taken[i]]}, {}, node.origin);
    }
  }

  void add(const Node& node) {
    if (const auto taken = chosen(node)) {
      add_chosen(node, *taken);
      return;
    }
    std::vector<ValueId> operands;
    operands.reserve(node.inputs.size());
    for (const ValueId operand : node.inputs) operands.push_back(moved_[operand]);
    check_broadcasting(node, operands);
    if (node.op == Op::dim) {
      const Type& type = to_.type(operands[0]);
      const std::int64_t axis = node.attributes.integer("axis");
      const std::int64_t size = type.shape[axis < 0 ? axis + type.rank() : axis].size;
      moved_[node.outputs[0]] = to_.add_constant(Tensor::from_bytes(DType::i64, {}, &size));
      return;
    }
    if (node.op == Op::fused) {
      add_body(node, operands);
      return;
    }
    if (node.op == Op::scan) {
      add_loop(node, operands);
      return;
    }
    if ((node.op == Op::reduce_max || node.op == Op::reduce_min) && node.attributes.flag("initial")) {
      moved_[node.outputs[0]] = add_extremum(node, operands[0]);
      return;
    }
    const auto results = add_and_fold(node, operands);
    if (node.op == Op::broadcast_to) check_stretching(node, operands[0], results[0]);
    for (std::size_t i = 0; i < results.size(); ++i) moved_[node.outputs[i]] = results[i];
  }

  // The ops of a body one by one, so that what constants decide is folded; the rest is fused again.
  void add_body(const Node& node, const std::vector<ValueId>& operands) {
    const Graph& body = node.attributes.graph("body");
    std::vector<ValueId> inside(body.values.size(), kNone);
    for (std::size_t i = 0; i < operands.size(); ++i) inside[body.inputs[i]] = operands[i];
    for (const Node& inner : body.nodes) {
      std::vector<ValueId> inner_operands;
      for (const ValueId operand : inner.inputs) inner_operands.push_back(inside[operand]);
      Node named = inner;
      named.origin = node.origin;
      inside[inner.outputs[0]] = add_and_fold(named, inner_operands)[0];
    }
    Node shape_of_pass;
    shape_of_pass.inputs = operands;
    const Integers pass = static_shape({DType::f64, pass_shape(to_, shape_of_pass)});
    const std::vector<FusedResult> reductions = fused_results(node.attributes);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      ValueId result = inside[body.outputs[i]];
      if (static_shape(to_.type(result)) != pass) result = broadcast_view(to_, result, pass);
      if (const auto& reduction = reductions[i].reduction) {
        const Attributes attributes{{"axes", reductions[i].axes}, {"dtype", to_.type(result).dtype}};
        result = to_.add(*reduction, {result}, attributes, node.origin);
      }
      moved_[node.outputs[i]] = result;
    }
  }

  // An extremum that starts from an infinity: that where there is nothing else.
  ValueId add_extremum(const Node& node, ValueId operand) {
    const Type& type = to_.type(operand);
    for (const std::int64_t axis : node.attributes.integers("axes")) {
      if (type.shape[axis < 0 ? axis + type.rank() : axis].size != 0) continue;
      const DType dtype = type.dtype;
      const Integers shape = static_shape(to_.type(add_node(node, operand, node.attributes)));
      const double infinity = std::numeric_limits<double>::infinity();
      const ValueId nothing = to_.add_scalar(dtype, node.op == Op::reduce_max ? -infinity : infinity);
      return broadcast_view(to_, nothing, shape);
    }
    return add_node(node, operand, {{"axes", node.attributes.integers("axes")}});
  }

  ValueId add_node(const Node& node, ValueId operand, Attributes attributes) {
    Node plain = node;
    plain.attributes = std::move(attributes);
    return add_and_fold(plain, {operand})[0];
  }

  // The body for the sizes of its operands, without what constants decide and what no step changes.
  void add_loop(const Node& node, const std::vector<ValueId>& operands) {
    const ScanLoop loop = scan_loop(node.attributes);
    const Graph& body = node.attributes.graph("body");
    const std::vector<int> operand_of = scan_operands(loop, body);
    std::vector<Type> types;
    std::vector<const Tensor*> values;
    for (const int i : operand_of) {
      Type type = to_.type(operands[i]);
      if (i < loop.first_constant()) type.shape.erase(type.shape.begin());
      types.push_back(std::move(type));
      values.push_back(i < loop.first_constant() ? nullptr : to_.constant(operands[i]));
    }
    Node sized = node;
    sized.inputs.assign(operands.begin(), operands.begin() + loop.first_constant());
    const std::vector<ValueId> constants(operands.begin() + loop.first_constant(), operands.end());
    const auto compute_outside = [&](const Node& inner, const std::vector<ValueId>& inputs) {
      return add_and_fold(inner, inputs);
    };
    const Graph step = specialise_unfused(body, types, values);
    sized.attributes.set("body", std::make_shared<const Graph>(without_invariants(
                                     step, loop.first_constant_input(), constants, to_, compute_outside, sized.inputs)));
    const auto results = add_and_fold(sized, sized.inputs);
    for (std::size_t i = 0; i < results.size(); ++i) moved_[node.outputs[i]] = results[i];
  }

  // Adds the node and returns the values of its results, constants where its operands are.
  std::vector<ValueId> add_and_fold(const Node& node, const std::vector<ValueId>& operands) {
    auto results = to_.add_all(node.op, operands, node.attributes, node.origin);
    for (const ValueId result : results) {
      const Type& type = to_.type(result);
      if (!type.is_static()) {
        throw UnsupportedError("[" + std::string(info(node.op).name) + "] the size of the result, " +
                               to_text(type, &to_) + ", depends on computed data" +
                               (node.origin.empty() ? "" : " (node \"" + node.origin + "\")"));
      }
    }
    to_.nodes.back().equation = node.equation;
    fold(results);
    return results;
  }

  // Sizes that turn out to be 1 do not stretch: PyTensor broadcasts by what is known statically.
  void check_broadcasting(const Node& node, const std::vector<ValueId>& operands) const {
    const bool broadcasts = node.op == Op::fused || node.op == Op::scalar_loop || node.op == Op::hyp2f1;
    if (!is_elementwise(node.op) && !broadcasts) return;
    // A fused node may reduce: its operands have the rank of the pass.
    int rank = 0;
    for (const ValueId operand : operands) rank = std::max(rank, to_.type(operand).rank());
    Integers common(rank, 1);  // 0 where there is nothing along the axis
    for (const ValueId operand : operands) {
      const Type& type = to_.type(operand);
      for (int axis = 0; axis < type.rank(); ++axis) {
        if (!type.shape[axis].is_one()) common[axis] = type.shape[axis].size;
      }
    }
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Type& declared = from_.type(node.inputs[i]);
      const Type& actual = to_.type(operands[i]);
      for (int axis = 0; axis < actual.rank(); ++axis) {
        if (actual.shape[axis].is_one() && common[axis] != 1 && !declared.shape[axis].is_one()) {
          throw ShapeError("[" + std::string(info(node.op).name) + "] operand " + std::to_string(i) + " is " +
                           to_text(actual) + " and axis " + std::to_string(axis) + " of another operand has size " +
                           std::to_string(common[axis]) +
                           ": runtime broadcasting is not allowed; declare the axis as broadcastable" +
                           (node.origin.empty() ? "" : " (node \"" + node.origin + "\")"));
        }
      }
    }
  }

  // The same for broadcast_to, whose sizes come from operands.
  void check_stretching(const Node& node, ValueId operand, ValueId result) const {
    const Shape& declared = from_.type(node.inputs[0]).shape;
    const Type& from = to_.type(operand);
    const Type& to = to_.type(result);
    const int shift = to.rank() - from.rank();
    for (int axis = 0; axis < from.rank(); ++axis) {
      if (from.shape[axis].is_one() && !to.shape[axis + shift].is_one() && !declared[axis].is_one()) {
        throw ShapeError("[broadcast_to] x is " + to_text(from) + ", the result " + to_text(to) +
                         ": runtime broadcasting is not allowed; declare the axis as broadcastable" +
                         (node.origin.empty() ? "" : " (node \"" + node.origin + "\")"));
      }
    }
  }

  // Replaces the results of the node added last by constants when all its operands are.
  void fold(std::vector<ValueId>& values) {
    const Node& node = to_.nodes.back();
    if (node.op == Op::constant) return;
    for (const ValueId output : values) {
      const Type& type = to_.type(output);
      const bool small = element_count(static_shape(type)) <=
                         (is_inexact(type.dtype) ? kLargestFolded : kLargestFoldedIntegers);
      if (!small) return;
    }
    std::vector<Tensor> operands;
    for (const ValueId operand : node.inputs) {
      const Tensor* constant = to_.constant(operand);
      if (constant == nullptr) return;
      operands.push_back(*constant);
    }
    const auto results = evaluate(to_, node, operands);
    if (!results) return;
    for (std::size_t i = 0; i < results->size(); ++i) values[i] = to_.add_constant((*results)[i]);
  }

  const Graph& from_;
  Graph to_;
  std::vector<ValueId> moved_;
};

}  // namespace

std::vector<int> static_value_inputs(const Graph& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  for (auto id = static_cast<NodeId>(graph.nodes.size()) - 1; id >= 0; --id) {
    const Node& node = graph.nodes[id];
    for (const int operand : size_operands(node)) needed[node.inputs[operand]] = true;
    const bool passes_on = std::any_of(node.outputs.begin(), node.outputs.end(),
                                       [&](ValueId output) { return needed[output]; });
    if (!passes_on || node.op == Op::dim || node.op == Op::random) continue;
    for (const ValueId operand : node.inputs) needed[operand] = true;
  }
  std::vector<int> result;
  for (int i = 0; i < static_cast<int>(graph.inputs.size()); ++i) {
    const Type& type = graph.type(graph.inputs[i]);
    // A size may come from a number or from a vector of integers; not from data.
    const bool plausible = type.rank() == 0 || (type.rank() == 1 && kind(type.dtype) == DTypeKind::integer);
    if (needed[graph.inputs[i]] && plausible) result.push_back(i);
  }
  return result;
}

Graph specialise_unfused(const Graph& graph, const std::vector<Type>& input_types,
                         const std::vector<const Tensor*>& values) {
  return Specialiser(graph, input_types, values).run();
}

Graph specialise(const Graph& graph, const std::vector<Type>& input_types, const std::vector<const Tensor*>& values) {
  Graph result = specialise_unfused(graph, input_types, values);
  if (has_fused(graph) || has_static_choice(graph)) {
    PassContext context;
    fusion(result, context);
  }
  return result;
}

}  // namespace gemmule
