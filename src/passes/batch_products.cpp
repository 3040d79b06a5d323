// Products for many chains: one larger product where the chains share a factor.
#include "ir/error.h"
#include "passes/batch_rules.h"

namespace gemmule {
namespace {

BatchValues one(ValueId value) { return {{value, true}}; }

Attributes flags(bool trans_a, bool trans_b) {
  Attributes attributes;
  if (trans_a) attributes.set("trans_a", true);
  if (trans_b) attributes.set("trans_b", true);
  return attributes;
}

// The operands of one product: what the rules below take, whatever op they stand for.
struct Product {
  BatchValue a, b;
  bool trans_a = false, trans_b = false;
};

Product product_of(const BatchContext& context, int a) {
  return {context.operands[a], context.operands[a + 1], context.attributes().flag("trans_a"),
          context.attributes().flag("trans_b")};
}

// [chains, rows, columns] -> [chains * rows, columns]
ValueId rows_of_all(const BatchContext& context, ValueId x) {
  return context.reshaped(
      x, {context.product(context.chain_count, context.size(x, 1)), context.size(x, 2)});
}

// The other way round.
ValueId rows_of_each(const BatchContext& context, ValueId x, ValueId rows) {
  return context.reshaped(x, {context.chain_count, rows, context.size(x, 1)});
}

ValueId spread(const BatchContext& context, const BatchValue& value) {
  return BatchContext{context.graph, context.node, {value}, context.chains, context.chain_count}
      .spread(0);
}

// A[m,k] @ B[k,n] -> [chains, m, n]
ValueId matmul(const BatchContext& context, const Product& product) {
  const auto [a, b, trans_a, trans_b] = product;
  if (a.batched && !b.batched && !trans_a) {
    const ValueId result =
        context.add(Op::matmul, {rows_of_all(context, a.value), b.value}, flags(false, trans_b));
    return rows_of_each(context, result, context.size(a.value, 1));
  }
  if (!a.batched && b.batched) {
    // (B^T A^T)^T
    const ValueId columns = trans_b ? b.value : context.swapped(b.value);
    const ValueId result =
        context.add(Op::matmul, {rows_of_all(context, columns), a.value}, flags(false, !trans_a));
    return context.swapped(rows_of_each(context, result, context.size(columns, 1)));
  }
  return context.add(Op::batched_matmul, {spread(context, a), spread(context, b)},
                     flags(trans_a, trans_b));
}

// A[m,k] @ x[k] -> [chains, m]
ValueId matvec(const BatchContext& context, const Product& product) {
  const auto [a, x, trans_a, unused] = product;
  if (!a.batched) return context.add(Op::matmul, {x.value, a.value}, flags(false, !trans_a));
  if (!x.batched && !trans_a) {
    const ValueId result = context.add(Op::matvec, {rows_of_all(context, a.value), x.value});
    return context.reshaped(result, {context.chain_count, context.size(a.value, 1)});
  }
  const ValueId column = context.expanded(spread(context, x), {2});
  const ValueId result = context.add(Op::batched_matmul, {a.value, column}, flags(trans_a, false));
  return context.add(Op::squeeze, {result}, {{"axes", Integers{2}}});
}

// x[m] y[n]^T -> [chains, m, n]
ValueId outer(const BatchContext& context, const BatchValue& x, const BatchValue& y) {
  const ValueId column = context.expanded(x.value, x.batched ? Integers{2} : Integers{0, 2});
  const ValueId row = context.expanded(y.value, y.batched ? Integers{1} : Integers{0, 1});
  const bool is_bool = context.graph.type(x.value).dtype == DType::bool_;
  return context.add(is_bool ? Op::bitwise_and : Op::multiply, {column, row});
}

ValueId batched_matmul(const BatchContext& context, const Product& product) {
  return context.add(Op::batched_matmul, {spread(context, product.a), spread(context, product.b)},
                     flags(product.trans_a, product.trans_b));
}

// `product`, of rank `rank` without the chains, times the operand `scale`, a number.
ValueId scaled(const BatchContext& context, ValueId product, int scale, int rank) {
  return context.add(Op::multiply, {context.aligned(scale, rank), product});
}

BatchValues optionally_scaled(const BatchContext& context, ValueId product, int rank) {
  return one(context.count() > 2 ? scaled(context, product, 2, rank) : product);
}

// Whether operands hold the product at all: of numbers that no operand of it differs in, only a
// scale does.
ValueId unless_shared(const BatchContext& context, int a,
                      ValueId (*make)(const BatchContext&, const Product&)) {
  Product product = product_of(context, a);
  if (!product.a.batched && !product.b.batched) product.a = {spread(context, product.a), true};
  return make(context, product);
}

}  // namespace

BatchValues batch_matmul(const BatchContext& context) {
  return optionally_scaled(context, unless_shared(context, 0, matmul), 2);
}

BatchValues batch_matvec(const BatchContext& context) {
  return optionally_scaled(context, unless_shared(context, 0, matvec), 1);
}

BatchValues batch_batched_matmul(const BatchContext& context) {
  const int rank = context.rank(0);
  return optionally_scaled(context, batched_matmul(context, product_of(context, 0)), rank);
}

BatchValues batch_dot(const BatchContext& context) {
  if (!context.is_batched(1))
    return one(context.add(Op::matvec, {context.value(0), context.value(1)}));
  if (!context.is_batched(0))
    return one(context.add(Op::matvec, {context.value(1), context.value(0)}));
  const ValueId row = context.expanded(context.value(0), {1}),
                column = context.expanded(context.value(1), {2});
  const ValueId result = context.add(Op::batched_matmul, {row, column});
  return one(context.add(Op::squeeze, {result}, {{"axes", Integers{1, 2}}}));
}

BatchValues batch_outer(const BatchContext& context) {
  return optionally_scaled(context, outer(context, context.operands[0], context.operands[1]), 2);
}

// alpha * product + beta * addend, which recognition puts together again.
BatchValues batch_product_sum(const BatchContext& context) {
  // Sizes of 1 that stretch at run time have no other form.
  if (context.attributes().flag("broadcast_c")) return batch_per_chain(context);
  const Op op = context.node.op;
  ValueId product;
  int rank = 2, addend = 4, beta = 3;
  if (op == Op::ger) {
    product = outer(context, context.operands[1], context.operands[2]);
    addend = 3, beta = kNone;
  } else if (op == Op::gemv) {
    product = unless_shared(context, 1, matvec);
    rank = 1;
  } else if (op == Op::gemm) {
    product = unless_shared(context, 1, matmul);
  } else {
    product = batched_matmul(context, product_of(context, 1));
    rank = context.rank(1);
  }
  product = scaled(context, product, 0, rank);
  ValueId added = context.aligned(addend, rank);
  if (beta != kNone) {
    if (context.graph.scalar_constant(context.value(beta)) == 0.0) return one(product);
    const ValueId scale = context.aligned(beta, rank);
    const ValueId zero = context.graph.add_scalar(context.graph.type(scale).dtype, 0);
    const ValueId term = context.add(Op::multiply, {scale, added});
    // A scale of 0 does not read the addend, which may be NaN.
    const bool may_be_zero = !context.graph.scalar_constant(context.value(beta));
    added = may_be_zero
                ? context.add(Op::where, {context.add(Op::equal, {scale, zero}), zero, term})
                : term;
  }
  return one(context.add(Op::add, {product, added}));
}

// One sparse matrix times the columns of all chains.
BatchValues batch_csr_matmul(const BatchContext& context) {
  for (int i = 0; i < 5; ++i) {
    if (context.is_batched(i)) return batch_per_chain(context);
  }
  const ValueId b = context.value(5);
  const ValueId columns = context.product(context.chain_count, context.size(b, 2));
  std::vector<ValueId> operands;
  for (int i = 0; i < 5; ++i) operands.push_back(context.value(i));
  operands.push_back(
      context.reshaped(context.transposed(b, {1, 0, 2}), {context.size(b, 1), columns}));
  const ValueId result = context.add(Op::csr_matmul, operands, context.attributes());
  const ValueId parts =
      context.reshaped(result, {context.size(result, 0), context.chain_count, context.size(b, 2)});
  return one(context.transposed(parts, {1, 0, 2}));
}

}  // namespace gemmule
