"""Products against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import assert_same, check, compile_native
from pytensor.tensor.blas import BatchedDot, Dot22, Dot22Scalar, Gemm, Gemv

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(11)
INEXACT = ["float32", "float64", "complex64", "complex128"]


def sample(dtype, *shape):
    if dtype.startswith("int"):
        return RNG.integers(-5, 5, shape).astype(dtype)
    value = RNG.normal(size=shape)
    if dtype.startswith("complex"):
        value = value + 1j * RNG.normal(size=shape)
    return value.astype(dtype)


@pytest.mark.parametrize("dtype", [*INEXACT, "int8", "int64"])
def test_dot_of_all_ranks(dtype):
    a, b = pt.matrix(dtype=dtype), pt.matrix(dtype=dtype)
    x, y = pt.vector(dtype=dtype), pt.vector(dtype=dtype)
    outputs = [a @ b, a @ x, y @ b.T, pt.dot(x, x), pt.outer(x, y), b.T @ a.T]
    values = [sample(dtype, 3, 4), sample(dtype, 4, 2), sample(dtype, 4), sample(dtype, 2)]
    check([a, b, x, y], outputs, *values)


def test_mixed_dtypes():
    a, b, i = pt.matrix(dtype="float32"), pt.matrix(), pt.matrix(dtype="int32")
    values = sample("float32", 3, 3), sample("float64", 3, 3), sample("int32", 3, 3)
    check([a, b, i], [a @ b, a @ i, i @ b], *values, rtol=1e-5)


def test_exact_beyond_2_to_the_53():
    a = pt.matrix(dtype="int64")
    big = np.array([[2**53 + 1, 1], [3, 2**60 + 7]])
    check([a], a @ a.T, big)


@pytest.mark.parametrize("m, k, n", [(0, 2, 3), (2, 0, 3), (2, 3, 0), (1, 1, 1), (0, 0, 0)])
def test_empty(m, k, n):
    a, b, x = pt.matrix(), pt.matrix(), pt.vector()
    outputs = [a @ b, a @ x, x @ b]
    check([a, b, x], outputs, np.ones((m, k)), np.ones((k, n)), np.ones(k))


def test_rows_and_columns():
    row, column, a = pt.row(), pt.col(), pt.matrix()
    values = sample("float64", 1, 3), sample("float64", 3, 1), sample("float64", 3, 3)
    outputs = [row @ column, column @ row, row @ a, a @ column, column @ (row @ column)]
    check([row, column, a], outputs, *values)


def test_inner_sizes_that_differ():
    a, b = pt.matrix("a"), pt.matrix("b")
    f = compile_native([a, b], a @ b)
    with pytest.raises(ValueError):
        f(np.ones((3, 4)), np.ones((5, 6)))


def test_batches():
    a, b, x = pt.tensor3(), pt.tensor4(), pt.matrix()
    values = sample("float64", 5, 2, 3), sample("float64", 4, 5, 3, 2), sample("float64", 5, 3)
    outputs = [
        a @ b,
        pt.matmul(b, a),
        pt.matvec(a, x),
        pt.vecdot(x, x),
        pt.vecmat(x, b[0]),
        b @ b[0, 0].T,
    ]
    check([a, b, x], outputs, *values)


def test_batched_dot():
    x, y = pt.tensor3(), pt.tensor3()
    f = check([x, y], BatchedDot()(x, y), sample("float64", 3, 2, 4), sample("float64", 3, 4, 5))
    for batch in (1, 2):
        with pytest.raises((TypeError, ValueError)):
            f(np.ones((batch, 2, 4)), np.ones((3, 4, 5)))


@pytest.mark.parametrize("dtype", INEXACT)
@pytest.mark.parametrize("beta", [0.0, 1.0, -2.0])
def test_gemm_op(dtype, beta):
    z, x, y = (pt.matrix(dtype=dtype) for _ in range(3))
    a, b = pt.scalar(dtype=dtype), pt.scalar(dtype=dtype)
    values = [sample(dtype, 3, 2), np.array(0.6, dtype), sample(dtype, 3, 4), sample(dtype, 4, 2)]
    f = check([z, a, x, y, b], Gemm(inplace=False)(z, a, x, y, b), *values, np.array(beta, dtype))
    assert gemmule.explain(f).fallbacks == []


def test_gemm_op_does_not_read_z_for_beta_0():
    z, x, y = pt.matrix(), pt.matrix(), pt.matrix()
    a, b = pt.scalar(), pt.scalar()
    f = compile_native([z, a, x, y, b], Gemm(inplace=False)(z, a, x, y, b))
    result = f(np.full((2, 2), np.nan), 1.0, np.eye(2), np.ones((2, 2)), 0.0)
    np.testing.assert_array_equal(result, np.ones((2, 2)))


@pytest.mark.parametrize("z_shape", [(3, 2), (1, 2), (3, 1), (1, 1)])
@pytest.mark.parametrize("inner", [3, 0])
def test_gemm_op_broadcasts_both_ways(z_shape, inner):
    z, x, y = pt.matrix(), pt.matrix(), pt.matrix()
    a, b = pt.scalar(), pt.scalar()
    f = compile_native([z, a, x, y, b], Gemm(inplace=False)(z, a, x, y, b))
    for rows, columns in [(3, 2), (1, 2), (3, 1)]:
        z_, x_, y_ = RNG.normal(size=z_shape), np.ones((rows, inner)), np.ones((inner, columns))
        assert_same(f(z_, 0.5, x_, y_, 2.0), 0.5 * x_ @ y_ + 2.0 * z_)


def test_gemv_op():
    y, a, x = pt.vector(), pt.matrix(), pt.vector()
    alpha, beta = pt.scalar(dtype="float32"), pt.scalar()
    values = sample("float64", 3), np.float32(0.5), sample("float64", 3, 2), sample("float64", 2)
    f = check(
        [y, alpha, a, x, beta], Gemv(inplace=False)(y, alpha, a, x, beta), *values, np.array(2.0)
    )
    with pytest.raises(ValueError):
        f(np.ones(4), np.float32(1), np.ones((3, 2)), np.ones(2), 1.0)


def test_dot22_ops():
    x, y, a = pt.matrix(), pt.matrix(), pt.scalar()
    values = sample("float64", 3, 4), sample("float64", 4, 2), np.array(0.25)
    check([x, y, a], [Dot22()(x, y), Dot22Scalar()(x, y, a)], *values)


def test_strided_inputs():
    a, b = pt.matrix(), pt.matrix()
    f = compile_native([a, b], a @ b)
    block = RNG.normal(size=(8, 9, 3))
    views = [block[::-2, ::2, 1], block[:4, :5, 0], np.broadcast_to(block[0, :5, 0], (4, 5))]
    views.append(np.asfortranarray(block[:4, :5, 2]))
    for view in views:
        assert_same(f(view, view.T), view @ view.T)
    read_only = block[:4, :5, 0].copy()
    read_only.flags.writeable = False
    assert_same(f(read_only, read_only.T), read_only @ read_only.T)


def test_einsum():
    a, b = pt.tensor3(), pt.matrix()
    outputs = [pt.einsum("bij,jk->bik", a, b), pt.einsum("bij,bij->b", a, a), pt.tensordot(a, b, 1)]
    check([a, b], outputs, sample("float64", 2, 3, 4), sample("float64", 4, 5))


def test_gradient_of_a_network():
    x, w, v = pt.matrix(), pt.matrix(), pt.vector()
    cost = pt.sqr(pt.tanh(x @ w) @ v).sum()
    values = sample("float64", 5, 3), sample("float64", 3, 4), sample("float64", 4)
    check([x, w, v], [cost, *pt.grad(cost, [w, v])], *values)


def test_errors_name_the_node():
    a, b = pt.matrix("a"), pt.matrix("b")
    product = a @ b
    product.name = "mu"
    f = pytensor.function([a, b], pt.exp(product), mode="GEMMULE")
    with pytest.raises(ValueError, match="inner dimensions 4 and 5 differ"):
        f(np.ones((3, 4)), np.ones((5, 6)))
