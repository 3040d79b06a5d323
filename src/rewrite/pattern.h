// The rule language: patterns over the IR that read as equations.
//
//   const Pattern a = scalar("a"), b = scalar("b"), A = matrix("A"), B = matrix("B"), C = matrix("C");
//   Rule{"gemm", a * matmul(A, B) + b * C, gemm(a, A, B, b, C), {sole_use(Op::matmul)}};
//
// A pattern is data: a tree of variables, calls of IR ops, views of matrices (T, column, row ...) and
// sums of scaled terms. The same type serves for both sides of a rule.
//
//   variable      matches any value of its class; the same name matches the same value twice
//   matmul(A, B)  matches a node of that op with that many operands; operands of commutative ops match in
//                 both orders
//   a*X + b*Y     matches two terms, in any order, of a flattened sum (`scaled_sum`) that may have more;
//                 what is left over is added to the replacement
//   T(A)          matches the transpose of the last two axes
//   column(x)     matches x[:, None], row(x) x[None, :]; the reverse, first_column(X) and first_row(X),
//                 are for replacements
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

struct PatternNode;
using Pattern = std::shared_ptr<const PatternNode>;

enum class PatternKind : std::uint8_t {
  variable, one, call, transpose, column, row, first_column, first_row, sum,
};
enum class VariableClass : std::uint8_t { any, scalar, vector, matrix };

struct PatternNode {
  PatternKind kind;
  std::string name;                                   // of a variable
  VariableClass variable_class = VariableClass::any;  // of a variable
  Op op = Op::constant;                               // of a call
  std::vector<Pattern> children;                      // of a sum: scale, term, scale, term ...
  bool flagged = false;  // of a call: matches also nodes with flags (transposes ...)
  std::string flip;      // of a call in a replacement: keep the attributes of the root, flip this flag
};

// -- building patterns -----------------------------------------------------------------------------
Pattern any(std::string name);     // a value of any type
Pattern scalar(std::string name);  // a 0-d value
Pattern vector(std::string name);  // rank 1
Pattern matrix(std::string name);  // rank 2
extern const Pattern one;          // the 0-d constant 1

Pattern call(Op op, std::vector<Pattern> operands);
Pattern T(Pattern matrix);
Pattern column(Pattern vector);
Pattern row(Pattern vector);
Pattern first_column(Pattern matrix);  // X[:, 0] of a matrix with one column
Pattern first_row(Pattern matrix);
// Matches the call also where the node carries flags (`trans_a` ...), which plain calls do not.
Pattern flagged(Pattern call);
// A replacement that is the matched root with other operands and one boolean attribute flipped.
Pattern flipped(const char* flag, Pattern call);

Pattern operator*(const Pattern& scale, const Pattern& term);
Pattern operator+(const Pattern& left, const Pattern& right);
Pattern operator-(const Pattern& operand);

// `matmul(A, B)` ... for every op: the names are those of ops.def.
#define ELEMENTWISE(name, arity, result, properties)
#define OP(name, arity, outputs, kernel, properties)                                \
  template <class... Operands>                                                      \
  Pattern name(Operands... operands) {                                              \
    return call(Op::name, std::vector<Pattern>{std::move(operands)...});            \
  }
#include "ir/ops.def"

// "a*matmul(A, B) + b*C"
std::string to_text(const Pattern& pattern);
std::vector<std::string> variables(const Pattern& pattern);

}  // namespace gemmule
