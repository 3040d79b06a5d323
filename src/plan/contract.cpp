// Sums that are something else: of products, of repeated values, of what a number chooses. What a
// pass over the elements does anyway is left to it: a sum becomes a product only where the factors
// are in memory, and no other pass reads them.
//
//   sum(c*x*y)                         c*dot(x, y)
//   sum(c*A*x[None, :], axis=1)        c*A@x
//   sum(c*A*x[:, None], axis=0)        c*A.T@x
//   sum(broadcast_to(x, n))            n*x
//   sum(where(c, x, y)), c the same    where(c, sum(x), sum(y))    c may depend on other sums of x
//     for all elements of a sum
//   sum of a constant                  a constant
//   sum(concatenate(x, y))             sum(x) + sum(y)
//   reduction over axes of size 1      a view
//   all(stack(a, b))                   a & b
//   0 <= sigmoid(x), sigmoid(x) <= 1   x == x                      false for NaN alone
//   concatenate(x, y)[len(x):]         y                           also of a part of y, and of
//   stack f(broadcast_to(x, n))              broadcast_to(f(x), n)
#include <algorithm>
#include <numeric>
#include <optional>

#include "ir/fused.h"
#include "ir/infer.h"
#include "passes/pass.h"
#include "plan/evaluate.h"
#include "plan/prepare.h"
#include "plan/rebuild.h"
#include "plan/unit_views.h"
#include "rewrite/rule.h"

namespace gemmule {
namespace {

constexpr std::size_t kLargestStack = 16;        // elements that become an expression
constexpr std::int64_t kLargestConstant = 4096;  // elements of a folded sum

class Contractor {
 public:
  explicit Contractor(const Graph& from)
      : from_(from),
        uses_(use_counts(from)),
        readers_(from.values.size()) {
    for (NodeId id = 0; id < static_cast<NodeId>(from.nodes.size()); ++id) {
      for (const ValueId operand : from.nodes[id].inputs) readers_[operand].push_back(id);
    }
  }

  Graph run() {
    return rebuilt(from_, to_, moved_, [this](const Node& node) {
      origin_ = node.origin;
      return rewritten(node);
    });
  }

 private:
  ValueId add(Op op, std::vector<ValueId> operands, Attributes attributes = {}) {
    return to_.add(op, std::move(operands), std::move(attributes), origin_);
  }

  // The value that the node's result becomes; kNone where it stays what it is.
  ValueId rewritten(const Node& node) {
    if (is_elementwise(node.op)) {
      const ValueId compared = of_probability(node);
      return compared == kNone ? of_repeated(node) : compared;
    }
    if (node.op == Op::slice) return slice_of_joined(node);
    if (!folds_in_a_pass(node.op)) return kNone;
    Integers axes = node.attributes.integers("axes");
    const int rank = from_.type(node.inputs[0]).rank();
    for (std::int64_t& axis : axes) axis += axis < 0 ? rank : 0;
    std::sort(axes.begin(), axes.end());
    const ValueId view = over_unit_axes(node, axes);
    if (view != kNone) return view;
    if (node.op == Op::reduce_all || node.op == Op::reduce_any) return of_stack(node);
    if (node.op != Op::reduce_sum || from_.type(node.outputs[0]).dtype == DType::bool_)
      return kNone;
    const ValueId sum = summed(node.inputs[0], axes, from_.type(node.outputs[0]).dtype);
    return sum == kNone || to_.type(sum) == from_.type(node.outputs[0])
               ? sum
               : broadcast_view(to_, sum, static_shape(from_.type(node.outputs[0])));
  }

  // -- views
  // ---------------------------------------------------------------------------------------

  ValueId cast_to(ValueId value, DType dtype) {
    return to_.type(value).dtype == dtype ? value : add(Op::cast, {value}, {{"dtype", dtype}});
  }

  ValueId squeezed(ValueId value, const Integers& axes) {
    return axes.empty() ? value : add(Op::squeeze, {value}, {{"axes", axes}});
  }

