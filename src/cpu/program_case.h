// Runs programs on host tensors, for the tests of this folder.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "cpu/program.h"
#include "kernels/test_arrays.h"
#include "plan/evaluate.h"
#include "plan/prepare_case.h"

namespace gemmule {

// The elements of `tensor` in another layout. Those that share memory become equal.
inline kernels::TestArray laid_out(const Tensor& tensor, kernels::Layout layout) {
  kernels::TestArray array(tensor.dtype, tensor.shape, layout);
  std::int64_t i = 0;
  kernels::for_each_index(tensor.shape, [&](const Extents& index) {
    visit_dtype(tensor.dtype, [&]<class T>(T) { array.set(index, tensor.at<T>(i)); });
    ++i;
  });
  return array;
}

inline Tensor dense(const kernels::TestArray& array) {
  Tensor tensor = Tensor::zeros(array.dtype(), array.shape());
  auto* bytes = const_cast<std::byte*>(tensor.data.get());
  kernels::for_each_index(array.shape(), [&](const Extents& index) {
    visit_dtype(array.dtype(), [&]<class T>(T) {
      const T value = array.get<T>(index);
      std::memcpy(bytes, &value, sizeof value);
      bytes += sizeof value;
    });
  });
  return tensor;
}

// Runs the program with outputs in memory that holds something else.
inline std::vector<Tensor> run(const CpuProgram& program, const std::vector<const void*>& inputs) {
  std::vector<Tensor> outputs;
  std::vector<void*> addresses;
  for (const Layout& output : program.plan().outputs) {
    outputs.push_back(Tensor::zeros(output.dtype, output.shape));
    addresses.push_back(const_cast<std::byte*>(outputs.back().data.get()));
    std::memset(addresses.back(), 0x5a, outputs.back().bytes());
  }
  program.run(inputs.data(), addresses.data());
  return outputs;
}

inline std::vector<Tensor> run(const CpuProgram& program, const std::vector<Tensor>& inputs) {
  std::vector<const void*> addresses;
  for (const Tensor& input : inputs) addresses.push_back(input.data.get());
  return run(program, addresses);
}

inline std::vector<Tensor> run(const std::string& text, const std::vector<Tensor>& inputs) {
  return run(CpuProgram(parse_graph(text)), inputs);
}

inline double tolerance_of(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return 4e-3;
    case DType::f32:
    case DType::c64:
      return 2e-5;
    case DType::f64:
    case DType::c128:
      return 1e-11;
    default:
      return 1e-300;
  }
}

inline void expect_close(const std::vector<Tensor>& expected, const std::vector<Tensor>& found,
                         const Graph& graph, double tolerance = 0) {
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_LT(error_of(expected[i], found[i]), tolerance > 0 ? tolerance : tolerance_of(expected[i].dtype))
        << "output " << i << "\n"
        << to_text(graph, {.elide_large_constants = true});
  }
}

// The program of `graph`, its inputs laid out as `layouts` says, gives what evaluate() gives.
inline void expect_evaluated(const Graph& graph, const std::vector<Tensor>& inputs,
                             const std::vector<kernels::Layout>& layouts, double tolerance = 0) {
  std::vector<kernels::TestArray> arrays;
  std::vector<Tensor> tensors;
  std::vector<const void*> addresses;
  PlanOptions options;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    arrays.push_back(laid_out(inputs[i], layouts[i]));
    tensors.push_back(dense(arrays.back()));
    options.input_strides.push_back(arrays.back().view().strides);
  }
  for (const kernels::TestArray& array : arrays) addresses.push_back(array.view().data);
  const CpuProgram program(graph, options);
  const std::vector<Tensor> expected = evaluate(graph, tensors);
  for (int round = 0; round < 2; ++round) expect_close(expected, run(program, addresses), graph, tolerance);
}

inline void expect_evaluated(const Graph& graph, const std::vector<Tensor>& inputs, double tolerance = 0) {
  expect_close(evaluate(graph, inputs), run(CpuProgram(graph), inputs), graph, tolerance);
}

}  // namespace gemmule
