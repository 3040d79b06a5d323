#include "ir/error.h"
#include "ir/infer_rules.h"
#include "rewrite/rule.h"

namespace gemmule {
namespace {

using Next = std::function<bool()>;

bool has_class(const Type& type, VariableClass variable_class) {
  switch (variable_class) {
    case VariableClass::any: return true;
    case VariableClass::scalar: return type.rank() == 0;
    case VariableClass::vector: return type.rank() == 1;
    case VariableClass::matrix: return type.rank() == 2;
  }
  return false;
}

bool swaps_last_two(const Node& node) {
  const Integers& perm = node.attributes.integers("perm");
  return perm.size() >= 2 && perm == transposed_axes(static_cast<int>(perm.size()));
}

bool has_flags(const Node& node) {
  for (const auto& [name, attribute] : node.attributes.items) {
    const bool* flag = std::get_if<bool>(&attribute);
    if (flag != nullptr && *flag) return true;
  }
  return false;
}

// Depth-first search with backtracking: every choice calls `next` for what remains to be matched, and
// undoes its bindings when that fails.
class Matcher {
 public:
  Matcher(const Graph& graph, Match& match) : graph_(graph), match_(match) {}

  bool value(const Pattern& pattern, ValueId value, const Next& next) {
    switch (pattern->kind) {
      case PatternKind::variable:
        return variable(*pattern, value, next);
      case PatternKind::one:
        return graph_.type(value).rank() == 0 && graph_.scalar_constant(value) == 1.0 && next();
      case PatternKind::call: {
        const Node* node = graph_.producer(value, pattern->op);
        if (node == nullptr || node->inputs.size() != pattern->children.size()) return false;
        if (!pattern->flagged && has_flags(*node)) return false;
        if (match_.calls.contains(pattern->op)) return call_operands(*pattern, *node, next);
        match_.calls[pattern->op] = value;
        if (call_operands(*pattern, *node, next)) return true;
        match_.calls.erase(pattern->op);
        return false;
      }
      case PatternKind::transpose: {
        const Node* node = graph_.producer(value, Op::transpose);
        return node != nullptr && swaps_last_two(*node) && this->value(pattern->children[0], node->inputs[0], next);
      }
      case PatternKind::column:
        return expanded(*pattern, value, 1, next);
      case PatternKind::row:
        return expanded(*pattern, value, 0, next);
      case PatternKind::sum:
        return sum(*pattern, value, next);
      case PatternKind::first_column:
      case PatternKind::first_row:
        break;
    }
    throw InternalError("first_column and first_row are for replacements");
  }

 private:
  bool variable(const PatternNode& pattern, ValueId value, const Next& next) {
    if (const auto bound = match_.bindings.find(pattern.name); bound != match_.bindings.end()) {
      return bound->second == value && next();
    }
    if (!has_class(graph_.type(value), pattern.variable_class)) return false;
    match_.bindings[pattern.name] = value;
    if (next()) return true;
    match_.bindings.erase(pattern.name);
    return false;
  }

  bool operands(const std::vector<Pattern>& patterns, const std::vector<ValueId>& values, std::size_t i,
                const Next& next) {
    if (i == patterns.size()) return next();
    return value(patterns[i], values[i], [&] { return operands(patterns, values, i + 1, next); });
  }

  bool call_operands(const PatternNode& pattern, const Node& node, const Next& next) {
    if (operands(pattern.children, node.inputs, 0, next)) return true;
    if (!info(node.op).commutative() || node.inputs.size() != 2) return false;
    return operands(pattern.children, {node.inputs[1], node.inputs[0]}, 0, next);
  }

  bool expanded(const PatternNode& pattern, ValueId value, std::int64_t axis, const Next& next) {
    const Node* node = graph_.producer(value, Op::expand_dims);
    return node != nullptr && graph_.type(value).rank() == 2 &&
           node->attributes.integers("axes") == Integers{axis} &&
           this->value(pattern.children[0], node->inputs[0], next);
  }

  // Chooses a term of the sum for each term of the pattern, all different.
  bool sum(const PatternNode& pattern, ValueId value, const Next& next) {
    const Node* node = graph_.producer(value, Op::scaled_sum);
    if (node == nullptr) return false;
    std::vector<bool> taken(node->inputs.size() / 2, false);
    return term(pattern, *node, 0, taken, next);
  }

  bool term(const PatternNode& pattern, const Node& node, std::size_t i, std::vector<bool>& taken,
            const Next& next) {
    if (i == pattern.children.size()) {
      match_.rest.clear();
      for (std::size_t j = 0; j < taken.size(); ++j) {
        if (taken[j]) continue;
        match_.rest.push_back(node.inputs[2 * j]);
        match_.rest.push_back(node.inputs[2 * j + 1]);
      }
      return next();
    }
    for (std::size_t j = 0; j < taken.size(); ++j) {
      if (taken[j]) continue;
      taken[j] = true;
      const bool found = value(pattern.children[i], node.inputs[2 * j], [&] {
        return value(pattern.children[i + 1], node.inputs[2 * j + 1],
                     [&] { return term(pattern, node, i + 2, taken, next); });
      });
      if (found) return true;
      taken[j] = false;
    }
    return false;
  }

  const Graph& graph_;
  Match& match_;
};

ValueId transposed(Graph& graph, ValueId value) {
  return graph.add(Op::transpose, {value}, {{"perm", transposed_axes(graph.type(value).rank())}});
}

}  // namespace

bool match(const Graph& graph, const std::vector<int>& uses, const Pattern& pattern, ValueId value,
           const std::function<bool(const Match&)>& accept) {
  Match found;
  found.graph = &graph;
  found.uses = &uses;
  found.root = value;
  return Matcher(graph, found).value(pattern, value, [&] { return accept(found); });
}

ValueId instantiate(Graph& graph, const Pattern& pattern, const Match& match) {
  const auto child = [&](std::size_t i) { return instantiate(graph, pattern->children[i], match); };
  switch (pattern->kind) {
    case PatternKind::variable:
      return match.bindings.at(pattern->name);
    case PatternKind::one:
      return graph.add_scalar(graph.type(match.root).dtype, 1);
    case PatternKind::call: {
      std::vector<ValueId> operands;
      for (std::size_t i = 0; i < pattern->children.size(); ++i) operands.push_back(child(i));
      Attributes attributes;
      const Node* root = graph.producer(match.root);  // none when a pattern is built on inputs
      if (!pattern->flip.empty() && root != nullptr) {
        attributes = root->attributes;
        attributes.set(pattern->flip, !attributes.flag(pattern->flip));
      }
      const std::string origin = root == nullptr ? "" : root->origin;
      return graph.add(pattern->op, std::move(operands), std::move(attributes), origin);
    }
    case PatternKind::transpose:
      return transposed(graph, child(0));
    case PatternKind::column:
      return graph.add(Op::expand_dims, {child(0)}, {{"axes", Integers{1}}});
    case PatternKind::row:
      return graph.add(Op::expand_dims, {child(0)}, {{"axes", Integers{0}}});
    case PatternKind::first_column:
      return graph.add(Op::squeeze, {child(0)}, {{"axes", Integers{1}}});
    case PatternKind::first_row:
      return graph.add(Op::squeeze, {child(0)}, {{"axes", Integers{0}}});
    case PatternKind::sum: {
      std::vector<ValueId> operands;
      for (std::size_t i = 0; i < pattern->children.size(); ++i) operands.push_back(child(i));
      return graph.add(Op::scaled_sum, std::move(operands));
    }
  }
  throw InternalError("a pattern of no known kind");
}

}  // namespace gemmule
