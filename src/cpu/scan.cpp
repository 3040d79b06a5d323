// Loops.
#include "cpu/step.h"
#include "ir/error.h"

namespace gemmule::cpu {

std::unique_ptr<Step> make_scan(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }

}  // namespace gemmule::cpu
