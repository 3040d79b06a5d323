// Factorisations and solvers over kernels/lapack.h, on a CPU stream but for CUDA's Cholesky: MLX
// has no other that runs on a GPU.
#include <string>

#include "ir/error.h"
#include "mlx/host_primitives.h"
#include "mlx/linalg.h"
#include "mlx/lower_helpers.h"
#include "mlx/ops.h"

namespace gemmule {
namespace {

// LAPACK counts in 32 bits.
void check_sizes(const LowerContext& context) {
  for (int i = 0; i < static_cast<int>(context.node.inputs.size()); ++i) {
    for (const std::int64_t size : static_shape(context.operand_type(i))) to_size(context, size);
  }
}

template <class Primitive, class... Parameters>
Lowered lower_lapack(LowerContext& context, Parameters&&... parameters) {
  if (!context.on_cpu) throw InternalError(message(context, "has no GPU kernel"));
  check_sizes(context);
  return lower_to<Primitive>(context, std::forward<Parameters>(parameters)...);
}

// Whether a matrix without a result is a LinAlgError, not NaN.
bool raises(const LowerContext& context) { return context.node.attributes.flag("raises"); }

// MLX's own. Of a matrix that is not positive definite it returns what the factorisation had done:
// the pivot at which it stopped, not positive or NaN, stays on the diagonal, and the whole becomes
// NaN here.
Lowered gpu_cholesky(const LowerContext& context, bool lower) {
  const mx::Stream stream = context.stream;
  const mx::array factor = mx::linalg::cholesky(context.operands[0], /*upper=*/!lower, stream);
  if (factor.size() == 0) return {factor};
  const mx::array zero(0.0f, factor.dtype());
  const mx::array positive = mx::greater(mx::diagonal(factor, 0, -2, -1, stream), zero, stream);
  const mx::array succeeded =
      mx::expand_dims(mx::all(positive, -1, false, stream), {-2, -1}, stream);
  return {mx::where(succeeded, factor, mx::divide(zero, zero, stream), stream)};
}

}  // namespace

Lowered lower_cholesky(LowerContext& context) {
  const bool lower = context.node.attributes.flag("lower", true);
  if (!context.on_cpu) return gpu_cholesky(context, lower);
  return lower_lapack<Cholesky>(context, lower);
}

Lowered lower_solve_triangular(LowerContext& context) {
  const Attributes& attributes = context.node.attributes;
  kernels::TriangularOptions options;
  options.lower = attributes.flag("lower", true);
  options.trans = static_cast<kernels::Transpose>(attributes.integer("trans", 0));
  options.unit_diagonal = attributes.flag("unit_diagonal", false);
  return lower_lapack<SolveTriangular>(context, options);
}

// The native executor's steps know how to raise.
Lowered lower_solve(LowerContext& context) { return raises(context) ? lower_on_host(context) : lower_lapack<Solve>(context); }
Lowered lower_inv(LowerContext& context) { return raises(context) ? lower_on_host(context) : lower_lapack<Inverse>(context); }
Lowered lower_slogdet(LowerContext& context) { return lower_lapack<Slogdet>(context); }

Lowered lower_eigh(LowerContext& context) {
  if (raises(context)) return lower_on_host(context);
  return lower_lapack<Eigh>(context, context.node.attributes.flag("lower", true));
}

}  // namespace gemmule
