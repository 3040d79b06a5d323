#include "kernels/random_parameters.h"

namespace gemmule::kernels {

Parameters::Parameters(const RandomArguments& arguments) : views_(arguments.parameters) {
  const Extents& shape = arguments.draws.shape;
  batch_.assign(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(arguments.batch));
  zeros_.assign(batch_.size(), 0);
  count_ = element_count(batch_);
  for (const ConstView& view : views_) {
    Extents strides(batch_.size(), 0);
    // A parameter's own dims come last; those before are batches, aligned at the right.
    const std::size_t own = std::min(view.shape.size(), batch_.size());
    for (std::size_t k = 0; k < own; ++k) {
      const std::size_t axis = batch_.size() - own + k;
      if (view.shape[k] == batch_[axis]) strides[axis] = view.strides[k];
      if (strides[axis] != 0 && batch_[axis] > 1) constant_ = false;
    }
    if (!view.shape.empty()) are_numbers_ = false;
    strides_.push_back(std::move(strides));
  }
}

bool Parameters::any_empty() const {
  for (const ConstView& view : views_) {
    if (element_count(view.shape) == 0) return true;
  }
  return false;
}

namespace {

template <class T>
void check_as(const Parameters& parameters, const void* const* data, std::size_t i,
              const std::string& name, Constraint constraint) {
  const auto all = [&](auto condition) { return parameters.all<T>(i, data, condition); };
  const auto is_nan = [](T x) { return x != x; };
  const std::string or_nan = parameters.are_numbers() ? name + " is NaN" : name + " contains NaNs";
  switch (constraint) {
    case Constraint::none:
      return;
    case Constraint::non_negative:
      if (!all([&](T x) { return is_nan(x) || !std::signbit(static_cast<double>(x)); }))
        fail_domain(name + " < 0");
      return;
    case Constraint::positive_not_nan:
      if (!all([&](T x) { return !is_nan(x); })) fail_domain(name + " must not be NaN");
      [[fallthrough]];
    case Constraint::positive:
      if (!all([](T x) { return !(x <= 0); })) fail_domain(name + " <= 0");
      return;
    case Constraint::bounded_0_1:
      if (!all([](T x) { return x >= 0 && x <= 1; }))
        fail_domain(name + " < 0, " + name + " > 1 or " + or_nan);
      return;
    case Constraint::bounded_gt_0_1:  // NumPy has the array's message for numbers too
      if (!all([](T x) { return x > 0 && x <= 1; })) {
        fail_domain(name + " <= 0, " + name + " > 1 or " + name + " contains NaNs");
      }
      return;
    case Constraint::poisson: {
      const auto too_large = [&] {
        if (!all([](T x) { return static_cast<double>(x) <= kLargestPoisson; }))
          fail_domain(name + " value too large");
      };
      if (!parameters.are_numbers()) too_large();
      if (!all([](T x) { return x >= 0; })) fail_domain(name + " < 0 or " + or_nan);
      too_large();
      return;
    }
  }
}

}  // namespace

void check(const Parameters& parameters, const void* const* data, std::size_t i,
           const std::string& name, Constraint constraint) {
  if (parameters.view(i).dtype == DType::i64) {
    check_as<std::int64_t>(parameters, data, i, name, constraint);
  } else {
    check_as<double>(parameters, data, i, name, constraint);
  }
}

}  // namespace gemmule::kernels
