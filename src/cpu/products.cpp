// Products over BLAS.
#include <cstdlib>
#include <vector>

#include "cpu/step.h"
#include "ir/error.h"
#include "kernels/blas.h"
#include "kernels/elementwise.h"
#include "kernels/small_gemm.h"

namespace gemmule::cpu {
namespace {

// Which operand is what; kNone where the op has none.
struct Roles {
  int alpha = kNone, a = kNone, b = kNone, beta = kNone, c = kNone;
};

const void* at(void* const* address, int operand) { return operand == kNone ? nullptr : address[operand]; }

// An optional operand behind the first `required`.
int optional_operand(const StepContext& context, int required) {
  return context.count() > required ? required : kNone;
}

// Strides of an operand with the shape that the product needs, its last two axes swapped when
// `transposed`. One row or column stretches to that of C.
Extents matrix_strides(const StepContext& context, int operand, bool transposed, const Extents& shape) {
  ConstView view = context.operand(operand);
  const std::size_t rank = view.shape.size();
  if (transposed) {
    std::swap(view.shape[rank - 2], view.shape[rank - 1]);
    std::swap(view.strides[rank - 2], view.strides[rank - 1]);
  }
  Extents strides(shape.size(), 0);
  const std::size_t shift = shape.size() - rank;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (view.shape[axis] == shape[axis + shift]) strides[axis + shift] = view.strides[axis];
  }
  return strides;
}

// alpha * A @ B + beta * C, with leading batch dimensions or without.
class MatrixProduct : public Step {
 public:
  MatrixProduct(const StepContext& context, const Roles& roles) : roles_(roles), operands_(context.count()) {
    const Attributes& attributes = context.node.attributes;
    const bool trans_a = attributes.flag("trans_a"), trans_b = attributes.flag("trans_b");
    const View out = context.result();
    const std::size_t rank = out.shape.size();
    const Extents& a = context.operands[roles.a].shape;
    const std::int64_t k = a[a.size() - (trans_a ? 2 : 1)];
    Extents a_shape = out.shape, b_shape = out.shape;
    a_shape[rank - 1] = k;
    b_shape[rank - 2] = k;
    a_strides_ = matrix_strides(context, roles.a, trans_a, a_shape);
    b_strides_ = matrix_strides(context, roles.b, trans_b, b_shape);
    if (roles.c != kNone) c_strides_ = context.stretched(roles.c, out.shape).strides;
    out_strides_ = out.strides;
    batch_shape_.assign(out.shape.begin(), out.shape.end() - 2);
    const auto last = [&](const Extents& strides) {
      return kernels::MatrixRef{nullptr, strides[rank - 2], strides[rank - 1]};
    };
    args_.dtype = out.dtype;
    args_.m = out.shape[rank - 2];
    args_.n = out.shape[rank - 1];
    args_.k = k;
    args_.a = last(a_strides_);
    args_.b = last(b_strides_);
    if (roles.c != kNone) args_.c = last(c_strides_);
    args_.out = {nullptr, out.strides[rank - 2], out.strides[rank - 1]};
  }

  const kernels::GemmArgs& args() const { return args_; }

  void run(void* const* address) override {
    args_.alpha = at(address, roles_.alpha);
    args_.a.data = address[roles_.a];
    args_.b.data = address[roles_.b];
    args_.beta = at(address, roles_.beta);
    args_.c.data = at(address, roles_.c);
    args_.out.data = address[operands_];
    if (batch_shape_.empty()) return kernels::gemm(args_);
    const auto batch = [&](const Extents& strides) {
      return std::span<const std::int64_t>(strides).first(strides.empty() ? 0 : batch_shape_.size());
    };
    kernels::batched_gemm({.matrix = args_,
                           .batch_shape = batch_shape_,
                           .a_batch_strides = batch(a_strides_),
                           .b_batch_strides = batch(b_strides_),
                           .c_batch_strides = batch(c_strides_),
                           .out_batch_strides = batch(out_strides_)});
  }

