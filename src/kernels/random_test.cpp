// That the numbers are NumPy's and SciPy's is tested from Python (tests/test_frontend_random.py).
#include "kernels/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <string>

#include "ir/distributions.h"
#include "kernels/random_test_support.h"
#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

// Parameters that every distribution of numbers accepts.
const std::map<std::string, std::vector<double>, std::less<>>& parameters() {
  static const std::map<std::string, std::vector<double>, std::less<>> all{
      {"uniform", {-1, 2}},
      {"normal", {1, 2}},
      {"lognormal", {0, 1}},
      {"gamma", {2, 3}},
      {"beta", {2, 3}},
      {"exponential", {2}},
      {"weibull", {2}},
      {"logistic", {1, 2}},
      {"laplace", {1, 2}},
      {"vonmises", {0, 2}},
      {"wald", {1, 2}},
      {"triangular", {0, 1, 3}},
      {"poisson", {20}},
      {"geometric", {0.2}},
      {"binomial", {50, 0.4}},
      {"hypergeometric", {9, 8, 7}},
      {"integers", {-5, 500}},
      {"halfnorm", {1, 2}},
      {"pareto", {2, -0.5, 3}},
      {"gumbel_r", {1, 2}},
      {"cauchy", {1, 2}},
      {"halfcauchy", {1, 2}},
      {"truncexpon", {2, -0.8, 1, 3}},
      {"t", {4, 1, 2}},
      {"gengamma", {2, 3, 0.3, 4}},
      {"moyal", {1, 2}},
      {"skewnorm", {2, 0.9, 0.4, 1, 3}},
      {"jf_skew_t", {2, 3, 2.2, 1, 4}},
      {"rice", {1, 2}},
      {"truncnorm", {-1, 2, 3, 4}},
      {"bernoulli", {0.4}},
      {"nbinom", {5, 0.4}},
      {"betabinom", {10, 2, 3}},
      {"randint", {-5, 500}},
  };
  return all;
}

void set(TestArray& array, const Extents& index, double value) {
  if (array.dtype() == DType::i64) {
    array.set(index, static_cast<std::int64_t>(value));
  } else {
    array.set(index, value);
  }
}

struct Draws {
  std::vector<std::uint64_t> words;  // of draws of 8 bytes
  std::uint64_t state;               // of the generator afterwards
  friend bool operator==(const Draws&, const Draws&) = default;
};

Draws draw(std::string_view name, std::vector<TestArray>& operands, const Extents& shape,
           std::size_t batch) {
  const DistributionInfo& info = *find_distribution(name);
  RandomArguments arguments{.distribution = name, .parameters = {}, .draws = {}, .batch = batch};
  std::vector<const void*> data;
  for (TestArray& operand : operands) {
    arguments.parameters.push_back(operand.view());
    data.push_back(operand.view().data);
  }
  arguments.draws = {nullptr, info.result, shape, row_major_strides(shape)};
  TestGenerator source;
  Draws draws{std::vector<std::uint64_t>(static_cast<std::size_t>(element_count(shape)), 0x5a5a),
              0};
  make_random_kernel(arguments)->run(&source.bits, data.data(), draws.words.data());
  draws.state = source.state.s[3];
  return draws;
}

// Values that differ a little from element to element and from broadcast ones.
double varied(const std::string& name, std::size_t i, double value, std::int64_t position) {
  if (name == "categorical" || value != std::rint(value) || value < 1) return value;
  return value + static_cast<double>(position % 3) * (i == 0 ? 0 : 1);
}

TEST(Random, EveryDistributionHasAKernel) {
  for (const DistributionInfo& info : distributions()) {
    if (info.name == "copy") continue;
    RandomArguments arguments{.distribution = info.name,
                              .parameters = {},
                              .draws = {nullptr, info.result, {2, 3}, {3, 1}},
                              .batch = 2};
    const bool vector = info.shaped_like != kNone;
    arguments.batch = vector ? 1 : 2;
    for (const DistributionParameter& parameter : info.parameters) {
      const bool core = parameter.rank != 0;
      arguments.parameters.push_back(
          {nullptr, parameter.dtype, core ? Extents{3} : Extents{}, core ? Extents{1} : Extents{}});
    }
    EXPECT_NE(make_random_kernel(arguments), nullptr) << info.name;
  }
  EXPECT_EQ(make_random_kernel({.distribution = "none", .parameters = {}, .draws = {}}), nullptr);
}

