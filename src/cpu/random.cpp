// Draws from distributions.
#include "cpu/step.h"
#include "ir/error.h"

namespace gemmule::cpu {

std::unique_ptr<Step> make_random(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }

}  // namespace gemmule::cpu
