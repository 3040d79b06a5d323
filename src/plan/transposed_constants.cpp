// A large constant that is the transpose of another becomes a view of it, and that a flag of the
// products that read it. PyTensor folds X.T of a constant X, and with both in memory nothing shows
// any more that X@b and X.T@r read the same numbers.
#include <algorithm>

#include "passes/pass.h"
#include "plan/prepare.h"
#include "rewrite/rule.h"

namespace gemmule {
namespace {

// Whether b[j][i] == a[i][j], bit by bit; tile by tile, so that both are read in order.
template <class T>
bool is_transpose(const Tensor& a, const Tensor& b) {
  constexpr std::int64_t kTile = 32;
  const std::int64_t m = a.shape[0], n = a.shape[1];
  const auto* x = reinterpret_cast<const T*>(a.data.get());
  const auto* y = reinterpret_cast<const T*>(b.data.get());
  for (std::int64_t top = 0; top < m; top += kTile) {
    for (std::int64_t left = 0; left < n; left += kTile) {
      for (std::int64_t i = top; i < std::min(m, top + kTile); ++i) {
        for (std::int64_t j = left; j < std::min(n, left + kTile); ++j) {
          if (x[i * n + j] != y[j * m + i]) return false;
        }
      }
    }
  }
  return true;
}

}  // namespace

void transposed_constants(Graph& graph, const PrepareOptions& options) {
  std::vector<ValueId> matrices;
  for (const Node& node : graph.nodes) {
    if (node.op != Op::constant) continue;
    const Tensor& tensor = node.attributes.tensor("value");
    const bool is_real = tensor.dtype == DType::f32 || tensor.dtype == DType::f64;
    if (is_real && tensor.shape.size() == 2 && tensor.bytes() >= options.cache_bytes) {
      matrices.push_back(node.outputs[0]);
    }
  }
  bool changed = false;
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Tensor a = *graph.constant(matrices[j]), b = *graph.constant(matrices[i]);
      if (a.dtype != b.dtype || a.shape[0] != b.shape[1] || a.shape[1] != b.shape[0]) continue;
      const bool equal = a.dtype == DType::f64 ? is_transpose<std::uint64_t>(a, b)
                                               : is_transpose<std::uint32_t>(a, b);
      if (!equal) continue;
      replace_uses(graph, matrices[i],
                   graph.add(Op::transpose, {matrices[j]}, {{"perm", Integers{1, 0}}}));
      changed = true;
      break;
    }
  }
  if (!changed) return;
  graph = pruned(graph);
  PassContext context;
  absorb(graph, context);
}

}  // namespace gemmule
