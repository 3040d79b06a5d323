// Inference: special functions of many arguments and loops over scalars.
#include "ir/infer_rules.h"

namespace gemmule {

Types infer_hyp2f1(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_scalar_loop(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }

}  // namespace gemmule
