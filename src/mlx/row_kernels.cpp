#include "mlx/row_kernels.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "ir/error.h"
#include "mlx/fast.h"
#include "mlx/ops.h"
#include "mlx/row_source.h"

namespace gemmule {
namespace {

constexpr std::int64_t kWarp = 32;
// So many blocks run at once even where most of their threads have nothing to do.
constexpr std::int64_t kManyRows = 1024;
constexpr std::int64_t kMaxThreads = 1024;  // of a block
// Rows are shared by blocks where there are fewer of them than a large GPU has processors.
constexpr std::int64_t kFewRows = 132, kBlocks = 264, kColumnsOfBlock = 16384;
// Arguments of a kernel take 4 KB at most, an array with its strides 88 bytes.
constexpr std::size_t kMaxArrays = 32;

std::int64_t product(std::vector<std::int64_t>::const_iterator first,
                     std::vector<std::int64_t>::const_iterator last) {
  return std::accumulate(first, last, std::int64_t{1}, std::multiplies<>());
}

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t rows_of(const RowSpace& space) {
  return product(space.shape.begin(), space.shape.begin() + space.split);
}

std::int64_t columns_of(const RowSpace& space) {
  return product(space.shape.begin() + space.split, space.shape.end());
}

bool is_reduction(const Node& node) {
  return node.op == Op::reduce_sum || node.op == Op::reduce_all || node.op == Op::reduce_any;
}

bool is_update(const Node& node) { return node.op == Op::slice_set || node.op == Op::slice_add; }

// Nodes that a kernel is worth while for.
bool is_seed(const Node& node) {
  return is_reduction(node) || is_update(node) || node.op == Op::concatenate;
}

// Whether an element of operand i is read by another thread than the one that would compute it.
bool reads_elsewhere(const Node& node, std::size_t i) {
  return node.op == Op::concatenate || (is_update(node) && i == 1);
}

// The spaces that kernels may go over: those of sums first, as sums say where rows end.
std::vector<RowSpace> spaces_of(const Graph& graph) {
  std::vector<RowSpace> spaces;
  const auto add = [&](const std::vector<std::int64_t>& shape, int split) {
    if (shape.empty() || std::ranges::count(shape, 0) > 0) return;
    const RowSpace found{shape, split};
    if (columns_of(found) < kWarp && rows_of(found) > kManyRows) return;
    const auto same = [&](const RowSpace& space) { return space.shape == shape; };
    if (std::ranges::none_of(spaces, same)) spaces.push_back(found);
  };
  for (const Node& node : graph.nodes) {
    if (!is_reduction(node)) continue;
    const auto shape = static_shape(graph.type(node.inputs[0]));
    add(shape, static_cast<int>(shape.size() - node.attributes.integers("axes").size()));
  }
  for (const Node& node : graph.nodes) {
    if (!is_update(node) && node.op != Op::concatenate) continue;
    const auto shape = static_shape(graph.type(node.outputs[0]));
    add(shape, static_cast<int>(shape.size()) - 1);
  }
  return spaces;
}

// Assigns nodes to kernels, space by space, so that no two kernels wait for each other.
class Grouping {
 public:
  explicit Grouping(const Graph& graph) : graph_(graph), group_(graph.nodes.size(), kNone) {}

  // Nodes of one space that could be one kernel but for what lies between them are of different
  // levels: a path out of the kernel and back into it leads one level up.
  std::vector<std::vector<NodeId>> add(const std::vector<RowRole>& roles) {
    const std::vector<int> levels = levels_of(roles);
    std::map<int, std::vector<NodeId>> by_level;
    for (NodeId n = 0; n < static_cast<NodeId>(roles.size()); ++n) {
      if (roles[n] != RowRole::none) by_level[levels[n]].push_back(n);
    }
    std::vector<std::vector<NodeId>> groups;
    for (auto& [level, nodes] : by_level) groups.push_back(with_own_rows(nodes, roles));
    return groups;
  }

  void keep(const std::vector<NodeId>& nodes) {
    for (const NodeId n : nodes) group_[n] = next_;
    ++next_;
  }

  bool is_free(NodeId n) const { return group_[n] == kNone; }

 private:
  // Without the nodes per row that read nothing of the kernel's.
  std::vector<NodeId> with_own_rows(const std::vector<NodeId>& nodes,
                                    const std::vector<RowRole>& roles) const {
    std::vector<NodeId> kept;
    for (const NodeId n : nodes) {
      const auto reads_row = [&](ValueId input) {
        const NodeId producer = graph_.values[input].node;
        return is_of_rows(roles, producer) && std::ranges::binary_search(kept, producer);
      };
      if (roles[n] != RowRole::per_row || std::ranges::any_of(graph_.nodes[n].inputs, reads_row)) {
        kept.push_back(n);
      }
    }
    return kept;
  }

  static bool is_of_rows(const std::vector<RowRole>& roles, NodeId n) {
    return n != kNone && (roles[n] == RowRole::reduction || roles[n] == RowRole::per_row);
  }

