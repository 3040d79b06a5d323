// A pass over a single element: code over numbers instead of blocks. What a pass does for every element, it does
// for every block, and where there is only one element that is most of the time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/elementwise_loops.h"

namespace gemmule::kernels {

class ScalarCode {
 public:
  // Of a valid program in float64, with the bools of its comparisons; nothing for other dtypes and for
  // programs of more than kMostRegisters registers. Reductions of a single element are the element.
  static std::optional<ScalarCode> of(const ElementwiseProgram& program);

  // As ElementwiseKernel::run: an output may be an input in place.
  void run(const void* const* in, void* const* out) const;

  static constexpr int kMostRegisters = 64;

 private:
  struct Instruction {
    Op op;  // Op::fused: `loop` does it
    std::array<std::uint8_t, 3> in;
    std::uint8_t out;
    Loop loop;
  };
  struct Value {
    std::uint8_t reg;
    bool is_bool;
  };

  std::vector<Value> inputs_, outputs_;
  std::vector<std::pair<std::uint8_t, double>> constants_;
  std::vector<Instruction> code_;
};

}  // namespace gemmule::kernels
