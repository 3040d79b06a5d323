#include "ir/ops.h"

#include <array>
#include <string_view>
#include <unordered_map>

namespace gemmule {
namespace {

constexpr std::array<OpInfo, kOpCount> kInfos{{
#define ELEMENTWISE(name, arity, result, properties) \
  {#name, arity, 1, ResultRule::result, OpProperties::properties, "elementwise"},
#define OP(name, arity, outputs, kernel, properties) \
  {#name, arity, outputs, ResultRule::not_elementwise, OpProperties::properties, kernel},
#include "ir/ops.def"
}};

}  // namespace

const OpInfo& info(Op op) { return kInfos[static_cast<std::size_t>(op)]; }

std::optional<Op> parse_op(std::string_view name) {
  static const auto* table = [] {
    auto* map = new std::unordered_map<std::string_view, Op>;
    for (int i = 0; i < kOpCount; ++i) map->emplace(kInfos[i].name, static_cast<Op>(i));
    return map;
  }();
  const auto found = table->find(name);
  if (found == table->end()) return std::nullopt;
  return found->second;
}

}  // namespace gemmule
