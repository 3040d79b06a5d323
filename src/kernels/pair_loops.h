// Two arithmetic ops in one loop: what lies between them never reaches memory.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/elementwise_loops.h"

namespace gemmule::kernels {

// Where the result of the first op stands among the operands of the second.
enum class PairPlace : std::uint8_t { left, right, both };

struct Pair {
  Op first = Op::add;
  unsigned first_scalars = 0;  // bit k: operand k of the first op is one element
  Op second = Op::add;
  PairPlace place = PairPlace::left;  // both: also of an op of one operand
  bool scalar = false;                // the other operand of the second op is one element
};

struct PairLoop {
  Loop loop;  // operands: those of the first op, then the other one of the second
  bool swap;  // the first two change places
};

// Results are those of the two ops one after the other, to the last bit. Nothing where there is no
// such loop: for add, subtract, multiply and square of f32 and f64.
std::optional<PairLoop> pair_loop(const Pair& pair, DType dtype);

}  // namespace gemmule::kernels
