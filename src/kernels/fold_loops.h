// The inner loops of reductions: folds of contiguous blocks, one set of functions per op and dtype.
#pragma once

#include <cstdint>

#include "ir/dtype.h"
#include "ir/ops.h"

namespace gemmule::kernels {

struct FoldLoops {
  // *out = x[0] op x[1] op ... for n >= 1, over several interleaved partial results.
  void (*fold)(const void* x, void* out, std::int64_t n) = nullptr;
  // to[i] = to[i] op x[i]
  void (*combine)(void* to, const void* x, std::int64_t n) = nullptr;
  // to[i] = to[i - 1] op to[i] in sequence for i >= 1, elements at a stride
  void (*run)(void* to, std::int64_t stride, std::int64_t n) = nullptr;
};

// `op` is add, multiply, maximum or minimum. Null for complex maxima; float16 has none: fold in
// float.
FoldLoops fold_loops(Op op, DType dtype);

}  // namespace gemmule::kernels
