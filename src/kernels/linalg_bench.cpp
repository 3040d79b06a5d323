// Time of one call of the BLAS and LAPACK kernels on small matrices.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/blas.h"
#include "kernels/blas_threads.h"
#include "kernels/lapack.h"
#include "kernels/small_lu.h"

namespace gemmule::kernels {
namespace {

using enum DType;

// Diagonally dominant, symmetric.
std::vector<double> matrix(std::int64_t n) {
  std::vector<double> a(n * n, 0.5);
  for (std::int64_t i = 0; i < n; ++i) a[i * n + i] = static_cast<double>(n);
  return a;
}
View square(std::vector<double>& a, std::int64_t n) { return {a.data(), f64, {n, n}, {n, 1}}; }

void bench_gemm(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> a = matrix(n), b = a, c = a;
  const GemmArgs args{.m = n,
                      .n = n,
                      .k = n,
                      .a = {a.data(), n, 1},
                      .b = {b.data(), n, 1},
                      .out = {c.data(), n, 1}};
  for (auto _ : state) gemm(args);
}
void bench_gemv(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> a = matrix(n), x(n, 1), y(n);
  const GemvArgs args{
      .m = n, .n = n, .a = {a.data(), n, 1}, .x = {x.data(), 1}, .out = {y.data(), 1}};
  for (auto _ : state) gemv(args);
}
void bench_dot(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> x(n, 1), y(n, 2);
  double sum = 0;
  const DotArgs args{.n = n, .x = {x.data(), 1}, .y = {y.data(), 1}, .out = &sum};
  for (auto _ : state) dot(args);
}
void bench_cholesky(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> a = matrix(n), l = a;
  const ConstView in = square(a, n);
  const View out = square(l, n);
  for (auto _ : state) cholesky(in, out, true);
}
void bench_solve_triangular(benchmark::State& state) {
  const std::int64_t n = state.range(0), columns = state.range(1);
  std::vector<double> a = matrix(n), b(n * columns, 1), x = b;
  const ConstView in = square(a, n), right{b.data(), f64, {n, columns}, {columns, 1}};
  const View out{x.data(), f64, {n, columns}, {columns, 1}};
  for (auto _ : state) solve_triangular(in, right, out, {});
}
void bench_solve(benchmark::State& state) {
  const std::int64_t n = state.range(0), columns = state.range(1);
  std::vector<double> a = matrix(n), b(n * columns, 1), x = b;
  const ConstView in = square(a, n), right{b.data(), f64, {n, columns}, {columns, 1}};
  const View out{x.data(), f64, {n, columns}, {columns, 1}};
  for (auto _ : state) solve(in, right, out);
}
// What is left of it in a step that is bound to one matrix.
void bench_small_solve(benchmark::State& state) {
  const std::int64_t n = state.range(0), columns = state.range(1);
  std::vector<double> a = matrix(n), b(n * columns, 1), x = b;
  const Strided<const double> in{a.data(), n, 1}, right{b.data(), columns, 1};
  const Strided<double> out{x.data(), columns, 1};
  for (auto _ : state) benchmark::DoNotOptimize(small_solve(n, columns, in, right, out));
}
void bench_slogdet(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> a = matrix(n);
  double sign = 0, log_det = 0;
  const ConstView in = square(a, n);
  const View s{&sign, f64, {}, {}}, l{&log_det, f64, {}, {}};
  for (auto _ : state) slogdet(in, s, l);
}
void bench_inv(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> a = matrix(n), x = a;
  const ConstView in = square(a, n);
  const View out = square(x, n);
  for (auto _ : state) inv(in, out);
}
void bench_eigh(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> a = matrix(n), v = a, w(n);
  const ConstView in = square(a, n);
  const View vectors = square(v, n), values{w.data(), f64, {n}, {1}};
  for (auto _ : state) eigh(in, true, values, vectors);
}
void bench_threads(benchmark::State& state) {
  for (auto _ : state) const BlasThreads threads(false);
}

#define SMALL ->Arg(2)->Arg(3)->Arg(5)->Arg(8)->Arg(10)->Arg(16)->Arg(50)->Arg(200)
BENCHMARK(bench_threads);
BENCHMARK(bench_gemm) SMALL;
BENCHMARK(bench_gemv) SMALL;
BENCHMARK(bench_dot) SMALL;
BENCHMARK(bench_cholesky) SMALL;
BENCHMARK(bench_solve_triangular)->ArgsProduct({{2, 3, 5, 8, 10, 16, 50, 200}, {1, 3, 10}});
BENCHMARK(bench_solve)->ArgsProduct({{2, 3, 5, 8, 9, 16, 50, 200}, {1, 3, 8}});
BENCHMARK(bench_small_solve)->ArgsProduct({{2, 3, 5, 8}, {1, 3, 8}});
BENCHMARK(bench_slogdet)->Arg(2)->Arg(3)->Arg(5)->Arg(8)->Arg(16)->Arg(50)->Arg(200);
BENCHMARK(bench_inv)->Arg(2)->Arg(3)->Arg(5)->Arg(8)->Arg(16)->Arg(50);
BENCHMARK(bench_eigh)->Arg(5)->Arg(16);
#undef SMALL

}  // namespace
}  // namespace gemmule::kernels
