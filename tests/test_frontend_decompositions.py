"""LU, QR, SVD, Schur, eigenvalues and what is built on them, against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import assert_same, check, compile_native, reference
from pytensor.tensor import linalg
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.linalg.decomposition.lu import LUFactor, pivot_to_permutation
from pytensor.tensor.linalg.decomposition.qr import qr
from pytensor.tensor.linalg.decomposition.schur import ordqz, qz, schur
from pytensor.tensor.linalg.inverse import pinv, tensorinv
from pytensor.tensor.linalg.products import expm
from pytensor.tensor.linalg.solvers.general import lu_solve
from pytensor.tensor.linalg.solvers.linear_control import TRSYL
from pytensor.tensor.linalg.solvers.lstsq import lstsq, tensorsolve
from pytensor.tensor.linalg.solvers.tridiagonal import (
    tridiagonal_lu_factor,
    tridiagonal_lu_solve,
)

pytestmark = pytest.mark.usefixtures("executor")

DTYPES = ["float32", "float64", "complex64", "complex128"]
SHAPES = [(3, 3), (5, 2), (2, 5), (1, 1)]
SQUARES = [(4, 4), (1, 1), (2, 3, 3), (2, 1, 2, 2)]
ORDERS = [None, "lhp", "rhp", "iuc", "ouc"]


def values_of(dtype, *shape, seed=3):
    rng = np.random.default_rng(seed)
    value = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        value = value + 1j * rng.normal(size=shape)
    return np.asarray(value * 3 if dtype.startswith("int") else value).astype(dtype)


def tolerance(dtype):
    return {"f": 3e-5, "F": 3e-5}.get(np.dtype(dtype).char, 1e-10)


def variable(value):
    return pt.tensor(dtype=value.dtype, shape=(None,) * value.ndim)


def check_on(value, function, rtol=None):
    """Compares ``function``, a variable to a variable or a list, on this value."""
    x = variable(value)
    outputs = function(x)
    outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    return check([x], outputs, value, rtol=tolerance(value.dtype) if rtol is None else rtol)


@pytest.mark.parametrize("dtype", [*DTYPES, "int64", "int16"])
@pytest.mark.parametrize("options", [{}, {"permute_l": True}, {"p_indices": True}])
def test_lu(dtype, options):
    for shape in [(4, 4), (2, 3, 3), (2, 1, 2, 2)]:
        check_on(values_of(dtype, *shape), lambda a: linalg.lu(a, **options))


@pytest.mark.parametrize("dtype", DTYPES)
def test_lu_of_one_element(dtype):
    """SciPy gives other dtypes than PyTensor declares."""
    a = pt.matrix(dtype=dtype)
    for outputs in (linalg.lu(a), linalg.lu(a, p_indices=True)):
        value = values_of(dtype, 1, 1)
        p, lower, upper = compile_native([a], outputs)(value)
        assert [x.dtype for x in (p, lower, upper)] == [x.type.dtype for x in outputs]
        assert (p.item(), lower.item(), upper.item()) == (p.ndim - 1, 1, value.item())


def test_lu_of_a_singular_matrix_and_of_nan():
    check_on(np.array([[1.0, 2.0], [2.0, 4.0]]), linalg.lu)
    a = pt.matrix()
    f = compile_native([a], linalg.lu(a))
    with pytest.raises(ValueError, match="array must not contain infs or NaNs"):
        f(np.array([[1.0, np.nan], [2.0, 4.0]]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_lu_factor_and_solve(dtype):
    a, b = pt.matrix(dtype=dtype), pt.vector(dtype=dtype)
    factors = linalg.lu_factor(a)
    outputs = [*factors, lu_solve(factors, b), lu_solve(factors, b, trans=True)]
    check([a, b], outputs, values_of(dtype, 4, 4), values_of(dtype, 4), rtol=10 * tolerance(dtype))
    check_on(values_of(dtype, 2, 3, 3), linalg.lu_factor)


def test_lu_factor_of_a_singular_matrix_is_nan():
    a = pt.matrix()
    f = compile_native([a], LUFactor()(a))
    factors, _ = f(np.zeros((2, 2)))
    assert np.isnan(factors).all()


@pytest.mark.parametrize("inverse", [True, False])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_pivot_to_permutation(inverse, dtype):
    for pivots in ([2, 1, 3, 3], [0], [1, -1, 2]):
        value = np.array(pivots, dtype=dtype)
        check_on(value, lambda p: pivot_to_permutation(p, inverse=inverse))
    p = pt.vector(dtype=dtype)
    f = compile_native([p], pivot_to_permutation(p, inverse=inverse))
    with pytest.raises(IndexError, match="pivot 3 is out of bounds for 2 rows"):
        f(np.array([3, 1], dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("transposed", [True, False])
def test_tridiagonal(dtype, transposed):
    a, b, v = pt.matrix(dtype=dtype), pt.matrix(dtype=dtype), pt.vector(dtype=dtype)
    factors = tridiagonal_lu_factor(a)
    outputs = [
        *factors,
        tridiagonal_lu_solve(factors, b, b_ndim=2, transposed=transposed),
        tridiagonal_lu_solve(factors, v, b_ndim=1, transposed=transposed),
    ]
    values = values_of(dtype, 5, 5), values_of(dtype, 5, 2), values_of(dtype, 5)
    f = check([a, b, v], outputs, *values, rtol=10 * tolerance(dtype))
    for n in (1, 2):  # SciPy cannot
        values = values_of(dtype, n, n), values_of(dtype, n, 2), values_of(dtype, n)
        *_, x, y = f(*values)
        matrix = values[0].T if transposed else values[0]
        for got, right in ((x, values[1]), (y, values[2])):
            assert_same(matrix @ got, right, rtol=100 * tolerance(dtype))


def test_tridiagonal_batches():
    a, b = pt.tensor3(), pt.matrix()
    factors = tridiagonal_lu_factor(a)
    x = tridiagonal_lu_solve(factors, b, b_ndim=1)
    check([a, b], x, values_of("float64", 2, 4, 4), values_of("float64", 2, 4), rtol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "assume_a", ["gen", "sym", "her", "pos", "tridiagonal", "banded", "diagonal"]
)
@pytest.mark.parametrize("lower", [True, False])
def test_solve(dtype, assume_a, lower):
    """The other triangle, or the other diagonals, are not read."""
    rng = np.random.default_rng(5)
    if assume_a == "banded":
        value = np.triu(np.tril(values_of(dtype, 5, 5), 1), -2)
    else:
        value = values_of(dtype, 5, 5) * 0.3 + (5 + rng.normal()) * np.eye(5, dtype=dtype)
    value = value.astype(dtype)
    if assume_a in ("her", "pos"):
        value = (value + value.conj().T).astype(dtype)
    a, b, v, batch = (
        pt.matrix(dtype=dtype),
        pt.matrix(dtype=dtype),
        pt.vector(dtype=dtype),
        pt.tensor3(dtype=dtype),
    )
    outputs = [
        linalg.solve(x, y, assume_a=assume_a, lower=lower, b_ndim=y.ndim)
        for x in (a, batch)
        for y in (b, v)
    ]
    values = value, values_of(dtype, 5, 2), values_of(dtype, 5), np.stack([value, 2 * value])
    check([a, b, v, batch], outputs, *values, rtol=10 * tolerance(dtype))


@pytest.mark.parametrize("assume_a", ["gen", "sym", "her", "pos", "tridiagonal", "banded"])
def test_solve_of_a_singular_matrix_is_nan_in_its_place(assume_a):
    a, b = pt.tensor3(), pt.matrix()
    f = compile_native([a, b], linalg.solve(a, b, assume_a=assume_a, b_ndim=2))
    x = f(np.stack([np.ones((2, 2)), np.eye(2)]), np.ones((2, 3)))
    assert np.isnan(x[0]).all()
    np.testing.assert_allclose(x[1], 1)


@pytest.mark.parametrize("dtype", [*DTYPES, "int32"])
@pytest.mark.parametrize("mode", ["full", "economic", "r", "raw"])
@pytest.mark.parametrize("pivoting", [True, False])
def test_qr(dtype, mode, pivoting):
    for shape in SHAPES:
        if mode == "raw" and shape[0] != shape[1]:
            continue  # PyTensor declares another shape than it computes
        check_on(values_of(dtype, *shape), lambda a: qr(a, mode=mode, pivoting=pivoting))
    if mode != "raw":
        check_on(values_of(dtype, 2, 3, 2), lambda a: qr(a, mode=mode, pivoting=pivoting))


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 3)])
def test_empty_qr_and_svd(shape):
    a = pt.matrix()
    f = compile_native([a], [*qr(a, mode="full"), *linalg.svd(a), linalg.svd(a, compute_uv=False)])
    q, r, u, s, vh, only = f(np.zeros(shape))
    m, n = shape
    assert_same(q, np.eye(m))
    assert r.shape == (m, n)
    assert_same(u, np.eye(m))
    assert_same(vh, np.eye(n))
    assert s.shape == only.shape == (0,)


@pytest.mark.parametrize("dtype", [*DTYPES, "int32"])
@pytest.mark.parametrize("full_matrices", [True, False])
def test_svd(dtype, full_matrices):
    for shape in [*SHAPES, (2, 4, 3), (30, 4), (4, 30)]:
        check_on(values_of(dtype, *shape), lambda a: linalg.svd(a, full_matrices=full_matrices))
        check_on(values_of(dtype, *shape), lambda a: linalg.svd(a, compute_uv=False))


@pytest.mark.parametrize("shape", SHAPES)
def test_svd_of_strided_operands(shape):
    value = values_of("float64", *shape)[::-1, ::-1]
    check_on(value, lambda a: linalg.svd(a.T[::-1], full_matrices=False))


@pytest.mark.parametrize("function", [linalg.svd, pinv, linalg.eig, linalg.eigh, linalg.eigvalsh])
def test_what_numpy_does_not_decompose_raises(function):
    a = pt.matrix()
    f = compile_native([a], function(a))
    for bad in (np.nan, np.inf):
        value = np.array([[1.0, bad], [bad, 2.0]])
        with pytest.raises(ValueError):
            reference([a], function(a))(value)
        with pytest.raises(np.linalg.LinAlgError, match="not converge"):
            f(value)
    good = f(np.eye(2))
    for value in good if isinstance(good, list) else [good]:
        assert np.isfinite(value).all()


def test_a_singular_inverse_raises():
    a, batch = pt.matrix(), pt.tensor3()
    f = compile_native([a, batch], [linalg.inv(a), linalg.inv(batch)])
    good, bad = np.eye(2), np.ones((2, 2))
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        f(bad, np.stack([good, good]))
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        f(good, np.stack([good, bad]))
    assert_same(f(good, np.stack([good, 2 * good]))[1], np.stack([good, good / 2]))
    assert np.isnan(f(good * np.nan, np.stack([good, good]))[0]).all()


@pytest.mark.parametrize("dtype", [*DTYPES, "int32"])
@pytest.mark.parametrize("hermitian", [True, False])
def test_pinv(dtype, hermitian):
    shapes = [(3, 3), (2, 3, 3), (1, 1)] if hermitian else [*SHAPES, (2, 4, 3)]
    for shape in shapes:
        value = values_of(dtype, *shape)
        if hermitian:
            value = (value + np.swapaxes(value, -1, -2).conj()).astype(dtype)
        check_on(value, lambda a: pinv(a, hermitian=hermitian))


def test_pinv_of_a_matrix_without_full_rank():
    for dtype in ("float32", "float64"):
        value = np.outer([1.0, 2, 3], [1.0, -1, 4]).astype(dtype)
        check_on(value, pinv)
        check_on(value.T @ value, lambda a: pinv(a, hermitian=True))
        check_on(np.zeros((2, 3), dtype=dtype), pinv)


def test_empty_matrices():
    """What PyTensor's backend does not compute, or in another dtype."""
    a = pt.matrix()
    outputs = [*linalg.lu(a), *linalg.lu(a, p_indices=True), *linalg.eig(a), *schur(a), expm(a)]
    for value in compile_native([a], outputs)(np.zeros((0, 0))):
        assert value.size == 0
    assert compile_native([a], pinv(a))(np.zeros((0, 2))).shape == (2, 0)


