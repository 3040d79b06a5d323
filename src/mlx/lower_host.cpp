// Ops that have a kernel of the native executor only: its program of the one node, as a primitive.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "cpu/program.h"
#include "mlx/host_primitives.h"
#include "mlx/lower.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "plan/prepare.h"

namespace gemmule {

// Operands that are constants of the graph are part of the program; the others are its inputs.
struct HostProgram {
  CpuProgram program;
  std::vector<int> inputs;  // operand of each input of the program

  static std::shared_ptr<const HostProgram> of(const Graph& graph, const Node& node) {
    Graph alone;
    std::vector<int> inputs;
    std::vector<ValueId> operands;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (const Tensor* constant = graph.constant(node.inputs[i])) {
        operands.push_back(alone.add_constant(*constant));
      } else {
        operands.push_back(alone.add_input(graph.type(node.inputs[i])));
        inputs.push_back(static_cast<int>(i));
      }
    }
    alone.outputs = alone.add_all(node.op, operands, node.attributes, node.origin);
    return std::make_shared<const HostProgram>(prepare(std::move(alone)), std::move(inputs));
  }

  HostProgram(Graph graph, std::vector<int> operands) : program(std::move(graph)), inputs(std::move(operands)) {}

  void run(std::span<const ConstView> in, std::span<const View> out) const {
    std::vector<const void*> from;
    std::vector<void*> to;
    for (const int operand : inputs) from.push_back(in[operand].data);
    for (const View& result : out) to.push_back(result.data);
    program.run(from.data(), to.data());
  }
};

std::shared_ptr<const HostProgram> host_program(const Graph& graph, const Node& node) {
  return HostProgram::of(graph, node);
}

bool draws(const Node& node) {
  if (node.op == Op::random) return true;
  if (node.op != Op::scan) return false;
  const Graph& body = node.attributes.graph("body");
  return std::any_of(body.nodes.begin(), body.nodes.end(), draws);
}

namespace {

class OnHost : public HostPrimitive {
 public:
  OnHost(mx::Stream stream, Signature signature, std::shared_ptr<const HostProgram> program,
         std::vector<Extents> shapes)
      : HostPrimitive(stream, std::move(signature)), program_(std::move(program)), shapes_(std::move(shapes)) {}

  const char* name() const override { return "OnHost"; }

 protected:
  std::vector<Extents> result_shapes(const std::vector<Extents>&) const override { return shapes_; }
  void compute(std::span<const ConstView> in, std::span<const View> out) const override { program_->run(in, out); }
  bool same_parameters(const HostPrimitive& other) const override {
    return program_ == static_cast<const OnHost&>(other).program_;
  }
  std::shared_ptr<HostPrimitive> with(Signature signature) const override {
    return std::make_shared<OnHost>(where(), std::move(signature), program_, shapes_);
  }

 private:
  std::shared_ptr<const HostProgram> program_;
  std::vector<Extents> shapes_;
};

}  // namespace

Lowered lower_on_host(LowerContext& context) {
  const auto program = context.host != nullptr ? context.host : host_program(context.graph, context.node);
  std::vector<Extents> shapes;
  for (int i = 0; i < static_cast<int>(context.node.outputs.size()); ++i) {
    shapes.push_back(static_shape(context.result_type(i)));
  }
  for (mx::array& operand : context.operands) operand = mx::contiguous(operand, false, context.stream);
  // A draw moves its generator on, so that it happens when the call says so and once.
  const bool now = draws(context.node);
  if (now) {
    mx::eval(context.operands);
    context.status = std::make_shared<RunStatus>();
  }
  Lowered results = lower_to<OnHost>(context, program, std::move(shapes));
  if (now) {
    mx::eval(results);
    context.status->rethrow();
  }
  return results;
}

}  // namespace gemmule
