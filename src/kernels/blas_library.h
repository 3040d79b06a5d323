// The BLAS and LAPACK routines that the kernels call, overloaded by element type: the one place
// that knows how the library spells them.
//
//   Apple    Accelerate, compiled with GEMMULE_ACCELERATE and ACCELERATE_NEW_LAPACK
//   others   OpenBLAS; its symbols carry GEMMULE_BLAS_PREFIX, `scipy_` in the scipy-openblas32
//   wheel,
//            empty (-DGEMMULE_BLAS_PREFIX=) in most distributions. Integers are 32 bits wide.
//
// Only for .cpp files: it brings CBLAS's names into the global namespace.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>

#include "kernels/blas_threads.h"

#ifdef GEMMULE_ACCELERATE

#ifndef ACCELERATE_NEW_LAPACK
#error "compile with -DACCELERATE_NEW_LAPACK"
#endif
#include <Accelerate/Accelerate.h>
#define GEMMULE_CBLAS(name) cblas_##name
#define GEMMULE_LAPACK(name) name##_
#define GEMMULE_STRING_LENGTHS(...)

#else

#ifndef GEMMULE_BLAS_PREFIX
#define GEMMULE_BLAS_PREFIX scipy_
#endif
#define GEMMULE_PASTE_EXPANDED(prefix, name) prefix##name
#define GEMMULE_PASTE(prefix, name) GEMMULE_PASTE_EXPANDED(prefix, name)
#define GEMMULE_CBLAS(name) GEMMULE_PASTE(GEMMULE_BLAS_PREFIX, cblas_##name)
#define GEMMULE_LAPACK(name) GEMMULE_PASTE(GEMMULE_BLAS_PREFIX, name##_)
#define GEMMULE_OPENBLAS_FUNCTION(name) GEMMULE_PASTE(GEMMULE_BLAS_PREFIX, openblas_##name)
// gfortran passes the length of each character argument by value, after all other arguments.
#define GEMMULE_STRING_LENGTHS(...) , __VA_ARGS__

enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112, CblasConjTrans = 113 };
enum CBLAS_UPLO { CblasUpper = 121, CblasLower = 122 };
enum CBLAS_DIAG { CblasNonUnit = 131, CblasUnit = 132 };
enum CBLAS_SIDE { CblasLeft = 141, CblasRight = 142 };

