#include "mlx/row_source.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <map>
#include <set>
#include <unordered_map>

#include "ir/error.h"
#include "ir/infer.h"
#include "mlx/lower_helpers.h"
#include "mlx/ops.h"
#include "mlx/primitives.h"

namespace gemmule {

const char* const kRowHeader = R"(
#include "mlx/backend/cuda/device/binary_ops.cuh"
#include "mlx/backend/cuda/device/ternary_ops.cuh"
#include "mlx/backend/cuda/device/unary_ops.cuh"

namespace gemmule {
struct Sum { template <class T> __device__ T operator()(T a, T b) const { return a + b; } };
struct All { template <class T> __device__ T operator()(T a, T b) const { return a & b; } };
struct Any { template <class T> __device__ T operator()(T a, T b) const { return a | b; } };

// The first thread of the block gets what all threads have together. Whole warps.
template <class T, class F>
__device__ T over_block(T x, T none, F together) {
  __shared__ T of_warp[32];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  for (int distance = 16; distance > 0; distance /= 2) {
    x = together(x, __shfl_down_sync(0xffffffffu, x, distance));
  }
  __syncthreads();  // an earlier call's readers are done
  if (lane == 0) of_warp[warp] = x;
  __syncthreads();
  if (warp != 0) return x;
  x = lane < static_cast<int>(blockDim.x >> 5) ? of_warp[lane] : none;
  for (int distance = 16; distance > 0; distance /= 2) {
    x = together(x, __shfl_down_sync(0xffffffffu, x, distance));
  }
  return x;
}
}  // namespace gemmule
)";

namespace {

// -- spelling -----------------------------------------------------------------------------------

// Dtypes that kernels take; nullptr for others.
const char* cuda_type(DType dtype) {
  switch (dtype) {
    case DType::bool_:
      return "bool";
    case DType::i8:
      return "int8_t";
    case DType::i16:
      return "int16_t";
    case DType::i32:
      return "int32_t";
    case DType::i64:
      return "int64_t";
    case DType::u8:
      return "uint8_t";
    case DType::u16:
      return "uint16_t";
    case DType::u32:
      return "uint32_t";
    case DType::u64:
      return "uint64_t";
    case DType::f32:
      return "float";
    default:
      return nullptr;
  }
}

std::string of_type(DType dtype, const std::string& text) {
  return std::string("static_cast<") + cuda_type(dtype) + ">(" + text + ")";
}

// By their bits: NaN and infinities have no other spelling.
std::string spelled(float value) {
  char text[40];
  std::snprintf(text, sizeof text, "__uint_as_float(0x%08xu)", std::bit_cast<std::uint32_t>(value));
  return text;
}

// The only element of the tensor, from its bits.
std::string spelled(const Tensor& tensor) {
  if (tensor.dtype == DType::f32) return spelled(tensor.at<float>(0));
  if (tensor.dtype == DType::u64) {
    return of_type(tensor.dtype, std::to_string(tensor.at<std::uint64_t>(0)) + "ULL");
  }
  const std::int64_t value = tensor.integer_at(0).value();
  // The most negative integer is not a literal.
  return of_type(tensor.dtype, value == INT64_MIN ? "(-9223372036854775807LL - 1)"
                                                  : std::to_string(value) + "LL");
}

// The constant of one element behind a value, through views of it.
const Tensor* one_element(const Graph& graph, ValueId value) {
  for (;;) {
    const Node* node = graph.producer(value);
    if (node == nullptr) return nullptr;
    if (node->op == Op::constant) {
      const Tensor& tensor = node->attributes.tensor("value");
      return tensor.count() == 1 && cuda_type(tensor.dtype) != nullptr ? &tensor : nullptr;
    }
    if (node->op != Op::expand_dims && node->op != Op::squeeze) return nullptr;
    value = node->inputs[0];
  }
}

// -- elementwise ops as MLX's
// ------------------------------------------------------------------------

// The primitives that are functions of the same name in MLX's headers for kernels.
bool has_function(const std::string& name) {
  static const std::set<std::string> names{
      "Abs",     "Add",     "ArcCos",     "ArcCosh",       "ArcSin",     "ArcSinh",    "ArcTan",
      "ArcTan2", "ArcTanh", "BitwiseAnd", "BitwiseInvert", "BitwiseOr",  "BitwiseXor", "Ceil",
      "Cos",     "Cosh",    "Divide",     "Equal",         "Erf",        "ErfInv",     "Exp",
      "Expm1",   "Floor",   "Greater",    "GreaterEqual",  "Less",       "LessEqual",  "Log",
      "Log10",   "Log1p",   "Log2",       "LogAddExp",     "LogicalAnd", "LogicalNot", "LogicalOr",
      "Maximum", "Minimum", "Multiply",   "Negative",      "NotEqual",   "Power",      "Remainder",
      "Round",   "Rsqrt",   "Select",     "Sigmoid",       "Sign",       "Sin",        "Sinh",
      "Sqrt",    "Square",  "Subtract",   "Tan",           "Tanh",
  };
  return names.contains(name);
}

// Writes MLX's graph of 0-d arrays down as statements.
class Scalars {
 public:
  explicit Scalars(mx::Stream stream) : stream_(stream) {}

