// Kernels allocate nothing on the heap once a thread has its scratch memory.

// The sanitizers have operators of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <gtest/gtest.h>

#include <complex>
#include <functional>
#include <vector>

#include "kernels/blas.h"
#include "kernels/counted_allocations.h"
#include "kernels/elementwise.h"
#include "kernels/lapack.h"
#include "kernels/movement.h"
#include "kernels/reduce.h"
#include "kernels/scratch.h"
#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using enum DType;

// In the third round and later ones.
long allocations_of(const std::function<void()>& f) {
  f();
  f();
  const long before = allocations;
  for (int round = 0; round < 3; ++round) f();
  return allocations - before;
}

TEST(Allocation, IsCounted) {
  EXPECT_EQ(allocations_of([] { std::vector<int> v(10); }), 3);
}

TEST(Allocation, Blas) {
  for (const DType dtype : {f64, f32, f16, c128, i64}) {
    for (const std::int64_t n : {2, 30, 300}) {
      for (const std::int64_t step : {1, 2}) {  // 2: packed
        const auto size = static_cast<std::size_t>(n * n * step) * size_of(dtype);
        std::vector<std::byte> a(size), b(size), c(size);
        const std::int64_t row = n * step;
        const MatrixRef ra{a.data(), row, step}, rb{b.data(), row, step};
        const MutableMatrixRef rc{c.data(), row, step};
        EXPECT_EQ(
            allocations_of([&] {
              gemm({.dtype = dtype, .m = n, .n = n, .k = n, .a = ra, .b = rb, .out = rc});
              gemv({.dtype = dtype,
                    .m = n,
                    .n = n,
                    .a = ra,
                    .x = {b.data(), step},
                    .out = {c.data(), step}});
              dot({.dtype = dtype,
                   .n = n,
                   .x = {a.data(), step},
                   .y = {b.data(), step},
                   .out = c.data()});
              if (dtype != i64) {
                ger({.dtype = dtype,
                     .m = n,
                     .n = n,
                     .x = {a.data(), step},
                     .y = {b.data(), step},
                     .a = rc,
                     .out = rc});
              }
              if (n == 30) {
                const std::int64_t batch[] = {1, 1}, strides[] = {0, 0};
                batched_gemm(
                    {.matrix =
                         {.dtype = dtype, .m = n, .n = n, .k = n, .a = ra, .b = rb, .out = rc},
                     .batch_shape = batch,
                     .a_batch_strides = strides,
                     .b_batch_strides = strides,
                     .out_batch_strides = strides});
              }
            }),
            0)
            << name(dtype) << " n=" << n << " step=" << step;
      }
    }
  }
}

template <class T>
void check_lapack(DType dtype, std::int64_t m, std::int64_t step) {
  const std::int64_t batch = 2;
  std::vector<T> a(batch * m * m * step, T(0)), x = a, b(batch * m * 3 * step, T(1)), y = b;
  for (std::int64_t k = 0; k < batch; ++k) {
    for (std::int64_t i = 0; i < m; ++i) a[((k * m + i) * m + i) * step] = T(2);
  }
  const Extents square = {batch, m, m}, tall = {batch, m, 3};
  const View va{a.data(), dtype, square, {m * m * step, m * step, step}};
  const View vx{x.data(), dtype, square, {m * m * step, m * step, step}};
  const View vb{b.data(), dtype, tall, {m * 3 * step, 3 * step, step}};
  const View vy{y.data(), dtype, tall, {m * 3 * step, 3 * step, step}};
  std::vector<decltype(std::abs(T()))> w(batch * m);
  const View values{w.data(), real_part(dtype), {batch, m}, {m, 1}};
  const View log_det{w.data(), real_part(dtype), {batch}, {1}}, sign{x.data(), dtype, {batch}, {1}};
  const ConstView ca = va, cb = vb;
  const auto count = [&](const char* what, const std::function<void()>& f) {
    EXPECT_EQ(allocations_of(f), 0) << what << " " << name(dtype) << " m=" << m << " " << step;
  };
  count("cholesky", [&] { cholesky(ca, vx, true); });
  count("solve_triangular", [&] {
    solve_triangular(ca, cb, vy, {});
    solve_triangular(ca, cb, vy, {.lower = false, .trans = Transpose::conjugate});
  });
  count("solve", [&] { solve(ca, cb, vy); });
  count("inv", [&] { inv(ca, vx); });
  count("slogdet", [&] { slogdet(ca, sign, log_det); });
  count("eigh", [&] { eigh(ca, true, values, vx); });
}

