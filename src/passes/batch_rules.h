// What the rules of `batched` share: a node of the graph for one chain, its operands in the graph
// for all.
//
// A rule adds what stands for the node to the graph for all chains and returns its results there.
// Rules see nodes with at least one operand that chains have their own of; all others are copied.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

// A value of the graph for all chains. Where `batched`, its first axis is the chains.
struct BatchValue {
  ValueId value = kNone;
  bool batched = false;
};

struct BatchContext {
  Graph& graph;  // for all chains
  const Node& node;
  std::vector<BatchValue> operands;
  Dim chains;
  ValueId chain_count;  // i64[]

  // Without the axis of the chains.
  int rank(int operand) const {
    return graph.type(operands[operand].value).rank() - (operands[operand].batched ? 1 : 0);
  }
  int count() const { return static_cast<int>(operands.size()); }
  bool is_batched(int operand) const { return operands[operand].batched; }
  ValueId value(int operand) const { return operands[operand].value; }
  const Attributes& attributes() const { return node.attributes; }

  ValueId add(Op op, std::vector<ValueId> inputs, Attributes attributes = {}) const {
    return graph.add(op, std::move(inputs), std::move(attributes), node.origin);
  }
  ValueId integer(std::int64_t number) const;
  // The size of an axis, i64[]: a constant where it is known.
  ValueId size(ValueId value, int axis) const;
  ValueId product(ValueId x, ValueId y) const;
  ValueId expanded(ValueId value, Integers axes) const;
  ValueId transposed(ValueId value, Integers perm) const;
  // With the last two axes swapped.
  ValueId swapped(ValueId value) const;
  ValueId reshaped(ValueId value, std::vector<ValueId> sizes) const;

  // The operand with the chains as its first axis, whether they differ or not.
  ValueId spread(int operand) const;
  // The operand of a node whose operands broadcast, aligned at the right among others of rank
  // `rank`. What all chains share has 1 as its first size, or none where it has no dimensions.
  ValueId aligned(int operand, int rank) const;
  int largest_rank(int first, int last) const;
  // Throws UnsupportedError where one of these operands is batched: sizes are the same for all
  // chains.
  void need_shared(int first, int last) const;
};

// An axis of a value of rank `rank`, counted with the chains in front of it.
std::int64_t shifted(std::int64_t axis, int rank);
Integers shifted(const Integers& axes, int rank);

using BatchValues = std::vector<BatchValue>;

// By family: batch_movement.cpp.
BatchValues batch_elementwise(const BatchContext& context);
BatchValues batch_along_axes(const BatchContext& context);
BatchValues batch_transpose(const BatchContext& context);
BatchValues batch_expand_dims(const BatchContext& context);
BatchValues batch_reshape(const BatchContext& context);
BatchValues batch_broadcast_to(const BatchContext& context);
BatchValues batch_slice(const BatchContext& context);
BatchValues batch_slice_update(const BatchContext& context);
BatchValues batch_diagonal(const BatchContext& context);
BatchValues batch_copy(const BatchContext& context);
BatchValues batch_dim(const BatchContext& context);
BatchValues batch_stack(const BatchContext& context);
BatchValues batch_concatenate(const BatchContext& context);
BatchValues batch_size(const BatchContext& context);
BatchValues batch_choose_branch(const BatchContext& context);
// batch_indexing.cpp
BatchValues batch_gather(const BatchContext& context);
BatchValues batch_scatter(const BatchContext& context);
BatchValues batch_searchsorted(const BatchContext& context);
// batch_products.cpp
BatchValues batch_matmul(const BatchContext& context);
BatchValues batch_matvec(const BatchContext& context);
BatchValues batch_dot(const BatchContext& context);
BatchValues batch_batched_matmul(const BatchContext& context);
BatchValues batch_outer(const BatchContext& context);
BatchValues batch_product_sum(const BatchContext& context);
BatchValues batch_csr_matmul(const BatchContext& context);
// batch_linalg.cpp
BatchValues batch_leading(const BatchContext& context);
BatchValues batch_solve(const BatchContext& context);
BatchValues batch_transform(const BatchContext& context);
BatchValues batch_convolution(const BatchContext& context);
// batch_loops.cpp
BatchValues batch_scan(const BatchContext& context);
// Any op: the node itself as the body of a loop over the chains.
BatchValues batch_per_chain(const BatchContext& context);

// The graph with these inputs batched, and at least the outputs that `with_chains` says.
Graph batched_graph(const Graph& graph, const std::vector<bool>& inputs,
                    const std::vector<bool>& with_chains, std::optional<std::int64_t> chains);

// Which outputs of a graph differ between chains when these inputs do.
std::vector<bool> batched_outputs(const Graph& graph, const std::vector<bool>& inputs);
// The same of a loop, from its operands.
struct ScanBatch {
  std::vector<bool> inputs, results;  // of the body; of the node
  bool apart = false;                 // chains do not run the same steps: one loop after another
};
ScanBatch scan_batch(const Node& node, const std::vector<bool>& operands);

}  // namespace gemmule