  // An array that stands for an expression.
  mx::array placeholder(DType dtype, std::string expression) {
    mx::array array(mx::Shape{}, to_mlx(dtype), nullptr, {});
    expressions_[array.id()] = std::move(expression);
    kept_.push_back(array);
    return array;
  }

  // One array per result of an elementwise or fused node. Nothing where MLX has no function for it.
  std::optional<std::vector<mx::array>> results(const Graph& graph, const Node& node,
                                                const std::vector<mx::array>& operands) {
    if (node.op != Op::fused) {
      const DType dtype = graph.type(node.outputs[0]).dtype;
      return std::vector{lower_scalar_function(node.op, operands, dtype, stream_)};
    }
    const Graph& body = node.attributes.graph("body");
    std::vector<std::optional<mx::array>> values(body.values.size());
    for (std::size_t i = 0; i < operands.size(); ++i) values[body.inputs[i]] = operands[i];
    for (const Node& inner : body.nodes) {
      const ValueId result = inner.outputs[0];
      if (cuda_type(body.type(result).dtype) == nullptr) return std::nullopt;
      if (inner.op == Op::constant) {
        const Tensor& tensor = inner.attributes.tensor("value");
        if (tensor.count() != 1) return std::nullopt;
        values[result] = placeholder(tensor.dtype, spelled(tensor));
        continue;
      }
      std::vector<mx::array> inputs;
      for (const ValueId input : inner.inputs) inputs.push_back(*values[input]);
      values[result] = lower_scalar_function(inner.op, inputs, body.type(result).dtype, stream_);
    }
    std::vector<mx::array> outputs;
    for (const ValueId output : body.outputs) outputs.push_back(*values[output]);
    return outputs;
  }

  // The expression for the array, after the statements that it needs. Nothing for other primitives
  // than those of has_function.
  std::optional<std::string> written(const mx::array& array, std::string& statements) {
    if (const auto found = expressions_.find(array.id()); found != expressions_.end()) {
      return found->second;
    }
    const DType dtype = from_mlx(array.dtype());
    if (cuda_type(dtype) == nullptr || array.ndim() != 0) return std::nullopt;
    std::string text;
    if (!array.has_primitive()) {
      if (!array.is_available()) return std::nullopt;
      text = spelled(Tensor::from_bytes(dtype, {}, array.data<char>()));
    } else {
      std::string arguments;
      for (const mx::array& input : array.inputs()) {
        const auto argument = written(input, statements);
        if (!argument) return std::nullopt;
        arguments += (arguments.empty() ? "" : ", ") + *argument;
      }
      const std::string name = array.primitive().name();
      if (name == "AsType" || name == "Broadcast") {
        text = of_type(dtype, arguments);
      } else if (has_function(name)) {
        text = name + "{}(" + arguments + ")";
      } else {
        return std::nullopt;
      }
    }
    const std::string variable = named("t", count_++);
    statements +=
        std::string("    const ") + cuda_type(dtype) + " " + variable + " = " + text + ";\n";
    kept_.push_back(array);
    return expressions_[array.id()] = variable;
  }

