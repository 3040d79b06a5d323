// The primitives Gemv: (alpha, A, x, beta, y) -> alpha * A @ x + beta * y, and Matvec: (A, x [,
// alpha]).
#include "kernels/blas.h"
#include "mlx/host_primitives.h"

namespace gemmule {

namespace {

kernels::GemvArgs gemv_args(const ConstView& a, const ConstView& x, const View& out) {
  return {.dtype = out.dtype,
          .m = a.shape[0],
          .n = a.shape[1],
          .a = {a.data, a.strides[0], a.strides[1]},
          .x = {x.data, x.strides[0]},
          .out = {out.data, out.strides[0]}};
}

}  // namespace

// -- Gemv ---------------------------------------------------------------------------------------

std::vector<Extents> Gemv::result_shapes(const std::vector<Extents>& operands) const {
  return {{operands[1][0]}};
}

void Gemv::compute(std::span<const ConstView> in, std::span<const View> out) const {
  const ConstView y = broadcast_view(in[4], out[0].shape);
  kernels::GemvArgs args = gemv_args(in[1], in[2], out[0]);
  args.alpha = in[0].data;
  args.beta = in[3].data;
  args.y = {y.data, y.strides[0]};
  kernels::gemv(args);
}

std::shared_ptr<HostPrimitive> Gemv::with(Signature signature) const {
  return std::make_shared<Gemv>(where(), std::move(signature));
}

// -- Matvec -------------------------------------------------------------------------------------

std::vector<Extents> Matvec::result_shapes(const std::vector<Extents>& operands) const {
  return {{operands[0][0]}};
}

void Matvec::compute(std::span<const ConstView> in, std::span<const View> out) const {
  kernels::GemvArgs args = gemv_args(in[0], in[1], out[0]);
  if (in.size() == 3) args.alpha = in[2].data;
  kernels::gemv(args);
}

std::shared_ptr<HostPrimitive> Matvec::with(Signature signature) const {
  return std::make_shared<Matvec>(where(), std::move(signature));
}

}  // namespace gemmule
