// Waiting for arrays.
#pragma once

#include <vector>

#include "mlx/array.h"

namespace gemmule {

namespace mx = mlx::core;

// Evaluates the arrays and returns when they are there. mx::eval sleeps until the GPU's driver
// wakes the thread up, which takes as long as a small program; here the thread asks again and again
// for a millisecond before it sleeps.
void eval_and_wait(std::vector<mx::array> arrays);

}  // namespace gemmule
