#include "kernels/reduce.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/elementwise_loops.h"
#include "kernels/fold_loops.h"
#include "kernels/scalar_functions.h"
#include "kernels/strided.h"

namespace gemmule::kernels {
namespace {

// Elements that are loaded, cast and folded at a time; the blocks of the pairwise sum.
constexpr std::int64_t kBlock = 1024;

// Rows that are added one after the other before their sum joins the others.
constexpr std::int64_t kRows = 64;

using Buffer = std::array<std::byte, kBlock * 16>;

[[noreturn]] void fail(Op op, const std::string& what) {
  throw std::invalid_argument("[" + std::string(info(op).name) + "] " + what);
}

std::string name_of(DType dtype) { return std::string(numpy_name(dtype)); }

// What a reduction folds with and in.
struct Fold {
  Op op;        // add, multiply, maximum or minimum
  DType dtype;  // of the partial results
};

Fold fold_of(Op op, DType accumulator, DType in) {
  const auto widened = [](DType d) { return d == DType::f16 ? DType::f32 : d; };
  switch (op) {
    case Op::reduce_sum:
      return {Op::add, widened(accumulator)};
    case Op::reduce_prod:
      return {Op::multiply, widened(accumulator)};
    case Op::reduce_max:
      return {Op::maximum, widened(in)};
    case Op::reduce_min:
      return {Op::minimum, widened(in)};
    case Op::reduce_any:
      return {Op::add, DType::bool_};
    case Op::reduce_all:
      return {Op::multiply, DType::bool_};
    default:
      fail(op, "not a reduction");
  }
}

DType result_of(Op op, DType accumulator, DType in) {
  switch (op) {
    case Op::reduce_sum:
    case Op::reduce_prod:
      return accumulator;
    case Op::reduce_any:
    case Op::reduce_all:
      return DType::bool_;
    case Op::argmax:
    case Op::argmin:
      return DType::i64;
    default:
      return in;
  }
}

// The dims of the input, split in those that stay and those that go.
struct Split {
  Extents kept_shape, kept_in, kept_out;
  Extents reduced_shape, reduced_in;
};

Split split_dims(Op op, const ConstView& in, std::span<const int> axes, const View& out) {
  const int rank = static_cast<int>(in.shape.size());
  if (in.shape.size() > kMaxRank) fail(op, "rank " + std::to_string(rank) + " is above 64");
  std::vector<bool> reduced(in.shape.size(), false);
  for (const int axis : axes) {
    if (axis < 0 || axis >= rank || reduced[static_cast<std::size_t>(axis)]) {
      fail(op, "axis " + std::to_string(axis) + " of an array of rank " + std::to_string(rank) +
                   " is out of range or given twice");
    }
    reduced[static_cast<std::size_t>(axis)] = true;
  }
  Split split;
  for (std::size_t dim = 0; dim < in.shape.size(); ++dim) {
    (reduced[dim] ? split.reduced_shape : split.kept_shape).push_back(in.shape[dim]);
    (reduced[dim] ? split.reduced_in : split.kept_in).push_back(in.strides[dim]);
  }
  if (out.shape != split.kept_shape || out.strides.size() != out.shape.size()) {
    fail(op, "the result does not have the shape of the operand without the reduced axes");
  }
  split.kept_out = out.strides;
  return split;
}

// Reads elements of the operand in the dtype of the fold.
class Loader {
 public:
  Loader(DType from, DType to)
      : cast_(from == to ? nullptr : cast_loop(from, to)),
        size_(static_cast<std::int64_t>(size_of(from))) {}

  std::int64_t size() const { return size_; }

  // n <= kBlock elements at `stride`, in place when they need no work.
  const void* load(const std::byte* from, std::int64_t stride, std::int64_t n) {
    const void* x = from;
    if (stride != 1 && n > 1) {
      move_elements(static_cast<std::size_t>(size_), gathered_.data(), 1, from, stride, n);
      x = gathered_.data();
    }
    if (cast_ == nullptr) return x;
    cast_(&x, converted_.data(), n);
    return converted_.data();
  }

 private:
  Loop cast_;
  std::int64_t size_;
  alignas(64) Buffer gathered_;
  alignas(64) Buffer converted_;
};

// Writes finished results, in the dtype of the fold, to the output.
class Storer {
 public:
  Storer(DType from, DType to)
      : cast_(from == to ? nullptr : cast_loop(from, to)),
        size_(static_cast<std::int64_t>(size_of(to))) {}

  std::int64_t size() const { return size_; }

  void store(const void* results, std::byte* to, std::int64_t stride, std::int64_t n) {
    if (cast_ != nullptr) {
      cast_(&results, converted_.data(), n);
      results = converted_.data();
    }
    move_elements(static_cast<std::size_t>(size_), to, stride, results, 1, n);
  }

