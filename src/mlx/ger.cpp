// The primitives Ger: (alpha, x, y, A) -> A + alpha * outer(x, y), and Outer: (x, y [, alpha]).
#include "kernels/blas.h"
#include "mlx/host_primitives.h"

namespace gemmule {

namespace {

kernels::GerArgs ger_args(const ConstView& x, const ConstView& y, const View& out) {
  return {.dtype = out.dtype,
          .m = x.shape[0],
          .n = y.shape[0],
          .x = {x.data, x.strides[0]},
          .y = {y.data, y.strides[0]},
          .out = {out.data, out.strides[0], out.strides[1]}};
}

}  // namespace

// -- Ger ----------------------------------------------------------------------------------------

std::vector<Extents> Ger::result_shapes(const std::vector<Extents>& operands) const {
  return {{operands[1][0], operands[2][0]}};
}

void Ger::compute(std::span<const ConstView> in, std::span<const View> out) const {
  const ConstView a = broadcast_view(in[3], out[0].shape);
  kernels::GerArgs args = ger_args(in[1], in[2], out[0]);
  args.alpha = in[0].data;
  args.a = {a.data, a.strides[0], a.strides[1]};
  kernels::ger(args);
}

std::shared_ptr<HostPrimitive> Ger::with(Signature signature) const {
  return std::make_shared<Ger>(where(), std::move(signature));
}

// -- Outer --------------------------------------------------------------------------------------

std::vector<Extents> Outer::result_shapes(const std::vector<Extents>& operands) const {
  return {{operands[0][0], operands[1][0]}};
}

void Outer::compute(std::span<const ConstView> in, std::span<const View> out) const {
  kernels::GerArgs args = ger_args(in[0], in[1], out[0]);
  if (in.size() == 3) args.alpha = in[2].data;
  kernels::ger(args);
}

std::shared_ptr<HostPrimitive> Outer::with(Signature signature) const {
  return std::make_shared<Outer>(where(), std::move(signature));
}

}  // namespace gemmule
