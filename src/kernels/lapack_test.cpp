#include "kernels/lapack.h"

#include <gtest/gtest.h>

#include <thread>

#include "kernels/blas_library.h"
#include "kernels/blas_test_support.h"
#include "kernels/view.h"

namespace gemmule::kernels {
namespace {

using namespace testing;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
View view(TestMatrix<T>& x) {
  return {x.data(), DTypeOf<T>::value, {x.rows, x.cols}, {x.row_stride, x.col_stride}};
}

// A row-major batch.
template <class T>
View view(std::vector<T>& x, const Extents& shape) {
  return {x.data(), DTypeOf<T>::value, shape, row_major_strides(shape)};
}

std::complex<long double> conjugate(std::complex<long double> x) { return std::conj(x); }
long double conjugate(long double x) { return x; }

template <class T>
bool is_nan(T x) {
  return std::isnan(std::abs(widen(x)));
}

template <class T>
void expect_all_nan(const TestMatrix<T>& x) {
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = 0; j < x.cols; ++j) EXPECT_TRUE(is_nan(x(i, j)));
  }
}

// Element (i, j) of op(A), with zeros outside the triangle and ones for a unit diagonal.
template <class T>
Wide<T> triangular_element(const TestMatrix<T>& a, TriangularOptions o, std::int64_t i,
                           std::int64_t j) {
  if (o.trans != Transpose::none) std::swap(i, j);
  if (i == j && o.unit_diagonal) return Wide<T>(1);
  if (i != j && (i > j) != o.lower) return Wide<T>(0);
  return o.trans == Transpose::conjugate ? conjugate(widen(a(i, j))) : widen(a(i, j));
}

// G G^H + m I, in both triangles.
template <class T>
TestMatrix<T> positive_definite(std::int64_t m, Layout layout, std::mt19937& random) {
  TestMatrix<T> g(m, m, Layout::rows), a(m, m, layout);
  g.randomize(random);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      Wide<T> sum(i == j ? m : 0);
      for (std::int64_t p = 0; p < m; ++p) sum += widen(g(i, p)) * conjugate(widen(g(j, p)));
      a(i, j) = static_cast<T>(sum);
    }
  }
  return a;
}

// What the other triangle holds must not matter.
template <class T>
void spoil_triangle(TestMatrix<T>& a, bool lower) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.cols; ++j) {
      if (i != j && (i > j) == lower) a(i, j) = nan_of<T>();
    }
  }
}

template <class T>
class Lapack : public ::testing::Test {};
using LapackTypes = ::testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Lapack, LapackTypes);

constexpr std::int64_t kSizes[] = {0, 1, 2, 3, 8, 17, 64};

// -- cholesky
// ----------------------------------------------------------------------------------------

template <class T>
void check_cholesky(const TestMatrix<T>& a, const TestMatrix<T>& factor, bool lower) {
  const std::int64_t m = a.rows;
  const long double tolerance = 30 * m * m * Reference<T>::eps;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      Wide<T> product(0);
      for (std::int64_t p = 0; p < m; ++p) {
        product += lower ? widen(factor(i, p)) * conjugate(widen(factor(j, p)))
                         : conjugate(widen(factor(p, i))) * widen(factor(p, j));
      }
      ASSERT_LE(std::abs(product - widen(a(i, j))), tolerance) << "m=" << m;
      if (i != j && (i > j) != lower) {
        ASSERT_EQ(factor(i, j), T(0));
      }
    }
  }
}

