"""Sparse matrices, as inputs and as constants, against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.sparse as ps
import pytensor.tensor as pt
import pytest
import scipy.sparse
from frontend_support import assert_same
from pytensor.sparse import basic, math

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(5)
FORMATS = ["csr", "csc"]


def normal(*shape):
    return RNG.normal(size=shape)


def matrix(rows, columns, format="csr", dtype="float64", density=0.4):
    dense = normal(rows, columns) * (RNG.random((rows, columns)) < density)
    if np.dtype(dtype).kind == "c":
        dense = dense * (1 + 2j)
    if np.dtype(dtype).kind in "iu":
        dense = np.abs(dense * 9)
    return scipy.sparse.csr_matrix(dense.astype(dtype)).asformat(format)


def compare(got, want, rtol=None):
    if scipy.sparse.issparse(want):
        assert scipy.sparse.issparse(got) and got.format == want.format
        got, want = got.toarray(), want.toarray()
    assert_same(got, want, rtol)


def check(inputs, outputs, *values, native=True):
    """Both ways, all outputs. Returns Gemmule's function."""
    outputs = outputs if isinstance(outputs, list) else [outputs]
    f = pytensor.function(inputs, outputs, mode="GEMMULE", on_unused_input="ignore")
    want = pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")
    kept = [value.copy() for value in values]
    for got, expected in zip(f(*values), want(*values), strict=True):
        compare(got, expected)
    for value, old in zip(values, kept, strict=True):
        compare(value, old)
    if native:
        assert gemmule.explain(f).fallbacks == []
    return f


def sparse_input(format="csr", dtype="float64", name="S"):
    return ps.matrix(format, name=name, dtype=dtype)


@pytest.mark.parametrize("format", FORMATS)
def test_dot(format):
    s, b, v, w = sparse_input(format), pt.matrix(), pt.vector(), pt.vector()
    outputs = [
        ps.dot(s, b),
        ps.dot(s, v),
        ps.dot(b.T, s.T),
        ps.dot(w, s),
        ps.dot(s.T, w),
        ps.dot(s, s.T),
        ps.structured_dot(s, b),
        ps.structured_dot(b.T, s.T),
        ps.dot(s, b[::-1, ::-1]),
        ps.dot(s, b[:, :1]),
    ]
    f = check([s, b, v, w], outputs, matrix(4, 3, format), normal(3, 5), normal(3), normal(4))
    other = matrix(2, 6, format)
    compare(f(other, normal(6, 2), np.ones(6), normal(2))[1], other @ np.ones(6))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "complex128", "int32", "uint8", "int64"])
def test_dot_of_dtypes(format, dtype):
    s, b, v = sparse_input(format, dtype), pt.matrix(dtype=dtype), pt.vector()
    outputs = [ps.dot(s, b), ps.dot(s, v), ps.dense_from_sparse(s)]
    values = [matrix(4, 3, format, dtype), (normal(3, 2) * 3).astype(dtype), normal(3)]
    check([s, b, v], outputs, *values)


@pytest.mark.parametrize("format", FORMATS)
def test_constant_matrix(format):
    s = matrix(6, 4, format)
    b, v = pt.matrix(), pt.vector()
    outputs = [
        ps.dot(s, b),
        ps.dot(s, v),
        ps.dot(b.T, ps.as_sparse_variable(s).T),
        ps.structured_dot(ps.as_sparse_variable(s), b),
    ]
    check([b, v], outputs, normal(4, 3), normal(4))


def test_empty_matrices():
    s, b = sparse_input(), pt.matrix()
    outputs = [ps.dot(s, b), ps.dense_from_sparse(s), ps.dot(b.T, s.T)]
    f = check([s, b], outputs, scipy.sparse.csr_matrix((3, 4)), normal(4, 2))
    for rows, columns, width in [(0, 4, 2), (3, 0, 2), (3, 4, 0), (1, 1, 1)]:
        results = f(scipy.sparse.csr_matrix((rows, columns)), np.ones((columns, width)))
        compare(results[0], np.zeros((rows, width)))


def test_matrices_that_are_not_canonical():
    """Columns out of order, repeated ones, and room for more."""
    data, indices, indptr = np.arange(1.0, 6.0), np.array([2, 0, 0, 1, 1]), np.array([0, 3, 4])
    s = scipy.sparse.csr_matrix((2, 3))
    s.data, s.indices, s.indptr = data, indices.astype("int32"), indptr.astype("int32")
    x, b = sparse_input(), pt.matrix()
    check(
        [x, b],
        [ps.dot(x, b), ps.dot(b.T, x.T), ps.dense_from_sparse(x), ps.dot(x.T, b[:2])],
        s,
        normal(3, 2),
    )


def test_shapes_that_differ():
    s, b = sparse_input(), pt.matrix()
    f = pytensor.function([s, b], ps.dot(s, b), mode="GEMMULE")
    with pytest.raises(ValueError, match="inner dimensions"):
        f(matrix(3, 4), normal(3, 2))


@pytest.mark.parametrize("format", FORMATS)
def test_gradients(format):
    s, b, v = sparse_input(format), pt.matrix(), pt.vector()
    outputs = [
        pt.grad((ps.dot(s, b) ** 2).sum(), b),
        pt.grad((ps.structured_dot(s, b) ** 2).sum(), b),
        pt.grad((ps.dot(s, v) ** 3).sum(), v),
        pt.grad((ps.dot(b.T, s.T) ** 2).sum(), b),
        pt.grad((ps.structured_dot(s, b) ** 2).sum(), s),
        pt.grad(ps.sp_sum(ps.structured_exp(s), axis=0, sparse_grad=True).prod(), s),
    ]
    check([s, b, v], outputs, matrix(4, 3, format), normal(3, 2), normal(3))


