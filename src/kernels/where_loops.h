// The loops of `where` for elements of 4 and 8 bytes: a choice between bits. Compilers do not vectorise the
// choice as the scalar function states it, because a bool is no integer to them.
#pragma once

#include <cstddef>

#include "kernels/elementwise_loops.h"

namespace gemmule::kernels {

// `scalars`: bit 1 where x is one element, bit 2 where y is. Null for other sizes and bits.
Loop where_loop(std::size_t size, unsigned scalars);

}  // namespace gemmule::kernels
