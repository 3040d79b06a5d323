// Sums become flat sums of scaled terms, so that a rule sees one form of what has a hundred spellings:
//
//   C - 2*(A@B)/3 - C*b   ->   scaled_sum(1 - b, C, -2/3, A@B)
//
// A sum is flattened only where a product takes part in it: everything else is evaluated as written.
// The walk is that of reverse-mode differentiation: a scale is handed from a sum to its operands, and
// what arrives at one value from several places is added up before the value is looked into.
#include <algorithm>
#include <functional>
#include <map>

#include "ir/error.h"
#include "ir/infer_rules.h"
#include "passes/pass.h"

namespace gemmule {
namespace {

// number * product of factors / product of divisors; factors and divisors are 0-d values.
struct Scale {
  double number = 1;
  std::vector<ValueId> factors, divisors;

  bool same_values(const Scale& other) const {
    return factors == other.factors && divisors == other.divisors;
  }
};

using ScaleSum = std::vector<Scale>;

void add_scale(ScaleSum& sum, Scale scale) {
  std::sort(scale.factors.begin(), scale.factors.end());
  std::sort(scale.divisors.begin(), scale.divisors.end());
  for (Scale& present : sum) {
    if (present.same_values(scale)) {
      present.number += scale.number;
      return;
    }
  }
  sum.push_back(std::move(scale));
}

bool is_scaled_sum_op(Op op) {
  return op == Op::add || op == Op::subtract || op == Op::negative || op == Op::multiply || op == Op::divide;
}

bool is_plain_product(const Node* node) {
  if (node == nullptr) return false;
  switch (node->op) {
    case Op::matmul:
    case Op::matvec:
    case Op::batched_matmul:
    case Op::outer:
      return node->inputs.size() == 2;  // without a scale of its own
    default:
      return false;
  }
}

class Flattener {
 public:
  Flattener(Graph& graph, PassContext& context)
      : graph_(graph), context_(context), uses_(use_counts(graph)), absorbed_(graph.nodes.size(), false) {}

  void run() {
    for (auto id = static_cast<NodeId>(graph_.nodes.size()) - 1; id >= 0; --id) {
      const ValueId root = graph_.nodes[id].outputs[0];
      if (absorbed_[id] || uses_[root] == 0 || !is_scaled_sum_op(graph_.nodes[id].op)) continue;
      const Type& type = graph_.type(root);
      if (is_inexact(type.dtype) && !type.is_scalar()) flatten_root(root);
    }
  }

 private:
  struct Term {
    ValueId value;
    ScaleSum scale;
  };

  bool is_scalar(ValueId value) const { return graph_.type(value).is_scalar(); }

  // A value with one element as a 0-d value.
  ValueId as_0d(ValueId value) {
    if (graph_.type(value).rank() == 0) return value;
    const Node* node = graph_.producer(value);
    if (node != nullptr && (node->op == Op::expand_dims || node->op == Op::broadcast_to) &&
        graph_.type(node->inputs[0]).rank() == 0) {
      return node->inputs[0];
    }
    Integers axes;
    for (int axis = 0; axis < graph_.type(value).rank(); ++axis) axes.push_back(axis);
    return graph_.add(Op::squeeze, {value}, {{"axes", axes}});
  }

  void multiply_into(Scale& scale, ValueId scalar) {
    if (const auto number = graph_.scalar_constant(scalar)) {
      scale.number *= *number;
    } else {
      scale.factors.push_back(as_0d(scalar));
    }
  }

  void divide_into(Scale& scale, ValueId scalar) {
    if (const auto number = graph_.scalar_constant(scalar)) {
      scale.number /= *number;
    } else {
      scale.divisors.push_back(as_0d(scalar));
    }
  }

