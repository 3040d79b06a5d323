// Inference: LU, QR, SVD, general eigenvalues and what is built on them. Leading dimensions are
// batches.
#include <algorithm>
#include <initializer_list>

#include "ir/infer_rules.h"

namespace gemmule {
namespace {

// The type with these dimensions behind the batch.
Type with_core(DType dtype, Shape batch, std::initializer_list<Dim> core) {
  batch.insert(batch.end(), core);
  return {dtype, std::move(batch)};
}

// A batch of matrices [..., m, n].
struct Matrix {
  DType dtype;
  Shape batch;
  Dim m, n;
};
Matrix matrix(const InferContext& context, int operand, const std::string& name) {
  need_matrix(context, operand, name);
  const Type& type = context.type(operand);
  const Shape& shape = type.shape;
  return {type.dtype, Shape(shape.begin(), shape.end() - 2), shape[shape.size() - 2], shape.back()};
}
Matrix square(const InferContext& context, int operand, const std::string& name) {
  need_square(context, operand, name);
  Matrix a = matrix(context, operand, name);
  a.m = a.n = agreed(a.m, a.n);
  return a;
}

Dim smaller(InferContext& context, const Dim& m, const Dim& n) {
  if (m == n) return m;
  if (m.is_known() && n.is_known()) return Dim::known(std::min(m.size, n.size));
  return Dim::unknown(context.graph.add_symbol());
}

// The size of a diagonal `distance` off the one of size n.
Dim beside(InferContext& context, const Dim& n, std::int64_t distance) {
  if (n.is_known()) return Dim::known(std::max<std::int64_t>(n.size - distance, 0));
  return Dim::unknown(context.graph.add_symbol());
}

DType complex_type(const InferContext& context, DType dtype) {
  if (is_complex(dtype)) return dtype;
  if (const auto complex = complex_of(dtype)) return *complex;
  fail_dtype(context, describe(context, 0, "A") + ": there is no complex type of this precision");
}

void need_agreement(const InferContext& context, int a, const Dim& of_a, int b, const Dim& of_b) {
  if (may_agree(of_a, of_b)) return;
  fail_shape(context, describe(context, a, "operand " + std::to_string(a)) + ", " +
                          describe(context, b, "operand " + std::to_string(b)) + ": sizes " +
                          std::to_string(of_a.size) + " and " + std::to_string(of_b.size) +
                          " differ");
}

std::string text(const InferContext& context, const std::string& name) {
  const Attribute* value = context.attributes.find(name);
  const auto* found = value ? std::get_if<std::string>(value) : nullptr;
  if (!found) throw UserError(message(context, "the attribute `" + name + "` is missing"));
  return *found;
}
std::string one_of(const InferContext& context, const std::string& name,
                   std::initializer_list<const char*> values) {
  const std::string found = text(context, name);
  if (std::find(values.begin(), values.end(), found) == values.end()) {
    throw UserError(message(context, "unknown " + name + " \"" + found + "\""));
  }
  return found;
}
void need_order(const InferContext& context) {
  one_of(context, "sort", {"", "lhp", "rhp", "iuc", "ouc"});
}

}  // namespace

Types infer_solve_structured(InferContext& context) {
  one_of(context, "structure", {"sym", "her", "tridiagonal", "banded"});
  const Matrix a = square(context, 0, "A");
  need_same_dtype(context);
  const Matrix b = matrix(context, 1, "B");
  need_agreement(context, 0, a.m, 1, b.m);
  return {with_core(b.dtype, common_batch(context, {2, 2}), {agreed(a.m, b.m), b.n})};
}

Types infer_lu(InferContext& context) {
  const Matrix a = square(context, 0, "A");
  const Type factor = with_core(a.dtype, a.batch, {a.m, a.m});
  if (context.attributes.flag("permute_l")) return {factor, factor};
  const Type p = context.attributes.flag("p_indices")
                     ? with_core(DType::i32, a.batch, {a.m})
                     : with_core(real_part(a.dtype), a.batch, {a.m, a.m});
  return {p, factor, factor};
}

Types infer_lu_factor(InferContext& context) {
  const Matrix a = square(context, 0, "A");
  return {with_core(a.dtype, a.batch, {a.m, a.m}), with_core(DType::i32, a.batch, {a.m})};
}

Types infer_pivots_to_permutation(InferContext& context) {
  need_rank_at_least(context, 0, 1, "pivots");
  if (context.type(0).dtype != DType::i64) {
    fail_dtype(context, describe(context, 0, "pivots") + ": they must be i64");
  }
  return {context.type(0)};
}

Types infer_lu_factor_tridiagonal(InferContext& context) {
  need_same_dtype(context);
  const Shape batch = common_batch(context, {1, 1, 1});
  const DType dtype = context.type(1).dtype;
  if (!is_inexact(dtype) || dtype == DType::f16) {
    fail_dtype(context, describe(context, 1, "d") + ": f32, f64, c64 or c128 only");
  }
  const Dim n = context.type(1).shape.back();
  if (n.is_known() && n.size == 0)
    fail_shape(context, describe(context, 1, "d") + ", it cannot be empty");
  Dim off = beside(context, n, 1);
  for (const int operand : {0, 2}) {
    need_agreement(context, operand, context.type(operand).shape.back(), 1, off);
    off = agreed(off, context.type(operand).shape.back());
  }
  return {with_core(dtype, batch, {off}), with_core(dtype, batch, {n}),
          with_core(dtype, batch, {off}), with_core(dtype, batch, {beside(context, n, 2)}),
          with_core(DType::i32, batch, {n})};
}

Types infer_solve_tridiagonal(InferContext& context) {
  const Matrix b = matrix(context, 5, "B");
  for (const int operand : {0, 1, 2, 3}) {
    if (context.type(operand).dtype != b.dtype) {
      fail_dtype(context, describe(context, operand, "operand " + std::to_string(operand)) + ", " +
                              describe(context, 5, "B") + ": dtypes differ");
    }
  }
  if (context.type(4).dtype != DType::i32) {
    fail_dtype(context, describe(context, 4, "pivots") + ": they must be i32");
  }
  const Shape batch = common_batch(context, {1, 1, 1, 1, 1, 2});
  const auto last = [&](int operand) { return context.type(operand).shape.back(); };
  const Dim n = last(1);
  need_agreement(context, 0, last(0), 1, beside(context, n, 1));
  need_agreement(context, 2, last(2), 1, beside(context, n, 1));
  need_agreement(context, 3, last(3), 1, beside(context, n, 2));
  need_agreement(context, 4, last(4), 1, n);
  need_agreement(context, 5, b.m, 1, n);
  return {with_core(b.dtype, batch, {agreed(n, b.m), b.n})};
}

Types infer_qr(InferContext& context) {
  const std::string mode = one_of(context, "mode", {"full", "economic", "r", "raw"});
  const Matrix a = matrix(context, 0, "A");
  const Dim k = smaller(context, a.m, a.n);
  const Type whole = with_core(a.dtype, a.batch, {a.m, a.n});
  const Type thin = with_core(a.dtype, a.batch, {k, a.n});
  Types types;
  if (mode == "full") {
    types = {with_core(a.dtype, a.batch, {a.m, a.m}), whole};
  } else if (mode == "economic") {
    types = {with_core(a.dtype, a.batch, {a.m, k}), thin};
  } else if (mode == "r") {
    types = {whole};
  } else {
    types = {whole, with_core(a.dtype, a.batch, {k}), thin};
  }
  if (context.attributes.flag("pivoting")) types.push_back(with_core(DType::i32, a.batch, {a.n}));
  return types;
}

Types infer_svd(InferContext& context) {
  const Matrix a = matrix(context, 0, "A");
  const Dim k = smaller(context, a.m, a.n);
  const Type s = with_core(real_part(a.dtype), a.batch, {k});
  if (!context.attributes.flag("compute_uv", true)) return {s};
  const bool full = context.attributes.flag("full_matrices", true);
  return {with_core(a.dtype, a.batch, {a.m, full ? a.m : k}), s,
          with_core(a.dtype, a.batch, {full ? a.n : k, a.n})};
}

Types infer_eig(InferContext& context) {
  const Matrix a = square(context, 0, "A");
  const DType dtype = complex_type(context, a.dtype);
  return {with_core(dtype, a.batch, {a.m}), with_core(dtype, a.batch, {a.m, a.m})};
}

Types infer_eigh_generalized(InferContext& context) {
  const Matrix a = square(context, 0, "A");
  const Matrix b = square(context, 1, "B");
  need_same_dtype(context);
  need_agreement(context, 0, a.m, 1, b.m);
  const Shape batch = common_batch(context, {2, 2});
  return {with_core(real_part(a.dtype), batch, {a.m}), with_core(a.dtype, batch, {a.m, a.m})};
}

Types infer_schur(InferContext& context) {
  need_order(context);
  const Matrix a = square(context, 0, "A");
  const Type type = with_core(a.dtype, a.batch, {a.m, a.m});
  return {type, type};
}

Types infer_qz(InferContext& context) {
  need_order(context);
  const Matrix a = square(context, 0, "A");
  const Matrix b = square(context, 1, "B");
  need_same_dtype(context);
  need_agreement(context, 0, a.m, 1, b.m);
  const Shape batch = common_batch(context, {2, 2});
  const Type type = with_core(a.dtype, batch, {a.m, a.m});
  return {type,
          type,
          with_core(complex_type(context, a.dtype), batch, {a.m}),
          with_core(a.dtype, batch, {a.m}),
          type,
          type};
}

Types infer_expm(InferContext& context) {
  const Matrix a = square(context, 0, "A");
  return {with_core(a.dtype, a.batch, {a.m, a.m})};
}

Types infer_pinv(InferContext& context) {
  const Matrix a =
      context.attributes.flag("hermitian") ? square(context, 0, "A") : matrix(context, 0, "A");
  return {with_core(a.dtype, a.batch, {a.n, a.m})};
}

Types infer_lstsq(InferContext& context) {
  const Matrix a = matrix(context, 0, "A"), b = matrix(context, 1, "B");
  need_rank(context, 0, 2, "A");
  need_rank(context, 1, 2, "B");
  need_agreement(context, 0, a.m, 1, b.m);
  need_scalar(context, 2, "rcond");
  const DType real = real_part(a.dtype);
  if (a.dtype != b.dtype || context.type(2).dtype != real) {
    fail_dtype(context, describe(context, 0, "A") + ", " + describe(context, 1, "B") + ", " +
                            describe(context, 2, "rcond") + ": dtypes differ");
  }
  return {with_core(a.dtype, {}, {a.n, b.n}), with_core(real, {}, {b.n}), Type{DType::i32, {}},
          with_core(real, {}, {smaller(context, a.m, a.n)}), Type{DType::i64, {}}};
}

Types infer_sylvester(InferContext& context) {
  const Matrix a = square(context, 0, "A"), b = square(context, 1, "B"),
               c = matrix(context, 2, "C");
  need_same_dtype(context);
  need_agreement(context, 0, a.m, 2, c.m);
  need_agreement(context, 1, b.m, 2, c.n);
  return {
      with_core(c.dtype, common_batch(context, {2, 2, 2}), {agreed(a.m, c.m), agreed(b.m, c.n)})};
}

}  // namespace gemmule
