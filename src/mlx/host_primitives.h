// Gemmule's own primitives of MLX's lazy graph, one .cpp each. They run on CPU streams.
//
// Lowering builds them by lower_to<Gemm>(context, parameters...).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ir/ops.h"
#include "kernels/elementwise.h"
#include "kernels/lapack.h"
#include "kernels/movement.h"
#include "mlx/host_primitive.h"
#include "mlx/lower.h"

namespace gemmule {

// The body that all primitives share: name, copy with another signature.
#define GEMMULE_HOST_PRIMITIVE(Name)                                                       \
 public:                                                                                   \
  const char* name() const override { return #Name; }                                      \
                                                                                           \
 protected:                                                                                \
  std::vector<Extents> result_shapes(const std::vector<Extents>& operands) const override; \
  void compute(std::span<const ConstView> in, std::span<const View> out) const override;   \
  std::shared_ptr<HostPrimitive> with(Signature signature) const override;

// -- BLAS: gemm.cpp, gemv.cpp, ger.cpp, dot.cpp -------------------------------------------------

// (alpha, A[..., m, k], B[..., k, n], beta, C) -> alpha * A @ B + beta * C
//
// alpha and beta are 0-d arrays, read when the product is computed; with beta = 0 C is not read.
// The leading dims of A and B are equal. C and the product broadcast to each other as NumPy's rule
// says. C's memory becomes the result's when nobody else holds it. Inexact dtypes.
class Gemm : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  std::vector<mx::array> vjp(const std::vector<mx::array>& primals,
                             const std::vector<mx::array>& cotangents,
                             const std::vector<int>& argnums,
                             const std::vector<mx::array>& outputs) override;
  GEMMULE_HOST_PRIMITIVE(Gemm)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  std::vector<int> donors(int) const override { return {4}; }
};

// (A[..., m, k], B[..., k, n] [, alpha]) -> alpha * A @ B; integers and bool exactly, without
// alpha.
class Matmul : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  std::vector<mx::array> vjp(const std::vector<mx::array>& primals,
                             const std::vector<mx::array>& cotangents,
                             const std::vector<int>& argnums,
                             const std::vector<mx::array>& outputs) override;
  GEMMULE_HOST_PRIMITIVE(Matmul)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
};

// (alpha, A[m, k], x[k], beta, y[m]) -> alpha * A @ x + beta * y. As Gemm.
class Gemv : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  GEMMULE_HOST_PRIMITIVE(Gemv)
  std::vector<int> donors(int) const override { return {4}; }
};

// (A[m, k], x[k] [, alpha]) -> alpha * A @ x; integers and bool exactly, without alpha.
class Matvec : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  GEMMULE_HOST_PRIMITIVE(Matvec)
};

// (alpha, x[m], y[n], A[m, n]) -> A + alpha * outer(x, y), in A's memory when nobody else holds it.
class Ger : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  GEMMULE_HOST_PRIMITIVE(Ger)
  std::vector<int> donors(int) const override { return {3}; }
};

// (x[m], y[n] [, alpha]) -> alpha * outer(x, y), inexact dtypes.
class Outer : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  GEMMULE_HOST_PRIMITIVE(Outer)
};

// (x[k], y[k]) -> sum(x * y), every dtype.
class Dot : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  GEMMULE_HOST_PRIMITIVE(Dot)
};

// -- elements: elementwise.cpp ------------------------------------------------------------------

// A program, and its kernel for the first layout of operands and results that it is run on: calls
// with that layout bind nothing. Re-entrant.
class ElementwiseChain {
 public:
  explicit ElementwiseChain(kernels::ElementwiseProgram program) : program_(std::move(program)) {}

  const kernels::ElementwiseProgram& program() const { return program_; }

  // `rank` batch axes in front; behind them operands broadcast to the results.
  void run(std::span<const ConstView> in, std::span<const View> out, int rank) const;

 private:
  kernels::ElementwiseProgram program_;
  mutable std::once_flag once_;
  mutable std::optional<kernels::ElementwiseKernel> kernel_;  // once_ sets these three
  mutable std::vector<std::pair<Extents, Extents>> layouts_;  // shape and strides: in, out
  mutable int rank_ = 0;

  kernels::ElementwiseKernel bind(std::span<const ConstView> in, std::span<const View> out,
                                  int rank) const;
  bool is_bound_to(std::span<const ConstView> in, std::span<const View> out, int rank) const;
};

// Any chain of elementwise ops in one pass. Operands broadcast by NumPy's rule. A result takes over
// the memory of an operand of its dtype and shape that nobody else holds.
class Elementwise : public HostPrimitive {
 public:
  // The signature's dtypes are those of the program's operands and outputs.
  Elementwise(mx::Stream stream, Signature signature, std::shared_ptr<const ElementwiseChain> chain)
      : HostPrimitive(stream, std::move(signature)), chain_(std::move(chain)) {}
  GEMMULE_HOST_PRIMITIVE(Elementwise)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  std::vector<int> donors(int result) const override;
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  std::shared_ptr<const ElementwiseChain> chain_;
};

// -- reductions: reduce.cpp ---------------------------------------------------------------------