  ValueId over_unit_axes(const Node& node, const Integers& axes) {
    const Type& type = from_.type(node.inputs[0]);
    for (const std::int64_t axis : axes) {
      if (!type.shape[axis].is_one()) return kNone;
    }
    return squeezed(cast_to(moved_[node.inputs[0]], from_.type(node.outputs[0]).dtype), axes);
  }

  // A sigmoid is between 0 and 1, whatever its rounding: a comparison that always holds finds NaN.
  ValueId of_probability(const Node& node) {
    const bool from_below = node.op == Op::greater_equal;
    if (!from_below && node.op != Op::less_equal) return kNone;
    const Node* sigmoid = from_.producer(node.inputs[0], Op::sigmoid);
    const auto bound = from_.scalar_constant(node.inputs[1]);
    if (sigmoid == nullptr || !bound || !(from_below ? *bound <= 0 : *bound >= 1)) return kNone;
    const Type& type = from_.type(sigmoid->inputs[0]);
    if (!is_float(type.dtype) || type.shape != from_.type(node.outputs[0]).shape) return kNone;
    return add(Op::equal, {moved_[sigmoid->inputs[0]], moved_[sigmoid->inputs[0]]});
  }

  // An elementwise op of values that are all repeated along some axis works on what is repeated.
  ValueId of_repeated(const Node& node) {
    const Type& type = from_.type(node.outputs[0]);
    const Integers whole = static_shape(type);
    Integers own(whole.size(), 1);
    std::vector<std::pair<ValueId, int>>
        operands;  // what is repeated, and how many axes come before it
    for (const ValueId operand : node.inputs) {
      const Node* repeat = from_.producer(operand, Op::broadcast_to);
      const ValueId source = repeat == nullptr ? operand : repeat->inputs[0];
      const Shape& shape = from_.type(source).shape;
      const int before = shape.empty() ? 0 : static_cast<int>(whole.size() - shape.size());
      for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (!shape[axis].is_one()) own[axis + before] = shape[axis].size;
      }
      operands.emplace_back(source, before);
    }
    if (own == whole) return kNone;
    std::vector<ValueId> values;
    for (const auto& [source, before] : operands) {
      Integers added(before);
      std::iota(added.begin(), added.end(), 0);
      const ValueId value = moved_[source];
      values.push_back(added.empty() ? value : add(Op::expand_dims, {value}, {{"axes", added}}));
    }
    return broadcast_view(to_, add(node.op, std::move(values), node.attributes), whole);
  }

  // A slice along the axis of a concatenation that lies within one of the parts.
  ValueId slice_of_joined(const Node& node) {
    const Node* joined = from_.producer(node.inputs[0]);
    if (joined == nullptr || (joined->op != Op::concatenate && joined->op != Op::stack))
      return kNone;
    const Shape& shape = from_.type(node.inputs[0]).shape;
    const auto rank = static_cast<std::int64_t>(shape.size());
    const auto positive = [&](std::int64_t axis) { return axis < 0 ? axis + rank : axis; };
    const std::int64_t axis =
        joined->op == Op::stack ? 0 : positive(joined->attributes.integer("axis"));
    const Integers& axes = node.attributes.integers("axes");
    if (axes.size() != 1 || positive(axes[0]) != axis) return kNone;
    std::optional<std::int64_t> bounds[3];
    for (int i = 0; i < 3; ++i) bounds[i] = from_.integer_constant(node.inputs[1 + i]);
    if (!bounds[0] || !bounds[1] || bounds[2] != 1) return kNone;
    const ResolvedSlice range = resolve_slice(*bounds[0], *bounds[1], 1, shape[axis].size);
    std::int64_t first = 0;
    for (const ValueId part : joined->inputs) {
      const std::int64_t size = joined->op == Op::stack ? 1 : from_.type(part).shape[axis].size;
      if (range.count > 0 && range.start >= first && range.start + range.count <= first + size) {
        if (joined->op == Op::stack)
          return add(Op::expand_dims, {moved_[part]}, {{"axes", Integers{0}}});
        if (range.count == size) return moved_[part];
        const auto integer = [&](std::int64_t value) {
          return to_.add_constant(Tensor::from_bytes(DType::i64, {}, &value));
        };
        return add(Op::slice,
                   {moved_[part], integer(range.start - first),
                    integer(range.start - first + range.count), integer(1)},
                   {{"axes", Integers{axis}}});
      }
      first += size;
    }
    return kNone;
  }

