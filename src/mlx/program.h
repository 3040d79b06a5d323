// A graph with known sizes, ready to run on MLX.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ir/graph.h"
#include "mlx/lower.h"
#include "mlx/row_kernels.h"

namespace gemmule {

// Immutable and re-entrant: threads may run one program at once. Running it builds MLX's lazy graph
// on the calling thread's default streams and evaluates nothing. On a GPU MLX traces the lowering
// once per thread (mx::compile), which fuses elementwise chains; on the CPU it does not, because
// MLX's CPU fusion calls a compiler at run time. Nodes that the GPU cannot run go to the CPU
// stream. On CUDA, sums over rows, joins and updates of slices become kernels of their own, with
// the elementwise ops beside them (see row_kernels.h).
class MlxProgram {
 public:
  // All types of `graph` are static.
  MlxProgram(Graph graph, mx::Device device);
  ~MlxProgram();
  MlxProgram(const MlxProgram&) = delete;
  MlxProgram& operator=(const MlxProgram&) = delete;

  struct Options {
    // Errors that only run-time values show (see LowerContext).
    std::shared_ptr<RunStatus> status;
    // Per input, or empty: the array lies in memory that is not MLX's, and which may be
    // overwritten. CPU only. (Memory of MLX that nobody else holds is reused anyway.) Ignored when
    // a node may raise: a call that fails leaves its inputs as they were.
    std::vector<bool> given_away;
  };

  // One array per input of the graph. `inputs` are consumed: an array that nobody else holds may be
  // donated to an in-place kernel.
  std::vector<mx::array> run(std::vector<mx::array> inputs, const Options& options) const;
  std::vector<mx::array> run(std::vector<mx::array> inputs) const {
    return run(std::move(inputs), {});
  }

  const Graph& graph() const { return graph_; }
  mx::Device device() const { return device_; }

 private:
  struct Step {
    bool on_gpu = false;
    std::shared_ptr<const ElementwiseChain> chain;  // of elementwise and fused nodes on the CPU
    std::shared_ptr<const HostProgram> host;        // of nodes that run on the host only
    std::vector<bool> last_use;  // per operand: no later operand, node or output reads the value
  };

  // One entry of schedule_: a node, or a kernel that computes several.
  struct Entry {
    NodeId node = kNone;
    int kernel = kNone;
  };

  std::vector<mx::array> build(std::vector<mx::array> inputs, const Options& options) const;
  void make_schedule();

  Graph graph_;
  mx::Device device_;
  std::vector<Step> steps_;             // per node
  std::vector<RowKernel> row_kernels_;  // CUDA only
  std::vector<Entry> schedule_;
  std::vector<std::pair<ValueId, mx::array>> constants_;
  bool may_raise_ = false;         // an index out of bounds shows only while the program runs
  std::uintptr_t compile_id_ = 0;  // 0: not compiled
};

}  // namespace gemmule
