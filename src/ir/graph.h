// The IR: a graph of single-assignment values in plain structs.
//
// Numerics contract, which every pass, plan and executor keeps:
//   NaN and infinities  propagate as IEEE 754 and NumPy say; no rewrite may remove one that the graph
//                       would show, with one exception: a term with a zero *constant* scale is kept,
//                       but `beta = 0` of a BLAS op never reads C (BLAS), at compile time and at run time.
//   Empty sums          a product without an inner dimension is beta*C, or zeros.
//   Integers            wrap modulo 2^bits. Floor division and remainder by zero give 0.
//   Dtypes              operands of an op have one dtype: promotion is explicit, by `cast`. The dtype of a
//                       value never changes by rewriting.
//   Rounding            sums may be reassociated only where a product takes part in them (that is what
//                       recognising BLAS means); other arithmetic is evaluated as the graph states it.
//   Broadcasting        a dimension broadcasts only when it is *statically* 1; two other dimensions are
//                       asserted to be equal, which is checked when the sizes are known.
//   Order               checks (asserts) fire before anything is updated in place.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/dtype.h"
#include "ir/ops.h"

namespace gemmule {

using ValueId = std::int32_t;   // index into Graph::values
using NodeId = std::int32_t;    // index into Graph::nodes
using SymbolId = std::int32_t;  // index into Graph::symbols
inline constexpr std::int32_t kNone = -1;

// One dimension: a size that is known (>= 0), or a symbol that stands for one.
struct Dim {
  std::int64_t size = kNone;
  SymbolId symbol = kNone;

  static Dim known(std::int64_t size) { return {size, kNone}; }
  static Dim unknown(SymbolId symbol) { return {kNone, symbol}; }
  bool is_known() const { return size >= 0; }
  bool is_one() const { return size == 1; }
  friend bool operator==(const Dim&, const Dim&) = default;
};

using Shape = std::vector<Dim>;

struct Type {
  DType dtype = DType::f64;
  Shape shape;

  int rank() const { return static_cast<int>(shape.size()); }
  bool is_static() const;
  // True for a value with one element whatever its rank: what BLAS recognition calls a scalar.
  bool is_scalar() const;
  friend bool operator==(const Type&, const Type&) = default;
};

// Sizes of a static type; throws InternalError when one is unknown.
std::vector<std::int64_t> static_shape(const Type& type);
Type static_type(DType dtype, const std::vector<std::int64_t>& shape);

// A host array, row-major, immutable and shared.
struct Tensor {
  DType dtype = DType::f64;
  std::vector<std::int64_t> shape;
  std::shared_ptr<const std::byte[]> data;

  static Tensor zeros(DType dtype, std::vector<std::int64_t> shape);
  // Copies `bytes` (row-major elements).
  static Tensor from_bytes(DType dtype, std::vector<std::int64_t> shape, const void* bytes);
  // A 0-d tensor holding `value` converted to `dtype`.
  static Tensor scalar(DType dtype, double value);
  static Tensor integers(const std::vector<std::int64_t>& values);  // i64[n]

  std::int64_t count() const;
  std::size_t bytes() const { return static_cast<std::size_t>(count()) * size_of(dtype); }
  bool same_bits(const Tensor& other) const;

  // The element at flat index `i` as T; the dtype must be T's.
  template <class T>
  T at(std::int64_t i) const {
    T value;
    std::memcpy(&value, data.get() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    return value;
  }
  // Any integer or bool element; nothing for other dtypes.
  std::optional<std::int64_t> integer_at(std::int64_t i) const;
};

struct Graph;

using Integers = std::vector<std::int64_t>;
using Attribute = std::variant<bool, std::int64_t, std::string, DType, Integers, Tensor,
                               std::shared_ptr<const Graph>>;

// Few per node: a list, in the order in which they were set.
struct Attributes {
  std::vector<std::pair<std::string, Attribute>> items;

  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string, Attribute>> list) : items(list) {}

  const Attribute* find(std::string_view name) const;
  void set(std::string_view name, Attribute value);
  bool flag(std::string_view name, bool otherwise = false) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise = 0) const;
  const Integers& integers(std::string_view name) const;  // throws InternalError when absent
  DType dtype(std::string_view name) const;               // throws InternalError when absent
  const Tensor& tensor(std::string_view name) const;      // throws InternalError when absent
  const Graph& graph(std::string_view name) const;        // throws InternalError when absent
};

struct Node {
  Op op = Op::constant;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;
  std::string origin;    // the node of the user's graph, for messages
  std::string equation;  // what a recognised kernel stands for: "gemm: 0.5*A@B + C"
};

struct Value {
  Type type;
  NodeId node = kNone;  // kNone: an input of the graph
  std::string name;     // "" when the user gave none
};

struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;  // in an order in which operands come before their users
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<std::string> symbols;

  const Type& type(ValueId value) const { return values[value].type; }
  // The node that computes `value`, or nullptr for an input.
  const Node* producer(ValueId value) const;
  // The node that computes `value` when its op is `op`, else nullptr.
  const Node* producer(ValueId value, Op op) const;
  // The tensor behind a `constant`, or nullptr.
  const Tensor* constant(ValueId value) const;
  // The value of a 0-d (or one-element) real constant.
  std::optional<double> scalar_constant(ValueId value) const;
  std::optional<std::int64_t> integer_constant(ValueId value) const;

  SymbolId add_symbol(std::string name = "");
  ValueId add_input(Type type, std::string name = "");
  // Appends a node, infers the types of its results and returns the first of them. Throws UserError
  // when the operands break a rule of the op.
  ValueId add(Op op, std::vector<ValueId> inputs, Attributes attributes = {}, std::string origin = "");
  std::vector<ValueId> add_all(Op op, std::vector<ValueId> inputs, Attributes attributes = {},
                               std::string origin = "");
  ValueId add_constant(Tensor value);
  ValueId add_scalar(DType dtype, double value) { return add_constant(Tensor::scalar(dtype, value)); }
};

// The graph with only what its outputs need, nodes in topological order, values renumbered densely.
// All inputs are kept. `moved`, when given, maps old value ids to new ones (kNone: dropped).
Graph pruned(const Graph& graph, std::vector<ValueId>* moved = nullptr);

// How many graph outputs, and operands of nodes that the outputs need, refer to each value.
std::vector<int> use_counts(const Graph& graph);

}  // namespace gemmule
