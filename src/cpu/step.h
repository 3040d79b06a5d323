// One instruction of a program, bound to shapes and strides: what is left for a call are addresses.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "kernels/view.h"
#include "plan/linear_program.h"

namespace gemmule::cpu {

// Belongs to one frame: a call at a time runs it.
class Step {
 public:
  virtual ~Step() = default;

  // The addresses of the first elements of all operands, then of all results. Allocates nothing after
  // the first call. Throws IndexError for an index out of bounds.
  virtual void run(void* const* address) = 0;
};

// What a step is made from. Views have no data.
struct StepContext {
  const Graph& graph;
  const Node& node;
  std::span<const Layout> operands, results;

  ConstView operand(int i) const;
  View result(int i = 0) const;
  // The operand stretched to `shape`, aligned right.
  ConstView stretched(int i, const Extents& shape) const;
  DType dtype() const { return results[0].dtype; }
  int count() const { return static_cast<int>(operands.size()); }

  int axis(int rank) const;  // the attribute `axis`, counted from the front
  std::vector<int> axes(std::string_view attribute, int rank) const;
  // "[gather] <what> (node "mu")"
  std::string message(const std::string& what) const;
};

// The step of an instruction of `program`. Throws UnsupportedError for what has no kernel.
std::unique_ptr<Step> make_step(const LinearProgram& program, const Instruction& instruction);

// One per row of ops.def: a row without one does not link.
std::unique_ptr<Step> make_elementwise(const StepContext& context);
#define ELEMENTWISE(name, arity, result, properties)
#define OP(name, arity, outputs, kernel, properties) std::unique_ptr<Step> make_##name(const StepContext& context);
#include "ir/ops.def"

// A step made of a callable.
template <class Function>
std::unique_ptr<Step> step_of(Function function) {
  class Called : public Step {
   public:
    explicit Called(Function f) : function_(std::move(f)) {}
    void run(void* const* address) override { function_(address); }

   private:
    Function function_;
  };
  return std::make_unique<Called>(std::move(function));
}

}  // namespace gemmule::cpu