TYPED_TEST(Lapack, CholeskyOfOneTriangleInEveryLayout) {
  using T = TypeParam;
  std::mt19937 random(1);
  for (const std::int64_t m : kSizes) {
    for (const Layout in_layout : kOutputLayouts) {
      for (const Layout out_layout : kOutputLayouts) {
        if (m == 64 && random() % 16) continue;
        for (const bool lower : {true, false}) {
          const auto full = positive_definite<T>(m, in_layout, random);
          auto a = full;
          spoil_triangle(a, !lower);
          TestMatrix<T> out(m, m, out_layout);
          out.fill(nan_of<T>());
          ASSERT_EQ(cholesky(view(a), view(out), lower), 0);
          ASSERT_NO_FATAL_FAILURE(check_cholesky(full, out, lower));
          ASSERT_NO_FATAL_FAILURE(out.check_gaps());
          ASSERT_EQ(cholesky(view(a), view(a), lower), 0);  // in place
          ASSERT_NO_FATAL_FAILURE(check_cholesky(full, a, lower));
        }
      }
    }
  }
}

TYPED_TEST(Lapack, CholeskyIsNaNWhereTheMatrixIsNotPositiveDefinite) {
  using T = TypeParam;
  // The middle one of three is indefinite.
  std::vector<T> a{4, 2, 2, 5, /**/ 1, 2, 2, 1, /**/ 9, 0, 0, 16}, out(12);
  EXPECT_EQ(cholesky(view(a, {3, 2, 2}), view(out, {3, 2, 2}), true), 1);
  EXPECT_EQ(std::vector<T>(out.begin(), out.begin() + 4), (std::vector<T>{2, 0, 1, 2}));
  for (int i = 4; i < 8; ++i) EXPECT_TRUE(is_nan(out[i]));
  EXPECT_EQ(std::vector<T>(out.begin() + 8, out.end()), (std::vector<T>{3, 0, 0, 4}));
}

TYPED_TEST(Lapack, CholeskyOfNaNHasNaNOnTheDiagonal) {
  using T = TypeParam;
  for (const std::int64_t m : {2, 40}) {
    TestMatrix<T> a(m, m, Layout::rows);
    a.fill(T(0));
    for (std::int64_t i = 0; i < m; ++i) a(i, i) = T(1);
    a(m - 1, 0) = nan_of<T>();
    cholesky(view(a), view(a), true);
    EXPECT_TRUE(is_nan(a(m - 1, m - 1)));
  }
}

// -- solve_triangular
// --------------------------------------------------------------------------------

template <class T>
void check_solve_triangular(std::int64_t m, std::int64_t n, Layout a_layout, Layout b_layout,
                            Layout out_layout, TriangularOptions options, bool in_place,
                            std::mt19937& random) {
  TestMatrix<T> a(m, m, a_layout), b(m, n, in_place ? out_layout : b_layout), x(m, n, out_layout);
  a.randomize(random);
  b.randomize(random);
  // Dominant diagonals keep long products of factors away from overflow.
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      if (i != j) a(i, j) /= T(static_cast<blas::Real<T>>(m));
    }
    a(i, i) = options.unit_diagonal ? nan_of<T>() : a(i, i) + T(2);
  }
  spoil_triangle(a, !options.lower);
  const auto b_before = b;
  x.fill(nan_of<T>());
  if (in_place) x = b;
  ASSERT_EQ(solve_triangular(view(a), in_place ? view(x) : view(b), view(x), options), 0);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      Wide<T> product(0);
      for (std::int64_t p = 0; p < m; ++p) {
        const auto element = triangular_element(a, options, i, p);
        if (element != Wide<T>(0)) product += element * widen(x(p, j));
      }
      ASSERT_LE(std::abs(product - widen(b_before(i, j))), 30 * m * Reference<T>::eps)
          << "m=" << m << " n=" << n << " layouts " << int(a_layout) << "," << int(out_layout)
          << " lower=" << options.lower << " trans=" << int(options.trans);
    }
  }
  ASSERT_NO_FATAL_FAILURE(x.check_gaps());
}

