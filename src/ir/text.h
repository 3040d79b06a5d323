// The text form of the IR. What is printed can be parsed again:
//
//   graph(%A: f64[m,k], %B: f64[k,n]) {
//     %2: f64[] = constant {value = f64[] 0.5}
//     %3: f64[m,n] = matmul(%A, %B, %2) {trans_b = true}
//     return %3
//   }
//
// Values are `%` and a number or the name of an input; attributes stand in braces.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

struct PrintOptions {
  bool elide_large_constants = false;  // print the shape of constants over 16 elements only
  // Constants over 16 elements are appended here, each once, and are printed as "f64[1000] @3", with their index.
  std::vector<Tensor>* taken_out = nullptr;
};

std::string to_text(const Graph& graph, const PrintOptions& options = {});
std::string to_text(const Type& type, const Graph* graph = nullptr);
// One node: "%3: f64[m,n] = gemm(%2, %A, %B, %2, %C)".
std::string to_text(const Graph& graph, const Node& node, const PrintOptions& options = {});
// "%A" for a named input, "%3" otherwise.
std::string value_text(const Graph& graph, ValueId value);

// Throws UserError with line and column: "line 3, column 12: unknown op 'gemmm'".
// `taken_out`: the constants that the text has as "@0", "@1" ...
Graph parse_graph(std::string_view text, std::span<const Tensor> taken_out = {});

}  // namespace gemmule
