#include "kernels/reduce.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/block_io.h"
#include "kernels/fold_loops.h"
#include "kernels/scalar_functions.h"
#include "kernels/strided.h"

namespace gemmule::kernels {
namespace {

// Rows that are added one after the other before their sum joins the others.
constexpr std::int64_t kRows = 64;

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

}  // namespace

struct ReduceKernel::Plan {
  using Method = void (*)(const Plan& plan, const std::byte* in, std::byte* out);

  Method method = nullptr;
  DType in_dtype{}, fold_dtype{}, out_dtype{};
  FoldLoops loops;
  std::size_t size = 0;  // of an element of fold_dtype
  LoopNest kept;         // of in, out
  LoopNest reduced;      // of in; for argmax and argmin row by row
  std::int64_t results = 0;
  std::array<std::byte, 16> identity{};

  std::int64_t run = 0;  // elements of each result
};

namespace {

using Plan = ReduceKernel::Plan;

// One result after the other: the reduced elements are near each other.
void reduce_rows(const Plan& plan, const std::byte* in, std::byte* out) {
  const auto& [kept, reduced, loops] = std::tie(plan.kept, plan.reduced, plan.loops);
  const std::int64_t run = reduced.rank() == 0 ? 1 : reduced.shape.back();
  const std::int64_t stride = reduced.rank() == 0 ? 1 : reduced.strides[0].back();
  const std::int64_t runs = element_count(reduced.shape) / run;
  Loader loader(plan.in_dtype, plan.fold_dtype);
  Storer storer(plan.fold_dtype, plan.out_dtype);
  Pairwise sum(loops, plan.size);
  alignas(16) std::array<std::byte, 16> partial;

  Odometer<2> result(kept.shape, {kept.strides[0], kept.strides[1]});
  for (std::int64_t r = 0; r < plan.results; ++r, result.next()) {
    const std::byte* const base = in + result.offset(0) * loader.size();
    std::byte* const to = out + result.offset(1) * storer.size();
    if (runs == 1 && run <= kBlock) {
      loops.fold(loader.load(base, stride, run), partial.data(), run);
      storer.store(partial.data(), to, 1, 1);
      continue;
    }
    Odometer<1> position(without_last(reduced.shape), {reduced.strides[0]});
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

// The same for rows without gaps, which need no cast.
void reduce_dense_rows(const Plan& plan, const std::byte* in, std::byte* out) {
  plan.loops.fold_segments(in, out, plan.results, plan.run);
}

// A block of results at once: neighbours in memory belong to different results, and rows are
// streamed.
void reduce_columns(const Plan& plan, const std::byte* in, std::byte* out) {
  const auto& [kept, reduced, loops] = std::tie(plan.kept, plan.reduced, plan.loops);
  const std::size_t size = plan.size;
  const bool scalar = kept.rank() == 0;
  const std::int64_t columns = scalar ? 1 : kept.shape.back();
  const std::int64_t in_stride = scalar ? 1 : kept.strides[0].back();
  const std::int64_t out_stride = scalar ? 1 : kept.strides[1].back();
  const std::int64_t panels = plan.results / columns;
  Loader loader(plan.in_dtype, plan.fold_dtype);
  Storer storer(plan.fold_dtype, plan.out_dtype);

  // Short rows that follow each other without gaps are taken several at a time.
  const std::size_t reduced_rank = reduced.rank();
  const std::int64_t height = reduced_rank == 0 ? 1 : reduced.shape.back();
  const std::int64_t row_stride = reduced_rank == 0 ? 0 : reduced.strides[0].back();
  const bool dense = in_stride == 1 && row_stride == columns && columns < kBlock / 4;
  const std::int64_t group = dense ? std::min(height, kBlock / columns) : 1;
  const std::int64_t stacks = element_count(reduced.shape) / height;

  alignas(64) Buffer total, partial;
  Odometer<2> panel(without_last(kept.shape), {kept.strides[0], kept.strides[1]});
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
        for (std::int64_t rows = filled / width; rows > 1;) {
          const std::int64_t half = rows / 2;
          rows -= half;
          loops.combine(partial.data(),
                        partial.data() + static_cast<std::size_t>(rows * width) * size,
                        half * width);
        }
        if (has_total)
          loops.combine(total.data(), partial.data(), width);
        else
          std::memcpy(total.data(), partial.data(), static_cast<std::size_t>(width) * size);
        has_total = true;
        pending = 0;
      };
      Odometer<1> stack(without_last(reduced.shape), {reduced.strides[0]});
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
template <class T, bool Largest>
void arg_reduce(const Plan& plan, const std::byte* in, std::byte* out) {
  using C = Compute<T>;
  const LoopNest& reduced = plan.reduced;
  const std::int64_t run = reduced.rank() == 0 ? 1 : reduced.shape.back();
  const std::int64_t stride = reduced.rank() == 0 ? 1 : reduced.strides[0].back();
  const std::int64_t runs = element_count(reduced.shape) / run;
  Odometer<2> result(plan.kept.shape, {plan.kept.strides[0], plan.kept.strides[1]});
  for (std::int64_t r = 0; r < plan.results; ++r, result.next()) {
    const T* const base = reinterpret_cast<const T*>(in) + result.offset(0);
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
    reinterpret_cast<std::int64_t*>(out)[result.offset(1)] = best_at;
  }
}

Plan::Method arg_method(Op op, DType dtype) {
  return visit_dtype(dtype, [&]<class T>(T) -> Plan::Method {
    if constexpr (!Ordered<Compute<T>>)
      fail(op, "not defined for " + name_of(dtype));
    else
      return op == Op::argmax ? arg_reduce<T, true> : arg_reduce<T, false>;
  });
}

void write_identities(const Plan& plan, const std::byte*, std::byte* out) {
  const std::size_t size = size_of(plan.out_dtype);
  Odometer<1> position(plan.kept.shape, {plan.kept.strides[1]});
  for (std::int64_t i = 0; i < plan.results; ++i, position.next()) {
    std::memcpy(out + position.offset(0) * static_cast<std::int64_t>(size), plan.identity.data(),
                size);
  }
}

// The stride of all elements of a view, one after the other.
bool has_stride(const LoopNest& nest, std::size_t view, std::int64_t stride) {
  return nest.rank() == 0 || (nest.rank() == 1 && nest.strides[view][0] == stride);
}

Plan bind(Op op, DType accumulator, const ConstView& in, std::span<const int> axes,
          const View& out) {
  const bool is_arg = op == Op::argmax || op == Op::argmin;
  const Fold fold = is_arg ? Fold{} : fold_of(op, accumulator, in.dtype);
  const DType result = result_of(op, accumulator, in.dtype);
  if (out.dtype != result) {
    fail(op, "the result is " + name_of(result) + ", not " + name_of(out.dtype));
  }
  const Split split = split_dims(op, in, axes, out);
  Plan plan;
  plan.in_dtype = in.dtype;
  plan.fold_dtype = fold.dtype;
  plan.out_dtype = out.dtype;
  plan.results = element_count(split.kept_shape);
  if (plan.results == 0) return plan;
  const bool empty = element_count(split.reduced_shape) == 0;
  if (empty) write_identity(op, out.dtype, plan.identity.data());

  const Extents* const kept_strides[] = {&split.kept_in, &split.kept_out};
  const Extents* const reduced_strides[] = {&split.reduced_in};
  plan.kept = loop_nest(split.kept_shape, kept_strides);
  if (is_arg) {
    plan.method = arg_method(op, in.dtype);
    plan.reduced = merge_dims(split.reduced_shape, reduced_strides);
    return plan;
  }
  plan.loops = fold_loops(fold.op, fold.dtype);
  if (plan.loops.fold == nullptr) fail(op, "not defined for " + name_of(fold.dtype));
  plan.size = size_of(fold.dtype);
  if (empty) {
    plan.method = write_identities;
    return plan;
  }
  const LoopNest &kept = plan.kept,
                 &reduced = plan.reduced = loop_nest(split.reduced_shape, reduced_strides);
  plan.run = element_count(reduced.shape);
  const bool is_dense = in.dtype == fold.dtype && out.dtype == fold.dtype && plan.run <= kBlock &&
                        has_stride(reduced, 0, 1) && has_stride(kept, 0, plan.run) &&
                        has_stride(kept, 1, 1);
  const std::int64_t columns = kept.rank() == 0 ? 1 : kept.shape.back();
  const std::int64_t column_stride = kept.rank() == 0 ? 0 : kept.strides[0].back();
  const std::int64_t row_stride = reduced.rank() == 0 ? 0 : reduced.strides[0].back();
  const bool columns_are_near =
      std::abs(column_stride) < std::abs(row_stride) && column_stride != 0;
  const bool rows_are_short = plan.run < 16 && columns >= 16;
  plan.method = is_dense                             ? reduce_dense_rows
                : columns_are_near || rows_are_short ? reduce_columns
                                                     : reduce_rows;
  return plan;
}

}  // namespace

ReduceKernel::ReduceKernel(Op op, DType accumulator, const ConstView& in, std::span<const int> axes,
                           const View& out)
    : plan_(std::make_unique<Plan>(bind(op, accumulator, in, axes, out))) {}
ReduceKernel::~ReduceKernel() = default;
ReduceKernel::ReduceKernel(ReduceKernel&&) noexcept = default;
ReduceKernel& ReduceKernel::operator=(ReduceKernel&&) noexcept = default;

void ReduceKernel::run(const void* in, void* out) const {
  if (plan_->method == nullptr) return;  // no results
  plan_->method(*plan_, static_cast<const std::byte*>(in), static_cast<std::byte*>(out));
}

void reduce(Op op, DType accumulator, const ConstView& in, std::span<const int> axes,
            const View& out) {
  ReduceKernel(op, accumulator, in, axes, out).run(in.data, out.data);
}

}  // namespace gemmule::kernels
