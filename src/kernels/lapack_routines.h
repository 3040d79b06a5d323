// The LAPACK routines behind decompositions.h, overloaded by element type; blas_library.h has the
// others and says how libraries differ.
//
// Matrices are dense and column-major: the leading dimension is the number of rows. lwork = -1 asks
// for sizes, which come back in work[0] (and iwork[0]).
//
// Only for .cpp files.
#pragma once

#include <algorithm>
#include <complex>

#include "kernels/blas_library.h"

#ifndef GEMMULE_ACCELERATE

extern "C" {

// p: the type's letter. orgqr: what the type calls it (ungqr for complex types).
#define GEMMULE_DECLARE(p, orgqr)                                                                 \
  void GEMMULE_LAPACK(p##geqrf)(const int* m, const int* n, void* a, const int* lda, void* tau,   \
                                void* work, const int* lwork, int* info);                         \
  void GEMMULE_LAPACK(orgqr)(const int* m, const int* n, const int* k, void* a, const int* lda,   \
                             const void* tau, void* work, const int* lwork, int* info);           \
  void GEMMULE_LAPACK(p##sysv)(const char* uplo, const int* n, const int* nrhs, void* a,          \
                               const int* lda, int* ipiv, void* b, const int* ldb, void* work,    \
                               const int* lwork, int* info, std::size_t);                         \
  void GEMMULE_LAPACK(p##gbsv)(const int* n, const int* kl, const int* ku, const int* nrhs,       \
                               void* ab, const int* ldab, int* ipiv, void* b, const int* ldb,     \
                               int* info);                                                        \
  void GEMMULE_LAPACK(p##gttrf)(const int* n, void* dl, void* d, void* du, void* du2, int* ipiv,  \
                                int* info);                                                       \
  void GEMMULE_LAPACK(p##gttrs)(const char* trans, const int* n, const int* nrhs, const void* dl, \
                                const void* d, const void* du, const void* du2, const int* ipiv,  \
                                void* b, const int* ldb, int* info, std::size_t);                 \
  void GEMMULE_LAPACK(p##trsyl)(const char* trana, const char* tranb, const int* isgn,            \
                                const int* m, const int* n, const void* a, const int* lda,        \
                                const void* b, const int* ldb, void* c, const int* ldc,           \
                                void* scale, int* info, std::size_t, std::size_t);
GEMMULE_DECLARE(s, sorgqr)
GEMMULE_DECLARE(d, dorgqr)
GEMMULE_DECLARE(c, cungqr)
GEMMULE_DECLARE(z, zungqr)
#undef GEMMULE_DECLARE

// Routines with other arguments for real types ...
#define GEMMULE_DECLARE(p)                                                                         \
  void GEMMULE_LAPACK(p##geqp3)(const int* m, const int* n, void* a, const int* lda, int* jpvt,    \
                                void* tau, void* work, const int* lwork, int* info);               \
  void GEMMULE_LAPACK(p##gesdd)(const char* jobz, const int* m, const int* n, void* a,             \
                                const int* lda, void* s, void* u, const int* ldu, void* vt,        \
                                const int* ldvt, void* work, const int* lwork, int* iwork,         \
                                int* info, std::size_t);                                           \
  void GEMMULE_LAPACK(p##geev)(const char* jobvl, const char* jobvr, const int* n, void* a,        \
                               const int* lda, void* wr, void* wi, void* vl, const int* ldvl,      \
                               void* vr, const int* ldvr, void* work, const int* lwork, int* info, \
                               std::size_t, std::size_t);                                          \
  void GEMMULE_LAPACK(p##sygvd)(const int* itype, const char* jobz, const char* uplo,              \
                                const int* n, void* a, const int* lda, void* b, const int* ldb,    \
                                void* w, void* work, const int* lwork, int* iwork,                 \
                                const int* liwork, int* info, std::size_t, std::size_t);           \
  void GEMMULE_LAPACK(p##gees)(const char* jobvs, const char* sort, void (*select)(),              \
                               const int* n, void* a, const int* lda, int* sdim, void* wr,         \
                               void* wi, void* vs, const int* ldvs, void* work, const int* lwork,  \
                               int* bwork, int* info, std::size_t, std::size_t);                   \
  void GEMMULE_LAPACK(p##gges)(                                                                    \
      const char* jobvsl, const char* jobvsr, const char* sort, void (*selctg)(), const int* n,    \
      void* a, const int* lda, void* b, const int* ldb, int* sdim, void* alphar, void* alphai,     \
      void* beta, void* vsl, const int* ldvsl, void* vsr, const int* ldvsr, void* work,            \
      const int* lwork, int* bwork, int* info, std::size_t, std::size_t, std::size_t);             \
  void GEMMULE_LAPACK(p##tgsen)(                                                                   \
      const int* ijob, const int* wantq, const int* wantz, const int* select, const int* n,        \
      void* a, const int* lda, void* b, const int* ldb, void* alphar, void* alphai, void* beta,    \
      void* q, const int* ldq, void* z, const int* ldz, int* m, void* pl, void* pr, void* dif,     \
      void* work, const int* lwork, int* iwork, const int* liwork, int* info);                     \
  void GEMMULE_LAPACK(p##gelsd)(const int* m, const int* n, const int* nrhs, void* a,              \
                                const int* lda, void* b, const int* ldb, void* s,                  \
                                const void* rcond, int* rank, void* work, const int* lwork,        \
                                int* iwork, int* info);
GEMMULE_DECLARE(s)
GEMMULE_DECLARE(d)
#undef GEMMULE_DECLARE

// ... and for complex ones.
#define GEMMULE_DECLARE(p)                                                                         \
  void GEMMULE_LAPACK(p##hesv)(const char* uplo, const int* n, const int* nrhs, void* a,           \
                               const int* lda, int* ipiv, void* b, const int* ldb, void* work,     \
                               const int* lwork, int* info, std::size_t);                          \
  void GEMMULE_LAPACK(p##geqp3)(const int* m, const int* n, void* a, const int* lda, int* jpvt,    \
                                void* tau, void* work, const int* lwork, void* rwork, int* info);  \
  void GEMMULE_LAPACK(p##gesdd)(const char* jobz, const int* m, const int* n, void* a,             \
                                const int* lda, void* s, void* u, const int* ldu, void* vt,        \
                                const int* ldvt, void* work, const int* lwork, void* rwork,        \
                                int* iwork, int* info, std::size_t);                               \
  void GEMMULE_LAPACK(p##geev)(const char* jobvl, const char* jobvr, const int* n, void* a,        \
                               const int* lda, void* w, void* vl, const int* ldvl, void* vr,       \
                               const int* ldvr, void* work, const int* lwork, void* rwork,         \
                               int* info, std::size_t, std::size_t);                               \
  void GEMMULE_LAPACK(p##hegvd)(                                                                   \
      const int* itype, const char* jobz, const char* uplo, const int* n, void* a, const int* lda, \
      void* b, const int* ldb, void* w, void* work, const int* lwork, void* rwork,                 \
      const int* lrwork, int* iwork, const int* liwork, int* info, std::size_t, std::size_t);      \
  void GEMMULE_LAPACK(p##gees)(const char* jobvs, const char* sort, void (*select)(),              \
                               const int* n, void* a, const int* lda, int* sdim, void* w,          \
                               void* vs, const int* ldvs, void* work, const int* lwork,            \
                               void* rwork, int* bwork, int* info, std::size_t, std::size_t);      \
  void GEMMULE_LAPACK(p##gges)(                                                                    \
      const char* jobvsl, const char* jobvsr, const char* sort, void (*selctg)(), const int* n,    \
      void* a, const int* lda, void* b, const int* ldb, int* sdim, void* alpha, void* beta,        \
      void* vsl, const int* ldvsl, void* vsr, const int* ldvsr, void* work, const int* lwork,      \
      void* rwork, int* bwork, int* info, std::size_t, std::size_t, std::size_t);                  \
  void GEMMULE_LAPACK(p##tgsen)(                                                                   \
      const int* ijob, const int* wantq, const int* wantz, const int* select, const int* n,        \
      void* a, const int* lda, void* b, const int* ldb, void* alpha, void* beta, void* q,          \
      const int* ldq, void* z, const int* ldz, int* m, void* pl, void* pr, void* dif, void* work,  \
      const int* lwork, int* iwork, const int* liwork, int* info);                                 \
  void GEMMULE_LAPACK(p##gelsd)(const int* m, const int* n, const int* nrhs, void* a,              \
                                const int* lda, void* b, const int* ldb, void* s,                  \
                                const void* rcond, int* rank, void* work, const int* lwork,        \
                                void* rwork, int* iwork, int* info);
GEMMULE_DECLARE(c)
GEMMULE_DECLARE(z)
#undef GEMMULE_DECLARE

}  // extern "C"

