// How many threads one call of the BLAS library takes: as many as its work pays for.
#pragma once

namespace gemmule::kernels {

// Work, in multiplications and additions, of one kind of calls.
//
// From `pays` on all threads that the library may use beat one. Below, waking them costs more than
// they save; on busy cores it costs milliseconds. Measured with OpenBLAS 0.3.34 on two cores:
// products 1.4 times faster at the threshold, vectors 1.9 times. Up to `alone` the library stays on
// the calling thread whatever its number is: half of OpenBLAS's own thresholds, or less.
struct BlasWork {
  double alone, pays;
};
inline constexpr BlasWork kProductWork{1.3e5, 8e6};    // gemm: cubic work on quadratic memory
inline constexpr BlasWork kSolveWork{0, 8e6};          // trsm, getrs: likewise
inline constexpr BlasWork kVectorWork{8e3, 1e6};       // gemv, ger, dot: as much memory as work
inline constexpr BlasWork kFactorisationWork{0, 2e8};  // potrf, getrf, syevr: steps that wait

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
  BlasThreads(double, const BlasWork&) {}
  ~BlasThreads() {}
#else
  explicit BlasThreads(bool pays) : counted_(begin(pays)) {}
  BlasThreads(double work, const BlasWork& kind)
      : counted_(work > kind.alone && begin(work >= kind.pays)) {}
  ~BlasThreads() {
    if (counted_) end();
  }
#endif
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;

 private:
  // Whether there is something to end: not where the user's number is the wanted one anyway.
  static bool begin(bool pays);
  static void end();

  bool counted_ = false;
};

}  // namespace gemmule::kernels
