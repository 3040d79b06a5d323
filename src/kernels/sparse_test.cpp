#include "kernels/sparse.h"

#include <gtest/gtest.h>

#include <random>

#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using enum DType;

// A random matrix in compressed rows, with columns out of order and repeated ones, and the same in
// full.
template <class Index>
struct Compressed {
  std::int64_t rows, columns;
  std::vector<Index> indices, indptr = {0};
  std::vector<double> data, dense;

  Compressed(std::int64_t m, std::int64_t n, std::mt19937& random)
      : rows(m), columns(n), dense(static_cast<std::size_t>(m * n)) {
    for (std::int64_t i = 0; i < m; ++i) {
      const std::size_t count = n == 0 ? 0 : random() % static_cast<std::size_t>(n + 1);
      for (std::size_t k = 0; k < count; ++k) {
        const auto j = static_cast<std::int64_t>(random() % static_cast<std::size_t>(n));
        indices.push_back(static_cast<Index>(j));
        data.push_back(static_cast<double>(random() % 19) - 9);
        dense[static_cast<std::size_t>(i * n + j)] += data.back();
      }
      indptr.push_back(static_cast<Index>(indices.size()));
    }
  }

  static constexpr DType dtype() { return sizeof(Index) == 4 ? i32 : i64; }
  Pattern pattern() const {
    return {{indices.data(), dtype(), {static_cast<std::int64_t>(indices.size())}, {1}},
            {indptr.data(), dtype(), {rows + 1}, {1}}};
  }
  ConstView values() const {
    return {data.data(), f64, {static_cast<std::int64_t>(data.size())}, {1}};
  }
  double at(std::int64_t i, std::int64_t j) const {
    return dense[static_cast<std::size_t>(i * columns + j)];
  }
};

double at(const TestArray& x, std::int64_t i, std::int64_t j) { return x.get<double>({i, j}); }

template <class Index>
void compare_products() {
  std::mt19937 random(2);
  for (const auto& [m, n, width] : std::vector<std::array<std::int64_t, 3>>{
           {4, 3, 5}, {1, 1, 1}, {7, 2, 1}, {0, 3, 2}, {3, 0, 2}, {3, 4, 0}, {20, 30, 8}}) {
    for (int trial = 0; trial < 20; ++trial) {
      const Compressed<Index> s(m, n, random);
      for (const bool transpose : {false, true}) {
        const std::int64_t inner = transpose ? m : n, outer = transpose ? n : m;
        TestArray b(f64, {inner, width}, static_cast<Layout>(random() % kLayoutCount));
        TestArray out(f64, {outer, width}, static_cast<Layout>(random() % kWritableLayoutCount));
        b.fill(random), out.fill(random);
        ASSERT_TRUE(csr_matmul(s.values(), s.pattern(), transpose, b.view(), out.mutable_view()));
        ASSERT_TRUE(out.margins_untouched());
        for (std::int64_t i = 0; i < outer; ++i) {
          for (std::int64_t c = 0; c < width; ++c) {
            double sum = 0;
            for (std::int64_t k = 0; k < inner; ++k)
              sum += (transpose ? s.at(k, i) : s.at(i, k)) * at(b, k, c);
            ASSERT_NEAR(at(out, i, c), sum, 1e-10);
          }
        }
      }
    }
  }
}

TEST(CsrMatmul, AgainstTheFullMatrix) {
  compare_products<std::int32_t>();
  compare_products<std::int64_t>();
}

TEST(CsrSampledMatmul, AgainstTheFullProduct) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 50; ++trial) {
    const Compressed<std::int32_t> s(5, 4, random);
    TestArray a(f64, {5, 3}, static_cast<Layout>(random() % kLayoutCount));
    TestArray b(f64, {4, 3}, static_cast<Layout>(random() % kLayoutCount));
    a.fill(random), b.fill(random);
    std::vector<double> out(s.data.size(), 9);
    ASSERT_TRUE(csr_sampled_matmul(s.pattern(), a.view(), b.view(),
                                   {out.data(), f64, s.values().shape, {1}}));
    for (std::int64_t i = 0; i < 5; ++i) {
      for (auto k = s.indptr[static_cast<std::size_t>(i)];
           k < s.indptr[static_cast<std::size_t>(i + 1)]; ++k) {
        double sum = 0;
        for (std::int64_t w = 0; w < 3; ++w)
          sum += at(a, i, w) * at(b, s.indices[static_cast<std::size_t>(k)], w);
        ASSERT_NEAR(out[static_cast<std::size_t>(k)], sum, 1e-12);
      }
    }
  }
}

