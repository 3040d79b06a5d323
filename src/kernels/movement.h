// Elements moved, not computed: copies, indexing, sorting.
//
// A kernel is bound to dtypes, shapes and strides; the data of the views it is made from is not
// read. Kernels are immutable and re-entrant; `run` takes the addresses of the elements with all
// indices 0, does not throw, and allocates only a thread's scratch memory. The functions bind and
// run once. All throw std::invalid_argument for views that do not fit each other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "ir/dtype.h"
#include "kernels/strided.h"
#include "kernels/view.h"

namespace gemmule::kernels {

// out = in; equal dtypes and shapes, any strides, no overlap.
class CopyKernel {
 public:
  CopyKernel(const ConstView& in, const View& out);
  void run(const void* in, void* out) const;

 private:
  LoopNest nest_;               // of out, in
  std::size_t size_ = 0;        // of an element
  std::size_t contiguous_ = 0;  // bytes to copy at once, or 0
  bool is_empty_ = false;
};
void copy(const ConstView& in, const View& out);

// The first index that is out of bounds, for the caller's message.
struct IndexError {
  int axis;            // axis of x
  std::int64_t index;  // as given, before a negative one wrapped
  std::int64_t size;   // of that axis
};

struct IndexingPlan;

// out[i..., r...] = x[indices[0][i...], indices[1][i...], ..., r...] where indices[k] indexes
// axes[k] of x. Indices are integer views of one shape (broadcast with stride 0); negative ones
// count from the end. Shape of out: that of the indices, then the axes of x that are not indexed,
// in order. Nothing is written when an index is out of bounds.
class GatherKernel {
 public:
  GatherKernel(const ConstView& x, std::span<const ConstView> indices, std::span<const int> axes,
               const View& out);
  ~GatherKernel();
  GatherKernel(GatherKernel&&) noexcept;
  GatherKernel& operator=(GatherKernel&&) noexcept;
  std::optional<IndexError> run(const void* x, const void* const* indices, void* out) const;

 private:
  std::unique_ptr<const IndexingPlan> plan_;
};
std::optional<IndexError> gather(const ConstView& x, std::span<const ConstView> indices,
                                 std::span<const int> axes, const View& out);

enum class ScatterMode { set, add };

// x[indices] = y or += y in place; y has the shape that gather gives (broadcast with stride 0).
// Repeated indices: the last one stays (set), all accumulate (add).
class ScatterKernel {
 public:
  ScatterKernel(ScatterMode mode, const View& x, const ConstView& y,
                std::span<const ConstView> indices, std::span<const int> axes);
  ~ScatterKernel();
  ScatterKernel(ScatterKernel&&) noexcept;
  ScatterKernel& operator=(ScatterKernel&&) noexcept;
  std::optional<IndexError> run(void* x, const void* y, const void* const* indices) const;

 private:
  std::unique_ptr<const IndexingPlan> plan_;
};
std::optional<IndexError> scatter(ScatterMode mode, const View& x, const ConstView& y,
                                  std::span<const ConstView> indices, std::span<const int> axes);

// `sort`: along `axis`, ascending, stable, NaN last; complex by real part, then imaginary part.
// `argsort`: the positions of that order; out is i64.
class SortKernel {
 public:
  enum class What { sort, argsort };
  SortKernel(What what, const ConstView& in, int axis, const View& out);
  void run(const void* in, void* out) const;

 private:
  struct Line {
    std::int64_t length, in_stride, out_stride;
  };
  using SortLine = void (*)(const Line& line, const void* in, void* out);

  SortLine sort_line_ = nullptr;
  Line line_{};
  Extents shape_, in_strides_, out_strides_;  // without the axis
  std::int64_t lines_ = 0;
  std::int64_t in_size_ = 0, out_size_ = 0;  // of an element

  template <class T>
  static void sort_values(const Line& line, const void* in, void* out);
  template <class T>
  static void sort_positions(const Line& line, const void* in, void* out);
};
void sort(const ConstView& in, int axis, const View& out);
void argsort(const ConstView& in, int axis, const View& out);

}  // namespace gemmule::kernels
