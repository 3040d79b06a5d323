// Special functions of many arguments and loops over scalars.
#include "cpu/step.h"
#include "ir/error.h"

namespace gemmule::cpu {

std::unique_ptr<Step> make_hyp2f1(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_scalar_loop(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }

}  // namespace gemmule::cpu
