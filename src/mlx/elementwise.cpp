// The primitive Elementwise: a chain of elementwise ops in one pass.
#include <algorithm>
#include <cstring>

#include "kernels/scratch.h"
#include "mlx/host_primitives.h"
#include "mlx/product.h"

namespace gemmule {

// -- ElementwiseChain ---------------------------------------------------------------------------

void ElementwiseChain::run(std::span<const ConstView> in, std::span<const View> out,
                           int rank) const {
  std::call_once(once_, [&] {
    kernel_.emplace(bind(in, out, rank));
    rank_ = rank;
    for (const ConstView& view : in) layouts_.emplace_back(view.shape, view.strides);
    for (const View& view : out) layouts_.emplace_back(view.shape, view.strides);
  });
  const kernels::Scratch addresses(sizeof(void*) * (in.size() + out.size()));
  const void** inputs = addresses.as<const void*>();
  void** outputs = addresses.as<void*>() + in.size();
  for (std::size_t i = 0; i < in.size(); ++i) inputs[i] = in[i].data;
  for (std::size_t i = 0; i < out.size(); ++i) outputs[i] = out[i].data;
  if (is_bound_to(in, out, rank)) return kernel_->run(inputs, outputs);
  bind(in, out, rank).run(inputs, outputs);
}

kernels::ElementwiseKernel ElementwiseChain::bind(std::span<const ConstView> in,
                                                  std::span<const View> out, int rank) const {
  std::vector<ConstView> operands;
  operands.reserve(in.size());
  for (const ConstView& view : in) operands.push_back(broadcast_after(view, rank, out[0].shape));
  return kernels::ElementwiseKernel(program_, operands, out);
}

bool ElementwiseChain::is_bound_to(std::span<const ConstView> in, std::span<const View> out,
                                   int rank) const {
  const auto same = [](const auto& view, const auto& layout) {
    return view.shape == layout.first && view.strides == layout.second;
  };
  if (rank != rank_) return false;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!same(in[i], layouts_[i])) return false;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!same(out[i], layouts_[in.size() + i])) return false;
  }
  return true;
}

// -- Elementwise --------------------------------------------------------------------------------

std::vector<Extents> Elementwise::result_shapes(const std::vector<Extents>& operands) const {
  Extents shape;
  for (const Extents& operand : operands) shape = broadcast_extents(shape, operand);
  return std::vector<Extents>(chain_->program().outputs.size(), shape);
}

void Elementwise::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}

void Elementwise::compute_batch(std::span<const ConstView> in, std::span<const View> out,
                                int rank) const {
  chain_->run(in, out, rank);
}

std::vector<int> Elementwise::donors(int result) const {
  std::vector<int> operands;
  for (std::size_t i = 0; i < signature().operands.size(); ++i) {
    if (signature().operands[i] == signature().results[result])
      operands.push_back(static_cast<int>(i));
  }
  return operands;
}

bool Elementwise::same_parameters(const HostPrimitive& other) const {
  const kernels::ElementwiseProgram& a = chain_->program();
  const kernels::ElementwiseProgram& b = static_cast<const Elementwise&>(other).chain_->program();
  const auto same_instruction = [](const auto& x, const auto& y) {
    return x.op == y.op && x.in == y.in && x.out == y.out;
  };
  const auto same_constant = [](const auto& x, const auto& y) {
    return x.reg == y.reg && x.bits == y.bits;
  };
  return a.registers == b.registers && a.n_inputs == b.n_inputs && a.outputs == b.outputs &&
         std::ranges::equal(a.code, b.code, same_instruction) &&
         std::ranges::equal(a.constants, b.constants, same_constant);
}

std::shared_ptr<HostPrimitive> Elementwise::with(Signature signature) const {
  return std::make_shared<Elementwise>(where(), std::move(signature), chain_);
}

}  // namespace gemmule
