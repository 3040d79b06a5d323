// What the values of an array decide: where it is not zero, which values it has, where one belongs.
//
// Views of any strides. Results whose length the data decides have room for the longest; what is
// not in use is set to 0. All throw std::invalid_argument for views that do not fit each other;
// nothing is allocated but a thread's scratch memory.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace gemmule::kernels {

// indices[d, k]: index along axis d of the k-th element of x that is not zero, row by row. NaN is
// not zero. Returns their number.
std::int64_t nonzero(const ConstView& x, const View& indices);

// Whether one element, of any dtype, is not zero.
bool is_nonzero(DType dtype, const void* element);

// The distinct elements of a vector, sorted, NaN once and last; or the distinct rows of a matrix in
// lexicographic order, where a row with a NaN equals no row (np.unique does both).
//   values[i]     the i-th of them
//   first[i]      where x first has it
//   inverse[j]    which of them x[j] is, for all j
//   counts[i]     how often x has it
// Returns their number.
struct UniqueResults {
  View values, first, inverse, counts;
};
std::int64_t unique(const ConstView& x, const UniqueResults& results);

// positions[i]: where v[i] goes into `sorted` before the elements that equal it, or after them
// (`right`). With a sorter, sorted[sorter[k]] is in order (data is null without one). Returns false
// for a sorter that points outside.
bool searchsorted(const ConstView& sorted, const ConstView& v, const ConstView& sorter, bool right,
                  const View& positions);

// indices = 0 counts[0] times, then 1 counts[1] times ... Returns false, with nothing written, for
// a negative count, or when the counts do not add up to the length of `indices`.
bool repeat_indices(const ConstView& counts, const View& indices);

}  // namespace gemmule::kernels
