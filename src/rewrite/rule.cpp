#include "rewrite/rule.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "ir/error.h"
#include "ir/infer_rules.h"
#include "ir/text.h"

namespace gemmule {

std::string Rule::text() const {
  std::string text = name + ": " + to_text(pattern) + " -> " + to_text(replacement);
  for (std::size_t i = 0; i < guards.size(); ++i) text += (i == 0 ? ", when " : " and ") + guards[i].text;
  return text;
}

// -- guards -----------------------------------------------------------------------------------------

namespace {

std::string op_name(Op op) { return std::string(info(op).name); }

// "%4 also feeds %12": a reader of `value` other than the node of `root`.
std::string other_reader(const Match& match, ValueId value) {
  const Graph& graph = *match.graph;
  const std::string itself = value_text(graph, value);
  for (const ValueId output : graph.outputs) {
    if (output == value) return itself + " is also an output";
  }
  for (const Node& node : graph.nodes) {
    if (graph.values[match.root].node == graph.values[node.outputs[0]].node) continue;
    if ((*match.uses)[node.outputs[0]] == 0) continue;
    if (std::find(node.inputs.begin(), node.inputs.end(), value) != node.inputs.end()) {
      return itself + " also feeds " + value_text(graph, node.outputs[0]);
    }
  }
  return itself + " has other readers";
}

bool is_product(const Graph& graph, ValueId value) {
  const Node* node = graph.producer(value);
  return node != nullptr && (node->op == Op::matmul || node->op == Op::matvec ||
                             node->op == Op::batched_matmul || node->op == Op::outer);
}

}  // namespace

Guard sole_use(Op op) {
  return {op_name(op) + " has no other reader", [op](const Match& match) {
            const ValueId value = match.calls.at(op);
            return (*match.uses)[value] == 1 ? std::string() : other_reader(match, value);
          }};
}

Guard same_shape(std::string variable, Op op) {
  return {variable + " has the shape of " + op_name(op), [variable, op](const Match& match) -> std::string {
            const Type& addend = match.type(variable);
            const Type& product = match.graph->type(match.calls.at(op));
            if (has_same_shape(addend, product)) return "";
            return value_text(*match.graph, match.bindings.at(variable)) + " is " +
                   to_text(addend, match.graph) + " and would have to broadcast to " +
                   to_text(product, match.graph);
          }};
}

Guard not_one(std::string variable) {
  return {variable + " is not 1",
          [variable](const Match& match) -> std::string {
            return match.graph->scalar_constant(match.bindings.at(variable)) == 1.0 ? variable + " is 1" : "";
          },
          /*tell=*/false};
}

Guard static_one(std::string variable, int axis) {
  return {"axis " + std::to_string(axis) + " of " + variable + " is statically 1",
          [variable, axis](const Match& match) -> std::string {
            return match.type(variable).shape[axis].is_one() ? "" : "the axis is not statically 1";
          },
          /*tell=*/false};
}

Guard not_static_one(std::string variable, int axis) {
  return {"axis " + std::to_string(axis) + " of " + variable + " is not statically 1",
          [variable, axis](const Match& match) -> std::string {
            return match.type(variable).shape[axis].is_one() ? "the axis is statically 1" : "";
          },
          /*tell=*/false};
}

Guard not_product(std::string variable) {
  return {variable + " is not a product that only this sum reads",
          [variable](const Match& match) -> std::string {
            const ValueId value = match.bindings.at(variable);
            const bool fusible = is_product(*match.graph, value) && (*match.uses)[value] == 1;
            return fusible ? "the addend is a product itself" : "";
          },
          /*tell=*/false};
}

// -- driver -----------------------------------------------------------------------------------------

void check_rules(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    const auto bound = variables(rule.pattern);
    for (const std::string& used : variables(rule.replacement)) {
      if (std::find(bound.begin(), bound.end(), used) == bound.end()) {
        throw InternalError("rule '" + rule.text() + "' does not bind '" + used + "'");
      }
    }
  }
}

