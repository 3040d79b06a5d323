// The primitive Elementwise: a chain of elementwise ops in one pass.
#include <algorithm>
#include <cstring>

#include "mlx/host_primitives.h"
#include "mlx/product.h"

namespace gemmule {

std::vector<Extents> Elementwise::result_shapes(const std::vector<Extents>& operands) const {
  Extents shape;
  for (const Extents& operand : operands) shape = broadcast_extents(shape, operand);
  return std::vector<Extents>(program_->outputs.size(), shape);
}

void Elementwise::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}

void Elementwise::compute_batch(std::span<const ConstView> in, std::span<const View> out,
                                int rank) const {
  std::vector<ConstView> operands;
  operands.reserve(in.size());
  for (const ConstView& view : in) operands.push_back(broadcast_after(view, rank, out[0].shape));
  kernels::run(*program_, operands, out);
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
  const kernels::ElementwiseProgram& a = *program_;
  const kernels::ElementwiseProgram& b = *static_cast<const Elementwise&>(other).program_;
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
  return std::make_shared<Elementwise>(where(), std::move(signature), program_);
}

}  // namespace gemmule