#endif  // GEMMULE_ACCELERATE

namespace gemmule::kernels::blas {

// Converts to the type in which the library's header wants the function.
struct Selector {
  void (*function)();
  template <class F>
  operator F*() const {
    return reinterpret_cast<F*>(function);
  }
};

inline int leading(int rows) { return std::max(1, rows); }

#define GEMMULE_DEFINE(p, T, orgqr)                                                              \
  inline int geqrf(int m, int n, T* a, T* tau, T* work, int lwork) {                             \
    const BlasThreads threads(2.0 * m * n * std::min(m, n), kFactorisationWork);                 \
    const int lda = leading(m);                                                                  \
    int info = 0;                                                                                \
    GEMMULE_LAPACK(p##geqrf)                                                                     \
    (&m, &n, Pointer(a), &lda, Pointer(tau), Pointer(work), &lwork, &info);                      \
    return info;                                                                                 \
  }                                                                                              \
  inline int ungqr(int m, int n, int k, T* a, const T* tau, T* work, int lwork) {                \
    const BlasThreads threads(2.0 * m * n * k, kFactorisationWork);                              \
    const int lda = leading(m);                                                                  \
    int info = 0;                                                                                \
    GEMMULE_LAPACK(orgqr)                                                                        \
    (&m, &n, &k, Pointer(a), &lda, Pointer(tau), Pointer(work), &lwork, &info);                  \
    return info;                                                                                 \
  }                                                                                              \
  inline int sysv(char uplo, int n, int nrhs, T* a, int* ipiv, T* b, T* work, int lwork) {       \
    const BlasThreads threads(1.0 / 3 * n * n * n + 2.0 * n * n * nrhs, kFactorisationWork);     \
    const int ld = leading(n);                                                                   \
    int info = 0;                                                                                \
    GEMMULE_LAPACK(p##sysv)                                                                      \
    (&uplo, &n, &nrhs, Pointer(a), &ld, ipiv, Pointer(b), &ld, Pointer(work), &lwork,            \
     &info GEMMULE_STRING_LENGTHS(1));                                                           \
    return info;                                                                                 \
  }                                                                                              \
  /* ab[2*kl + ku + 1, n]: element (i, j) in row kl + ku + i - j; the first kl rows are work. */ \
  inline int gbsv(int n, int kl, int ku, int nrhs, T* ab, int* ipiv, T* b) {                     \
    const BlasThreads threads(2.0 * n * (kl + 1.0) * (kl + ku + 1.0), kFactorisationWork);       \
    const int ldab = 2 * kl + ku + 1, ldb = leading(n);                                          \
    int info = 0;                                                                                \
    GEMMULE_LAPACK(p##gbsv)                                                                      \
    (&n, &kl, &ku, &nrhs, Pointer(ab), &ldab, ipiv, Pointer(b), &ldb, &info);                    \
    return info;                                                                                 \
  }                                                                                              \
  inline int gttrf(int n, T* dl, T* d, T* du, T* du2, int* ipiv) {                               \
    int info = 0;                                                                                \
    GEMMULE_LAPACK(p##gttrf)                                                                     \
    (&n, Pointer(dl), Pointer(d), Pointer(du), Pointer(du2), ipiv, &info);                       \
    return info;                                                                                 \
  }                                                                                              \
  inline int gttrs(char trans, int n, int nrhs, const T* dl, const T* d, const T* du,            \
                   const T* du2, const int* ipiv, T* b) {                                        \
    const int ldb = leading(n);                                                                  \
    int info = 0;                                                                                \
    GEMMULE_LAPACK(p##gttrs)                                                                     \
    (&trans, &n, &nrhs, Pointer(dl), Pointer(d), Pointer(du), Pointer(du2),                      \
     const_cast<int*>(ipiv), Pointer(b), &ldb, &info GEMMULE_STRING_LENGTHS(1));                 \
    return info;                                                                                 \
  }                                                                                              \
  /* A X + X B = scale C, X in c. */                                                             \
  inline int trsyl(int m, int n, const T* a, const T* b, T* c, Real<T>* scale) {                 \
    const BlasThreads threads(1.0 * m * n * (m + n), kSolveWork);                                \
    const int lda = leading(m), ldb = leading(n), plus = 1;                                      \
    const char none = 'N';                                                                       \
    int info = 0;                                                                                \
    GEMMULE_LAPACK(p##trsyl)                                                                     \
    (&none, &none, &plus, &m, &n, Pointer(a), &lda, Pointer(b), &ldb, Pointer(c), &lda,          \
     Pointer(scale), &info GEMMULE_STRING_LENGTHS(1, 1));                                        \
    return info;                                                                                 \
  }
GEMMULE_DEFINE(s, float, sorgqr)
GEMMULE_DEFINE(d, double, dorgqr)
GEMMULE_DEFINE(c, std::complex<float>, cungqr)
GEMMULE_DEFINE(z, std::complex<double>, zungqr)
#undef GEMMULE_DEFINE

// One signature for real and complex types. Real types use no rwork; complex ones have eigenvalues
// in w (alpha), real ones their real parts in w and imaginary ones in wi, as R.
#define GEMMULE_DEFINE_REAL(p, R)                                                                  \
  inline int hesv(char uplo, int n, int nrhs, R* a, int* ipiv, R* b, R* work, int lwork) {         \
    return sysv(uplo, n, nrhs, a, ipiv, b, work, lwork);                                           \
  }                                                                                                \
  inline int geqp3(int m, int n, R* a, int* jpvt, R* tau, R* work, int lwork, R*) {                \
    const BlasThreads threads(2.0 * m * n * std::min(m, n), kFactorisationWork);                   \
    const int lda = leading(m);                                                                    \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##geqp3)(&m, &n, a, &lda, jpvt, tau, work, &lwork, &info);                     \
    return info;                                                                                   \
  }                                                                                                \
  inline int gesdd(char jobz, int m, int n, R* a, R* s, R* u, int ldu, R* vt, int ldvt, R* work,   \
                   int lwork, R*, int* iwork) {                                                    \
    const BlasThreads threads(8.0 * m * n * std::min(m, n), kFactorisationWork);                   \
    const int lda = leading(m);                                                                    \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##gesdd)                                                                       \
    (&jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, iwork,                           \
     &info GEMMULE_STRING_LENGTHS(1));                                                             \
    return info;                                                                                   \
  }                                                                                                \
  inline int geev(int n, R* a, R* w, R* wi, R* vr, R* work, int lwork, R*) {                       \
    const BlasThreads threads(25.0 * n * n * n, kFactorisationWork);                               \
    const char no = 'N', yes = 'V';                                                                \
    const int ld = leading(n), one = 1;                                                            \
    R unused(0);                                                                                   \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##geev)                                                                        \
    (&no, &yes, &n, a, &ld, w, wi, &unused, &one, vr, &ld, work, &lwork,                           \
     &info GEMMULE_STRING_LENGTHS(1, 1));                                                          \
    return info;                                                                                   \
  }                                                                                                \
  inline int hegvd(char uplo, int n, R* a, R* b, R* w, R* work, int lwork, R*, int, int* iwork,    \
                   int liwork) {                                                                   \
    const BlasThreads threads(8.0 * n * n * n, kFactorisationWork);                                \
    const char yes = 'V';                                                                          \
    const int ld = leading(n), type = 1;                                                           \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##sygvd)                                                                       \
    (&type, &yes, &uplo, &n, a, &ld, b, &ld, w, work, &lwork, iwork, &liwork,                      \
     &info GEMMULE_STRING_LENGTHS(1, 1));                                                          \
    return info;                                                                                   \
  }                                                                                                \
  /* `select` null: not sorted. */                                                                 \
  inline int gees(void (*select)(), int n, R* a, R* w, R* wi, R* vs, R* work, int lwork, R*,       \
                  int* bwork) {                                                                    \
    const BlasThreads threads(25.0 * n * n * n, kFactorisationWork);                               \
    const char vectors = 'V', sort = select ? 'S' : 'N';                                           \
    const int ld = leading(n);                                                                     \
    int info = 0, sdim = 0;                                                                        \
    GEMMULE_LAPACK(p##gees)                                                                        \
    (&vectors, &sort, Selector{select}, &n, a, &ld, &sdim, w, wi, vs, &ld, work, &lwork, bwork,    \
     &info GEMMULE_STRING_LENGTHS(1, 1));                                                          \
    return info;                                                                                   \
  }                                                                                                \
  inline int gges(int n, R* a, R* b, R* alpha, R* alphai, R* beta, R* q, R* z, R* work, int lwork, \
                  R*, int* bwork) {                                                                \
    const BlasThreads threads(60.0 * n * n * n, kFactorisationWork);                               \
    const char vectors = 'V', sort = 'N';                                                          \
    const int ld = leading(n);                                                                     \
    int info = 0, sdim = 0;                                                                        \
    GEMMULE_LAPACK(p##gges)                                                                        \
    (&vectors, &vectors, &sort, Selector{nullptr}, &n, a, &ld, b, &ld, &sdim, alpha, alphai, beta, \
     q, &ld, z, &ld, work, &lwork, bwork, &info GEMMULE_STRING_LENGTHS(1, 1, 1));                  \
    return info;                                                                                   \
  }                                                                                                \
  inline int tgsen(const int* select, int n, R* a, R* b, R* alpha, R* alphai, R* beta, R* q, R* z, \
                   R* work, int lwork) {                                                           \
    const int job = 0, yes = 1, ld = leading(n), one = 1;                                          \
    int info = 0, m = 0, iwork = 0;                                                                \
    R pl(0), pr(0), dif[2];                                                                        \
    GEMMULE_LAPACK(p##tgsen)                                                                       \
    (&job, &yes, &yes, const_cast<int*>(select), &n, a, &ld, b, &ld, alpha, alphai, beta, q, &ld,  \
     z, &ld, &m, &pl, &pr, dif, work, &lwork, &iwork, &one, &info);                                \
    return info;                                                                                   \
  }                                                                                                \
  inline int gelsd(int m, int n, int nrhs, R* a, R* b, R* s, R rcond, int* rank, R* work,          \
                   int lwork, R*, int* iwork) {                                                    \
    const BlasThreads threads(8.0 * m * n * std::min(m, n), kFactorisationWork);                   \
    const int lda = leading(m), ldb = leading(std::max(m, n));                                     \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##gelsd)                                                                       \
    (&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, iwork, &info);                \
    return info;                                                                                   \
  }
GEMMULE_DEFINE_REAL(s, float)
GEMMULE_DEFINE_REAL(d, double)
#undef GEMMULE_DEFINE_REAL

#define GEMMULE_DEFINE_COMPLEX(p, R)                                                               \
  inline int hesv(char uplo, int n, int nrhs, std::complex<R>* a, int* ipiv, std::complex<R>* b,   \
                  std::complex<R>* work, int lwork) {                                              \
    const BlasThreads threads(1.0 / 3 * n * n * n + 2.0 * n * n * nrhs, kFactorisationWork);       \
    const int ld = leading(n);                                                                     \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##hesv)                                                                        \
    (&uplo, &n, &nrhs, Pointer(a), &ld, ipiv, Pointer(b), &ld, Pointer(work), &lwork,              \
     &info GEMMULE_STRING_LENGTHS(1));                                                             \
    return info;                                                                                   \
  }                                                                                                \
  inline int geqp3(int m, int n, std::complex<R>* a, int* jpvt, std::complex<R>* tau,              \
                   std::complex<R>* work, int lwork, R* rwork) {                                   \
    const BlasThreads threads(8.0 * m * n * std::min(m, n), kFactorisationWork);                   \
    const int lda = leading(m);                                                                    \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##geqp3)                                                                       \
    (&m, &n, Pointer(a), &lda, jpvt, Pointer(tau), Pointer(work), &lwork, rwork, &info);           \
    return info;                                                                                   \
  }                                                                                                \
  inline int gesdd(char jobz, int m, int n, std::complex<R>* a, R* s, std::complex<R>* u, int ldu, \
                   std::complex<R>* vt, int ldvt, std::complex<R>* work, int lwork, R* rwork,      \
                   int* iwork) {                                                                   \
    const BlasThreads threads(32.0 * m * n * std::min(m, n), kFactorisationWork);                  \
    const int lda = leading(m);                                                                    \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##gesdd)                                                                       \
    (&jobz, &m, &n, Pointer(a), &lda, s, Pointer(u), &ldu, Pointer(vt), &ldvt, Pointer(work),      \
     &lwork, rwork, iwork, &info GEMMULE_STRING_LENGTHS(1));                                       \
    return info;                                                                                   \
  }                                                                                                \
  inline int geev(int n, std::complex<R>* a, std::complex<R>* w, R*, std::complex<R>* vr,          \
                  std::complex<R>* work, int lwork, R* rwork) {                                    \
    const BlasThreads threads(100.0 * n * n * n, kFactorisationWork);                              \
    const char no = 'N', yes = 'V';                                                                \
    const int ld = leading(n), one = 1;                                                            \
    std::complex<R> unused(0);                                                                     \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##geev)                                                                        \
    (&no, &yes, &n, Pointer(a), &ld, Pointer(w), Pointer(&unused), &one, Pointer(vr), &ld,         \
     Pointer(work), &lwork, rwork, &info GEMMULE_STRING_LENGTHS(1, 1));                            \
    return info;                                                                                   \
  }                                                                                                \
  inline int hegvd(char uplo, int n, std::complex<R>* a, std::complex<R>* b, R* w,                 \
                   std::complex<R>* work, int lwork, R* rwork, int lrwork, int* iwork,             \
                   int liwork) {                                                                   \
    const BlasThreads threads(32.0 * n * n * n, kFactorisationWork);                               \
    const char yes = 'V';                                                                          \
    const int ld = leading(n), type = 1;                                                           \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##hegvd)                                                                       \
    (&type, &yes, &uplo, &n, Pointer(a), &ld, Pointer(b), &ld, w, Pointer(work), &lwork, rwork,    \
     &lrwork, iwork, &liwork, &info GEMMULE_STRING_LENGTHS(1, 1));                                 \
    return info;                                                                                   \
  }                                                                                                \
  inline int gees(void (*select)(), int n, std::complex<R>* a, std::complex<R>* w, R*,             \
                  std::complex<R>* vs, std::complex<R>* work, int lwork, R* rwork, int* bwork) {   \
    const BlasThreads threads(100.0 * n * n * n, kFactorisationWork);                              \
    const char vectors = 'V', sort = select ? 'S' : 'N';                                           \
    const int ld = leading(n);                                                                     \
    int info = 0, sdim = 0;                                                                        \
    GEMMULE_LAPACK(p##gees)                                                                        \
    (&vectors, &sort, Selector{select}, &n, Pointer(a), &ld, &sdim, Pointer(w), Pointer(vs), &ld,  \
     Pointer(work), &lwork, rwork, bwork, &info GEMMULE_STRING_LENGTHS(1, 1));                     \
    return info;                                                                                   \
  }                                                                                                \
  inline int gges(int n, std::complex<R>* a, std::complex<R>* b, std::complex<R>* alpha, R*,       \
                  std::complex<R>* beta, std::complex<R>* q, std::complex<R>* z,                   \
                  std::complex<R>* work, int lwork, R* rwork, int* bwork) {                        \
    const BlasThreads threads(240.0 * n * n * n, kFactorisationWork);                              \
    const char vectors = 'V', sort = 'N';                                                          \
    const int ld = leading(n);                                                                     \
    int info = 0, sdim = 0;                                                                        \
    GEMMULE_LAPACK(p##gges)                                                                        \
    (&vectors, &vectors, &sort, Selector{nullptr}, &n, Pointer(a), &ld, Pointer(b), &ld, &sdim,    \
     Pointer(alpha), Pointer(beta), Pointer(q), &ld, Pointer(z), &ld, Pointer(work), &lwork,       \
     rwork, bwork, &info GEMMULE_STRING_LENGTHS(1, 1, 1));                                         \
    return info;                                                                                   \
  }                                                                                                \
  inline int tgsen(const int* select, int n, std::complex<R>* a, std::complex<R>* b,               \
                   std::complex<R>* alpha, R*, std::complex<R>* beta, std::complex<R>* q,          \
                   std::complex<R>* z, std::complex<R>* work, int lwork) {                         \
    const int job = 0, yes = 1, ld = leading(n), one = 1;                                          \
    int info = 0, m = 0, iwork = 0;                                                                \
    R pl(0), pr(0), dif[2];                                                                        \
    GEMMULE_LAPACK(p##tgsen)                                                                       \
    (&job, &yes, &yes, const_cast<int*>(select), &n, Pointer(a), &ld, Pointer(b), &ld,             \
     Pointer(alpha), Pointer(beta), Pointer(q), &ld, Pointer(z), &ld, &m, &pl, &pr, dif,           \
     Pointer(work), &lwork, &iwork, &one, &info);                                                  \
    return info;                                                                                   \
  }                                                                                                \
  inline int gelsd(int m, int n, int nrhs, std::complex<R>* a, std::complex<R>* b, R* s, R rcond,  \
                   int* rank, std::complex<R>* work, int lwork, R* rwork, int* iwork) {            \
    const BlasThreads threads(32.0 * m * n * std::min(m, n), kFactorisationWork);                  \
    const int lda = leading(m), ldb = leading(std::max(m, n));                                     \
    int info = 0;                                                                                  \
    GEMMULE_LAPACK(p##gelsd)                                                                       \
    (&m, &n, &nrhs, Pointer(a), &lda, Pointer(b), &ldb, s, &rcond, rank, Pointer(work), &lwork,    \
     rwork, iwork, &info);                                                                         \
    return info;                                                                                   \
  }
GEMMULE_DEFINE_COMPLEX(c, float)
GEMMULE_DEFINE_COMPLEX(z, double)
#undef GEMMULE_DEFINE_COMPLEX

}  // namespace gemmule::kernels::blas