def test_hermitian_pinv_of_nan():
    check_on(np.full((2, 2), np.nan), lambda a: pinv(a, hermitian=True))


@pytest.mark.parametrize("dtype", [*DTYPES, "int64"])
def test_eig(dtype):
    for shape in SQUARES:
        check_on(values_of(dtype, *shape), linalg.eig)
    symmetric = values_of(dtype, 3, 3)
    check_on(symmetric + symmetric.T, linalg.eig)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lower", [True, False])
def test_generalized_eigh(dtype, lower):
    a, b = pt.tensor3(dtype=dtype), pt.matrix(dtype=dtype)
    half = values_of(dtype, 4, 4)
    values = values_of(dtype, 2, 4, 4), half @ half.T + 4 * np.eye(4, dtype=dtype)
    outputs = [*linalg.eigh(a, b, lower=lower), linalg.eigvalsh(a, b, lower=lower)]
    check([a, b], outputs, *values, rtol=10 * tolerance(dtype))


def test_generalized_eigh_needs_a_positive_definite_matrix():
    a, b = pt.matrix(), pt.matrix()
    f = compile_native([a, b], linalg.eigh(a, b))
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        f(np.eye(2), -np.eye(2))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_eigvalsh(dtype):
    value = values_of(dtype, 3, 3)
    check_on(value + value.conj().T, linalg.eigvalsh)