  ValueId of_stack(const Node& node) {
    const Node* stack = from_.producer(node.inputs[0], Op::stack);
    if (stack == nullptr || stack->inputs.empty() || stack->inputs.size() > kLargestStack)
      return kNone;
    const bool all = node.op == Op::reduce_all;
    ValueId result = kNone;
    for (const ValueId element : stack->inputs) {
      if (from_.scalar_constant(element) == (all ? 1.0 : 0.0)) continue;
      const ValueId value = moved_[element];
      result =
          result == kNone ? value : add(all ? Op::bitwise_and : Op::bitwise_or, {result, value});
    }
    return result == kNone ? moved_[stack->inputs[0]] : result;
  }

  // -- sums
  // ----------------------------------------------------------------------------------------

  // The sum of a value over axes that are not all of size 1, in the accumulator `dtype`; kNone
  // where it is an ordinary sum. What is left of it may still have to be repeated.
  ValueId summed(ValueId value, const Integers& axes, DType dtype) {
    const Node* node = from_.producer(value);
    if (node == nullptr) return kNone;
    if (node->op == Op::constant) return of_constant(value, axes, dtype);
    if (node->op == Op::broadcast_to) return sum_of_repeated(value, axes, dtype);
    if (uses_[value] != 1) return kNone;
    if (node->op == Op::where) return of_choice(value, *node, axes, dtype);
    if (node->op == Op::concatenate) return of_joined(*node, axes, dtype);
    return dtype == from_.type(value).dtype ? of_product(value, axes) : kNone;
  }

  // The same, whatever it takes.
  ValueId sum(ValueId value, const Integers& axes, DType dtype) {
    const ValueId special = summed(value, axes, dtype);
    if (special != kNone) return special;
    return add(Op::reduce_sum, {moved_[value]}, {{"axes", axes}, {"dtype", dtype}});
  }

  ValueId of_constant(ValueId value, const Integers& axes, DType dtype) {
    Graph alone;
    const ValueId operand = alone.add_constant(*from_.constant(value));
    const ValueId result = alone.add(Op::reduce_sum, {operand}, {{"axes", axes}, {"dtype", dtype}});
    std::int64_t count = 1;
    for (const std::int64_t size : static_shape(alone.type(result))) count *= size;
    if (count > kLargestConstant) return kNone;
    alone.outputs = {result};
    return to_.add_constant(evaluate(alone, {})[0]);
  }

  ValueId sum_of_repeated(ValueId value, const Integers& axes, DType dtype) {
    return stretched_sum(from_.producer(value)->inputs[0], from_.type(value).shape, axes, dtype);
  }

  // The sum of `value` repeated to `whole`, to which it is aligned right: times how often it
  // occurs.
  ValueId stretched_sum(ValueId value, const Shape& whole, const Integers& axes, DType dtype) {
    const Shape& shape = from_.type(value).shape;
    const int before = static_cast<int>(whole.size() - shape.size());
    std::int64_t count = 1;
    Integers own_axes;
    bool all_units = true;
    for (const std::int64_t axis : axes) {
      const bool has_axis = axis >= before;
      const bool repeated = !has_axis || (shape[axis - before].is_one() && !whole[axis].is_one());
      if (repeated) count *= whole[axis].size;
      if (has_axis) {
        own_axes.push_back(axis - before);
        all_units = all_units && shape[axis - before].is_one();
      }
    }
    // Nothing at all adds up to 0, whatever it would be times 0.
    if (count == 0) return to_.add_scalar(dtype, 0);
    ValueId result =
        all_units ? squeezed(cast_to(moved_[value], dtype), own_axes) : sum(value, own_axes, dtype);
    // Axes in front that are kept: elementwise ops want equal ranks.
    Integers added;
    for (int axis = 0; axis < before && to_.type(result).rank() > 0; ++axis) {
      if (std::find(axes.begin(), axes.end(), axis) == axes.end())
        added.push_back(static_cast<std::int64_t>(added.size()));
    }
    if (!added.empty()) result = add(Op::expand_dims, {result}, {{"axes", added}});
    if (count == 1) return result;
    const ValueId times = to_.add_scalar(dtype, static_cast<double>(count));
    const ValueId product = add(Op::multiply, {times, result});
    const Tensor* constant = to_.constant(result);
    if (constant == nullptr) return product;
    const Node multiply = *to_.producer(product);
    return to_.add_constant((*evaluate(to_, multiply, {*to_.constant(times), *constant}))[0]);
  }

