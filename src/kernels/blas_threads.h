// How many threads one call of the BLAS library takes: as many as its work pays for.
#pragma once

namespace gemmule::kernels {

// Work, in multiplications and additions, from which all threads that the library may use beat one.
// Below, waking them costs more than they save; on busy cores it costs milliseconds. Measured with
// OpenBLAS 0.3.34 on two cores: products 1.4 times faster at the threshold, vectors 1.9 times.
inline constexpr double kProductWork = 8e6;        // gemm, trsm: cubic work on quadratic memory
inline constexpr double kVectorWork = 1e6;         // gemv, ger, dot: as much memory as work
inline constexpr double kFactorisationWork = 2e8;  // potrf, getrf, syevr ...: steps that wait

// While it lives, the library uses one thread, or all that it may where the work pays.
//
// The number is one for the whole process: of threads that call at once the last to begin decides,
// which changes speeds, never results. With no call under way it is what the user made it, by
// OPENBLAS_NUM_THREADS, set_blas_threads or the library's own functions. Accelerate decides by
// itself: there this does nothing.
class BlasThreads {
 public:
#ifdef GEMMULE_ACCELERATE
  explicit BlasThreads(bool) {}
  ~BlasThreads() {}
#else
  explicit BlasThreads(bool pays);
  ~BlasThreads();
#endif
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;
};

}  // namespace gemmule::kernels
