// Discrete convolutions over the last one or two axes, batched over the others.
//
//   full   out[i] = sum_j x[i - j] y[j], j where both exist; n + k - 1 elements
//   valid  the elements of `full` for which the shorter operand lies within the longer one: from
//          min(n, k) - 1 on; |n - k| + 1 elements
//
// The size of `out` says which. All dtypes; integers wrap, bool is any of all-pairs, f16 is summed
// in float. Operands have one dtype, the batch dimensions of `out`, and no axis of size 0; `out`
// overlaps no input.
#pragma once

#include "kernels/view.h"

namespace gemmule::kernels {

void convolve1d(const ConstView& x, const ConstView& y, const View& out);
void convolve2d(const ConstView& x, const ConstView& y, const View& out);

}  // namespace gemmule::kernels
