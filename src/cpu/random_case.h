// Random graphs of one op each, drawn for every row of ops.def.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "ir/error.h"
#include "ir/infer.h"
#include "plan/prepare_case.h"

namespace gemmule {

class RandomCase {
 public:
  RandomCase(Op op, DType dtype, std::uint32_t seed) : random_(seed), op_(op), dtype_(dtype) {
    add();
    for (const ValueId output : graph.nodes.back().outputs) graph.outputs.push_back(output);
  }

  Graph graph;
  std::vector<Tensor> inputs;

  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }

 private:
  std::int64_t size() {
    constexpr std::int64_t sizes[] = {0, 1, 2, 3, 4, 7, 20};
    return sizes[below(7)];
  }
  Integers shape(std::int64_t rank) {
    Integers result;
    for (std::int64_t i = 0; i < rank; ++i) result.push_back(size());
    return result;
  }
  bool chance() { return below(2) == 0; }

  ValueId input(DType dtype, const Integers& shape) {
    inputs.push_back(random_tensor(static_type(dtype, shape), random_));
    return graph.add_input(static_type(dtype, shape));
  }
  ValueId input(const Integers& shape) { return input(dtype_, shape); }

  // Indices that are in bounds; constants, or an input.
  ValueId index(const Integers& shape, std::int64_t size) {
    const DType dtype = chance() ? DType::i64 : DType::i32;
    Tensor tensor = Tensor::zeros(dtype, shape);
    auto* bytes = const_cast<std::byte*>(tensor.data.get());
    for (std::int64_t i = 0; i < tensor.count(); ++i) {
      const Tensor one = Tensor::scalar(dtype, static_cast<double>(below(2 * size) - size));
      std::memcpy(bytes + i * static_cast<std::int64_t>(size_of(dtype)), one.data.get(), size_of(dtype));
    }
    if (chance()) return graph.add_constant(tensor);
    inputs.push_back(tensor);
    return graph.add_input(static_type(dtype, shape));
  }

  ValueId number(std::int64_t n) { return graph.add_constant(Tensor::from_bytes(DType::i64, {}, &n)); }
  void numbers(std::vector<ValueId>& operands, const Integers& values) {
    for (const std::int64_t value : values) operands.push_back(number(value));
  }

