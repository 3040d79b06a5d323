// The primitive Gemm: (alpha, A, B, beta, C) -> alpha * A @ B + beta * C.
#include "mlx/blas.h"
#include "mlx/host_primitives.h"
#include "mlx/ops.h"
#include "mlx/product.h"

namespace gemmule {

std::vector<Extents> Gemm::result_shapes(const std::vector<Extents>& operands) const {
  Extents product = operands[1];
  product.back() = operands[2].back();
  return {broadcast_extents(product, operands[4])};
}

void Gemm::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}

void Gemm::compute_batch(std::span<const ConstView> in, std::span<const View> out, int rank) const {
  // The kernel takes leading axes by itself, but one alpha and beta for all.
  if (!same_for_batch(in[0], rank) || !same_for_batch(in[3], rank)) {
    return HostPrimitive::compute_batch(in, out, rank);
  }
  const ConstView c = broadcast_after(in[4], rank, out[0].shape);
  compute_product(
      {.alpha = in[0].data, .a = in[1], .b = in[2], .beta = in[3].data, .c = &c, .out = out[0]});
}

std::vector<mx::array> Gemm::vjp(const std::vector<mx::array>& primals,
                                 const std::vector<mx::array>& cotangents,
                                 const std::vector<int>& argnums,
                                 const std::vector<mx::array>& outputs) {
  if (signature().batch_rank > 0 || !is_float(signature().results[0])) {
    return mx::Primitive::vjp(primals, cotangents, argnums, outputs);
  }
  const mx::array &alpha = primals[0], &a = primals[1], &b = primals[2], &beta = primals[3];
  const mx::array &c = primals[4], &cotangent = cotangents[0];
  mx::Shape product_shape = a.shape();
  product_shape.back() = b.shape(-1);
  const mx::array product = sum_to(cotangent, product_shape, stream());

  std::vector<mx::array> gradients;
  for (const int argument : argnums) {
    switch (argument) {
      case 0:  // sum(g * A B)
        gradients.push_back(
            mx::sum(mx::multiply(product, matmul({.a = a, .b = b}, stream()), stream()), stream()));
        break;
      case 1:  // alpha g B^T
        gradients.push_back(
            matmul({.a = product, .b = b, .alpha = alpha, .trans_b = true}, stream()));
        break;
      case 2:  // alpha A^T g
        gradients.push_back(
            matmul({.a = a, .b = product, .alpha = alpha, .trans_a = true}, stream()));
        break;
      case 3:  // sum(g * C)
        gradients.push_back(mx::sum(mx::multiply(cotangent, c, stream()), stream()));
        break;
      default:  // beta g
        gradients.push_back(sum_to(mx::multiply(beta, cotangent, stream()), c.shape(), stream()));
    }
  }
  return gradients;
}

std::shared_ptr<HostPrimitive> Gemm::with(Signature signature) const {
  return std::make_shared<Gemm>(where(), std::move(signature));
}

}  // namespace gemmule