TEST(CsrSample, ReadsAtAnotherPattern) {
  std::mt19937 random(4);
  for (int trial = 0; trial < 50; ++trial) {
    const Compressed<std::int32_t> s(5, 4, random);
    const Compressed<std::int64_t> to(5, 4, random);
    std::vector<double> out(to.data.size(), 9);
    ASSERT_TRUE(csr_sample(s.values(), s.pattern(), 4, to.pattern(),
                           {out.data(), f64, to.values().shape, {1}}));
    for (std::int64_t i = 0; i < 5; ++i) {
      for (auto k = to.indptr[static_cast<std::size_t>(i)];
           k < to.indptr[static_cast<std::size_t>(i + 1)]; ++k) {
        ASSERT_EQ(out[static_cast<std::size_t>(k)],
                  s.at(i, to.indices[static_cast<std::size_t>(k)]));
      }
    }
  }
}

TEST(Csr, DtypesOfTheElements) {
  const std::int32_t indices[] = {1, 0}, indptr[] = {0, 1, 2};
  const Pattern pattern{{indices, i32, {2}, {1}}, {indptr, i32, {3}, {1}}};
  const std::int8_t bytes[] = {100, 3}, column[] = {2, 3};
  std::int8_t wrapped[2];
  EXPECT_TRUE(csr_matmul({bytes, i8, {2}, {1}}, pattern, false, {column, i8, {2, 1}, {1, 1}},
                         {wrapped, i8, {2, 1}, {1, 1}}));
  EXPECT_EQ(wrapped[0], static_cast<std::int8_t>(300));
  EXPECT_EQ(wrapped[1], 6);
  const std::complex<float> data[] = {{0, 1}, {2, 0}}, b[] = {{1, 1}, {0, 3}};
  std::complex<float> out[2];
  EXPECT_TRUE(csr_matmul({data, c64, {2}, {1}}, pattern, false, {b, c64, {2, 1}, {1, 1}},
                         {out, c64, {2, 1}, {1, 1}}));
  EXPECT_EQ(out[0], (std::complex<float>{-3, 0}));
  EXPECT_EQ(out[1], (std::complex<float>{2, 2}));
}

TEST(Csr, PatternsThatPointOutside) {
  const double data[] = {1, 2}, b[] = {1, 1};
  double out[2];
  const auto product = [&](std::vector<std::int32_t> indices, std::vector<std::int32_t> indptr,
                           bool transpose) {
    const Pattern pattern{{indices.data(), i32, {2}, {1}}, {indptr.data(), i32, {3}, {1}}};
    return csr_matmul({data, f64, {2}, {1}}, pattern, transpose, {b, f64, {2, 1}, {1, 1}},
                      {out, f64, {2, 1}, {1, 1}});
  };
  for (const bool transpose : {false, true}) {
    EXPECT_TRUE(product({0, 1}, {0, 1, 2}, transpose));
    EXPECT_FALSE(product({0, 2}, {0, 1, 2}, transpose));
    EXPECT_FALSE(product({0, -1}, {0, 1, 2}, transpose));
    EXPECT_FALSE(product({0, 1}, {0, 2, 1}, transpose));
    EXPECT_FALSE(product({0, 1}, {0, 1, 3}, transpose));
    EXPECT_FALSE(product({0, 1}, {-1, 1, 2}, transpose));
  }
}

TEST(Csr, ViewsThatDoNotFit) {
  const double data[] = {1, 2};
  double out[2];
  const std::int32_t indices[] = {0, 1}, indptr[] = {0, 1, 2};
  const Pattern pattern{{indices, i32, {2}, {1}}, {indptr, i32, {3}, {1}}};
  const ConstView b{data, f64, {2, 1}, {1, 1}};
  EXPECT_THROW(csr_matmul({data, f64, {1}, {1}}, pattern, false, b, {out, f64, {2, 1}, {1, 1}}),
               std::invalid_argument);
  EXPECT_THROW(csr_matmul({data, f64, {2}, {1}}, pattern, false, b, {out, f64, {1, 1}, {1, 1}}),
               std::invalid_argument);
  EXPECT_THROW(csr_matmul({data, f64, {2}, {1}}, {{data, f64, {2}, {1}}, pattern.indptr}, false, b,
                          {out, f64, {2, 1}, {1, 1}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace gemmule::kernels
