#include "plan/formula.h"

#include <cstdio>
#include <limits>
#include <map>
#include <vector>

#include "ir/fused.h"
#include "ir/text.h"

namespace gemmule {
namespace {

// How tightly an expression holds together.
enum Strength { comparison, sum, product, power, atom };

struct Text {
  std::string text;
  Strength strength = atom;
};

constexpr std::size_t kLongest = 160;  // of a part of a formula, in characters

// The text, in brackets where it is weaker than its surroundings.
std::string within(const Text& part, Strength surroundings) {
  if (part.text.size() > kLongest) return "...";
  return part.strength < surroundings ? "(" + part.text + ")" : part.text;
}

Text infix(const Text& left, const char* sign, const Text& right, Strength strength,
           Strength right_strength) {
  return {within(left, strength) + sign + within(right, right_strength), strength};
}

Text call(const std::string& function, const std::vector<Text>& arguments) {
  std::string text = function + "(";
  for (std::size_t i = 0; i < arguments.size(); ++i)
    text += (i > 0 ? ", " : "") + within(arguments[i], comparison);
  return {text + ")", atom};
}

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

bool is_number(const Text& part, const char* value) { return part.text == value; }

// scale * expression, as one writes it for the scales 1 and -1.
Text scaled(const Text& scale, const Text& expression) {
  if (is_number(scale, "1")) return expression;
  if (is_number(scale, "-1")) return {"-" + within(expression, product), product};
  return infix(scale, "*", expression, product, product);
}

Text plus(const Text& left, const Text& right) {
  if (right.text.starts_with("-") && right.strength >= product) {
    return {within(left, sum) + " - " + right.text.substr(1), sum};
  }
  return infix(left, " + ", right, sum, sum);
}

Text transposed(const Text& matrix, bool flag) {
  return flag ? Text{within(matrix, atom) + ".T", atom} : matrix;
}

Text elementwise(const Node& node, const std::vector<Text>& x) {
  // clang-format off
  switch (node.op) {
    case Op::add:            return plus(x[0], x[1]);
    case Op::subtract:       return infix(x[0], " - ", x[1], sum, product);
    case Op::multiply:       return infix(x[0], "*", x[1], product, product);
    case Op::divide:         return infix(x[0], "/", x[1], product, power);
    case Op::floor_divide:   return infix(x[0], "//", x[1], product, power);
    case Op::remainder:      return infix(x[0], "%", x[1], product, power);
    case Op::power:          return infix(x[0], "**", x[1], atom, atom);
    case Op::square:         return {within(x[0], atom) + "**2", power};
    case Op::negative:       return {"-" + within(x[0], product), product};
    case Op::reciprocal:     return {"1/" + within(x[0], power), product};
    case Op::equal:          return infix(x[0], " == ", x[1], comparison, sum);
    case Op::not_equal:      return infix(x[0], " != ", x[1], comparison, sum);
    case Op::less:           return infix(x[0], " < ", x[1], comparison, sum);
    case Op::less_equal:     return infix(x[0], " <= ", x[1], comparison, sum);
    case Op::greater:        return infix(x[0], " > ", x[1], comparison, sum);
    case Op::greater_equal:  return infix(x[0], " >= ", x[1], comparison, sum);
    case Op::bitwise_and:    return infix(x[0], " & ", x[1], power, power);
    case Op::bitwise_or:     return infix(x[0], " | ", x[1], power, power);
    case Op::cast:           return call(std::string(numpy_name(node.attributes.dtype("dtype"))), x);
    default:                 return call(std::string(info(node.op).name), x);
  }
  // clang-format on
}

class Writer {
 public:
  explicit Writer(const Graph& graph) : graph_(graph) {}

  Text node(const Node& node) {
    std::vector<Text> x;
    for (const ValueId operand : node.inputs) x.push_back(value(operand));
    return this->node(node, x);
  }

  // The same with given texts for the operands.
  Text node(const Node& node, const std::vector<Text>& x) {
    const bool trans_a = node.attributes.flag("trans_a"), trans_b = node.attributes.flag("trans_b");
    const auto product_of = [&](const Text& a, const Text& b) {
      return infix(transposed(a, trans_a), "@", transposed(b, trans_b), product, power);
    };
    if (is_elementwise(node.op)) return elementwise(node, x);
    switch (node.op) {
      case Op::fused:
        return body(node, x);
      case Op::row_blocks:
        return steps(node, x);
      case Op::matmul:
      case Op::matvec:
      case Op::batched_matmul:
        return x.size() == 3 ? scaled(x[2], product_of(x[0], x[1])) : product_of(x[0], x[1]);
      case Op::dot:
        return product_of(x[0], x[1]);
      case Op::outer:
        return x.size() == 3 ? scaled(x[2], call("outer", {x[0], x[1]})) : call("outer", x);
      case Op::gemm:
      case Op::gemv:
      case Op::batched_gemm: {
        const Text result = scaled(x[0], product_of(x[1], x[2]));
        return is_number(x[3], "0") ? result : plus(result, scaled(x[3], x[4]));
      }
      case Op::ger:
        return plus(x[3], scaled(x[0], call("outer", {x[1], x[2]})));
      default:
        return call(std::string(info(node.op).name), x);
    }
  }

