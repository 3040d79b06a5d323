// What every graph satisfies between two passes.
#pragma once

#include "ir/graph.h"

namespace gemmule {

// Throws InternalError naming the first broken rule: operands before users, each value produced once,
// arity, types equal to what inference gives (symbols up to renaming), attributes present.
void verify(const Graph& graph);

}  // namespace gemmule
