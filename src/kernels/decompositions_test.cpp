#include "kernels/decompositions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <complex>
#include <limits>
#include <random>
#include <vector>

#include "ir/error.h"
#include "kernels/test_arrays.h"

namespace gemmule::kernels {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class T>
struct Precision;
template <>
struct Precision<float> {
  using Real = float;
  static constexpr DType dtype = DType::f32, real = DType::f32, complex = DType::c64;
  static constexpr double tolerance = 2e-5;
};
template <>
struct Precision<double> {
  using Real = double;
  static constexpr DType dtype = DType::f64, real = DType::f64, complex = DType::c128;
  static constexpr double tolerance = 1e-12;
};
template <>
struct Precision<std::complex<float>> : Precision<float> {
  static constexpr DType dtype = DType::c64;
};
template <>
struct Precision<std::complex<double>> : Precision<double> {
  static constexpr DType dtype = DType::c128;
};

// A matrix of complex<double>, in which results of all dtypes are put together again.
struct Matrix {
  std::int64_t rows, cols;
  std::vector<std::complex<double>> elements;

  Matrix(std::int64_t m, std::int64_t n) : rows(m), cols(n), elements(m * n) {}
  std::complex<double>& operator()(std::int64_t i, std::int64_t j) {
    return elements[i * cols + j];
  }
  std::complex<double> operator()(std::int64_t i, std::int64_t j) const {
    return elements[i * cols + j];
  }
};

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.cols);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t k = 0; k < a.cols; ++k) {
      for (std::int64_t j = 0; j < b.cols; ++j) c(i, j) += a(i, k) * b(k, j);
    }
  }
  return c;
}
Matrix operator+(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.elements.size(); ++i) a.elements[i] += b.elements[i];
  return a;
}
Matrix adjoint(const Matrix& a) {
  Matrix c(a.cols, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.cols; ++j) c(j, i) = std::conj(a(i, j));
  }
  return c;
}
Matrix identity(std::int64_t n) {
  Matrix a(n, n);
  for (std::int64_t i = 0; i < n; ++i) a(i, i) = 1;
  return a;
}
Matrix diagonal(const Matrix& column) {
  Matrix a(column.rows, column.rows);
  for (std::int64_t i = 0; i < column.rows; ++i) a(i, i) = column(i, 0);
  return a;
}

void expect_near(const Matrix& got, const Matrix& want, double tolerance) {
  ASSERT_EQ(got.rows, want.rows);
  ASSERT_EQ(got.cols, want.cols);
  for (std::int64_t i = 0; i < got.rows; ++i) {
    for (std::int64_t j = 0; j < got.cols; ++j) {
      EXPECT_LT(std::abs(got(i, j) - want(i, j)), tolerance) << i << "," << j;
    }
  }
}

// A batch of two matrices (or vectors, of one column here) of T in some layout.
template <class T>
class Batch {
 public:
  Batch(DType dtype, const Extents& core, Layout layout)
      : core_(core), array_(dtype, with_batch(core), layout) {}

  ConstView in() const { return array_.view(); }
  View out() { return array_.mutable_view(); }
  bool margins_untouched() const { return array_.margins_untouched(); }

  Matrix at(std::int64_t b) const {
    Matrix a(core_[0], core_.size() > 1 ? core_[1] : 1);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      for (std::int64_t j = 0; j < a.cols; ++j) {
        const T x =
            core_.size() > 1 ? array_.template get<T>({b, i, j}) : array_.template get<T>({b, i});
        a(i, j) = std::complex<double>(std::real(x), std::imag(x));
      }
    }
    return a;
  }
  void set(const Extents& index, std::complex<double> x) { array_.set(index, narrow(x)); }
  void randomise(unsigned seed, double shift = 0) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    for_each_index(array_.shape(), [&](const Extents& index) {
      const double on_diagonal = index.size() > 2 && index[1] == index[2] ? shift : 0;
      set(index, {normal(generator) + on_diagonal, normal(generator)});
    });
  }

 private:
  static Extents with_batch(const Extents& core) {
    Extents shape{2};
    shape.insert(shape.end(), core.begin(), core.end());
    return shape;
  }
  static T narrow(std::complex<double> x) {
    if constexpr (std::is_arithmetic_v<T>) {
      return static_cast<T>(x.real());
    } else {
      return T(x);
    }
  }

  Extents core_;
  TestArray array_;
};