TYPED_TEST(Lapack, SolveTriangularInEveryLayout) {
  std::mt19937 random(2);
  for (const std::int64_t n : {1, 4}) {
    for (const Layout a : kOutputLayouts) {
      for (const Layout out : kOutputLayouts) {
        for (const Transpose trans :
             {Transpose::none, Transpose::transpose, Transpose::conjugate}) {
          for (const bool lower : {true, false}) {
            for (const bool unit : {true, false}) {
              ASSERT_NO_FATAL_FAILURE(check_solve_triangular<TypeParam>(
                  6, n, a, kInputLayouts[random() % 10], out, {lower, trans, unit},
                  random() % 2 == 0, random));
            }
          }
        }
      }
    }
  }
}

TYPED_TEST(Lapack, SolveTriangularSizes) {
  std::mt19937 random(3);
  for (const std::int64_t m : kSizes) {
    for (const std::int64_t n : {0, 1, 2, 17, 64}) {
      ASSERT_NO_FATAL_FAILURE(check_solve_triangular<TypeParam>(m, n, Layout::rows, Layout::rows,
                                                                Layout::rows, {}, false, random));
    }
  }
}

TYPED_TEST(Lapack, SolveTriangularIsNaNWhereTheDiagonalHasAZero) {
  using T = TypeParam;
  std::vector<T> a{2, 0, 1, 4, /**/ 2, 0, 1, 0}, b{2, 9, 2, 9}, x(4);
  EXPECT_EQ(solve_triangular(view(a, {2, 2, 2}), view(b, {2, 2, 1}), view(x, {2, 2, 1}), {}), 1);
  EXPECT_EQ(x[0], T(1));
  EXPECT_EQ(x[1], T(2));
  EXPECT_TRUE(is_nan(x[2]) && is_nan(x[3]));
}

// -- solve and inv
// -----------------------------------------------------------------------------------

template <class T>
TestMatrix<T> well_conditioned(std::int64_t m, Layout layout, std::mt19937& random) {
  TestMatrix<T> a(m, m, layout);
  a.randomize(random);
  // Pivoting has something to do: the large elements lie off the diagonal.
  for (std::int64_t i = 0; i < m; ++i) a(i, (i + 1) % m) += T(static_cast<blas::Real<T>>(m));
  return a;
}

// |A X - B| is small.
template <class T>
void check_solution(const TestMatrix<T>& a, const TestMatrix<T>& x, const TestMatrix<T>& b) {
  const std::int64_t m = a.rows;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < x.cols; ++j) {
      Wide<T> product(0);
      for (std::int64_t p = 0; p < m; ++p) product += widen(a(i, p)) * widen(x(p, j));
      ASSERT_LE(std::abs(product - widen(b(i, j))), 50 * m * Reference<T>::eps) << "m=" << m;
    }
  }
}

TYPED_TEST(Lapack, SolveInEveryLayout) {
  using T = TypeParam;
  std::mt19937 random(4);
  for (const std::int64_t m : kSizes) {
    for (const std::int64_t n : {0, 1, 3, 17}) {
      for (const Layout out_layout : kOutputLayouts) {
        auto a = well_conditioned<T>(m, kOutputLayouts[random() % 8], random);
        TestMatrix<T> b(m, n, kInputLayouts[random() % 10]), x(m, n, out_layout);
        b.randomize(random);
        ASSERT_EQ(solve(view(a), view(b), view(x)), 0);
        ASSERT_NO_FATAL_FAILURE(check_solution(a, x, b));
        ASSERT_NO_FATAL_FAILURE(x.check_gaps());
        x.randomize(random);
        const auto right = x;
        ASSERT_EQ(solve(view(a), view(x), view(x)), 0);  // in place
        ASSERT_NO_FATAL_FAILURE(check_solution(a, x, right));
      }
    }
  }
}

TYPED_TEST(Lapack, InvInEveryLayout) {
  using T = TypeParam;
  std::mt19937 random(5);
  for (const std::int64_t m : kSizes) {
    TestMatrix<T> identity(m, m, Layout::rows);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < m; ++j) identity(i, j) = T(i == j ? 1 : 0);
    }
    for (const Layout layout : kOutputLayouts) {
      auto a = well_conditioned<T>(m, kOutputLayouts[random() % 8], random);
      TestMatrix<T> out(m, m, layout);
      ASSERT_EQ(inv(view(a), view(out)), 0);
      ASSERT_NO_FATAL_FAILURE(check_solution(a, out, identity));
      ASSERT_NO_FATAL_FAILURE(out.check_gaps());
      const auto before = a;
      ASSERT_EQ(inv(view(a), view(a)), 0);  // in place
      ASSERT_NO_FATAL_FAILURE(check_solution(before, a, identity));
    }
  }
}

