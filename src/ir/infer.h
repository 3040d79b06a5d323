// The types of an op's results from those of its operands, and every error about operands.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

// What inference may ask. Sizes that follow from nothing become new symbols of the graph.
struct InferContext {
  Graph& graph;  // for symbols and for the constants behind shape operands
  Op op;
  const std::vector<ValueId>& inputs;
  const Attributes& attributes;
  const std::string& origin;

  const Type& type(int operand) const { return graph.type(inputs[operand]); }
  int count() const { return static_cast<int>(inputs.size()); }
};

// Throws ShapeError, DTypeError or UserError: "[gemm] A is f64[3,4], B is f64[5,6]: inner dimensions
// 4 and 5 differ (node "mu")".
std::vector<Type> infer(InferContext& context);

// Resolves a Python slice against a size: the first index, the number of elements, the step.
// A missing start or stop is INT64_MAX or INT64_MIN, which clamp. Throws UserError for step 0.
struct ResolvedSlice {
  std::int64_t start, count, step;
};
ResolvedSlice resolve_slice(std::int64_t start, std::int64_t stop, std::int64_t step, std::int64_t size);

}  // namespace gemmule