 private:
  // A value by name, seen through views of it.
  Text value(ValueId id) {
    if (const auto scalar = graph_.scalar_constant(id)) {
      return {number(*scalar), *scalar < 0 ? product : atom};
    }
    const Node* node = graph_.producer(id);
    if (node == nullptr)
      return {value_text(graph_, id).substr(graph_.values[id].name.empty() ? 0 : 1), atom};
    switch (node->op) {
      case Op::constant:
        return {"constant", atom};
      case Op::dim:
        return {value(node->inputs[0]).text + ".shape[" +
                    std::to_string(node->attributes.integer("axis")) + "]",
                atom};
      case Op::transpose:
        return transposed(value(node->inputs[0]), true);
      case Op::expand_dims:
      case Op::squeeze:
      case Op::broadcast_to:
        return value(node->inputs[0]);
      case Op::reshape:
        return call("reshape", {value(node->inputs[0])});
      case Op::slice:
        return {within(value(node->inputs[0]), atom) + slice_text(*node), atom};
      case Op::diagonal:
        return call("diagonal", {value(node->inputs[0])});
      default:
        return {value_text(graph_, id), atom};
    }
  }

  // "[:,2:5]"; "[...]" where a bound is not constant.
  std::string slice_text(const Node& node) const {
    const Integers& axes = node.attributes.integers("axes");
    std::vector<std::string> parts(graph_.type(node.inputs[0]).rank(), ":");
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const auto start = graph_.integer_constant(node.inputs[1 + 3 * i]);
      const auto stop = graph_.integer_constant(node.inputs[2 + 3 * i]);
      const auto step = graph_.integer_constant(node.inputs[3 + 3 * i]);
      if (!start || !stop || !step) return "[...]";
      const auto bound = [](std::int64_t number, std::int64_t otherwise) {
        const auto limit = std::numeric_limits<std::int64_t>::max();
        const bool open = number == otherwise || number == limit || number == -limit - 1;
        return open ? std::string() : std::to_string(number);
      };
      parts[axes[i]] = bound(*start, *step > 0 ? 0 : -1) + ":" +
                       bound(*stop, -1 - std::numeric_limits<std::int64_t>::max());
      if (*step != 1) parts[axes[i]] += ":" + std::to_string(*step);
    }
    std::string text = "[";
    for (std::size_t i = 0; i < parts.size(); ++i) text += (i > 0 ? "," : "") + parts[i];
    return text + "]";
  }

  static Text body(const Node& fused, const std::vector<Text>& operands) {
    const Graph& graph = fused.attributes.graph("body");
    std::map<ValueId, Text> texts;
    for (std::size_t i = 0; i < operands.size(); ++i) texts[graph.inputs[i]] = operands[i];
    for (const Node& node : graph.nodes) {
      if (const auto scalar = graph.scalar_constant(node.outputs[0])) {
        texts[node.outputs[0]] = {number(*scalar), *scalar < 0 ? product : atom};
        continue;
      }
      std::vector<Text> x;
      for (const ValueId operand : node.inputs) x.push_back(texts[operand]);
      texts[node.outputs[0]] = elementwise(node, x);
    }
    const std::vector<FusedResult> reductions = fused_results(fused.attributes);
    std::vector<Text> results;
    for (std::size_t i = 0; i < reductions.size(); ++i) {
      const Text& text = texts[graph.outputs[i]];
      const auto& reduction = reductions[i].reduction;
      results.push_back(reduction ? call(std::string(info(*reduction).name), {text}) : text);
    }
    return results.size() == 1 ? results[0] : call("", results);
  }

  // "X@b -> 14 elementwise -> X.T@r": what the blocks compute is r, whatever it is.
  static Text steps(const Node& blocks, const std::vector<Text>& operands) {
    Graph body = blocks.attributes.graph("body");
    std::map<ValueId, Text> names;
    for (std::size_t i = 0; i < operands.size(); ++i) names[body.inputs[i]] = operands[i];
    std::string text;
    const auto step = [&](const std::string& next) { text += (text.empty() ? "" : " -> ") + next; };
    int elementwise = 0;
    const auto end_elementwise = [&] {
      if (elementwise > 0) step(std::to_string(elementwise) + " elementwise");
      elementwise = 0;
    };
    for (const Node& node : body.nodes) {
      for (const ValueId output : node.outputs) {
        const auto scalar = body.scalar_constant(output);
        names[output] = {scalar ? number(*scalar) : node.op == Op::constant ? "constant" : "r", atom};
      }
      if (node.op == Op::transpose) names[node.outputs[0]] = transposed(names[node.inputs[0]], true);
      const bool folds = node.op >= Op::reduce_sum && node.op <= Op::argmin;
      if (is_elementwise(node.op) || folds) {
        ++elementwise;
      } else if (!info(node.op).kernel.empty() && node.op != Op::arange) {
        end_elementwise();
        std::vector<Text> x;
        for (const ValueId operand : node.inputs) x.push_back(names[operand]);
        step(Writer(body).node(node, x).text);
      }
    }
    end_elementwise();
    return {text, comparison};
  }

  const Graph& graph_;
};

}  // namespace

std::string formula(const Graph& graph, const Node& node) { return Writer(graph).node(node).text; }

}  // namespace gemmule
