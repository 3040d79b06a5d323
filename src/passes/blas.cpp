// BLAS recognition: rules over flattened sums.
#include "passes/pass.h"

namespace gemmule {

const std::vector<Rule>& blas_rules() {
  static const auto* rules = [] {
    const Pattern a = scalar("a"), b = scalar("b"), A = matrix("A"), B = matrix("B"), C = matrix("C");
    const Pattern x = vector("x"), y = vector("y"), z = vector("z");
    const Pattern As = any("A"), Bs = any("B"), Cs = any("C");  // batches of matrices
    return new std::vector<Rule>{
        // A product and an addend that is no product: those go first, so that the products of a sum chain.
        {"gemm", a * matmul(A, B) + b * C, gemm(a, A, B, b, C),
         {sole_use(Op::matmul), same_shape("C", Op::matmul), not_product("C")}},
        {"gemv", a * matvec(A, x) + b * y, gemv(a, A, x, b, y),
         {sole_use(Op::matvec), same_shape("y", Op::matvec), not_product("y")}},
        {"batched_gemm", a * batched_matmul(As, Bs) + b * Cs, batched_gemm(a, As, Bs, b, Cs),
         {sole_use(Op::batched_matmul), same_shape("C", Op::batched_matmul), not_product("C")}},

        // Two products: one is the other's addend.
        {"gemm_chain", a * matmul(A, B) + b * C, gemm(a, A, B, b, C),
         {sole_use(Op::matmul), same_shape("C", Op::matmul)}},
        {"gemv_chain", a * matvec(A, x) + b * y, gemv(a, A, x, b, y),
         {sole_use(Op::matvec), same_shape("y", Op::matvec)}},
        {"batched_gemm_chain", a * batched_matmul(As, Bs) + b * Cs, batched_gemm(a, As, Bs, b, Cs),
         {sole_use(Op::batched_matmul), same_shape("C", Op::batched_matmul)}},

        // Rank-1 updates; a scaled addend asks for a gemm with an inner dimension of 1.
        {"ger", a * outer(x, y) + A, ger(a, x, y, A), {sole_use(Op::outer), same_shape("A", Op::outer)}},
        {"gemm_outer", a * outer(x, y) + b * C, gemm(a, column(x), row(y), b, C),
         {sole_use(Op::outer), same_shape("C", Op::outer)}},

        // Products that have a scale and no addend.
        {"scaled_matmul", a * matmul(A, B), matmul(A, B, a), {not_one("a"), sole_use(Op::matmul)}},
        {"scaled_matvec", a * matvec(A, z), matvec(A, z, a), {not_one("a"), sole_use(Op::matvec)}},
        {"scaled_batched_matmul", a * batched_matmul(As, Bs), batched_matmul(As, Bs, a),
         {not_one("a"), sole_use(Op::batched_matmul)}},
        {"scaled_outer", a * outer(x, y), outer(x, y, a), {not_one("a"), sole_use(Op::outer)}},
    };
  }();
  return *rules;
}

void blas(Graph& graph, PassContext& context) { context.apply(graph, blas_rules()); }

}  // namespace gemmule
