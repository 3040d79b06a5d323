// What the kernels of draws share: parameters as they broadcast against the draws, and the checks
// of them.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/random.h"
#include "kernels/strided.h"

namespace gemmule::kernels {

inline constexpr std::size_t kMostParameters = 5;

// The parameters' values at one draw.
struct Values {
  std::array<const void*, kMostParameters> at{};

  double real(std::size_t i) const { return *static_cast<const double*>(at[i]); }
  std::int64_t integer(std::size_t i) const { return *static_cast<const std::int64_t*>(at[i]); }
};

class Parameters {
 public:
  Parameters(const RandomArguments& arguments);

  // Whether all batches are 0-d, which NumPy reads as numbers: its messages differ for arrays.
  bool are_numbers() const { return are_numbers_; }
  std::int64_t count() const { return count_; }
  const ConstView& view(std::size_t i) const { return views_[i]; }
  bool any_empty() const;

  // visit(i, values) for every draw in order.
  template <class Visit>
  void for_each(const void* const* data, Visit visit) const {
    Values values;
    for (std::size_t i = 0; i < views_.size(); ++i) values.at[i] = data[i];
    if (constant_) {
      for (std::int64_t i = 0; i < count_; ++i) visit(i, values);
      return;
    }
    std::array<std::span<const std::int64_t>, kMostParameters> strides;
    strides.fill(zeros_);
    for (std::size_t k = 0; k < views_.size(); ++k) strides[k] = strides_[k];
    Odometer<kMostParameters> odometer(batch_, strides);
    for (std::int64_t i = 0; i < count_; ++i, odometer.next()) {
      for (std::size_t k = 0; k < views_.size(); ++k) {
        values.at[k] = static_cast<const std::byte*>(data[k]) + 8 * odometer.offset(k);
      }
      visit(i, values);
    }
  }

  // Whether condition(x) holds for every element of parameter i, which has elements of type T.
  template <class T, class Condition>
  bool all(std::size_t i, const void* const* data, Condition condition) const {
    const ConstView& view = views_[i];
    const std::int64_t count = element_count(view.shape);
    Odometer<1> odometer(view.shape, {std::span<const std::int64_t>(view.strides)});
    for (std::int64_t k = 0; k < count; ++k, odometer.next()) {
      if (!condition(static_cast<const T*>(data[i])[odometer.offset(0)])) return false;
    }
    return true;
  }

 private:
  std::vector<ConstView> views_;
  Extents batch_, zeros_;
  std::vector<Extents> strides_;  // of the parameters, stretched to the batch
  std::int64_t count_ = 0;        // of draws
  bool are_numbers_ = true, constant_ = true;
};

// -- the constraints of numpy/random/_common.pyx, with its messages
// ---------------------------------------

[[noreturn]] inline void fail_domain(const std::string& message) {
  throw std::domain_error(message);
}

enum class Constraint {
  none,
  non_negative,
  positive,
  positive_not_nan,
  bounded_0_1,
  bounded_gt_0_1,
  poisson
};

// The largest rate that random_poisson takes: 2^63 - 10 sqrt(2^63).
inline const double kLargestPoisson = 0x1p63 - 10 * std::sqrt(0x1p63);

void check(const Parameters& parameters, const void* const* data, std::size_t i,
           const std::string& name, Constraint constraint);

}  // namespace gemmule::kernels
