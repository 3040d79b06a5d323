#include "plan/row_cuts.h"

#include <algorithm>

#include "plan/unit_views.h"

namespace gemmule {
namespace {

// A table that blocks accumulate into is cleared for each of them: larger ones are not worth it.
constexpr std::int64_t kLargestTable = 1024;

class Cuts {
 public:
  Cuts(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

  std::vector<RowCut> run() {
    if (node_.outputs.size() != 1 || node_.inputs.empty()) return {};
    if (is_elementwise(node_.op)) return elementwise();
    switch (node_.op) {
      case Op::transpose:
      case Op::expand_dims:
      case Op::squeeze:
      case Op::broadcast_to:
      case Op::reshape:
      case Op::slice:
        view();
        break;
      case Op::concatenate:
      case Op::cumsum:
      case Op::cumprod:
      case Op::sort:
      case Op::argsort:
        along_axis();
        break;
      case Op::reduce_sum:
      case Op::reduce_prod:
      case Op::reduce_max:
      case Op::reduce_min:
      case Op::reduce_any:
      case Op::reduce_all:
      case Op::argmax:
      case Op::argmin:
        reduction();
        break;
      case Op::gather:
        gather();
        break;
      case Op::scatter_add:
        scatter_add();
        scatter_rows();
        break;
      case Op::scatter_set:
        scatter_rows();
        break;
      case Op::solve_triangular:
        if (rank(0) == 2 && rank(1) == 2) add({kWhole, 1}, 1);
        break;
      default:
        product();
    }
    return std::move(cuts_);
  }

 private:
  const Type& type(int operand) const { return graph_.type(node_.inputs[operand]); }
  int rank(int operand) const { return type(operand).rank(); }
  const Type& result() const { return graph_.type(node_.outputs[0]); }
  static bool is_cut(const Type& type, int axis) { return !type.shape[axis].is_one(); }

  // Operands that are not named are whole.
  void add(Integers operands, int result) {
    operands.resize(node_.inputs.size(), kWhole);
    cuts_.push_back({std::move(operands), result});
  }

  std::vector<bool> flagged(const char* attribute, int rank) const {
    std::vector<bool> flags(rank, false);
    for (const std::int64_t axis : node_.attributes.integers(attribute))
      flags[axis < 0 ? axis + rank : axis] = true;
    return flags;
  }

  std::vector<RowCut> elementwise() {
    for (int axis = 0; axis < result().rank(); ++axis) {
      if (!is_cut(result(), axis)) continue;
      Integers operands;
      for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
        const Type& operand = type(static_cast<int>(i));
        operands.push_back(operand.rank() > 0 && is_cut(operand, axis) ? axis : kWhole);
      }
      add(std::move(operands), axis);
    }
    return std::move(cuts_);
  }

  // The axis of the result that axis `axis` of the operand becomes; kNone where it does not stay
  // one.
  int viewed(int axis) const {
    const int n = rank(0), m = result().rank();
    switch (node_.op) {
      case Op::transpose: {
        const Integers& perm = node_.attributes.integers("perm");
        for (int i = 0; i < n; ++i) {
          if (perm[i] == axis || perm[i] + n == axis) return i;
        }
        return kNone;
      }
      case Op::expand_dims: {
        const auto added = flagged("axes", m);
        for (int i = 0, next = 0; i < m; ++i) {
          if (!added[i] && next++ == axis) return i;
        }
        return kNone;
      }
      case Op::squeeze: {
        const auto dropped = flagged("axes", n);
        return axis - static_cast<int>(std::count(dropped.begin(), dropped.begin() + axis, true));
      }
      case Op::broadcast_to:
        return axis + m - n;
      case Op::slice:
        return flagged("axes", n)[axis] ? kNone : axis;
      default: {  // reshape: the axes before it hold as many elements as before
        const auto before = [](const Type& type, int end) {
          std::int64_t count = 1;
          for (int i = 0; i < end; ++i) count *= type.shape[i].size;
          return count;
        };
        for (int i = 0; i < m; ++i) {
          if (result().shape[i] == type(0).shape[axis] &&
              before(result(), i) == before(type(0), axis))
            return i;
        }
        return kNone;
      }
    }
  }

  void view() {
    for (int axis = 0; axis < rank(0); ++axis) {
      if (!is_cut(type(0), axis)) continue;
      if (const int to = viewed(axis); to != kNone) add({axis}, to);
    }
  }

  void along_axis() {
    const int n = rank(0);
    const auto own = static_cast<int>(node_.attributes.integer("axis"));
    for (int axis = 0; axis < n; ++axis) {
      if (axis != (own < 0 ? own + n : own) && is_cut(type(0), axis)) {
        add(Integers(node_.inputs.size(), axis), axis);
      }
    }
  }

  void reduction() {
    const auto reduced = flagged("axes", rank(0));
    const bool logical = node_.op == Op::reduce_any || node_.op == Op::reduce_all;
    const DType dtype = result().dtype;
    const bool sums =
        logical || (node_.op == Op::reduce_sum && dtype != DType::bool_ && dtype != DType::f16);
    for (int axis = 0, to = 0; axis < rank(0); ++axis) {
      if (!reduced[axis]) {
        if (is_cut(type(0), axis)) add({axis}, to);
        ++to;
      } else if (sums && is_cut(type(0), axis)) {
        add({axis}, kNone);
      }
    }
  }