template <class T>
class Decompositions : public testing::Test {
 protected:
  using P = Precision<T>;
  using R = typename P::Real;
  using C = std::complex<R>;
  static constexpr double tolerance = P::tolerance;

  template <class F>
  static void for_layouts(F f) {
    for (int layout = 0; layout < kWritableLayoutCount; ++layout) f(static_cast<Layout>(layout));
  }
  static Batch<T> batch(const Extents& core, Layout layout) { return {P::dtype, core, layout}; }
  static Batch<R> reals(const Extents& core, Layout layout) { return {P::real, core, layout}; }
  static Batch<C> complexes(const Extents& core, Layout layout) {
    return {P::complex, core, layout};
  }
};
using Types = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Decompositions, Types);

TYPED_TEST(Decompositions, LuMultipliesToA) {
  this->for_layouts([&](Layout layout) {
    auto a = this->batch({4, 4}, layout), l = this->batch({4, 4}, layout),
         u = this->batch({4, 4}, layout);
    auto p = this->reals({4, 4}, layout);
    a.randomise(1);
    EXPECT_EQ(lu(a.in(), p.out(), l.out(), u.out()), 0);
    auto pl = this->batch({4, 4}, layout), same_u = this->batch({4, 4}, layout);
    EXPECT_EQ(lu(a.in(), {}, pl.out(), same_u.out()), 0);
    Batch<std::int32_t> index(DType::i32, {4}, layout);
    EXPECT_EQ(lu(a.in(), index.out(), l.out(), u.out()), 0);
    for (std::int64_t b = 0; b < 2; ++b) {
      expect_near(p.at(b) * l.at(b) * u.at(b), a.at(b), this->tolerance);
      expect_near(pl.at(b) * same_u.at(b), a.at(b), this->tolerance);
      Matrix permutation(4, 4);
      for (std::int64_t i = 0; i < 4; ++i)
        permutation(i, std::llround(index.at(b)(i, 0).real())) = 1;
      expect_near(permutation, p.at(b), 1e-30);
      for (std::int64_t i = 0; i < 4; ++i) {
        EXPECT_EQ(l.at(b)(i, i), 1.0);
        for (std::int64_t j = 0; j < i; ++j) {
          EXPECT_EQ(u.at(b)(i, j), 0.0);
          EXPECT_EQ(l.at(b)(j, i), 0.0);
        }
      }
    }
    EXPECT_TRUE(l.margins_untouched() && u.margins_untouched() && p.margins_untouched());
  });
}

TYPED_TEST(Decompositions, LuFactorAndItsPermutation) {
  auto a = this->batch({3, 3}, Layout::gaps), factors = this->batch({3, 3}, Layout::reversed);
  Batch<std::int32_t> pivots(DType::i32, {3}, Layout::gaps);
  a.randomise(2);
  EXPECT_EQ(lu_factor(a.in(), factors.out(), pivots.out()), 0);
  Batch<std::int64_t> wide(DType::i64, {3}, Layout::row_major),
      order(DType::i64, {3}, Layout::reversed);
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t i = 0; i < 3; ++i) wide.set({b, i}, pivots.at(b)(i, 0));
  }
  pivots_to_permutation(wide.in(), order.out(), true);
  for (std::int64_t b = 0; b < 2; ++b) {
    Matrix l = identity(3), u(3, 3), permuted(3, 3);
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < 3; ++j) {
        (j < i ? l : u)(i, j) = factors.at(b)(i, j);
        permuted(i, j) = a.at(b)(std::llround(order.at(b)(i, 0).real()), j);
      }
    }
    expect_near(l * u, permuted, this->tolerance);
  }
}

