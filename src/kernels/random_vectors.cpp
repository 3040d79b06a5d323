// Draws that are vectors, or whose parameters are: dirichlet, multinomial, categorical,
// permutation, choice.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "kernels/movement.h"
#include "kernels/numpy_random.h"
#include "kernels/random_parameters.h"

namespace gemmule::kernels {
namespace {

// The batches of parameter i alone: without its last `core` dimensions.
RandomArguments without_core(RandomArguments arguments, std::size_t i, std::size_t core) {
  ConstView& view = arguments.parameters[i];
  view.shape.resize(view.shape.size() - core);
  view.strides.resize(view.shape.size());
  return arguments;
}

// A vector per batch, read into memory of its own.
class Rows {
 public:
  explicit Rows(const ConstView& view)
      : row_(static_cast<std::size_t>(view.shape.back())), stride_(view.strides.back()) {}

  std::vector<double>& read(const void* from) {
    for (std::size_t k = 0; k < row_.size(); ++k) {
      row_[k] = static_cast<const double*>(from)[static_cast<std::int64_t>(k) * stride_];
    }
    return row_;
  }
  std::size_t size() const { return row_.size(); }
  std::int64_t stride() const { return stride_; }

 private:
  std::vector<double> row_;
  std::int64_t stride_;
};

// Kahan's sum, as NumPy forms it.
double kahan_sum(const double* x, std::size_t n) {
  if (n == 0) return 0;
  double sum = x[0], c = 0;
  for (std::size_t i = 1; i < n; ++i) {
    const double y = x[i] - c, t = sum + y;
    c = (t - sum) - y;
    sum = t;
  }
  return sum;
}

class DirichletKernel : public RandomKernel {
 public:
  explicit DirichletKernel(const RandomArguments& arguments)
      : parameters_(without_core(arguments, 0, 1)),
        rows_(arguments.parameters[0]),
        sums_(rows_.size()) {}

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    auto* out = static_cast<double*>(draws);
    parameters_.for_each(data, [&](std::int64_t i, const Values& values) {
      const std::vector<double>& alpha = rows_.read(values.at[0]);
      for (const double a : alpha) {
        if (a < 0) fail_domain("alpha < 0");
      }
      draw(bits, alpha, out + i * static_cast<std::int64_t>(alpha.size()));
    });
  }

 private:
  void draw(bitgen_t* bits, const std::vector<double>& alpha, double* out) {
    bool small = !alpha.empty();
    for (const double a : alpha) small = small && a < 0.1;
    if (small) {
      draw_sticks(bits, alpha, out);
      return;
    }
    double sum = 0;
    for (std::size_t j = 0; j < alpha.size(); ++j)
      sum += out[j] = random_standard_gamma(bits, alpha[j]);
    const double inverse = 1 / sum;
    for (std::size_t j = 0; j < alpha.size(); ++j) out[j] *= inverse;
  }

  // All alpha below 0.1, where the gammas may all be 0: a stick broken by betas.
  void draw_sticks(bitgen_t* bits, const std::vector<double>& alpha, double* out) {
    const std::size_t k = alpha.size();
    std::fill_n(out, k, 0.0);
    double sum = 0;
    for (std::size_t j = k; j-- > 0;) sums_[j] = sum += alpha[j];
    if (!(sum > 0)) return;
    double left = 1;
    for (std::size_t j = 0; j + 1 < k; ++j) {
      const double part = random_beta(bits, alpha[j], sums_[j + 1]);
      out[j] = left * part;
      left *= 1 - part;
      if (sums_[j + 1] == 0) break;
    }
    out[k - 1] = left;
  }

  Parameters parameters_;
  Rows rows_;
  std::vector<double> sums_;
};

class MultinomialKernel : public RandomKernel {
 public:
  explicit MultinomialKernel(const RandomArguments& arguments)
      : parameters_(without_core(arguments, 1, 1)),
        rows_(arguments.parameters[1]),
        single_(arguments.single) {}

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    auto* out = static_cast<std::int64_t*>(draws);
    parameters_.for_each(data, [&](std::int64_t i, const Values& values) {
      std::vector<double>& p = rows_.read(values.at[1]);
      check_row(p);
      if (values.integer(0) < 0) fail_domain("n < 0");
      std::int64_t* counts = out + i * static_cast<std::int64_t>(p.size());
      std::fill_n(counts, p.size(), 0);
      random_multinomial(bits, values.integer(0), counts, p.data(),
                         static_cast<std::intptr_t>(p.size()), &memory_);
    });
  }