extern "C" {

void GEMMULE_OPENBLAS_FUNCTION(set_num_threads)(int count);
int GEMMULE_OPENBLAS_FUNCTION(get_num_threads)();

// p: the type's letter. T: what arrays are made of. S: how a scalar argument is passed.
// R: the type of real results. geru: the name of the unconjugated rank-1 update.
#define GEMMULE_DECLARE(p, T, S, geru)                                                             \
  void GEMMULE_CBLAS(p##gemm)(CBLAS_ORDER order, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, \
                              int m, int n, int k, S alpha, const T* a, int lda, const T* b,       \
                              int ldb, S beta, T* c, int ldc);                                     \
  void GEMMULE_CBLAS(p##gemv)(CBLAS_ORDER order, CBLAS_TRANSPOSE trans, int m, int n, S alpha,     \
                              const T* a, int lda, const T* x, int incx, S beta, T* y, int incy);  \
  void GEMMULE_CBLAS(geru)(CBLAS_ORDER order, int m, int n, S alpha, const T* x, int incx,         \
                           const T* y, int incy, T* a, int lda);                                   \
  void GEMMULE_CBLAS(p##trsm)(CBLAS_ORDER order, CBLAS_SIDE side, CBLAS_UPLO uplo,                 \
                              CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int m, int n, S alpha,       \
                              const T* a, int lda, T* b, int ldb);                                 \
  void GEMMULE_CBLAS(p##trsv)(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans,           \
                              CBLAS_DIAG diag, int n, const T* a, int lda, T* x, int incx);        \
  void GEMMULE_LAPACK(p##potrf)(const char* uplo, const int* n, T* a, const int* lda, int* info,   \
                                std::size_t);                                                      \
  void GEMMULE_LAPACK(p##getrf)(const int* m, const int* n, T* a, const int* lda, int* ipiv,       \
                                int* info);                                                        \
  void GEMMULE_LAPACK(p##getrs)(const char* trans, const int* n, const int* nrhs, const T* a,      \
                                const int* lda, const int* ipiv, T* b, const int* ldb, int* info,  \
                                std::size_t);                                                      \
  void GEMMULE_LAPACK(p##getri)(const int* n, T* a, const int* lda, const int* ipiv, T* work,      \
                                const int* lwork, int* info);
GEMMULE_DECLARE(s, float, float, sger)
GEMMULE_DECLARE(d, double, double, dger)
GEMMULE_DECLARE(c, void, const void*, cgeru)
GEMMULE_DECLARE(z, void, const void*, zgeru)
#undef GEMMULE_DECLARE

float GEMMULE_CBLAS(sdot)(int n, const float* x, int incx, const float* y, int incy);
double GEMMULE_CBLAS(ddot)(int n, const double* x, int incx, const double* y, int incy);
void GEMMULE_CBLAS(cdotu_sub)(int n, const void* x, int incx, const void* y, int incy, void* out);
void GEMMULE_CBLAS(zdotu_sub)(int n, const void* x, int incx, const void* y, int incy, void* out);

#define GEMMULE_DECLARE_SYEVR(name, R)                                                             \
  void GEMMULE_LAPACK(name)(const char* jobz, const char* range, const char* uplo, const int* n,   \
                            R* a, const int* lda, const R* vl, const R* vu, const int* il,         \
                            const int* iu, const R* abstol, int* m, R* w, R* z, const int* ldz,    \
                            int* isuppz, R* work, const int* lwork, int* iwork, const int* liwork, \
                            int* info, std::size_t, std::size_t, std::size_t);
GEMMULE_DECLARE_SYEVR(ssyevr, float)
GEMMULE_DECLARE_SYEVR(dsyevr, double)
#undef GEMMULE_DECLARE_SYEVR

#define GEMMULE_DECLARE_HEEVR(name, R)                                                             \
  void GEMMULE_LAPACK(name)(const char* jobz, const char* range, const char* uplo, const int* n,   \
                            void* a, const int* lda, const R* vl, const R* vu, const int* il,      \
                            const int* iu, const R* abstol, int* m, R* w, void* z, const int* ldz, \
                            int* isuppz, void* work, const int* lwork, R* rwork,                   \
                            const int* lrwork, int* iwork, const int* liwork, int* info,           \
                            std::size_t, std::size_t, std::size_t);
GEMMULE_DECLARE_HEEVR(cheevr, float)
GEMMULE_DECLARE_HEEVR(zheevr, double)
#undef GEMMULE_DECLARE_HEEVR

}  // extern "C"

#endif  // GEMMULE_ACCELERATE