TEST(Allocation, Lapack) {
  for (const std::int64_t m : {3, 20, 200}) {
    for (const std::int64_t step : {1, 2}) {
      check_lapack<double>(f64, m, step);
      check_lapack<float>(f32, m, step);
      check_lapack<std::complex<double>>(c128, m, step);
    }
  }
}

TEST(Allocation, BoundKernels) {
  std::mt19937 random(0);
  for (const Extents& shape : std::vector<Extents>{{4, 3}, {70, 500}, {3000, 3}}) {
    for (const Layout layout : {Layout::row_major, Layout::gaps, Layout::permuted}) {
      TestArray x(f64, shape, layout), y(f64, shape, layout), order(i64, shape, layout);
      TestArray row(f64, {shape[1]}, layout), scalar(f64, {}, layout), at(i64, {50}, layout);
      TestArray rows(f64, {50, shape[1]}, layout);
      ElementwiseProgram p;
      p.registers = {f64, f64, f64};
      p.n_inputs = 1;
      p.code = {{Op::multiply, {0, 0}, 1}, {Op::exp, {1}, 2}};
      p.outputs = {1, 2, 2};
      p.reductions = {{}, {Op::reduce_sum, {0}}, {Op::reduce_max, {0, 1}}};
      const ElementwiseKernel pass(p, shape, {{x.view()}},
                                   {{y.mutable_view(), row.mutable_view(), scalar.mutable_view()}});
      const int axis = 0;
      const ReduceKernel sum(Op::reduce_sum, f64, x.view(), {{axis}}, row.mutable_view());
      const CumulateKernel running(Op::cumsum, x.view(), 1, y.mutable_view());
      const CopyKernel copies(x.view(), y.mutable_view());
      const ConstView index = at.view();
      const GatherKernel gathers(x.view(), {&index, 1}, {&axis, 1}, rows.mutable_view());
      const ScatterKernel adds(ScatterMode::add, y.mutable_view(), rows.view(), {&index, 1},
                               {&axis, 1});
      const SortKernel sorts(SortKernel::What::sort, x.view(), 0, y.mutable_view());
      const SortKernel positions(SortKernel::What::argsort, x.view(), 0, order.mutable_view());
      const void* in[] = {x.view().data};
      void* out[] = {y.mutable_view().data, row.mutable_view().data, scalar.mutable_view().data};
      void* const to_rows = rows.mutable_view().data;
      void* const to_order = order.mutable_view().data;
      const void* indices[] = {index.data};
      EXPECT_EQ(allocations_of([&] {
                  pass.run(in, out);
                  sum.run(in[0], out[1]);
                  running.run(in[0], out[0]);
                  copies.run(in[0], out[0]);
                  gathers.run(in[0], indices, to_rows);
                  adds.run(out[0], to_rows, indices);
                  sorts.run(in[0], out[0]);
                  positions.run(in[0], to_order);
                }),
                0);
    }
  }
}

TEST(Allocation, LargeScratchesAreKeptUpToALimit) {
  const auto nested = [](std::size_t first, std::size_t second) {
    return allocations_of([=] { const Scratch a(first), b(100), c(second); });
  };
  constexpr std::size_t kMiB = 1 << 20;
  EXPECT_EQ(nested(1 * kMiB, 2 * kMiB), 0);
  EXPECT_EQ(nested(100, 30 * kMiB), 0);
  EXPECT_EQ(nested(30 * kMiB, 30 * kMiB), 0);
  EXPECT_EQ(nested(100, 100 * kMiB), 3);  // given back each time
  EXPECT_EQ(nested(40 * kMiB, 40 * kMiB), 3);
}

}  // namespace
}  // namespace gemmule::kernels

#endif
