// A function of a program for given shapes: what is left for a call are addresses.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "cpu/program.h"
#include "program/package.h"

namespace gemmule {

// Where the elements of an argument lie. Strides count elements; empty: row-major.
struct ArgumentLayout {
  DType dtype = DType::f64;
  Extents shape;
  Extents strides;
};

// Immutable; threads may call at once. A call allocates nothing once as many have been under way
// before.
class BoundFunction {
 public:
  // Of all inputs of the graph: their types, and the values of those that are known. `arguments`
  // are the indices of the inputs that a call gives, `strides` theirs. `function` outlives this.
  struct Inputs {
    std::vector<Type> types;
    std::vector<std::optional<Tensor>> values;
    std::vector<int> arguments;
    std::vector<Extents> strides;
  };
  BoundFunction(const PackedFunction& function, Inputs inputs);

  // Outputs are row-major and overlap nothing. Throws CheckError with the message of the first
  // check that does not hold, LinAlgError, IndexError and other UserErrors of steps; outputs have
  // any values then.
  void run(const void* const* inputs, void* const* outputs) const;

  std::span<const Layout> outputs() const { return outputs_; }
  std::size_t bytes() const { return program_->plan().workspace_bytes; }

 private:
  std::unique_ptr<const CpuProgram> program_of(const Graph& graph) const;
  [[noreturn]] void raise_failed_check(const void* const* inputs) const;

  const PackedFunction& function_;
  Inputs inputs_;
  std::unique_ptr<const CpuProgram> program_;
  std::vector<Layout> outputs_;  // but that of the checks
  mutable std::once_flag conditions_made_;
  mutable std::unique_ptr<const CpuProgram> conditions_;
};

}  // namespace gemmule
