// Inference: fourier transforms and convolutions.
#include "ir/infer_rules.h"

namespace gemmule {

Types infer_rfft(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_irfft(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_convolve1d(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }
Types infer_convolve2d(InferContext& context) { throw UnsupportedError(message(context, "not implemented yet")); }

}  // namespace gemmule