TYPED_TEST(Decompositions, QrMultipliesToA) {
  this->for_layouts([&](Layout layout) {
    for (const auto& [m, n] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{4, 4}, {5, 3}, {3, 5}, {1, 2}}) {
      const std::int64_t k = std::min(m, n);
      for (const bool full : {true, false}) {
        for (const bool pivoting : {true, false}) {
          auto a = this->batch({m, n}, layout), q = this->batch({m, full ? m : k}, layout);
          auto r = this->batch({full ? m : k, n}, layout);
          Batch<std::int32_t> jpvt(DType::i32, {n}, layout);
          a.randomise(static_cast<unsigned>(m + 10 * n));
          qr(a.in(), {q.out(), r.out(), {}, {}, pivoting ? jpvt.out() : View{}});
          for (std::int64_t b = 0; b < 2; ++b) {
            Matrix permuted = a.at(b);
            for (std::int64_t j = 0; pivoting && j < n; ++j) {
              for (std::int64_t i = 0; i < m; ++i) {
                permuted(i, j) = a.at(b)(i, std::llround(jpvt.at(b)(j, 0).real()));
              }
            }
            expect_near(q.at(b) * r.at(b), permuted, this->tolerance);
            expect_near(adjoint(q.at(b)) * q.at(b), identity(full ? m : k), this->tolerance);
          }
          EXPECT_TRUE(q.margins_untouched() && r.margins_untouched());
        }
      }
    }
  });
}

TYPED_TEST(Decompositions, SvdMultipliesToA) {
  this->for_layouts([&](Layout layout) {
    for (const auto& [m, n] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{4, 4}, {5, 3}, {3, 5}, {40, 3}}) {
      const std::int64_t k = std::min(m, n);
      auto a = this->batch({m, n}, layout), u = this->batch({m, k}, layout),
           vh = this->batch({k, n}, layout);
      auto s = this->reals({k}, layout), only = this->reals({k}, layout),
           again = this->reals({k}, layout);
      auto whole_u = this->batch({m, m}, layout), whole_vh = this->batch({n, n}, layout);
      a.randomise(static_cast<unsigned>(m + 7 * n));
      EXPECT_EQ(svd(a.in(), u.out(), s.out(), vh.out()), 0);
      EXPECT_EQ(svd(a.in(), {}, only.out(), {}), 0);
      EXPECT_EQ(svd(a.in(), whole_u.out(), again.out(), whole_vh.out()), 0);
      for (std::int64_t b = 0; b < 2; ++b) {
        expect_near(u.at(b) * diagonal(s.at(b)) * vh.at(b), a.at(b), 10 * this->tolerance);
        expect_near(only.at(b), s.at(b), 10 * this->tolerance);
        expect_near(again.at(b), s.at(b), 10 * this->tolerance);
        expect_near(whole_u.at(b) * adjoint(whole_u.at(b)), identity(m), this->tolerance);
        expect_near(whole_vh.at(b) * adjoint(whole_vh.at(b)), identity(n), this->tolerance);
      }
    }
  });
}

TYPED_TEST(Decompositions, PinvIsAnInverseOnTheRange) {
  this->for_layouts([&](Layout layout) {
    for (const auto& [m, n] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{3, 3}, {4, 2}, {2, 4}}) {
      auto a = this->batch({m, n}, layout), inverse = this->batch({n, m}, layout);
      a.randomise(static_cast<unsigned>(5 * m + n));
      EXPECT_EQ(pinv(a.in(), inverse.out(), false), 0);
      for (std::int64_t b = 0; b < 2; ++b) {
        expect_near(a.at(b) * inverse.at(b) * a.at(b), a.at(b), 50 * this->tolerance);
        expect_near(adjoint(a.at(b) * inverse.at(b)), a.at(b) * inverse.at(b),
                    50 * this->tolerance);
      }
    }
  });
}

TYPED_TEST(Decompositions, EigFindsEigenvectors) {
  this->for_layouts([&](Layout layout) {
    auto a = this->batch({5, 5}, layout);
    auto w = this->complexes({5}, layout), v = this->complexes({5, 5}, layout);
    a.randomise(11);
    EXPECT_EQ(eig(a.in(), w.out(), v.out()), 0);
    for (std::int64_t b = 0; b < 2; ++b) {
      expect_near(a.at(b) * v.at(b), v.at(b) * diagonal(w.at(b)), 10 * this->tolerance);
      for (std::int64_t j = 0; j < 5; ++j) {
        double norm = 0;
        for (std::int64_t i = 0; i < 5; ++i) norm += std::norm(v.at(b)(i, j));
        EXPECT_NEAR(norm, 1, 10 * this->tolerance);
      }
    }
  });
}