 private:
  Roles roles_;
  int operands_;
  kernels::GemmArgs args_;
  Extents batch_shape_, a_strides_, b_strides_, c_strides_, out_strides_;
};

// Any product of a few rows and columns as one of matrices.
template <class T>
class SmallProduct : public Step {
 public:
  SmallProduct(const kernels::GemmArgs& args, const Roles& roles, int operands)
      : args_(args), roles_(roles), operands_(operands) {}

  void run(void* const* address) override {
    args_.a.data = address[roles_.a];
    args_.b.data = address[roles_.b];
    args_.c.data = at(address, roles_.c);
    args_.out.data = address[operands_];
    const T alpha = roles_.alpha == kNone ? T(1) : *static_cast<const T*>(address[roles_.alpha]);
    const T otherwise = roles_.c == kNone ? T(0) : T(1);
    const T beta = roles_.beta == kNone ? otherwise : *static_cast<const T*>(address[roles_.beta]);
    if (alpha != T(0)) return kernels::small_gemm<T>(args_, alpha, beta);
    args_.alpha = &alpha;  // neither A nor B is read then
    args_.beta = &beta;
    kernels::gemm(args_);
  }

 private:
  kernels::GemmArgs args_;
  Roles roles_;
  int operands_;
};

// Nothing where the product is not small.
std::unique_ptr<Step> small_product(const StepContext& context, const kernels::GemmArgs& args, const Roles& roles) {
  if (!kernels::is_small_gemm(args) || args.m * args.n * args.k == 0) return nullptr;
  if (args.dtype == DType::f64) return std::make_unique<SmallProduct<double>>(args, roles, context.count());
  if (args.dtype == DType::f32) return std::make_unique<SmallProduct<float>>(args, roles, context.count());
  return nullptr;
}

std::unique_ptr<Step> matrix_product(const StepContext& context, const Roles& roles) {
  auto product = std::make_unique<MatrixProduct>(context, roles);
  if (context.results[0].shape.size() != 2) return product;
  auto small = small_product(context, product->args(), roles);
  return small != nullptr ? std::move(small) : std::move(product);
}

std::unique_ptr<Step> matrix_vector(const StepContext& context, const Roles& roles) {
  ConstView a = context.operand(roles.a);
  if (context.node.attributes.flag("trans_a")) {
    std::swap(a.shape[0], a.shape[1]);
    std::swap(a.strides[0], a.strides[1]);
  }
  const View out = context.result();
  // One row stretches to the length of y.
  if (a.shape[0] == 1 && out.shape[0] != 1) a.strides[0] = 0;
  kernels::GemvArgs args;
  args.dtype = out.dtype;
  args.m = out.shape[0];
  args.n = a.shape[1];
  args.a = {nullptr, a.strides[0], a.strides[1]};
  args.x = {nullptr, context.operands[roles.b].strides[0]};
  if (roles.c != kNone) args.y = {nullptr, context.stretched(roles.c, out.shape).strides[0]};
  args.out = {nullptr, out.strides[0]};
  kernels::GemmArgs column{.dtype = args.dtype, .m = args.m, .n = 1, .k = args.n, .a = args.a};
  column.b = {nullptr, args.x.stride, 1};
  column.c = {nullptr, args.y.stride, 1};
  column.out = {nullptr, args.out.stride, 1};
  if (auto small = small_product(context, column, roles)) return small;
  return step_of([args, roles, operands = context.count()](void* const* address) mutable {
    args.alpha = at(address, roles.alpha);
    args.a.data = address[roles.a];
    args.x.data = address[roles.b];
    args.beta = at(address, roles.beta);
    args.y.data = at(address, roles.c);
    args.out.data = address[operands];
    kernels::gemv(args);
  });
}

// x[i]*y[j] of integers and bools.
std::unique_ptr<Step> integer_outer(const StepContext& context) {
  const View out = context.result();
  const auto along = [&](int operand, std::size_t axis) {
    ConstView view{nullptr, out.dtype, out.shape, {0, 0}};
    view.strides[axis] = context.operands[operand].strides[0];
    return view;
  };
  const kernels::ElementwiseProgram program{.registers = {out.dtype, out.dtype, out.dtype},
                                            .n_inputs = 2,
                                            .code = {{Op::multiply, {0, 1}, 2}},
                                            .outputs = {2},
                                            .constants = {}};
  return step_of([kernel = kernels::ElementwiseKernel(program, std::vector{along(0, 0), along(1, 1)},
                                                      std::vector<View>{out})](void* const* address) {
    kernel.run(address, address + 2);
  });
}

std::unique_ptr<Step> rank_one(const StepContext& context, const Roles& roles) {
  const View out = context.result();
  kernels::GerArgs args;
  args.dtype = out.dtype;
  args.m = out.shape[0];
  args.n = out.shape[1];
  args.x = {nullptr, context.operands[roles.a].strides[0]};
  args.y = {nullptr, context.operands[roles.b].strides[0]};
  if (roles.c != kNone) {
    const ConstView a = context.stretched(roles.c, out.shape);
    args.a = {nullptr, a.strides[0], a.strides[1]};
  }
  args.out = {nullptr, out.strides[0], out.strides[1]};
  kernels::GemmArgs outer{.dtype = args.dtype, .m = args.m, .n = args.n, .k = 1};
  outer.a = {nullptr, args.x.stride, 1};
  outer.b = {nullptr, 1, args.y.stride};
  outer.c = args.a;
  outer.out = args.out;
  if (auto small = small_product(context, outer, roles)) return small;
  return step_of([args, roles, operands = context.count()](void* const* address) mutable {
    args.alpha = at(address, roles.alpha);
    args.x.data = address[roles.a];
    args.y.data = address[roles.b];
    args.a.data = at(address, roles.c);
    args.out.data = address[operands];
    kernels::ger(args);
  });
}

}  // namespace

