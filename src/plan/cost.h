// What a kernel costs: floating-point operations and bytes of memory, as formulas of the sizes.
//
// How it is counted:
//   flops  2*m*k*n for a product (scales and addend are not counted, as is usual for BLAS), the
//   leading
//          term of the textbook's count for a factorisation, 1 per element and operation for
//          elementwise ops, whatever the operation, and for reductions.
//   bytes  every operand and every result once. Operands of one element, repeated reads and addends
//          that a constant beta of 0 leaves unread do not count; of a broadcast operand counts what
//          is stored.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

// A sum of products of sizes with coefficients: 2*m*k*n + 3*m.
class SizeFormula {
 public:
  SizeFormula() = default;
  explicit SizeFormula(double number);
  // The product of the sizes of `shape`.
  SizeFormula(const Shape& shape, const Graph& graph);

  SizeFormula& operator+=(const SizeFormula& other);
  friend SizeFormula operator+(SizeFormula a, const SizeFormula& b) { return a += b; }
  friend SizeFormula operator*(const SizeFormula& a, const SizeFormula& b);
  friend SizeFormula operator*(double number, const SizeFormula& formula);

  // The number, when no size is a symbol.
  std::optional<double> value() const;
  std::string text() const;  // "2*m*k*n + 4"

 private:
  using Symbols = std::vector<std::string>;  // in the order in which they were multiplied
  std::map<Symbols, double> terms_;
};

struct Cost {
  SizeFormula flops;
  SizeFormula bytes;
};

// Nothing for nodes that are no kernels: views, shapes, constants.
std::optional<Cost> cost(const Graph& graph, const Node& node);

// Flops and words of memory of all nodes whose sizes are known.
double work_of(const Graph& graph);

}  // namespace gemmule