@pytest.mark.parametrize("format", FORMATS)
def test_gradient_of_the_data(format):
    s = matrix(5, 4, format)
    data, b = pt.vector(), pt.matrix()
    made = ps.CSM(format)(data, s.indices, s.indptr, s.shape)
    cost = (ps.structured_dot(made, b) ** 2).sum() + ps.sp_sum(made, sparse_grad=True) ** 2
    outputs = [cost, *pt.grad(cost, [data, b]), ps.dense_from_sparse(made)]
    check([data, b], outputs, normal(s.nnz), normal(4, 3))


def test_gradient_of_repeated_elements():
    indices, indptr = np.array([1, 0, 1, 2], "int32"), np.array([0, 3, 4], "int32")
    data, b = pt.vector(), pt.matrix()
    made = ps.CSR(data, indices, indptr, (2, 3))
    check(
        [data, b], pt.grad((ps.structured_dot(made, b) ** 2).sum(), data), normal(4), normal(3, 2)
    )


@pytest.mark.parametrize("format", FORMATS)
def test_true_dot_and_sampling(format):
    s, b, x, y = sparse_input(format), pt.matrix(), pt.matrix(), pt.matrix()
    product = ps.true_dot(s, b)
    outputs = [
        ps.dense_from_sparse(product),
        product,
        ps.dense_from_sparse(ps.true_dot(b.T, s.T)),
        ps.sampling_dot(x, y, s),
        ps.dot(ps.sampling_dot(x, y, s), b),
        math.usmm(pt.constant([[2.0]]), s, b, pt.ones((4, 2))),
    ]
    check([s, b, x, y], outputs, matrix(4, 3, format), normal(3, 2), normal(4, 2), normal(3, 2))


@pytest.mark.parametrize("format", FORMATS)
def test_stored_elements(format):
    s, y, column_factors, row_factors = sparse_input(format), pt.matrix(), pt.vector(), pt.vector()
    outputs = [
        ps.structured_sigmoid(s),
        -s,
        s * y,
        y * s,
        s * 2.0,
        s * column_factors,
        s + y,
        ps.dense_from_sparse(s.T),
        ps.col_scale(s, column_factors),
        ps.row_scale(s, row_factors),
        basic.sp_ones_like(s),
        basic.sp_zeros_like(s),
        ps.sp_sum(s),
        ps.sp_sum(s, axis=0),
        ps.sp_sum(s, axis=1),
        s.astype("float32"),
        s.shape[0] * s.shape[1],
        *ps.csm_properties(s),
        math.add_s_s_data(s, s),
        s.T,
        basic.dense_from_sparse(basic.csc_from_dense(y)),
    ]
    check(
        [s, y, column_factors, row_factors],
        outputs,
        matrix(3, 4, format),
        normal(3, 4),
        normal(4),
        normal(3),
    )
    square = sparse_input(format)
    f = check([square], basic.diag(square), matrix(4, 4, format))
    with pytest.raises(ValueError, match="square"):
        f(matrix(3, 4, format))


def test_sparse_results_do_not_share_memory():
    s = sparse_input()
    f = check([s], [s.T, s * 1.0, s], matrix(3, 4))
    value = matrix(3, 4)
    kept = value.toarray()
    for result in f(value):
        result.data[:] = 7
    compare(value.toarray(), kept)


def test_what_python_does():
    """Two patterns make one: SciPy does it, what comes before and after is compiled."""
    s, t, b = sparse_input(), sparse_input(), pt.matrix()
    total = ps.structured_exp(s) + t * 2.0
    f = check(
        [s, t, b],
        [ps.dot(total, b * 2), total, s * t],
        matrix(3, 4),
        matrix(3, 4),
        normal(4, 2),
        native=False,
    )
    reasons = {fallback.reason for fallback in gemmule.explain(f).fallbacks}
    assert "no lowering of AddSparseSparse of sparse matrices" in reasons


def test_patterns_that_point_outside():
    s = matrix(4, 3)
    b = pt.matrix()
    indices, indptr = pt.ivector(), pt.ivector()
    made = ps.CSR(pt.constant(s.data), indices, indptr, pt.constant(np.array([4, 3])))
    f = pytensor.function([indices, indptr, b], ps.dot(made, b), mode="GEMMULE")
    compare(f(s.indices, s.indptr, np.ones((3, 2))), s @ np.ones((3, 2)))
    with pytest.raises(IndexError, match="point outside"):
        f(s.indices + 3, s.indptr, np.ones((3, 2)))
    with pytest.raises(IndexError, match="point outside"):
        f(s.indices, s.indptr[::-1].copy(), np.ones((3, 2)))
    with pytest.raises(ValueError, match="indptr"):
        f(s.indices, s.indptr[:-1], np.ones((3, 2)))
    with pytest.raises(ValueError, match="sizes differ"):
        f(s.indices[1:], s.indptr, np.ones((3, 2)))


def test_shared_matrix():
    s = pytensor.shared(matrix(4, 3), name="s")
    v = pt.vector()
    f = check([v], ps.dot(s, v), normal(3))
    s.set_value(matrix(2, 3))
    assert f(np.ones(3))[0].shape == (2,)