TYPED_TEST(Decompositions, GeneralizedEigh) {
  for (const bool lower : {true, false}) {
    auto a = this->batch({4, 4}, Layout::gaps), b = this->batch({4, 4}, Layout::reversed);
    auto v = this->batch({4, 4}, Layout::column_major),
         half = this->batch({4, 4}, Layout::row_major);
    auto w = this->reals({4}, Layout::gaps);
    half.randomise(3, 3);
    a.randomise(4);
    Matrix whole[2] = {Matrix(4, 4), Matrix(4, 4)};
    for (std::int64_t k = 0; k < 2; ++k) {
      const Matrix positive = half.at(k) * adjoint(half.at(k)), any = a.at(k) + adjoint(a.at(k));
      whole[k] = any;
      for (std::int64_t i = 0; i < 4; ++i) {
        for (std::int64_t j = 0; j < 4; ++j) {
          const bool read = lower ? j <= i : j >= i;  // the other triangle is anything
          a.set({k, i, j}, read ? any(i, j) : 99);
          b.set({k, i, j}, read ? positive(i, j) : 99);
        }
      }
    }
    EXPECT_EQ(eigh_generalized(a.in(), b.in(), lower, w.out(), v.out()), 0);
    for (std::int64_t k = 0; k < 2; ++k) {
      const Matrix positive = half.at(k) * adjoint(half.at(k));
      expect_near(whole[k] * v.at(k), positive * v.at(k) * diagonal(w.at(k)),
                  200 * this->tolerance);
      expect_near(adjoint(v.at(k)) * positive * v.at(k), identity(4), 50 * this->tolerance);
    }
  }
}

double leading_quotient(EigenvalueOrder order, std::complex<double> z) {
  switch (order) {
    case EigenvalueOrder::lhp:
      return z.real() < 0;
    case EigenvalueOrder::rhp:
      return z.real() >= 0;
    case EigenvalueOrder::iuc:
      return std::abs(z) <= 1;
    default:
      return std::abs(z) > 1;
  }
}

constexpr EigenvalueOrder kOrders[] = {EigenvalueOrder::none, EigenvalueOrder::lhp,
                                       EigenvalueOrder::rhp, EigenvalueOrder::iuc,
                                       EigenvalueOrder::ouc};

TYPED_TEST(Decompositions, SchurMultipliesToAInOrder) {
  for (const EigenvalueOrder order : kOrders) {
    this->for_layouts([&](Layout layout) {
      auto a = this->batch({5, 5}, layout), t = this->batch({5, 5}, layout),
           z = this->batch({5, 5}, layout);
      auto w = this->complexes({5}, layout), v = this->complexes({5, 5}, layout);
      a.randomise(21);
      EXPECT_EQ(schur(a.in(), t.out(), z.out(), order), 0);
      EXPECT_EQ(eig(t.in(), w.out(), v.out()), 0);  // of a Schur form: in the order of its diagonal
      for (std::int64_t b = 0; b < 2; ++b) {
        expect_near(z.at(b) * t.at(b) * adjoint(z.at(b)), a.at(b), 10 * this->tolerance);
        expect_near(z.at(b) * adjoint(z.at(b)), identity(5), this->tolerance);
        if (order == EigenvalueOrder::none) continue;
        for (std::int64_t i = 0; i + 1 < 5; ++i) {
          EXPECT_GE(leading_quotient(order, w.at(b)(i, 0)),
                    leading_quotient(order, w.at(b)(i + 1, 0)));
        }
      }
    });
  }
}