 private:
  void check_row(const std::vector<double>& p) const {
    if (p.empty()) {
      fail_domain(
          "pvals must have at least 1 dimension and the last dimension of pvals must be greater "
          "than 0.");
    }
    for (const double x : p) {
      if (!(x >= 0 && x <= 1)) fail_domain("pvals < 0, pvals > 1 or pvals contains NaNs");
    }
    if (kahan_sum(p.data(), p.size() - 1) <= 1.0 + 1e-12) return;
    if (single_ && std::accumulate(p.begin(), p.end(), 0.0) < 1.0001) {
      fail_domain(
          "sum(pvals[:-1].astype(np.float64)) > 1.0. The pvals array is cast to 64-bit floating "
          "point prior to "
          "checking the sum. Precision changes when casting may cause problems even if the sum of "
          "the original "
          "pvals is valid.");
    }
    fail_domain("sum(pvals[:-1]) > 1.0");
  }

  Parameters parameters_;
  Rows rows_;
  bool single_;
  BinomialMemory memory_;
};

class CategoricalKernel : public RandomKernel {
 public:
  explicit CategoricalKernel(const RandomArguments& arguments)
      : parameters_(without_core(arguments, 0, 1)), rows_(arguments.parameters[0]) {}

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    auto* out = static_cast<std::int64_t*>(draws);
    parameters_.for_each(data, [&](std::int64_t i, const Values& values) {
      out[i] = index_of(static_cast<const double*>(values.at[0]), random_uniform(bits, 0, 1));
    });
  }

 private:
  // np.searchsorted(sums, u), by the same bisection: NaN sorts last.
  std::int64_t index_of(const double* sums, double u) const {
    std::int64_t first = 0, last = static_cast<std::int64_t>(rows_.size());
    while (first < last) {
      const std::int64_t middle = first + (last - first) / 2;
      if (sums[middle * rows_.stride()] < u) {
        first = middle + 1;
      } else {
        last = middle;
      }
    }
    return first;
  }

  Parameters parameters_;
  Rows rows_;
};

// Takes items, rows along the first axis of one parameter value, by index.
class ItemsKernel : public RandomKernel {
 public:
  explicit ItemsKernel(const RandomArguments& arguments)
      : batch_(arguments.batch),
        batches_(element_count(
            Extents(arguments.draws.shape.begin(),
                    arguments.draws.shape.begin() + static_cast<std::ptrdiff_t>(batch_)))),
        taken_(item_count(arguments)) {
    const ConstView& items = arguments.parameters[0];
    // The parameter stretched to the batches of the draws, in memory of its own.
    Extents shape(arguments.draws.shape.begin(),
                  arguments.draws.shape.begin() + static_cast<std::ptrdiff_t>(batch_));
    population_is_number_ = arguments.core == 0;
    const std::size_t core = arguments.core;
    const std::size_t own = items.shape.size() - core;
    shape.insert(shape.end(), items.shape.begin() + static_cast<std::ptrdiff_t>(own),
                 items.shape.end());
    Extents strides(shape.size(), 0);
    for (std::size_t axis = 0; axis < items.shape.size(); ++axis) {
      const std::size_t at = shape.size() - items.shape.size() + axis;
      if (items.shape[axis] == shape[at]) strides[at] = items.strides[axis];
    }
    size_ = size_of(items.dtype);
    for (std::size_t axis = batch_ + 1; axis < shape.size(); ++axis)
      size_ *= static_cast<std::size_t>(shape[axis]);
    population_ = population_is_number_ ? 0 : shape[batch_];
    memory_.resize(static_cast<std::size_t>(element_count(shape)) * size_of(items.dtype));
    copy_ =
        std::make_unique<CopyKernel>(ConstView{nullptr, items.dtype, shape, strides},
                                     View{nullptr, items.dtype, shape, row_major_strides(shape)});
  }

