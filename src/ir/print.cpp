#include <charconv>
#include <cmath>
#include <map>

#include "ir/error.h"
#include "ir/text.h"

namespace gemmule {
namespace {

// Shortest text that reads back as the same number.
template <class T>
std::string number(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return std::signbit(value) ? "-nan" : "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  }
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

std::string element(const Tensor& tensor, std::int64_t i) {
  return visit_dtype(tensor.dtype, [&]<class T>(T) -> std::string {
    if constexpr (std::is_same_v<T, bool>) {
      return tensor.at<std::uint8_t>(i) != 0 ? "true" : "false";
    } else if constexpr (std::is_same_v<T, Half>) {
      return number(static_cast<float>(tensor.at<Half>(i)));
    } else if constexpr (std::is_integral_v<T>) {
      return number(static_cast<std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>(
          tensor.at<T>(i)));
    } else if constexpr (std::is_floating_point_v<T>) {
      return number(tensor.at<T>(i));
    } else {
      const T value = tensor.at<T>(i);
      return "(" + number(value.real()) + " " + number(value.imag()) + ")";
    }
  });
}

// The index of the tensor among those that are taken out.
std::size_t take_out(const Tensor& tensor, std::vector<Tensor>& taken_out) {
  for (std::size_t i = 0; i < taken_out.size(); ++i) {
    const Tensor& other = taken_out[i];
    if (other.data == tensor.data && other.dtype == tensor.dtype && other.shape == tensor.shape) return i;
  }
  taken_out.push_back(tensor);
  return taken_out.size() - 1;
}

std::string tensor_text(const Tensor& tensor, const PrintOptions& options) {
  std::string text = to_text(static_type(tensor.dtype, tensor.shape));
  const bool is_large = tensor.count() > 16;
  if (options.taken_out != nullptr && is_large) return text + " @" + std::to_string(take_out(tensor, *options.taken_out));
  if (options.elide_large_constants && is_large) return text + " ...";
  for (std::int64_t i = 0; i < tensor.count(); ++i) text += " " + element(tensor, i);
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string indented(const std::string& text, int spaces) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result.append(spaces, ' ');
  }
  return result;
}

std::string attribute_text(const Attribute& attribute, const PrintOptions& options) {
  struct Printer {
    const PrintOptions& options;
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(const std::string& value) const { return quoted(value); }
    std::string operator()(DType value) const { return std::string(name(value)); }
    std::string operator()(const Integers& values) const {
      std::string text = "[";
      for (std::size_t i = 0; i < values.size(); ++i) text += (i > 0 ? "," : "") + std::to_string(values[i]);
      return text + "]";
    }
    std::string operator()(const Tensor& value) const { return tensor_text(value, options); }
    std::string operator()(const std::shared_ptr<const Graph>& value) const {
      std::string text = to_text(*value, options);
      text.pop_back();  // the newline at its end
      return indented(text, 2);
    }
  };
  return std::visit(Printer{options}, attribute);
}

bool is_identifier(const std::string& text) {
  if (text.empty() || (std::isalpha(static_cast<unsigned char>(text[0])) == 0 && text[0] != '_')) return false;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
  }
  return true;
}

}  // namespace

std::string to_text(const Type& type, const Graph* graph) {
  std::string text(name(type.dtype));
  text += "[";
  for (std::size_t axis = 0; axis < type.shape.size(); ++axis) {
    if (axis > 0) text += ",";
    const Dim& dim = type.shape[axis];
    if (dim.is_known()) {
      text += std::to_string(dim.size);
    } else if (graph != nullptr && dim.symbol != kNone) {
      text += graph->symbols[dim.symbol];
    } else {
      text += "?";
    }
  }
  return text + "]";
}

std::string value_text(const Graph& graph, ValueId value) {
  // A name serves only where it reads back as this value: the name of an input that no other has.
  const std::string& name = graph.values[value].name;
  if (graph.values[value].node == kNone && is_identifier(name)) {
    int holders = 0;
    for (const ValueId input : graph.inputs) holders += graph.values[input].name == name ? 1 : 0;
    if (holders == 1) return "%" + name;
  }
  return "%" + std::to_string(value);
}

std::string to_text(const Graph& graph, const Node& node, const PrintOptions& options) {
  std::string text;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (i > 0) text += ", ";
    text += value_text(graph, node.outputs[i]) + ": " + to_text(graph.type(node.outputs[i]), &graph);
  }
  text += " = " + std::string(info(node.op).name) + "(";
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    text += (i > 0 ? ", " : "") + value_text(graph, node.inputs[i]);
  }
  text += ")";
  const bool has_more = !node.attributes.items.empty() || !node.origin.empty();
  if (!has_more) return text;
  text += " {";
  bool first = true;
  for (const auto& [key, value] : node.attributes.items) {
    text += (first ? "" : ", ") + key + " = " + attribute_text(value, options);
    first = false;
  }
  if (!node.origin.empty()) text += (first ? "" : ", ") + std::string("origin = ") + quoted(node.origin);
  return text + "}";
}

std::string to_text(const Graph& graph, const PrintOptions& options) {
  std::string text = "graph(";
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (i > 0) text += ", ";
    text += value_text(graph, graph.inputs[i]) + ": " + to_text(graph.type(graph.inputs[i]), &graph);
  }
  text += ") {\n";
  for (const Node& node : graph.nodes) text += "  " + to_text(graph, node, options) + "\n";
  text += "  return";
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    text += (i > 0 ? ", " : " ") + value_text(graph, graph.outputs[i]);
  }
  return text + "\n}\n";
}

}  // namespace gemmule
