// The inner loops of elementwise ops: contiguous blocks, one function per op and dtype.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ir/dtype.h"
#include "ir/ops.h"

namespace gemmule::kernels {

// out[i] = op(in[0][i], in[1][i], ...) for i in [0, n). All blocks are contiguous and aligned to
// their elements; `out` may be one of the operands when the elements have one size, else it
// overlaps none.
using Loop = void (*)(const void* const* in, void* out, std::int64_t n);

// The loop for operands of dtype `dtype` (of `where`: of its second and third operand), or nullptr
// where the op has no meaning for it. Not for `cast`.
Loop loop(Op op, DType dtype);

Loop cast_loop(DType from, DType to);

// The loop that reads a single element of the operands in `scalars` (bit k: operand k), which `out`
// does not overlap; nullptr where there is none.
Loop scalar_operand_loop(Op op, DType dtype, unsigned scalars);

// out[i] = in[0][0], elements of `size` bytes.
Loop fill_loop(std::size_t size);

// The dtype of the result of op for operands of `dtype`. Not for `cast`.
DType result_dtype(Op op, DType dtype);

}  // namespace gemmule::kernels
