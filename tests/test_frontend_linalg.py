"""Factorisations and solvers against PyTensor's Python backend."""

import numpy as np
import pytensor.tensor as pt
import pytest
from frontend_support import assert_same, check, compile_native
from pytensor.tensor import linalg

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(13)


def positive(*shape):
    a = RNG.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lower", [True, False])
def test_cholesky(dtype, lower):
    a, batch = pt.matrix(dtype=dtype), pt.tensor3(dtype=dtype)
    outputs = [linalg.cholesky(a, lower=lower), linalg.cholesky(batch, lower=lower)]
    check([a, batch], outputs, positive(4, 4).astype(dtype), positive(3, 2, 2).astype(dtype))


def test_cholesky_of_what_is_not_positive_definite():
    a = pt.matrix()
    f = compile_native([a], linalg.cholesky(a))
    assert np.isnan(f(np.array([[1.0, 2.0], [2.0, 1.0]]))).all()


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("unit_diagonal", [True, False])
def test_solve_triangular(lower, unit_diagonal):
    a, b, v = pt.matrix(), pt.matrix(), pt.vector()
    outputs = [
        linalg.solve_triangular(a, y, lower=lower, unit_diagonal=unit_diagonal, trans=trans)
        for y in (b, v)
        for trans in (0, 1)
    ]
    check([a, b, v], outputs, positive(4, 4), RNG.normal(size=(4, 2)), RNG.normal(size=4))


def test_solve_triangular_batches():
    a, b = pt.tensor3(), pt.matrix()
    outputs = [
        linalg.solve_triangular(a, b, lower=True, b_ndim=2),
        linalg.solve_triangular(a, b.T, lower=True, b_ndim=1),
    ]
    check([a, b], outputs, positive(3, 4, 4), RNG.normal(size=(4, 3)))


@pytest.mark.parametrize("assume_a", ["gen", "pos"])
def test_solve(assume_a):
    a, b, v, batch = pt.matrix(), pt.matrix(), pt.vector(), pt.tensor3()
    outputs = [
        linalg.solve(x, y, assume_a=assume_a, b_ndim=y.ndim) for x in (a, batch) for y in (b, v)
    ]
    values = positive(3, 3), RNG.normal(size=(3, 2)), RNG.normal(size=3), positive(2, 3, 3)
    check([a, b, v, batch], outputs, *values, rtol=1e-10)


def test_cholesky_solve():
    a, b, v = pt.matrix(), pt.matrix(), pt.vector()
    outputs = [
        linalg.cho_solve((linalg.cholesky(a, lower=lower), lower), y)
        for lower in (True, False)
        for y in (b, v)
    ]
    check(
        [a, b, v], outputs, positive(3, 3), RNG.normal(size=(3, 2)), RNG.normal(size=3), rtol=1e-10
    )


def test_inverse_and_determinants():
    a, batch = pt.matrix(), pt.tensor3()
    outputs = []
    for x in (a, batch):
        outputs += [linalg.inv(x), linalg.det(x), *linalg.slogdet(x)]
    check([a, batch], outputs, RNG.normal(size=(3, 3)), RNG.normal(size=(2, 3, 3)), rtol=1e-10)


def test_integers_become_floats():
    a = pt.matrix(dtype="int64")
    check([a], [linalg.det(a), linalg.inv(a)], np.array([[2, 1], [1, 3]]), rtol=1e-12)


def test_eigh():
    a = pt.matrix()
    f = compile_native([a], linalg.eigh(a))
    value = positive(4, 4)
    values, vectors = f(value)
    assert_same(values, np.linalg.eigvalsh(value))
    assert_same(vectors @ np.diag(values) @ vectors.T, value)


def test_block_diagonal():
    a, b, batch = pt.matrix(), pt.matrix(dtype="float32"), pt.tensor3()
    outputs = [linalg.block_diag(a, b, a), linalg.block_diag(batch, a)]
    values = (
        RNG.normal(size=(2, 3)),
        RNG.normal(size=(1, 2)).astype("float32"),
        RNG.normal(size=(2, 1, 1)),
    )
    check([a, b, batch], outputs, *values)


def test_kron():
    a, b = pt.matrix(), pt.matrix()
    check([a, b], linalg.kron(a, b), RNG.normal(size=(2, 3)), RNG.normal(size=(3, 1)))


@pytest.mark.parametrize("n", [0, 1])
def test_sizes_0_and_1(n):
    a, b = pt.matrix(), pt.matrix()
    lower = linalg.cholesky(a)
    check(
        [a, b],
        [lower, linalg.solve_triangular(lower, b, lower=True)],
        np.eye(n) * 4,
        np.ones((n, 2)),
    )


def test_gradient_of_a_likelihood():
    a, x = pt.matrix(), pt.vector()
    lower = linalg.cholesky(a)
    z = linalg.solve_triangular(lower, x, lower=True)
    logp = -0.5 * (z**2).sum() - pt.log(pt.diagonal(lower)).sum()
    values = positive(4, 4), RNG.normal(size=4)
    check([a, x], [logp, *pt.grad(logp, [a, x])], *values, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 7, 8, 9, 16, 17])
def test_orders_around_those_with_kernels_of_their_own(order, dtype):
    """One matrix, a batch of one and a batch, each as it is and transposed."""
    rng = np.random.default_rng(order)
    a = (rng.normal(size=(2, order, order)) + order * np.eye(order)[:, ::-1]).astype(dtype)
    b = rng.normal(size=(2, order, 3)).astype(dtype)
    A, B = pt.tensor("A", shape=a.shape, dtype=dtype), pt.tensor("B", shape=b.shape, dtype=dtype)
    outputs = []
    for x, y in ((A[0], B[0]), (A[:1], B[:1]), (A, B)):
        turned = x.swapaxes(-1, -2)
        square = x @ turned + pt.eye(order, dtype=dtype)
        outputs += [
            linalg.solve(x, y, b_ndim=2),
            linalg.solve(turned, y[..., ::-1], b_ndim=2),
            linalg.solve(turned[..., ::-1, ::-1], y[..., 0], b_ndim=1),
            linalg.inv(x),
            linalg.inv(turned),
            *linalg.slogdet(turned),
            linalg.cholesky(square),
            linalg.cholesky(square, lower=False),
            linalg.solve_triangular(square, y, lower=True, b_ndim=2),
            linalg.solve_triangular(
                square[..., ::-1, ::-1], y[..., 1], lower=False, b_ndim=1, trans=1
            ),
        ]
    check([A, B], outputs, a, b, rtol=1e-9 if dtype == "float64" else 1e-2)


@pytest.mark.parametrize("batch", [(), (1,), (2,)])
def test_small_singular_matrices(batch):
    a = pt.tensor(shape=(*batch, 2, 2), dtype="float64")
    value = np.broadcast_to([[1.0, 3.0], [3.0, 9.0]], (*batch, 2, 2)).copy()
    assert np.isnan(compile_native([a], linalg.solve(a, a, b_ndim=2))(value)).all()
    sign, logdet = compile_native([a], list(linalg.slogdet(a)))(value)
    assert (sign == 0).all() and (logdet == -np.inf).all()
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        compile_native([a], linalg.inv(a))(value)