  ValueId of_joined(const Node& node, const Integers& axes, DType dtype) {
    const std::int64_t axis = node.attributes.integer("axis"),
                       rank = from_.type(node.inputs[0]).rank();
    if (std::find(axes.begin(), axes.end(), axis < 0 ? axis + rank : axis) == axes.end())
      return kNone;
    ValueId total = kNone;
    for (const ValueId part : node.inputs) {
      const ValueId of_part = stretched_sum(part, from_.type(part).shape, axes, dtype);
      total = total == kNone ? of_part : add(Op::add, {total, of_part});
    }
    return total;
  }

  ValueId of_choice(ValueId value, const Node& node, const Integers& axes, DType dtype) {
    const Type& condition = from_.type(node.inputs[0]);
    if (from_.constant(node.inputs[0]) != nullptr) return kNone;
    Integers units = axes;
    if (condition.is_scalar()) {
      units.resize(condition.shape.size());
      std::iota(units.begin(), units.end(), 0);
    } else if (std::any_of(axes.begin(), axes.end(), [&](std::int64_t axis) { return !condition.shape[axis].is_one(); })) {
      return kNone;
    }
    std::vector<ValueId> operands{squeezed(moved_[node.inputs[0]], units)};
    for (int i = 1; i < 3; ++i)
      operands.push_back(stretched_sum(node.inputs[i], from_.type(value).shape, axes, dtype));
    return add(Op::where, std::move(operands));
  }

  // -- products
  // ------------------------------------------------------------------------------------

  // The factors of a product that nothing else reads: numbers, and others.
  struct Factors {
    std::vector<ValueId> numbers, others;
    bool negative = false;
  };

  void collect(ValueId value, Factors& factors) const {
    const Node* node = from_.producer(value);
    const bool opens = node != nullptr && uses_[value] == 1;
    if (from_.type(value).is_scalar()) {
      factors.numbers.push_back(value);
    } else if (opens && node->op == Op::multiply) {
      collect(node->inputs[0], factors);
      collect(node->inputs[1], factors);
    } else if (opens && node->op == Op::negative) {
      factors.negative = !factors.negative;
      collect(node->inputs[0], factors);
    } else if (opens && node->op == Op::square) {
      factors.others.insert(factors.others.end(), 2, node->inputs[0]);
    } else {
      factors.others.push_back(value);
    }
  }

  ValueId of_product(ValueId value, const Integers& axes) {
    const Type& type = from_.type(value);
    if (!is_inexact(type.dtype) || type.dtype == DType::f16) return kNone;
    Factors factors;
    collect(value, factors);
    if (factors.others.size() != 2) return kNone;
    const ValueId product = static_cast<std::int64_t>(axes.size()) == type.rank()
                                ? as_dot(type, factors.others[0], factors.others[1])
                                : as_matvec(type, axes, factors.others[0], factors.others[1]);
    if (product == kNone) return kNone;
    ValueId result = product;
    for (const ValueId number : factors.numbers) {
      Integers units(from_.type(number).rank());
      std::iota(units.begin(), units.end(), 0);
      result = add(Op::multiply, {squeezed(moved_[number], units), result});
    }
    return factors.negative ? add(Op::negative, {result}) : result;
  }

