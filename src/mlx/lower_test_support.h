// One-node graphs for the tests of lowering: build, run on the CPU, compare.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "ir/text.h"
#include "mlx/lower.h"
#include "mlx/ops.h"
#include "mlx/program.h"
#include "mlx/transforms.h"

namespace gemmule::lower_test {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

using Sizes = std::vector<std::int64_t>;
using Complex = std::complex<double>;

// A tensor of any dtype from numbers.
template <class Number = double>
Tensor tensor(DType dtype, Sizes shape, const std::vector<Number>& numbers) {
  return visit_dtype(dtype, [&]<class T>(T) {
    std::vector<std::byte> bytes(std::max<std::size_t>(numbers.size(), 1) * sizeof(T));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      T element{};
      if constexpr (std::is_same_v<Number, Complex> && !std::is_arithmetic_v<T> &&
                    !std::is_same_v<T, Half>) {
        element = T(numbers[i]);
      } else if constexpr (std::is_same_v<Number, Complex>) {
        throw std::logic_error("complex numbers for a real dtype");
      } else if constexpr (std::is_same_v<T, Half>) {
        element = Half(static_cast<float>(numbers[i]));
      } else if constexpr (std::is_same_v<T, bool>) {
        element = numbers[i] != 0;
      } else if constexpr (std::is_arithmetic_v<T>) {
        element = static_cast<T>(numbers[i]);
      } else {
        element = T(static_cast<typename T::value_type>(numbers[i]));
      }
      std::memcpy(bytes.data() + i * sizeof(T), &element, sizeof(T));
    }
    return Tensor::from_bytes(dtype, shape, bytes.data());
  });
}

// 1, 2, 3, ...; complex ones with the imaginary parts -1, -2, ...
inline Tensor counting(DType dtype, Sizes shape) {
  const std::int64_t count = Tensor{dtype, shape, nullptr}.count();
  if (is_complex(dtype)) {
    std::vector<Complex> numbers;
    for (std::int64_t i = 1; i <= count; ++i) numbers.emplace_back(i, -i);
    return tensor<Complex>(dtype, shape, numbers);
  }
  std::vector<double> numbers;
  for (std::int64_t i = 1; i <= count; ++i) numbers.push_back(static_cast<double>(i));
  return tensor(dtype, shape, numbers);
}

inline Tensor integers(Sizes shape, const std::vector<double>& numbers) {
  return tensor(DType::i64, std::move(shape), numbers);
}

// An operand of the node: an input of the graph, or a constant in it.
struct Operand {
  Tensor value;
  bool constant = false;
};
inline Operand constant(Tensor value) { return {std::move(value), true}; }
inline Operand constant(std::int64_t value) {
  return constant(Tensor::from_bytes(DType::i64, {}, &value));
}

inline mx::array to_mlx_array(const Tensor& tensor) {
  mx::Shape shape = to_mlx_shape(static_type(tensor.dtype, tensor.shape));
  const mx::Dtype dtype = to_mlx(tensor.dtype);
  std::byte* data = const_cast<std::byte*>(tensor.data.get());
  return mx::array(data, shape, dtype, [keep = tensor.data](void*) {});
}

inline Tensor to_tensor(const mx::array& array, const Type& type) {
  mx::array result = mx::contiguous(array, false, mx::Device::cpu);
  mx::eval(result);
  return Tensor::from_bytes(type.dtype, static_shape(type), result.data<char>());
}

struct OneNode {
  Graph graph;
  std::vector<Tensor> inputs;

  OneNode(Op op, const std::vector<Operand>& operands, Attributes attributes) {
    std::vector<ValueId> values;
    for (const Operand& operand : operands) {
      if (operand.constant) {
        values.push_back(graph.add_constant(operand.value));
      } else {
        values.push_back(graph.add_input(static_type(operand.value.dtype, operand.value.shape)));
        inputs.push_back(operand.value);
      }
    }
    graph.outputs = graph.add_all(op, values, std::move(attributes));
  }

  const Node& node() const { return graph.nodes.back(); }

  // Through the program, as users run it.
  std::vector<Tensor> run() const {
    std::vector<mx::array> arrays;
    for (const Tensor& input : inputs) arrays.push_back(to_mlx_array(input));
    const MlxProgram program(graph, mx::Device::cpu);
    const auto status = std::make_shared<RunStatus>();
    return tensors(program.run(std::move(arrays), {.status = status, .given_away = {}}), status);
  }

  // The lowering that other devices than the CPU get, computed by MLX on the CPU.
  std::vector<Tensor> run_as_on_gpu() const {
    LowerContext context{graph, node(), {}, mx::default_stream(mx::Device::cpu), /*on_cpu=*/false};
    std::size_t next_input = 0;
    for (const ValueId value : node().inputs) {
      const Tensor* constant = graph.constant(value);
      context.operands.push_back(
          to_mlx_array(constant != nullptr ? *constant : inputs[next_input++]));
    }
    return tensors(lower(context), nullptr);
  }

 private:
  std::vector<Tensor> tensors(std::vector<mx::array> arrays,
                              const std::shared_ptr<RunStatus>& status) const {
    mx::eval(arrays);
    if (status) status->rethrow();
    std::vector<Tensor> results;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      results.push_back(to_tensor(arrays[i], graph.type(graph.outputs[i])));
    }
    return results;
  }
};

inline Complex element(const Tensor& tensor, std::int64_t i) {
  return visit_dtype(tensor.dtype, [&]<class T>(T) -> Complex {
    const T value = tensor.at<T>(i);
    if constexpr (std::is_same_v<T, Half>) {
      return static_cast<float>(value);
    } else if constexpr (std::is_arithmetic_v<T>) {
      return static_cast<double>(value);
    } else {
      return {value.real(), value.imag()};
    }
  });
}

inline bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

inline void expect_same(const Tensor& actual, const Tensor& expected, double tolerance,
                        const std::string& what) {
  ASSERT_EQ(actual.dtype, expected.dtype) << what;
  ASSERT_EQ(actual.shape, expected.shape) << what;
  for (std::int64_t i = 0; i < expected.count(); ++i) {
    const Complex a = element(actual, i), b = element(expected, i);
    EXPECT_TRUE(close(a.real(), b.real(), tolerance) && close(a.imag(), b.imag(), tolerance))
        << what << ": element " << i << " is " << a << ", expected " << b;
  }
}

// Runs the node through the program and, where a GPU would run it, through the lowering for GPUs.
inline void expect(Op op, const std::vector<Operand>& operands, Attributes attributes,
                   const std::vector<Tensor>& expected, double tolerance = 0) {
  const OneNode test(op, operands, std::move(attributes));
  const std::string what = to_text(test.graph, test.node());
  const auto compare = [&](const std::vector<Tensor>& actual, const std::string& where) {
    ASSERT_EQ(actual.size(), expected.size()) << what;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expect_same(actual[i], expected[i], tolerance, what + where);
    }
  };
  compare(test.run(), "");
  if (runs_on_gpu(test.graph, test.node())) compare(test.run_as_on_gpu(), ", lowered for a GPU");
}

inline const std::vector<DType>& all_dtypes() {
  static const std::vector<DType> dtypes = [] {
    std::vector<DType> list;
    for (int i = 0; i < kDTypeCount; ++i) list.push_back(static_cast<DType>(i));
    return list;
  }();
  return dtypes;
}

}  // namespace gemmule::lower_test
