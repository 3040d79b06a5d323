// What Gemm and Matmul share: products of views with any leading dims.
#pragma once

#include <span>

#include "kernels/view.h"
#include "mlx/host_primitive.h"

namespace gemmule {

// out = alpha * A @ B + beta * C for views of equal leading dims; A, B and C broadcast to `out`
// otherwise. alpha null: 1. c null: no addend.
struct ProductArgs {
  const void* alpha = nullptr;
  const ConstView& a;
  const ConstView& b;
  const void* beta = nullptr;
  const ConstView* c = nullptr;
  const View& out;
};
void compute_product(const ProductArgs& args);

// Whether `view` holds one value for all of its first `rank` axes.
bool same_for_batch(const ConstView& view, int rank);

// `view` broadcast to `shape`, where the first `rank` axes of both are batch axes and the others
// line up from the right.
ConstView broadcast_after(ConstView view, int rank, const Extents& shape);

// `x` summed over the axes along which `shape` broadcasts to it.
mx::array sum_to(const mx::array& x, const mx::Shape& shape, mx::Stream stream);

}  // namespace gemmule
