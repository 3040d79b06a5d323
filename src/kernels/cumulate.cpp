#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/block_io.h"
#include "kernels/fold_loops.h"
#include "kernels/reduce.h"

namespace gemmule::kernels {

struct CumulateKernel::Plan {
  DType in_dtype, fold_dtype, out_dtype;
  FoldLoops loops;
  std::int64_t length = 0, in_stride = 0, out_stride = 0;  // of a line along the axis
  LoopNest nest;                                           // of the lines: out, in
  std::int64_t lines = 0;                                  // all of them; 0: nothing to do

  void run_panels(const std::byte* from, std::byte* to) const;
  void run_lines(const std::byte* from, std::byte* to) const;
};

CumulateKernel::CumulateKernel(Op op, const ConstView& in, int axis, const View& out) {
  const auto fail = [op](const std::string& what) {
    throw std::invalid_argument("[" + std::string(info(op).name) + "] " + what);
  };
  if (op != Op::cumsum && op != Op::cumprod) fail("not a running sum or product");
  const int rank = static_cast<int>(in.shape.size());
  if (axis < 0 || axis >= rank || rank > static_cast<int>(kMaxRank)) {
    fail("axis " + std::to_string(axis) + " of an array of rank " + std::to_string(rank));
  }
  if (in.shape != out.shape) fail("operand and result differ in shape");
  const DType dtype = out.dtype == DType::f16 ? DType::f32 : out.dtype;
  auto plan = std::make_unique<Plan>();
  plan->in_dtype = in.dtype;
  plan->fold_dtype = dtype;
  plan->out_dtype = out.dtype;
  plan->loops = fold_loops(op == Op::cumsum ? Op::add : Op::multiply, dtype);
  if (element_count(in.shape) > 0) {
    const auto at = static_cast<std::size_t>(axis);
    plan->length = in.shape[at];
    plan->in_stride = in.strides[at];
    plan->out_stride = out.strides[at];
    Extents shape = in.shape, in_strides = in.strides, out_strides = out.strides;
    for (Extents* e : {&shape, &in_strides, &out_strides}) e->erase(e->begin() + axis);
    const Extents* const strides[] = {&out_strides, &in_strides};
    plan->nest = loop_nest(shape, strides);
    plan->lines = element_count(shape);
  }
  plan_ = std::move(plan);
}

CumulateKernel::~CumulateKernel() = default;
CumulateKernel::CumulateKernel(CumulateKernel&&) noexcept = default;
CumulateKernel& CumulateKernel::operator=(CumulateKernel&&) noexcept = default;

void CumulateKernel::run(const void* in, void* out) const {
  const Plan& p = *plan_;
  if (p.lines == 0) return;
  const auto* const from = static_cast<const std::byte*>(in);
  auto* const to = static_cast<std::byte*>(out);
  // Neighbouring lines are nearer to each other than their elements are.
  const bool panels = p.nest.rank() > 0 && p.length > 1 &&
                      std::abs(p.nest.strides[1].back()) < std::abs(p.in_stride);
  panels ? p.run_panels(from, to) : p.run_lines(from, to);
}

// A panel of neighbouring lines at a time.
void CumulateKernel::Plan::run_panels(const std::byte* from, std::byte* to) const {
  Loader loader(in_dtype, fold_dtype);
  Storer storer(fold_dtype, out_dtype);
  const std::size_t size = size_of(fold_dtype);
  const std::int64_t width = nest.shape.back();
  const std::int64_t in_step = nest.strides[1].back(), out_step = nest.strides[0].back();
  alignas(64) Buffer sum;
  Odometer<2> position(without_last(nest.shape), {nest.strides[1], nest.strides[0]});
  for (std::int64_t p = 0; p < lines / width; ++p, position.next()) {
    for (std::int64_t first = 0; first < width; first += kBlock) {
      const std::int64_t n = std::min(kBlock, width - first);
      const std::byte* x = from + (position.offset(0) + first * in_step) * loader.size();
      std::byte* y = to + (position.offset(1) + first * out_step) * storer.size();
      for (std::int64_t i = 0; i < length; ++i) {
        const void* row = loader.load(x, in_step, n);
        if (i == 0)
          std::memcpy(sum.data(), row, static_cast<std::size_t>(n) * size);
        else
          loops.combine(sum.data(), row, n);
        storer.store(sum.data(), y, out_step, n);
        x += in_stride * loader.size();
        y += out_stride * storer.size();
      }
    }
  }
}

void CumulateKernel::Plan::run_lines(const std::byte* from, std::byte* to) const {
  Loader loader(in_dtype, fold_dtype);
  Storer storer(fold_dtype, out_dtype);
  const auto size = static_cast<std::int64_t>(size_of(fold_dtype));
  alignas(64) std::array<std::byte, (kBlock + 1) * 16> line;  // [0] carries the sum so far
  Odometer<2> position(nest.shape, {nest.strides[1], nest.strides[0]});
  for (std::int64_t k = 0; k < lines; ++k, position.next()) {
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

void cumulate(Op op, const ConstView& in, int axis, const View& out) {
  CumulateKernel(op, in, axis, out).run(in.data, out.data);
}

}  // namespace gemmule::kernels