 protected:
  // indices(batch, population) gives taken_ indices.
  template <class Indices>
  void take(const void* items, void* draws, Indices indices) {
    if (!memory_.empty()) copy_->run(items, memory_.data());
    auto* out = static_cast<std::byte*>(draws);
    for (std::int64_t b = 0; b < batches_; ++b) {
      std::int64_t population = population_;
      if (population_is_number_) std::memcpy(&population, memory_.data() + 8 * b, 8);
      const std::vector<std::int64_t>& chosen = indices(b, population);
      for (const std::int64_t index : chosen) {
        if (population_is_number_) {
          std::memcpy(out, &index, 8);
          out += 8;
        } else {
          std::memcpy(out,
                      memory_.data() + static_cast<std::size_t>(b * population_ + index) * size_,
                      size_);
          out += size_;
        }
      }
    }
  }

  std::size_t batch_;
  std::int64_t batches_, taken_;
  bool population_is_number_ = false;

 private:
  static std::int64_t item_count(const RandomArguments& arguments) {
    return arguments.draws.shape[arguments.batch];
  }

  std::size_t size_ = 0;         // bytes of an item
  std::int64_t population_ = 0;  // items of a batch
  std::vector<std::byte> memory_;
  std::unique_ptr<CopyKernel> copy_;
};

// Fisher and Yates, down to position `first`.
template <class Draw>
void shuffle(std::vector<std::int64_t>& x, std::int64_t first, Draw draw) {
  for (auto i = static_cast<std::int64_t>(x.size()) - 1; i >= first; --i) {
    const auto j = static_cast<std::int64_t>(draw(static_cast<std::uint64_t>(i)));
    std::swap(x[static_cast<std::size_t>(i)], x[static_cast<std::size_t>(j)]);
  }
}

class PermutationKernel : public ItemsKernel {
 public:
  explicit PermutationKernel(const RandomArguments& arguments) : ItemsKernel(arguments) {}

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    take(data[0], draws,
         [&](std::int64_t, std::int64_t population) -> const std::vector<std::int64_t>& {
           indices_.resize(static_cast<std::size_t>(population));
           std::iota(indices_.begin(), indices_.end(), 0);
           shuffle(indices_, 1, [&](std::uint64_t i) { return random_interval(bits, i); });
           return indices_;
         });
  }

 private:
  std::vector<std::int64_t> indices_;
};

class ChoiceKernel : public ItemsKernel {
 public:
  explicit ChoiceKernel(const RandomArguments& arguments) : ItemsKernel(arguments) {
    if (arguments.distribution != "weighted_choice") return;
    weights_.emplace(arguments.parameters[1]);
    // A difference of more than this from a sum of 1 is an error: sqrt(eps) of the probabilities'
    // dtype.
    tolerance_ = std::sqrt(arguments.single ? 0x1p-23 : 0x1p-52);
    const Extents& shape = arguments.draws.shape;
    const ConstView& p = arguments.parameters[1];
    const Extents batch(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(batch_));
    for (std::int64_t b = 0; b < batches_; ++b) {
      std::int64_t rest = b, offset = 0;
      for (std::size_t axis = batch.size(); axis-- > 0;) {
        const std::int64_t index = rest % batch[axis];
        rest /= batch[axis];
        const std::size_t own = p.shape.size() - 1;
        if (batch.size() - axis > own) continue;
        const std::size_t at = own - (batch.size() - axis);
        if (p.shape[at] != 1) offset += index * p.strides[at];
      }
      offsets_.push_back(offset);
    }
  }

  void run(bitgen_t* bits, const void* const* data, void* draws) override {
    take(data[0], draws,
         [&](std::int64_t b, std::int64_t population) -> const std::vector<std::int64_t>& {
           if (population <= 0 && taken_ != 0) {
             fail_domain(population_is_number_
                             ? "a must be a positive integer unless no samples are taken"
                             : "a cannot be empty unless no samples are taken");
           }
           if (weights_) {
             choose_weighted(bits,
                             weights_->read(static_cast<const double*>(data[1]) +
                                            offsets_[static_cast<std::size_t>(b)]),
                             population);
           } else {
             check_count(population);
             choose(bits, population);
           }
           return chosen_;
         });
  }

 private:
  void check_count(std::int64_t population) const {
    if (taken_ > population)
      fail_domain("Cannot take a larger sample than population when replace is False");
  }

