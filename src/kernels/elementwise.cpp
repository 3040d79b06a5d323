#include "kernels/elementwise.h"

#include <memory>
#include <stdexcept>
#include <string>

#include "kernels/elementwise_plan.h"

namespace gemmule::kernels {
namespace {

std::unique_ptr<const ElementwisePlan> bound(const ElementwiseProgram& program,
                                             const Extents& shape, std::span<const ConstView> in,
                                             std::span<const View> out,
                                             const std::string& shape_of) {
  validate(program);
  auto plan = std::make_unique<ElementwisePlan>();
  plan->bind(program, shape, in, out, shape_of);
  if (element_count(shape) == 1) plan->scalar = ScalarCode::of(program);
  return plan;
}

}  // namespace

ElementwiseKernel::ElementwiseKernel(const ElementwiseProgram& program, const Extents& shape,
                                     std::span<const ConstView> in, std::span<const View> out)
    : plan_(bound(program, shape, in, out, "the pass")) {}

ElementwiseKernel::ElementwiseKernel(const ElementwiseProgram& program,
                                     std::span<const ConstView> in, std::span<const View> out) {
  const auto& reductions = program.reductions;
  for (std::size_t k = 0; k < out.size(); ++k) {
    if (k < reductions.size() && reductions[k].op != Op::fused) continue;
    plan_ = bound(program, out[k].shape, in, out, "output " + std::to_string(k));
    return;
  }
  plan_ = bound(program, in.empty() ? Extents{} : in[0].shape, in, out, "input 0");
}

ElementwiseKernel::~ElementwiseKernel() = default;
ElementwiseKernel::ElementwiseKernel(ElementwiseKernel&&) noexcept = default;
ElementwiseKernel& ElementwiseKernel::operator=(ElementwiseKernel&&) noexcept = default;

void run(const ElementwiseProgram& program, std::span<const ConstView> in,
         std::span<const View> out) {
  const ElementwiseKernel kernel(program, in, out);
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (const ConstView& view : in) inputs.push_back(view.data);
  for (const View& view : out) outputs.push_back(view.data);
  kernel.run(inputs.data(), outputs.data());
}

void apply(Op op, std::span<const ConstView> in, const View& out) {
  ElementwiseProgram program;
  ElementwiseInstruction instruction{op, {}, static_cast<int>(in.size())};
  if (static_cast<int>(in.size()) != info(op).arity || in.size() > 3) {
    throw std::invalid_argument("[elementwise] " + std::string(info(op).name) + " takes " +
                                std::to_string(info(op).arity) + " operands, not " +
                                std::to_string(in.size()));
  }
  for (std::size_t k = 0; k < in.size(); ++k) {
    program.registers.push_back(in[k].dtype);
    instruction.in[k] = static_cast<int>(k);
  }
  program.n_inputs = static_cast<int>(in.size());
  program.registers.push_back(out.dtype);
  program.code = {instruction};
  program.outputs = {instruction.out};
  run(program, in, {{out}});
}

}  // namespace gemmule::kernels
