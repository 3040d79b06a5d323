// One spelling for what has several: views are composed, transposes are pushed through products, matrix
// products of vectors become matvec or dot.
#include <algorithm>

#include "ir/error.h"
#include "ir/infer_rules.h"
#include "passes/pass.h"

namespace gemmule {

namespace {

// Whether `value` is a product, or a sum or multiple of one, through nodes without other readers.
bool has_product(const Match& match, ValueId value) {
  const Node* node = match.graph->producer(value);
  if (node == nullptr || (*match.uses)[value] != 1) return false;
  switch (node->op) {
    case Op::matmul:
    case Op::outer:
      return true;
    case Op::add:
    case Op::subtract:
    case Op::negative:
    case Op::multiply:
    case Op::divide:
    case Op::transpose:
      return std::any_of(node->inputs.begin(), node->inputs.end(),
                         [&](ValueId operand) { return has_product(match, operand); });
    default:
      return false;
  }
}

Guard holds_product() {
  return {"there is a product in it",
          [](const Match& match) -> std::string {
            for (const auto& [name, value] : match.bindings) {
              if (has_product(match, value)) return "";
            }
            return "there is no product in it";
          },
          /*tell=*/false};
}

}  // namespace

const std::vector<Rule>& canonical_rules() {
  static const auto* rules = [] {
    const Pattern x = any("x"), A = matrix("A"), B = matrix("B"), u = vector("u"), v = vector("v"), a = scalar("a");
    const auto negative = [](Pattern p) { return call(Op::negative, {p}); };
    const auto add = [](Pattern p, Pattern q) { return call(Op::add, {p, q}); };
    const auto subtract = [](Pattern p, Pattern q) { return call(Op::subtract, {p, q}); };
    const auto multiply = [](Pattern p, Pattern q) { return call(Op::multiply, {p, q}); };
    const auto divide = [](Pattern p, Pattern q) { return call(Op::divide, {p, q}); };
    return new std::vector<Rule>{
        {"double_negative", -(-x), x, {}},
        {"transposed_product", T(matmul(A, B)), matmul(T(B), T(A)), {sole_use(Op::matmul)}},
        {"transposed_outer", T(outer(u, v)), outer(v, u), {sole_use(Op::outer)}},
        // A transpose sinks through a sum to the product in it.
        {"transposed_negative", T(negative(A)), negative(T(A)), {holds_product(), sole_use(Op::negative)}},
        {"transposed_add", T(add(A, B)), add(T(A), T(B)), {holds_product(), sole_use(Op::add)}},
        {"transposed_subtract", T(subtract(A, B)), subtract(T(A), T(B)),
         {holds_product(), sole_use(Op::subtract)}},
        {"transposed_multiply", T(multiply(A, B)), multiply(T(A), T(B)),
         {holds_product(), sole_use(Op::multiply)}},
        {"transposed_divide", T(divide(A, B)), divide(T(A), T(B)), {holds_product(), sole_use(Op::divide)}},
        {"transposed_scale", T(multiply(a, A)), multiply(a, T(A)), {holds_product(), sole_use(Op::multiply)}},
        {"transposed_quotient", T(divide(A, a)), divide(T(A), a), {holds_product(), sole_use(Op::divide)}},
    };
  }();
  return *rules;
}

namespace {

bool is_identity(const Integers& perm) {
  for (std::size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

Integers normal(Integers axes, std::int64_t rank) {
  for (std::int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  return axes;
}

// BLAS flags back into transposes, so that every product has one spelling until `absorb`.
ValueId without_flags(Graph& graph, const Node& node) {
  if (node.op != Op::matmul && node.op != Op::batched_matmul && node.op != Op::matvec) return kNone;
  if (!node.attributes.flag("trans_a") && !node.attributes.flag("trans_b")) return kNone;
  auto operands = node.inputs;
  Attributes attributes = node.attributes;
  for (const auto& [flag, operand] : {std::pair("trans_a", 0), std::pair("trans_b", 1)}) {
    if (!attributes.flag(flag)) continue;
    const Integers perm = transposed_axes(graph.type(operands[operand]).rank());
    operands[operand] = graph.add(Op::transpose, {operands[operand]}, {{"perm", perm}}, node.origin);
    attributes.set(flag, false);
  }
  return graph.add(node.op, operands, attributes, node.origin);
}

// The value that a view node only restates, or kNone. New nodes are appended where views compose.
ValueId simplified(Graph& graph, const Node& node) {
  const Type& result = graph.type(node.outputs[0]);
  switch (node.op) {
    case Op::transpose: {
      const ValueId operand = node.inputs[0];
      const Integers perm = normal(node.attributes.integers("perm"), result.rank());
      if (is_identity(perm)) return operand;
      if (const Node* inner = graph.producer(operand, Op::transpose)) {
        const Integers inner_perm = normal(inner->attributes.integers("perm"), result.rank());
        Integers both;
        for (const std::int64_t axis : perm) both.push_back(inner_perm[axis]);
        return graph.add(Op::transpose, {inner->inputs[0]}, {{"perm", both}}, node.origin);
      }
      return kNone;
    }
    case Op::expand_dims:
    case Op::squeeze: {
      const ValueId operand = node.inputs[0];
      if (node.attributes.integers("axes").empty()) return operand;
      const Op inverse = node.op == Op::squeeze ? Op::expand_dims : Op::squeeze;
      const Node* inner = graph.producer(operand, inverse);
      if (inner == nullptr) return kNone;
      // squeeze(expand_dims(x)) and expand_dims(squeeze(x)) over the same axes
      Integers outer_axes = normal(node.attributes.integers("axes"),
                                   std::max(graph.type(operand).rank(), result.rank()));
      Integers inner_axes = normal(inner->attributes.integers("axes"),
                                   std::max(graph.type(inner->inputs[0]).rank(), graph.type(operand).rank()));
      std::sort(outer_axes.begin(), outer_axes.end());
      std::sort(inner_axes.begin(), inner_axes.end());
      // Dropping an axis that only the run proves to be 1 would drop the check with it.
      if (node.op == Op::expand_dims && graph.type(inner->inputs[0]) != result) return kNone;
      return outer_axes == inner_axes ? inner->inputs[0] : kNone;
    }
    case Op::cast:
      return graph.type(node.inputs[0]).dtype == result.dtype ? node.inputs[0] : kNone;
    case Op::broadcast_to:
    case Op::reshape: {
      const Type& operand = graph.type(node.inputs[0]);
      return operand == result ? node.inputs[0] : kNone;
    }
    default:
      return kNone;
  }
}

}  // namespace

void canonicalise(Graph& graph, PassContext& context) {
  for (bool changed = true; changed;) {
    changed = false;
    const std::size_t count = graph.nodes.size();
    for (std::size_t id = 0; id < count; ++id) {
      const Node node = graph.nodes[id];  // a copy: simplified() may append
      ValueId replacement = simplified(graph, node);
      if (replacement == kNone) replacement = without_flags(graph, node);
      if (replacement == kNone) continue;
      replace_uses(graph, node.outputs[0], replacement);
      changed = true;
    }
    if (changed) graph = pruned(graph);
  }
  context.apply(graph, canonical_rules());
}

}  // namespace gemmule