  void choose(bitgen_t* bits, std::int64_t population) {
    const auto draw = [&](std::uint64_t most) {
      return random_bounded_uint64(bits, 0, most, 0, false);
    };
    if (population > 10000 && taken_ > population / 50) {  // NumPy's bounds
      chosen_.resize(static_cast<std::size_t>(population));
      std::iota(chosen_.begin(), chosen_.end(), 0);
      shuffle(chosen_, std::max<std::int64_t>(population - taken_, 1), draw);
      chosen_.erase(chosen_.begin(), chosen_.end() - static_cast<std::ptrdiff_t>(taken_));
      return;
    }
    // Floyd's algorithm: Bentley and Floyd, Programming pearls: a sample of brilliance (1987).
    chosen_.resize(static_cast<std::size_t>(taken_));
    std::uint64_t mask = static_cast<std::uint64_t>(1.2 * static_cast<double>(taken_));
    for (const int shift : {1, 2, 4, 8, 16, 32}) mask |= mask >> shift;
    seen_.assign(mask + 1, -1);
    const auto place = [&](std::int64_t number) {  // of the number, or of the free slot for it
      std::uint64_t slot = static_cast<std::uint64_t>(number) & mask;
      while (seen_[slot] != -1 && seen_[slot] != number) slot = (slot + 1) & mask;
      return slot;
    };
    for (std::int64_t j = population - taken_; j < population; ++j) {
      auto number = static_cast<std::int64_t>(draw(static_cast<std::uint64_t>(j)));
      if (seen_[place(number)] != -1) number = j;
      seen_[place(number)] = number;
      chosen_[static_cast<std::size_t>(j - population + taken_)] = number;
    }
    shuffle(chosen_, 1, draw);
  }

  void choose_weighted(bitgen_t* bits, std::vector<double>& p, std::int64_t population) {
    if (static_cast<std::int64_t>(p.size()) != population)
      fail_domain("a and p must have same size");
    const double total = kahan_sum(p.data(), p.size());
    if (std::isnan(total)) fail_domain("Probabilities contain NaN");
    std::int64_t positive = 0;
    for (const double x : p) {
      if (x < 0) fail_domain("Probabilities are not non-negative");
      positive += x > 0;
    }
    if (std::abs(total - 1) > tolerance_) {
      fail_domain(
          "Probabilities do not sum to 1. See Notes section of docstring for more information.");
    }
    check_count(population);
    if (positive < taken_) fail_domain("Fewer non-zero entries in p than size");
    // Draws that meet one that was chosen before are drawn again, from what is left.
    chosen_.clear();
    seen_.assign(p.size(), 0);
    while (static_cast<std::int64_t>(chosen_.size()) < taken_) {
      for (const std::int64_t index : chosen_) p[static_cast<std::size_t>(index)] = 0;
      sums_.resize(p.size());
      std::partial_sum(p.begin(), p.end(), sums_.begin());
      const double last = sums_.back();
      for (double& sum : sums_) sum /= last;
      for (std::int64_t missing = taken_ - static_cast<std::int64_t>(chosen_.size()); missing > 0;
           --missing) {
        const double u = bits->next_double(bits->state);
        const auto index = std::ranges::upper_bound(sums_, u) - sums_.begin();
        if (std::exchange(seen_[static_cast<std::size_t>(index)], 1) == 0) chosen_.push_back(index);
      }
    }
  }

  std::vector<std::int64_t> chosen_, seen_;
  std::optional<Rows> weights_;
  std::vector<std::int64_t> offsets_;  // of the weights of each batch
  std::vector<double> sums_;
  double tolerance_ = 0;
};

}  // namespace

std::unique_ptr<RandomKernel> make_vector_kernel(const RandomArguments& arguments) {
  const std::string_view name = arguments.distribution;
  if (name == "dirichlet") return std::make_unique<DirichletKernel>(arguments);
  if (name == "multinomial") return std::make_unique<MultinomialKernel>(arguments);
  if (name == "categorical") return std::make_unique<CategoricalKernel>(arguments);
  if (name == "permutation") return std::make_unique<PermutationKernel>(arguments);
  if (name == "choice" || name == "weighted_choice")
    return std::make_unique<ChoiceKernel>(arguments);
  return nullptr;
}

}  // namespace gemmule::kernels
