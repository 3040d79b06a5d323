// Declares that the C library has vector versions of its math functions, so that GCC may call them
// from loops without -ffast-math. They come from glibc's libmvec (x86-64: complete since
// glibc 2.35), are accurate to 4 units in the last place, and treat NaN, infinities and zeros as
// the scalar functions. Elsewhere this header is empty and loops call the scalar functions.
#pragma once

#include <cmath>

#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 35)
#define GEMMULE_HAS_LIBMVEC 1
#endif
#endif

#ifdef GEMMULE_HAS_LIBMVEC
extern "C" {
#define GEMMULE_VECTOR_1(name)                                       \
  __attribute__((simd("notinbranch"))) double name(double) noexcept; \
  __attribute__((simd("notinbranch"))) float name##f(float) noexcept;
#define GEMMULE_VECTOR_2(name)                                               \
  __attribute__((simd("notinbranch"))) double name(double, double) noexcept; \
  __attribute__((simd("notinbranch"))) float name##f(float, float) noexcept;
GEMMULE_VECTOR_1(exp)
GEMMULE_VECTOR_1(exp2)
GEMMULE_VECTOR_1(expm1)
GEMMULE_VECTOR_1(log)
GEMMULE_VECTOR_1(log2)
GEMMULE_VECTOR_1(log10)
GEMMULE_VECTOR_1(log1p)
GEMMULE_VECTOR_1(sin)
GEMMULE_VECTOR_1(cos)
GEMMULE_VECTOR_1(tan)
GEMMULE_VECTOR_1(asin)
GEMMULE_VECTOR_1(acos)
GEMMULE_VECTOR_1(atan)
GEMMULE_VECTOR_1(sinh)
GEMMULE_VECTOR_1(cosh)
GEMMULE_VECTOR_1(tanh)
GEMMULE_VECTOR_1(asinh)
GEMMULE_VECTOR_1(acosh)
GEMMULE_VECTOR_1(atanh)
GEMMULE_VECTOR_1(erf)
GEMMULE_VECTOR_1(erfc)
GEMMULE_VECTOR_2(pow)
GEMMULE_VECTOR_2(atan2)
GEMMULE_VECTOR_2(hypot)
#undef GEMMULE_VECTOR_1
#undef GEMMULE_VECTOR_2
}
#endif
