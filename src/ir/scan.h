// What the operands and results of a `scan` node are.
//
//   scan(n, sequences ..., states ..., constants ...)
//
// runs the graph `body` for t = 0, 1, ..., n - 1. n is an i64[]. The attributes are
//   body       inputs: one per sequence, one per position that a state reads, one per constant;
//              outputs: one per position that a state writes, then the condition of `until`
//   sequences  how many operands are sequences: step t reads element t along their first axis
//   states     one clause per state, separated by ";": the kind, positions read "->" positions written
//   until      the last output of the body is a bool[]: the loop stops after the step where it holds
//
// A state is a buffer along whose first axis, of length L, the steps move: in step t position k is element
// (t + k) mod L. The kinds:
//   trace      "trace 0 1 -> 2": the operand is the buffer with its first elements set. Only the last elements
//              are kept when L is less than what is written; elements behind the last one written become 0.
//   update     "update 0 1 -> 1": as trace, but the rest of the buffer stays as the operand has it
//   output     "output -> 0": the operand is the length, an i64[]; nothing is read
// Results: the buffer of each state, in the order in which it was written; then, with `until`, how many steps
// were run, an i64[].
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

struct ScanState {
  enum class Kind : std::uint8_t { trace, update, output };

  Kind kind = Kind::trace;
  Integers reads, writes;  // positions, none negative

  // The least number of elements that a buffer needs before the first step; where the first result of a trace
  // or output is written.
  std::int64_t start() const { return kind == Kind::update ? 0 : writes[0]; }
  friend bool operator==(const ScanState&, const ScanState&) = default;
};

struct ScanLoop {
  int sequences = 0;
  std::vector<ScanState> states;
  bool until = false;

  int first_state() const { return 1 + sequences; }
  int first_constant() const { return first_state() + static_cast<int>(states.size()); }
  int reads() const;
  int writes() const;
  // The body's inputs: where the constants start.
  int first_constant_input() const { return sequences + reads(); }
};

// Throws UserError where the attributes say something else than the above.
ScanLoop scan_loop(const Attributes& attributes);

std::string states_attribute(const std::vector<ScanState>& states);

// Per input of the body the operand of the node that it comes from.
std::vector<int> scan_operands(const ScanLoop& loop, const Graph& body);

}  // namespace gemmule
