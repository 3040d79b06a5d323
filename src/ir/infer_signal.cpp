// Inference: Fourier transforms and convolutions.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "ir/infer_rules.h"

namespace gemmule {
namespace {

// The operand with its last axis replaced.
Type with_last(const InferContext& context, DType dtype, const Dim& last) {
  need_rank_at_least(context, 0, 1, "x");
  Shape shape = context.type(0).shape;
  shape.back() = last;
  return {dtype, shape};
}

void need_complex(const InferContext& context) {
  if (!is_complex(context.type(0).dtype)) {
    fail_dtype(context, describe(context, 0, "x") + ": c64 or c128 only");
  }
}

// The size of an axis of a convolution, from operands of sizes n and k. Throws where it is neither
// the size of "full" nor that of "valid". Whether it is "full" for sure.
bool check_size(const InferContext& context, const Dim& n, const Dim& k, const Dim& size) {
  for (const Dim& dim : {n, k}) {
    if (dim.is_known() && dim.size == 0) fail_shape(context, "an operand is empty");
  }
  if (!n.is_known() || !k.is_known() || !size.is_known()) return false;
  const bool full = size.size == n.size + k.size - 1;
  if (!full && size.size != std::abs(n.size - k.size) + 1) {
    fail_shape(context, "sizes " + std::to_string(n.size) + " and " + std::to_string(k.size) +
                            " do not give " + std::to_string(size.size));
  }
  return full;
}

Types infer_convolution(InferContext& context, int axes) {
  if (context.type(0).dtype != context.type(1).dtype) {
    fail_dtype(context,
               describe(context, 0, "x") + ", " + describe(context, 1, "y") + ": dtypes differ");
  }
  Shape sizes;
  for (int axis = 0; axis < axes; ++axis) sizes.push_back(size_operand(context, 2 + axis));
  need_rank_at_least(context, 0, axes, "x");
  need_rank(context, 1, context.type(0).rank(), "y");
  const Shape &x = context.type(0).shape, &y = context.type(1).shape;
  const std::size_t batch = x.size() - axes;
  Shape shape;
  for (std::size_t axis = 0; axis < batch; ++axis) {
    if (!may_agree(x[axis], y[axis])) {
      fail_shape(context, describe(context, 0, "x") + ", " + describe(context, 1, "y") +
                              ": batch dimensions differ");
    }
    shape.push_back(agreed(x[axis], y[axis]));
  }
  bool all_full = true, x_dominates = true, y_dominates = true, known = true;
  for (int axis = 0; axis < axes; ++axis) {
    const Dim &n = x[batch + axis], &k = y[batch + axis];
    all_full = check_size(context, n, k, sizes[axis]) && all_full;
    known = known && n.is_known() && k.is_known() && sizes[axis].is_known();
    x_dominates = x_dominates && n.size >= k.size;
    y_dominates = y_dominates && k.size >= n.size;
    shape.push_back(sizes[axis]);
  }
  if (known && !all_full && !x_dominates && !y_dominates) {
    fail_shape(context,
               describe(context, 0, "x") + ", " + describe(context, 1, "y") +
                   ": for a valid convolution one must be at least as large as the other in "
                   "every dimension");
  }
  return {Type{context.type(0).dtype, shape}};
}

}  // namespace

Types infer_fft(InferContext& context) {
  need_complex(context);
  return {with_last(context, context.type(0).dtype, size_operand(context, 1))};
}

Types infer_rfft(InferContext& context) {
  const auto dtype = complex_of(context.type(0).dtype);
  if (!dtype || is_complex(context.type(0).dtype)) {
    fail_dtype(context, describe(context, 0, "x") + ": f32 or f64 only");
  }
  const Dim n = size_operand(context, 1);
  const Dim half =
      n.is_known() ? Dim::known(n.size / 2 + 1) : Dim::unknown(context.graph.add_symbol());
  return {with_last(context, *dtype, half)};
}

Types infer_irfft(InferContext& context) {
  need_complex(context);
  return {with_last(context, real_part(context.type(0).dtype), size_operand(context, 1))};
}

Types infer_convolve1d(InferContext& context) { return infer_convolution(context, 1); }
Types infer_convolve2d(InferContext& context) { return infer_convolution(context, 2); }

}  // namespace gemmule