TYPED_TEST(Decompositions, QzMultipliesToBothInOrder) {
  for (const EigenvalueOrder order : kOrders) {
    auto a = this->batch({4, 4}, Layout::gaps), b = this->batch({4, 4}, Layout::reversed);
    auto s = this->batch({4, 4}, Layout::gaps), t = this->batch({4, 4}, Layout::column_major);
    auto q = this->batch({4, 4}, Layout::permuted), z = this->batch({4, 4}, Layout::row_major);
    auto alpha = this->complexes({4}, Layout::reversed);
    auto beta = this->batch({4}, Layout::gaps);
    a.randomise(31);
    b.randomise(32);
    EXPECT_EQ(
        qz(a.in(), b.in(), {s.out(), t.out(), alpha.out(), beta.out(), q.out(), z.out()}, order),
        0);
    for (std::int64_t k = 0; k < 2; ++k) {
      expect_near(q.at(k) * s.at(k) * adjoint(z.at(k)), a.at(k), 10 * this->tolerance);
      expect_near(q.at(k) * t.at(k) * adjoint(z.at(k)), b.at(k), 10 * this->tolerance);
      for (std::int64_t i = 0; order != EigenvalueOrder::none && i + 1 < 4; ++i) {
        EXPECT_GE(leading_quotient(order, alpha.at(k)(i, 0) / beta.at(k)(i, 0)),
                  leading_quotient(order, alpha.at(k)(i + 1, 0) / beta.at(k)(i + 1, 0)));
      }
    }
  }
}

TYPED_TEST(Decompositions, SylvesterSolves) {
  this->for_layouts([&](Layout layout) {
    auto a = this->batch({4, 4}, layout), b = this->batch({3, 3}, layout),
         c = this->batch({4, 3}, layout);
    auto x = this->batch({4, 3}, layout);
    auto t = this->batch({4, 4}, layout), z = this->batch({4, 4}, layout);
    auto r = this->batch({3, 3}, layout), w = this->batch({3, 3}, layout);
    a.randomise(41, 5);
    b.randomise(42, 5);
    c.randomise(43);
    schur(a.in(), t.out(), z.out(), EigenvalueOrder::none);
    schur(b.in(), r.out(), w.out(), EigenvalueOrder::none);
    sylvester(t.in(), r.in(), c.in(), x.out());
    for (std::int64_t k = 0; k < 2; ++k) {
      expect_near(t.at(k) * x.at(k) + x.at(k) * r.at(k), c.at(k), 50 * this->tolerance);
    }
  });
}

TYPED_TEST(Decompositions, SolveStructuredReadsItsPartOnly) {
  for (const Structure structure :
       {Structure::symmetric, Structure::hermitian, Structure::tridiagonal, Structure::banded}) {
    for (const bool lower : {true, false}) {
      this->for_layouts([&](Layout layout) {
        auto a = this->batch({5, 5}, layout), b = this->batch({5, 2}, layout),
             x = this->batch({5, 2}, layout);
        a.randomise(51, 4);
        b.randomise(52);
        Matrix whole[2] = {Matrix(5, 5), Matrix(5, 5)};
        for (std::int64_t k = 0; k < 2; ++k) {
          for (std::int64_t i = 0; i < 5; ++i) {
            for (std::int64_t j = 0; j < 5; ++j) {
              std::complex<double> value = a.at(k)(i, j);
              if (structure == Structure::tridiagonal && std::abs(i - j) > 1) value = 0;
              if (structure == Structure::banded) {
                if (i - j > 2 || j - i > 1) value = 0;
                a.set({k, i, j}, value);
              }
              if (structure == Structure::symmetric || structure == Structure::hermitian) {
                const bool swapped = lower ? j > i : j < i;
                if (swapped) value = a.at(k)(j, i);
                if (structure == Structure::hermitian && swapped) value = std::conj(value);
                if (structure == Structure::hermitian && i == j) {
                  value = value.real();
                  a.set({k, i, j}, value);
                }
              }
              whole[k](i, j) = value;
            }
          }
        }
        EXPECT_EQ(solve_structured(a.in(), b.in(), x.out(), structure, lower), 0);
        for (std::int64_t k = 0; k < 2; ++k)
          expect_near(whole[k] * x.at(k), b.at(k), 100 * this->tolerance);
      });
    }
  }
}

