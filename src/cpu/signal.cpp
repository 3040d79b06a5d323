// Fourier transforms and convolutions.
#include "cpu/step.h"
#include "ir/error.h"

namespace gemmule::cpu {

std::unique_ptr<Step> make_rfft(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_irfft(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_convolve1d(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_convolve2d(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }

}  // namespace gemmule::cpu
