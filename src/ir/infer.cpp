#include "ir/infer.h"

#include <algorithm>
#include <numeric>

#include "ir/fused.h"
#include "ir/infer_rules.h"

namespace gemmule {

// -- messages and checks ---------------------------------------------------------------------------

std::string message(const InferContext& context, const std::string& what) {
  std::string text = "[" + std::string(info(context.op).name) + "] " + what;
  if (!context.origin.empty()) text += " (node \"" + context.origin + "\")";
  return text;
}

void fail_shape(const InferContext& context, const std::string& what) {
  throw ShapeError(message(context, what));
}

void fail_dtype(const InferContext& context, const std::string& what) {
  throw DTypeError(message(context, what));
}

std::string describe(const InferContext& context, int operand, const std::string& name) {
  return name + " is " + to_text(context.type(operand), &context.graph);
}

void need_operands(const InferContext& context, int least, int most) {
  if (context.count() >= least && (most < 0 || context.count() <= most)) return;
  std::string expected = std::to_string(least);
  if (most < 0) expected += " or more";
  if (most > least) expected += " to " + std::to_string(most);
  throw UserError(
      message(context, "takes " + expected + " operands, " + std::to_string(context.count()) + " given"));
}

void need_rank(const InferContext& context, int operand, int rank, const std::string& name) {
  if (context.type(operand).rank() != rank) {
    fail_shape(context, describe(context, operand, name) + ", it must have " + std::to_string(rank) +
                            " dimensions");
  }
}

void need_rank_at_least(const InferContext& context, int operand, int rank, const std::string& name) {
  if (context.type(operand).rank() < rank) {
    fail_shape(context, describe(context, operand, name) + ", it must have at least " +
                            std::to_string(rank) + " dimensions");
  }
}

void need_same_dtype(const InferContext& context, int first) {
  for (int i = first + 1; i < context.count(); ++i) {
    if (context.type(i).dtype != context.type(first).dtype) {
      fail_dtype(context, "operands " + std::to_string(first) + " and " + std::to_string(i) + " are " +
                              std::string(name(context.type(first).dtype)) + " and " +
                              std::string(name(context.type(i).dtype)) + ": dtypes must be equal");
    }
  }
}

void need_scalar(const InferContext& context, int operand, const std::string& name) {
  if (context.type(operand).rank() != 0) {
    fail_shape(context, describe(context, operand, name) + ", it must be 0-d");
  }
}

void need_integer(const InferContext& context, int operand, const std::string& name) {
  if (kind(context.type(operand).dtype) != DTypeKind::integer) {
    fail_dtype(context, describe(context, operand, name) + ", it must be an integer");
  }
}

int normal_axis(const InferContext& context, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    fail_shape(context,
               "axis " + std::to_string(axis) + " is out of range for " + std::to_string(rank) + " dimensions");
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> normal_axes(const InferContext& context, const std::string& attribute, int rank) {
  std::vector<int> axes;
  for (const std::int64_t axis : context.attributes.integers(attribute)) {
    const int normal = normal_axis(context, axis, rank);
    if (std::find(axes.begin(), axes.end(), normal) != axes.end()) {
      fail_shape(context, "axis " + std::to_string(normal) + " is given twice");
    }
    axes.push_back(normal);
  }
  return axes;
}

// -- dimensions ------------------------------------------------------------------------------------

bool may_agree(const Dim& a, const Dim& b) { return !a.is_known() || !b.is_known() || a.size == b.size; }

Dim agreed(const Dim& a, const Dim& b) { return a.is_known() ? a : b.is_known() ? b : a; }

bool has_same_shape(const Type& a, const Type& b) {
  if (a.rank() != b.rank()) return false;
  for (int axis = 0; axis < a.rank(); ++axis) {
    if (a.shape[axis].is_one() != b.shape[axis].is_one()) return false;
    if (!may_agree(a.shape[axis], b.shape[axis])) return false;
  }
  return true;
}

Integers transposed_axes(int rank) {
  Integers axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[rank - 2], axes[rank - 1]);
  return axes;
}

Shape broadcast(const InferContext& context, const std::vector<int>& operands, bool align_right) {
  int rank = 0;
  for (const int i : operands) rank = std::max(rank, context.type(i).rank());
  Shape result(rank, Dim::known(1));
  for (const int i : operands) {
    const Shape& shape = context.type(i).shape;
    if (shape.empty()) continue;
    if (!align_right && static_cast<int>(shape.size()) != rank) {
      fail_shape(context, describe(context, i, "operand " + std::to_string(i)) + " where others have " +
                              std::to_string(rank) + " dimensions: ranks must be equal or 0");
    }
    const int shift = rank - static_cast<int>(shape.size());
    for (int axis = shift; axis < rank; ++axis) {
      const Dim& dim = shape[axis - shift];
      if (dim.is_one()) continue;
      if (!result[axis].is_one() && !may_agree(result[axis], dim)) {
        std::string types;
        for (const int j : operands) {
          if (!types.empty()) types += ", ";
          types += to_text(context.type(j), &context.graph);
        }
        fail_shape(context, "operands are " + types + ": sizes " + std::to_string(result[axis].size) + " and " +
                                std::to_string(dim.size) + " of axis " + std::to_string(axis) + " differ");
      }
      result[axis] = result[axis].is_one() ? dim : agreed(result[axis], dim);
    }
  }
  return result;
}

void need_broadcasts_to(const InferContext& context, const Shape& shape, const Shape& target,
                        const std::string& name) {
  bool fits = shape.size() <= target.size();
  const std::size_t shift = target.size() - shape.size();
  for (std::size_t axis = 0; fits && axis < shape.size(); ++axis) {
    fits = shape[axis].is_one() || may_agree(shape[axis], target[axis + shift]);
  }
  if (!fits) {
    const DType dtype = context.type(0).dtype;
    fail_shape(context, name + " is " + to_text(Type{dtype, shape}, &context.graph) +
                            " and does not broadcast to " + to_text(Type{dtype, target}, &context.graph));
  }
}

Dim size_operand(InferContext& context, int operand) {
  const std::string name = "size operand " + std::to_string(operand);
  need_scalar(context, operand, name);
  need_integer(context, operand, name);
  const Graph& graph = context.graph;
  if (const auto size = graph.integer_constant(context.inputs[operand])) {
    if (*size < 0) fail_shape(context, name + " is " + std::to_string(*size) + ", a size cannot be negative");
    return Dim::known(*size);
  }
  // Casts between integers do not change which size it is.
  ValueId value = context.inputs[operand];
  while (const Node* cast = graph.producer(value, Op::cast)) {
    if (kind(graph.type(cast->inputs[0]).dtype) != DTypeKind::integer) break;
    value = cast->inputs[0];
  }
  if (const Node* node = graph.producer(value, Op::dim)) {
    const Type& type = graph.type(node->inputs[0]);
    const std::int64_t axis = node->attributes.integer("axis");
    return type.shape[axis < 0 ? axis + type.rank() : axis];
  }
  return Dim::unknown(context.graph.add_symbol());
}

ResolvedSlice resolve_slice(std::int64_t start, std::int64_t stop, std::int64_t step, std::int64_t size) {
  if (step == 0) throw UserError("[slice] the step is 0");
  // Python's slice.indices: negative positions count from the end, then clamp.
  const std::int64_t lowest = step < 0 ? -1 : 0;
  const std::int64_t highest = step < 0 ? size - 1 : size;
  const auto clamp = [&](std::int64_t position) {
    if (position < 0) position = position < -size ? lowest : position + size;
    return std::clamp(position, lowest, highest);
  };
  const std::int64_t first = clamp(start);
  const std::int64_t last = clamp(stop);
  std::int64_t count = 0;
  if (step > 0 && last > first) count = (last - first - 1) / step + 1;
  // Written so that the smallest step, which has no positive twin, does not overflow.
  if (step < 0 && last < first) count = (last - first + 1) / step + 1;
  return {first, count, step};
}

// -- elementwise -----------------------------------------------------------------------------------

namespace {

DType elementwise_dtype(const InferContext& context) {
  const OpInfo& op = info(context.op);
  const DType dtype = context.type(0).dtype;
  if (op.properties == OpProperties::float_only && !is_inexact(dtype)) {
    fail_dtype(context, "operand 0 is " + std::string(name(dtype)) + ": float or complex operands only");
  }
  switch (op.result) {
    case ResultRule::boolean:
      need_same_dtype(context);
      return DType::bool_;
    case ResultRule::select:
      if (dtype != DType::bool_) {
        fail_dtype(context, "the condition is " + std::string(name(dtype)) + ", it must be bool");
      }
      need_same_dtype(context, 1);
      return context.type(1).dtype;
    case ResultRule::cast:
      return context.attributes.dtype("dtype");
    case ResultRule::real:
      return real_part(dtype);
    case ResultRule::complex: {
      need_same_dtype(context);
      const auto result = complex_of(dtype);
      if (!result) fail_dtype(context, "operands are " + std::string(name(dtype)) + ": f32 or f64 only");
      return *result;
    }
    case ResultRule::same:
    case ResultRule::not_elementwise:
      break;
  }
  need_same_dtype(context);
  return dtype;
}

std::vector<int> all_operands(const InferContext& context) {
  std::vector<int> operands(context.count());
  for (int i = 0; i < context.count(); ++i) operands[i] = i;
  return operands;
}

}  // namespace

namespace {

// NumPy has arrays of no more dimensions, nor have the kernels. No memory is larger: below, products of sizes
// and sums of buffers stay within 64 bits.
constexpr int kMostDimensions = 64;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 48;

void need_possible(const InferContext& context, const Type& type) {
  if (type.rank() > kMostDimensions) {
    fail_shape(context, "the result has " + std::to_string(type.rank()) + " dimensions, " +
                            std::to_string(kMostDimensions) + " are the most");
  }
  auto bytes = static_cast<std::int64_t>(size_of(type.dtype));
  for (const Dim& dim : type.shape) {
    const std::int64_t size = dim.is_known() ? std::max<std::int64_t>(dim.size, 1) : 1;
    if (size > kMostBytes / bytes) {
      fail_shape(context, "the result is " + to_text(type, &context.graph) + ", larger than any memory");
    }
    bytes *= size;
  }
}

std::vector<Type> infer_results(InferContext& context) {
  const OpInfo& op = info(context.op);
  if (op.arity >= 0) need_operands(context, op.arity, op.arity);
  if (op.elementwise()) {
    const DType dtype = elementwise_dtype(context);
    return {Type{dtype, broadcast(context, all_operands(context))}};
  }
  switch (context.op) {
#define ELEMENTWISE(name, arity, result, properties)
#define OP(name, arity, outputs, kernel, properties) \
  case Op::name:                                     \
    return infer_##name(context);
#include "ir/ops.def"
    default:
      throw InternalError("no inference for op '" + std::string(op.name) + "'");
  }
}

}  // namespace

std::vector<Type> infer(InferContext& context) {
  std::vector<Type> types = infer_results(context);
  for (const Type& type : types) need_possible(context, type);
  return types;
}

Types infer_fused(InferContext& context) {
  const Graph& body = context.attributes.graph("body");
  need_operands(context, static_cast<int>(body.inputs.size()), static_cast<int>(body.inputs.size()));
  for (int i = 0; i < context.count(); ++i) {
    const Type& expected = body.type(body.inputs[i]);
    if (context.type(i).dtype != expected.dtype) {
      fail_dtype(context, describe(context, i, "operand " + std::to_string(i)) + ", the body expects " +
                              std::string(name(expected.dtype)));
    }
  }
  const Shape shape = broadcast(context, all_operands(context));
  const std::vector<FusedResult> results = fused_results(context.attributes);
  Types types;
  for (std::size_t i = 0; i < body.outputs.size(); ++i) {
    const FusedResult& result = results[i];
    Type type{body.type(body.outputs[i]).dtype, {}};
    for (const std::int64_t axis : result.axes) normal_axis(context, axis, static_cast<int>(shape.size()));
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (std::ranges::count(result.axes, static_cast<std::int64_t>(axis)) == 0) type.shape.push_back(shape[axis]);
    }
    if ((result.reduction == Op::reduce_any || result.reduction == Op::reduce_all) && type.dtype != DType::bool_) {
      fail_dtype(context, "result " + std::to_string(i) + " is " + std::string(name(type.dtype)) + ": " +
                              std::string(info(*result.reduction).name) + " takes bool");
    }
    types.push_back(std::move(type));
  }
  return types;
}