def adjoint(x):
    return np.swapaxes(x, -1, -2).conj()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ["real", "complex"])
@pytest.mark.parametrize("sort", ORDERS)
def test_schur(dtype, output, sort):
    """Vectors are unique up to a phase, which rounding decides."""
    bound = tolerance(dtype)
    for shape in [(5, 5), (2, 3, 3)]:
        value = values_of(dtype, *shape)
        x = variable(value)
        f = compile_native([x], schur(x, output=output, sort=sort))
        (t, z), want = f(value), reference([x], schur(x, output=output, sort=sort))(value)
        assert (t.dtype, z.dtype) == (want[0].dtype, want[1].dtype)
        np.testing.assert_allclose(z @ t @ adjoint(z), value, rtol=bound, atol=bound)
        np.testing.assert_allclose(np.abs(t), np.abs(want[0]), rtol=20 * bound, atol=20 * bound)
        np.testing.assert_allclose(np.abs(z), np.abs(want[1]), rtol=20 * bound, atol=20 * bound)


def test_schur_of_nan_is_nan():
    check_on(np.full((2, 2), np.nan), schur)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ["real", "complex"])
@pytest.mark.parametrize("sort", ORDERS)
def test_qz(dtype, output, sort):
    bound = 10 * tolerance(dtype)
    a, b = pt.matrix(dtype=dtype), pt.matrix(dtype=dtype)
    outputs = [*qz(a, b, sort=sort, output=output), *ordqz(a, b, sort=sort, output=output)]
    values = values_of(dtype, 5, 5), values_of(dtype, 5, 5, seed=8)
    got, want = compile_native([a, b], outputs)(*values), reference([a, b], outputs)(*values)
    s, t, q, z = got[:4]
    np.testing.assert_allclose(q @ s @ adjoint(z), values[0], rtol=bound, atol=bound)
    np.testing.assert_allclose(q @ t @ adjoint(z), values[1], rtol=bound, atol=bound)
    for x, y in zip(got, want, strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(np.abs(x), np.abs(y), rtol=10 * bound, atol=10 * bound)


def test_qz_of_a_singular_pencil_and_of_nan():
    a, b = pt.matrix(), pt.matrix()
    for sort in ("iuc", "ouc"):
        f = compile_native([a, b], ordqz(a, b, sort=sort))
        values = np.diag([0.5, 2.0, 3.0]), np.diag([1.0, 0.0, 1.0])
        want = reference([a, b], ordqz(a, b, sort=sort))(*values)
        for got, expected in zip(f(*values), want, strict=True):
            assert_same(got, expected)
    assert all(np.isnan(x).all() for x in f(np.full((2, 2), np.nan), np.eye(2)))


@pytest.mark.parametrize("dtype", [*DTYPES, "int64"])
@pytest.mark.parametrize("scale", [1e-3, 0.1, 0.5, 1.0, 3.0, 20.0])
def test_expm(dtype, scale):
    for shape in [(4, 4), (1, 1), (2, 3, 3)]:
        value = (values_of(dtype, *shape) * (1 if dtype == "int64" else scale)).astype(dtype)
        x = variable(value)
        got, want = compile_native([x], expm(x))(value), reference([x], expm(x))(value)
        assert got.dtype == want.dtype
        bound = 1e-12 if np.dtype(dtype).char in "dDl" else 1e-4
        size = np.abs(want).max(initial=0)
        np.testing.assert_allclose(got, want, rtol=bound, atol=bound * size)


def test_expm_of_special_matrices():
    nilpotent = np.triu(np.full((4, 4), 30.0), 1)
    for value in (np.zeros((3, 3)), np.diag([1.0, -700.0, 3.0]), nilpotent):
        check_on(value, expm, rtol=1e-11)
    check_on(np.array([[1.0, np.nan], [0.0, 1.0]]), expm)
    check_on(np.array([[1.0, np.inf], [0.0, 1.0]]), expm)


@pytest.mark.parametrize("dtype", DTYPES)
def test_trsyl(dtype):
    a, b, c = (pt.matrix(dtype=dtype) for _ in range(3))
    values = (
        np.triu(values_of(dtype, 3, 3)),
        np.triu(values_of(dtype, 2, 2)),
        values_of(dtype, 3, 2),
    )
    check([a, b, c], TRSYL()(a, b, c), *values, rtol=10 * tolerance(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_linear_control(dtype):
    a, b, q = (pt.matrix(dtype=dtype) for _ in range(3))
    outputs = [
        linalg.solve_sylvester(a, b, q),
        linalg.solve_continuous_lyapunov(a, q),
        linalg.solve_discrete_lyapunov(a, q, method="bilinear"),
        linalg.solve_discrete_lyapunov(a, q, method="direct"),
        linalg.solve_discrete_are(a, b, q @ q.T, q @ q.T + pt.eye(3, dtype=dtype)),
    ]
    values = [values_of(dtype, 3, 3, seed=seed) * 0.4 for seed in (1, 2, 3)]
    check([a, b, q], outputs, *(v.astype(dtype) for v in values), rtol=100 * tolerance(dtype))


def test_linear_control_batches():
    a, b, q = pt.tensor3(), pt.matrix(), pt.tensor3()
    outputs = [
        linalg.solve_sylvester(a, b, q),
        linalg.solve_continuous_lyapunov(a, q),
        linalg.solve_discrete_lyapunov(a, q, method="direct"),
        linalg.solve_discrete_lyapunov(a, q, method="bilinear"),
    ]
    rng = np.random.default_rng(4)
    values = [rng.normal(size=size) * 0.4 for size in [(2, 3, 3), (3, 3), (2, 3, 3)]]
    check([a, b, q], outputs, *values, rtol=1e-9)


def test_tensorinv():
    check_on(values_of("float64", 4, 6, 8, 3), tensorinv)
    check_on(values_of("float32", 6, 3, 2), lambda a: tensorinv(a, ind=1), rtol=1e-4)


@pytest.mark.parametrize("axes", [None, (0, 2)])
def test_tensorsolve(axes):
    a, b = pt.tensor4(), pt.matrix()
    shape = (6, 4, 2, 12) if axes is None else (2, 6, 12, 4)
    values = values_of("float64", *shape), values_of("float64", 6, 4)
    check([a, b], tensorsolve(a, b, axes=axes), *values, rtol=1e-9)
    f = compile_native([a, b], tensorsolve(a, b, axes=axes))
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        f(np.zeros(shape), values[1])


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_lstsq(dtype):
    a, b, rcond = pt.matrix(dtype=dtype), pt.matrix(dtype=dtype), pt.scalar()
    for shape, columns in [((5, 3), 2), ((3, 5), 2), ((4, 4), 1), ((5, 3), 0)]:
        values = values_of(dtype, *shape), values_of(dtype, shape[0], columns, seed=7), -1.0
        check([a, b, rcond], list(lstsq(a, b, rcond)), *values, rtol=1e-9)
    without_rank = np.outer(np.arange(1, 6), [1, 2, 3]).astype(dtype)
    check(
        [a, b, rcond],
        list(lstsq(a, b, rcond)),
        without_rank,
        values_of(dtype, 5, 2),
        1e-8,
        rtol=1e-9,
    )


def test_lstsq_in_single_precision():
    """The results are what PyTensor declares, which its backend does not cast to."""
    a, b = pt.matrix(dtype="float32"), pt.matrix(dtype="float32")
    values = values_of("float32", 5, 3), values_of("float32", 5, 2)
    got = compile_native([a, b], list(lstsq(a, b, -1.0)))(*values)
    want = reference([a, b], list(lstsq(a, b, -1.0)))(*values)
    for x, y in zip(got, want, strict=True):
        assert x.dtype in ("float64", "int32")
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)


def test_lstsq_of_nan_raises():
    a, b = pt.matrix(), pt.matrix()
    f = compile_native([a, b], list(lstsq(a, b, -1.0)))
    with pytest.raises(np.linalg.LinAlgError, match="SVD did not converge in Linear Least Squares"):
        f(np.full((3, 2), np.nan), np.ones((3, 1)))


@pytest.mark.parametrize("power", [-2, 0, 1, 3, 5])
def test_matrix_power_and_norms(power):
    check_on(values_of("float64", 3, 3), lambda a: linalg.matrix_power(a, power), rtol=1e-9)
    if power == 3:
        orders = ["fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2]
        check_on(
            values_of("float64", 2, 3, 4),
            lambda a: [linalg.norm(a, o, axis=(0, 1)) for o in orders],
        )


#: What PyTensor differentiates for one matrix only.
ONE_MATRIX = ["qr", "qr economic", "qr r", "norm", "svd", "power", "det", "slogdet"]
ONE_MATRIX += ["lu indices", "lu_factor"]


def _gradients():
    """Scalars of which PyTensor has the gradient, and a value for each of their inputs."""
    a, b, v = pt.matrix(shape=(3, 3)), pt.matrix(shape=(3, 3)), pt.vector(shape=(3,))
    batch = pt.tensor3()
    rng = np.random.default_rng(17)
    square = rng.normal(size=(3, 3)) + 3 * np.eye(3)
    positive = square @ square.T
    vector = rng.normal(size=3)
    weights = rng.normal(size=(3, 3))

    def total(outputs):
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        return sum((pt.sin(x) * np.arange(1, 4)).sum() for x in outputs)

    one = {
        "lu": lambda x: linalg.lu(x)[1:],
        "lu permuted": lambda x: linalg.lu(x, permute_l=True),
        "lu indices": lambda x: linalg.lu(x, p_indices=True)[1:],
        "lu_factor": lambda x: linalg.lu_factor(x)[0],
        "qr": lambda x: qr(x, mode="full"),
        "qr economic": lambda x: qr(x, mode="economic"),
        "qr r": lambda x: qr(x, mode="r"),
        "svd": lambda x: linalg.svd(x, full_matrices=False),
        "svd values": lambda x: linalg.svd(x, compute_uv=False),
        "eigh": linalg.eigh,
        "eigvalsh": linalg.eigvalsh,
        "expm": lambda x: expm(0.1 * x),
        "pinv": pinv,
        "inv": linalg.inv,
        "det": lambda x: pt.log(linalg.det(x) ** 2),
        "slogdet": lambda x: linalg.slogdet(x)[1],
        "power": lambda x: linalg.matrix_power(x, 3),
        "norm": lambda x: linalg.norm(x, "nuc"),
        "cholesky": linalg.cholesky,
    }
    for name, function in one.items():
        for x, value in ((a, positive), (batch, np.stack([positive, 2 * positive]))):
            if x is batch and name in ONE_MATRIX:
                continue
            yield pytest.param(total(function(x)), [x], [value], id=f"{name} {x.ndim}d")
    for assume_a in ("gen", "sym", "her", "pos", "tridiagonal", "banded"):
        cost = total(linalg.solve(a, v, assume_a=assume_a)) + total(
            linalg.solve(a, b, assume_a=assume_a)
        )
        yield pytest.param(cost, [a, b, v], [positive, weights, vector], id=f"solve {assume_a}")
    yield pytest.param(
        total(linalg.eigh(a, b)), [a, b], [square + square.T, positive], id="generalized eigh"
    )
    yield pytest.param(
        total(linalg.eigvalsh(a, b)),
        [a, b],
        [square + square.T, positive],
        id="generalized eigvalsh",
    )
    yield pytest.param(
        total(linalg.cho_solve((a, True), v)),
        [a, v],
        [np.linalg.cholesky(positive), vector],
        id="cho_solve",
    )
    yield pytest.param(
        total(linalg.solve_triangular(a, v, lower=True)),
        [a, v],
        [positive, vector],
        id="solve_triangular",
    )
    yield pytest.param(
        total(linalg.solve_sylvester(a, b, a)), [a, b], [square, positive], id="sylvester"
    )
    yield pytest.param(
        total(linalg.solve_continuous_lyapunov(a, b)), [a, b], [square, positive], id="lyapunov"
    )
    yield pytest.param(
        total(linalg.solve_discrete_lyapunov(0.1 * a, b)),
        [a, b],
        [square, positive],
        id="discrete lyapunov",
    )
    yield pytest.param(
        total(linalg.solve_discrete_are(0.3 * a, b, a @ a.T, b @ b.T)),
        [a, b],
        [square, positive],
        id="are",
    )
    yield pytest.param(total(linalg.kron(a, b)[:3, :3]), [a, b], [square, positive], id="kron")
    yield pytest.param(
        total(linalg.block_diag(a, b)[:3, :3]), [a, b], [square, positive], id="block_diag"
    )


@pytest.mark.parametrize(("cost", "inputs", "values"), list(_gradients()))
def test_gradients(cost, inputs, values):
    """They run natively, with the values of PyTensor's Python backend."""
    check(inputs, [cost, *pytensor.grad(cost, inputs)], *values, rtol=1e-8)


def test_blockwise_of_a_vector_op():
    value = np.array([[1, 1], [0, 1]])
    check_on(value, Blockwise(type(pivot_to_permutation(pt.lvector()).owner.op)(inverse=True)))