TYPED_TEST(Lapack, SingularMatricesOfABatchAreNaN) {
  using T = TypeParam;
  std::vector<T> a{2, 0, 0, 4, /**/ 1, 2, 2, 4, /**/ 1, 0, 0, 1}, b{2, 4, 2, 4, 2, 4}, x(6);
  EXPECT_EQ(solve(view(a, {3, 2, 2}), view(b, {3, 2, 1}), view(x, {3, 2, 1})), 1);
  EXPECT_EQ(x[0], T(1));
  EXPECT_TRUE(is_nan(x[2]) && is_nan(x[3]));
  EXPECT_EQ(x[5], T(4));

  std::vector<T> inverse(12);
  EXPECT_EQ(inv(view(a, {3, 2, 2}), view(inverse, {3, 2, 2})), 1);
  EXPECT_EQ(inverse[0], T(0.5));
  for (int i = 4; i < 8; ++i) EXPECT_TRUE(is_nan(inverse[i]));
  EXPECT_EQ(inverse[8], T(1));
}

TYPED_TEST(Lapack, SolveBroadcastsAMatrixOfStrideZero) {
  using T = TypeParam;
  std::vector<T> a{0, 2, 4, 0}, b{2, 4, 4, 8, 6, 12}, x(6);
  ConstView one = view(a, {2, 2});
  one.shape = {3, 2, 2};
  one.strides = {0, 2, 1};
  EXPECT_EQ(solve(one, view(b, {3, 2, 1}), view(x, {3, 2, 1})), 0);
  EXPECT_EQ(x, (std::vector<T>{1, 1, 2, 2, 3, 3}));
}

// -- slogdet
// -----------------------------------------------------------------------------------------

TYPED_TEST(Lapack, SlogdetOfKnownMatrices) {
  using T = TypeParam;
  using R = blas::Real<T>;
  std::vector<T> a{2, 0, 0, 3, /**/ 0, 1, 1, 0, /**/ 1, 2, 2, 4, /**/ -2, 0, 0, 3}, sign(4);
  std::vector<R> log_det(4);
  slogdet(view(a, {4, 2, 2}), view(sign, {4}), view(log_det, {4}));
  EXPECT_EQ(sign, (std::vector<T>{1, -1, 0, -1}));
  EXPECT_NEAR(log_det[0], std::log(6.0), 1e-6);
  EXPECT_EQ(log_det[1], 0);
  EXPECT_EQ(log_det[2], -kInfinity);
  EXPECT_NEAR(log_det[3], std::log(6.0), 1e-6);

  std::vector<T> empty, one(1);
  std::vector<R> zero(1, 7);
  slogdet(view(empty, {0, 0}), view(one, {}), view(zero, {}));
  EXPECT_EQ(one[0], T(1));
  EXPECT_EQ(zero[0], 0);
}

TYPED_TEST(Lapack, SlogdetOfAPositiveDefiniteMatrixIsThatOfItsCholeskyFactor) {
  using T = TypeParam;
  using R = blas::Real<T>;
  std::mt19937 random(6);
  for (const std::int64_t m : kSizes) {
    auto a = positive_definite<T>(m, Layout::backward, random);
    TestMatrix<T> factor(m, m, Layout::rows);
    std::vector<T> sign(1);
    std::vector<R> log_det(1);
    slogdet(view(a), view(sign, {}), view(log_det, {}));
    cholesky(view(a), view(factor), true);
    long double expected = 0;
    for (std::int64_t i = 0; i < m; ++i) expected += 2 * std::log(std::abs(widen(factor(i, i))));
    EXPECT_LE(std::abs(widen(sign[0]) - Wide<T>(1)), 50 * m * Reference<T>::eps);
    EXPECT_NEAR(log_det[0], expected, 100 * (m + 1) * Reference<T>::eps);
  }
}

