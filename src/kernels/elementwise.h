// Fused chains of elementwise ops and the reductions at their ends, run block by block in cache.
//
// A program is straight-line code over virtual registers. A kernel is a program bound to shapes and
// strides: loops resolved, jointly contiguous dims merged, registers laid out. What remains per
// call are addresses, so that a call on a few elements costs little more than its arithmetic.
//
//   ElementwiseProgram p;                       // y = exp(a*x)
//   p.registers = {f64, f64, f64, f64};  p.n_inputs = 2;
//   p.code = {{Op::multiply, {0, 1}, 2}, {Op::exp, {2}, 3}};
//   p.outputs = {3};
//   ElementwiseKernel kernel(p, {{a, x}}, {{y}});
//   kernel.run(std::array{a_data, x_data}, std::array{y_data});
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ir/dtype.h"
#include "ir/ops.h"
#include "kernels/view.h"

namespace gemmule::kernels {

// registers[out] = op(registers[in[0]], ...); entries of `in` beyond the arity of the op are
// ignored.
struct ElementwiseInstruction {
  Op op;
  std::array<int, 3> in{};
  int out = 0;
};

// A register that holds one value everywhere; the first size_of(dtype) bytes count.
struct ElementwiseConstant {
  int reg = 0;
  std::array<std::byte, 16> bits{};
};

// How an output leaves the pass: every element, or reduced over some axes of the pass.
//
//   op                      dtype of the register   empty reduction
//   fused                   any                     (no reduction: an element for each of the pass)
//   reduce_sum, _prod       any but f16             0, 1
//   reduce_max, _min        ordered, but f16        error
//   reduce_any, _all        bool                    false, true
//
// A reduction works in the dtype of its register: integers wrap, a sum of bools is `any`, a product
// `all`. NaN wins in max and min. Sums are pairwise over blocks of at most 512 elements; those over
// leading axes add rows one after the other in groups of 64, whose sums are then added (rows of
// more than 8192 elements that are also reduced themselves: all of them one after the other).
struct ElementwiseReduction {
  Op op = Op::fused;
  std::vector<int> axes = {};  // of the pass, ascending
};

struct ElementwiseProgram {
  std::vector<DType> registers;  // dtype of each register; the first n_inputs are operands
  int n_inputs = 0;
  std::vector<ElementwiseInstruction> code;  // every register is written once, before it is read
  std::vector<int> outputs;                  // registers; any register, an operand too
  std::vector<ElementwiseConstant> constants;
  std::vector<ElementwiseReduction> reductions = {};  // one per output, or none at all
};

struct ElementwisePlan;  // elementwise_plan.h

// Throws std::invalid_argument that says what is wrong with the program.
void validate(const ElementwiseProgram& program);

// Immutable and re-entrant. The shape of all views is that of the pass, of reduced outputs without
// the reduced axes: an operand that broadcasts has stride 0. An output that is not reduced may be
// an input in place (same address and strides); other overlaps are not allowed.
class ElementwiseKernel {
 public:
  // `shape` is that of the pass. Reads dtype, shape and strides of the views, never `data`.
  // Validates the program. Throws std::invalid_argument for views that do not fit it, and for the
  // maximum or minimum of nothing.
  ElementwiseKernel(const ElementwiseProgram& program, const Extents& shape,
                    std::span<const ConstView> in, std::span<const View> out);

  // The shape of the pass is that of the first output without a reduction, else of the first input.
  ElementwiseKernel(const ElementwiseProgram& program, std::span<const ConstView> in,
                    std::span<const View> out);
  ~ElementwiseKernel();
  ElementwiseKernel(ElementwiseKernel&&) noexcept;
  ElementwiseKernel& operator=(ElementwiseKernel&&) noexcept;

  // Addresses of the views' elements with all indices 0, in the order of the constructor. Does not
  // throw, and allocates only a thread's first scratch memory.
  void run(const void* const* in, void* const* out) const;

 private:
  std::unique_ptr<const ElementwisePlan> plan_;
};

// Validates, binds and runs once.
void run(const ElementwiseProgram& program, std::span<const ConstView> in,
         std::span<const View> out);

// One op, once. `out` decides the dtype of a cast.
void apply(Op op, std::span<const ConstView> in, const View& out);

}  // namespace gemmule::kernels