// reduce_sum, ..., reduce_all, argmax and argmin over `axes` (see kernels/reduce.h).
class Reduce : public HostPrimitive {
 public:
  Reduce(mx::Stream stream, Signature signature, Op op, DType accumulator, std::vector<int> axes)
      : HostPrimitive(stream, std::move(signature)),
        op_(op),
        accumulator_(accumulator),
        axes_(std::move(axes)) {}
  GEMMULE_HOST_PRIMITIVE(Reduce)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  Op op_;
  DType accumulator_;
  std::vector<int> axes_;
};

// cumsum and cumprod along `axis`.
class Cumulative : public HostPrimitive {
 public:
  Cumulative(mx::Stream stream, Signature signature, Op op, int axis)
      : HostPrimitive(stream, std::move(signature)), op_(op), axis_(axis) {}
  GEMMULE_HOST_PRIMITIVE(Cumulative)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  std::vector<int> donors(int) const override { return {0}; }
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  Op op_;
  int axis_;
};

// sort and argsort along `axis`.
class Sort : public HostPrimitive {
 public:
  Sort(mx::Stream stream, Signature signature, Op op, int axis)
      : HostPrimitive(stream, std::move(signature)), op_(op), axis_(axis) {}
  GEMMULE_HOST_PRIMITIVE(Sort)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  Op op_;
  int axis_;
};

// -- indexing: indexing.cpp ---------------------------------------------------------------------

// (x, index per axis of `axes` ...) -> x[indices]; the indices broadcast (see kernels/movement.h).
// An index out of bounds is an IndexError for whoever waits for the result.
class HostGather : public HostPrimitive {
 public:
  HostGather(mx::Stream stream, Signature signature, std::vector<int> axes)
      : HostPrimitive(stream, std::move(signature)), axes_(std::move(axes)) {}
  GEMMULE_HOST_PRIMITIVE(HostGather)
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  std::vector<int> axes_;
};

// (x, y, index per axis of `axes` ...) -> x with x[indices] = y or += y; y broadcasts to the
// indexed part.
class HostScatter : public HostPrimitive {
 public:
  HostScatter(mx::Stream stream, Signature signature, kernels::ScatterMode mode,
              std::vector<int> axes)
      : HostPrimitive(stream, std::move(signature)), mode_(mode), axes_(std::move(axes)) {}
  GEMMULE_HOST_PRIMITIVE(HostScatter)
  std::vector<int> donors(int) const override { return {0}; }
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  kernels::ScatterMode mode_;
  std::vector<int> axes_;
};

// -- LAPACK: linalg.cpp; leading dims are batches, equal in all operands (see kernels/lapack.h) -

class Cholesky : public HostPrimitive {
 public:
  Cholesky(mx::Stream stream, Signature signature, bool lower)
      : HostPrimitive(stream, std::move(signature)), lower_(lower) {}
  GEMMULE_HOST_PRIMITIVE(Cholesky)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  std::vector<int> donors(int) const override { return {0}; }
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  bool lower_;
};

// (A[..., m, m], B[..., m, n]) -> X with op(A) X = B
class SolveTriangular : public HostPrimitive {
 public:
  SolveTriangular(mx::Stream stream, Signature signature, kernels::TriangularOptions options)
      : HostPrimitive(stream, std::move(signature)), options_(options) {}
  GEMMULE_HOST_PRIMITIVE(SolveTriangular)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  std::vector<int> donors(int) const override { return {1}; }
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  kernels::TriangularOptions options_;
};

// (A[..., m, m], B[..., m, n]) -> X with A X = B
class Solve : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  GEMMULE_HOST_PRIMITIVE(Solve)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  std::vector<int> donors(int) const override { return {1}; }
};

class Inverse : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  GEMMULE_HOST_PRIMITIVE(Inverse)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  std::vector<int> donors(int) const override { return {0}; }
};

// A -> (sign, log |det|)
class Slogdet : public HostPrimitive {
 public:
  using HostPrimitive::HostPrimitive;
  GEMMULE_HOST_PRIMITIVE(Slogdet)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
};

// A -> (eigenvalues, eigenvectors in columns)
class Eigh : public HostPrimitive {
 public:
  Eigh(mx::Stream stream, Signature signature, bool lower)
      : HostPrimitive(stream, std::move(signature)), lower_(lower) {}
  GEMMULE_HOST_PRIMITIVE(Eigh)
  void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                     int rank) const override;
  std::vector<int> donors(int) const override { return {}; }
  bool same_parameters(const HostPrimitive& other) const override;

 private:
  bool lower_;
};

#undef GEMMULE_HOST_PRIMITIVE

// -- lowering -----------------------------------------------------------------------------------

// The dtypes that the node declares.
Signature signature_of(const LowerContext& context);

// The node as one primitive; consumes context.operands, of which the caller keeps no copies.
template <class Primitive, class... Parameters>
Lowered lower_to(LowerContext& context, Parameters&&... parameters) {
  auto primitive = std::make_shared<Primitive>(context.stream, signature_of(context),
                                               std::forward<Parameters>(parameters)...);
  primitive->report_to(context.status);
  primitive->take(context.given_away);
  return lazy(primitive, std::move(context.operands));
}

}  // namespace gemmule