  // The factors of a tree of multiplications (and divisions by scalars) below `value` whose inner nodes
  // have no other reader: scalars go into `scale`, the rest into `arrays`.
  void factors(ValueId value, bool is_root, Scale& scale, std::vector<ValueId>& arrays,
               std::vector<NodeId>& walked) {
    const Node* node = graph_.producer(value);
    const bool inner = is_root || (node != nullptr && uses_[value] == 1);
    if (is_scalar(value)) {
      multiply_into(scale, value);
    } else if (inner && node != nullptr && node->op == Op::multiply) {
      walked.push_back(graph_.values[value].node);
      const auto operands = node->inputs;  // a copy: the graph grows
      for (const ValueId operand : operands) factors(operand, false, scale, arrays, walked);
    } else if (inner && node != nullptr && node->op == Op::divide && is_scalar(node->inputs[1])) {
      walked.push_back(graph_.values[value].node);
      const auto operands = node->inputs;
      divide_into(scale, operands[1]);
      factors(operands[0], false, scale, arrays, walked);
    } else if (inner && node != nullptr && node->op == Op::negative) {
      walked.push_back(graph_.values[value].node);
      scale.number = -scale.number;
      factors(node->inputs[0], false, scale, arrays, walked);
    } else {
      arrays.push_back(value);
    }
  }

  ValueId product_of(const std::vector<ValueId>& values) {
    ValueId result = values[0];
    for (std::size_t i = 1; i < values.size(); ++i) result = graph_.add(Op::multiply, {result, values[i]});
    return result;
  }

  // x[:, None] * y[None, :] as outer(x, y), or kNone.
  ValueId as_outer(const std::vector<ValueId>& arrays) {
    std::vector<ValueId> columns, rows;
    for (const ValueId array : arrays) {
      const Type& type = graph_.type(array);
      if (type.rank() != 2) return kNone;
      if (type.shape[1].is_one()) {
        columns.push_back(array);
      } else if (type.shape[0].is_one()) {
        rows.push_back(array);
      } else {
        return kNone;
      }
    }
    if (columns.empty() || rows.empty()) return kNone;
    return graph_.add(Op::outer, {as_vector(product_of(columns), 1), as_vector(product_of(rows), 0)});
  }

  ValueId as_vector(ValueId matrix, std::int64_t axis) {
    const Node* node = graph_.producer(matrix, Op::expand_dims);
    if (node != nullptr && node->attributes.integers("axes") == Integers{axis}) return node->inputs[0];
    return graph_.add(Op::squeeze, {matrix}, {{"axes", Integers{axis}}});
  }