  static bool in_pass(const Node& node) { return is_elementwise(node.op) || folds_in_a_pass(node.op); }

  // Whether a value is in memory whatever becomes of its readers.
  bool in_memory(ValueId value) const {
    const Node* node = from_.producer(look_through(from_, value, from_.type(value).shape).value);
    return node == nullptr || !in_pass(*node);
  }

  // The nodes that read a value, or what it is a view of, in a pass over its elements.
  std::vector<NodeId> passes_over(ValueId value) const {
    std::vector<NodeId> passes;
    for (const ValueId seen : {value, look_through(from_, value, from_.type(value).shape).value}) {
      for (const NodeId reader : readers_[seen]) {
        const bool known = std::find(passes.begin(), passes.end(), reader) != passes.end();
        if (in_pass(from_.nodes[reader]) && !known) passes.push_back(reader);
      }
    }
    return passes;
  }

  // A product that is summed along an axis only.
  bool is_summed_along_axis(NodeId id) const {
    const Node& node = from_.nodes[id];
    const ValueId value = node.outputs[0];
    if (node.op != Op::multiply || uses_[value] != 1 || readers_[value].size() != 1) return false;
    const Node& reader = from_.nodes[readers_[value][0]];
    return reader.op == Op::reduce_sum && reader.attributes.integers("axes").size() == 1;
  }

  ValueId as_dot(const Type& type, ValueId x, ValueId y) {
    for (const ValueId factor : {x, y}) {
      if (from_.type(factor) != type || !in_memory(factor) || passes_over(factor).size() > 1)
        return kNone;
      const Node* node = from_.producer(factor);
      // Its elements do not lie one after the other.
      const bool view =
          node != nullptr && info(node->op).kernel.empty() && node->op != Op::constant;
      if (view && type.rank() != 1) return kNone;
    }
    const auto vector = [&](ValueId factor) {
      if (type.rank() == 1) return moved_[factor];
      return add(Op::reshape, {moved_[factor], to_.add_constant(Tensor::scalar(DType::i64, -1))});
    };
    const ValueId left = vector(x);
    return add(Op::dot, {left, x == y ? left : vector(y)});
  }

  // A[m,n] and a vector along the axis that is summed.
  ValueId as_matvec(const Type& type, const Integers& axes, ValueId x, ValueId y) {
    if (type.rank() != 2 || axes.size() != 1) return kNone;
    const std::int64_t axis = axes[0];
    for (const auto& [matrix, factor] : {std::pair(x, y), std::pair(y, x)}) {
      if (from_.type(matrix) != type || !in_memory(matrix)) continue;
      const auto passes = passes_over(matrix);
      const auto others = std::count_if(passes.begin(), passes.end(),
                                        [&](NodeId id) { return !is_summed_along_axis(id); });
      if (others > 0 && passes.size() > 1) continue;
      const PassOperand vector = look_through(from_, factor, type.shape);
      const Type& stored = from_.type(vector.value);
      if (pass_sizes(stored).size() != 1 || type.shape[0].is_one() || type.shape[1].is_one())
        continue;
      if (std::find(vector.axes.begin(), vector.axes.end(), static_cast<int>(axis)) ==
          vector.axes.end())
        continue;
      Integers units;
      for (int i = 0; i < stored.rank(); ++i) {
        if (stored.shape[i].is_one()) units.push_back(i);
      }
      Attributes attributes;
      if (axis == 0) attributes.set("trans_a", true);
      return add(Op::matvec, {moved_[matrix], squeezed(moved_[vector.value], units)},
                 std::move(attributes));
    }
    return kNone;
  }

  const Graph& from_;
  Graph to_;
  std::vector<ValueId> moved_;
  std::vector<int> uses_;
  std::vector<std::vector<NodeId>> readers_;  // of each value
  std::string origin_;                        // of the node that is rewritten
};

}  // namespace

void contract(Graph& graph, const PrepareOptions&) {
  PassContext context;
  merge(graph, context);
  // A sum that became a choice lets the next one become one.
  graph = Contractor(graph).run();
  merge(graph, context);
}

}  // namespace gemmule