 private:
  mx::Stream stream_;
  std::unordered_map<std::uintptr_t, std::string> expressions_;
  std::vector<mx::array> kept_;  // their ids stay theirs
  int count_ = 0;
};

// -- slices and joins
// ----------------------------------------------------------------------------------

// A part of the elements: along `axes`, `count` of them from `start` on.
struct Box {
  struct Range {
    int axis;
    std::int64_t start, count;
  };
  std::vector<Range> ranges;
};

// The part that slice_set or slice_add writes; nothing where steps are not 1 or sizes not known.
std::optional<Box> updated_part(const Graph& graph, const Node& node) {
  const Type& type = graph.type(node.outputs[0]);
  const auto shape = static_shape(type);
  Box box;
  std::size_t operand = 2;
  for (std::int64_t axis : node.attributes.integers("axes")) {
    if (axis < 0) axis += type.rank();
    const auto start = graph.integer_constant(node.inputs[operand]);
    const auto stop = graph.integer_constant(node.inputs[operand + 1]);
    const auto step = graph.integer_constant(node.inputs[operand + 2]);
    operand += 3;
    if (!start || !stop || !step) return std::nullopt;
    const ResolvedSlice slice = resolve_slice(*start, *stop, *step, shape[axis]);
    if (slice.count < 1 || (slice.count > 1 && slice.step != 1)) return std::nullopt;
    box.ranges.push_back({static_cast<int>(axis), slice.start, slice.count});
  }
  return box;
}

int joined_axis(const Graph& graph, const Node& node) {
  const std::int64_t axis = node.attributes.integer("axis");
  return static_cast<int>(axis < 0 ? axis + graph.type(node.outputs[0]).rank() : axis);
}

constexpr std::size_t kMaxJoined = 8;

// -- the kernel
// ----------------------------------------------------------------------------------------

class Writer {
 public:
  Writer(const Graph& graph, const RowSpace& space, mx::Stream stream, RowKernel& kernel)
      : graph_(graph), space_(space), stream_(stream), kernel_(kernel), scalars_(stream) {}

  void write(const std::vector<bool>& is_needed) {
    for (const NodeId n : kernel_.nodes) {
      const Node& node = graph_.nodes[n];
      switch (row_role(graph_, node, space_, stream_)) {
        case RowRole::elementwise:
          elementwise(node);
          break;
        case RowRole::update:
          update(node);
          break;
        case RowRole::join:
          join(node);
          break;
        case RowRole::reduction:
          reduction(node, is_needed);
          continue;
        case RowRole::per_row:
          per_row(node, is_needed);
          continue;
        case RowRole::none:
          throw InternalError("a node of a row kernel that it cannot have");
      }
      for (const ValueId output : node.outputs) {
        if (is_needed[output]) {
          const std::string array = add_output(output, false);
          loop_ += "    " + array + "[row * columns + column] = " + variables_.at(output) + ";\n";
        }
      }
    }
    assemble();
  }

 private:
  std::string number(std::int64_t value) const { return std::to_string(value) + "LL"; }

  std::string index(int axis) const { return named("i", axis); }

  std::string add_output(ValueId value, bool is_reduced) {
    kernel_.outputs.push_back(value);
    kernel_.is_reduced.push_back(is_reduced);
    return named("out", kernel_.outputs.size() - 1);
  }

  // The element of `value`, whose axes are the last ones of the space, at the indices; `first` is
  // where the box that it fills begins.
  std::string element(ValueId value, const Box& box = {}) {
    return element(value, box, static_cast<int>(space_.shape.size()));
  }

  // `rank` is that of what the value is an operand for: of the space, or of its rows.
  std::string element(ValueId value, const Box& box, int rank) {
    if (const Tensor* tensor = one_element(graph_, value)) return spelled(*tensor);
    auto found = std::ranges::find(kernel_.inputs, value);
    const std::string name = named("in", found - kernel_.inputs.begin());
    if (found == kernel_.inputs.end()) kernel_.inputs.push_back(value);
    const auto shape = static_shape(graph_.type(value));
    const int added = rank - static_cast<int>(shape.size());
    std::string offset = "0";
    for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
      if (shape[axis] == 1) continue;
      std::string at = index(added + axis);
      for (const Box::Range& range : box.ranges) {
        if (range.axis == added + axis) at = "(" + at + " - " + number(range.start) + ")";
      }
      offset += " + " + at + " * " + name + "_strides[" + std::to_string(axis) + "]";
    }
    return name + "[" + offset + "]";
  }

  // The variable that holds the element of an operand.
  std::string operand(ValueId value) {
    if (const auto found = variables_.find(value); found != variables_.end()) return found->second;
    const DType dtype = graph_.type(value).dtype;
    const std::string variable = named("v", value);
    loop_ += std::string("    const ") + cuda_type(dtype) + " " + variable + " = " +
             element(value) + ";\n";
    return variables_[value] = variable;
  }

  std::string inside(const Box& box) const {
    std::string text;
    for (const Box::Range& range : box.ranges) {
      if (range.start == 0 && range.count == space_.shape[range.axis]) continue;
      text += (text.empty() ? "" : " && ") + index(range.axis) + " >= " + number(range.start) +
              " && " + index(range.axis) + " < " + number(range.start + range.count);
    }
    return text.empty() ? "true" : text;
  }

  void define(ValueId value, const std::string& expression) {
    const std::string variable = named("v", value);
    loop_ += std::string("    const ") + cuda_type(graph_.type(value).dtype) + " " + variable +
             " = " + expression + ";\n";
    variables_[value] = variable;
  }

