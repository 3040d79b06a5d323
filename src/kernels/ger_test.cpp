#include <gtest/gtest.h>

#include "kernels/blas.h"
#include "kernels/blas_test_support.h"

namespace gemmule::kernels {
namespace {

using namespace testing;

template <class T>
class Ger : public ::testing::Test {};
using InexactTypes =
    ::testing::Types<Half, float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Ger, InexactTypes);

enum class Addend { none, other, in_place };

template <class T>
void check(std::int64_t m, std::int64_t n, Layout x_layout, Layout y_layout, Layout a_layout,
           Layout out_layout, double alpha_value, Addend addend, std::mt19937& random) {
  TestMatrix<T> x(m, 1, x_layout), y(1, n, y_layout), out(m, n, out_layout);
  TestMatrix<T> a(m, n, addend == Addend::in_place ? out_layout : a_layout);
  x.randomize(random);
  y.randomize(random);
  a.randomize(random);
  out.fill(nan_of<T>());
  if (alpha_value == 0) x.fill(nan_of<T>());
  if (addend == Addend::in_place) out = a;
  const T alpha = narrow<T>(alpha_value, alpha_value == 0.6 ? 0.3 : 0);
  ger({.dtype = DTypeOf<T>::value,
       .m = m,
       .n = n,
       .alpha = &alpha,
       .x = {x.data(), x.row_stride},
       .y = {y.data(), y.col_stride},
       .a = addend == Addend::none       ? MatrixRef{}
            : addend == Addend::in_place ? MatrixRef(out.ref())
                                         : a.ref(),
       .out = out.mutable_ref()});
  const T beta = narrow<T>(addend == Addend::none ? 0 : 1);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const auto expected = expected_gemm(x, y, a, alpha, beta, i, j);
      ASSERT_NO_FATAL_FAILURE(expect_close(out(i, j), expected, 1, "ger"));
    }
  }
  ASSERT_NO_FATAL_FAILURE(out.check_gaps());
}

constexpr Addend kAddends[] = {Addend::none, Addend::other, Addend::in_place};

TYPED_TEST(Ger, EveryLayout) {
  std::mt19937 random(1);
  for (const Layout vector : {Layout::rows, Layout::every_second, Layout::backward,
                              Layout::backward_columns, Layout::broadcast_all}) {
    for (const Layout a : kInputLayouts) {
      for (const Layout out : kOutputLayouts) {
        for (const Addend addend : kAddends) {
          ASSERT_NO_FATAL_FAILURE(
              check<TypeParam>(5, 7, vector, vector, a, out, 0.6, addend, random));
        }
      }
    }
  }
}

TYPED_TEST(Ger, SizesAndScales) {
  std::mt19937 random(2);
  for (const std::int64_t m : {0, 1, 3, 17}) {
    for (const std::int64_t n : {0, 1, 3, 17}) {
      for (const double alpha : {0.0, 1.0, -1.0, -2.0, 0.6}) {
        for (const Addend addend : kAddends) {
          ASSERT_NO_FATAL_FAILURE(check<TypeParam>(m, n, Layout::rows, Layout::rows, Layout::rows,
                                                   Layout::columns, alpha, addend, random));
        }
      }
    }
  }
}

TEST(GerErrors, Integers) {
  try {
    ger({.dtype = DType::i32, .m = 1, .n = 1});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "[ger] operands are int32; they must be floating or complex.");
  }
}

}  // namespace
}  // namespace gemmule::kernels
