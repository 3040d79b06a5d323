// Inference: loops.
#include "ir/infer_rules.h"

namespace gemmule {

Types infer_scan(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }

}  // namespace gemmule
