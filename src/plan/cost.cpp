#include "plan/cost.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "ir/fused.h"

namespace gemmule {

// -- formulas of sizes
// --------------------------------------------------------------------------------

SizeFormula::SizeFormula(double number) {
  if (number != 0) terms_[{}] = number;
}

SizeFormula::SizeFormula(const Shape& shape, const Graph& graph) {
  double known = 1;
  Symbols symbols;
  for (const Dim& dim : shape) {
    if (dim.is_known()) {
      known *= static_cast<double>(dim.size);
    } else {
      symbols.push_back(dim.symbol == kNone ? "?" : graph.symbols[dim.symbol]);
    }
  }
  if (known != 0) terms_[symbols] = known;
}

SizeFormula& SizeFormula::operator+=(const SizeFormula& other) {
  for (const auto& [symbols, coefficient] : other.terms_) {
    // m*n and n*m are one term, spelled as it was first.
    const auto same = std::find_if(terms_.begin(), terms_.end(), [&](const auto& term) {
      return std::is_permutation(term.first.begin(), term.first.end(), symbols.begin(),
                                 symbols.end());
    });
    if (same == terms_.end()) {
      terms_[symbols] = coefficient;
    } else {
      same->second += coefficient;
    }
  }
  return *this;
}

SizeFormula operator*(const SizeFormula& a, const SizeFormula& b) {
  SizeFormula result;
  for (const auto& [left, x] : a.terms_) {
    for (const auto& [right, y] : b.terms_) {
      SizeFormula term;
      auto symbols = left;
      symbols.insert(symbols.end(), right.begin(), right.end());
      term.terms_[symbols] = x * y;
      result += term;
    }
  }
  return result;
}

SizeFormula operator*(double number, const SizeFormula& formula) {
  return SizeFormula(number) * formula;
}

std::optional<double> SizeFormula::value() const {
  if (terms_.empty()) return 0;
  if (terms_.size() == 1 && terms_.begin()->first.empty()) return terms_.begin()->second;
  return std::nullopt;
}

namespace {

std::string short_number(double number) {
  char buffer[32];
  const bool whole = number == static_cast<double>(static_cast<std::int64_t>(number));
  std::snprintf(buffer, sizeof buffer, whole ? "%.0f" : "%.3g", number);
  return buffer;
}

}  // namespace

std::string SizeFormula::text() const {
  // The terms of most sizes first: they weigh most.
  std::vector<std::pair<Symbols, double>> terms(terms_.begin(), terms_.end());
  std::stable_sort(terms.begin(), terms.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  std::string text;
  for (const auto& [symbols, coefficient] : terms) {
    if (!text.empty()) text += " + ";
    std::string product = coefficient == 1 && !symbols.empty() ? "" : short_number(coefficient);
    for (std::size_t i = 0; i < symbols.size();) {
      std::size_t end = i;
      while (end < symbols.size() && symbols[end] == symbols[i]) ++end;
      if (!product.empty()) product += "*";
      product += symbols[i];
      if (end - i > 1) product += "^" + std::to_string(end - i);
      i = end;
    }
    text += product;
  }
  return text.empty() ? "0" : text;
}

// -- costs
// --------------------------------------------------------------------------------------------

namespace {

SizeFormula elements(const Graph& graph, const Type& type) {
  return SizeFormula(type.shape, graph);
}

SizeFormula bytes_of(const Graph& graph, const Type& type) {
  return static_cast<double>(size_of(type.dtype)) * elements(graph, type);
}

// The value whose memory is read: what a broadcast repeats, is stored once.
ValueId stored(const Graph& graph, ValueId value) {
  while (const Node* node = graph.producer(value, Op::broadcast_to)) value = node->inputs[0];
  return value;
}

bool reads_addend(const Graph& graph, const Node& node) {
  const bool has_beta = node.op == Op::gemm || node.op == Op::gemv || node.op == Op::batched_gemm;
  return !has_beta || graph.scalar_constant(node.inputs[3]) != 0.0;
}

bool is_indexed(Op op) {
  return op == Op::gather || op == Op::scatter_set || op == Op::scatter_add ||
         op == Op::slice_set || op == Op::slice_add;
}

SizeFormula bytes(const Graph& graph, const Node& node) {
  SizeFormula total;
  std::set<ValueId> read;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId value = stored(graph, node.inputs[i]);
    if (graph.type(value).is_scalar() || !read.insert(value).second) continue;
    if (i == 4 && !reads_addend(graph, node)) continue;
    // Of what is indexed, as many elements are read as are written.
    if (i == 0 && is_indexed(node.op)) continue;
    total += bytes_of(graph, graph.type(value));
  }
  for (const ValueId value : node.outputs) total += bytes_of(graph, graph.type(value));
  if (node.op == Op::gather) total += bytes_of(graph, graph.type(node.outputs[0]));
  if (node.op != Op::gather && is_indexed(node.op))
    total += bytes_of(graph, graph.type(node.inputs[0]));
  return total;
}

// 2 * batch * m * k * n, in this order.
SizeFormula product_flops(const Graph& graph, const Node& node, int first) {
  Shape sizes = graph.type(node.inputs[first]).shape;
  const Shape& result = graph.type(node.outputs[0]).shape;
  if (node.attributes.flag("trans_a")) std::swap(sizes.rbegin()[0], sizes.rbegin()[1]);
  sizes.push_back(result.back());
  return 2 * SizeFormula(sizes, graph);
}

// coefficient * n^3 for every matrix [..., n, n] of a batch.
SizeFormula cubic(const Graph& graph, const Node& node, double coefficient) {
  const Shape& shape = graph.type(node.inputs[0]).shape;
  return coefficient * (SizeFormula(shape, graph) * SizeFormula({shape.back()}, graph));
}

// coefficient * n^2 * columns, for matrices [..., n, n] and right sides [..., n, columns].
SizeFormula solves(const Graph& graph, const Node& node, double coefficient) {
  const Shape& sides = graph.type(node.outputs[0]).shape;
  return coefficient * (SizeFormula(graph.type(node.inputs[0]).shape, graph) *
                        SizeFormula({sides.back()}, graph));
}

SizeFormula flops(const Graph& graph, const Node& node);

// What all blocks do: the body at the number of rows that the operands have.
SizeFormula body_flops(const Graph& graph, const Node& node) {
  Graph body = node.attributes.graph("body");
  const Integers& axes = node.attributes.integers("operand_axes");
  const auto cut = std::find_if(axes.begin(), axes.end(), [](std::int64_t axis) { return axis >= 0; });
  const Dim rows = graph.type(node.inputs[cut - axes.begin()]).shape[*cut];
  body.symbols = graph.symbols;
  for (Value& value : body.values) {
    std::replace(value.type.shape.begin(), value.type.shape.end(), Dim::unknown(0), rows);
  }
  SizeFormula total;
  for (const Node& inner : body.nodes) total += flops(body, inner);
  return total;
}

SizeFormula flops(const Graph& graph, const Node& node) {
  const auto operand = [&](int i) { return elements(graph, graph.type(node.inputs[i])); };
  const auto result = [&] { return elements(graph, graph.type(node.outputs[0])); };
  if (is_elementwise(node.op)) return result();
  switch (node.op) {
    case Op::fused: {
      double operations = 0;
      for (const Node& inner : node.attributes.graph("body").nodes)
        operations += inner.op == Op::constant ? 0 : 1;
      for (const FusedResult& reduced : fused_results(node.attributes))
        operations += reduced.reduction ? 1 : 0;
      return operations * SizeFormula(pass_shape(graph, node), graph);
    }
    case Op::row_blocks:
      return body_flops(graph, node);
    case Op::scan: {
      // Sizes of the body have names of their own: known ones only.
      const auto steps = graph.integer_constant(node.inputs[0]);
      const Graph& body = node.attributes.graph("body");
      SizeFormula total;
      for (const Node& inner : body.nodes) total += flops(body, inner);
      const auto step = total.value();
      return steps && step ? SizeFormula(static_cast<double>(*steps) * *step) : SizeFormula();
    }
    case Op::matmul:
    case Op::batched_matmul:
      return product_flops(graph, node, 0);
    case Op::gemm:
    case Op::batched_gemm:
      return product_flops(graph, node, 1);
    case Op::matvec:
    case Op::dot:
      return 2 * operand(0);
    case Op::gemv:
      return 2 * operand(1);
    case Op::outer:
      return result();
    case Op::ger:
      return 2 * result();
    case Op::cholesky:
      return cubic(graph, node, 1.0 / 3);
    case Op::slogdet:
    case Op::lu:
    case Op::lu_factor:
      return cubic(graph, node, 2.0 / 3);
    case Op::eig:  // Golub and Van Loan, as the next two
    case Op::schur:
      return cubic(graph, node, 25);
    case Op::qz:
      return cubic(graph, node, 66);
    case Op::inv:
      return cubic(graph, node, 2);
    case Op::eigh:
      return cubic(graph, node, 9);  // with eigenvectors: Golub and Van Loan, symmetric QR
    case Op::solve_triangular:
      return solves(graph, node, 1);
    case Op::solve:
      return cubic(graph, node, 2.0 / 3) + solves(graph, node, 2);
    case Op::reduce_sum:
    case Op::reduce_prod:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::reduce_any:
    case Op::reduce_all:
    case Op::argmax:
    case Op::argmin:
    case Op::cumsum:
    case Op::cumprod:
      return operand(0);
    case Op::scatter_add:
    case Op::slice_add:
      return operand(1);
    default:  // data movement
      return {};
  }
}

}  // namespace

std::optional<Cost> cost(const Graph& graph, const Node& node) {
  if (info(node.op).kernel.empty()) return std::nullopt;
  return Cost{flops(graph, node), bytes(graph, node)};
}

double work_of(const Graph& graph) {
  double work = 0;
  for (const Node& node : graph.nodes) {
    if (const auto cost = gemmule::cost(graph, node)) {
      work += cost->flops.value().value_or(0) + cost->bytes.value().value_or(0) / 8;
    }
  }
  return work;
}

}  // namespace gemmule
