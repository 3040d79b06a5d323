// LU, QR, SVD, general eigenvalues and what is built on them.
#include "cpu/step.h"
#include "ir/error.h"

namespace gemmule::cpu {

std::unique_ptr<Step> make_solve_structured(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_lu(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_lu_factor(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_pivots_to_permutation(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_lu_factor_tridiagonal(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_solve_tridiagonal(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_qr(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_svd(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_eig(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_schur(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_qz(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_expm(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_pinv(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_lstsq(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_sylvester(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_discrete_are(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }

}  // namespace gemmule::cpu
