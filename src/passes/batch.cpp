#include "passes/batch.h"

#include <algorithm>
#include <limits>

#include "ir/error.h"
#include "passes/batch_rules.h"

namespace gemmule {
namespace {

using Rule = BatchValues (*)(const BatchContext&);

// What is not listed runs chain by chain.
Rule rule_of(Op op) {
  if (is_elementwise(op)) return batch_elementwise;
  switch (op) {
    case Op::scalar_loop:
    case Op::hyp2f1:
      return batch_elementwise;

    case Op::dim:
      return batch_dim;
    case Op::transpose:
      return batch_transpose;
    case Op::expand_dims:
      return batch_expand_dims;
    case Op::reshape:
      return batch_reshape;
    case Op::broadcast_to:
      return batch_broadcast_to;
    case Op::slice:
      return batch_slice;
    case Op::slice_set:
    case Op::slice_add:
      return batch_slice_update;
    case Op::diagonal:
      return batch_diagonal;
    case Op::copy:
      return batch_copy;
    case Op::stack:
      return batch_stack;
    case Op::concatenate:
      return batch_concatenate;
    case Op::choose_branch:
      return batch_choose_branch;

    case Op::gather:
      return batch_gather;
    case Op::scatter_set:
    case Op::scatter_add:
      return batch_scatter;
    case Op::searchsorted:
      return batch_searchsorted;

    case Op::squeeze:
    case Op::sort:
    case Op::argsort:
    case Op::cumsum:
    case Op::cumprod:
    case Op::reduce_sum:
    case Op::reduce_prod:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::reduce_any:
    case Op::reduce_all:
    case Op::argmax:
    case Op::argmin:
      return batch_along_axes;

    case Op::matmul:
      return batch_matmul;
    case Op::matvec:
      return batch_matvec;
    case Op::dot:
      return batch_dot;
    case Op::batched_matmul:
      return batch_batched_matmul;
    case Op::outer:
      return batch_outer;
    case Op::gemm:
    case Op::gemv:
    case Op::ger:
    case Op::batched_gemm:
      return batch_product_sum;
    case Op::csr_matmul:
      return batch_csr_matmul;

    case Op::solve_triangular:
    case Op::solve:
    case Op::solve_structured:
      return batch_solve;
    case Op::cholesky:
    case Op::inv:
    case Op::slogdet:
    case Op::eigh:
    case Op::lu:
    case Op::lu_factor:
    case Op::pivots_to_permutation:
    case Op::lu_factor_tridiagonal:
    case Op::solve_tridiagonal:
    case Op::qr:
    case Op::svd:
    case Op::eig:
    case Op::eigh_generalized:
    case Op::schur:
    case Op::qz:
    case Op::expm:
    case Op::pinv:
    case Op::sylvester:
      return batch_leading;
    case Op::fft:
    case Op::rfft:
    case Op::irfft:
      return batch_transform;
    case Op::convolve1d:
    case Op::convolve2d:
      return batch_convolution;

    case Op::arange:
    case Op::eye:
      return batch_size;
    case Op::scan:
      return batch_scan;
    default:
      return batch_per_chain;
  }
}

void refuse_draws(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (node.op == Op::random) {
      throw UnsupportedError(
          "[batched] random draws cannot be batched: chains would share a generator" +
          (node.origin.empty() ? "" : " (node \"" + node.origin + "\")"));
    }
    if (node.op == Op::scan) refuse_draws(node.attributes.graph("body"));
  }
}

class Batcher {
 public:
  Batcher(const Graph& from, const std::vector<bool>& inputs, std::optional<std::int64_t> chains)
      : from_(from), moved_(from.values.size()) {
    to_.symbols = from.symbols;
    chains_ = chains ? Dim::known(*chains) : Dim::unknown(to_.add_symbol("chains"));
    for (std::size_t i = 0; i < from.inputs.size(); ++i) {
      const ValueId old = from.inputs[i];
      Type type = from.type(old);
      if (inputs[i]) type.shape.insert(type.shape.begin(), chains_);
      moved_[old] = {to_.add_input(std::move(type), from.values[old].name), inputs[i]};
      if (inputs[i] && first_batched_ == kNone) first_batched_ = moved_[old].value;
    }
  }

  Graph run(const std::vector<bool>& with_chains) {
    for (const Node& node : from_.nodes) add(node);
    for (std::size_t i = 0; i < from_.outputs.size(); ++i) {
      BatchValue output = moved_[from_.outputs[i]];
      if (with_chains[i] && !output.batched) {
        const Node nothing;
        output = {BatchContext{to_, nothing, {output}, chains_, chain_count()}.spread(0), true};
        output.value = to_.add(Op::copy, {output.value});
      }
      to_.outputs.push_back(output.value);
    }
    return pruned(to_);
  }

