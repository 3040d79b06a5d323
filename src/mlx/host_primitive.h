// Gemmule's kernels over host memory as primitives of MLX's lazy graph.
//
// A primitive is a class of ten lines: its parameters, the shapes of its results and the call of a
// kernel over views. Everything that MLX asks for besides (allocation, in-place results, dispatch
// to the stream's thread, vmap, equivalence, shapes) is here, once.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "ir/dtype.h"
#include "kernels/view.h"
#include "mlx/array.h"
#include "mlx/primitives.h"
#include "mlx/run_status.h"
#include "mlx/stream.h"

namespace gemmule {

namespace mx = mlx::core;

// Element types of the operands and results. MLX has no c128: such an array is f64 with one more
// axis of size 2 at the end (real, imaginary), and the kernel sees c128 without that axis.
struct Signature {
  std::vector<DType> operands;
  std::vector<DType> results;
  int batch_rank = 0;  // leading axes that vmap added, of one size in all operands

  friend bool operator==(const Signature&, const Signature&) = default;
};

class HostPrimitive : public mx::Primitive {
 public:
  HostPrimitive(mx::Stream stream, Signature signature)
      : mx::Primitive(stream), signature_(std::move(signature)) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) final;
  // The same at once on the calling thread, for operands that are available.
  void eval_here(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) const;
  // Throws UnsupportedError: lowering uses mlx::core ops on a GPU.
  void eval_gpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) final;
  std::pair<std::vector<mx::array>, std::vector<int>> vmap(const std::vector<mx::array>& inputs,
                                                           const std::vector<int>& axes) final;
  // For primitives of one class, as MLX calls it.
  bool is_equivalent(const mx::Primitive& other) const final;
  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) final;

  const Signature& signature() const { return signature_; }

  // Where to leave what compute throws; without it MLX carries the error to whoever waits for the
  // result, as a RuntimeError.
  void report_to(std::shared_ptr<RunStatus> status) { status_ = std::move(status); }

  // Operands in memory that is not MLX's and that the caller gave away (see
  // LowerContext::given_away). No other primitive refers to these very arrays, so that holders of
  // the memory are all there is to count.
  void take(std::vector<bool> given_away) { given_away_ = std::move(given_away); }

 protected:
  // The shapes of the results from those of the operands, without batch axes. Operands fit each
  // other: whoever builds the primitive has checked them.
  virtual std::vector<Extents> result_shapes(const std::vector<Extents>& operands) const = 0;

  // The kernel, on the stream's thread.
  virtual void compute(std::span<const ConstView> in, std::span<const View> out) const = 0;

  // The same with `batch_rank` batch axes in front of every view. The default calls compute for
  // every index; a kernel that takes leading axes by itself overrides it.
  virtual void compute_batch(std::span<const ConstView> in, std::span<const View> out,
                             int batch_rank) const;

  // Operands whose memory `result` may take over, best first. It happens only when nobody else
  // holds the memory and dtype and layout are those of the result.
  virtual std::vector<int> donors(int) const { return {}; }

  // Whether `other`, of the same class and signature, has the same parameters.
  virtual bool same_parameters(const HostPrimitive&) const { return true; }

  // The same primitive with another signature.
  virtual std::shared_ptr<HostPrimitive> with(Signature signature) const = 0;

  const mx::Stream& where() const { return const_cast<HostPrimitive*>(this)->stream(); }

 private:
  Signature signature_;
  std::shared_ptr<RunStatus> status_;
  std::vector<bool> given_away_;

  // What compute_batch needs, with memory for the results.
  struct Work {
    std::vector<ConstView> in;
    std::vector<View> out;
    bool empty = true;  // no result has an element
  };
  Work prepare(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) const;
  bool can_take_over(const std::vector<mx::array>& operands, int i, const mx::array& result) const;
};

// The lazy results of a primitive.
std::vector<mx::array> lazy(const std::shared_ptr<HostPrimitive>& primitive,
                            std::vector<mx::array> operands);

// What a kernel sees of an evaluated array. Throws InternalError where the parts of a c128 are
// apart.
ConstView const_view(const mx::array& array, DType dtype);
View mutable_view(mx::array& array, DType dtype);

// The part of `view` at one index of its leading axes, given as the flat index over the first
// `rank` axes.
ConstView at_batch(const ConstView& view, int rank, std::int64_t index);
View at_batch(const View& view, int rank, std::int64_t index);

// `view` with strides 0 where it broadcasts to `shape`, as NumPy's rule says. The shapes fit.
ConstView broadcast_view(ConstView view, const Extents& shape);
Extents broadcast_extents(const Extents& a, const Extents& b);

// Shapes without the axis of the parts of a c128, and with it.
Extents extents(const mx::array& array, DType dtype);
mx::Shape to_mlx_shape(const Extents& shape, DType dtype);

}  // namespace gemmule
