#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "kernels/blas.h"
#include "kernels/blas_library.h"
#include "kernels/scratch.h"
#include "kernels/small_gemm.h"
#include "kernels/strided_matrix.h"
#include "kernels/workers.h"

namespace gemmule::kernels {
namespace {

// A read-only operand as BLAS reads it: where it lies, or packed and converted to C.
template <class T, class C>
class Operand {
 public:
  Operand(std::int64_t rows, std::int64_t cols, Strided<const T> a) {
    if constexpr (std::is_same_v<T, C>) {
      matrix_ = as_blas_matrix(rows, cols, a);
      if (matrix_) return;
    }
    packed_.emplace(sizeof(C) * static_cast<std::size_t>(rows * cols));
    C* packed = packed_->template as<C>();
    if (std::abs(a.col_stride) <= std::abs(a.row_stride)) {
      copy_matrix(rows, cols, a, Strided<C>{packed, cols, 1});
      matrix_ = {packed, CblasRowMajor, static_cast<int>(cols)};
    } else {
      copy_matrix(rows, cols, a, Strided<C>{packed, 1, rows});
      matrix_ = {packed, CblasColMajor, static_cast<int>(rows)};
    }
  }
  const C* data() const { return matrix_.data; }
  int ld() const { return matrix_.ld; }
  CBLAS_TRANSPOSE trans(CBLAS_ORDER order) const {
    return matrix_.order == order ? CblasNoTrans : CblasTrans;
  }

 private:
  std::optional<Scratch> packed_;
  BlasMatrix<const C> matrix_;
};

// The product with factors and result in BLAS's orders: `out` = alpha*A@B + beta*out.
template <class T, class C>
void multiply_into(const GemmArgs& args, C alpha, C beta, BlasMatrix<C> out) {
  const Operand<T, C> a(args.m, args.k, strided<T>(args.a));
  const Operand<T, C> b(args.k, args.n, strided<T>(args.b));
  blas::gemm(out.order, a.trans(out.order), b.trans(out.order), static_cast<int>(args.m),
             static_cast<int>(args.n), static_cast<int>(args.k), alpha, a.data(), a.ld(), b.data(),
             b.ld(), beta, out.data, out.ld);
}

// Up to this many multiplications a loop is done before the library has checked its arguments.
constexpr std::int64_t kSmallProduct = 64;

bool is_small(const GemmArgs& args) {
  return args.m <= kSmallProduct && args.n <= kSmallProduct && args.k <= kSmallProduct &&
         args.m * args.n * args.k <= kSmallProduct;
}

// For any strides, each result rounded once.
template <class T>
void gemm_loop(const GemmArgs& args, ComputeType<T> alpha, ComputeType<T> beta) {
  using C = ComputeType<T>;
  const auto a = strided<T>(args.a), b = strided<T>(args.b), c = strided<T>(args.c);
  const auto out = strided<T>(args.out);
  for (std::int64_t i = 0; i < args.m; ++i) {
    for (std::int64_t j = 0; j < args.n; ++j) {
      C sum(0);
      for (std::int64_t p = 0; p < args.k; ++p) {
        sum += multiply(convert<C>(a(i, p)), convert<C>(b(p, j)));
      }
      C result = multiply(alpha, sum);
      if (beta != C(0)) result += multiply(beta, convert<C>(c(i, j)));
      out(i, j) = convert<T>(result);
    }
  }
}

template <class T>
void gemm_inexact(const GemmArgs& args) {
  using C = ComputeType<T>;
  const C alpha = scalar_or<T>(args.alpha, C(1));
  const C beta = scalar_or<T>(args.beta, C(0));
  const auto c = strided<T>(args.c);
  const auto out = strided<T>(args.out);
  if (args.k == 0 || alpha == C(0)) return scale_matrix<T>(args.m, args.n, beta, c, out);
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    if (is_small_gemm(args)) return small_gemm<T>(args, alpha, beta);
  }
  if (is_small(args)) return gemm_loop<T>(args, alpha, beta);
  blas_int("gemm", std::max({args.m, args.n, args.k}));

