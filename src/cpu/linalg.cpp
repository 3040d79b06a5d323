// Factorisations and solvers over LAPACK.
#include "cpu/step.h"
#include "ir/error.h"
#include "kernels/lapack.h"

namespace gemmule::cpu {

std::unique_ptr<Step> make_cholesky(const StepContext& context) {
  return step_of([a = context.operand(0), out = context.result(),
                  lower = context.node.attributes.flag("lower", true)](void* const* address) mutable {
    a.data = address[0];
    out.data = address[1];
    kernels::cholesky(a, out, lower);
  });
}

std::unique_ptr<Step> make_solve_triangular(const StepContext& context) {
  const Attributes& attributes = context.node.attributes;
  kernels::TriangularOptions options;
  options.lower = attributes.flag("lower", true);
  options.trans = static_cast<kernels::Transpose>(attributes.integer("trans", 0));
  options.unit_diagonal = attributes.flag("unit_diagonal", false);
  return step_of([a = context.operand(0), b = context.operand(1), out = context.result(),
                  options](void* const* address) mutable {
    a.data = address[0];
    b.data = address[1];
    out.data = address[2];
    kernels::solve_triangular(a, b, out, options);
  });
}

std::unique_ptr<Step> make_solve(const StepContext& context) {
  return step_of([a = context.operand(0), b = context.operand(1), out = context.result(),
                  raises = context.node.attributes.flag("raises"),
                  error = context.message("Singular matrix")](void* const* address) mutable {
    a.data = address[0];
    b.data = address[1];
    out.data = address[2];
    if (kernels::solve(a, b, out) > 0 && raises) throw LinAlgError(error);
  });
}

std::unique_ptr<Step> make_inv(const StepContext& context) {
  return step_of([a = context.operand(0), out = context.result(), raises = context.node.attributes.flag("raises"),
                  error = context.message("Singular matrix")](void* const* address) mutable {
    a.data = address[0];
    out.data = address[1];
    if (kernels::inv(a, out) > 0 && raises) throw LinAlgError(error);
  });
}

std::unique_ptr<Step> make_slogdet(const StepContext& context) {
  return step_of([a = context.operand(0), sign = context.result(0), logdet = context.result(1)](
                     void* const* address) mutable {
    a.data = address[0];
    sign.data = address[1];
    logdet.data = address[2];
    kernels::slogdet(a, sign, logdet);
  });
}

std::unique_ptr<Step> make_eigh(const StepContext& context) {
  return step_of([a = context.operand(0), values = context.result(0), vectors = context.result(1),
                  lower = context.node.attributes.flag("lower", true), raises = context.node.attributes.flag("raises"),
                  error = context.message("Eigenvalues did not converge, or the array has infs or NaNs")](
                     void* const* address) mutable {
    a.data = address[0];
    values.data = address[1];
    vectors.data = address[2];
    if (kernels::eigh(a, lower, values, vectors) > 0 && raises) throw LinAlgError(error);
  });
}

}  // namespace gemmule::cpu