// The size that symbol 0 of the body stands for, its rows, is that of the operands along the axes on
// which they are cut.
Types infer_row_blocks(InferContext& context) {
  const Graph& body = context.attributes.graph("body");
  const Integers& operand_axes = context.attributes.integers("operand_axes");
  const Integers& result_axes = context.attributes.integers("result_axes");
  const int count = static_cast<int>(body.inputs.size());
  need_operands(context, count, count);
  if (static_cast<int>(operand_axes.size()) != count || result_axes.size() != body.outputs.size()) {
    throw UserError(message(context, "operand_axes and result_axes have one number per input and output of the body"));
  }
  if (context.attributes.integer("block") < 1) throw UserError(message(context, "block must be at least 1"));
  std::optional<Dim> rows;
  for (int i = 0; i < count; ++i) {
    const Type& type = context.type(i);
    const Type& expected = body.type(body.inputs[i]);
    const auto fail = [&] {
      fail_shape(context, describe(context, i, "operand " + std::to_string(i)) + ", the body expects " +
                              to_text(expected, &body));
    };
    if (type.dtype != expected.dtype || type.rank() != expected.rank()) fail();
    for (int axis = 0; axis < type.rank(); ++axis) {
      if (axis != operand_axes[i]) {
        if (!may_agree(type.shape[axis], expected.shape[axis])) fail();
        continue;
      }
      if (expected.shape[axis] != Dim::unknown(0)) fail();
      if (rows && !may_agree(*rows, type.shape[axis])) fail();
      rows = rows ? agreed(*rows, type.shape[axis]) : type.shape[axis];
    }
  }
  if (!rows) throw UserError(message(context, "no operand is cut into blocks"));
  Types types;
  for (std::size_t i = 0; i < body.outputs.size(); ++i) {
    Type type = body.type(body.outputs[i]);
    for (int axis = 0; axis < type.rank(); ++axis) {
      const bool cut = type.shape[axis] == Dim::unknown(0);
      if (cut != (axis == result_axes[i])) {
        throw UserError(message(context, "result " + std::to_string(i) + " is " + to_text(type, &body) +
                                             ": its rows are not along axis " + std::to_string(result_axes[i])));
      }
      if (cut) {
        type.shape[axis] = *rows;
      } else if (!type.shape[axis].is_known()) {  // a symbol of the body's
        type.shape[axis] = Dim::unknown(context.graph.add_symbol());
      }
    }
    types.push_back(std::move(type));
  }
  return types;
}

Types infer_scaled_sum(InferContext& context) {
  need_operands(context, 2, -1);
  if (context.count() % 2 != 0) throw UserError(message(context, "takes pairs of a scale and a term"));
  need_same_dtype(context);
  std::vector<int> terms;
  for (int i = 0; i < context.count(); i += 2) {
    need_scalar(context, i, "scale " + std::to_string(i / 2));
    terms.push_back(i + 1);
  }
  return {Type{context.type(0).dtype, broadcast(context, terms)}};
}

}  // namespace gemmule
