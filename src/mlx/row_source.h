// The source of one RowKernel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mlx/row_kernels.h"

namespace gemmule {

// Where rows and columns are among the axes of what a kernel goes over.
struct RowSpace {
  std::vector<std::int64_t> shape;
  int split = 0;  // axes before are rows, others columns

  friend bool operator==(const RowSpace&, const RowSpace&) = default;
};

// How the node takes part in a kernel.
// per_row: of the rows' reductions, once for each row.
enum class RowRole { none, elementwise, update, join, reduction, per_row };

// For a node whose result (of a reduction: operand) is over the elements of `space`.
RowRole row_role(const Graph& graph, const Node& node, const RowSpace& space, mx::Stream stream);

// Fills in `inputs`, `outputs`, `is_reduced` and `source`. `is_needed` is, per value, whether
// others than the nodes of the kernel read it.
void write_row_kernel(const Graph& graph, const RowSpace& space, const std::vector<bool>& is_needed,
                      mx::Stream stream, RowKernel& kernel);

// "in" and 3: "in3".
inline std::string named(const char* name, std::int64_t number) {
  std::string text(name);
  text += std::to_string(number);
  return text;
}

// What the sources need beside MLX's header.
extern const char* const kRowHeader;

}  // namespace gemmule
