#include "rewrite/pattern.h"

#include <algorithm>

#include "ir/error.h"

namespace gemmule {
namespace {

Pattern make(PatternKind kind, std::vector<Pattern> children) {
  PatternNode node{};
  node.kind = kind;
  node.children = std::move(children);
  return std::make_shared<const PatternNode>(std::move(node));
}

Pattern variable(std::string name, VariableClass variable_class) {
  PatternNode node{};
  node.kind = PatternKind::variable;
  node.name = std::move(name);
  node.variable_class = variable_class;
  return std::make_shared<const PatternNode>(std::move(node));
}

// A term of a sum as a sum: X becomes 1*X.
Pattern as_sum(const Pattern& pattern) {
  return pattern->kind == PatternKind::sum ? pattern : make(PatternKind::sum, {one, pattern});
}

void collect_variables(const Pattern& pattern, std::vector<std::string>& names) {
  if (pattern->kind == PatternKind::variable &&
      std::find(names.begin(), names.end(), pattern->name) == names.end()) {
    names.push_back(pattern->name);
  }
  for (const Pattern& child : pattern->children) collect_variables(child, names);
}

}  // namespace

const Pattern one = make(PatternKind::one, {});

Pattern any(std::string name) { return variable(std::move(name), VariableClass::any); }
Pattern scalar(std::string name) { return variable(std::move(name), VariableClass::scalar); }
Pattern vector(std::string name) { return variable(std::move(name), VariableClass::vector); }
Pattern matrix(std::string name) { return variable(std::move(name), VariableClass::matrix); }

Pattern call(Op op, std::vector<Pattern> operands) {
  PatternNode node{};
  node.kind = PatternKind::call;
  node.op = op;
  node.children = std::move(operands);
  return std::make_shared<const PatternNode>(std::move(node));
}

Pattern T(Pattern operand) { return make(PatternKind::transpose, {std::move(operand)}); }
Pattern column(Pattern operand) { return make(PatternKind::column, {std::move(operand)}); }
Pattern row(Pattern operand) { return make(PatternKind::row, {std::move(operand)}); }
Pattern first_column(Pattern operand) { return make(PatternKind::first_column, {std::move(operand)}); }
Pattern first_row(Pattern operand) { return make(PatternKind::first_row, {std::move(operand)}); }

Pattern flagged(Pattern pattern) {
  PatternNode node = *pattern;
  node.flagged = true;
  return std::make_shared<const PatternNode>(std::move(node));
}

Pattern flipped(const char* flag, Pattern pattern) {
  PatternNode node = *pattern;
  node.flip = flag;
  return std::make_shared<const PatternNode>(std::move(node));
}

Pattern operator*(const Pattern& scale, const Pattern& term) {
  return make(PatternKind::sum, {scale, term});
}

Pattern operator+(const Pattern& left, const Pattern& right) {
  const Pattern l = as_sum(left), r = as_sum(right);
  std::vector<Pattern> children = l->children;
  children.insert(children.end(), r->children.begin(), r->children.end());
  return make(PatternKind::sum, std::move(children));
}

Pattern operator-(const Pattern& operand) { return call(Op::negative, {operand}); }

std::string to_text(const Pattern& pattern) {
  const auto arguments = [&] {
    std::string text = "(";
    for (std::size_t i = 0; i < pattern->children.size(); ++i) {
      text += (i > 0 ? ", " : "") + to_text(pattern->children[i]);
    }
    return text + ")";
  };
  switch (pattern->kind) {
    case PatternKind::variable:
      return pattern->name;
    case PatternKind::one:
      return "1";
    case PatternKind::call:
      if (pattern->flip.empty() && pattern->children.size() == 2 &&
          (pattern->op == Op::matmul || pattern->op == Op::matvec || pattern->op == Op::batched_matmul)) {
        return to_text(pattern->children[0]) + "@" + to_text(pattern->children[1]);
      }
      return std::string(info(pattern->op).name) + arguments() +
             (pattern->flip.empty() ? "" : " with " + pattern->flip + " flipped");
    case PatternKind::transpose:
      return to_text(pattern->children[0]) + ".T";
    case PatternKind::column:
      return to_text(pattern->children[0]) + "[:,None]";
    case PatternKind::row:
      return to_text(pattern->children[0]) + "[None,:]";
    case PatternKind::first_column:
      return to_text(pattern->children[0]) + "[:,0]";
    case PatternKind::first_row:
      return to_text(pattern->children[0]) + "[0,:]";
    case PatternKind::sum: {
      std::string text;
      for (std::size_t i = 0; i < pattern->children.size(); i += 2) {
        if (i > 0) text += " + ";
        if (pattern->children[i]->kind != PatternKind::one) text += to_text(pattern->children[i]) + "*";
        text += to_text(pattern->children[i + 1]);
      }
      return text;
    }
  }
  throw InternalError("a pattern of no known kind");
}

std::vector<std::string> variables(const Pattern& pattern) {
  std::vector<std::string> names;
  collect_variables(pattern, names);
  return names;
}

}  // namespace gemmule