  void elementwise(const Node& node) {
    std::vector<mx::array> operands;
    for (const ValueId input : node.inputs) {
      operands.push_back(scalars_.placeholder(graph_.type(input).dtype, operand(input)));
    }
    const auto results = scalars_.results(graph_, node, operands);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      variables_[node.outputs[i]] = scalars_.written((*results)[i], loop_).value();
    }
  }

  void update(const Node& node) {
    const Box box = updated_part(graph_, node).value();
    const ValueId result = node.outputs[0];
    const std::string x = operand(node.inputs[0]);
    const std::string y = element(node.inputs[1], box);
    const std::string updated = node.op == Op::slice_set ? y
                                                         : of_type(graph_.type(result).dtype,
                                                                   "Add{}(" + x + ", " + y + ")");
    define(result, inside(box) + " ? " + updated + " : " + x);
  }

  void join(const Node& node) {
    const int axis = joined_axis(graph_, node);
    std::string expression;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::int64_t count = static_shape(graph_.type(node.inputs[i]))[axis];
      const Box box{{{axis, start, count}}};
      start += count;
      if (i + 1 < node.inputs.size()) {
        expression +=
            index(axis) + " < " + number(start) + " ? " + element(node.inputs[i], box) + " : ";
      } else {
        expression += element(node.inputs[i], box);
      }
    }
    define(node.outputs[0], expression);
  }

  void reduction(const Node& node, const std::vector<bool>& is_needed) {
    const bool sums = node.op == Op::reduce_sum;
    const ValueId result = node.outputs[0];
    const std::string name = std::to_string(result);
    const std::string type = sums ? "double" : "int", none = node.op == Op::reduce_all ? "1" : "0";
    const std::string together = sums ? "Sum" : node.op == Op::reduce_all ? "All" : "Any";
    const std::string x = operand(node.inputs[0]);
    before_ += "  " + type + " total" + name + " = " + none + ";\n";
    loop_ += "    total" + name + " = ::gemmule::" + together + "{}(total" + name + ", " +
             "static_cast<" + type + ">(" + x + "));\n";
    after_ += "  total" + name + " = ::gemmule::over_block<" + type + ">(total" + name + ", " +
              none + ", ::gemmule::" + together + "{});\n";
    // Of the first thread, which goes on with it.
    const std::string variable = "r" + name;
    after_ += std::string("  const ") + cuda_type(graph_.type(result).dtype) + " " + variable +
              " = " + of_type(graph_.type(result).dtype, "total" + name) + ";\n";
    of_row_[result] = variable;
    if (is_needed[result]) after_ += store_of_row(result);
  }

  std::string store_of_row(ValueId value) {
    return "  if (threadIdx.x == 0) " + add_output(value, true) +
           "[blockIdx.x] = " + of_row_.at(value) + ";\n";
  }

  // All threads compute it, and the first one's is right.
  void per_row(const Node& node, const std::vector<bool>& is_needed) {
    std::vector<mx::array> operands;
    for (const ValueId input : node.inputs) {
      std::string& variable = of_row_[input];
      if (variable.empty()) {
        variable = named("r", input);
        after_ += std::string("  const ") + cuda_type(graph_.type(input).dtype) + " " + variable +
                  " = " + element(input, {}, space_.split) + ";\n";
      }
      operands.push_back(scalars_.placeholder(graph_.type(input).dtype, variable));
    }
    const auto results = scalars_.results(graph_, node, operands);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      of_row_[node.outputs[i]] = scalars_.written((*results)[i], after_).value();
      if (is_needed[node.outputs[i]]) after_ += store_of_row(node.outputs[i]);
    }
  }

  // i0, i1 ... from `what`, for axes [first, last).
  std::string indices(const std::string& what, int first, int last,
                      const std::string& indent) const {
    std::string text = indent + "int64_t rest_of_" + what + " = " + what + ";\n";
    for (int axis = last - 1; axis >= first; --axis) {
      const std::string size = number(space_.shape[axis]);
      const std::string value =
          axis == first ? "rest_of_" + what : "rest_of_" + what + " % " + size;
      text += indent + "const int64_t " + index(axis) + " = " + value + ";\n";
      if (axis > first) text += indent + "rest_of_" + what + " /= " + size + ";\n";
    }
    return text;
  }

  void assemble() {
    const int rank = static_cast<int>(space_.shape.size());
    std::string& text = kernel_.source;
    text = "  constexpr int64_t columns = " + number(kernel_.columns) +
           ", parts = " + number(kernel_.parts) +
           ";\n"
           "  const int64_t row = blockIdx.x / parts;\n";
    text += indices("row", 0, space_.split, "  ");
    text += before_;
    text +=
        "  for (int64_t column = (blockIdx.x % parts) * blockDim.x + threadIdx.x; column < "
        "columns;\n"
        "       column += parts * blockDim.x) {\n";
    text += indices("column", space_.split, rank, "    ");
    text += loop_ + "  }\n" + after_;
  }

  const Graph& graph_;
  const RowSpace& space_;
  mx::Stream stream_;
  RowKernel& kernel_;
  Scalars scalars_;
  std::map<ValueId, std::string> variables_;
  std::map<ValueId, std::string> of_row_;  // after the loop
  std::string before_, loop_, after_;
};