  std::vector<int> levels_of(const std::vector<RowRole>& roles) const {
    std::vector<int> levels(graph_.nodes.size(), 0), of_group(next_, 0);
    // A kernel starts when all that it reads is there, so its nodes are at the level of the
    // highest.
    for (bool changes = true; changes;) {
      changes = false;
      for (NodeId n = 0; n < static_cast<NodeId>(graph_.nodes.size()); ++n) {
        int level = group_[n] == kNone ? levels[n] : of_group[group_[n]];
        for (std::size_t i = 0; i < graph_.nodes[n].inputs.size(); ++i) {
          const NodeId producer = graph_.values[graph_.nodes[n].inputs[i]].node;
          if (producer == kNone) continue;
          // Elements are read where they are computed, and rows when they are complete.
          const bool passes = roles[n] == RowRole::per_row
                                  ? is_of_rows(roles, producer)
                                  : roles[n] != RowRole::none && !is_of_rows(roles, producer) &&
                                        !reads_elsewhere(graph_.nodes[n], i);
          const bool waits = roles[producer] != RowRole::none && !passes;
          level = std::max(level, levels[producer] + (waits ? 1 : 0));
        }
        changes = changes || level != levels[n];
        levels[n] = level;
        if (group_[n] != kNone) of_group[group_[n]] = level;
      }
    }
    return levels;
  }

  const Graph& graph_;
  std::vector<int> group_;
  int next_ = 0;
};

// Per value, whether a node outside of `nodes` or the graph's outputs need it.
std::vector<bool> needed_outside(const Graph& graph, const std::vector<NodeId>& nodes) {
  std::vector<bool> needed(graph.values.size(), false);
  for (const ValueId output : graph.outputs) needed[output] = true;
  for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n) {
    if (std::ranges::binary_search(nodes, n)) continue;
    for (const ValueId input : graph.nodes[n].inputs) needed[input] = true;
  }
  return needed;
}

std::int64_t parts_of(const RowSpace& space) {
  const std::int64_t rows = rows_of(space);
  if (rows >= kFewRows) return 1;
  return std::min(divide_up(kBlocks, rows), divide_up(columns_of(space), kColumnsOfBlock));
}

void set_sizes(const RowSpace& space, RowKernel& kernel) {
  kernel.rows = rows_of(space);
  kernel.columns = columns_of(space);
  kernel.parts = parts_of(space);
  const std::int64_t of_block = divide_up(kernel.columns, 4 * kernel.parts);
  kernel.threads = static_cast<int>(
      std::clamp<std::int64_t>(kWarp * divide_up(of_block, kWarp), kWarp, kMaxThreads));
}

// MLX counts threads in 32 bits.
bool fits(const RowKernel& kernel) {
  return kernel.inputs.size() + kernel.outputs.size() <= kMaxArrays && !kernel.inputs.empty() &&
         !kernel.outputs.empty() && kernel.rows * kernel.parts <= INT32_MAX / kernel.threads;
}

}  // namespace

std::vector<RowKernel> row_kernels(const Graph& graph, mx::Stream stream) {
  std::vector<RowKernel> kernels;
  Grouping grouping(graph);
  for (const RowSpace& space : spaces_of(graph)) {
    std::vector<RowRole> roles(graph.nodes.size(), RowRole::none);
    for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n) {
      const Node& node = graph.nodes[n];
      if (!grouping.is_free(n)) continue;
      roles[n] = row_role(graph, node, space, stream);
      // Rows that blocks share are complete after the kernel only.
      if (roles[n] == RowRole::per_row && parts_of(space) > 1) roles[n] = RowRole::none;
    }
    for (const std::vector<NodeId>& nodes : grouping.add(roles)) {
      const auto seeds = [&](NodeId n) { return is_seed(graph.nodes[n]); };
      if (std::ranges::none_of(nodes, seeds)) continue;
      RowKernel kernel;
      kernel.nodes = nodes;
      set_sizes(space, kernel);
      write_row_kernel(graph, space, needed_outside(graph, nodes), stream, kernel);
      if (!fits(kernel)) continue;
      grouping.keep(nodes);
      kernels.push_back(std::move(kernel));
    }
  }
  return kernels;
}

std::vector<mx::array> run_row_kernel(const RowKernel& kernel, const Graph& graph,
                                      const std::vector<mx::array>& inputs, mx::Stream stream) {
  std::vector<std::string> input_names, output_names;
  for (std::size_t i = 0; i < inputs.size(); ++i) input_names.push_back(named("in", i));
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  for (std::size_t i = 0; i < kernel.outputs.size(); ++i) {
    const Type& type = graph.type(kernel.outputs[i]);
    output_names.push_back(named("out", i));
    shapes.push_back(to_mlx_shape(type));
    dtypes.push_back(to_mlx(type.dtype));
    if (kernel.is_reduced[i] && kernel.parts > 1) {
      shapes.back().push_back(static_cast<mx::ShapeElem>(kernel.parts));
    }
  }
  const auto function =
      mx::fast::cuda_kernel("gemmule_rows", input_names, output_names, kernel.source, kRowHeader,
                            /*ensure_row_contiguous=*/false);
  const int blocks = static_cast<int>(kernel.rows * kernel.parts);
  std::vector<mx::array> results =
      function(inputs, shapes, dtypes, {blocks * kernel.threads, 1, 1}, {kernel.threads, 1, 1}, {},
               std::nullopt, false, stream);
  if (kernel.parts == 1) return results;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!kernel.is_reduced[i]) continue;
    const Op op = graph.producer(kernel.outputs[i])->op;
    results[i] = op == Op::reduce_sum   ? mx::sum(results[i], -1, false, stream)
                 : op == Op::reduce_all ? mx::all(results[i], -1, false, stream)
                                        : mx::any(results[i], -1, false, stream);
  }
  return results;
}

}  // namespace gemmule