TEST(Random, LayoutsOfParametersDoNotMatter) {
  const Extents shape{3, 4};
  for (const auto& [name, values] : parameters()) {
    std::optional<Draws> expected;
    for (int layout = 0; layout < kWritableLayoutCount; ++layout) {
      std::vector<TestArray> operands;
      for (std::size_t i = 0; i < values.size(); ++i) {
        operands.emplace_back(find_distribution(name)->parameters[i].dtype, shape,
                              static_cast<Layout>(layout));
        for_each_index(shape, [&](const Extents& index) {
          set(operands.back(), index, varied(name, i, values[i], 4 * index[0] + index[1]));
        });
      }
      const Draws draws = draw(name, operands, shape, 2);
      if (!expected) expected = draws;
      EXPECT_EQ(draws, *expected) << name;
    }
  }
}

TEST(Random, ParametersBroadcast) {
  const Extents shape{3, 4};
  for (const auto& [name, values] : parameters()) {
    std::vector<TestArray> stretched, small;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const DType dtype = find_distribution(name)->parameters[i].dtype;
      // By turns a number of one axis, a row, a column.
      const Extents own = i % 3 == 0 ? Extents{1} : i % 3 == 1 ? Extents{4} : Extents{3, 1};
      stretched.emplace_back(dtype, shape, Layout::row_major);
      small.emplace_back(dtype, own, Layout::row_major);
      for_each_index(shape, [&](const Extents& index) {
        const std::int64_t position = i % 3 == 0 ? 0 : i % 3 == 1 ? index[1] : index[0];
        const double value = varied(name, i, values[i], position);
        set(stretched.back(), index, value);
        const Extents at = i % 3 == 0   ? Extents{0}
                           : i % 3 == 1 ? Extents{index[1]}
                                        : Extents{index[0], 0};
        set(small.back(), at, value);
      });
    }
    if (name == "randint" || name == "integers")
      continue;  // numbers of one range have a fill of their own
    EXPECT_EQ(draw(name, small, shape, 2), draw(name, stretched, shape, 2)) << name;
  }
}

TEST(Random, NoDrawsLeaveTheGeneratorAlone) {
  for (const auto& [name, values] : parameters()) {
    std::vector<TestArray> operands;
    for (std::size_t i = 0; i < values.size(); ++i) {
      operands.emplace_back(find_distribution(name)->parameters[i].dtype, Extents{},
                            Layout::row_major);
      set(operands.back(), {}, values[i]);
    }
    EXPECT_EQ(draw(name, operands, {0, 3}, 2).state, 1u) << name;
  }
}

std::string error(std::string_view name, const std::vector<double>& values,
                  const Extents& shape = {}) {
  std::vector<TestArray> operands;
  const DistributionInfo& info = *find_distribution(name);
  for (std::size_t i = 0; i < values.size(); ++i) {
    operands.emplace_back(info.parameters[i].dtype, shape, Layout::row_major);
    for_each_index(shape, [&](const Extents& index) { set(operands.back(), index, values[i]); });
  }
  try {
    draw(name, operands, shape, shape.size());
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Random, ParametersOutOfRange) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(error("normal", {0, -1}), "scale < 0");
  EXPECT_EQ(error("normal", {0, -0.0}), "scale < 0");
  EXPECT_EQ(error("normal", {0, nan}), "no error");
  EXPECT_EQ(error("poisson", {nan}), "lam < 0 or lam is NaN");
  EXPECT_EQ(error("poisson", {nan}, {2}), "lam value too large");
  EXPECT_EQ(error("poisson", {-1}, {2}), "lam < 0 or lam contains NaNs");
  EXPECT_EQ(error("binomial", {-1, 0.5}), "n < 0");
  EXPECT_EQ(error("binomial", {-1, 1.5}, {1}), "p < 0, p > 1 or p contains NaNs");
  EXPECT_EQ(error("uniform", {2, 1}), "high - low < 0");
  EXPECT_EQ(error("uniform", {0, nan}), "high - low range exceeds valid bounds");
  EXPECT_EQ(error("integers", {0, 0}), "high <= 0");
  EXPECT_EQ(error("integers", {2, 1}), "low >= high");
  EXPECT_EQ(error("triangular", {2, 1, 3}), "left > mode");
  EXPECT_EQ(error("hypergeometric", {1, 1, 3}), "ngood + nbad < nsample");
  EXPECT_THAT(error("truncnorm", {1, 1, 0, 1}), testing::HasSubstr("`scipy.stats.truncnorm`"));
  EXPECT_THAT(error("randint", {0.5, 3}), testing::HasSubstr("`scipy.stats.randint`"));
}

