"""``mode="MLX_BLAS"``: the BLAS ops of a graph, and values as in PyTensor's Python."""

import itertools
import subprocess
import sys
import textwrap

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.builders import OpFromGraph
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.replace import vectorize_graph
from pytensor.tensor.blas import (
    _batched_dot,
    _dot22,
    _dot22scalar,
    gemm_inplace,
    gemm_no_inplace,
    gemv_inplace,
    gemv_no_inplace,
)

from gemmule import _core
from gemmule.mlx_blas import MlxBlasLinker, blas_ops
from gemmule.rank_one import ger

FLOATS = ["float32", "float64", "complex64"]
RTOL = {"float16": 1e-2, "float32": 2e-5, "float64": 1e-12, "complex64": 2e-5}

MLX_BLAS = get_mode("MLX_BLAS")
# The same without mx.compile, whose fused kernels take a C++ compiler seconds.
EAGER = Mode(MlxBlasLinker(use_compile=False), MLX_BLAS.provided_optimizer)


def random(shape, dtype, seed=0):
    rng = np.random.default_rng([seed, *shape])
    values = rng.normal(size=shape)
    if dtype.startswith("complex"):
        values = values + 1j * rng.normal(size=shape)
    return values.astype(dtype)


def values_for(inputs, sizes):
    """Random values; ``sizes`` gives the shape of an input by its name."""
    return [
        random(sizes.get(v.name, ()), v.dtype, seed)
        if v.dtype.startswith(("float", "complex"))
        else np.full(sizes.get(v.name, ()), 2, v.dtype)
        for seed, v in enumerate(inputs)
    ]


def check(inputs, outputs, values, counts=None, mode=EAGER, rtol=None):
    """Values, dtypes and shapes as in PyTensor's Python backend, and these BLAS ops."""
    outputs = outputs if isinstance(outputs, list) else [outputs]
    f = pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")
    if counts is not None:
        assert blas_ops(f) == counts
    python = pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")
    kept = [np.array(value) for value in values]
    for got, want in zip(f(*values), python(*values), strict=True):
        assert_same(got, want, rtol)
    for value, old in zip(values, kept, strict=True):
        np.testing.assert_array_equal(value, old, err_msg="an input was changed")
    return f


def assert_same(got, want, rtol=None):
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    rtol = RTOL.get(got.dtype.name, 0) if rtol is None else rtol
    np.testing.assert_allclose(got, want, rtol=rtol, atol=10 * rtol)


def gemm_inputs(dtype="float64"):
    """Z[m, n], X[m, k], Y[k, n] and the scalars a, b, c, d."""
    matrices = [pt.matrix(name, dtype=dtype) for name in "ZXY"]
    return matrices, [pt.scalar(name, dtype=dtype) for name in "abcd"]


SIZES = {"Z": (4, 5), "X": (4, 3), "Y": (3, 5), "R": (4, 2), "S": (2, 5), "U": (4, 5), "v": (5,)}
SQUARE = dict.fromkeys("ZXYRSU", (4, 4)) | {"v": (4,)}

# -- 1. a sum becomes one Gemm ---------------------------------------------------------------------

SUMS = {
    "plain": lambda Z, X, Y, a, b, c, d: Z + X @ Y,
    "product first": lambda Z, X, Y, a, b, c, d: X @ Y + Z,
    "minus product": lambda Z, X, Y, a, b, c, d: Z - X @ Y,
    "minus Z": lambda Z, X, Y, a, b, c, d: X @ Y - Z,
    "alpha": lambda Z, X, Y, a, b, c, d: Z + a * (X @ Y),
    "alpha behind": lambda Z, X, Y, a, b, c, d: Z - (X @ Y) * a,
    "beta": lambda Z, X, Y, a, b, c, d: b * Z + X @ Y,
    "beta behind": lambda Z, X, Y, a, b, c, d: X @ Y - Z * b,
    "both": lambda Z, X, Y, a, b, c, d: b * Z + a * (X @ Y),
    "both, minus": lambda Z, X, Y, a, b, c, d: a * (X @ Y) - b * Z,
    "several scalars": lambda Z, X, Y, a, b, c, d: b * a * b * Z + a * b * a * (X @ Y),
    "quotient": lambda Z, X, Y, a, b, c, d: (X @ Y) / 4 + Z,
    "constants": lambda Z, X, Y, a, b, c, d: 0.5 * (X @ Y) - 2 * Z,
    "nested": lambda Z, X, Y, a, b, c, d: a * Z - b * (c * (X @ Y) + d * Z),
    "Z twice": lambda Z, X, Y, a, b, c, d: Z + Z + X @ Y,
    "product twice": lambda Z, X, Y, a, b, c, d: Z + a * (X @ Y) + b * (X @ Y),
    "Z of shape (1, 1) scales": lambda Z, X, Y, a, b, c, d: (
        Z * b.dimshuffle("x", "x") + X @ Y * a.dimshuffle("x")
    ),
    "product transposed": lambda Z, X, Y, a, b, c, d: Z - a * (Y.T @ X.T).T,
}


@pytest.mark.parametrize("name", SUMS)
def test_sum_becomes_one_gemm(name):
    matrices, scalars = gemm_inputs()
    inputs = [*matrices, *scalars]
    check(inputs, SUMS[name](*inputs), values_for(inputs, SIZES), {"gemm": 1})


