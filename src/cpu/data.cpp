// What depends on the values of its operands: positions, distinct values, choices.
#include "cpu/step.h"
#include "ir/error.h"

namespace gemmule::cpu {

std::unique_ptr<Step> make_nonzero(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_unique(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_searchsorted(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_repeat_indices(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_choose_branch(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }

}  // namespace gemmule::cpu