TEST(LapackComplex, SlogdetHasAPhase) {
  using C = std::complex<double>;
  std::vector<C> a{0, C(0, 1), 1, 2}, sign(1);
  std::vector<double> log_det(1);
  slogdet(view(a, {2, 2}), view(sign, {}), view(log_det, {}));
  EXPECT_EQ(sign[0], C(0, -1));
  EXPECT_EQ(log_det[0], 0);
}

TEST(LapackReal, SlogdetOfNaN) {
  std::vector<double> a{kNaN, 1, 1, 2}, sign(1), log_det(1);
  slogdet(view(a, {2, 2}), view(sign, {}), view(log_det, {}));
  EXPECT_EQ(std::abs(sign[0]), 1);
  EXPECT_TRUE(std::isnan(log_det[0]));
}

// -- eigh
// --------------------------------------------------------------------------------------------

TYPED_TEST(Lapack, EighDecomposesInEveryLayout) {
  using T = TypeParam;
  using R = blas::Real<T>;
  std::mt19937 random(7);
  for (const std::int64_t m : kSizes) {
    for (const Layout layout : kOutputLayouts) {
      if (m == 64 && random() % 4) continue;
      for (const bool lower : {true, false}) {
        const auto full = positive_definite<T>(m, kOutputLayouts[random() % 8], random);
        auto a = full;
        spoil_triangle(a, !lower);
        TestMatrix<R> w(m, 1, layout);
        TestMatrix<T> v(m, m, layout);
        const View values{w.data(), DTypeOf<R>::value, {m}, {w.row_stride}};
        ASSERT_EQ(eigh(view(a), lower, values, view(v)), 0);
        const long double tolerance = 100 * m * m * Reference<T>::eps;
        for (std::int64_t i = 0; i < m; ++i) {
          if (i > 0) {
            ASSERT_LE(w(i - 1, 0), w(i, 0));
          }
          for (std::int64_t j = 0; j < m; ++j) {
            Wide<T> product(0), inner(0);
            for (std::int64_t p = 0; p < m; ++p) {
              product += widen(v(i, p)) * Wide<T>(widen(w(p, 0))) * conjugate(widen(v(j, p)));
              inner += conjugate(widen(v(p, i))) * widen(v(p, j));
            }
            ASSERT_LE(std::abs(product - widen(full(i, j))), tolerance);
            ASSERT_LE(std::abs(inner - Wide<T>(i == j ? 1 : 0)), tolerance);
          }
        }
        v.check_gaps();
        w.check_gaps();
        // Eigenvalues alone, and eigenvectors in place.
        TestMatrix<R> alone(m, 1, layout);
        ASSERT_EQ(
            eigh(view(a), lower, {alone.data(), DTypeOf<R>::value, {m}, {alone.row_stride}}, {}),
            0);
        for (std::int64_t i = 0; i < m; ++i) ASSERT_NEAR(alone(i, 0), w(i, 0), tolerance);
        ASSERT_EQ(eigh(view(a), lower, values, view(a)), 0);
      }
    }
  }
}

TYPED_TEST(Lapack, EighOfNaNOrInfinityIsNaN) {
  using T = TypeParam;
  using R = blas::Real<T>;
  for (const double bad : {kNaN, kInfinity}) {
    std::vector<T> a{1, 0, 0, 2, /**/ T(bad), 0, 0, 1, /**/ 3, 0, 0, 4}, v(12);
    std::vector<R> w(6);
    EXPECT_EQ(eigh(view(a, {3, 2, 2}), true, view(w, {3, 2}), view(v, {3, 2, 2})), 1);
    EXPECT_EQ(w[1], 2);
    EXPECT_TRUE(is_nan(w[2]) && is_nan(w[3]));
    for (int i = 4; i < 8; ++i) EXPECT_TRUE(is_nan(v[i]));
    EXPECT_EQ(w[4], 3);
  }
}

