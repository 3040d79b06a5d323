// The inner loops of reductions: folds of contiguous blocks, one set of functions per op and dtype.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ir/dtype.h"
#include "ir/ops.h"

namespace gemmule::kernels {

struct FoldLoops {
  // *out = x[0] op x[1] op ... for n >= 1, over several interleaved partial results.
  void (*fold)(const void* x, void* out, std::int64_t n) = nullptr;
  // out[s] = x[s * length] op ... op x[s * length + length - 1] for s in [0, count)
  void (*fold_segments)(const void* x, void* out, std::int64_t count,
                        std::int64_t length) = nullptr;
  // to[i] = to[i] op x[i]
  void (*combine)(void* to, const void* x, std::int64_t n) = nullptr;
  // to[i] = to[i - 1] op to[i] in sequence for i >= 1, elements at a stride
  void (*run)(void* to, std::int64_t stride, std::int64_t n) = nullptr;
};

// `op` is add, multiply, maximum or minimum. Null for complex maxima; float16 has none: fold in
// float.
FoldLoops fold_loops(Op op, DType dtype);

// The op that reduce_sum, _prod, _max, _min, _any and _all fold with, for fold_loops; Op::fused for
// other ops.
Op fold_op(Op reduction);

// Writes what `reduction` gives for no elements at `out`, one element of `dtype`. Throws
// std::invalid_argument for those that have no identity.
void write_identity(Op reduction, DType dtype, void* out);

// Partial results of equal weight are combined first, as the carries of a binary counter: the
// pairwise sum, without recursion.
class Pairwise {
 public:
  Pairwise(const FoldLoops& loops, std::size_t size) : loops_(&loops), size_(size) {}

  bool empty() const { return depth_ == 0; }

  void add(const void* partial) {
    std::memcpy(at(depth_++), partial, size_);
    for (std::uint64_t carry = ++count_; carry % 2 == 0; carry /= 2) merge();
  }

  // Of all that was added; begins anew. Valid until the next `add`.
  const void* result() {
    while (depth_ > 1) merge();
    count_ = depth_ = 0;
    return at(0);
  }

 private:
  std::byte* at(std::size_t level) { return stack_.data() + level * 16; }
  void merge() {
    --depth_;
    loops_->combine(at(depth_ - 1), at(depth_), 1);
  }

  const FoldLoops* loops_;
  std::size_t size_;
  std::size_t depth_ = 0;
  std::uint64_t count_ = 0;
  alignas(16) std::array<std::byte, 65 * 16> stack_;
};

}  // namespace gemmule::kernels