bool is_per_row(const Graph& graph, const Node& node, const RowSpace& space) {
  const std::vector<std::int64_t> rows(space.shape.begin(), space.shape.begin() + space.split);
  return std::ranges::all_of(
      node.outputs, [&](ValueId output) { return static_shape(graph.type(output)) == rows; });
}

bool has_shape(const Graph& graph, ValueId value, const RowSpace& space) {
  return static_shape(graph.type(value)) == space.shape;
}

bool all_spelled(const Graph& graph, const std::vector<ValueId>& values) {
  return std::ranges::all_of(
      values, [&](ValueId value) { return cuda_type(graph.type(value).dtype) != nullptr; });
}

bool can_write(const Graph& graph, const Node& node, mx::Stream stream) {
  if (node.op == Op::fused && node.attributes.find("reduce") != nullptr) return false;
  Scalars scalars(stream);
  std::vector<mx::array> operands;
  for (const ValueId input : node.inputs) {
    operands.push_back(scalars.placeholder(graph.type(input).dtype, "x"));
  }
  const auto results = scalars.results(graph, node, operands);
  std::string statements;
  return results && std::ranges::all_of(*results, [&](const mx::array& result) {
           return scalars.written(result, statements).has_value();
         });
}

}  // namespace

RowRole row_role(const Graph& graph, const Node& node, const RowSpace& space, mx::Stream stream) {
  const int rank = static_cast<int>(space.shape.size());
  switch (node.op) {
    case Op::slice_set:
    case Op::slice_add: {
      const std::vector<ValueId> arrays{node.inputs[0], node.inputs[1]};
      if (!has_shape(graph, node.outputs[0], space) || !all_spelled(graph, arrays))
        return RowRole::none;
      if (graph.type(node.outputs[0]).dtype == DType::bool_ && node.op == Op::slice_add)
        return RowRole::none;
      return updated_part(graph, node) ? RowRole::update : RowRole::none;
    }
    case Op::concatenate:
      if (!has_shape(graph, node.outputs[0], space) || !all_spelled(graph, node.inputs))
        return RowRole::none;
      return node.inputs.size() <= kMaxJoined ? RowRole::join : RowRole::none;
    case Op::reduce_sum:
    case Op::reduce_all:
    case Op::reduce_any: {
      if (!has_shape(graph, node.inputs[0], space)) return RowRole::none;
      const DType wanted = node.op == Op::reduce_sum ? DType::f32 : DType::bool_;
      if (graph.type(node.inputs[0]).dtype != wanted ||
          graph.type(node.outputs[0]).dtype != wanted) {
        return RowRole::none;
      }
      std::vector<std::int64_t> axes = node.attributes.integers("axes");
      for (std::int64_t& axis : axes) axis += axis < 0 ? rank : 0;
      std::ranges::sort(axes);
      for (int i = space.split; i < rank; ++i) {
        if (static_cast<int>(axes.size()) != rank - space.split || axes[i - space.split] != i) {
          return RowRole::none;
        }
      }
      return RowRole::reduction;
    }
    default: {
      if (!is_elementwise(node.op) && node.op != Op::fused) return RowRole::none;
      const bool per_row = is_per_row(graph, node, space);
      for (const ValueId output : node.outputs) {
        if (!per_row && !has_shape(graph, output, space)) return RowRole::none;
      }
      if (!all_spelled(graph, node.inputs) || !all_spelled(graph, node.outputs))
        return RowRole::none;
      if (!runs_on_gpu(graph, node) || !can_write(graph, node, stream)) return RowRole::none;
      return per_row ? RowRole::per_row : RowRole::elementwise;
    }
  }
}

void write_row_kernel(const Graph& graph, const RowSpace& space, const std::vector<bool>& is_needed,
                      mx::Stream stream, RowKernel& kernel) {
  Writer(graph, space, stream, kernel).write(is_needed);
}

}  // namespace gemmule
