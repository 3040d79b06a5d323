#include "mlx/program.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <string>

#include "ir/error.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/blas.h"
#include "mlx/compile_impl.h"
#include "mlx/lower_helpers.h"
#include "mlx/narrow.h"
#include "mlx/transforms.h"

namespace gemmule {

namespace {

// Another array in the memory of `array`, if it is evaluated. Readers of memory that was given away
// each get their own, so that counting the holders of the memory counts the readers that are still
// to come.
mx::array same_memory(const mx::array& array) {
  if (array.status() == mx::array::Status::unscheduled) return array;  // has no memory yet
  mx::array copy(array.shape(), array.dtype(), nullptr, {});
  copy.copy_shared_buffer(array);
  copy.set_status(mx::array::Status::available);
  return copy;
}

bool is_indexing(Op op) {
  return op == Op::gather || op == Op::scatter_set || op == Op::scatter_add;
}

// MLX keeps what it traced under a number, per thread. Numbers are never used twice, so that a
// program cannot meet the trace of one that is gone.
std::uintptr_t new_compile_id() {
  static std::atomic<std::uintptr_t> next{0};
  // Odd, unlike the addresses that others use as numbers.
  return 2 * ++next + 1;
}

// Whether a result that is computed while MLX traces can be part of the trace: MLX writes numbers
// of one element into the source of kernels, where NaN and infinities may have no spelling.
bool stays_spelled(const Graph& graph, const Node& node) {
  if (node.op == Op::constant) {
    const auto value = graph.scalar_constant(node.outputs[0]);
    return !value || std::isfinite(*value);
  }
  if (!graph.type(node.outputs[0]).is_scalar()) return true;
  switch (node.op) {
    case Op::expand_dims:
    case Op::squeeze:
    case Op::reshape:
    case Op::transpose:
      return true;
    case Op::cast:
      return !is_inexact(graph.type(node.inputs[0]).dtype);
    default:
      return false;
  }
}

int computing_nodes(const Graph& graph) {
  int count = 0;
  for (const Node& node : graph.nodes) count += info(node.op).kernel.empty() ? 0 : 1;
  return count;
}

}  // namespace

MlxProgram::MlxProgram(Graph graph, mx::Device device) : graph_(std::move(graph)), device_(device) {
  const bool gpu = device_ == mx::Device::gpu;
  if (gpu) {
    configure_cuda();
    narrow_accumulators(graph_);
    // One kernel leaves nothing to fuse, and a traced call costs more than building its array.
    const bool traced = std::none_of(graph_.nodes.begin(), graph_.nodes.end(), draws);
    if (computing_nodes(graph_) > 1 && traced) compile_id_ = new_compile_id();
    if (mx::cu::is_available()) row_kernels_ = row_kernels(graph_, mx::default_stream(device_));
  }

  std::vector<bool> used(graph_.values.size(), false);
  for (const ValueId output : graph_.outputs) used[output] = true;
  steps_.resize(graph_.nodes.size());
  for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
    const Node& node = graph_.nodes[n];
    Step& step = steps_[n];
    // On a GPU the lowering of constants is part of the trace.
    if (node.op == Op::constant && !gpu) {
      constants_.emplace_back(node.outputs[0], to_array(node.attributes.tensor("value")));
      continue;
    }
    may_raise_ = may_raise_ || is_indexing(node.op) || runs_on_host_only(node.op);
    if (runs_on_host_only(node.op)) step.host = host_program(graph_, node);
    step.on_gpu = gpu && runs_on_gpu(graph_, node);
    if (!step.on_gpu && (is_elementwise(node.op) || node.op == Op::fused)) {
      step.chain = elementwise_chain({.graph = graph_,
                                      .node = node,
                                      .operands = {},
                                      .stream = mx::default_stream(mx::Device::cpu),
                                      .on_cpu = true});
    }
    step.last_use.resize(node.inputs.size());
    for (std::size_t i = node.inputs.size(); i-- > 0;) {
      // A kernel of several nodes reads its operands when the first of them would.
      step.last_use[i] = !used[node.inputs[i]] && row_kernels_.empty();
      used[node.inputs[i]] = true;
    }
  }
  make_schedule();
}

// Every kernel where the first node needs it, after what it reads.
void MlxProgram::make_schedule() {
  std::vector<int> kernel_of(graph_.nodes.size(), kNone);
  for (std::size_t k = 0; k < row_kernels_.size(); ++k) {
    for (const NodeId n : row_kernels_[k].nodes) kernel_of[n] = static_cast<int>(k);
  }
  std::vector<bool> done(graph_.nodes.size(), false);
  const std::function<void(NodeId)> add = [&](NodeId n) {
    if (n == kNone || done[n]) return;
    const int kernel = kernel_of[n];
    if (kernel == kNone) {
      done[n] = true;
      for (const ValueId input : graph_.nodes[n].inputs) add(graph_.values[input].node);
      schedule_.push_back({.node = n});
      return;
    }
    for (const NodeId member : row_kernels_[kernel].nodes) done[member] = true;
    for (const ValueId input : row_kernels_[kernel].inputs) add(graph_.values[input].node);
    schedule_.push_back({.kernel = kernel});
  };
  for (NodeId n = 0; n < static_cast<NodeId>(graph_.nodes.size()); ++n) add(n);
}