 private:
  void add(const Node& node) {
    BatchValues operands;
    for (const ValueId operand : node.inputs) operands.push_back(moved_[operand]);
    const bool differs = std::any_of(operands.begin(), operands.end(),
                                     [](const BatchValue& v) { return v.batched; });
    BatchValues results;
    if (differs) {
      results = rule_of(node.op)(BatchContext{to_, node, operands, chains_, chain_count()});
    } else {
      std::vector<ValueId> inputs;
      for (const BatchValue& operand : operands) inputs.push_back(operand.value);
      for (const ValueId value : to_.add_all(node.op, inputs, node.attributes, node.origin))
        results.push_back({value, false});
    }
    if (results.size() != node.outputs.size())
      throw InternalError("[batched] a rule gives another number of results");
    for (std::size_t i = 0; i < results.size(); ++i) moved_[node.outputs[i]] = results[i];
  }

  ValueId chain_count() {
    if (chain_count_ == kNone) {
      if (chains_.is_known()) {
        chain_count_ = to_.add_constant(Tensor::from_bytes(DType::i64, {}, &chains_.size));
      } else if (first_batched_ == kNone) {
        throw UserError("[batched] no input is batched, and the number of chains is not given");
      } else {
        chain_count_ = to_.add(Op::dim, {first_batched_}, {{"axis", std::int64_t{0}}});
      }
    }
    return chain_count_;
  }

  const Graph& from_;
  Graph to_;
  std::vector<BatchValue> moved_;
  Dim chains_;
  ValueId first_batched_ = kNone, chain_count_ = kNone;
};

}  // namespace

Graph batched_graph(const Graph& graph, const std::vector<bool>& inputs,
                    const std::vector<bool>& with_chains, std::optional<std::int64_t> chains) {
  return Batcher(graph, inputs, chains).run(with_chains);
}

std::vector<bool> batched_outputs(const Graph& graph, const std::vector<bool>& inputs) {
  std::vector<bool> batched(graph.values.size(), false);
  for (std::size_t i = 0; i < inputs.size(); ++i) batched[graph.inputs[i]] = inputs[i];
  for (const Node& node : graph.nodes) {
    std::vector<bool> operands;
    for (const ValueId operand : node.inputs) operands.push_back(batched[operand]);
    const bool differs = std::find(operands.begin(), operands.end(), true) != operands.end();
    std::vector<bool> results(node.outputs.size(), differs && node.op != Op::dim);
    if (node.op == Op::scan && differs) results = scan_batch(node, operands).results;
    for (std::size_t i = 0; i < results.size(); ++i) batched[node.outputs[i]] = results[i];
  }
  std::vector<bool> outputs;
  for (const ValueId output : graph.outputs) outputs.push_back(batched[output]);
  return outputs;
}

Graph batched(const Graph& graph, const BatchOptions& options) {
  std::vector<bool> inputs(graph.inputs.size(), false);
  for (const int input : options.inputs) {
    if (input < 0 || input >= static_cast<int>(inputs.size())) {
      throw UserError("[batched] input " + std::to_string(input) + ": the graph has " +
                      std::to_string(inputs.size()));
    }
    inputs[input] = true;
  }
  refuse_draws(graph);
  if (options.chains && *options.chains < 0) {
    throw UserError("[batched] " + std::to_string(*options.chains) +
                    " chains: the number cannot be negative");
  }
  return batched_graph(graph, inputs, std::vector<bool>(graph.outputs.size(), true),
                       options.chains);
}

void reject_failed(Graph& graph) {
  const ValueId holds = graph.outputs.back();
  const int chains = graph.type(holds).rank();
  for (std::size_t i = 0; i + 1 < graph.outputs.size(); ++i) {
    const Type& type = graph.type(graph.outputs[i]);
    if (!is_inexact(type.dtype)) continue;
    const bool is_density = type.rank() == chains && is_float(type.dtype);
    const double otherwise = is_density ? -std::numeric_limits<double>::infinity() : 0.0;
    Integers axes;
    for (int axis = chains; axis < type.rank(); ++axis) axes.push_back(axis);
    const bool expands = chains > 0 && !axes.empty();  // operands of no dimensions fit any others
    const ValueId number = graph.add_scalar(type.dtype, otherwise);
    const ValueId condition =
        expands ? graph.add(Op::expand_dims, {holds}, {{"axes", axes}}) : holds;
    graph.outputs[i] = graph.add(Op::where, {condition, graph.outputs[i], number});
  }
}

}  // namespace gemmule