  if constexpr (std::is_same_v<T, C>) {
    if (const auto direct = as_blas_matrix(args.m, args.n, out)) {
      if (beta != C(0) && !same_memory(args.m, args.n, c, out)) {
        copy_matrix(args.m, args.n, c, out);
      }
      return multiply_into<T>(args, alpha, beta, direct);
    }
  }
  const Scratch scratch(sizeof(C) * static_cast<std::size_t>(args.m * args.n));
  const Strided<C> result{scratch.as<C>(), args.n, 1};
  if (beta != C(0)) copy_matrix(args.m, args.n, c, result);
  multiply_into<T>(args, alpha, beta, as_blas_matrix(args.m, args.n, result));
  copy_matrix(args.m, args.n, result, out);
}

// out[:,0] = alpha*A @ B[:,0] + beta*C[:,0]
GemvArgs single_column(const GemmArgs& g) {
  return {.dtype = g.dtype,
          .m = g.m,
          .n = g.k,
          .alpha = g.alpha,
          .a = g.a,
          .x = {g.b.data, g.b.row_stride},
          .beta = g.beta,
          .y = {g.c.data, g.c.row_stride},
          .out = {g.out.data, g.out.row_stride}};
}

// out[0,:] = alpha*B^T @ A[0,:] + beta*C[0,:]
GemvArgs single_row(const GemmArgs& g) {
  return {.dtype = g.dtype,
          .m = g.n,
          .n = g.k,
          .alpha = g.alpha,
          .a = transposed(g.b),
          .x = {g.a.data, g.a.col_stride},
          .beta = g.beta,
          .y = {g.c.data, g.c.col_stride},
          .out = {g.out.data, g.out.col_stride}};
}

// From so many multiplications and additions on, about a millisecond, waking threads that sleep
// costs little. The library's own threads wait for the next product without sleeping, and are in
// the way of whoever has other work then.
constexpr double kWorkOfParts = 6e7;

// Rows or columns of the result by as many threads as the library may use; false where one call of
// the library does.
bool gemm_in_parts(const GemmArgs& args) {
  if (2.0 * args.m * args.n * args.k < kWorkOfParts || in_part()) return false;
  const bool by_rows = args.m >= args.n;
  const std::int64_t size = by_rows ? args.m : args.n;
  const int parts = static_cast<int>(std::min<std::int64_t>(blas_threads(), size / 32));
  if (parts < 2) return false;
  run_parts(parts, [&](int part) {
    const std::int64_t first = size * part / parts, count = size * (part + 1) / parts - first;
    const auto moved = [&](auto matrix, std::int64_t stride) {
      using Byte = std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(matrix.data)>>,
                                      const std::byte, std::byte>;
      const auto distance = first * stride * static_cast<std::int64_t>(size_of(args.dtype));
      if (matrix.data != nullptr) matrix.data = static_cast<Byte*>(matrix.data) + distance;
      return matrix;
    };
    GemmArgs piece = args;
    (by_rows ? piece.m : piece.n) = count;
    if (by_rows) {
      piece.a = moved(args.a, args.a.row_stride);
      piece.c = moved(args.c, args.c.row_stride);
      piece.out = moved(args.out, args.out.row_stride);
    } else {
      piece.b = moved(args.b, args.b.col_stride);
      piece.c = moved(args.c, args.c.col_stride);
      piece.out = moved(args.out, args.out.col_stride);
    }
    gemm(piece);
  });
  return true;
}

}  // namespace

void gemm(const GemmArgs& args) {
  if (args.m == 0 || args.n == 0) return;
  if (args.n == 1) return gemv(single_column(args));
  if (args.m == 1) return gemv(single_row(args));
  if (!is_inexact(args.dtype)) {
    check_plain_product("gemm", args.dtype, args.alpha, args.beta);
    return integer_matmul({args.dtype, args.m, args.n, args.k, args.a, args.b, args.out});
  }
  if (gemm_in_parts(args)) return;
  visit_inexact("gemm", args.dtype, [&](auto zero) { gemm_inexact<decltype(zero)>(args); });
}

}  // namespace gemmule::kernels
