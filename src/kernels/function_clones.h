// GEMMULE_CLONES compiles a function for AVX-512, AVX2 and the baseline; the loader picks one.
// GEMMULE_INLINE forces inlining: what a cloned function calls must be part of each clone.
#pragma once

#define GEMMULE_INLINE inline __attribute__((always_inline))
#define GEMMULE_INLINE_LAMBDA __attribute__((always_inline))

// The resolvers run before a sanitizer's runtime is ready.
#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define GEMMULE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define GEMMULE_CLONES
#endif
