// Programs for the tests of this folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ir/text.h"
#include "passes/pipeline.h"
#include "plan/prepare_case.h"
#include "program/loaded_program.h"

namespace gemmule {

inline PackedFunction packed(std::string name, Graph graph) {
  PackedFunction function{std::move(name), std::move(graph), {}, {}, {}, {}};
  for (std::size_t i = 0; i < function.graph.inputs.size(); ++i) {
    const std::string& given = function.graph.values[function.graph.inputs[i]].name;
    function.inputs.push_back(given.empty() ? "in" + std::to_string(i) : given);
  }
  for (std::size_t i = 0; i < function.graph.outputs.size(); ++i)
    function.outputs.push_back("out" + std::to_string(i));
  return function;
}

inline PackedFunction packed(std::string name, const std::string& text) {
  return packed(std::move(name), optimise(parse_graph(text)).graph);
}

// With the conditions of its inputs; the graph's last output says whether all of them hold.
inline PackedFunction packed(std::string name, const std::string& text,
                             const std::string& conditions, std::vector<std::string> messages) {
  PackedFunction function = packed(std::move(name), text);
  function.outputs.pop_back();
  function.checks = Checks{parse_graph(conditions), std::move(messages)};
  return function;
}

inline LoadedProgram loaded(Package package) {
  return LoadedProgram(std::make_shared<const Package>(std::move(package)));
}

inline Tensor vector_of(const std::vector<double>& values) {
  return Tensor::from_bytes(DType::f64, {static_cast<std::int64_t>(values.size())}, values.data());
}

// Outputs lie in memory that holds something else.
inline std::vector<Tensor> run(const LoadedFunction& function, const std::vector<Tensor>& inputs) {
  std::vector<ArgumentLayout> layouts;
  std::vector<const void*> from;
  for (const Tensor& input : inputs) {
    layouts.push_back({input.dtype, input.shape, {}});
    from.push_back(input.data.get());
  }
  const auto bound = function.bind(layouts, from.data());
  std::vector<Tensor> results;
  std::vector<void*> to;
  for (const Layout& output : bound->outputs()) {
    results.push_back(Tensor::zeros(output.dtype, output.shape));
    to.push_back(const_cast<std::byte*>(results.back().data.get()));
    if (results.back().bytes() > 0) std::memset(to.back(), 0x5a, results.back().bytes());
  }
  bound->run(from.data(), to.data());
  return results;
}

// A density of two numbers: a normal mean and the logarithm of its scale, for y; x[0] must be less
// than 100. Its function "expand" adds the scale. The numbers c are there for their place in a
// file.
inline Package small_model() {
  Package package;
  package.functions.push_back(packed("logp", R"(graph(%x: f64[2], %y: f64[n]) {
  %2: f64[20] = constant() {value = f64[20] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 -190}
  %3: i64[] = constant() {value = i64[] 0}
  %4: i64[] = constant() {value = i64[] 1}
  %5: i64[] = constant() {value = i64[] 2}
  %6: f64[1] = slice(%x, %3, %4, %4) {axes = [0]}
  %7: f64[1] = slice(%x, %4, %5, %4) {axes = [0]}
  %8: f64[n] = subtract(%y, %6)
  %9: f64[1] = negative(%7)
  %10: f64[1] = exp(%9)
  %11: f64[n] = multiply(%8, %10)
  %12: f64[n] = multiply(%11, %11)
  %13: f64[] = reduce_sum(%12) {axes = [0], dtype = f64}
  %14: f64[n] = multiply(%11, %10)
  %15: f64[] = reduce_sum(%14) {axes = [0], dtype = f64}
  %16: i64[] = dim(%y) {axis = 0}
  %17: f64[] = cast(%16) {dtype = f64}
  %18: f64[] = subtract(%13, %17)
  %19: f64[] = constant() {value = f64[] -0.5}
  %20: f64[] = multiply(%13, %19)
  %21: f64[1] = multiply(%7, %17)
  %22: f64[] = reduce_sum(%21) {axes = [0], dtype = f64}
  %23: f64[] = reduce_sum(%2) {axes = [0], dtype = f64}
  %24: f64[] = subtract(%20, %22)
  %25: f64[] = add(%24, %23)
  %26: f64[2] = stack(%15, %18) {dtype = f64}
  %27: f64[1] = constant() {value = f64[1] 100}
  %28: bool[1] = less(%6, %27)
  %29: bool[] = reduce_all(%28) {axes = [0]}
  return %25, %26, %29
})",
                                     R"(graph(%x: f64[2], %y: f64[n]) {
  %2: i64[] = constant() {value = i64[] 0}
  %3: i64[] = constant() {value = i64[] 1}
  %4: f64[1] = slice(%x, %2, %3, %3) {axes = [0]}
  %5: f64[1] = constant() {value = f64[1] 100}
  %6: bool[1] = less(%4, %5)
  %7: bool[] = reduce_all(%6) {axes = [0]}
  return %7
})",
                                     {"the mean is too large"}));
  package.functions.push_back(packed("expand", R"(graph(%x: f64[2]) {
  %1: f64[2] = exp(%x)
  %2: f64[4] = concatenate(%x, %1) {axis = 0}
  return %2
})"));
  package.functions.push_back(packed("initial_point", R"(graph() {
  %0: f64[2] = constant() {value = f64[2] 0.5 -0.25}
  %1: f64[2] = copy(%0)
  return %1
})"));
  package.functions[0].parts = {{"mean", {}}, {"scale_log__", {1}}};
  package.functions[1].parts = {{"x", {2}}, {"exp", {2, 1}}};
  package.data.emplace_back("y", vector_of({1, 2, 3.5}));
  package.metadata.emplace_back("kind", "model");
  return package;
}

}  // namespace gemmule
