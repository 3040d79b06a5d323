// Evaluation on the calling thread.
#pragma once

#include <vector>

#include "mlx/array.h"

namespace gemmule {

// As mx::eval, for arrays on the CPU: Gemmule's primitives and views of memory are computed at
// once, in this thread, without the hand-over to the stream's thread that costs MLX 10 us and more.
// What else there is goes to mx::eval, node by node.
//
// Throws what a primitive's kernel throws.
void eval_here(const std::vector<mlx::core::array>& arrays);

}  // namespace gemmule