@pytest.mark.parametrize(
    "name, dtype",
    # BlasOpt takes complex sums only without scales, and none of float16.
    [("both", "float32"), ("constants", "float32"), ("plain", "complex64")],
)
def test_dtypes_of_gemm(name, dtype):
    matrices, scalars = gemm_inputs(dtype)
    inputs = [*matrices, *scalars]
    check(inputs, SUMS[name](*inputs), values_for(inputs, SIZES), {"gemm": 1})


@pytest.mark.parametrize("transposed", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("sizes", [SIZES, SQUARE], ids=["rectangular", "square"])
def test_transposes(transposed, sizes):
    matrices, (a, b, *_) = gemm_inputs()
    operands = [m.T if t else m for m, t in zip(matrices, transposed, strict=True)]
    sizes = {
        m.name: sizes[m.name][::-1] if t else sizes[m.name]
        for m, t in zip(matrices, transposed, strict=True)
    }
    Z, X, Y = operands
    inputs = [*matrices, a, b]
    check(inputs, b * Z + a * (X @ Y), values_for(inputs, sizes), {"gemm": 1})


def test_one_more_addend_is_added_after():
    (Z, X, Y), (a, b, *_) = gemm_inputs()
    U, v = pt.dmatrix("U"), pt.dvector("v")
    inputs = [Z, X, Y, U, v, a, b]
    for out in [U + b * Z + a * (X @ Y), v + b * Z - a * (X @ Y)]:
        check(inputs, out, values_for(inputs, SIZES), {"gemm": 1})


def test_integers_do_not_widen():
    (Z, X, Y), _ = gemm_inputs("float32")
    i = pt.scalar("i", dtype="int8")
    inputs = [Z, X, Y, i]
    f = check(inputs, 2 * Z - i * (X @ Y) * 3, values_for(inputs, SIZES), {"gemm": 1})
    assert f.maker.fgraph.outputs[0].dtype == "float32"


def test_scale_is_in_double_precision():
    """MLX's own addmm keeps alpha and beta as float32."""
    (Z, X, Y), (a, b, *_) = gemm_inputs()
    inputs = [Z, X, Y, a, b]
    values = [*values_for(inputs[:3], SIZES), np.array(0.1), np.array(1 / 3)]
    check(inputs, a * (X @ Y) + b * Z, values, {"gemm": 1}, rtol=1e-14)
    check(inputs, 0.1 * (X @ Y) + Z / 3, values, {"gemm": 1}, rtol=1e-14)


# -- 2. several Gemms ------------------------------------------------------------------------------


def test_several_gemms():
    (Z, X, Y), (a, b, c, d) = gemm_inputs()
    R, S, U = pt.dmatrices("R", "S", "U")
    inputs = [Z, X, Y, R, S, U, a, b, c, d]
    values = values_for(inputs, SQUARE)
    check(inputs, Z * c + a * (X @ Y) + b * (R @ S).T, values, {"gemm": 2})
    check(inputs, Z * (c * Z + a * (X @ Y) + b * (R @ S).T), values, {"gemm": 2})
    check(inputs, X @ Y + R @ S + Z @ U, values, {"gemm": 2, "matmul": 1})
    check(inputs, X @ gemm_no_inplace(Z, a, R, S, b) + U, values, {"gemm": 2})


def test_product_with_two_readers_is_computed_once():
    (Z, X, Y), (a, *_) = gemm_inputs()
    product = X @ Y
    inputs = [Z, X, Y, a]
    check(inputs, [Z + a * product, product], values_for(inputs, SIZES), {"matmul": 1})


def test_unrolled_rounds():
    """The loop-invariant product is computed once."""
    W, V, h, x = pt.dmatrices("W", "V", "h", "x")
    fixed = V @ x
    state = h
    for _ in range(3):
        state = pt.tanh(W @ state + fixed)
    inputs = [W, V, h, x]
    values = values_for(inputs, dict.fromkeys(["W", "V", "h", "x"], (3, 3)))
    check(inputs, state, values, {"matmul": 4})


# -- 3. must not become Gemm -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "complex64", "int32", "int64"])
def test_scale_that_widens(dtype):
    (Z, X, Y), _ = gemm_inputs("float32")
    s = pt.scalar("s", dtype=dtype)
    inputs = [Z, X, Y, s]
    out = Z + s * (X @ Y)
    f = pytensor.function(inputs, out, mode=EAGER)
    assert blas_ops(f) == {"matmul": 1}
    want = pytensor.function(inputs, out, mode="FAST_COMPILE")
    values = values_for(inputs, SIZES)
    np.testing.assert_allclose(np.asarray(f(*values)), want(*values), rtol=1e-4, atol=1e-4)


def test_addend_that_does_not_fit():
    (Z, X, Y), (a, *_) = gemm_inputs("float32")
    D, row, s = pt.dmatrix("U"), pt.fvector("v"), pt.fscalar("s")
    inputs = [Z, X, Y, D, row, s, a]
    values = values_for(inputs, SIZES)
    for out in [D + X @ Y, s + X @ Y, s * row + X @ Y]:
        check(inputs, out, values, {"matmul": 1}, rtol=1e-4)
    for out in [Z + row * (X @ Y), Z + Z * (X @ Y)]:
        check(inputs, out, values, {"matmul": 1})


@pytest.mark.parametrize("dtypes", [("int32", "int32"), ("int64", "int8"), ("bool", "bool")])
def test_integer_and_bool_products(dtypes):
    X, Y = (pt.matrix(dtype=dtype) for dtype in dtypes)
    big = 2**60 + 1 if dtypes[0] == "int64" else 3
    x = np.array([[big, 0], [1, 0]]).astype(dtypes[0])
    y = np.array([[1, 0], [0, 2]]).astype(dtypes[1])
    check([X, Y], X @ Y, [x, y], {"matmul": 1})


def test_mixed_dtypes_of_a_product():
    X, Y = pt.fmatrix("X"), pt.dmatrix("Y")
    check([X, Y], X @ Y, values_for([X, Y], SIZES), {"matmul": 1})


# -- 4. Gemm as an op ------------------------------------------------------------------------------


def gemm_values(dtype, m, n, k, alpha, beta, z_shape=None):
    z = random((m, n) if z_shape is None else z_shape, dtype, 1)
    scales = [np.asarray(s, dtype) for s in (alpha, beta)]
    return [z, scales[0], random((m, k), dtype, 2), random((k, n), dtype, 3), scales[1]]


def gemm_graph(dtype, op=gemm_no_inplace):
    z, x, y = (pt.matrix(dtype=dtype) for _ in range(3))
    a, b = (pt.scalar(dtype=dtype) for _ in range(2))
    return [z, a, x, y, b], op(z, a, x, y, b)


@pytest.mark.parametrize("dtype", ["float16", *FLOATS])
def test_gemm_scales(dtype):
    inputs, out = gemm_graph(dtype)
    f = pytensor.function(inputs, out, mode=EAGER)
    python = pytensor.function(inputs, out, mode="FAST_COMPILE")
    for alpha, beta in itertools.product([0, 1, -1, -2, 0.6], repeat=2):
        values = gemm_values(dtype, 3, 4, 5, alpha, beta)
        assert_same(f(*values), python(*values))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("known", [False, True])
def test_gemm_does_not_read_z_where_beta_is_0(dtype, known):
    (z, a, x, y, b), _ = gemm_graph(dtype)
    if known:
        b = pt.constant(0, dtype=dtype)
    out = gemm_no_inplace(z, a, x, y, b)
    inputs = [z, a, x, y] if known else [z, a, x, y, b]
    f = pytensor.function(inputs, out, mode=EAGER)
    for m, n, k in [(3, 4, 5), (3, 4, 0)]:
        values = gemm_values(dtype, m, n, k, 0.5, 0)
        values[0][...] = np.nan
        want = 0.5 * (values[2] @ values[3])
        assert_same(f(*values[: len(inputs)]), want.astype(dtype))


@pytest.mark.parametrize("sizes", [(0, 4, 5), (3, 0, 5), (3, 4, 0), (0, 0, 0), (0, 4, 0)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_gemm_of_empty_matrices(sizes, dtype):
    inputs, out = gemm_graph(dtype)
    check(inputs, out, gemm_values(dtype, *sizes, 0.5, 2), {"gemm": 1})


def test_gemm_broadcasts_both_ways():
    inputs, out = gemm_graph("float64")
    f = pytensor.function(inputs, out, mode=EAGER)
    for (m, n), z_shape in itertools.product(
        itertools.product([1, 3], [1, 4]), itertools.product([1, 3], [1, 4])
    ):
        for beta in [0, 2]:
            values = gemm_values("float64", m, n, 5, 0.5, beta, z_shape)
            z, a, x, y, b = values
            want = np.broadcast_to(b * z + a * (x @ y), np.broadcast_shapes((m, n), z_shape))
            assert_same(f(*values), want)


def test_gemm_broadcasts_where_beta_is_a_constant_0():
    (z, a, x, y, _), _ = gemm_graph("float64")
    f = pytensor.function([z, a, x, y], gemm_no_inplace(z, a, x, y, np.float64(0)), mode=EAGER)
    values = gemm_values("float64", 1, 4, 5, 0.5, 0, (3, 4))[:4]
    values[0][...] = np.nan
    assert_same(f(*values), np.repeat(0.5 * values[2] @ values[3], 3, axis=0))


def test_gemm_strides():
    inputs, out = gemm_graph("float64")
    f = pytensor.function(inputs, out, mode=EAGER)
    for step in [1, 2, 3, -1, -2]:
        for order in ["C", "F"]:
            z, a, x, y, b = gemm_values("float64", 4, 5, 3, 0.5, 2)
            strided = []
            for matrix in (z, x, y):
                room = np.zeros([3 * size for size in matrix.shape], order=order)
                view = room[::step, ::-step][: matrix.shape[0], : matrix.shape[1]]
                view[...] = matrix
                strided.append(view)
            assert_same(f(strided[0], a, *strided[1:], b), b * z + a * (x @ y))


def test_gemm_of_sizes_that_do_not_fit():
    inputs, out = gemm_graph("float64")
    f = pytensor.function(inputs, out, mode=EAGER)
    z, a, x, y, b = gemm_values("float64", 3, 4, 5, 1, 1)
    with pytest.raises(ValueError, match="inner dimensions 5 and 4 differ"):
        f(z, a, x, y[:4], b)
    with pytest.raises(ValueError, match="do not broadcast"):
        f(z[:2], a, x, y, b)


def test_ops_that_work_in_place_change_nothing():
    """Arrays of MLX are immutable: only the values of the op matter."""
    for dtype in FLOATS:
        inputs, out = gemm_graph(dtype, gemm_inplace)
        f = pytensor.function(inputs, out, mode=EAGER, accept_inplace=True)
        z, a, x, y, b = gemm_values(dtype, 3, 4, 5, 0.5, 2)
        old = z.copy()
        assert_same(f(z, a, x, y, b), b * z + a * (x @ y))
        np.testing.assert_array_equal(z, old)
    y, x, A = pt.dvector(), pt.dvector(), pt.dmatrix()
    out = gemv_inplace(y, np.float64(0.5), A, x, np.float64(2))
    f = pytensor.function([y, A, x], out, mode=EAGER, accept_inplace=True)
    values = [random((3,), "float64"), random((3, 4), "float64"), random((4,), "float64")]
    assert_same(f(*values), 2 * values[0] + 0.5 * values[1] @ values[2])


# -- 5. updates ------------------------------------------------------------------------------------


def test_updates_of_shared_variables():
    S = pytensor.shared(random((4, 5), "float64"), name="S")
    y = pytensor.shared(random((4,), "float64"), name="y")
    X, Y, x = pt.dmatrix("X"), pt.dmatrix("Y"), pt.dvector("v")
    values = values_for([X, Y, x], SIZES)
    want_s, want_y = S.get_value(), y.get_value()
    f = pytensor.function(
        [X, Y, x], S, updates={S: 0.5 * S + 2 * (X @ Y), y: y + S @ x}, mode=MLX_BLAS
    )
    assert blas_ops(f) == {"gemm": 1, "gemv": 1}
    for _ in range(3):
        assert_same(f(*values), want_s)
        want_s, want_y = 0.5 * want_s + 2 * (values[0] @ values[1]), want_y + want_s @ values[2]
        assert_same(S.get_value(), want_s)
        assert_same(y.get_value(), want_y)


def test_update_that_reads_itself_twice():
    S = pytensor.shared(random((3, 3), "float64"))
    old = S.get_value()
    f = pytensor.function([], [], updates={S: S + 2 * (S.T @ S)}, mode=MLX_BLAS)
    f()
    assert blas_ops(f) == {"gemm": 1}
    assert_same(S.get_value(), old + 2 * (old.T @ old))


# -- 6. Gemv ---------------------------------------------------------------------------------------


def gemv_inputs(dtype):
    vectors = [pt.vector(name, dtype=dtype) for name in "xy"]
    return [pt.matrix("A", dtype=dtype), *vectors, *(pt.scalar(s, dtype=dtype) for s in "ab")]


@pytest.mark.parametrize("dtype", FLOATS)
def test_products_with_a_vector(dtype):
    inputs = A, x, y, *_ = gemv_inputs(dtype)
    values = values_for(inputs, {"A": (4, 3), "x": (3,), "y": (4,)})
    check(inputs, A @ x, values, {"gemv": 1})
    check(inputs, y @ A, values, {"gemv": 1})
    check(inputs, x @ x, values, {"gemv": 1})


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gemv(dtype, transposed):
    inputs = A, x, y, a, b = gemv_inputs(dtype)
    shape = (3, 4) if transposed else (4, 3)
    values = values_for(inputs, {"A": shape, "x": (3,), "y": (4,)})
    A = A.T if transposed else A
    for out in [y + A @ x, b * y + a * (A @ x), b * y - A @ x, a * (A @ x) - y]:
        check(inputs, out, values, {"gemv": 1})
    strided = [values[0][::-1, ::-1], values[1][::-1], np.repeat(values[2], 2)[::2], *values[3:]]
    check(inputs, b * y + a * (A @ x), strided, {"gemv": 1})


@pytest.mark.parametrize("shape", [(3, 2), (0, 2), (3, 0), (0, 0)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_gemv_of_empty_arrays(shape, dtype):
    inputs = A, x, y, *_ = gemv_inputs(dtype)
    m, n = shape
    values = values_for(inputs, {"A": (m, n), "x": (n,), "y": (m,)})
    check(inputs, y + A @ x, values, {"gemv": 1})
    check(inputs, A @ x, values, {"gemv": 1})


def test_gemm_of_a_column_becomes_gemv():
    Z, Y = pt.col("Z", dtype="float64"), pt.col("Y", dtype="float64")
    X = pt.dmatrix("X")
    values = values_for([Z, X, Y], {"Z": (4, 1), "X": (4, 3), "Y": (3, 1)})
    check([Z, X, Y], Z - 2 * (X @ Y), values, {"gemv": 1})


def test_scales_of_gemv_have_any_dtype():
    A, x, y = pt.fmatrix("A"), pt.fvector("x"), pt.fvector("y")
    alpha, beta = pt.dscalar("alpha"), pt.scalar("beta", dtype="int8")
    out = gemv_no_inplace(y, alpha, A, x, beta)
    inputs = [y, alpha, A, x, beta]
    values = values_for(inputs, {"A": (4, 3), "x": (3,), "y": (4,)})
    assert out.dtype == "float32"
    check(inputs, out, values, {"gemv": 1})


@pytest.mark.parametrize("known", [False, True])
def test_gemv_does_not_read_y_where_beta_is_0(known):
    A, x, y = pt.dmatrix("A"), pt.dvector("x"), pt.dvector("y")
    beta = pt.constant(0.0) if known else pt.dscalar("beta")
    f = pytensor.function(
        [y, A, x] if known else [y, A, x, beta],
        gemv_no_inplace(y, np.float64(2), A, x, beta),
        mode=EAGER,
    )
    values = [np.full(4, np.nan), random((4, 3), "float64"), random((3,), "float64")]
    assert_same(f(*values, *([] if known else [0.0])), 2 * values[1] @ values[2])


@pytest.mark.parametrize("beta", [0.0, 2.0])
def test_gemv_of_sizes_that_do_not_fit(beta):
    A, x, y = pt.dmatrix("A"), pt.dvector("x"), pt.dvector("y")
    f = pytensor.function(
        [y, A, x], gemv_no_inplace(y, np.float64(1), A, x, np.float64(beta)), mode=EAGER
    )
    with pytest.raises(ValueError, match="A has 4 rows, y has 1 elements"):
        f(np.zeros(1), np.zeros((4, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="inner dimensions 3 and 2 differ"):
        f(np.zeros(4), np.zeros((4, 3)), np.zeros(2))


def test_wider_scale_of_a_gemv():
    A, x, y, s = pt.fmatrix("A"), pt.fvector("x"), pt.fvector("y"), pt.dscalar("s")
    values = values_for([A, x, y, s], {"A": (4, 3), "x": (3,), "y": (4,)})
    check([A, x, y, s], y + s * (A @ x), values, {"gemv": 1}, rtol=1e-5)


# -- 7. rank-1 updates -----------------------------------------------------------------------------

UPDATES = {
    "outer": lambda A, x, y, a: A + pt.outer(x, y),
    "outer first": lambda A, x, y, a: pt.outer(x, y) + A,
    "minus": lambda A, x, y, a: A - pt.outer(x, y),
    "negated": lambda A, x, y, a: -pt.outer(x, y) + A,
    "constant": lambda A, x, y, a: A + 0.5 * pt.outer(x, y),
    "run-time": lambda A, x, y, a: A + a * pt.outer(x, y),
    "behind": lambda A, x, y, a: A - pt.outer(x, y) * a,
    "broadcast": lambda A, x, y, a: A + a * x[:, None] * y[None, :],
    "y first": lambda A, x, y, a: y * x[:, None] * a + A,
    "a on x": lambda A, x, y, a: A + (a * x)[:, None] * y,
    "a on y": lambda A, x, y, a: A - x[:, None] * (y * a),
    "matmul": lambda A, x, y, a: A + a * (x[:, None] @ y[None, :]),
    "several scales": lambda A, x, y, a: A - a * 2 * pt.outer(x, y) * a / 3,
    "quotient": lambda A, x, y, a: A + pt.outer(x, y) / a,
    "expressions": lambda A, x, y, a: A + pt.outer(x - 1, pt.tanh(y)),
    "quotient of vectors": lambda A, x, y, a: A + x[:, None] / y[None, :],
    "two columns": lambda A, x, y, a: A + x[:, None] * y * pt.tanh(x)[:, None],
    "integer scale": lambda A, x, y, a: A + 2 * pt.outer(x, y),
    "transposed": lambda A, x, y, a: (A.T + pt.outer(y, x)).T,
}
GER_SIZES = {"A": (4, 3), "x": (4,), "y": (3,), "X": (4, 2), "Y": (2, 3), "B": (4, 3)}


def ger_inputs(dtype="float64"):
    A, x, y = pt.matrix("A", dtype=dtype), pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
    return [A, x, y, pt.scalar("a", dtype=dtype)]


@pytest.mark.parametrize("name", UPDATES)
def test_rank_one_update_becomes_ger(name):
    inputs = ger_inputs()
    check(inputs, UPDATES[name](*inputs), values_for(inputs, GER_SIZES), {"ger": 1})


@pytest.mark.parametrize("dtype", ["float16", *FLOATS])
@pytest.mark.parametrize("name", ["outer", "run-time", "minus", "integer scale"])
def test_dtypes_of_ger(name, dtype):
    inputs = ger_inputs(dtype)
    check(inputs, UPDATES[name](*inputs), values_for(inputs, GER_SIZES), {"ger": 1})


@pytest.mark.parametrize("m, n", list(itertools.product([0, 1, 3], repeat=2)))
def test_sizes_of_ger(m, n):
    inputs = ger_inputs()
    values = values_for(inputs, {"A": (m, n), "x": (m,), "y": (n,)})
    check(inputs, UPDATES["run-time"](*inputs), values, {"ger": 1})


def test_ger_of_negative_strides():
    inputs = ger_inputs()
    A, x, y, a = values_for(inputs, GER_SIZES)
    check(inputs, UPDATES["run-time"](*inputs), [A[::-1, ::-1], x[::-1], y[::-1], a], {"ger": 1})


def test_ger_beside_products():
    inputs = A, x, y, a = ger_inputs()
    X, Y = pt.dmatrices("X", "Y")
    inputs = [*inputs, X, Y]
    values = values_for(inputs, GER_SIZES)
    outer = a * pt.outer(x, y)
    for out in [A + outer + X @ Y, outer - 2 * (X @ Y) + A, a * A - outer - (Y.T @ X.T).T]:
        check(inputs, out, values, {"ger": 1, "gemm": 1})
    for out in [outer + X @ Y, outer - X @ Y]:
        check(inputs, out, values, {"ger": 1, "matmul": 1})


def test_ger_updates_a_shared_variable():
    x, y = pt.dvectors("x", "y")
    A = pytensor.shared(random((4, 3), "float64"))
    old = A.get_value()
    values = values_for([x, y], GER_SIZES)
    f = pytensor.function([x, y], [], updates={A: A + 0.1 * pt.outer(x, y)}, mode=MLX_BLAS)
    f(*values)
    f(*values)
    assert blas_ops(f) == {"ger": 1}
    assert_same(A.get_value(), old + 0.2 * np.outer(*values))


NEAR_MISSES = {
    "outer alone": lambda A, B, x, y, a: pt.outer(x, y),
    "minus A": lambda A, B, x, y, a: pt.outer(x, y) - A,
    "two addends": lambda A, B, x, y, a: A + B + pt.outer(x, y),
    "scaled A": lambda A, B, x, y, a: a * A + pt.outer(x, y),
    "full matrix in the product": lambda A, B, x, y, a: A + B * x[:, None] * y,
    "no column": lambda A, B, x, y, a: A + a * y,
    "addend broadcasts": lambda A, B, x, y, a: y + pt.outer(x, y),
    "elementwise reader": lambda A, B, x, y, a: pt.tanh(A + pt.outer(x, y)),
    "quotient by an outer product": lambda A, B, x, y, a: A + 1 / pt.outer(x, y),
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_not_ger(name):
    A, x, y, a = ger_inputs()
    B = pt.dmatrix("B")
    inputs = [A, B, x, y, a]
    check(inputs, NEAR_MISSES[name](*inputs), values_for(inputs, GER_SIZES), {})


def test_outer_product_with_two_readers_is_computed_once():
    inputs = A, x, y, a = ger_inputs()
    product = a * pt.outer(x, y)
    check(inputs, [A + product, product], values_for(inputs, GER_SIZES), {})


def test_dtypes_that_are_not_ger():
    A, x, y, s = pt.fmatrix("A"), pt.fvector("x"), pt.fvector("y"), pt.dscalar("s")
    D = pt.dmatrix("D")
    i, j, K = pt.lvector("x"), pt.lvector("y"), pt.lmatrix("A")
    for inputs, out in [
        ([A, x, y, s], A + s * pt.outer(x, y)),
        ([D, x, y], D + pt.outer(x, y)),
        ([K, i, j], K + pt.outer(i, j)),
    ]:
        values = values_for(inputs, GER_SIZES | {"D": (4, 3)})
        check(inputs, out, values, {}, rtol=1e-5)


def test_ger_as_an_op():
    A, x, y, a = ger_inputs()
    out = ger(A, a, x, y)
    assert (out.dtype, out.ndim) == ("float64", 2)
    values = values_for([A, x, y, a], GER_SIZES)
    check([A, x, y, a], out, values, {"ger": 1})
    f = pytensor.function([A, x, y, a], out.shape, mode="FAST_COMPILE")
    assert [int(size) for size in f(*values)] == [4, 3]
    assert ger(A, pt.constant(2, dtype="int8"), x, y).dtype == "float64"
    for wrong in [(x, a, x, y), (A, A, x, y), (A, a, A, y)]:
        with pytest.raises(TypeError, match="takes a matrix, a scalar and two vectors"):
            ger(*wrong)
    with pytest.raises(TypeError, match="one floating or complex dtype"):
        ger(A, a, pt.fvector(), y)
    with pytest.raises(TypeError, match="alpha of Ger is complex128, wider than float64"):
        ger(A, pt.zscalar(), x, y)
    for mode, message in [(EAGER, "length of y"), ("FAST_COMPILE", "have 4 and 2 elements")]:
        f = pytensor.function([A, x, y, a], out, mode=mode)
        with pytest.raises(ValueError, match=message):
            f(values[0], values[1], values[2][:2], values[3])


# -- 8. Dot22 and Dot22Scalar ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", *FLOATS])
@pytest.mark.parametrize("sizes", [(4, 3, 5), (0, 3, 5), (4, 0, 5), (4, 3, 0), (0, 0, 0)])
def test_products(dtype, sizes):
    X, Y = pt.matrix("X", dtype=dtype), pt.matrix("Y", dtype=dtype)
    s = pt.scalar("s", dtype=dtype)
    m, k, n = sizes
    values = values_for([X, Y, s], {"X": (m, k), "Y": (k, n)})
    check([X, Y, s], X @ Y, values, {"matmul": 1})
    check([X, Y, s], s * (X @ Y), values, {"matmul": 1})
    check([X, Y, s], _dot22scalar(X, Y, s) + _dot22(X, Y), values)


def test_scalar_deeper_in_the_product():
    X, Y, M, r = pt.dmatrix("X"), pt.dmatrix("Y"), pt.dmatrix("Z"), pt.dvector("v")
    s = pt.dscalar("s")
    values = values_for([X, Y, M, r, s], SIZES)
    for out in [s * M * (X @ Y), s * r * (X @ Y), M * (0.5 * (X @ Y))]:
        f = check([X, Y, M, r, s], out, values, {"matmul": 1})
        assert any("Dot22Scalar" in str(node.op) for node in f.maker.fgraph.apply_nodes)


def test_gradient_step():
    A = pytensor.shared(random((3, 3), "float64"))
    python = pytensor.shared(A.get_value())

    def step(variable, mode):
        gradient = pt.grad((variable @ variable).sum(), variable)
        return pytensor.function([], [], updates={variable: variable - 0.1 * gradient}, mode=mode)

    step(A, MLX_BLAS)()
    step(python, "FAST_COMPILE")()
    assert_same(A.get_value(), python.get_value())


# -- 9. BatchedDot ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
def test_batches(dtype):
    X, Y = pt.tensor3("X", dtype=dtype), pt.tensor3("Y", dtype=dtype)
    values = values_for([X, Y], {"X": (2, 4, 3), "Y": (2, 3, 5)})
    check([X, Y], X @ Y, values, {"batched_matmul": 1})
    check([X, Y], X @ Y, [values[0][::-1], values[1][:, ::-1, ::-1]], {"batched_matmul": 1})
    empty = values_for([X, Y], {"X": (0, 4, 3), "Y": (0, 3, 5)})
    check([X, Y], X @ Y, empty, {"batched_matmul": 1})


def test_more_batch_dimensions():
    X, Y = pt.tensor4("X", dtype="float64"), pt.tensor4("Y", dtype="float64")
    values = values_for([X, Y], {"X": (2, 6, 4, 3), "Y": (2, 6, 3, 5)})
    check([X, Y], X @ Y, values, {"batched_matmul": 1})
    Y = pt.tensor("Y", shape=(1, None, None, None), dtype="float64")
    M = pt.dmatrix("M")
    inputs = [X, Y, M]
    values = values_for(inputs, {"X": (2, 6, 4, 3), "Y": (1, 6, 3, 5), "M": (3, 7)})
    check(inputs, [X @ Y, X @ M], values, {"batched_matmul": 1, "matmul": 1})


def test_mixed_dtypes_of_a_batch():
    X, Y = pt.tensor3("X", dtype="float32"), pt.tensor3("Y", dtype="float64")
    values = values_for([X, Y], {"X": (2, 4, 3), "Y": (2, 3, 5)})
    check([X, Y], X @ Y, values, {"batched_matmul": 1})


def test_batches_that_do_not_fit():
    X, Y = pt.dtensor3("X"), pt.dtensor3("Y")
    f = pytensor.function([X, Y], _batched_dot(X, Y), mode=MLX_BLAS)
    for other in (2, 1):
        with pytest.raises(TypeError, match=f"{other} and 3 matrices"):
            f(np.zeros((other, 4, 3)), np.zeros((3, 3, 5)))
    with pytest.raises(ValueError, match="inner dimensions 3 and 2 differ"):
        f(np.zeros((3, 4, 3)), np.zeros((3, 2, 5)))


def test_gradient_of_a_batch():
    X, Y = pt.dtensor3("X"), pt.dtensor3("Y")
    values = values_for([X, Y], {"X": (2, 4, 3), "Y": (2, 3, 5)})
    gradients = pt.grad(pt.tanh(X @ Y).sum(), [X, Y])
    check([X, Y], gradients, values, {"batched_matmul": 3})


# -- inner graphs ----------------------------------------------------------------------------------


def test_inner_graphs():
    (Z, X, Y), _ = gemm_inputs()
    inner = OpFromGraph([Z, X, Y], [0.5 * Z - X @ Y])
    values = values_for([Z, X, Y], SIZES)
    check([Z, X, Y], inner(Z, X, Y), values, {"gemm": 1})


def test_inner_graphs_in_batches():
    (Z, X, Y), _ = gemm_inputs()
    v = pt.dvector("v")
    inner = OpFromGraph([Z, X, Y, v], [Z - 0.5 * (X @ Y), Z @ v])
    outputs = inner(Z, X, Y, v)
    batches = [pt.dtensor3(name) for name in "ZXY"]
    outputs = vectorize_graph(outputs, dict(zip([Z, X, Y], batches, strict=True)))
    sizes = {name: (2, *shape) for name, shape in SIZES.items()} | {"v": (5,)}
    inputs = [*batches, v]
    check(inputs, outputs, values_for(inputs, sizes), {"gemm": 1, "gemv": 1})


# -- the mode --------------------------------------------------------------------------------------


def test_under_compile():
    """The mode as users get it: shapes may change from call to call."""
    (Z, X, Y), (a, b, *_) = gemm_inputs("float32")
    inputs = [Z, X, Y, a, b]
    f = pytensor.function(inputs, b * Z + a * (X @ Y), mode="MLX_BLAS")
    assert blas_ops(f) == {"gemm": 1}
    for m in (4, 7):
        values = values_for(inputs, SIZES | {"Z": (m, 5), "X": (m, 3)})
        z, x, y, alpha, beta = values
        result = f(*values)
        assert isinstance(result, mx.array)
        assert_same(result, beta * z + alpha * (x @ y))


def test_without_compile_where_there_is_nothing_to_fuse():
    (Z, X, Y), _ = gemm_inputs("float32")
    f = pytensor.function([Z, X, Y], [0.5 * (X @ Y.T) + Z, Y.T, Y], mode="MLX_BLAS")
    z, x, y = values_for([Z, X, Y], {"Z": (4, 5), "X": (4, 3), "Y": (5, 3)})
    inside = mx.compile(lambda z, x, y: f.vm.jit_fn(z, x, y)[0])
    want = 0.5 * (x @ y.T) + z
    for call in [
        lambda: f(z, x, y),
        lambda: f(np.asfortranarray(z), x[::-1][::-1], y),
        lambda: f(mx.array(z), x, mx.array(y)),
        lambda: f(*map(mx.array, (z, x, y))),
        lambda: [inside(*map(mx.array, (z, x, y))), y.T, y],
    ]:
        product, transposed, same = call()
        assert isinstance(product, mx.array)
        assert_same(product, want)
        assert_same(transposed, y.T)
        assert_same(same, y)


def test_results_do_not_share_memory_with_numpy():
    X, Y = pt.fmatrix("X"), pt.fmatrix("Y")
    f = pytensor.function([X, Y], [X.T, X @ Y, X], mode="MLX_BLAS")
    x, y = values_for([X, Y], {"X": (4, 3), "Y": (3, 5)})
    wanted = [x.T.copy(), x @ y, x.copy()]
    results = f(x, y)
    x[...] = y[...] = np.nan
    for got, want in zip(results, wanted, strict=True):
        assert_same(got, want)


def test_results_of_mlx_arrays_stay_lazy():
    X, Y = pt.fmatrix("X"), pt.fmatrix("Y")
    f = pytensor.function([X, Y], X @ Y, mode="MLX_BLAS")
    x, y = map(mx.array, values_for([X, Y], {"X": (4, 3), "Y": (3, 5)}))
    # The function itself makes NumPy arrays of its inputs, as in mode="MLX".
    assert _core.primitives(f.vm.jit_fn(x, y)) == ["Matmul"]


def test_linker_by_name():
    X = pt.dmatrix("X")
    f = pytensor.function([X], X @ X.T + X, mode=Mode("mlx_blas", "fast_run"))
    assert blas_ops(f) == {"gemm": 1}


def test_blas_ops_of_another_mode():
    x = pt.dscalar()
    f = pytensor.function([x], x + 1, mode="FAST_COMPILE")
    with pytest.raises(TypeError, match='is not a function compiled with mode="MLX_BLAS"'):
        blas_ops(f)


def test_mode_mlx_is_unchanged():
    script = """
        import numpy as np, pytensor, pytensor.tensor as pt
        from pytensor.compile.mode import get_mode
        from pytensor.link.mlx.dispatch import mlx_funcify
        from pytensor.link.mlx.linker import MLXLinker

        def state():
            A, B, C = pt.dmatrices("A", "B", "C")
            x, y = pt.dvectors("x", "y")
            T = pt.dtensor3("T")
            graph = [0.5 * (A @ B) + C, A @ x, C + pt.outer(x, y), 2 * (A @ B), T @ T]
            f = pytensor.function([A, B, C, x, y, T], graph, mode="MLX")
            ops = sorted(str(node.op) for node in f.maker.fgraph.apply_nodes)
            matrices = [np.arange(9.0).reshape(3, 3) + i for i in range(3)]
            values = f(*matrices, np.arange(3.0), np.ones(3), np.stack(matrices))
            return dict(
                registry=dict(mlx_funcify.registry),
                incompatible=MLXLinker.incompatible_rewrites,
                query=(mode.provided_optimizer.include, mode.provided_optimizer.exclude),
                linker=type(mode.linker),
                ops=ops,
                values=[np.asarray(value).tolist() for value in values],
            )

        mode = get_mode("MLX")
        before = state()
        import gemmule
        A = pt.dmatrix("A")
        pytensor.function([A], A @ A + A, mode="MLX_BLAS")(np.eye(2))
        after = state()
        assert before == after, (before, after)
        assert "BlasOpt" in before["incompatible"]
        """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


@pytest.mark.parametrize("operand", ["matrix", "vector"])
def test_constant_operands(operand):
    rng = np.random.default_rng(5)
    x, v = rng.normal(size=(4, 3)), rng.normal(size=3)
    y = pt.dvector("y")
    if operand == "matrix":
        f = pytensor.function([y], 0.5 * pt.dot(x, y[:3]) + y, mode="MLX_BLAS")
        expected = lambda value: 0.5 * x @ value[:3] + value  # noqa: E731
    else:
        Y = pt.dmatrix("Y")
        f = pytensor.function([Y], pt.dot(Y, v), mode="MLX_BLAS")
        np.testing.assert_allclose(np.asarray(f(x)), x @ v, rtol=1e-12)
        return
    value = rng.normal(size=4)
    np.testing.assert_allclose(np.asarray(f(value)), expected(value), rtol=1e-12)
