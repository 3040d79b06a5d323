// A compiled graph for one set of input shapes, and the cache of them.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "ir/graph.h"
#include "mlx/lower.h"

namespace gemmule {

// One program: a graph whose types are all static, lowered node by node. Immutable and re-entrant.
// Running it builds MLX's lazy graph on the calling thread's default stream of the device and
// evaluates nothing. On a GPU the lowering is traced once by mlx::core::detail::compile, which fuses
// elementwise chains; on the CPU it is not, because MLX's CPU fusion calls a compiler at run time.
class MlxProgram {
 public:
  explicit MlxProgram(Graph graph, mx::Device device);

  // `inputs` are consumed: an array that nobody else holds may be donated to an in-place kernel.
  std::vector<mx::array> run(std::vector<mx::array> inputs) const;
  const Graph& graph() const { return graph_; }

 private:
  Graph graph_;
  mx::Device device_;
  std::vector<std::vector<ValueId>> last_uses_;  // per node: values that no later node or output reads
};

}  // namespace gemmule