  void flatten_root(ValueId root) {
    const Type type = graph_.type(root);
    std::map<NodeId, ScaleSum, std::greater<>> open;  // nodes still to look into, readers first
    std::map<ValueId, int> visits;
    std::vector<Term> terms;
    std::vector<NodeId> walked;

    const auto add_term = [&](ValueId value, const ScaleSum& scale) {
      for (Term& term : terms) {
        if (term.value == value) {
          for (const Scale& part : scale) add_scale(term.scale, part);
          return;
        }
      }
      terms.push_back({value, scale});
    };
    const auto hand_down = [&](ValueId value, const ScaleSum& scale) {
      ++visits[value];
      const NodeId node = graph_.values[value].node;
      // Nodes that this walk itself added come after all others and are terms; so is each of several results.
      if (node == kNone || node >= static_cast<NodeId>(absorbed_.size()) || graph_.nodes[node].outputs.size() > 1) {
        return add_term(value, scale);
      }
      for (const Scale& part : scale) add_scale(open[node], part);
    };

    open[graph_.values[root].node] = {Scale{}};
    while (!open.empty()) {
      const auto [id, scale] = *open.begin();
      open.erase(open.begin());
      const Node node = graph_.nodes[id];  // a copy: the graph grows
      const ValueId value = node.outputs[0];
      const bool is_root = value == root;
      const bool looks_inside =
          is_root || (visits[value] == uses_[value] && has_same_shape(graph_.type(value), type));
      if (!looks_inside || !is_scaled_sum_op(node.op)) {
        add_term(value, scale);
        continue;
      }
      if (node.op == Op::add || node.op == Op::subtract) {
        walked.push_back(id);
        hand_down(node.inputs[0], scale);
        ScaleSum second = scale;
        if (node.op == Op::subtract) {
          for (Scale& part : second) part.number = -part.number;
        }
        hand_down(node.inputs[1], second);
        continue;
      }
      Scale inner;
      std::vector<ValueId> arrays;
      std::vector<NodeId> multiplied;
      factors(value, true, inner, arrays, multiplied);
      // Nothing to look into: scalars only, or a quotient of arrays.
      if (arrays.empty() || arrays[0] == value) {
        add_term(value, scale);
        continue;
      }
      ScaleSum scaled;
      for (const Scale& part : scale) {
        Scale product = part;
        product.number *= inner.number;
        product.factors.insert(product.factors.end(), inner.factors.begin(), inner.factors.end());
        product.divisors.insert(product.divisors.end(), inner.divisors.begin(), inner.divisors.end());
        add_scale(scaled, std::move(product));
      }
      walked.insert(walked.end(), multiplied.begin(), multiplied.end());
      if (arrays.size() == 1) {
        // The walk came here through nodes without other readers: the last one counts as a visit.
        if (has_same_shape(graph_.type(arrays[0]), type)) {
          hand_down(arrays[0], scaled);
        } else {
          add_term(arrays[0], scaled);
        }
        continue;
      }
      const ValueId outer = as_outer(arrays);
      if (outer != kNone) {
        uses_.resize(graph_.values.size(), 1);
        add_term(outer, scaled);
        continue;
      }
      if (is_root && !(inner.number == 1 && inner.factors.empty() && inner.divisors.empty()) &&
          scale_a_factor(root, arrays, scaled)) {
        return;
      }
      uses_.resize(graph_.values.size(), 1);
      add_term(product_of(arrays), scaled);
    }
    finish(root, type, terms, walked, visits);
  }

  // M * a * (A@B): the scale goes into the product, which can take it for nothing.
  bool scale_a_factor(ValueId root, std::vector<ValueId> arrays, const ScaleSum& scale) {
    for (ValueId& array : arrays) {
      const Node* node = graph_.producer(array);
      if (!is_plain_product(node) || node->op == Op::outer || uses_[array] != 1) continue;
      const Node product = *node;
      auto operands = product.inputs;
      operands.push_back(build(scale, graph_.type(array).dtype));
      const ValueId scaled = graph_.add(product.op, operands, product.attributes, product.origin);
      NodeId scaled_node = graph_.values[scaled].node;
      graph_.nodes[scaled_node].equation = "a*A@B";
      array = scaled;
      replace_uses(graph_, root, product_of(arrays));
      return true;
    }
    return false;
  }

  // The 0-d value of a scale.
  ValueId build(const ScaleSum& sum, DType dtype) {
    ValueId result = kNone;
    for (const Scale& scale : sum) {
      ValueId value = kNone;
      const auto times = [&](ValueId factor) {
        value = value == kNone ? factor : graph_.add(Op::multiply, {value, factor});
      };
      if (scale.number != 1 || scale.factors.empty()) times(graph_.add_scalar(dtype, scale.number));
      for (const ValueId factor : scale.factors) times(factor);
      for (const ValueId divisor : scale.divisors) value = graph_.add(Op::divide, {value, divisor});
      result = result == kNone ? value : graph_.add(Op::add, {result, value});
    }
    return result;
  }

