// The primitive Matmul: (A, B [, alpha]) -> alpha * A @ B.
#include "mlx/blas.h"
#include "mlx/host_primitives.h"
#include "mlx/ops.h"
#include "mlx/product.h"

namespace gemmule {

std::vector<Extents> Matmul::result_shapes(const std::vector<Extents>& operands) const {
  Extents product = operands[0];
  product.back() = operands[1].back();
  return {product};
}

void Matmul::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}

void Matmul::compute_batch(std::span<const ConstView> in, std::span<const View> out,
                           int rank) const {
  const bool scaled = in.size() == 3;
  if (scaled && !same_for_batch(in[2], rank)) return HostPrimitive::compute_batch(in, out, rank);
  compute_product({.alpha = scaled ? in[2].data : nullptr, .a = in[0], .b = in[1], .out = out[0]});
}

std::vector<mx::array> Matmul::vjp(const std::vector<mx::array>& primals,
                                   const std::vector<mx::array>& cotangents,
                                   const std::vector<int>& argnums,
                                   const std::vector<mx::array>& outputs) {
  if (signature().batch_rank > 0 || !is_float(signature().results[0])) {
    return mx::Primitive::vjp(primals, cotangents, argnums, outputs);
  }
  const mx::array &a = primals[0], &b = primals[1], &cotangent = cotangents[0];
  const Scale alpha = primals.size() == 3 ? Scale(primals[2]) : Scale(1.0);
  std::vector<mx::array> gradients;
  for (const int argument : argnums) {
    switch (argument) {
      case 0:  // alpha g B^T
        gradients.push_back(
            matmul({.a = cotangent, .b = b, .alpha = alpha, .trans_b = true}, stream()));
        break;
      case 1:  // alpha A^T g
        gradients.push_back(
            matmul({.a = a, .b = cotangent, .alpha = alpha, .trans_a = true}, stream()));
        break;
      default:  // sum(g * A B)
        gradients.push_back(mx::sum(
            mx::multiply(cotangent, matmul({.a = a, .b = b}, stream()), stream()), stream()));
    }
  }
  return gradients;
}

std::shared_ptr<HostPrimitive> Matmul::with(Signature signature) const {
  return std::make_shared<Matmul>(where(), std::move(signature));
}

}  // namespace gemmule
