// Factorisations and solvers over LAPACK; those of one small real matrix are bound to their
// kernels.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "cpu/step.h"
#include "ir/error.h"
#include "kernels/lapack.h"
#include "kernels/small_lu.h"
#include "kernels/small_matrices.h"

namespace gemmule::cpu {
namespace {

using kernels::Strided;

// The last two dimensions of a view.
template <class T, class View>
Strided<T> matrix_of(const View& view) {
  const std::size_t rank = view.shape.size();
  return {nullptr, view.strides[rank - 2], view.strides[rank - 1]};
}

// Calls make(T{}, m, n) for a result that is one m x n matrix of real numbers, 0 < m <= most and 0
// < n; null for others.
template <class Make>
std::unique_ptr<Step> step_of_small(const StepContext& context, std::int64_t most, Make&& make) {
  const Layout& out = context.results[0];
  const std::size_t rank = out.shape.size();
  if (rank < 2) return nullptr;
  const bool one = std::all_of(out.shape.begin(), out.shape.end() - 2,
                               [](std::int64_t size) { return size == 1; });
  const std::int64_t m = out.shape[rank - 2], n = out.shape[rank - 1];
  if (!one || m == 0 || m > most || n == 0) return nullptr;
  if (out.dtype == DType::f64) return make(double{}, m, n);
  if (out.dtype == DType::f32) return make(float{}, m, n);
  return nullptr;
}

template <class T>
void set(Strided<T>& matrix, void* address) {
  matrix.data = static_cast<T*>(address);
}

}  // namespace

std::unique_ptr<Step> make_cholesky(const StepContext& context) {
  const bool lower = context.node.attributes.flag("lower", true);
  auto small =
      step_of_small(context, kernels::kSmallOrder, [&]<class T>(T, std::int64_t m, std::int64_t) {
        return step_of([m, lower, a = matrix_of<const T>(context.operand(0)),
                        out = matrix_of<T>(context.result())](void* const* address) mutable {
          set(a, address[0]);
          set(out, address[1]);
          kernels::small_cholesky(m, a, lower, out);
        });
      });
  if (small) return small;
  return step_of(
      [a = context.operand(0), out = context.result(), lower](void* const* address) mutable {
        a.data = address[0];
        out.data = address[1];
        kernels::cholesky(a, out, lower);
      });
}

std::unique_ptr<Step> make_solve_triangular(const StepContext& context) {
  const Attributes& attributes = context.node.attributes;
  kernels::TriangularOptions options;
  options.lower = attributes.flag("lower", true);
  options.trans = static_cast<kernels::Transpose>(attributes.integer("trans", 0));
  options.unit_diagonal = attributes.flag("unit_diagonal", false);
  auto small =
      step_of_small(context, kernels::kSmallOrder, [&]<class T>(T, std::int64_t m, std::int64_t n) {
        auto a = matrix_of<const T>(context.operand(0));
        const bool transposes = options.trans != kernels::Transpose::none;
        if (transposes) a = a.transposed();
        return step_of([m, n, a, b = matrix_of<const T>(context.operand(1)),
                        x = matrix_of<T>(context.result()), lower = options.lower != transposes,
                        unit_diagonal = options.unit_diagonal](void* const* address) mutable {
          set(a, address[0]);
          set(b, address[1]);
          set(x, address[2]);
          kernels::small_solve_triangular(m, n, a, lower, unit_diagonal, b, x);
        });
      });
  if (small) return small;
  return step_of([a = context.operand(0), b = context.operand(1), out = context.result(),
                  options](void* const* address) mutable {
    a.data = address[0];
    b.data = address[1];
    out.data = address[2];
    kernels::solve_triangular(a, b, out, options);
  });
}

std::unique_ptr<Step> make_solve(const StepContext& context) {
  const bool raises = context.node.attributes.flag("raises");
  std::string error = context.message("Singular matrix");
  auto small =
      step_of_small(context, kernels::kSmallLu, [&]<class T>(T, std::int64_t m, std::int64_t n) {
        return step_of([m, n, raises, error, a = matrix_of<const T>(context.operand(0)),
                        b = matrix_of<const T>(context.operand(1)),
                        x = matrix_of<T>(context.result())](void* const* address) mutable {
          set(a, address[0]);
          set(b, address[1]);
          set(x, address[2]);
          if (!kernels::small_solve(m, n, a, b, x) && raises) throw LinAlgError(error);
        });
      });
  if (small) return small;
  return step_of([a = context.operand(0), b = context.operand(1), out = context.result(), raises,
                  error = std::move(error)](void* const* address) mutable {
    a.data = address[0];
    b.data = address[1];
    out.data = address[2];
    if (kernels::solve(a, b, out) > 0 && raises) throw LinAlgError(error);
  });
}

std::unique_ptr<Step> make_inv(const StepContext& context) {
  const bool raises = context.node.attributes.flag("raises");
  std::string error = context.message("Singular matrix");
  auto small =
      step_of_small(context, kernels::kSmallLu, [&]<class T>(T, std::int64_t m, std::int64_t) {
        return step_of([m, raises, error, a = matrix_of<const T>(context.operand(0)),
                        out = matrix_of<T>(context.result())](void* const* address) mutable {
          set(a, address[0]);
          set(out, address[1]);
          if (!kernels::small_inv(m, a, out) && raises) throw LinAlgError(error);
        });
      });
  if (small) return small;
  return step_of([a = context.operand(0), out = context.result(), raises,
                  error = std::move(error)](void* const* address) mutable {
    a.data = address[0];
    out.data = address[1];
    if (kernels::inv(a, out) > 0 && raises) throw LinAlgError(error);
  });
}

std::unique_ptr<Step> make_slogdet(const StepContext& context) {
  return step_of([a = context.operand(0), sign = context.result(0),
                  logdet = context.result(1)](void* const* address) mutable {
    a.data = address[0];
    sign.data = address[1];
    logdet.data = address[2];
    kernels::slogdet(a, sign, logdet);
  });
}

std::unique_ptr<Step> make_eigh(const StepContext& context) {
  return step_of(
      [a = context.operand(0), values = context.result(0), vectors = context.result(1),
       lower = context.node.attributes.flag("lower", true),
       raises = context.node.attributes.flag("raises"),
       error = context.message("Eigenvalues did not converge, or the array has infs or NaNs")](
          void* const* address) mutable {
        a.data = address[0];
        values.data = address[1];
        vectors.data = address[2];
        if (kernels::eigh(a, lower, values, vectors) > 0 && raises) throw LinAlgError(error);
      });
}

}  // namespace gemmule::cpu