namespace gemmule::kernels::blas {

// Converts to whatever the library's header calls a pointer to complex.
struct Pointer {
  void* address;
  explicit Pointer(const void* p) : address(const_cast<void*>(p)) {}
  template <class T>
  operator T*() const {
    return static_cast<T*>(address);
  }
};

template <class T>
struct RealOf {
  using type = T;
};
template <class R>
struct RealOf<std::complex<R>> {
  using type = R;
};
template <class T>
using Real = typename RealOf<T>::type;

#define GEMMULE_AS_IS(x) x
#define GEMMULE_BY_ADDRESS(x) Pointer(&x)

// The overloads below differ from the library's routines in four things: scalars come by value,
// `info` is returned, arguments of LAPACK that every caller here would set alike are set, and the
// library takes as many threads as the work pays for.
#define GEMMULE_DEFINE(p, T, SCALAR, ARRAY, geru)                                                 \
  inline void gemm(CBLAS_ORDER order, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, int m,    \
                   int n, int k, T alpha, const T* a, int lda, const T* b, int ldb, T beta, T* c, \
                   int ldc) {                                                                     \
    const BlasThreads threads(2.0 * m * n * k, kProductWork);                                     \
    GEMMULE_CBLAS(p##gemm)                                                                        \
    (order, trans_a, trans_b, m, n, k, SCALAR(alpha), ARRAY(a), lda, ARRAY(b), ldb, SCALAR(beta), \
     ARRAY(c), ldc);                                                                              \
  }                                                                                               \
  inline void gemv(CBLAS_ORDER order, CBLAS_TRANSPOSE trans, int m, int n, T alpha, const T* a,   \
                   int lda, const T* x, int incx, T beta, T* y, int incy) {                       \
    const BlasThreads threads(2.0 * m * n, kVectorWork);                                          \
    GEMMULE_CBLAS(p##gemv)                                                                        \
    (order, trans, m, n, SCALAR(alpha), ARRAY(a), lda, ARRAY(x), incx, SCALAR(beta), ARRAY(y),    \
     incy);                                                                                       \
  }                                                                                               \
  inline void ger(CBLAS_ORDER order, int m, int n, T alpha, const T* x, int incx, const T* y,     \
                  int incy, T* a, int lda) {                                                      \
    const BlasThreads threads(2.0 * m * n, kVectorWork);                                          \
    GEMMULE_CBLAS(geru)                                                                           \
    (order, m, n, SCALAR(alpha), ARRAY(x), incx, ARRAY(y), incy, ARRAY(a), lda);                  \
  }                                                                                               \
  inline void trsm(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag,    \
                   int m, int n, const T* a, int lda, T* b, int ldb) {                            \
    const BlasThreads threads(1.0 * m * m * n, kSolveWork);                                       \
    const T one(1);                                                                               \
    GEMMULE_CBLAS(p##trsm)                                                                        \
    (order, CblasLeft, uplo, trans, diag, m, n, SCALAR(one), ARRAY(a), lda, ARRAY(b), ldb);       \
  }                                                                                               \
  inline void trsv(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag,    \
                   int n, const T* a, int lda, T* x, int incx) {                                  \
    const BlasThreads threads(1.0 * n * n, kVectorWork);                                          \
    GEMMULE_CBLAS(p##trsv)(order, uplo, trans, diag, n, ARRAY(a), lda, ARRAY(x), incx);           \
  }                                                                                               \
  inline int potrf(char uplo, int n, T* a, int lda) {                                             \
    const BlasThreads threads(1.0 / 3 * n * n * n, kFactorisationWork);                           \
    int info = 0;                                                                                 \
    GEMMULE_LAPACK(p##potrf)(&uplo, &n, ARRAY(a), &lda, &info GEMMULE_STRING_LENGTHS(1));         \
    return info;                                                                                  \
  }                                                                                               \
  inline int getrf(int n, T* a, int lda, int* ipiv) {                                             \
    const BlasThreads threads(2.0 / 3 * n * n * n, kFactorisationWork);                           \
    int info = 0;                                                                                 \
    GEMMULE_LAPACK(p##getrf)(&n, &n, ARRAY(a), &lda, ipiv, &info);                                \
    return info;                                                                                  \
  }                                                                                               \
  inline int getrs(char trans, int n, int nrhs, const T* a, int lda, const int* ipiv, T* b,       \
                   int ldb) {                                                                     \
    const BlasThreads threads(2.0 * n * n * nrhs, kSolveWork);                                    \
    int info = 0;                                                                                 \
    GEMMULE_LAPACK(p##getrs)                                                                      \
    (&trans, &n, &nrhs, ARRAY(a), &lda, const_cast<int*>(ipiv), ARRAY(b), &ldb,                   \
     &info GEMMULE_STRING_LENGTHS(1));                                                            \
    return info;                                                                                  \
  }                                                                                               \
  inline int getri(int n, T* a, int lda, const int* ipiv, T* work, int lwork) {                   \
    const BlasThreads threads(4.0 / 3 * n * n * n, kFactorisationWork);                           \
    int info = 0;                                                                                 \
    GEMMULE_LAPACK(p##getri)                                                                      \
    (&n, ARRAY(a), &lda, const_cast<int*>(ipiv), ARRAY(work), &lwork, &info);                     \
    return info;                                                                                  \
  }

GEMMULE_DEFINE(s, float, GEMMULE_AS_IS, GEMMULE_AS_IS, sger)
GEMMULE_DEFINE(d, double, GEMMULE_AS_IS, GEMMULE_AS_IS, dger)
GEMMULE_DEFINE(c, std::complex<float>, GEMMULE_BY_ADDRESS, Pointer, cgeru)
GEMMULE_DEFINE(z, std::complex<double>, GEMMULE_BY_ADDRESS, Pointer, zgeru)
#undef GEMMULE_DEFINE
#undef GEMMULE_AS_IS
#undef GEMMULE_BY_ADDRESS

inline float dot(int n, const float* x, int incx, const float* y, int incy) {
  const BlasThreads threads(2.0 * n, kVectorWork);
  return GEMMULE_CBLAS(sdot)(n, x, incx, y, incy);
}
inline double dot(int n, const double* x, int incx, const double* y, int incy) {
  const BlasThreads threads(2.0 * n, kVectorWork);
  return GEMMULE_CBLAS(ddot)(n, x, incx, y, incy);
}
inline std::complex<float> dot(int n, const std::complex<float>* x, int incx,
                               const std::complex<float>* y, int incy) {
  const BlasThreads threads(2.0 * n, kVectorWork);
  std::complex<float> sum;
  GEMMULE_CBLAS(cdotu_sub)(n, Pointer(x), incx, Pointer(y), incy, Pointer(&sum));
  return sum;
}
inline std::complex<double> dot(int n, const std::complex<double>* x, int incx,
                                const std::complex<double>* y, int incy) {
  const BlasThreads threads(2.0 * n, kVectorWork);
  std::complex<double> sum;
  GEMMULE_CBLAS(zdotu_sub)(n, Pointer(x), incx, Pointer(y), incy, Pointer(&sum));
  return sum;
}

// All eigenvalues of a Hermitian matrix, ascending in w; jobz 'V': eigenvectors in the columns of
// z, 'N': none. isuppz: 2n integers. lwork = -1 asks for sizes, which come back in work[0],
// rwork[0], iwork[0]. Real types use no rwork.
#define GEMMULE_DEFINE_SYEVR(name, R)                                                            \
  inline int heevr(char jobz, char uplo, int n, R* a, int lda, R* w, R* z, int ldz, int* isuppz, \
                   R* work, int lwork, R*, int, int* iwork, int liwork) {                        \
    const BlasThreads threads(4.0 * n * n * n, kFactorisationWork);                              \
    const char range = 'A';                                                                      \
    const R none = 0;                                                                            \
    const int first = 1;                                                                         \
    int found = 0, info = 0;                                                                     \
    GEMMULE_LAPACK(name)                                                                         \
    (&jobz, &range, &uplo, &n, a, &lda, &none, &none, &first, &n, &none, &found, w, z, &ldz,     \
     isuppz, work, &lwork, iwork, &liwork, &info GEMMULE_STRING_LENGTHS(1, 1, 1));               \
    return info;                                                                                 \
  }
GEMMULE_DEFINE_SYEVR(ssyevr, float)
GEMMULE_DEFINE_SYEVR(dsyevr, double)
#undef GEMMULE_DEFINE_SYEVR

#define GEMMULE_DEFINE_HEEVR(name, R)                                                          \
  inline int heevr(char jobz, char uplo, int n, std::complex<R>* a, int lda, R* w,             \
                   std::complex<R>* z, int ldz, int* isuppz, std::complex<R>* work, int lwork, \
                   R* rwork, int lrwork, int* iwork, int liwork) {                             \
    const BlasThreads threads(4.0 * n * n * n, kFactorisationWork);                            \
    const char range = 'A';                                                                    \
    const R none = 0;                                                                          \
    const int first = 1;                                                                       \
    int found = 0, info = 0;                                                                   \
    GEMMULE_LAPACK(name)                                                                       \
    (&jobz, &range, &uplo, &n, Pointer(a), &lda, &none, &none, &first, &n, &none, &found, w,   \
     Pointer(z), &ldz, isuppz, Pointer(work), &lwork, rwork, &lrwork, iwork, &liwork,          \
     &info GEMMULE_STRING_LENGTHS(1, 1, 1));                                                   \
    return info;                                                                               \
  }
GEMMULE_DEFINE_HEEVR(cheevr, float)
GEMMULE_DEFINE_HEEVR(zheevr, double)
#undef GEMMULE_DEFINE_HEEVR

}  // namespace gemmule::kernels::blas
