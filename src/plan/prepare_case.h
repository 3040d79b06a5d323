// Text cases for the passes on the static graph, and the check that they keep values.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ir/text.h"
#include "ir/verify.h"
#include "plan/evaluate.h"
#include "plan/prepare.h"

namespace gemmule {

using PassFunction = void (*)(Graph&, const PrepareOptions&);

inline std::string after(PassFunction pass, const std::string& text,
                         const PrepareOptions& options = {}) {
  Graph graph = parse_graph(text);
  pass(graph, options);
  verify(graph);
  return to_text(graph);
}

// What kernels a graph has: "dot fused reduce_sum", in order.
inline std::string kernels_of(const Graph& graph) {
  std::string names;
  for (const Node& node : graph.nodes) {
    if (info(node.op).kernel.empty() && !is_elementwise(node.op)) continue;
    names += (names.empty() ? "" : " ") + std::string(info(node.op).name);
  }
  return names;
}

inline std::string kernels_after(PassFunction pass, const std::string& text,
                                 const PrepareOptions& options = {}) {
  Graph graph = parse_graph(text);
  pass(graph, options);
  verify(graph);
  return kernels_of(graph);
}

// Normal numbers; integers and bools from 0, 1, 2. With `special`, one element in eight is NaN or
// infinite.
inline Tensor random_tensor(const Type& type, std::mt19937& random, bool special = false) {
  Tensor result = Tensor::zeros(type.dtype, static_shape(type));
  auto* bytes = const_cast<std::byte*>(result.data.get());
  std::normal_distribution<double> normal;
  const double specials[] = {NAN, INFINITY, -INFINITY, 0};
  for (std::int64_t i = 0; i < result.count(); ++i) {
    double value = is_inexact(type.dtype) ? normal(random) : static_cast<double>(random() % 3);
    if (special && is_inexact(type.dtype) && random() % 8 == 0) value = specials[random() % 4];
    const Tensor element = Tensor::scalar(type.dtype, value);
    std::memcpy(bytes + i * static_cast<std::int64_t>(size_of(type.dtype)), element.data.get(),
                size_of(type.dtype));
  }
  return result;
}

// The largest error of `found`, relative to the largest finite element; infinite where NaN,
// infinities or dtypes differ.
inline double error_of(const Tensor& expected, const Tensor& found) {
  if (expected.dtype != found.dtype || expected.shape != found.shape) return INFINITY;
  double scale = 1, error = 0;
  const auto compare = [&](double x, double y) {
    if (std::isnan(x) && std::isnan(y)) return;
    if (x == y) return;
    if (!std::isfinite(x) || !std::isfinite(y)) {
      error = INFINITY;
      return;
    }
    scale = std::max(scale, std::abs(x));
    error = std::max(error, std::abs(x - y));
  };
  visit_dtype(expected.dtype, [&]<class T>(T) {
    for (std::int64_t i = 0; i < expected.count(); ++i) {
      const T x = expected.at<T>(i), y = found.at<T>(i);
      if constexpr (std::is_same_v<T, Half>) {
        compare(static_cast<float>(x), static_cast<float>(y));
      } else if constexpr (std::is_arithmetic_v<T>) {
        compare(static_cast<double>(x), static_cast<double>(y));
      } else {
        compare(x.real(), y.real());
        compare(x.imag(), y.imag());
      }
    }
  });
  return error / scale;
}

inline std::vector<Tensor> random_inputs(const Graph& graph, std::mt19937& random, bool special = false) {
  std::vector<Tensor> inputs;
  for (const ValueId input : graph.inputs) {
    inputs.push_back(random_tensor(graph.type(input), random, special));
  }
  return inputs;
}

inline void expect_equal_values(const Graph& before, const Graph& after, const std::vector<Tensor>& inputs,
                                double tolerance = 1e-11) {
  const auto expected = evaluate(before, inputs), found = evaluate(after, inputs);
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_LT(error_of(expected[i], found[i]), tolerance) << "output " << i << "\n"
                                                          << to_text(before) << to_text(after);
  }
}

// Both graphs give the same values for random inputs.
inline void expect_equal_values(const Graph& before, const Graph& after, std::mt19937& random,
                                bool special = false, double tolerance = 1e-11) {
  expect_equal_values(before, after, random_inputs(before, random, special), tolerance);
}

}  // namespace gemmule
