// Time of one call of a bound pass, by size, length of the code and reductions; and of the special
// functions, per element.
#include "kernels/elementwise.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <random>

namespace gemmule::kernels {
namespace {

using enum DType;

std::vector<double> random_values(std::size_t n) {
  std::mt19937 random(0);
  std::uniform_real_distribution<double> uniform(0.5, 1.5);
  std::vector<double> values(n);
  for (double& v : values) v = uniform(random);
  return values;
}

// A chain of `length` cheap instructions over two arrays, one scalar and one constant.
ElementwiseProgram chain(int length) {
  ElementwiseProgram p;
  p.registers = {f64, f64, f64, f64};
  p.n_inputs = 3;
  const double value = 1.5;
  ElementwiseConstant constant{3, {}};
  std::memcpy(constant.bits.data(), &value, sizeof value);
  p.constants = {constant};
  const Op ops[] = {Op::subtract, Op::multiply, Op::add};
  int last = 0;
  for (int k = 0; k < length; ++k) {
    const int out = static_cast<int>(p.registers.size());
    p.registers.push_back(f64);
    p.code.push_back({ops[k % 3], {last, 1 + k % 3}, out});
    last = out;
  }
  p.outputs = {last};
  return p;
}

enum Output { element, full, rows, columns };

// n rows of `width`, `length` instructions, one output.
void pass(benchmark::State& state) {
  const std::int64_t n = state.range(0), width = state.range(1);
  const auto output = static_cast<Output>(state.range(3));
  const Extents shape = width == 1 ? Extents{n} : Extents{n, width};
  ElementwiseProgram p = chain(static_cast<int>(state.range(2)));
  Extents kept = shape;
  if (output == full) {
    p.reductions = {{Op::reduce_sum, width == 1 ? std::vector<int>{0} : std::vector<int>{0, 1}}};
    kept = {};
  } else if (output != element) {
    p.reductions = {{Op::reduce_sum, {output == rows ? 1 : 0}}};
    kept = {output == rows ? n : width};
  }
  const std::vector<double> x = random_values(n * width), y = x, s = {1.5};
  std::vector<double> out(n * width);
  const Extents dense = row_major_strides(shape), none(shape.size(), 0);
  const ElementwiseKernel kernel(
      p, shape,
      std::vector<ConstView>{
          {nullptr, f64, shape, dense}, {nullptr, f64, shape, dense}, {nullptr, f64, shape, none}},
      std::vector<View>{{nullptr, f64, kept, row_major_strides(kept)}});
  const void* in[] = {x.data(), y.data(), s.data()};
  void* to[] = {out.data()};
  for (auto _ : state) {
    kernel.run(in, to);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(pass)
    ->ArgNames({"n", "width", "code", "output"})
    ->ArgsProduct({{1, 10, 100, 1000}, {1}, {1, 8, 15}, {element, full}})
    ->ArgsProduct({{1000}, {3, 200}, {8}, {element, full, rows, columns}})
    ->ArgsProduct({{50}, {4, 16}, {8}, {element, full, rows, columns}});

void function(benchmark::State& state) {
  const auto op = static_cast<Op>(state.range(0));
  state.SetLabel(std::string(info(op).name));
  std::vector<double> x = random_values(4096);
  if (op == Op::log1mexp) {
    for (double& v : x) v = -v;
  }
  std::vector<double> out(x.size());
  ElementwiseProgram p;
  p.registers = {f64, f64};
  p.n_inputs = 1;
  p.code = {{op, {0}, 1}};
  p.outputs = {1};
  const View view{nullptr, f64, {4096}, {1}};
  const ElementwiseKernel kernel(p, {{view}}, {{view}});
  const void* in[] = {x.data()};
  void* to[] = {out.data()};
  for (auto _ : state) {
    kernel.run(in, to);
    benchmark::ClobberMemory();
  }
  state.counters["ns/element"] =
      benchmark::Counter(4096e-9 * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
void functions(benchmark::internal::Benchmark* b) {
  for (const Op op :
       {Op::sqrt, Op::exp, Op::expm1, Op::log, Op::log1p, Op::log1mexp, Op::sin, Op::cos, Op::tanh,
        Op::erf, Op::erfc, Op::sigmoid, Op::softplus, Op::gammaln, Op::digamma, Op::trigamma}) {
    if (info(op).arity == 1) b->Arg(static_cast<std::int64_t>(op));
  }
}
BENCHMARK(function)->ArgName("op")->Apply(functions);

}  // namespace
}  // namespace gemmule::kernels
