// Matrix products with a dimension that is statically 1 become the smaller BLAS call.
#include "passes/pass.h"

namespace gemmule {

const std::vector<Rule>& degrade_rules() {
  static const auto* rules = [] {
    const Pattern a = scalar("a"), b = scalar("b"), A = matrix("A"), B = matrix("B"), C = matrix("C");
    return new std::vector<Rule>{
        // one inner element
        {"ger_of_gemm", gemm(a, A, B, one, C), ger(a, first_column(A), first_row(B), C),
         {static_one("A", 1), not_static_one("A", 0), not_static_one("B", 1)}},
        {"outer_of_matmul", matmul(A, B), outer(first_column(A), first_row(B)),
         {static_one("A", 1), not_static_one("A", 0), not_static_one("B", 1)}},
        {"outer_of_scaled_matmul", matmul(A, B, a), outer(first_column(A), first_row(B), a),
         {static_one("A", 1), not_static_one("A", 0), not_static_one("B", 1)}},
        // one column
        {"gemv_of_gemm", gemm(a, A, B, b, C), column(gemv(a, A, first_column(B), b, first_column(C))),
         {static_one("B", 1), static_one("C", 1)}},
        {"matvec_of_matmul", matmul(A, B), column(matvec(A, first_column(B))), {static_one("B", 1)}},
        {"matvec_of_scaled_matmul", matmul(A, B, a), column(matvec(A, first_column(B), a)), {static_one("B", 1)}},
        // one row
        {"gemv_of_gemm_row", gemm(a, A, B, b, C), row(gemv(a, T(B), first_row(A), b, first_row(C))),
         {static_one("A", 0), static_one("C", 0)}},
        {"matvec_of_matmul_row", matmul(A, B), row(matvec(T(B), first_row(A))), {static_one("A", 0)}},
        {"matvec_of_scaled_matmul_row", matmul(A, B, a), row(matvec(T(B), first_row(A), a)), {static_one("A", 0)}},
    };
  }();
  return *rules;
}

void degrade(Graph& graph, PassContext& context) {
  context.apply(graph, degrade_rules());
  canonicalise(graph, context);  // views that meet: squeeze of expand_dims, transpose of transpose
}

}  // namespace gemmule