// -- all of them
// -------------------------------------------------------------------------------------

TYPED_TEST(Lapack, NaNNeitherHangsNorRaises) {
  using T = TypeParam;
  using R = blas::Real<T>;
  for (const std::int64_t m : {1, 3, 64}) {
    TestMatrix<T> a(m, m, Layout::rows), out(m, m, Layout::rows);
    a.fill(nan_of<T>());
    cholesky(view(a), view(out), true);
    EXPECT_TRUE(is_nan(out(0, 0)));
    solve_triangular(view(a), view(a), view(out), {});
    EXPECT_TRUE(is_nan(out(0, 0)));
    solve(view(a), view(a), view(out));
    EXPECT_TRUE(is_nan(out(0, 0)));
    inv(view(a), view(out));
    EXPECT_TRUE(is_nan(out(0, 0)));
    std::vector<R> w(m);
    EXPECT_EQ(eigh(view(a), true, view(w, {m}), view(out)), 1);
    expect_all_nan(out);
  }
}

TYPED_TEST(Lapack, EmptyBatches) {
  using T = TypeParam;
  using R = blas::Real<T>;
  std::vector<T> none;
  std::vector<R> none_real;
  const auto square = view(none, {0, 3, 3});
  EXPECT_EQ(cholesky(square, square, true), 0);
  EXPECT_EQ(solve_triangular(square, square, square, {}), 0);
  EXPECT_EQ(solve(square, square, square), 0);
  EXPECT_EQ(inv(square, square), 0);
  slogdet(square, view(none, {0}), view(none_real, {0}));
  EXPECT_EQ(eigh(square, true, view(none_real, {0, 3}), square), 0);
}

std::string message_of(void (*f)()) {
  try {
    f();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(LapackErrors, DTypes) {
  EXPECT_EQ(message_of([] {
              const View half{nullptr, DType::f16, {0, 0}, {1, 1}};
              cholesky(half, half, true);
            }),
            "[cholesky] operands are float16; they must be float32, float64, complex64 or "
            "complex128.");
  EXPECT_EQ(message_of([] {
              const View a{nullptr, DType::f64, {2, 2}, {2, 1}};
              const View b{nullptr, DType::f32, {2, 1}, {1, 1}};
              solve(a, b, b);
            }),
            "[solve] B is float32[2,1], must be float64[2,1] for A float64[2,2].");
}

TEST(LapackErrors, Shapes) {
  EXPECT_EQ(message_of([] {
              const View a{nullptr, DType::f64, {2, 3}, {3, 1}};
              inv(a, a);
            }),
            "[inv] A is float64[2,3]: its last two dimensions must be equal.");
  EXPECT_EQ(message_of([] {
              const View a{nullptr, DType::f64, {5, 2, 2}, {4, 2, 1}};
              const View b{nullptr, DType::f64, {2, 1}, {1, 1}};
              solve_triangular(a, b, b, {});
            }),
            "[solve_triangular] B is float64[2,1], must be float64[5,2,1] for A float64[5,2,2].");
}

TEST(LapackThreads, TwoThreadsAtOnce) {
  const auto work = [](unsigned seed) {
    std::mt19937 random(seed);
    for (int round = 0; round < 30; ++round) {
      auto a = positive_definite<double>(100, Layout::rows, random);
      const auto before = a;
      cholesky(view(a), view(a), true);
      check_cholesky(before, a, true);
      check_solve_triangular<double>(100, 7, Layout::rows, Layout::rows, Layout::columns, {}, false,
                                     random);
    }
  };
  std::thread first(work, 1), second(work, 2);
  first.join();
  second.join();
}

}  // namespace
}  // namespace gemmule::kernels
