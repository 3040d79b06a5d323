// The primitive Dot: (x, y) -> sum(x * y).
#include "kernels/blas.h"
#include "mlx/host_primitives.h"

namespace gemmule {

std::vector<Extents> Dot::result_shapes(const std::vector<Extents>&) const { return {{}}; }

void Dot::compute(std::span<const ConstView> in, std::span<const View> out) const {
  kernels::dot({.dtype = out[0].dtype,
                .n = in[0].shape[0],
                .x = {in[0].data, in[0].strides[0]},
                .y = {in[1].data, in[1].strides[0]},
                .out = out[0].data});
}

std::shared_ptr<HostPrimitive> Dot::with(Signature signature) const {
  return std::make_shared<Dot>(where(), std::move(signature));
}

}  // namespace gemmule
