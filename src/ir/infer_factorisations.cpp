// Inference: LU, QR, SVD, general eigenvalues and what is built on them.
#include "ir/infer_rules.h"

namespace gemmule {

Types infer_solve_structured(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_lu(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_lu_factor(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_pivots_to_permutation(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_lu_factor_tridiagonal(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_solve_tridiagonal(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_qr(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_svd(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_eig(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_schur(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_qz(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_expm(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_pinv(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_lstsq(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_sylvester(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_discrete_are(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }

}  // namespace gemmule
