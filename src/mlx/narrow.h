// Sums that are accumulated in float64 between float32 numbers, where the device has no float64.
#pragma once

#include "ir/graph.h"

namespace gemmule {

// Retypes `cast to f64 -> reduce_sum or reduce_prod -> cast to f32` to f32 all the way, also where
// the casts are in the bodies of fused nodes: what PyTensor makes of a float32 sum. Without it such
// a sum and what it sums would run on the CPU. How the sum is then accumulated is the lowering's
// choice.
void narrow_accumulators(Graph& graph);

}  // namespace gemmule
