#include "plan/prepare.h"

namespace gemmule {

void row_blocks(Graph&, const PrepareOptions&) {}

}  // namespace gemmule
