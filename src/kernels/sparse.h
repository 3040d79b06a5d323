// Products with sparse matrices in compressed rows (CSR): row i has the elements data[k] in the
// columns indices[k] for indptr[i] <= k < indptr[i + 1]. Columns need not be sorted; repeated ones
// add up. The CSC form of a matrix is the CSR form of its transpose.
//
// Vectors of any strides; a pattern has indices and indptr of one integer dtype. All check the
// pattern and return false, with the result undefined, where it points outside; all throw
// std::invalid_argument for views that do not fit. Real and complex numbers and integers; no
// float16, no bool.
#pragma once

#include "kernels/view.h"

namespace gemmule::kernels {

struct Pattern {
  ConstView indices, indptr;
};

// out = S B, or S^T B (`transpose`): the same matrix in compressed columns.
bool csr_matmul(const ConstView& data, const Pattern& pattern, bool transpose, const ConstView& b,
                const View& out);

// out[k] = A[i] . B[j] for the k-th stored element (i, j); A[m, w], B[n, w]. No conjugation.
bool csr_sampled_matmul(const Pattern& pattern, const ConstView& a, const ConstView& b,
                        const View& out);

// out[k] = S[i, j] for the k-th element (i, j) of the pattern `at`; S has `columns` columns.
bool csr_sample(const ConstView& data, const Pattern& pattern, std::int64_t columns,
                const Pattern& at, const View& out);

}  // namespace gemmule::kernels
