#include "mlx/lower_test_support.h"

namespace gemmule::lower_test {
namespace {

constexpr double kTolerance = 1e-5;  // float32's
const std::vector<DType> kDTypes{DType::f32, DType::f64, DType::c64, DType::c128};

TEST(LowerLinalg, Cholesky) {
  for (const DType dtype : kDTypes) {
    const Tensor a = tensor(dtype, {2, 2}, {4, 2, 2, 10});
    expect(Op::cholesky, {{a}}, {{"lower", true}}, {tensor(dtype, {2, 2}, {2, 0, 1, 3})},
           kTolerance);
    expect(Op::cholesky, {{a}}, {{"lower", false}}, {tensor(dtype, {2, 2}, {2, 1, 0, 3})},
           kTolerance);
    expect(Op::cholesky, {{Tensor::zeros(dtype, {0, 0})}}, {{"lower", true}},
           {Tensor::zeros(dtype, {0, 0})});
  }
  const Complex i(0, 1);
  expect(Op::cholesky, {{tensor<Complex>(DType::c128, {2, 2}, {4., -2. * i, 2. * i, 10.})}},
         {{"lower", true}}, {tensor<Complex>(DType::c128, {2, 2}, {2., 0., i, 3.})}, kTolerance);
}

TEST(LowerLinalg, CholeskyOfWhatIsNotPositiveDefiniteIsNaN) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor a = tensor(dtype, {2, 2, 2}, {1, 2, 2, 1, 4, 2, 2, 10});
    const Tensor expected = tensor(dtype, {2, 2, 2}, {kNaN, kNaN, kNaN, kNaN, 2, 0, 1, 3});
    expect(Op::cholesky, {{a}}, {{"lower", true}}, {expected}, kTolerance);
  }
  // The lowering for CUDA gives the same.
  const OneNode test(Op::cholesky, {{tensor(DType::f32, {2, 2, 2}, {1, 2, 2, 1, 4, 2, 2, 10})}},
                     {{"lower", true}});
  expect_same(test.run_as_on_gpu()[0],
              tensor(DType::f32, {2, 2, 2}, {kNaN, kNaN, kNaN, kNaN, 2, 0, 1, 3}), kTolerance,
              "cholesky");
}

TEST(LowerLinalg, SolveTriangular) {
  for (const DType dtype : kDTypes) {
    const Tensor a = tensor(dtype, {2, 2}, {2, 99, 1, 4}), b = tensor(dtype, {2, 1}, {4, 10});
    expect(Op::solve_triangular, {{a}, {b}}, {{"lower", true}}, {tensor(dtype, {2, 1}, {2, 2})},
           kTolerance);
    expect(Op::solve_triangular, {{a}, {b}}, {{"lower", true}, {"trans", std::int64_t{1}}},
           {tensor(dtype, {2, 1}, {0.75, 2.5})}, kTolerance);
    expect(Op::solve_triangular, {{a}, {b}}, {{"lower", true}, {"unit_diagonal", true}},
           {tensor(dtype, {2, 1}, {4, 6})}, kTolerance);
  }
}

TEST(LowerLinalg, SolveInvSlogdet) {
  for (const DType dtype : kDTypes) {
    const Tensor a = tensor(dtype, {2, 2}, {0, 2, 4, 0});
    expect(Op::solve, {{a}, {tensor(dtype, {2, 2}, {2, 4, 8, 12})}}, {},
           {tensor(dtype, {2, 2}, {2, 3, 1, 2})}, kTolerance);
    expect(Op::inv, {{a}}, {}, {tensor(dtype, {2, 2}, {0, 0.25, 0.5, 0})}, kTolerance);
    expect(Op::slogdet, {{a}}, {},
           {tensor(dtype, {}, {-1}), tensor(real_part(dtype), {}, {std::log(8.)})}, kTolerance);
    expect(Op::slogdet, {{Tensor::zeros(dtype, {3, 0, 0})}}, {},
           {tensor(dtype, {3}, {1, 1, 1}), Tensor::zeros(real_part(dtype), {3})});
    expect(Op::inv, {{Tensor::zeros(dtype, {1, 1})}}, {}, {tensor(dtype, {1, 1}, {kNaN})});
  }
}

TEST(LowerLinalg, Eigh) {
  for (const DType dtype : kDTypes) {
    const OneNode test(Op::eigh, {{tensor(dtype, {2, 2, 2}, {2, 1, 1, 2, 3, 0, 0, 1})}},
                       {{"lower", true}});
    const std::vector<Tensor> results = test.run();
    expect_same(results[0], tensor(real_part(dtype), {2, 2}, {1, 3, 1, 3}), kTolerance,
                "eigenvalues");
    EXPECT_EQ(results[1].shape, (Sizes{2, 2, 2}));
    EXPECT_EQ(results[1].dtype, dtype);
  }
}

}  // namespace
}  // namespace gemmule::lower_test
