// Products with sparse matrices.
#include "cpu/step.h"
#include "ir/error.h"

namespace gemmule::cpu {

std::unique_ptr<Step> make_csr_matmul(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }
std::unique_ptr<Step> make_csr_sampled_matmul(const StepContext& context) { throw UnsupportedError(context.message("not implemented yet")); }

}  // namespace gemmule::cpu
