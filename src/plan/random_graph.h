// Random graphs for tests of passes, plans and executors.
#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "plan/prepare_case.h"
#include "plan/unit_views.h"

namespace gemmule {

// Elementwise ops, reductions, views, products and movements over rows [n], columns [k] and matrices [n,k].
class RandomGraph {
 public:
  RandomGraph(std::uint32_t seed, DType dtype) : random_(seed), dtype_(dtype) {
    const std::int64_t sizes[] = {0, 1, 2, 3, 7, 40, 40, 40};
    rows_ = sizes[below(8)], columns_ = sizes[below(5)];
    for (const Integers& shape :
         {Integers{}, Integers{}, Integers{rows_}, Integers{rows_}, Integers{columns_},
          Integers{rows_, columns_}, Integers{rows_, columns_}, Integers{rows_, 1}}) {
      values_.push_back(graph_.add_input(static_type(dtype_, shape)));
    }
    const std::int64_t groups = 2;
    values_.push_back(graph_.add_input(static_type(dtype_, {groups})));
    Tensor index = Tensor::integers(Integers(static_cast<std::size_t>(rows_), below(2)));
    index_ = graph_.add_constant(std::move(index));
    row_numbers_ = graph_.add_input(static_type(DType::i64, {rows_}), "g");
    for (int i = 0; i < 24; ++i) {
      if (const ValueId value = step(); value != kNone) values_.push_back(value);
    }
    for (int i = 0; i < 5; ++i) graph_.outputs.push_back(values_[values_.size() - 1 - static_cast<std::size_t>(below(10))]);
  }

  const Graph& graph() const { return graph_; }

  // Values for the inputs: normal numbers, and row numbers that are in bounds.
  std::vector<Tensor> inputs(bool special = false) {
    std::vector<Tensor> result;
    for (const ValueId input : graph_.inputs) {
      result.push_back(random_tensor(graph_.type(input), random_, special));
      if (input != row_numbers_) continue;
      Integers numbers;
      for (std::int64_t row = 0; row < rows_; ++row) numbers.push_back(below(rows_) - below(2) * rows_);
      result.back() = Tensor::integers(numbers);
    }
    return result;
  }

  std::mt19937& random() { return random_; }

