// _core.gemm, gemv, ger ...: BLAS over mx.array, lazy like MLX's own ops.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <variant>

#include "mlx/blas.h"
#include "mlx/inspect.h"
#include "python/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gemmule {
namespace {

using Number = std::variant<double, mx::array>;

Scale to_scale(const Number& number) {
  if (const double* known = std::get_if<double>(&number)) return Scale(*known);
  return Scale(std::get<mx::array>(number));
}

Scale to_scale(const std::optional<Number>& number) {
  return number ? to_scale(*number) : Scale(1.0);
}

}  // namespace

void bind_ops(nb::module_& m) {
  m.def(
      "gemm",
      [](const Number& alpha, const mx::array& a, const mx::array& b, const Number& beta,
         const mx::array& c, bool trans_a, bool trans_b) {
        return gemm({.alpha = to_scale(alpha),
                     .a = a,
                     .b = b,
                     .beta = to_scale(beta),
                     .c = c,
                     .trans_a = trans_a,
                     .trans_b = trans_b});
      },
      "alpha"_a, "A"_a, "B"_a, "beta"_a, "C"_a, nb::kw_only(), "trans_a"_a = false,
      "trans_b"_a = false,
      "alpha * A @ B + beta * C as one kernel, for A[..., m, k] and B[..., k, n] of equal leading "
      "dims.\n\n"
      "``trans_a`` and ``trans_b`` exchange the last two axes of A and B. C and the product "
      "broadcast to\n"
      "each other. alpha and beta are numbers or arrays of one element; with beta = 0 C is not "
      "read, and\n"
      "without an inner dimension the result is beta * C. One dtype for A, B and C: float16, "
      "float32,\n"
      "float64 or complex64. Raises ValueError for sizes that do not fit, TypeError for other "
      "dtypes.");
  m.def(
      "matmul",
      [](const mx::array& a, const mx::array& b, const std::optional<Number>& alpha, bool trans_a,
         bool trans_b) {
        return matmul(
            {.a = a, .b = b, .alpha = to_scale(alpha), .trans_a = trans_a, .trans_b = trans_b});
      },
      "A"_a, "B"_a, "alpha"_a = nb::none(), nb::kw_only(), "trans_a"_a = false, "trans_b"_a = false,
      "alpha * A @ B for A[..., m, k] and B[..., k, n] of equal leading dims.\n\n"
      "One dtype for both; without alpha also integers, which wrap around, and bool (OR of ANDs).\n"
      "Raises ValueError for sizes that do not fit, TypeError for other dtypes.");
  m.def(
      "batched_matmul",
      [](const mx::array& a, const mx::array& b, const std::optional<Number>& alpha) {
        return matmul({.a = a, .b = b, .alpha = to_scale(alpha)});
      },
      "A"_a, "B"_a, "alpha"_a = nb::none(),
      "alpha * A @ B for A[..., m, k] and B[..., k, n]. Leading dims do not broadcast: different "
      "ones\n"
      "raise ValueError.");
  m.def(
      "gemv",
      [](const Number& alpha, const mx::array& a, const mx::array& x, const Number& beta,
         const mx::array& y, bool trans_a) {
        return gemv({.alpha = to_scale(alpha),
                     .a = a,
                     .x = x,
                     .beta = to_scale(beta),
                     .y = y,
                     .trans_a = trans_a});
      },
      "alpha"_a, "A"_a, "x"_a, "beta"_a, "y"_a, nb::kw_only(), "trans_a"_a = false,
      "alpha * A @ x + beta * y as one kernel, for A[m, k], x[k] and y[m].\n\n"
      "Scales, dtypes and errors as in gemm.");
  m.def(
      "ger",
      [](const Number& alpha, const mx::array& x, const mx::array& y, const mx::array& a) {
        return ger({.alpha = to_scale(alpha), .x = x, .y = y, .a = a});
      },
      "alpha"_a, "x"_a, "y"_a, "A"_a,
      "A + alpha * outer(x, y) as one kernel, for x[m], y[n] and A[m, n]; nothing is "
      "conjugated.\n\n"
      "Scales, dtypes and errors as in gemm.");
  m.def(
      "dot", [](const mx::array& x, const mx::array& y) { return dot(x, y); }, "x"_a, "y"_a,
      "sum(x * y) for x[k] and y[k] of one dtype, integers and bool included; nothing is "
      "conjugated.");
  m.def(
      "primitives",
      [](const std::vector<mx::array>& arrays, bool views) {
        return views ? primitives(arrays) : computing_primitives(arrays);
      },
      "arrays"_a, nb::kw_only(), "views"_a = true,
      "The names of the MLX primitives that evaluating ``arrays`` is going to run, operands "
      "first.\n\n"
      "``views=False`` leaves out those that only look at memory in another way.");
}

}  // namespace gemmule