void replace_uses(Graph& graph, ValueId from, ValueId to) {
  Type& type = graph.values[to].type;
  const Type& old = graph.type(from);
  if (type.dtype != old.dtype || type.rank() != old.rank()) {
    throw InternalError("a replacement is " + to_text(type, &graph) + ", what it replaces is " +
                        to_text(old, &graph));
  }
  for (int axis = 0; axis < type.rank(); ++axis) type.shape[axis] = agreed(type.shape[axis], old.shape[axis]);
  for (Node& node : graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  std::replace(graph.outputs.begin(), graph.outputs.end(), from, to);
}

namespace {

// The number as a person would write it.
std::string short_number(double number) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", number);
  return buffer;
}

// The rule's pattern with the user's names and numbers in it: "0.5*A@B + C".
std::string equation_of(const Rule& rule, const Match& match) {
  const std::string text = to_text(rule.pattern);
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_word(text[i])) {
      result += text[i++];
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string word = text.substr(i, end - i);
    i = end;
    const auto bound = match.bindings.find(word);
    if (bound == match.bindings.end()) {
      result += word;
      continue;
    }
    const Value& value = match.graph->values[bound->second];
    const auto constant = match.graph->scalar_constant(bound->second);
    if (constant == 1.0 && i < text.size() && text[i] == '*') {
      ++i;  // 1*X reads X
    } else if (constant && value.type.rank() == 0) {
      result += short_number(*constant);
    } else {
      result += value.name.empty() ? word : value.name;
    }
  }
  return result;
}

// The node that computes `value`, seen through views.
Node* kernel_behind(Graph& graph, ValueId value) {
  NodeId node = graph.values[value].node;
  while (node != kNone && info(graph.nodes[node].op).kernel.empty() && graph.nodes[node].inputs.size() == 1) {
    node = graph.values[graph.nodes[node].inputs[0]].node;
  }
  return node == kNone ? nullptr : &graph.nodes[node];
}

void apply(Graph& graph, const Rule& rule, const Match& match) {
  const Node root = *graph.producer(match.root);  // a copy: the graph grows
  const std::string equation = root.equation.empty() ? equation_of(rule, match) : root.equation;
  ValueId replacement = instantiate(graph, rule.replacement, match);
  if (Node* kernel = kernel_behind(graph, replacement)) {
    if (kernel->equation.empty()) kernel->equation = equation;
    // The name of the user's node: of the sum, else of the product.
    for (const auto& [op, value] : match.calls) {
      if (kernel->origin.empty()) kernel->origin = graph.producer(value)->origin;
    }
  }
  if (!match.rest.empty()) {
    const DType dtype = graph.type(match.root).dtype;
    std::vector<ValueId> operands{graph.add_scalar(dtype, 1), replacement};
    operands.insert(operands.end(), match.rest.begin(), match.rest.end());
    replacement = graph.add(Op::scaled_sum, std::move(operands), {}, root.origin);
  }
  replace_uses(graph, match.root, replacement);
}

}  // namespace

std::string_view made_by(const Rule& rule) {
  const PatternNode& root = *rule.replacement;
  return root.kind == PatternKind::call ? info(root.op).name : std::string_view();
}

RewriteReport apply_rules(Graph& graph, const std::vector<Rule>& rules, const std::vector<std::string>& disabled) {
  std::vector<const Rule*> active;
  for (const Rule& rule : rules) {
    const auto off = [&](const std::string& name) { return name == rule.name || name == made_by(rule); };
    if (std::none_of(disabled.begin(), disabled.end(), off)) active.push_back(&rule);
  }
  RewriteReport report;
  const std::size_t limit = 64 * (graph.nodes.size() + 16);
  std::size_t applied = 0;
  for (bool changed = true; changed;) {
    changed = false;
    report.missed.clear();
    std::vector<int> uses = use_counts(graph);
    const std::size_t count = graph.nodes.size();
    for (std::size_t id = 0; id < count; ++id) {
      const ValueId root = graph.nodes[id].outputs[0];
      if (uses[root] == 0) continue;
      for (const Rule* rule : active) {
        std::optional<Match> chosen;
        match(graph, uses, rule->pattern, root, [&](const Match& candidate) {
          for (const Guard& guard : rule->guards) {
            const std::string reason = guard.check(candidate);
            if (reason.empty()) continue;
            if (guard.tell) {
              const std::string& origin = graph.nodes[id].origin;
              Missed missed{rule->name, origin.empty() ? value_text(graph, root) : origin, reason};
              if (std::find(report.missed.begin(), report.missed.end(), missed) == report.missed.end()) {
                report.missed.push_back(std::move(missed));
              }
            }
            return false;
          }
          chosen = candidate;
          return true;
        });
        if (!chosen) continue;
        apply(graph, *rule, *chosen);
        if (++applied > limit) throw InternalError("rules do not come to an end: '" + rule->name + "' still fires");
        ++report.fired[rule->name];
        changed = true;
        // Counted again, without the nodes that just died: guards see the graph as it is.
        uses = use_counts(graph);
        break;
      }
    }
    if (changed) graph = pruned(graph);
  }
  return report;
}

}  // namespace gemmule