 private:
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  ValueId any() { return values_[static_cast<std::size_t>(below(static_cast<std::int64_t>(values_.size())))]; }
  // A value of these sizes; kNone where chance finds none.
  ValueId of_shape(const Integers& sizes) {
    for (int i = 0; i < 12; ++i) {
      if (const ValueId value = any(); static_shape(graph_.type(value)) == sizes) return value;
    }
    return kNone;
  }
  bool fit(ValueId x, ValueId y) const {
    const Integers a = static_shape(graph_.type(x)), b = static_shape(graph_.type(y));
    if (a.empty() || b.empty()) return true;
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i] && a[i] != 1 && b[i] != 1) return false;
    }
    return true;
  }

  ValueId number(std::int64_t n) { return graph_.add_constant(Tensor::from_bytes(DType::i64, {}, &n)); }

  // start, stop and step of a slice that keeps or halves or drops one element of `size`.
  std::vector<ValueId> bounds(std::int64_t kind) {
    constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min(),
                           kLast = std::numeric_limits<std::int64_t>::max();
    switch (kind) {
      case 0:
        return {number(kLast), number(kFirst), number(-1)};
      case 1:
        return {number(0), number(kLast), number(2)};
      default:
        return {number(1), number(kLast), number(1)};
    }
  }

  std::vector<ValueId> behind(std::vector<ValueId> operands, const std::vector<ValueId>& more) {
    operands.insert(operands.end(), more.begin(), more.end());
    return operands;
  }

  ValueId moved(ValueId x, const Type& type) {
    if (type.rank() == 0) return kNone;
    const std::int64_t axis = below(type.rank());
    const Integers axes{axis};
    switch (below(9)) {
      case 0:
      case 1:
        return graph_.add(Op::slice, behind({x}, bounds(below(4) % 3)), {{"axes", axes}});
      case 2: {
        // All but the first with the first behind.
        const ValueId rest = graph_.add(Op::slice, behind({x}, bounds(2)), {{"axes", axes}});
        const ValueId first =
            graph_.add(Op::slice, {x, number(0), number(1), number(1)}, {{"axes", axes}});
        return graph_.add(Op::concatenate, {rest, first}, {{"axis", axis}});
      }
      case 3: {
        std::vector<ValueId> sizes;
        for (int i = type.rank(); i-- > 0;) sizes.push_back(number(type.shape[i].size));
        return graph_.add(Op::reshape, behind({x}, sizes));
      }
      case 4: {
        const std::int64_t kind = below(3);
        const ValueId part = graph_.add(Op::slice, behind({x}, bounds(kind)), {{"axes", axes}});
        const ValueId y = below(2) == 0 ? graph_.add_scalar(dtype_, 3) : graph_.add(Op::square, {part});
        return graph_.add(below(2) == 0 ? Op::slice_set : Op::slice_add, behind({x, y}, bounds(kind)),
                          {{"axes", axes}});
      }
      case 5:
        return graph_.add(below(2) == 0 ? Op::cumsum : Op::copy, {x}, {{"axis", axis}});
      case 6:
        if (type.shape[axis].size != rows_) return kNone;
        return graph_.add(Op::gather, {x, row_numbers_}, {{"axes", axes}});
      case 7: {
        if (type.shape[axis].size != rows_) return kNone;
        const ValueId y = below(2) == 0 ? graph_.add_scalar(dtype_, 2) : graph_.add(Op::negative, {x});
        return graph_.add(below(2) == 0 ? Op::scatter_set : Op::scatter_add, {x, y, row_numbers_},
                          {{"axes", axes}});
      }
      default:
        return type.rank() == 2 ? graph_.add(Op::diagonal, {x}, {{"offset", below(5) - 2}}) : kNone;
    }
  }

  ValueId step() {
    const ValueId x = any(), y = any();
    const Type type = graph_.type(x);
    switch (below(20)) {
      case 0:
      case 1:
      case 2: {
        if (!fit(x, y)) return kNone;
        const Op ops[] = {Op::add, Op::subtract, Op::multiply, Op::maximum};
        return graph_.add(ops[below(4)], {x, y});
      }
      case 3: {
        const Op ops[] = {Op::negative, Op::tanh, Op::square, Op::sigmoid};
        return graph_.add(ops[below(4)], {x});
      }
      case 4: {
        const ValueId z = any();
        if (!fit(x, y) || !fit(x, z) || !fit(y, z)) return kNone;
        return graph_.add(Op::where, {graph_.add(Op::less, {x, y}), x, z});
      }
      case 5:
      case 6: {
        Integers axes;
        std::int64_t count = 1;
        for (int axis = 0; axis < type.rank(); ++axis) {
          if (below(2) == 0) axes.push_back(axis), count *= type.shape[axis].size;
        }
        if (below(3) == 0 && count > 0) return graph_.add(Op::reduce_max, {x}, {{"axes", axes}});
        return graph_.add(Op::reduce_sum, {x}, {{"axes", axes}, {"dtype", dtype_}});
      }
      case 7:
        if (type.rank() > 1) return kNone;
        return graph_.add(Op::expand_dims, {x},
                          {{"axes", Integers{below(2) == 0 ? 0 : type.rank()}}});
      case 8: {
        Integers axes;
        for (int axis = 0; axis < type.rank(); ++axis) {
          if (type.shape[axis].is_one()) axes.push_back(axis);
        }
        return graph_.add(Op::squeeze, {x}, {{"axes", axes}});
      }
      case 9: {
        const Integers target = static_shape(graph_.type(y));
        if (!fit(x, y) || type.rank() > static_cast<int>(target.size())) return kNone;
        for (int axis = 0; axis < type.rank(); ++axis) {
          if (!type.shape[axis].is_one() && type.shape[axis].size != target[axis]) return kNone;
        }
        return broadcast_view(graph_, x, target);
      }
      case 10:
        return type.rank() == 2 ? graph_.add(Op::transpose, {x}, {{"perm", Integers{1, 0}}})
                                : kNone;
      case 11: {
        const ValueId table = of_shape({2});
        return table == kNone ? kNone
                              : graph_.add(Op::gather, {table, index_}, {{"axes", Integers{0}}});
      }
      case 12:
      case 13:
      case 14:
      case 15:
        return moved(x, type);
      case 16: {
        // gemm: x + 0.5 * A @ B of matrices that fit.
        if (type.rank() != 2) return kNone;
        const ValueId a = of_shape({type.shape[0].size, columns_}), b = of_shape({columns_, type.shape[1].size});
        if (a == kNone || b == kNone) return kNone;
        const ValueId half = graph_.add_scalar(dtype_, 0.5), one = graph_.add_scalar(dtype_, 1);
        return graph_.add(Op::tanh, {graph_.add(Op::gemm, {half, a, b, one, x})});
      }
      default: {
        const ValueId matrix = of_shape({rows_, columns_});
        if (matrix == kNone) return kNone;
        const bool transposed = below(2) == 0;
        const ValueId vector = of_shape({transposed ? rows_ : columns_});
        if (vector == kNone) return kNone;
        const ValueId product = graph_.add(Op::matvec, {matrix, vector}, {{"trans_a", transposed}});
        return graph_.add(Op::tanh, {product});
      }
    }
  }

  std::mt19937 random_;
  DType dtype_;
  std::int64_t rows_, columns_;
  Graph graph_;
  std::vector<ValueId> values_;
  ValueId index_ = kNone, row_numbers_ = kNone;
};

}  // namespace gemmule
