// Transposes that only a product reads become the product's BLAS flags.
#include "passes/pass.h"

namespace gemmule {

const std::vector<Rule>& absorb_rules() {
  static const auto* rules = [] {
    const Pattern a = scalar("a"), b = scalar("b"), A = any("A"), B = any("B"), C = any("C"), x = vector("x"),
                  y = vector("y");
    return new std::vector<Rule>{
        {"matmul_trans_a", flagged(matmul(T(A), B)), flipped("trans_a", matmul(A, B)), {}},
        {"matmul_trans_b", flagged(matmul(A, T(B))), flipped("trans_b", matmul(A, B)), {}},
        {"scaled_matmul_trans_a", flagged(matmul(T(A), B, a)), flipped("trans_a", matmul(A, B, a)), {}},
        {"scaled_matmul_trans_b", flagged(matmul(A, T(B), a)), flipped("trans_b", matmul(A, B, a)), {}},
        {"gemm_trans_a", flagged(gemm(a, T(A), B, b, C)), flipped("trans_a", gemm(a, A, B, b, C)), {}},
        {"gemm_trans_b", flagged(gemm(a, A, T(B), b, C)), flipped("trans_b", gemm(a, A, B, b, C)), {}},
        {"matvec_trans_a", flagged(matvec(T(A), x)), flipped("trans_a", matvec(A, x)), {}},
        {"scaled_matvec_trans_a", flagged(matvec(T(A), x, a)), flipped("trans_a", matvec(A, x, a)), {}},
        {"gemv_trans_a", flagged(gemv(a, T(A), x, b, y)), flipped("trans_a", gemv(a, A, x, b, y)), {}},
        {"batched_matmul_trans_a", flagged(batched_matmul(T(A), B)), flipped("trans_a", batched_matmul(A, B)), {}},
        {"batched_matmul_trans_b", flagged(batched_matmul(A, T(B))), flipped("trans_b", batched_matmul(A, B)), {}},
        {"scaled_batched_matmul_trans_a", flagged(batched_matmul(T(A), B, a)), flipped("trans_a", batched_matmul(A, B, a)), {}},
        {"scaled_batched_matmul_trans_b", flagged(batched_matmul(A, T(B), a)), flipped("trans_b", batched_matmul(A, B, a)), {}},
        {"batched_gemm_trans_a", flagged(batched_gemm(a, T(A), B, b, C)), flipped("trans_a", batched_gemm(a, A, B, b, C)), {}},
        {"batched_gemm_trans_b", flagged(batched_gemm(a, A, T(B), b, C)), flipped("trans_b", batched_gemm(a, A, B, b, C)), {}},
    };
  }();
  return *rules;
}

void absorb(Graph& graph, PassContext& context) { context.apply(graph, absorb_rules()); }

}  // namespace gemmule
