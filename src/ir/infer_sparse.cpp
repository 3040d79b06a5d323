// Inference: products with sparse matrices.
#include "ir/infer_rules.h"

namespace gemmule {

Types infer_csr_matmul(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_csr_sampled_matmul(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }

}  // namespace gemmule
