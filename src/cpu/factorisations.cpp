// LU, QR, SVD, general eigenvalues and what is built on them.
#include <string>
#include <variant>

#include "cpu/step.h"
#include "cpu/views.h"
#include "ir/error.h"
#include "kernels/decompositions.h"

namespace gemmule::cpu {
namespace {

using In = const std::vector<ConstView>&;
using Out = const std::vector<View>&;

std::string text(const StepContext& context, std::string_view name) {
  return std::get<std::string>(*context.node.attributes.find(name));
}

constexpr const char* kNotFinite = "array must not contain infs or NaNs";

}  // namespace

// Singular: NaN, as PyTensor's Solve gives.
std::unique_ptr<Step> make_solve_structured(const StepContext& context) {
  const kernels::Structure structure = kernels::parse_structure(text(context, "structure"));
  const bool lower = context.node.attributes.flag("lower");
  return step_over_views(context, [structure, lower](In in, Out out) {
    kernels::solve_structured(in[0], in[1], out[0], structure, lower);
  });
}

std::unique_ptr<Step> make_lu(const StepContext& context) {
  return step_over_views(context, [error = context.message(kNotFinite)](In in, Out out) {
    const bool permute_l = out.size() == 2;
    const View none, &p = permute_l ? none : out[0], &l = out[permute_l ? 0 : 1];
    if (kernels::lu(in[0], p, l, out.back()) > 0) throw UserError(error);
  });
}

std::unique_ptr<Step> make_lu_factor(const StepContext& context) {
  return step_over_views(context,
                         [](In in, Out out) { kernels::lu_factor(in[0], out[0], out[1]); });
}

std::unique_ptr<Step> make_pivots_to_permutation(const StepContext& context) {
  return step_over_views(context,
                         [inverse = context.node.attributes.flag("inverse")](In in, Out out) {
                           kernels::pivots_to_permutation(in[0], out[0], inverse);
                         });
}

std::unique_ptr<Step> make_lu_factor_tridiagonal(const StepContext& context) {
  return step_over_views(context, [](In in, Out out) {
    kernels::lu_factor_tridiagonal(in[0], in[1], in[2], {out[0], out[1], out[2], out[3], out[4]});
  });
}

std::unique_ptr<Step> make_solve_tridiagonal(const StepContext& context) {
  return step_over_views(context, [trans = context.node.attributes.flag("trans")](In in, Out out) {
    kernels::solve_tridiagonal({in[0], in[1], in[2], in[3], in[4]}, in[5], out[0], trans);
  });
}

std::unique_ptr<Step> make_qr(const StepContext& context) {
  const std::string mode = text(context, "mode");
  const bool pivoting = context.node.attributes.flag("pivoting");
  return step_over_views(context,
                         [raw = mode == "raw", r_only = mode == "r", pivoting](In in, Out out) {
                           kernels::QrResults results;
                           if (raw) {
                             results.raw = out[0];
                             results.tau = out[1];
                             results.r = out[2];
                           } else if (r_only) {
                             results.r = out[0];
                           } else {
                             results.q = out[0];
                             results.r = out[1];
                           }
                           if (pivoting) results.jpvt = out.back();
                           kernels::qr(in[0], results);
                         });
}

std::unique_ptr<Step> make_svd(const StepContext& context) {
  return step_over_views(
      context, [error = context.message("SVD did not converge")](In in, Out out) {
        const View none;
        const bool vectors = out.size() == 3;
        const std::int64_t failures = vectors ? kernels::svd(in[0], out[0], out[1], out[2])
                                              : kernels::svd(in[0], none, out[0], none);
        if (failures > 0) throw LinAlgError(error);
      });
}

std::unique_ptr<Step> make_eig(const StepContext& context) {
  const std::string error =
      context.message("Eigenvalues did not converge, or the array has infs or NaNs");
  return step_over_views(context, [error](In in, Out out) {
    if (kernels::eig(in[0], out[0], out[1]) > 0) throw LinAlgError(error);
  });
}

std::unique_ptr<Step> make_eigh_generalized(const StepContext& context) {
  const std::string error =
      context.message("B is not positive definite, or an array has infs or NaNs");
  return step_over_views(
      context, [error, lower = context.node.attributes.flag("lower", true)](In in, Out out) {
        if (kernels::eigh_generalized(in[0], in[1], lower, out[0], out[1]) > 0)
          throw LinAlgError(error);
      });
}

std::unique_ptr<Step> make_schur(const StepContext& context) {
  const auto order = kernels::parse_eigenvalue_order(text(context, "sort"));
  return step_over_views(context,
                         [order](In in, Out out) { kernels::schur(in[0], out[0], out[1], order); });
}

std::unique_ptr<Step> make_qz(const StepContext& context) {
  const auto order = kernels::parse_eigenvalue_order(text(context, "sort"));
  return step_over_views(context, [order](In in, Out out) {
    kernels::qz(in[0], in[1], {out[0], out[1], out[2], out[3], out[4], out[5]}, order);
  });
}

std::unique_ptr<Step> make_expm(const StepContext& context) {
  return step_over_views(context, [](In in, Out out) { kernels::expm(in[0], out[0]); });
}

std::unique_ptr<Step> make_pinv(const StepContext& context) {
  return step_over_views(context,
                         [error = context.message("SVD did not converge"),
                          hermitian = context.node.attributes.flag("hermitian")](In in, Out out) {
                           if (kernels::pinv(in[0], out[0], hermitian) > 0)
                             throw LinAlgError(error);
                         });
}

std::unique_ptr<Step> make_lstsq(const StepContext& context) {
  const std::string error = context.message("SVD did not converge in Linear Least Squares");
  return step_over_views(context, [error](In in, Out out) {
    if (kernels::lstsq(in[0], in[1], in[2], {out[0], out[1], out[2], out[3], out[4]}) > 0) {
      throw LinAlgError(error);
    }
  });
}

std::unique_ptr<Step> make_sylvester(const StepContext& context) {
  return step_over_views(context,
                         [](In in, Out out) { kernels::sylvester(in[0], in[1], in[2], out[0]); });
}

}  // namespace gemmule::cpu
