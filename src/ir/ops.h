// The ops of the IR, from ops.def.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gemmule {

enum class Op : std::uint8_t {
#define ELEMENTWISE(name, arity, result, properties) name,
#define OP(name, arity, outputs, kernel, properties) name,
#include "ir/ops.def"
};

inline constexpr int kOpCount = 0
#define ELEMENTWISE(name, arity, result, properties) +1
#define OP(name, arity, outputs, kernel, properties) +1
#include "ir/ops.def"
    ;

enum class ResultRule : std::uint8_t { not_elementwise, same, boolean, select, cast, real, complex };
enum class OpProperties : std::uint8_t { none, commutative, float_only };

struct OpInfo {
  std::string_view name;    // as in the text form
  int arity;                // -1: variadic
  int outputs;              // -1: from the attributes
  ResultRule result;        // for elementwise ops
  OpProperties properties;
  std::string_view kernel;  // what explain counts it as; "" for no kernel

  bool elementwise() const { return result != ResultRule::not_elementwise; }
  bool commutative() const { return properties == OpProperties::commutative; }
};

const OpInfo& info(Op op);
std::optional<Op> parse_op(std::string_view name);

inline bool is_elementwise(Op op) { return info(op).elementwise(); }

}  // namespace gemmule
