#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "kernels/column_major.h"
#include "kernels/decompositions.h"
#include "kernels/lapack_routines.h"

namespace gemmule::kernels {
namespace {

// The solvers below leave X in `x`, which holds B, may overwrite `a`, and say whether A is regular.

template <class T>
bool solve_symmetric(int m, int n, const ColumnMajor<T>& a, const ColumnMajor<T>& x, int* pivots,
                     bool hermitian, bool lower) {
  const auto solver = [&](T* work, int size) {
    return hermitian ? blas::hesv(uplo_letter(lower), m, n, a.data(), pivots, x.data(), work, size)
                     : blas::sysv(uplo_letter(lower), m, n, a.data(), pivots, x.data(), work, size);
  };
  T best(0);
  solver(&best, -1);
  const Array<T> work(work_size(best));
  return solver(work.data(), work_size(best)) == 0;
}

template <class T>
bool solve_tridiagonal(int m, int n, const ColumnMajor<T>& a, const ColumnMajor<T>& x,
                       int* pivots) {
  const Array<T> dl(m), d(m), du(m), du2(m);
  for (int i = 0; i < m; ++i) {
    d[i] = a(i, i);
    if (i + 1 < m) {
      dl[i] = a(i + 1, i);
      du[i] = a(i, i + 1);
    }
  }
  return blas::gttrf(m, dl.data(), d.data(), du.data(), du2.data(), pivots) == 0 &&
         blas::gttrs('N', m, n, dl.data(), d.data(), du.data(), du2.data(), pivots, x.data()) == 0;
}

template <class T>
bool solve_banded(int m, int n, const ColumnMajor<T>& a, const ColumnMajor<T>& x, int* pivots) {
  int kl = 0, ku = 0;
  for (int j = 0; j < m; ++j) {
    for (int i = 0; i < m; ++i) {
      if (a(i, j) == T(0)) continue;  // NaN is not 0
      kl = std::max(kl, i - j);
      ku = std::max(ku, j - i);
    }
  }
  const ColumnMajor<T> bands(2 * kl + ku + 1, m);
  bands.fill(T(0));
  for (int j = 0; j < m; ++j) {
    for (int i = std::max(0, j - ku); i < std::min(m, j + kl + 1); ++i) {
      bands(kl + ku + i - j, j) = a(i, j);
    }
  }
  return blas::gbsv(m, kl, ku, n, bands.data(), pivots, x.data()) == 0;
}

}  // namespace

Structure parse_structure(std::string_view name) {
  if (name == "sym") return Structure::symmetric;
  if (name == "her") return Structure::hermitian;
  if (name == "tridiagonal") return Structure::tridiagonal;
  if (name == "banded") return Structure::banded;
  throw std::invalid_argument("[solve_structured] unknown structure \"" + std::string(name) + "\"");
}

std::int64_t solve_structured(const ConstView& a, const ConstView& b, const View& out,
                              Structure structure, bool lower) {
  return visit_lapack("solve_structured", a.dtype, [&](auto zero) {
    using T = decltype(zero);
    const int m = static_cast<int>(check_square("solve_structured", a));
    const int n = blas_int("solve_structured", columns_of(b));
    const ColumnMajor<T> matrix(m, m), x(m, n);
    const Array<int> pivots(m);
    std::int64_t failures = 0;
    if (m == 0 || n == 0) return failures;
    for_each_in_batch<3>(batch_shape(a), {&a.strides, &b.strides, &out.strides},
                         [&](const auto& offsets) {
                           matrix.set(a, offsets[0]);
                           x.set(b, offsets[1]);
                           bool regular = false;
                           switch (structure) {
                             case Structure::symmetric:
                             case Structure::hermitian:
                               regular = solve_symmetric(m, n, matrix, x, pivots.data(),
                                                         structure == Structure::hermitian, lower);
                               break;
                             case Structure::tridiagonal:
                               regular = solve_tridiagonal(m, n, matrix, x, pivots.data());
                               break;
                             case Structure::banded:
                               regular = solve_banded(m, n, matrix, x, pivots.data());
                               break;
                           }
                           if (!regular) {
                             ++failures;
                             x.fill(kNaN<T>);
                           }
                           x.get(out, offsets[2]);
                         });
    return failures;
  });
}

}  // namespace gemmule::kernels
