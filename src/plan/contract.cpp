#include "plan/prepare.h"

namespace gemmule {

void contract(Graph&, const PrepareOptions&) {}

}  // namespace gemmule