TYPED_TEST(Decompositions, TridiagonalFactorsSolve) {
  for (const std::int64_t n : {1, 2, 3, 6}) {
    for (const bool transposed : {true, false}) {
      const Layout layout = transposed ? Layout::gaps : Layout::reversed;
      auto dl = this->batch({n - 1}, layout), d = this->batch({n}, layout),
           du = this->batch({n - 1}, layout);
      auto l = this->batch({n - 1}, layout), p = this->batch({n}, layout),
           u = this->batch({n - 1}, layout);
      auto u2 = this->batch({std::max<std::int64_t>(n - 2, 0)}, layout);
      Batch<std::int32_t> pivots(DType::i32, {n}, layout);
      auto b = this->batch({n, 2}, layout), x = this->batch({n, 2}, layout);
      dl.randomise(61);
      d.randomise(62);
      du.randomise(63);
      b.randomise(64);
      lu_factor_tridiagonal(dl.in(), d.in(), du.in(),
                            {l.out(), p.out(), u.out(), u2.out(), pivots.out()});
      solve_tridiagonal({l.in(), p.in(), u.in(), u2.in(), pivots.in()}, b.in(), x.out(),
                        transposed);
      for (std::int64_t k = 0; k < 2; ++k) {
        Matrix a(n, n);
        for (std::int64_t i = 0; i < n; ++i) {
          a(i, i) = d.at(k)(i, 0);
          if (i + 1 == n) continue;
          a(transposed ? i : i + 1, transposed ? i + 1 : i) = dl.at(k)(i, 0);
          a(transposed ? i + 1 : i, transposed ? i : i + 1) = du.at(k)(i, 0);
        }
        expect_near(a * x.at(k), b.at(k), 100 * this->tolerance);
      }
    }
  }
}

TYPED_TEST(Decompositions, PivotsOfATridiagonalMatrixAreItsRows) {
  constexpr std::int64_t n = 3;
  for (const bool transposed : {true, false}) {
    for (const auto& [row, pivot] :
         {std::pair(0, 0), {0, 3}, {0, -5}, {1, 1}, {2, 4}, {1, 1 << 30}}) {
      auto l = this->batch({n - 1}, Layout::gaps), d = this->batch({n}, Layout::gaps),
           u = this->batch({n - 1}, Layout::gaps), u2 = this->batch({n - 2}, Layout::gaps),
           b = this->batch({n, 1}, Layout::gaps), x = this->batch({n, 1}, Layout::gaps);
      for (auto* values : {&l, &d, &u, &u2, &b}) values->randomise(65);
      Batch<std::int32_t> pivots(DType::i32, {n}, Layout::gaps);
      for (std::int32_t i = 0; i < n; ++i) {
        for (std::int64_t k = 0; k < 2; ++k) pivots.set({k, i}, i + 1);
      }
      pivots.set({1, row}, pivot);
      EXPECT_THROW(solve_tridiagonal({l.in(), d.in(), u.in(), u2.in(), pivots.in()}, b.in(),
                                     x.out(), transposed),
                   gemmule::IndexError)
          << row << " " << pivot;
    }
  }
}

TYPED_TEST(Decompositions, ExpmSumsItsSeries) {
  for (const double scale : {0.01, 0.2, 1.0, 2.5, 6.0}) {
    auto a = this->batch({4, 4}, Layout::reversed), e = this->batch({4, 4}, Layout::gaps);
    a.randomise(71);
    for (std::int64_t k = 0; k < 2; ++k) {
      const Matrix x = a.at(k);
      for (std::int64_t i = 0; i < 4; ++i) {
        for (std::int64_t j = 0; j < 4; ++j) a.set({k, i, j}, scale * x(i, j));
      }
    }
    expm(a.in(), e.out());
    for (std::int64_t k = 0; k < 2; ++k) {
      // (the series of A / 2^10)^(2^10)
      Matrix small = a.at(k), sum = identity(4), term = identity(4);
      for (auto& x : small.elements) x /= 1024;
      for (int i = 1; i < 12; ++i) {
        term = term * small;
        for (auto& x : term.elements) x /= i;
        sum = sum + term;
      }
      for (int i = 0; i < 10; ++i) sum = sum * sum;
      double size = 1;
      for (const auto& x : sum.elements) size = std::max(size, std::abs(x));
      expect_near(e.at(k), sum, 10 * this->tolerance * size);
    }
  }
}

// -- what has no result
// ------------------------------------------------------------------------------

