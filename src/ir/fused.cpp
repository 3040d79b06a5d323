#include "ir/fused.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "ir/error.h"
#include "ir/infer_rules.h"

namespace gemmule {

bool folds_in_a_pass(Op op) {
  switch (op) {
    case Op::reduce_sum:
    case Op::reduce_prod:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::reduce_any:
    case Op::reduce_all:
      return true;
    default:
      return false;
  }
}

namespace {

FusedResult parse_result(const std::string& clause) {
  std::istringstream words(clause);
  std::string name;
  words >> name;
  FusedResult result;
  if (name != "none") {
    result.reduction = parse_op(name);
    if (!result.reduction || !folds_in_a_pass(*result.reduction)) {
      throw UserError("[fused] reduce: '" + name + "' is neither 'none' nor a reduction");
    }
  }
  for (std::string word; words >> word;) {
    std::int64_t axis = 0;
    const char* end = word.data() + word.size();
    if (const auto read = std::from_chars(word.data(), end, axis); read.ec != std::errc{} || read.ptr != end) {
      throw UserError("[fused] reduce: '" + clause + "': axes are integers");
    }
    result.axes.push_back(axis);
  }
  const bool ascending = std::adjacent_find(result.axes.begin(), result.axes.end(), std::greater_equal<>()) ==
                         result.axes.end();
  if (result.reduction.has_value() == result.axes.empty() || !ascending) {
    throw UserError("[fused] reduce: '" + clause + "': a reduction, and nothing else, has ascending axes");
  }
  return result;
}

}  // namespace

std::vector<FusedResult> fused_results(const Attributes& attributes) {
  std::vector<FusedResult> results(attributes.graph("body").outputs.size());
  const Attribute* attribute = attributes.find("reduce");
  if (attribute == nullptr) return results;
  const auto* text = std::get_if<std::string>(attribute);
  if (text == nullptr) throw UserError("[fused] reduce: it must be text");
  std::istringstream clauses(*text);
  std::size_t count = 0;
  for (std::string clause; std::getline(clauses, clause, ';'); ++count) {
    if (count < results.size()) results[count] = parse_result(clause);
  }
  if (count != results.size()) {
    throw UserError("[fused] reduce: " + std::to_string(count) + " clauses for " + std::to_string(results.size()) +
                    " results");
  }
  return results;
}

std::string reduce_attribute(const std::vector<FusedResult>& results) {
  std::string text;
  bool reduces = false;
  for (const FusedResult& result : results) {
    if (!text.empty()) text += "; ";
    text += result.reduction ? info(*result.reduction).name : "none";
    for (const std::int64_t axis : result.axes) text += " " + std::to_string(axis);
    reduces = reduces || result.reduction;
  }
  return reduces ? text : "";
}

Shape pass_shape(const Graph& graph, const Node& node) {
  std::size_t rank = 0;
  for (const ValueId operand : node.inputs) rank = std::max(rank, graph.type(operand).shape.size());
  Shape shape(rank, Dim::known(1));
  for (const ValueId operand : node.inputs) {
    const Shape& other = graph.type(operand).shape;
    for (std::size_t axis = 0; axis < other.size(); ++axis) {
      if (!other[axis].is_one()) shape[axis] = shape[axis].is_one() ? other[axis] : agreed(shape[axis], other[axis]);
    }
  }
  return shape;
}

}  // namespace gemmule
