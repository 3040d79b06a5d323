// The distributions that the op `random` draws from: their parameters and what a draw looks like.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

struct DistributionParameter {
  std::string_view name;
  DType dtype;
  int rank;  // of one parameter value; kFreeRank: what the attribute `core` says, of any dtype
};
inline constexpr int kFreeRank = -1;

// Leading dimensions of parameters are batches, which broadcast against each other or against the
// sizes.
struct DistributionInfo {
  std::string_view name;
  DType result;  // of the draws; that of the parameter `shaped_like` when that one is of any dtype
  std::vector<DistributionParameter> parameters;
  int shaped_like =
      kNone;  // a draw has the shape of one value of this parameter; kNone: it is a number
  bool counts =
      false;  // the last size is the number of items of a draw, in front of all but the first axis
};

// Null for a name that is unknown.
const DistributionInfo* find_distribution(std::string_view name);
const std::vector<DistributionInfo>& distributions();

}  // namespace gemmule