  int index_rank(std::size_t first) const {
    int most = 0;
    for (std::size_t i = first; i < node_.inputs.size(); ++i)
      most = std::max(most, rank(static_cast<int>(i)));
    return most;
  }

  // Operand `i`, aligned right with a shape of `of` axes, along axis `axis` of that shape.
  std::int64_t aligned_right(std::size_t i, int axis, int of) const {
    const Type& operand = type(static_cast<int>(i));
    const int own = axis - (of - operand.rank());
    return own >= 0 && is_cut(operand, own) ? own : kWhole;
  }

  void gather() {
    const auto indexed = flagged("axes", rank(0));
    const auto first =
        static_cast<int>(std::find(indexed.begin(), indexed.end(), true) - indexed.begin());
    const int count = static_cast<int>(node_.inputs.size()) - 1, indices = index_rank(1);
    for (int axis = 0; axis < indices; ++axis) {
      Integers operands{kWhole};
      for (std::size_t i = 1; i < node_.inputs.size(); ++i)
        operands.push_back(aligned_right(i, axis, indices));
      if (std::count(operands.begin(), operands.end(), kWhole) <= count)
        add(std::move(operands), first + axis);
    }
    for (int axis = 0; axis < rank(0); ++axis) {
      if (!indexed[axis] && is_cut(type(0), axis))
        add({axis}, axis < first ? axis : axis - count + indices);
    }
    // x[arange(n), index]: one element, or more, of every row.
    if (const int axis = row_numbers(1, indices); axis != kNone) {
      Integers operands{first, kRowNumbers};
      for (std::size_t i = 2; i < node_.inputs.size(); ++i)
        operands.push_back(aligned_right(i, axis, indices));
      add(std::move(operands), first + axis);
    }
  }

  // The axis of the indices' common shape along which index operand `i` counts 0, 1, 2 ... up to
  // the last row; kNone where it does not.
  int row_numbers(std::size_t i, int indices) const {
    const ValueId value = node_.inputs[i];
    const Tensor* constant = graph_.constant(value);
    const Integers sizes = pass_sizes(graph_.type(value));
    if (constant == nullptr || sizes.size() != 1) return kNone;
    const auto indexed = flagged("axes", rank(0));
    const auto first = std::find(indexed.begin(), indexed.end(), true) - indexed.begin();
    if (type(0).shape[first].size != sizes[0]) return kNone;
    for (std::int64_t row = 0; row < sizes[0]; ++row) {
      if (constant->integer_at(row) != row) return kNone;
    }
    const Shape& shape = graph_.type(value).shape;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (!shape[axis].is_one()) return static_cast<int>(axis + indices - shape.size());
    }
    return kNone;
  }

  // x with x[arange(n), index] = y: every row by itself.
  void scatter_rows() {
    const int count = static_cast<int>(node_.inputs.size()) - 2, indices = index_rank(2);
    const auto indexed = flagged("axes", rank(0));
    const int axis = indexed[0] ? row_numbers(2, indices) : kNone;
    if (axis == kNone) return;
    Integers operands{0, aligned_right(1, axis, indices + rank(0) - count), kRowNumbers};
    for (std::size_t i = 3; i < node_.inputs.size(); ++i)
      operands.push_back(aligned_right(i, axis, indices));
    add(std::move(operands), 0);
  }

  // x + scatter_add(0, y, index): y and the indices have the rows.
  void scatter_add() {
    const DType dtype = result().dtype;
    if (dtype == DType::bool_ || dtype == DType::f16) return;
    std::int64_t table = 1;
    for (const Dim& dim : result().shape) table *= dim.size;
    const auto indexed = flagged("axes", rank(0));
    if (table > kLargestTable || !indexed[0]) return;
    const int count = static_cast<int>(node_.inputs.size()) - 2, indices = index_rank(2);
    for (int axis = 0; axis < indices; ++axis) {
      Integers operands{kAfterwards, aligned_right(1, axis, indices + rank(0) - count)};
      for (std::size_t i = 2; i < node_.inputs.size(); ++i)
        operands.push_back(aligned_right(i, axis, indices));
      // A row of y must be met once, not in every block.
      if (std::count(operands.begin() + 2, operands.end(), kWhole) < count)
        add(std::move(operands), kNone);
    }
  }