View matrices(std::vector<double>& x, std::int64_t batch, std::int64_t m, std::int64_t n) {
  return {x.data(), DType::f64, {batch, m, n}, {m * n, n, 1}};
}
View vectors(std::vector<double>& x, std::int64_t batch, std::int64_t n) {
  return {x.data(), DType::f64, {batch, n}, {n, 1}};
}
bool all_nan(const double* x, std::size_t n) {
  return std::all_of(x, x + n, [](double value) { return std::isnan(value); });
}
bool none_nan(const double* x, std::size_t n) {
  return std::none_of(x, x + n, [](double value) { return std::isnan(value); });
}

TEST(WithoutResult, IsNaNInItsOwnPlace) {
  std::vector<double> a{1, kNaN, 0, 1, 1, 2, 0, 1}, x(8), y(8), s(4);
  EXPECT_EQ(svd(matrices(a, 2, 2, 2), matrices(x, 2, 2, 2), vectors(s, 2, 2), matrices(y, 2, 2, 2)),
            1);
  EXPECT_TRUE(all_nan(x.data(), 4) && all_nan(y.data(), 4) && all_nan(s.data(), 2));
  EXPECT_TRUE(none_nan(x.data() + 4, 4) && none_nan(y.data() + 4, 4) && none_nan(s.data() + 2, 2));

  EXPECT_EQ(pinv(matrices(a, 2, 2, 2), matrices(x, 2, 2, 2), false), 1);
  EXPECT_TRUE(all_nan(x.data(), 4) && none_nan(x.data() + 4, 4));
  EXPECT_EQ(schur(matrices(a, 2, 2, 2), matrices(x, 2, 2, 2), matrices(y, 2, 2, 2),
                  EigenvalueOrder::none),
            1);
  EXPECT_TRUE(all_nan(x.data(), 4) && none_nan(x.data() + 4, 4));
  expm(matrices(a, 2, 2, 2), matrices(x, 2, 2, 2));
  EXPECT_TRUE(all_nan(x.data(), 4) && none_nan(x.data() + 4, 4));
  EXPECT_EQ(lu(matrices(a, 2, 2, 2), {}, matrices(x, 2, 2, 2), matrices(y, 2, 2, 2)), 1);
  EXPECT_TRUE(none_nan(x.data() + 4, 4) && none_nan(y.data() + 4, 4));
  std::vector<std::complex<double>> w(4), v(8);
  EXPECT_EQ(eig(matrices(a, 2, 2, 2), {w.data(), DType::c128, {2, 2}, {2, 1}},
                {v.data(), DType::c128, {2, 2, 2}, {4, 2, 1}}),
            1);
  EXPECT_TRUE(std::isnan(w[0].real()) && w[2] == 1.0);
}

TEST(WithoutResult, SingularMatrices) {
  for (const Structure structure :
       {Structure::symmetric, Structure::hermitian, Structure::tridiagonal, Structure::banded}) {
    std::vector<double> a{1, 1, 1, 1, 2, 0, 0, 2}, b{1, 2, 2, 4}, x(4);
    EXPECT_EQ(solve_structured(matrices(a, 2, 2, 2), matrices(b, 2, 2, 1), matrices(x, 2, 2, 1),
                               structure, true),
              1);
    EXPECT_TRUE(all_nan(x.data(), 2));
    EXPECT_EQ(x[2], 1);
    EXPECT_EQ(x[3], 2);
  }
  std::vector<double> a{0, 0, 0, 0}, factors(4);
  std::vector<std::int32_t> pivots(2);
  EXPECT_EQ(lu_factor(matrices(a, 1, 2, 2), matrices(factors, 1, 2, 2),
                      {pivots.data(), DType::i32, {1, 2}, {2, 1}}),
            1);
  EXPECT_TRUE(all_nan(factors.data(), 4));
  std::vector<double> one{1, 0, 0, 1}, negative{-1, 0, 0, -1}, w(2), v(4);
  EXPECT_EQ(eigh_generalized(matrices(one, 1, 2, 2), matrices(negative, 1, 2, 2), true,
                             vectors(w, 1, 2), matrices(v, 1, 2, 2)),
            1);
  EXPECT_TRUE(all_nan(w.data(), 2) && all_nan(v.data(), 4));
}

