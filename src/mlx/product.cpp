#include "mlx/product.h"

#include "kernels/blas.h"
#include "mlx/ops.h"

namespace gemmule {

namespace {

kernels::MatrixRef matrix(const ConstView& view) {
  const std::size_t rank = view.strides.size();
  return {view.data, view.strides[rank - 2], view.strides[rank - 1]};
}

std::span<const std::int64_t> batch_strides(const ConstView& view) {
  return std::span(view.strides).first(view.strides.size() - 2);
}

}  // namespace

void compute_product(const ProductArgs& args) {
  const View& out = args.out;
  const std::size_t rank = out.shape.size();
  const std::int64_t k = args.a.shape.back();

  Extents a_shape = out.shape, b_shape = out.shape;
  a_shape[rank - 1] = k;
  b_shape[rank - 2] = k;
  const ConstView a = broadcast_view(args.a, a_shape);
  const ConstView b = broadcast_view(args.b, b_shape);

  kernels::BatchedGemmArgs gemm;
  gemm.matrix = {.dtype = out.dtype,
                 .m = out.shape[rank - 2],
                 .n = out.shape[rank - 1],
                 .k = k,
                 .alpha = args.alpha,
                 .a = matrix(a),
                 .b = matrix(b),
                 .beta = args.beta,
                 .c = {},
                 .out = {out.data, out.strides[rank - 2], out.strides[rank - 1]}};
  ConstView c;
  if (args.c != nullptr) {
    c = broadcast_view(*args.c, out.shape);
    gemm.matrix.c = matrix(c);
    gemm.c_batch_strides = batch_strides(c);
  }
  if (rank == 2) return kernels::gemm(gemm.matrix);
  gemm.batch_shape = std::span(out.shape).first(rank - 2);
  gemm.a_batch_strides = batch_strides(a);
  gemm.b_batch_strides = batch_strides(b);
  gemm.out_batch_strides = std::span(out.strides).first(rank - 2);
  kernels::batched_gemm(gemm);
}

bool same_for_batch(const ConstView& view, int rank) {
  for (int axis = 0; axis < rank; ++axis) {
    if (view.strides[axis] != 0 && view.shape[axis] > 1) return false;
  }
  return true;
}

ConstView broadcast_after(ConstView view, int rank, const Extents& shape) {
  const std::size_t missing = shape.size() - view.shape.size();
  view.shape.insert(view.shape.begin() + rank, missing, 1);
  view.strides.insert(view.strides.begin() + rank, missing, 0);
  return broadcast_view(std::move(view), shape);
}

mx::array sum_to(const mx::array& x, const mx::Shape& shape, mx::Stream stream) {
  if (x.shape() == shape) return x;
  const int added = static_cast<int>(x.ndim() - shape.size());
  std::vector<int> axes;
  for (int axis = 0; axis < static_cast<int>(x.ndim()); ++axis) {
    if (axis < added || shape[axis - added] != x.shape(axis)) axes.push_back(axis);
  }
  return mx::reshape(mx::sum(x, axes, /*keepdims=*/true, stream), shape, stream);
}

}  // namespace gemmule
