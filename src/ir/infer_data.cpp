// Inference: what depends on the values of its operands: positions, distinct values, choices.
#include "ir/infer_rules.h"

namespace gemmule {

Types infer_nonzero(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_unique(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_searchsorted(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_repeat_indices(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_choose_branch(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }

}  // namespace gemmule
