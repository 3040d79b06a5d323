#include "mlx/blas.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

#include "ir/error.h"
#include "ir/graph.h"
#include "ir/text.h"
#include "mlx/host_primitives.h"
#include "mlx/lower.h"
#include "mlx/ops.h"

namespace gemmule {

namespace {

// -- checks -------------------------------------------------------------------------------------

// An operand and its name in messages.
struct Named {
  std::string_view name;
  const mx::array& array;
};

std::string describe(std::initializer_list<Named> operands) {
  std::string text;
  for (const Named& x : operands) {
    const std::vector<std::int64_t> shape(x.array.shape().begin(), x.array.shape().end());
    if (!text.empty()) text += ", ";
    text += std::string(x.name) + " is " + to_text(static_type(from_mlx(x.array.dtype()), shape));
  }
  return text;
}

[[noreturn]] void shape_error(std::string_view op, const std::string& what,
                              const std::string& rule) {
  throw ShapeError("[" + std::string(op) + "] " + what + ": " + rule);
}

void check_rank(std::string_view op, const Named& x, std::size_t rank) {
  if (x.array.ndim() == rank) return;
  shape_error(op, describe({x}),
              "it must have " + std::to_string(rank) + (rank == 1 ? " dimension" : " dimensions"));
}

void check_sizes(std::string_view op, const Named& x, const Named& y, std::string_view which, int a,
                 int b) {
  if (a == b) return;
  shape_error(
      op, describe({x, y}),
      std::string(which) + " " + std::to_string(a) + " and " + std::to_string(b) + " differ");
}

// One dtype for all, and inexact where the op asks for it.
template <class... Rest>
void check_dtypes(std::string_view op, bool inexact, const Named& first, const Rest&... rest) {
  const DType dtype = from_mlx(first.array.dtype());
  if (((from_mlx(rest.array.dtype()) != dtype) || ...)) {
    throw DTypeError("[" + std::string(op) + "] " + describe({first, rest...}) +
                     ": all must have one dtype");
  }
  if (inexact && !is_inexact(dtype)) {
    throw DTypeError("[" + std::string(op) + "] " + describe({first}) +
                     ": the dtype must be floating or complex");
  }
}

void check_product(std::string_view op, const mx::array& a, const mx::array& b) {
  if (a.ndim() < 2) shape_error(op, describe({{"A", a}}), "it must have at least 2 dimensions");
  if (b.ndim() < 2) shape_error(op, describe({{"B", b}}), "it must have at least 2 dimensions");
  const bool same_batch =
      a.ndim() == b.ndim() && std::equal(a.shape().begin(), a.shape().end() - 2, b.shape().begin());
  if (!same_batch) {
    shape_error(op, describe({{"A", a}, {"B", b}}), "the leading dimensions of A and B differ");
  }
  check_sizes(op, {"A", a}, {"B", b}, "inner dimensions", a.shape(-1), b.shape(-2));
}

void check_scale(std::string_view op, std::string_view name, const Scale& scale) {
  if (!scale.array || scale.array->size() == 1) return;
  shape_error(op, describe({{name, *scale.array}}), "it must have one element");
}

bool broadcasts(const mx::array& x, const mx::Shape& shape) {
  const std::size_t rank = std::min(x.ndim(), shape.size());
  for (std::size_t i = 1; i <= rank; ++i) {
    const int have = x.shape(-static_cast<int>(i)), want = shape[shape.size() - i];
    if (have != want && have != 1 && want != 1) return false;
  }
  return true;
}

// -- devices ------------------------------------------------------------------------------------

// The stream that can run a product of `dtype`.
mx::Stream product_stream(mx::Dtype dtype, mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  const bool gpu_has_it = dtype == mx::float16 || dtype == mx::float32 || dtype == mx::complex64;
  if (stream.device == mx::Device::cpu || gpu_has_it) return stream;
  return mx::default_stream(mx::Device::cpu);
}

bool on_cpu(const mx::Stream& stream) { return stream.device == mx::Device::cpu; }

mx::array transposed(const mx::array& a, bool transpose, mx::Stream stream) {
  return transpose ? mx::swapaxes(a, -1, -2, stream) : a;
}

Signature signature(const std::vector<mx::array>& operands) {
  Signature signature;
  for (const mx::array& operand : operands) signature.operands.push_back(from_mlx(operand.dtype()));
  return signature;
}

template <class Primitive>
mx::array apply_on(mx::Stream stream, std::vector<mx::array> operands, DType result) {
  Signature types = signature(operands);
  types.results = {result};
  return lazy(std::make_shared<Primitive>(stream, std::move(types)), std::move(operands))[0];
}

// alpha * product in terms of MLX.
mx::array scaled(const mx::array& product, const Scale& alpha, mx::Stream stream) {
  if (alpha.is(1.0)) return product;
  return mx::multiply(alpha.as(product.dtype(), stream), product, stream);
}

bool has_elements(const mx::Shape& shape) {
  return std::find(shape.begin(), shape.end(), 0) == shape.end();
}

// a @ b on a GPU. MLX's CUDA products end the process for results without elements: those are made
// without one.
mx::array gpu_product(const mx::array& a, const mx::array& b, mx::Stream stream) {
  mx::Shape shape(a.shape().begin(), a.shape().end() - 1);
  if (b.ndim() > 1) shape.push_back(b.shape(-1));
  if (!has_elements(shape)) return without_elements(std::move(shape), a.dtype());
  return mx::matmul(a, b, stream);
}

// product + beta * c in terms of MLX; where beta is 0 at run time, NaN in c does not show.
mx::array plus(const mx::array& product, const Scale& beta, const mx::array& c, mx::Stream stream) {
  if (beta.is(1.0)) return mx::add(product, c, stream);
  const mx::array factor = beta.as(c.dtype(), stream);
  const mx::array zero = mx::zeros({}, c.dtype(), stream);
  const mx::array addend =
      mx::where(mx::equal(factor, zero, stream), zero, mx::multiply(factor, c, stream), stream);
  return mx::add(product, addend, stream);
}

// The product alone, where beta is known to be 0: in the shape that C would broadcast it to.
mx::array without_addend(const mx::array& product, const mx::array& c, mx::Stream stream) {
  return mx::broadcast_to(product, mx::broadcast_shapes(product.shape(), c.shape()), stream);
}

// Real numbers that addmm, which keeps alpha and beta as float32, takes exactly enough.
bool addmm_takes(const Scale& alpha, const Scale& beta, mx::Dtype dtype) {
  return alpha.known && beta.known && (dtype == mx::float32 || dtype == mx::float16);
}

}  // namespace

mx::array Scale::as(mx::Dtype dtype, mx::Stream stream) const {
  if (!array) return mx::array(*known, dtype);
  mx::array value = array->ndim() == 0 ? *array : mx::reshape(*array, {}, stream);
  return value.dtype() == dtype ? value : mx::astype(value, dtype, stream);
}

// -- products -----------------------------------------------------------------------------------

mx::array gemm(GemmOperands x, mx::StreamOrDevice s) {
  check_dtypes("gemm", true, Named{"A", x.a}, Named{"B", x.b}, Named{"C", x.c});
  const mx::Stream stream = product_stream(x.a.dtype(), s);
  const mx::array a = transposed(x.a, x.trans_a, stream), b = transposed(x.b, x.trans_b, stream);
  check_product("gemm", a, b);
  check_scale("gemm", "alpha", x.alpha);
  check_scale("gemm", "beta", x.beta);
  mx::Shape product_shape = a.shape();
  product_shape.back() = b.shape(-1);
  if (x.c.ndim() > a.ndim() || !broadcasts(x.c, product_shape)) {
    shape_error("gemm", describe({{"A", a}, {"B", b}, {"C", x.c}}),
                "C and the product do not broadcast to each other");
  }

  const mx::Dtype dtype = a.dtype();
  if (on_cpu(stream)) {
    std::vector<mx::array> operands{x.alpha.as(dtype, stream), a, b, x.beta.as(dtype, stream),
                                    std::move(x.c)};
    return apply_on<Gemm>(stream, std::move(operands), from_mlx(dtype));
  }
  const bool product_is_full = mx::broadcast_shapes(x.c.shape(), product_shape) == product_shape;
  if (product_is_full && has_elements(product_shape) && a.shape(-1) > 0 && !x.beta.is(0.0) &&
      addmm_takes(x.alpha, x.beta, dtype)) {
    return mx::addmm(x.c, a, b, static_cast<float>(*x.alpha.known),
                     static_cast<float>(*x.beta.known), stream);
  }
  const mx::array product = scaled(gpu_product(a, b, stream), x.alpha, stream);
  return x.beta.is(0.0) ? without_addend(product, x.c, stream) : plus(product, x.beta, x.c, stream);
}

mx::array matmul(MatmulOperands x, mx::StreamOrDevice s) {
  check_dtypes("matmul", !x.alpha.is(1.0), Named{"A", x.a}, Named{"B", x.b});
  const mx::Stream stream = product_stream(x.a.dtype(), s);
  const mx::array a = transposed(x.a, x.trans_a, stream), b = transposed(x.b, x.trans_b, stream);
  check_product("matmul", a, b);
  check_scale("matmul", "alpha", x.alpha);
  if (!on_cpu(stream)) return scaled(gpu_product(a, b, stream), x.alpha, stream);
  std::vector<mx::array> operands{a, b};
  if (!x.alpha.is(1.0)) operands.push_back(x.alpha.as(a.dtype(), stream));
  return apply_on<Matmul>(stream, std::move(operands), from_mlx(a.dtype()));
}

mx::array gemv(GemvOperands x, mx::StreamOrDevice s) {
  check_dtypes("gemv", true, Named{"A", x.a}, Named{"x", x.x}, Named{"y", x.y});
  check_rank("gemv", {"A", x.a}, 2);
  check_rank("gemv", {"x", x.x}, 1);
  check_rank("gemv", {"y", x.y}, 1);
  const mx::Stream stream = product_stream(x.a.dtype(), s);
  const mx::array a = transposed(x.a, x.trans_a, stream);
  check_sizes("gemv", {"A", a}, {"x", x.x}, "inner dimensions", a.shape(1), x.x.shape(0));
  if (x.y.shape(0) != 1) {
    check_sizes("gemv", {"A", a}, {"y", x.y}, "the rows of A and the length of y", a.shape(0),
                x.y.shape(0));
  }
  check_scale("gemv", "alpha", x.alpha);
  check_scale("gemv", "beta", x.beta);

  const mx::Dtype dtype = a.dtype();
  if (on_cpu(stream)) {
    std::vector<mx::array> operands{x.alpha.as(dtype, stream), a, x.x, x.beta.as(dtype, stream),
                                    std::move(x.y)};
    return apply_on<Gemv>(stream, std::move(operands), from_mlx(dtype));
  }
  if (a.size() > 0 && !x.beta.is(0.0) && addmm_takes(x.alpha, x.beta, dtype)) {
    return mx::addmm(x.y, a, x.x, static_cast<float>(*x.alpha.known),
                     static_cast<float>(*x.beta.known), stream);
  }
  const mx::array product = scaled(gpu_product(a, x.x, stream), x.alpha, stream);
  return x.beta.is(0.0) ? product : plus(product, x.beta, x.y, stream);
}

mx::array matvec(MatvecOperands x, mx::StreamOrDevice s) {
  check_dtypes("matvec", !x.alpha.is(1.0), Named{"A", x.a}, Named{"x", x.x});
  check_rank("matvec", {"A", x.a}, 2);
  check_rank("matvec", {"x", x.x}, 1);
  const mx::Stream stream = product_stream(x.a.dtype(), s);
  const mx::array a = transposed(x.a, x.trans_a, stream);
  check_sizes("matvec", {"A", a}, {"x", x.x}, "inner dimensions", a.shape(1), x.x.shape(0));
  check_scale("matvec", "alpha", x.alpha);
  if (!on_cpu(stream)) return scaled(gpu_product(a, x.x, stream), x.alpha, stream);
  std::vector<mx::array> operands{a, x.x};
  if (!x.alpha.is(1.0)) operands.push_back(x.alpha.as(a.dtype(), stream));
  return apply_on<Matvec>(stream, std::move(operands), from_mlx(a.dtype()));
}

mx::array ger(GerOperands x, mx::StreamOrDevice s) {
  check_dtypes("ger", true, Named{"x", x.x}, Named{"y", x.y}, Named{"A", x.a});
  check_rank("ger", {"x", x.x}, 1);
  check_rank("ger", {"y", x.y}, 1);
  check_rank("ger", {"A", x.a}, 2);
  check_sizes("ger", {"x", x.x}, {"A", x.a}, "the length of x and the rows of A", x.x.shape(0),
              x.a.shape(0));
  check_sizes("ger", {"y", x.y}, {"A", x.a}, "the length of y and the columns of A", x.y.shape(0),
              x.a.shape(1));
  check_scale("ger", "alpha", x.alpha);

  const mx::Dtype dtype = x.a.dtype();
  const mx::Stream stream = product_stream(dtype, s);
  if (on_cpu(stream)) {
    std::vector<mx::array> operands{x.alpha.as(dtype, stream), x.x, x.y, std::move(x.a)};
    return apply_on<Ger>(stream, std::move(operands), from_mlx(dtype));
  }
  const mx::array column = mx::expand_dims(x.x, 1, stream), row = mx::expand_dims(x.y, 0, stream);
  if (x.a.size() > 0 && addmm_takes(x.alpha, 1.0, dtype)) {
    return mx::addmm(x.a, column, row, static_cast<float>(*x.alpha.known), 1.0f, stream);
  }
  return mx::add(x.a, scaled(mx::multiply(column, row, stream), x.alpha, stream), stream);
}

mx::array outer(OuterOperands x, mx::StreamOrDevice s) {
  check_dtypes("outer", true, Named{"x", x.x}, Named{"y", x.y});
  check_rank("outer", {"x", x.x}, 1);
  check_rank("outer", {"y", x.y}, 1);
  check_scale("outer", "alpha", x.alpha);
  const mx::Dtype dtype = x.x.dtype();
  const mx::Stream stream = product_stream(dtype, s);
  if (on_cpu(stream)) {
    std::vector<mx::array> operands{x.x, x.y};
    if (!x.alpha.is(1.0)) operands.push_back(x.alpha.as(dtype, stream));
    return apply_on<Outer>(stream, std::move(operands), from_mlx(dtype));
  }
  const mx::array column = mx::expand_dims(x.x, 1, stream), row = mx::expand_dims(x.y, 0, stream);
  return mx::multiply(scaled(column, x.alpha, stream), row, stream);
}

mx::array dot(mx::array x, mx::array y, mx::StreamOrDevice s) {
  check_dtypes("dot", false, Named{"x", x}, Named{"y", y});
  check_rank("dot", {"x", x}, 1);
  check_rank("dot", {"y", y}, 1);
  check_sizes("dot", {"x", x}, {"y", y}, "lengths", x.shape(0), y.shape(0));
  const DType dtype = from_mlx(x.dtype());
  const mx::Stream stream = product_stream(x.dtype(), s);
  if (!on_cpu(stream)) return mx::matmul(x, y, stream);
  return apply_on<Dot>(stream, {std::move(x), std::move(y)}, dtype);
}

// -- MLX's choices ------------------------------------------------------------------------------

void configure_cuda() {
  static const bool once = [] {
    const char* wanted = std::getenv("GEMMULE_TF32");
    const bool keep = wanted != nullptr && std::string_view(wanted) == "1";
    if (!keep) setenv("MLX_ENABLE_TF32", "0", /*overwrite=*/0);
    setenv("MLX_USE_CUDA_GRAPHS", "0", /*overwrite=*/0);
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace gemmule