TEST(Random, AScaleOfZeroDrawsNothing) {
  std::vector<TestArray> operands;
  for (const double value : {2.5, 0.0}) {
    operands.emplace_back(DType::f64, Extents{}, Layout::row_major);
    operands.back().set({}, value);
  }
  const Draws draws = draw("halfnorm", operands, {2}, 1);
  EXPECT_EQ(draws.state, 1u);
  EXPECT_EQ(std::bit_cast<double>(draws.words[1]), 2.5);
}

TEST(Random, PermutationsOfItemsOfAnySize) {
  for (const std::size_t width : {1, 3}) {
    TestArray items(DType::i16, {2, 6, static_cast<std::int64_t>(width)}, Layout::reversed);
    for_each_index({2, 6, static_cast<std::int64_t>(width)}, [&](const Extents& index) {
      items.set(index, static_cast<std::int16_t>(100 * index[0] + 10 * index[1] + index[2]));
    });
    const Extents shape{2, 6, static_cast<std::int64_t>(width)};
    RandomArguments arguments{.distribution = "permutation",
                              .parameters = {items.view()},
                              .draws = {nullptr, DType::i16, shape, row_major_strides(shape)},
                              .batch = 1,
                              .core = 2};
    std::vector<std::int16_t> draws(12 * width);
    TestGenerator source;
    const void* data = items.view().data;
    make_random_kernel(arguments)->run(&source.bits, &data, draws.data());
    for (int batch = 0; batch < 2; ++batch) {
      std::vector<int> rows;
      for (std::size_t row = 0; row < 6; ++row) {
        const std::int16_t* at = &draws[(static_cast<std::size_t>(batch) * 6 + row) * width];
        for (std::size_t k = 0; k < width; ++k) EXPECT_EQ(at[k], at[0] + static_cast<int>(k));
        rows.push_back(at[0] - 100 * batch);
      }
      EXPECT_THAT(rows, testing::UnorderedElementsAre(0, 10, 20, 30, 40, 50));
    }
  }
}

TEST(Random, ChoicesAreDistinct) {
  for (const std::int64_t population : {5, 40, 20000}) {
    for (const std::int64_t count :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{5}, population}) {
      TestArray number(DType::i64, {}, Layout::row_major);
      number.set({}, population);
      RandomArguments arguments{.distribution = "choice",
                                .parameters = {number.view()},
                                .draws = {nullptr, DType::i64, {count}, {1}},
                                .batch = 0,
                                .core = 0};
      std::vector<std::int64_t> draws(static_cast<std::size_t>(count));
      TestGenerator source;
      const void* data = number.view().data;
      make_random_kernel(arguments)->run(&source.bits, &data, draws.data());
      std::ranges::sort(draws);
      EXPECT_EQ(std::ranges::adjacent_find(draws), draws.end());
      if (count > 0) {
        EXPECT_GE(draws.front(), 0);
        EXPECT_LT(draws.back(), population);
      }
    }
  }
}

}  // namespace
}  // namespace gemmule::kernels