TEST(Pinv, CutsSmallSingularValues) {
  std::vector<double> a{1, 2, 2, 4}, x(4);
  for (const bool hermitian : {true, false}) {
    EXPECT_EQ(pinv(matrices(a, 1, 2, 2), matrices(x, 1, 2, 2), hermitian), 0);
    for (int i = 0; i < 4; ++i) EXPECT_NEAR(x[i], a[i] / 25, 1e-15);
  }
}

TEST(Lstsq, GivesTheLeastSquares) {
  std::vector<double> a{1, 0, 1, 1, 1, 2}, b{1, 2, 2}, x(2), residuals(1), s(2), cutoff{-1};
  std::int32_t rank = 0;
  std::int64_t count = 0;
  const auto matrix = [](std::vector<double>& v, std::int64_t m, std::int64_t n) {
    return View{v.data(), DType::f64, {m, n}, {n, 1}};
  };
  const auto vector = [](std::vector<double>& v) {
    return View{v.data(), DType::f64, {static_cast<std::int64_t>(v.size())}, {1}};
  };
  const LeastSquares results{matrix(x, 2, 1),
                             vector(residuals),
                             {&rank, DType::i32, {}, {}},
                             vector(s),
                             {&count, DType::i64, {}, {}}};
  const View rcond{cutoff.data(), DType::f64, {}, {}};
  EXPECT_EQ(lstsq(matrix(a, 3, 2), matrix(b, 3, 1), rcond, results), 0);
  EXPECT_NEAR(x[0], 7.0 / 6, 1e-14);  // the line 7/6 + t/2 through (0, 1), (1, 2), (2, 2)
  EXPECT_NEAR(x[1], 0.5, 1e-14);
  EXPECT_NEAR(residuals[0], 1.0 / 6, 1e-14);
  EXPECT_EQ(rank, 2);
  EXPECT_EQ(count, 1);
  a = {1, 1, 1, 1, 1, 1};
  EXPECT_EQ(lstsq(matrix(a, 3, 2), matrix(b, 3, 1), rcond, results), 0);
  EXPECT_EQ(rank, 1);
  EXPECT_EQ(count, 0);
  EXPECT_NEAR(x[0], 5.0 / 6, 1e-14);  // of least norm
  EXPECT_NEAR(x[1], 5.0 / 6, 1e-14);
  a[0] = kNaN;
  EXPECT_EQ(lstsq(matrix(a, 3, 2), matrix(b, 3, 1), rcond, results), 1);
  EXPECT_TRUE(all_nan(x.data(), 2));
}

TEST(PivotsToPermutation, OfNegativeAndWrongPivots) {
  std::vector<std::int64_t> pivots{-1, 1, 2}, order(3);
  const View in{pivots.data(), DType::i64, {3}, {1}}, out{order.data(), DType::i64, {3}, {1}};
  pivots_to_permutation(in, out, true);
  EXPECT_EQ(order, (std::vector<std::int64_t>{2, 1, 0}));
  pivots = {1, 2, 2};
  pivots_to_permutation(in, out, true);
  EXPECT_EQ(order, (std::vector<std::int64_t>{1, 2, 0}));
  pivots_to_permutation(in, out, false);
  EXPECT_EQ(order, (std::vector<std::int64_t>{2, 0, 1}));
  pivots[0] = 3;
  EXPECT_THAT([&] { pivots_to_permutation(in, out, true); },
              ThrowsMessage<gemmule::IndexError>(HasSubstr("pivot 3 is out of bounds for 3 rows")));
}

TEST(DecompositionNames, ThatAreUnknown) {
  EXPECT_THAT([] { parse_structure("any"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("\"any\"")));
  EXPECT_THAT([] { parse_eigenvalue_order("up"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("\"up\"")));
}

TEST(DecompositionNames, RejectOtherDtypes) {
  std::vector<std::int32_t> x(4);
  const View a{x.data(), DType::i32, {2, 2}, {2, 1}};
  EXPECT_THAT([&] { expm(a, a); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("[expm] operands are int32")));
}

}  // namespace
}  // namespace gemmule::kernels
