// Inference: draws from distributions.
#include "ir/infer_rules.h"

namespace gemmule {

Types infer_random(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }

}  // namespace gemmule