  // A sum of columns, (A@x)[:, None] + Z with Z statically one column, is a column of a sum of vectors.
  // Takes the axes off the terms and returns them; none when no product is expanded.
  Integers squeeze_terms(Type& type, std::vector<Term>& terms, std::map<ValueId, int>& visits) {
    Integers axes;
    for (const Term& term : terms) {
      const Node* node = graph_.producer(term.value, Op::expand_dims);
      if (node != nullptr && is_plain_product(graph_.producer(node->inputs[0]))) {
        axes = node->attributes.integers("axes");
      }
    }
    for (std::int64_t& axis : axes) axis += axis < 0 ? type.rank() : 0;
    for (const Term& term : terms) {
      const Type& other = graph_.type(term.value);
      for (const std::int64_t axis : axes) {
        if (other.rank() != type.rank() || !other.shape[axis].is_one()) return {};
      }
    }
    if (axes.empty()) return {};
    for (Term& term : terms) {
      const Node* node = graph_.producer(term.value, Op::expand_dims);
      const ValueId expanded = term.value;
      if (node != nullptr && node->attributes.integers("axes") == axes) {
        term.value = node->inputs[0];
        // The product is read here as often as its expansion, if nothing else reads it.
        visits[term.value] = visits[expanded] >= uses_[expanded] ? 1 : 0;
      } else {
        term.value = graph_.add(Op::squeeze, {expanded}, {{"axes", axes}});
      }
    }
    Shape shape;
    for (std::int64_t axis = 0; axis < type.rank(); ++axis) {
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) shape.push_back(type.shape[axis]);
    }
    type.shape = shape;
    return axes;
  }

  void finish(ValueId root, Type type, std::vector<Term>& terms, const std::vector<NodeId>& walked,
              std::map<ValueId, int>& visits) {
    const Integers squeezed = squeeze_terms(type, terms, visits);
    uses_.resize(graph_.values.size(), 1);
    bool fusible = false;
    std::vector<Missed> missed;
    for (const Term& term : terms) {
      const Node* node = graph_.producer(term.value);
      if (!is_plain_product(node)) continue;
      const auto visited = visits.find(term.value);
      const bool only_here = node->op == Op::outer || visited == visits.end() ||
                             visited->second >= uses_[term.value];
      if (!has_same_shape(graph_.type(term.value), type)) {
        if (terms.size() > 1) {
          missed.push_back({"sum", name_of(root), value_text(graph_, term.value) + " is " +
                                                      to_text(graph_.type(term.value), &graph_) +
                                                      " and broadcasts in the sum"});
        }
        continue;
      }
      if (!only_here) {
        missed.push_back({"sum", name_of(root), value_text(graph_, term.value) +
                                                    " has other readers and would be computed twice"});
        continue;
      }
      fusible = true;
    }
    if (!fusible) {
      context_.missed.insert(context_.missed.end(), missed.begin(), missed.end());
      return;
    }
    // The addend that a product should take first: a scaled one, which costs nothing more; a plain one;
    // one that is itself an outer product.
    std::stable_sort(terms.begin(), terms.end(),
                     [&](const Term& a, const Term& b) { return preference(a) < preference(b); });
    std::vector<ValueId> operands;
    for (const Term& term : terms) {
      operands.push_back(build(term.scale, type.dtype));
      operands.push_back(term.value);
    }
    const std::string origin = graph_.producer(root)->origin;
    ValueId sum = graph_.add(Op::scaled_sum, std::move(operands), {}, origin);
    if (!squeezed.empty()) sum = graph_.add(Op::expand_dims, {sum}, {{"axes", squeezed}}, origin);
    replace_uses(graph_, root, sum);
    for (const NodeId node : walked) absorbed_[node] = true;
  }

  int preference(const Term& term) const {
    const Node* node = graph_.producer(term.value);
    if (node != nullptr && node->op == Op::outer) return 2;
    const Scale& scale = term.scale[0];
    const bool is_one = term.scale.size() == 1 && scale.number == 1 && scale.factors.empty() && scale.divisors.empty();
    return is_one ? 1 : 0;
  }

  std::string name_of(ValueId value) const {
    const std::string& origin = graph_.producer(value)->origin;
    return origin.empty() ? value_text(graph_, value) : origin;
  }

  Graph& graph_;
  PassContext& context_;
  std::vector<int> uses_;
  std::vector<bool> absorbed_;
};

}  // namespace

void flatten(Graph& graph, PassContext& context) {
  Flattener(graph, context).run();
  graph = pruned(graph);
}

}  // namespace gemmule
