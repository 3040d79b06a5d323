#include "mlx/lower.h"

#include <algorithm>
#include <string>

#include "ir/error.h"
#include "ir/text.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/host_primitives.h"
#include "mlx/ops.h"

namespace gemmule {

namespace {

using LowerFunction = Lowered (*)(LowerContext&);

// By Op, from ops.def.
constexpr LowerFunction kLowerFunctions[] = {
#define ELEMENTWISE(name, arity, result, properties) lower_elementwise,
#define OP(name, arity, outputs, kernel, properties) lower_##name,
#define HOST(name, arity, outputs, kernel, properties) lower_on_host,
#include "ir/ops.def"
};

bool on_gpu_has(DType dtype) { return dtype != DType::f64 && dtype != DType::c128; }

bool is_product(Op op) {
  switch (op) {
    case Op::matmul:
    case Op::matvec:
    case Op::dot:
    case Op::batched_matmul:
    case Op::outer:
      return true;
    default:
      return false;
  }
}

// The factorisations of MLX run on the CPU, but for the float32 Cholesky of CUDA.
bool linalg_runs_on_gpu(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::cholesky:
      return mx::cu::is_available() && graph.type(node.inputs[0]).dtype == DType::f32;
    case Op::solve_triangular:
    case Op::solve:
    case Op::inv:
    case Op::slogdet:
    case Op::eigh:
      return false;
    default:
      return true;
  }
}

bool elementwise_runs_on_gpu(const Graph& graph, const Node& node) {
  const int operand = node.op == Op::where ? 1 : 0;
  return has_mlx_function(node.op, graph.type(node.inputs[operand]).dtype);
}

bool is_empty(const Type& type) {
  const auto sizes = static_shape(type);
  return std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
}

// All results are without elements. On a GPU such nodes are not run: MLX's CUDA products end the
// process for them.
bool computes_nothing(const LowerContext& context) {
  for (std::size_t i = 0; i < context.node.outputs.size(); ++i) {
    if (!is_empty(context.result_type(static_cast<int>(i)))) return false;
  }
  return true;
}

Lowered empty_results(const LowerContext& context) {
  Lowered results;
  for (std::size_t i = 0; i < context.node.outputs.size(); ++i) {
    const Type& type = context.result_type(static_cast<int>(i));
    results.push_back(without_elements(to_mlx_shape(type), to_mlx(type.dtype)));
  }
  return results;
}

}  // namespace

bool runs_on_host_only(Op op) { return kLowerFunctions[static_cast<int>(op)] == lower_on_host; }

Lowered lower(LowerContext& context) {
  if (!context.on_cpu && computes_nothing(context)) return empty_results(context);
  Lowered results = kLowerFunctions[static_cast<int>(context.node.op)](context);
  const auto broken = [&](const std::string& what) {
    return InternalError("lowering of " + to_text(context.graph, context.node) + " gave " + what);
  };
  if (results.size() != context.node.outputs.size()) {
    throw broken(std::to_string(results.size()) + " results");
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Type& type = context.result_type(static_cast<int>(i));
    if (results[i].dtype() != to_mlx(type.dtype) || results[i].shape() != to_mlx_shape(type)) {
      const std::vector<std::int64_t> shape(results[i].shape().begin(), results[i].shape().end());
      throw broken(to_text(static_type(from_mlx(results[i].dtype()), shape)) + " for result " +
                   std::to_string(i));
    }
  }
  return results;
}

mx::array without_elements(mx::Shape shape, mx::Dtype dtype) {
  return mx::array(mx::allocator::malloc(0), std::move(shape), dtype);
}

bool runs_on_gpu(const Graph& graph, const Node& node) {
  if (runs_on_host_only(node.op)) return false;
  for (const ValueId value : node.inputs) {
    if (!on_gpu_has(graph.type(value).dtype)) return false;
  }
  for (const ValueId value : node.outputs) {
    if (!on_gpu_has(graph.type(value).dtype)) return false;
  }
  if (is_elementwise(node.op)) return elementwise_runs_on_gpu(graph, node);
  if (node.op == Op::fused) {
    const Graph& body = node.attributes.graph("body");
    for (const Node& inner : body.nodes) {
      if (!runs_on_gpu(body, inner)) return false;
    }
    return true;
  }
  // MLX's products take no integers.
  if (is_product(node.op)) return is_inexact(graph.type(node.inputs[0]).dtype);
  return linalg_runs_on_gpu(graph, node) && !checks_indices_on_host(graph, node);
}

mx::Dtype to_mlx(DType dtype) {
  switch (dtype) {
    case DType::bool_:
      return mx::bool_;
    case DType::i8:
      return mx::int8;
    case DType::i16:
      return mx::int16;
    case DType::i32:
      return mx::int32;
    case DType::i64:
      return mx::int64;
    case DType::u8:
      return mx::uint8;
    case DType::u16:
      return mx::uint16;
    case DType::u32:
      return mx::uint32;
    case DType::u64:
      return mx::uint64;
    case DType::f16:
      return mx::float16;
    case DType::f32:
      return mx::float32;
    case DType::f64:
      return mx::float64;
    case DType::c64:
      return mx::complex64;
    case DType::c128:
      return mx::float64;
  }
  throw InternalError("a dtype out of range");
}

DType from_mlx(mx::Dtype dtype) {
  switch (dtype.val()) {
    case mx::Dtype::Val::bool_:
      return DType::bool_;
    case mx::Dtype::Val::int8:
      return DType::i8;
    case mx::Dtype::Val::int16:
      return DType::i16;
    case mx::Dtype::Val::int32:
      return DType::i32;
    case mx::Dtype::Val::int64:
      return DType::i64;
    case mx::Dtype::Val::uint8:
      return DType::u8;
    case mx::Dtype::Val::uint16:
      return DType::u16;
    case mx::Dtype::Val::uint32:
      return DType::u32;
    case mx::Dtype::Val::uint64:
      return DType::u64;
    case mx::Dtype::Val::float16:
      return DType::f16;
    case mx::Dtype::Val::float32:
      return DType::f32;
    case mx::Dtype::Val::float64:
      return DType::f64;
    case mx::Dtype::Val::complex64:
      return DType::c64;
    case mx::Dtype::Val::bfloat16:
      break;
  }
  throw DTypeError("bfloat16 is not supported: cast the array to float32 or float16 first");
}

mx::Shape to_mlx_shape(const Type& type) { return to_mlx_shape(static_shape(type), type.dtype); }

Signature signature_of(const LowerContext& context) {
  Signature signature;
  for (const ValueId value : context.node.inputs) {
    signature.operands.push_back(context.graph.type(value).dtype);
  }
  for (const ValueId value : context.node.outputs) {
    signature.results.push_back(context.graph.type(value).dtype);
  }
  return signature;
}

}  // namespace gemmule
