// Time of one call of bound kernels that move or reduce elements, by size.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/elementwise.h"
#include "kernels/movement.h"
#include "kernels/reduce.h"

namespace gemmule::kernels {
namespace {

using enum DType;

// x has 50 elements, as the groups of a hierarchical model.
void bench_gather(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> x(50, 1), y(n);
  std::vector<std::int64_t> at(n);
  for (std::int64_t i = 0; i < n; ++i) at[i] = i * 7 % 50;
  const ConstView index{nullptr, i64, {n}, {1}};
  const int axis = 0;
  const GatherKernel kernel({nullptr, f64, {50}, {1}}, {&index, 1}, {&axis, 1},
                            {nullptr, f64, {n}, {1}});
  const void* indices[] = {at.data()};
  for (auto _ : state) benchmark::DoNotOptimize(kernel.run(x.data(), indices, y.data()));
}
void bench_scatter_add(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> x(50, 1), y(n);
  std::vector<std::int64_t> at(n);
  for (std::int64_t i = 0; i < n; ++i) at[i] = i * 7 % 50;
  const ConstView index{nullptr, i64, {n}, {1}};
  const int axis = 0;
  const ScatterKernel kernel(ScatterMode::add, {nullptr, f64, {50}, {1}}, {nullptr, f64, {n}, {1}},
                             {&index, 1}, {&axis, 1});
  const void* indices[] = {at.data()};
  for (auto _ : state) benchmark::DoNotOptimize(kernel.run(x.data(), y.data(), indices));
}
void bench_copy(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> x(2 * n), y(n);
  const CopyKernel kernel({nullptr, f64, {n}, {state.range(1)}}, {nullptr, f64, {n}, {1}});
  for (auto _ : state) kernel.run(x.data(), y.data()), benchmark::ClobberMemory();
}
void bench_sum(benchmark::State& state) {
  const std::int64_t n = state.range(0), width = state.range(1);
  std::vector<double> x(n * width), y(n * width);
  const int axis = static_cast<int>(state.range(2));
  const ReduceKernel kernel(Op::reduce_sum, f64, {nullptr, f64, {n, width}, {width, 1}}, {&axis, 1},
                            {nullptr, f64, {axis == 0 ? width : n}, {1}});
  for (auto _ : state) kernel.run(x.data(), y.data()), benchmark::ClobberMemory();
}
void bench_cumsum(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> x(n), y(n);
  const CumulateKernel kernel(Op::cumsum, {nullptr, f64, {n}, {1}}, 0, {nullptr, f64, {n}, {1}});
  for (auto _ : state) kernel.run(x.data(), y.data()), benchmark::ClobberMemory();
}
void bench_sort(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  std::vector<double> x(n), y(n);
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<double>(i * 7919 % 1009);
  const SortKernel kernel(SortKernel::What::sort, {nullptr, f64, {n}, {1}}, 0,
                          {nullptr, f64, {n}, {1}});
  for (auto _ : state) kernel.run(x.data(), y.data()), benchmark::ClobberMemory();
}
// (x - row) * column, one short row after the other.
void bench_broadcast(benchmark::State& state) {
  const std::int64_t n = state.range(0), width = state.range(1);
  std::vector<double> x(n * width), y(n * width), row(width), column(n);
  ElementwiseProgram p;
  p.registers = {f64, f64, f64, f64, f64};
  p.n_inputs = 3;
  p.code = {{Op::subtract, {0, 1}, 3}, {Op::multiply, {3, 2}, 4}};
  p.outputs = {4};
  const Extents shape = {n, width};
  const ElementwiseKernel kernel(p, shape,
                                 std::vector<ConstView>{{nullptr, f64, shape, {width, 1}},
                                                        {nullptr, f64, shape, {0, 1}},
                                                        {nullptr, f64, shape, {1, 0}}},
                                 std::vector<View>{{nullptr, f64, shape, {width, 1}}});
  const void* in[] = {x.data(), row.data(), column.data()};
  void* out[] = {y.data()};
  for (auto _ : state) kernel.run(in, out), benchmark::ClobberMemory();
}

BENCHMARK(bench_gather)->Arg(1)->Arg(10)->Arg(1000);
BENCHMARK(bench_scatter_add)->Arg(1)->Arg(10)->Arg(1000);
BENCHMARK(bench_copy)->ArgsProduct({{1, 10, 1000}, {1, 2}});
BENCHMARK(bench_sum)->ArgsProduct({{1, 10, 1000}, {3, 100}, {0, 1}});
BENCHMARK(bench_cumsum)->Arg(10)->Arg(1000);
BENCHMARK(bench_sort)->Arg(10)->Arg(1000);
BENCHMARK(bench_broadcast)->ArgsProduct({{20, 1000}, {3, 16, 200}});

}  // namespace
}  // namespace gemmule::kernels