  void product() {
    const int trans_a = node_.attributes.flag("trans_a"),
              trans_b = node_.attributes.flag("trans_b");
    if (node_.attributes.flag("broadcast_c")) return;
    if (!node_.inputs.empty() && !is_inexact(result().dtype)) return;
    switch (node_.op) {
      case Op::matvec:
        add({trans_a}, 0);
        add({1 - trans_a, 0}, kNone);
        break;
      case Op::gemv:
        add({kWhole, trans_a, kWhole, kWhole, 0}, 0);
        add({kWhole, 1 - trans_a, 0, kAfterwards, kAfterwards}, kNone);
        break;
      case Op::matmul:
        add({trans_a, kWhole}, 0);
        add({kWhole, 1 - trans_b}, 1);
        add({1 - trans_a, trans_b}, kNone);
        break;
      case Op::gemm:
        add({kWhole, trans_a, kWhole, kWhole, 0}, 0);
        add({kWhole, kWhole, 1 - trans_b, kWhole, 1}, 1);
        add({kWhole, 1 - trans_a, trans_b, kAfterwards, kAfterwards}, kNone);
        break;
      case Op::dot:
        add({0, 0}, kNone);
        break;
      case Op::outer:
        add({0, kWhole}, 0);
        add({kWhole, 0}, 1);
        break;
      case Op::ger:
        add({kWhole, 0, kWhole, 0}, 0);
        add({kWhole, kWhole, 0, 1}, 1);
        break;
      default:
        break;
    }
  }

  const Graph& graph_;
  const Node& node_;
  std::vector<RowCut> cuts_;
};

ValueId number(Graph& graph, DType dtype, double value) { return graph.add_scalar(dtype, value); }

}  // namespace

std::vector<RowCut> row_cuts(const Graph& graph, const Node& node) {
  return Cuts(graph, node).run();
}

ValueId add_block(Graph& body, const Graph& graph, const Node& node, const RowCut& cut,
                  const std::vector<ValueId>& operands) {
  std::vector<ValueId> inputs = operands;
  const auto add = [&](Op op, std::vector<ValueId> of, Attributes attributes = {}) {
    return body.add(op, std::move(of), std::move(attributes), node.origin);
  };
  const auto rows = [&] { return body.add(Op::dim, {inputs[0]}, {{"axis", cut.operands[0]}}); };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (cut.operands[i] != kRowNumbers) continue;
    const Type& type = graph.type(node.inputs[i]);
    const ValueId numbers =
        add(Op::arange, {number(body, DType::i64, 0), rows(), number(body, DType::i64, 1)},
            {{"dtype", type.dtype}});
    inputs[i] = numbers;
    Integers added;
    for (int axis = 0; axis < type.rank(); ++axis) {
      if (type.shape[axis].is_one()) added.push_back(axis);
    }
    if (!added.empty()) inputs[i] = add(Op::expand_dims, {numbers}, {{"axes", added}});
  }
  if (cut.result == kNone) {
    Attributes flags;
    for (const char* flag : {"trans_a", "trans_b"}) {
      if (node.attributes.flag(flag)) flags.set(flag, true);
    }
    switch (node.op) {
      case Op::gemv:
      case Op::gemm: {
        std::vector<ValueId> factors{inputs[1], inputs[2]};
        if (graph.scalar_constant(node.inputs[0]) != 1.0) factors.push_back(inputs[0]);
        return add(node.op == Op::gemv ? Op::matvec : Op::matmul, std::move(factors), flags);
      }
      case Op::reduce_any:
      case Op::reduce_all: {
        // How many are true, or false: a sum, unlike the result.
        const ValueId counted =
            node.op == Op::reduce_all ? add(Op::invert, {inputs[0]}) : inputs[0];
        const ValueId ones = add(Op::cast, {counted}, {{"dtype", DType::i64}});
        return add(Op::reduce_sum, {ones},
                   {{"axes", node.attributes.integers("axes")}, {"dtype", DType::i64}});
      }
      case Op::scatter_add: {
        const Type& type = graph.type(node.outputs[0]);
        inputs[0] = broadcast_view(body, number(body, type.dtype, 0), static_shape(type));
        return add(node.op, std::move(inputs), node.attributes);
      }
      default:
        return add(node.op, std::move(inputs), node.attributes);
    }
  }
  if (node.op == Op::broadcast_to || node.op == Op::reshape) inputs[1 + cut.result] = rows();
  return add(node.op, std::move(inputs), node.attributes);
}

ValueId add_afterwards(Graph& graph, const Node& node, ValueId sum) {
  switch (node.op) {
    case Op::gemv:
    case Op::gemm: {
      const ValueId beta = node.inputs[3], addend = node.inputs[4];
      const auto constant = graph.scalar_constant(beta);
      if (constant == 0.0) return sum;
      if (constant == 1.0) return graph.add(Op::add, {sum, addend}, {}, node.origin);
      const ValueId scaled = graph.add(Op::multiply, {beta, addend}, {}, node.origin);
      const ValueId total = graph.add(Op::add, {sum, scaled}, {}, node.origin);
      if (constant) return total;
      // beta = 0 does not read C.
      const ValueId zero = number(graph, graph.type(beta).dtype, 0);
      return graph.add(Op::where, {graph.add(Op::equal, {beta, zero}), sum, total}, {},
                       node.origin);
    }
    case Op::reduce_any:
    case Op::reduce_all: {
      const Op op = node.op == Op::reduce_any ? Op::not_equal : Op::equal;
      return graph.add(op, {sum, number(graph, DType::i64, 0)}, {}, node.origin);
    }
    case Op::scatter_add:
      return graph.add(Op::add, {node.inputs[0], sum}, {}, node.origin);
    default:
      return sum;
  }
}

}  // namespace gemmule
