// What MLX is going to run: the primitives behind unevaluated arrays.
#pragma once

#include <string>
#include <vector>

#include "mlx/array.h"

namespace gemmule {

namespace mx = mlx::core;

// The names of the primitives that evaluating `arrays` runs, operands first, each node once.
std::vector<std::string> primitives(const std::vector<mx::array>& arrays);

// The same without those that only give memory another shape (Transpose, Broadcast, Slice ...).
std::vector<std::string> computing_primitives(const std::vector<mx::array>& arrays);

}  // namespace gemmule