MlxProgram::~MlxProgram() {
  if (compile_id_ != 0) mx::detail::compile_erase(mx::detail::compile_cache(), compile_id_);
}

std::vector<mx::array> MlxProgram::run(std::vector<mx::array> inputs,
                                       const Options& options) const {
  if (inputs.size() != graph_.inputs.size()) {
    throw InternalError("a program of " + std::to_string(graph_.inputs.size()) +
                        " inputs was given " + std::to_string(inputs.size()));
  }
  if (compile_id_ == 0) return build(std::move(inputs), options);
  // The trace outlives this call, so it cannot report to this call's status.
  const auto traced = mx::detail::compile(
      [this](const std::vector<mx::array>& arrays) { return build(arrays, {}); }, compile_id_);
  return traced(inputs);
}

std::vector<mx::array> MlxProgram::build(std::vector<mx::array> inputs,
                                         const Options& options) const {
  const mx::Stream cpu_stream = mx::default_stream(mx::Device::cpu);
  const mx::Stream stream = device_ == mx::Device::cpu ? cpu_stream : mx::default_stream(device_);

  std::vector<std::optional<mx::array>> values(graph_.values.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) values[graph_.inputs[i]] = std::move(inputs[i]);
  inputs.clear();
  for (const auto& [value, array] : constants_) values[value] = array;
  std::vector<bool> given_away;
  if (!options.given_away.empty() && !may_raise_) {
    given_away.resize(graph_.values.size());
    for (std::size_t i = 0; i < options.given_away.size(); ++i) {
      given_away[graph_.inputs[i]] = options.given_away[i];
    }
  }

  // While MLX traces, what follows from constants alone is computed here, once.
  std::vector<bool> fixed(compile_id_ == 0 ? 0 : graph_.values.size(), false);
  const auto is_fixed = [&](const std::vector<ValueId>& inputs) {
    return !fixed.empty() &&
           std::ranges::all_of(inputs, [&](ValueId input) { return fixed[input]; });
  };

  for (const Entry& entry : schedule_) {
    if (entry.kernel != kNone) {
      const RowKernel& kernel = row_kernels_[entry.kernel];
      std::vector<mx::array> operands;
      for (const ValueId input : kernel.inputs) operands.push_back(*values[input]);
      const std::vector<mx::array> results = run_row_kernel(kernel, graph_, operands, stream);
      for (std::size_t i = 0; i < results.size(); ++i) values[kernel.outputs[i]] = results[i];
      continue;
    }
    const Node& node = graph_.nodes[entry.node];
    if (values[node.outputs[0]]) continue;  // a constant of constants_
    const Step& step = steps_[entry.node];
    const bool once = step.on_gpu && is_fixed(node.inputs) && stays_spelled(graph_, node);
    LowerContext context{.graph = graph_,
                         .node = node,
                         .operands = {},
                         .stream = step.on_gpu ? stream : cpu_stream,
                         .on_cpu = !step.on_gpu,
                         .status = options.status,
                         .given_away = {},
                         .chain = step.chain,
                         .host = step.host};
    context.operands.reserve(node.inputs.size());
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      std::optional<mx::array>& value = values[node.inputs[i]];
      const bool given = !given_away.empty() && given_away[node.inputs[i]];
      if (given) context.given_away.resize(node.inputs.size());
      if (step.last_use[i]) {
        context.operands.push_back(std::move(*value));
        value.reset();
      } else {
        context.operands.push_back(given ? same_memory(*value) : *value);
      }
      if (given) context.given_away[i] = true;
    }
    Lowered results = lower(context);
    if (once && node.op != Op::constant) mx::eval(results);
    for (std::size_t i = 0; i < results.size(); ++i) {
      values[node.outputs[i]] = std::move(results[i]);
      if (once) fixed[node.outputs[i]] = true;
    }
  }

  std::vector<mx::array> outputs;
  outputs.reserve(graph_.outputs.size());
  // A constant is the program's: whoever counts the holders of its memory must see that.
  for (const ValueId output : graph_.outputs) {
    const bool constant = graph_.producer(output, Op::constant) != nullptr;
    outputs.push_back(constant ? same_memory(*values[output]) : *values[output]);
  }
  return outputs;
}

}  // namespace gemmule