std::unique_ptr<Step> make_matmul(const StepContext& context) {
  return matrix_product(context, {.alpha = optional_operand(context, 2), .a = 0, .b = 1});
}
std::unique_ptr<Step> make_batched_matmul(const StepContext& context) { return make_matmul(context); }

std::unique_ptr<Step> make_gemm(const StepContext& context) {
  return matrix_product(context, {.alpha = 0, .a = 1, .b = 2, .beta = 3, .c = 4});
}
std::unique_ptr<Step> make_batched_gemm(const StepContext& context) { return make_gemm(context); }

std::unique_ptr<Step> make_matvec(const StepContext& context) {
  return matrix_vector(context, {.alpha = optional_operand(context, 2), .a = 0, .b = 1});
}
std::unique_ptr<Step> make_gemv(const StepContext& context) {
  return matrix_vector(context, {.alpha = 0, .a = 1, .b = 2, .beta = 3, .c = 4});
}

std::unique_ptr<Step> make_outer(const StepContext& context) {
  if (!is_inexact(context.dtype())) return integer_outer(context);
  return rank_one(context, {.alpha = optional_operand(context, 2), .a = 0, .b = 1});
}
std::unique_ptr<Step> make_ger(const StepContext& context) {
  return rank_one(context, {.alpha = 0, .a = 1, .b = 2, .c = 3});
}

std::unique_ptr<Step> make_dot(const StepContext& context) {
  kernels::DotArgs args{context.dtype(), context.operands[0].shape[0], {nullptr, context.operands[0].strides[0]},
                        {nullptr, context.operands[1].strides[0]}};
  kernels::GemmArgs row{.dtype = args.dtype, .m = 1, .n = 1, .k = args.n};
  row.a = {nullptr, 0, args.x.stride};
  row.b = {nullptr, args.y.stride, 1};
  row.out = {nullptr, 1, 1};
  if (auto small = small_product(context, row, {.a = 0, .b = 1})) return small;
  return step_of([args](void* const* address) mutable {
    args.x.data = address[0];
    args.y.data = address[1];
    args.out = address[2];
    kernels::dot(args);
  });
}

}  // namespace gemmule::cpu
