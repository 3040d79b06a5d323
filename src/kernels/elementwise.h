// Fused chains of elementwise ops, run block by block in cache.
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

struct ElementwiseProgram {
  std::vector<DType> registers;  // dtype of each register; the first n_inputs are operands
  int n_inputs = 0;
  std::vector<ElementwiseInstruction> code;  // every register is written once, before it is read
  std::vector<int> outputs;                  // registers; any register, an operand too
  std::vector<ElementwiseConstant> constants;
};

// Throws std::invalid_argument that says what is wrong with the program.
void validate(const ElementwiseProgram& program);

// Immutable and re-entrant. Shapes of all views are equal: an operand that broadcasts has stride 0.
// An output may be an input in place (same address and strides); other overlaps are not allowed.
class ElementwiseKernel {
 public:
  // Reads dtype, shape and strides of the views, never `data`. Validates the program. Throws
  // std::invalid_argument for views that do not fit it.
  ElementwiseKernel(const ElementwiseProgram& program, std::span<const ConstView> in,
                    std::span<const View> out);
  ~ElementwiseKernel();
  ElementwiseKernel(ElementwiseKernel&&) noexcept;
  ElementwiseKernel& operator=(ElementwiseKernel&&) noexcept;

  // Addresses of the views' elements with all indices 0, in the order of the constructor. Does not
  // throw, and allocates only a thread's first scratch memory.
  void run(const void* const* in, void* const* out) const;

 private:
  struct Plan;
  std::unique_ptr<const Plan> plan_;
};

// Validates, binds and runs once.
void run(const ElementwiseProgram& program, std::span<const ConstView> in,
         std::span<const View> out);

// One op, once. `out` decides the dtype of a cast.
void apply(Op op, std::span<const ConstView> in, const View& out);

}  // namespace gemmule::kernels