  Integers some_axes(std::size_t rank) {
    Integers axes;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      if (chance()) axes.push_back(static_cast<std::int64_t>(axis));
    }
    return axes;
  }

  // Bounds per axis; the shape that is left in `shape`.
  Integers bounds(const Integers& axes, Integers& shape) {
    constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min(),
                           kLast = std::numeric_limits<std::int64_t>::max();
    Integers result;
    for (const std::int64_t axis : axes) {
      const std::int64_t n = shape[axis], step = chance() ? 1 + below(3) : -1 - below(3);
      const std::int64_t start = chance() ? (step > 0 ? 0 : kLast) : below(2 * n + 3) - n - 1;
      const std::int64_t stop = chance() ? (step > 0 ? kLast : kFirst) : below(2 * n + 3) - n - 1;
      const std::int64_t far = below(12) == 0 ? (step > 0 ? kLast : kFirst) : step;
      result.insert(result.end(), {start, stop, far});
      shape[axis] = resolve_slice(start, stop, far, n).count;
    }
    return result;
  }

  // Something that broadcasts to `shape`.
  ValueId stretching(Integers shape) {
    if (below(4) == 0) return input({});
    shape.erase(shape.begin(), shape.begin() + below(static_cast<std::int64_t>(shape.size()) + 1));
    for (std::int64_t& size : shape) size = below(3) == 0 ? 1 : size;
    return input(shape);
  }

  void add_elementwise() {
    const Integers whole = shape(below(4));
    std::vector<ValueId> operands;
    for (int i = 0; i < info(op_).arity; ++i) {
      Integers part = whole;
      for (std::int64_t& size : part) size = below(4) == 0 ? 1 : size;
      const bool condition = info(op_).result == ResultRule::select && i == 0;
      operands.push_back(input(condition ? DType::bool_ : dtype_, below(5) == 0 ? Integers{} : part));
    }
    Attributes attributes;
    if (op_ == Op::cast) attributes.set("dtype", static_cast<DType>(below(kDTypeCount)));
    graph.add(op_, operands, attributes);
  }

  void add_product() {
    const std::int64_t m = size(), n = size(), k = size();
    const bool trans_a = chance(), trans_b = chance();
    Attributes flags{{"trans_a", trans_a}};
    const Integers batch = shape(1 + below(2));
    const auto matrix = [&](std::int64_t rows, std::int64_t columns, bool transposed) {
      Integers whole = op_ == Op::batched_matmul || op_ == Op::batched_gemm ? batch : Integers{};
      whole.insert(whole.end(), {transposed ? columns : rows, transposed ? rows : columns});
      return input(whole);
    };
    const auto maybe_alpha = [&](std::vector<ValueId> operands) {
      if (is_inexact(dtype_) && chance()) operands.push_back(input({}));
      return operands;
    };
    switch (op_) {
      case Op::matmul:
      case Op::batched_matmul:
        flags.set("trans_b", trans_b);
        graph.add(op_, maybe_alpha({matrix(m, k, trans_a), matrix(k, n, trans_b)}), flags);
        return;
      case Op::matvec:
        graph.add(op_, maybe_alpha({matrix(m, k, trans_a), input({k})}), flags);
        return;
      case Op::dot:
        graph.add(op_, {input({k}), input({k})});
        return;
      case Op::outer:
        graph.add(op_, maybe_alpha({input({m}), input({n})}));
        return;
      case Op::gemm:
      case Op::batched_gemm: {
        flags.set("trans_b", trans_b);
        const bool stretch = op_ == Op::gemm && chance();
        if (stretch) flags.set("broadcast_c", true);
        const ValueId alpha = input({}), a = matrix(stretch && chance() ? 1 : m, k, trans_a);
        const ValueId b = matrix(k, n, trans_b), beta = input({});
        graph.add(op_, {alpha, a, b, beta, matrix(m, stretch && chance() ? 1 : n, false)}, flags);
        return;
      }
      case Op::gemv: {
        const bool stretch = chance();
        if (stretch) flags.set("broadcast_c", true);
        const ValueId alpha = input({}), a = matrix(stretch && chance() ? 1 : m, k, trans_a);
        const ValueId x = input({k}), beta = input({});
        graph.add(op_, {alpha, a, x, beta, input({m})}, flags);
        return;
      }
      default: {
        const ValueId alpha = input({}), x = input({m}), y = input({n});
        graph.add(Op::ger, {alpha, x, y, input({m, n})});
      }
    }
  }

  void add_indexing() {
    const Integers from = shape(1 + below(3));
    const auto rank = static_cast<std::int64_t>(from.size());
    const std::int64_t first = below(rank), count = 1 + below(rank - first);
    const ValueId x = input(from);
    const Integers at = shape(below(3));
    Integers axes, result(from.begin(), from.begin() + first);
    std::vector<ValueId> indices;
    bool empty = false;
    for (std::int64_t i = 0; i < count; ++i) empty = empty || from[static_cast<std::size_t>(first + i)] == 0;
    Integers index_shape = empty ? Integers{0} : at;
    for (std::int64_t i = 0; i < count; ++i) {
      axes.push_back(first + i);
      Integers part = index_shape;
      if (i > 0 && below(3) == 0) {
        for (std::int64_t& size : part) size = size == 0 ? 0 : 1;
      }
      indices.push_back(index(part, std::max<std::int64_t>(1, from[static_cast<std::size_t>(first + i)])));
    }
    result.insert(result.end(), index_shape.begin(), index_shape.end());
    result.insert(result.end(), from.begin() + first + count, from.end());
    std::vector<ValueId> operands{x};
    if (op_ != Op::gather) operands.push_back(chance() ? input(result) : stretching(result));
    operands.insert(operands.end(), indices.begin(), indices.end());
    graph.add(op_, operands, {{"axes", axes}});
  }

  void add() {
    if (is_elementwise(op_)) return add_elementwise();
    switch (op_) {
      case Op::constant:
        graph.add_constant(random_tensor(static_type(dtype_, shape(below(3))), random_));
        return;
      case Op::copy:
        graph.add(op_, {input(shape(below(4)))});
        return;
      case Op::transpose: {
        const Integers from = shape(below(4));
        Integers perm;
        for (std::size_t axis = 0; axis < from.size(); ++axis) perm.push_back(static_cast<std::int64_t>(axis));
        std::shuffle(perm.begin(), perm.end(), random_);
        graph.add(op_, {input(from)}, {{"perm", perm}});
        return;
      }
      case Op::expand_dims: {
        const Integers from = shape(below(3));
        Integers axes{below(static_cast<std::int64_t>(from.size()) + 1)};
        if (chance()) axes.push_back(-1);
        graph.add(op_, {input(from)}, {{"axes", axes}});
        return;
      }
      case Op::squeeze: {
        Integers from = shape(1 + below(3));
        const Integers axes = some_axes(from.size());
        for (const std::int64_t axis : axes) from[axis] = 1;
        graph.add(op_, {input(from)}, {{"axes", axes}});
        return;
      }
      case Op::reshape: {
        // Factors in any order, joined at random on both sides.
        Integers factors, from{1}, to{1};
        for (int i = 0; i < 4; ++i) factors.push_back(below(12) == 0 ? 0 : 1 + below(3));
        const auto joined = [&](Integers& sizes) {
          for (const std::int64_t factor : factors) chance() ? sizes.push_back(factor) : void(sizes.back() *= factor);
        };
        joined(from);
        joined(to);
        std::vector<ValueId> operands{input(from)};
        numbers(operands, to);
        graph.add(op_, operands);
        return;
      }
      case Op::broadcast_to: {
        const Integers to = shape(below(4));
        std::vector<ValueId> operands{stretching(to)};
        numbers(operands, to);
        graph.add(op_, operands);
        return;
      }
      case Op::slice:
      case Op::slice_set:
      case Op::slice_add: {
        Integers from = shape(1 + below(3));
        const Integers axes = some_axes(from.size());
        std::vector<ValueId> operands{input(from)};
        const Integers cuts = bounds(axes, from);
        if (op_ != Op::slice) operands.push_back(stretching(from));
        numbers(operands, cuts);
        graph.add(op_, operands, {{"axes", axes}});
        return;
      }
      case Op::diagonal: {
        const Integers from = shape(2 + below(2));
        const auto rank = static_cast<std::int64_t>(from.size());
        const std::int64_t axis1 = below(rank), axis2 = (axis1 + 1 + below(rank - 1)) % rank;
        graph.add(op_, {input(from)}, {{"axis1", axis1}, {"axis2", axis2}, {"offset", below(9) - 4}});
        return;
      }
      case Op::stack: {
        std::vector<ValueId> operands;
        for (std::int64_t i = 0, n = 1 + below(4); i < n; ++i) operands.push_back(input({}));
        graph.add(op_, operands, {{"dtype", dtype_}});
        return;
      }
      case Op::concatenate: {
        Integers part = shape(1 + below(3));
        const std::int64_t axis = below(static_cast<std::int64_t>(part.size()));
        std::vector<ValueId> operands;
        for (std::int64_t i = 0, n = 1 + below(4); i < n; ++i) {
          part[axis] = size();
          operands.push_back(input(part));
        }
        graph.add(op_, operands, {{"axis", axis}});
        return;
      }
      case Op::arange: {
        const DType from = is_complex(dtype_) || dtype_ == DType::bool_ || dtype_ == DType::f16 ? DType::i64 : dtype_;
        const auto constant = [&](std::int64_t value) { return graph.add_scalar(from, static_cast<double>(value)); };
        const ValueId start = constant(below(4)), stop = constant(below(9));
        graph.add(op_, {start, stop, constant(1 + below(3))}, {{"dtype", dtype_}});
        return;
      }
      case Op::eye:
        graph.add(op_, {number(size()), number(size()), number(below(7) - 3)}, {{"dtype", dtype_}});
        return;
      case Op::gather:
      case Op::scatter_set:
      case Op::scatter_add:
        return add_indexing();
      case Op::sort:
      case Op::argsort:
      case Op::cumsum:
      case Op::cumprod: {
        const Integers from = shape(1 + below(3));
        graph.add(op_, {input(from)}, {{"axis", below(static_cast<std::int64_t>(from.size())) - (chance() ? static_cast<std::int64_t>(from.size()) : 0)}});
        return;
      }
      case Op::reduce_sum:
      case Op::reduce_prod:
      case Op::reduce_max:
      case Op::reduce_min:
      case Op::reduce_any:
      case Op::reduce_all:
      case Op::argmax:
      case Op::argmin: {
        const Integers from = shape(below(4));
        const ValueId x = input(from);
        graph.add(op_, {x}, {{"axes", some_axes(from.size())}});
        return;
      }
      case Op::matmul:
      case Op::matvec:
      case Op::dot:
      case Op::batched_matmul:
      case Op::outer:
      case Op::gemm:
      case Op::gemv:
      case Op::ger:
      case Op::batched_gemm:
        return add_product();
      default:
        throw InternalError("no random case of " + std::string(info(op_).name));
    }
  }

  std::mt19937 random_;
  Op op_;
  DType dtype_;
};

}  // namespace gemmule
