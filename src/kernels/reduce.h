// Reductions and running sums over axes of strided views.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "ir/dtype.h"
#include "ir/ops.h"
#include "kernels/view.h"

namespace gemmule::kernels {

// Reduces `in` over `axes` (distinct, each in [0, rank); none of them: every element by itself)
// into `out`, whose shape is that of `in` without those axes, in order.
//
//   op          accumulator            dtype of out         empty reduction
//   reduce_sum  any                    the accumulator's    0
//   reduce_prod any                    the accumulator's    1
//   reduce_max  ignored                that of in           error
//   reduce_min  ignored                that of in           error
//   reduce_any  ignored                bool                 false
//   reduce_all  ignored                bool                 true
//   argmax      ignored                i64                  error
//   argmin      ignored                i64                  error
//
// Elements are cast to the accumulator one by one, as Op::cast does, before they are added. Float
// sums are pairwise over blocks: their error grows with log n. f16 accumulates in float. Integers
// wrap; a sum of bools in bool is `any`, a product `all`. NaN wins in max and min (complex: not
// defined), and its first position in argmax and argmin, which count row by row over the reduced
// axes. Throws std::invalid_argument: wrong op, axes, shapes or dtypes, and the empty reductions
// marked above.
//
// A kernel is bound to dtypes, shapes and strides; the data of the views it is made from is not
// read. Immutable and re-entrant; `run` takes the addresses of the elements with all indices 0,
// neither throws nor allocates. `reduce` binds and runs once.
class ReduceKernel {
 public:
  ReduceKernel(Op op, DType accumulator, const ConstView& in, std::span<const int> axes,
               const View& out);
  ~ReduceKernel();
  ReduceKernel(ReduceKernel&&) noexcept;
  ReduceKernel& operator=(ReduceKernel&&) noexcept;
  void run(const void* in, void* out) const;

  struct Plan;

 private:
  std::unique_ptr<const Plan> plan_;
};
void reduce(Op op, DType accumulator, const ConstView& in, std::span<const int> axes,
            const View& out);

// cumsum or cumprod along `axis`, in the dtype of `out`, which has the shape of `in`. f16
// accumulates in float. `out` may be `in` in place. Kernel and function as above.
class CumulateKernel {
 public:
  CumulateKernel(Op op, const ConstView& in, int axis, const View& out);
  ~CumulateKernel();
  CumulateKernel(CumulateKernel&&) noexcept;
  CumulateKernel& operator=(CumulateKernel&&) noexcept;
  void run(const void* in, void* out) const;

 private:
  struct Plan;
  std::unique_ptr<const Plan> plan_;
};
void cumulate(Op op, const ConstView& in, int axis, const View& out);

}  // namespace gemmule::kernels