 private:
  Loop cast_;
  std::int64_t size_;
  alignas(64) Buffer converted_;
};

struct Nests {
  LoopNest kept;     // of in, out
  LoopNest reduced;  // of in
};

std::span<const std::int64_t> without_last(const Extents& e) {
  return std::span(e).first(e.empty() ? 0 : e.size() - 1);
}

// One result after the other: the reduced elements are near each other.
void reduce_rows(const FoldLoops& loops, std::size_t size, const Nests& nests, Loader& loader,
                 Storer& storer, const std::byte* in, std::byte* out) {
  const std::int64_t run = nests.reduced.rank() == 0 ? 1 : nests.reduced.shape.back();
  const std::int64_t stride = nests.reduced.rank() == 0 ? 1 : nests.reduced.strides[0].back();
  const std::int64_t runs = element_count(nests.reduced.shape) / run;
  const std::int64_t results = element_count(nests.kept.shape);
  Pairwise sum(loops, size);
  alignas(16) std::array<std::byte, 16> partial;

  Odometer<2> result(nests.kept.shape, {nests.kept.strides[0], nests.kept.strides[1]});
  for (std::int64_t r = 0; r < results; ++r, result.next()) {
    const std::byte* const base = in + result.offset(0) * loader.size();
    std::byte* const to = out + result.offset(1) * storer.size();
    if (runs == 1 && run <= kBlock) {
      loops.fold(loader.load(base, stride, run), partial.data(), run);
      storer.store(partial.data(), to, 1, 1);
      continue;
    }
    Odometer<1> position(without_last(nests.reduced.shape), {nests.reduced.strides[0]});
    for (std::int64_t k = 0; k < runs; ++k, position.next()) {
      const std::byte* const at = base + position.offset(0) * loader.size();
      for (std::int64_t i = 0; i < run; i += kBlock) {
        const std::int64_t n = std::min(kBlock, run - i);
        loops.fold(loader.load(at + i * stride * loader.size(), stride, n), partial.data(), n);
        sum.add(partial.data());
      }
    }
    storer.store(sum.result(), to, 1, 1);
  }
}

// A block of results at once: neighbours in memory belong to different results, and rows are
// streamed.
void reduce_columns(const FoldLoops& loops, std::size_t size, const Nests& nests, Loader& loader,
                    Storer& storer, const std::byte* in, std::byte* out) {
  const bool scalar = nests.kept.rank() == 0;
  const std::int64_t columns = scalar ? 1 : nests.kept.shape.back();
  const std::int64_t in_stride = scalar ? 1 : nests.kept.strides[0].back();
  const std::int64_t out_stride = scalar ? 1 : nests.kept.strides[1].back();
  const std::int64_t panels = element_count(nests.kept.shape) / columns;

  // Short rows that follow each other without gaps are taken several at a time.
  const std::size_t reduced_rank = nests.reduced.rank();
  const std::int64_t height = reduced_rank == 0 ? 1 : nests.reduced.shape.back();
  const std::int64_t row_stride = reduced_rank == 0 ? 0 : nests.reduced.strides[0].back();
  const bool dense = in_stride == 1 && row_stride == columns && columns < kBlock / 4;
  const std::int64_t group = dense ? std::min(height, kBlock / columns) : 1;
  const std::int64_t stacks = element_count(nests.reduced.shape) / height;

  alignas(64) Buffer total, partial;
  Odometer<2> panel(without_last(nests.kept.shape), {nests.kept.strides[0], nests.kept.strides[1]});
  for (std::int64_t p = 0; p < panels; ++p, panel.next()) {
    for (std::int64_t first = 0; first < columns; first += kBlock) {
      const std::int64_t width = std::min(kBlock, columns - first);
      const std::byte* const base = in + (panel.offset(0) + first * in_stride) * loader.size();
      bool has_total = false;
      std::int64_t pending = 0, filled = 0;  // rows in `partial`, elements of it in use
      const auto fold_in = [&](const std::byte* at, std::int64_t n) {
        const void* x = loader.load(at, in_stride, n);
        if (pending == 0) {
          std::memcpy(partial.data(), x, static_cast<std::size_t>(n) * size);
          filled = n;
        } else {
          loops.combine(partial.data(), x, n);
        }
        ++pending;
      };
      const auto flush = [&] {
        if (pending == 0) return;
        for (std::int64_t k = width; k < filled; k += width) {
          loops.combine(partial.data(), partial.data() + static_cast<std::size_t>(k) * size, width);
        }
        if (has_total)
          loops.combine(total.data(), partial.data(), width);
        else
          std::memcpy(total.data(), partial.data(), static_cast<std::size_t>(width) * size);
        has_total = true;
        pending = 0;
      };
      Odometer<1> stack(without_last(nests.reduced.shape), {nests.reduced.strides[0]});
      for (std::int64_t s = 0; s < stacks; ++s, stack.next()) {
        const std::byte* const top = base + stack.offset(0) * loader.size();
        for (std::int64_t i = 0; i < height; i += group) {
          fold_in(top + i * row_stride * loader.size(), width * std::min(group, height - i));
          // A group shorter than the others folds into the front of `partial` only.
          if (pending == kRows) flush();
        }
        if (group > 1) flush();
      }
      flush();
      storer.store(total.data(), out + (panel.offset(1) + first * out_stride) * storer.size(),
                   out_stride, width);
    }
  }
}

// First position of the largest (or smallest) element; the first NaN wins.
template <bool Largest>
void arg_reduce(Op op, const ConstView& in, const Split& split, const View& out) {
  const Extents* const reduced_strides[] = {&split.reduced_in};
  const LoopNest reduced = merge_dims(split.reduced_shape, reduced_strides);  // keeps the order
  const std::int64_t run = reduced.rank() == 0 ? 1 : reduced.shape.back();
  const std::int64_t stride = reduced.rank() == 0 ? 1 : reduced.strides[0].back();
  const std::int64_t runs = element_count(reduced.shape) / run;
  const std::int64_t results = element_count(split.kept_shape);
  visit_dtype(in.dtype, [&]<class T>(T) {
    if constexpr (!Ordered<Compute<T>>) {
      fail(op, "not defined for " + name_of(in.dtype));
    } else {
      using C = Compute<T>;
      Odometer<2> result(split.kept_shape, {split.kept_in, split.kept_out});
      for (std::int64_t r = 0; r < results; ++r, result.next()) {
        const T* const base = static_cast<const T*>(in.data) + result.offset(0);
        C best = static_cast<C>(base[0]);
        std::int64_t best_at = 0;
        Odometer<1> position(without_last(reduced.shape), {reduced.strides[0]});
        for (std::int64_t k = 0; k < runs && !detail::is_nan(best); ++k, position.next()) {
          const T* const x = base + position.offset(0);
          for (std::int64_t i = 0; i < run; ++i) {
            const C value = static_cast<C>(x[i * stride]);
            const bool worse = Largest ? value <= best : value >= best;
            if (worse) continue;
            best = value;
            best_at = k * run + i;
            if (detail::is_nan(best)) break;
          }
        }
        static_cast<std::int64_t*>(out.data)[result.offset(1)] = best_at;
      }
    }
  });
}

}  // namespace

void reduce(Op op, DType accumulator, const ConstView& in, std::span<const int> axes,
            const View& out) {
  const bool is_arg = op == Op::argmax || op == Op::argmin;
  const Fold fold = is_arg ? Fold{} : fold_of(op, accumulator, in.dtype);
  const DType result = result_of(op, accumulator, in.dtype);
  if (out.dtype != result) {
    fail(op, "the result is " + name_of(result) + ", not " + name_of(out.dtype));
  }
  const Split split = split_dims(op, in, axes, out);
  if (element_count(split.kept_shape) == 0) return;
  const bool empty = element_count(split.reduced_shape) == 0;
  alignas(16) std::array<std::byte, 16> identity{};
  if (empty) write_identity(op, out.dtype, identity.data());
  if (op == Op::argmax) return arg_reduce<true>(op, in, split, out);
  if (op == Op::argmin) return arg_reduce<false>(op, in, split, out);

  const FoldLoops loops = fold_loops(fold.op, fold.dtype);
  if (loops.fold == nullptr) fail(op, "not defined for " + name_of(fold.dtype));

  Nests nests;
  const Extents* const kept_strides[] = {&split.kept_in, &split.kept_out};
  const Extents* const reduced_strides[] = {&split.reduced_in};
  nests.kept = loop_nest(split.kept_shape, kept_strides);
  nests.reduced = loop_nest(split.reduced_shape, reduced_strides);
  auto* const to = static_cast<std::byte*>(out.data);
  if (empty) {
    Odometer<1> position(split.kept_shape, {split.kept_out});
    for (std::int64_t i = 0; i < element_count(split.kept_shape); ++i, position.next()) {
      const auto size = static_cast<std::int64_t>(size_of(out.dtype));
      std::memcpy(to + position.offset(0) * size, identity.data(), size_of(out.dtype));
    }
    return;
  }

  Loader loader(in.dtype, fold.dtype);
  Storer storer(fold.dtype, out.dtype);
  const std::int64_t columns = nests.kept.rank() == 0 ? 1 : nests.kept.shape.back();
  const std::int64_t column_stride = nests.kept.rank() == 0 ? 0 : nests.kept.strides[0].back();
  const std::int64_t row_stride = nests.reduced.rank() == 0 ? 0 : nests.reduced.strides[0].back();
  const bool columns_are_near =
      std::abs(column_stride) < std::abs(row_stride) && column_stride != 0;
  const bool rows_are_short = element_count(nests.reduced.shape) < 16 && columns >= 16;
  const auto method = columns_are_near || rows_are_short ? reduce_columns : reduce_rows;
  method(loops, size_of(fold.dtype), nests, loader, storer, static_cast<const std::byte*>(in.data),
         to);
}

void cumulate(Op op, const ConstView& in, int axis, const View& out) {
  if (op != Op::cumsum && op != Op::cumprod) fail(op, "not a running sum or product");
  const int rank = static_cast<int>(in.shape.size());
  if (axis < 0 || axis >= rank || rank > static_cast<int>(kMaxRank)) {
    fail(op, "axis " + std::to_string(axis) + " of an array of rank " + std::to_string(rank));
  }
  if (in.shape != out.shape) fail(op, "operand and result differ in shape");
  const std::int64_t total = element_count(in.shape);
  if (total == 0) return;

  const DType dtype = out.dtype == DType::f16 ? DType::f32 : out.dtype;
  const FoldLoops loops = fold_loops(op == Op::cumsum ? Op::add : Op::multiply, dtype);
  const std::int64_t length = in.shape[static_cast<std::size_t>(axis)];
  const std::int64_t in_stride = in.strides[static_cast<std::size_t>(axis)];
  const std::int64_t out_stride = out.strides[static_cast<std::size_t>(axis)];
  Extents shape = in.shape, in_strides = in.strides, out_strides = out.strides;
  for (Extents* e : {&shape, &in_strides, &out_strides}) e->erase(e->begin() + axis);
  const Extents* const strides[] = {&out_strides, &in_strides};
  const LoopNest nest = loop_nest(shape, strides);

  Loader loader(in.dtype, dtype);
  Storer storer(dtype, out.dtype);
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  const auto* const from = static_cast<const std::byte*>(in.data);
  auto* const to = static_cast<std::byte*>(out.data);

  // A panel of neighbouring lines at a time where they are nearer to each other than their elements
  // are.
  const std::int64_t lines = nest.rank() == 0 ? 1 : nest.shape.back();
  const std::int64_t in_step = nest.rank() == 0 ? 1 : nest.strides[1].back();
  const std::int64_t out_step = nest.rank() == 0 ? 1 : nest.strides[0].back();
  const bool panels = lines > 1 && std::abs(in_step) < std::abs(in_stride) && length > 1;
  if (panels) {
    alignas(64) Buffer sum;
    Odometer<2> position(without_last(nest.shape), {nest.strides[1], nest.strides[0]});
    for (std::int64_t p = 0; p < element_count(nest.shape) / lines; ++p, position.next()) {
      for (std::int64_t first = 0; first < lines; first += kBlock) {
        const std::int64_t n = std::min(kBlock, lines - first);
        const std::byte* x = from + (position.offset(0) + first * in_step) * loader.size();
        std::byte* y = to + (position.offset(1) + first * out_step) * storer.size();
        for (std::int64_t i = 0; i < length; ++i) {
          const void* row = loader.load(x, in_step, n);
          if (i == 0)
            std::memcpy(sum.data(), row, static_cast<std::size_t>(n * size));
          else
            loops.combine(sum.data(), row, n);
          storer.store(sum.data(), y, out_step, n);
          x += in_stride * loader.size();
          y += out_stride * storer.size();
        }
      }
    }
    return;
  }
  alignas(64) std::array<std::byte, (kBlock + 1) * 16> line;  // [0] carries the sum so far
  Odometer<2> position(nest.shape, {nest.strides[1], nest.strides[0]});
  for (std::int64_t k = 0; k < element_count(nest.shape); ++k, position.next()) {
    const std::byte* x = from + position.offset(0) * loader.size();
    std::byte* y = to + position.offset(1) * storer.size();
    for (std::int64_t i = 0; i < length; i += kBlock) {
      const std::int64_t n = std::min(kBlock, length - i);
      const void* values = loader.load(x + i * in_stride * loader.size(), in_stride, n);
      std::memcpy(line.data() + size, values, static_cast<std::size_t>(n * size));
      if (i == 0)
        loops.run(line.data() + size, 1, n);
      else
        loops.run(line.data(), 1, n + 1);
      storer.store(line.data() + size, y + i * out_stride * storer.size(), out_stride, n);
      std::memcpy(line.data(), line.data() + n * size, static_cast<std::size_t>(size));
    }
  }
}

}  // namespace gemmule::kernels
