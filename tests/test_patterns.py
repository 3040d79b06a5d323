"""Every spelling that BLAS recognition must get right, end to end: kernels, values and dtypes.

`X`, `Y`, `Z` ... are float64 matrices, `a` and `b` scalars known only at run time. Each case is
compiled under the mode, its kernels are counted, and its values are compared with PyTensor's
Python linker.
"""

import itertools

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

M, N, K = 4, 5, 3
REFERENCE = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")


def check(inputs, outputs, values, counts=None, rtol=1e-12, without=()):
    """Compiles, counts kernels (exactly `counts`, none of `without`), compares values."""
    single = not isinstance(outputs, list)
    outs = [outputs] if single else outputs
    f = pytensor.function(inputs, outs, mode="GEMMULE", on_unused_input="ignore")
    explanation = gemmule.explain(f)
    assert explanation.fallbacks == []
    if counts is not None:
        assert explanation.counts == counts
    for name in without:
        assert name not in explanation.counts
    expected = pytensor.function(inputs, outs, mode=REFERENCE, on_unused_input="ignore")(*values)
    found = f(*values)
    for e, r, out in zip(expected, found, outs, strict=True):
        assert isinstance(r, np.ndarray)
        assert r.dtype == out.dtype == e.dtype
        assert r.shape == e.shape
        np.testing.assert_allclose(r, e, rtol=rtol, atol=rtol)
    return f


_random = np.random.default_rng(0)


def draw(*shape, dtype="float64"):
    rng = _random
    x = rng.normal(size=shape)
    if dtype.startswith("complex"):
        x = x + 1j * rng.normal(size=shape)
    return np.asarray(x, dtype=dtype)


def matrices(names, dtype="float64"):
    shapes = {"X": (M, K), "Y": (K, N), "Z": (M, N), "U": (M, N), "R": (N, K), "S": (K, M)}
    variables = [pt.matrix(name, dtype=dtype) for name in names]
    return variables, [draw(*shapes[name], dtype=dtype) for name in names]


# -- 1. a sum becomes exactly one gemm
# ------------------------------------------------------------------

GEMM = {"gemm": 1}
ONE_GEMM = {
    "plain": lambda X, Y, Z, a, b: pt.dot(X, Y) + Z,
    "plain_swapped": lambda X, Y, Z, a, b: Z + pt.dot(X, Y),
    "minus_product": lambda X, Y, Z, a, b: Z - pt.dot(X, Y),
    "minus_addend": lambda X, Y, Z, a, b: pt.dot(X, Y) - Z,
    "a": lambda X, Y, Z, a, b: a * pt.dot(X, Y) + Z,
    "a_right": lambda X, Y, Z, a, b: pt.dot(X, Y) * a + Z,
    "b": lambda X, Y, Z, a, b: pt.dot(X, Y) + b * Z,
    "b_right": lambda X, Y, Z, a, b: Z * b + pt.dot(X, Y),
    "both": lambda X, Y, Z, a, b: a * pt.dot(X, Y) + b * Z,
    "both_swapped": lambda X, Y, Z, a, b: Z * b + pt.dot(X, Y) * a,
    "both_minus_product": lambda X, Y, Z, a, b: b * Z - a * pt.dot(X, Y),
    "both_minus_addend": lambda X, Y, Z, a, b: a * pt.dot(X, Y) - b * Z,
    "negative": lambda X, Y, Z, a, b: -(a * pt.dot(X, Y)) - Z,
    "inside_out": lambda X, Y, Z, a, b: -(Z - a * pt.dot(X, Y)),
    "divided": lambda X, Y, Z, a, b: pt.dot(X, Y) / a + Z / b,
    "constants": lambda X, Y, Z, a, b: 2.0 * pt.dot(X, Y) / 3.0 + 0.5 * Z,
    "integers": lambda X, Y, Z, a, b: 2 * pt.dot(X, Y) + 3 * Z,
    "double_transpose": lambda X, Y, Z, a, b: -pt.dot(Y.T, X.T).T + Z,
    "transposed_sum": lambda X, Y, Z, a, b: (a * pt.dot(Y.T, X.T) + Z.T).T,
    "scale_on_operand": lambda X, Y, Z, a, b: pt.dot(X, Y) * 2 + Z * 0.25,
    "scalar_11": lambda X, Y, Z, a, b: a.dimshuffle("x", "x") * pt.dot(X, Y) + Z,
    "addend_minus_scaled_difference": lambda X, Y, Z, a, b: Z - 0.1 * (Z * 0.3 + pt.dot(X, Y)),
    "scaled_difference": lambda X, Y, Z, a, b: 0.1 * (pt.dot(X, Y) - 0.3 * Z),
    "three_constants": lambda X, Y, Z, a, b: 0.1 * pt.dot(X, Y) + 0.2 * 0.3 * Z,
    "same_addend_twice": lambda X, Y, Z, a, b: Z + pt.dot(X, Y) + Z,
    "same_product_twice": lambda X, Y, Z, a, b: Z + pt.dot(X, Y) + pt.dot(X, Y),
    "same_product_two_scales": lambda X, Y, Z, a, b: Z + 2.0 * pt.dot(X, Y) - 0.5 * pt.dot(X, Y),
}


@pytest.mark.parametrize("spelling", ONE_GEMM)
def test_one_gemm(spelling):
    (X, Y, Z), values = matrices("XYZ")
    a, b = pt.dscalars("a", "b")
    out = ONE_GEMM[spelling](X, Y, Z, a, b)
    # A run-time number that has to be turned round first costs elementwise work on one element.
    f = check([X, Y, Z, a, b], out, [*values, draw(), draw()])
    counts = dict(gemmule.explain(f).counts)
    counts.pop("elementwise", None)
    assert counts == GEMM


EXACT = [
    "plain",
    "a",
    "b",
    "both",
    "both_swapped",
    "constants",
    "integers",
    "double_transpose",
    "three_constants",
    "same_product_twice",
    "minus_product",
    "scalar_11",
]


@pytest.mark.parametrize("spelling", EXACT)
def test_one_gemm_and_nothing_else(spelling):
    (X, Y, Z), values = matrices("XYZ")
    a, b = pt.dscalars("a", "b")
    check([X, Y, Z, a, b], ONE_GEMM[spelling](X, Y, Z, a, b), [*values, draw(), draw()], GEMM)


@pytest.mark.parametrize(
    "spelling", ["many_scalars", "nested", "more_terms", "another_addend", "coefficients"]
)
def test_one_gemm_with_work_on_scalars_or_addends(spelling):
    (X, Y, Z, U), values = matrices("XYZU")
    a, b, c, d = pt.dscalars("a", "b", "c", "d")
    out = {
        "many_scalars": lambda: a * b * a * pt.dot(X, Y) + b * b * a * Z,
        "nested": lambda: a * Z - b * (c * pt.dot(X, Y) + d * Z),
        "more_terms": lambda: a * Z + b * pt.dot(X, Y) + c * Z + Z,
        "another_addend": lambda: U + a * pt.dot(X, Y) + b * Z,
        "coefficients": lambda: a * pt.dot(X, Y) + b * pt.dot(X, Y) + Z,
    }[spelling]()
    f = check([X, Y, Z, U, a, b, c, d], out, [*values, draw(), draw(), draw(), draw()])
    counts = dict(gemmule.explain(f).counts)
    assert counts.pop("elementwise") >= 1
    assert counts == GEMM


@pytest.mark.parametrize("flags", list(itertools.product([False, True], repeat=4)))
@pytest.mark.parametrize("square", [False, True])
def test_transposes(flags, square):
    tx, ty, tz, tp = flags
    m, n, k = (4, 4, 4) if square else (M, N, K)
    X, Y, Z = pt.dmatrices("X", "Y", "Z")
    x = draw(*((k, m) if tx else (m, k)))
    y = draw(*((n, k) if ty else (k, n)))
    product = pt.dot(X.T if tx else X, Y.T if ty else Y)
    rows, columns = (n, m) if tp else (m, n)
    product = product.T if tp else product
    z = draw(*((columns, rows) if tz else (rows, columns)))
    check([X, Y, Z], 0.5 * product + (Z.T if tz else Z), [x, y, z], GEMM)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("sign", [1, -1])
def test_row_bias_is_added_after(place, sign):
    (X, Y, Z), values = matrices("XYZ")
    v = pt.dvector("v")
    a, b = 0.5, 2.0
    product = a * pt.dot(X, Y) * sign
    terms = [[v, b * Z, product], [b * Z, v, product], [b * Z, product, v], [product, v, b * Z]][
        place
    ]
    check(
        [X, Y, Z, v],
        terms[0] + terms[1] + terms[2],
        [*values, draw(N)],
        {"gemm": 1, "elementwise": 1},
    )


def test_constants_are_merged():
    (X, Y, Z), values = matrices("XYZ")
    lr, l2 = pt.constant(0.1), pt.constant(0.3)
    check([X, Y, Z], lr * pt.dot(X, Y) + l2 * lr * Z, values, GEMM)
    check([X, Y, Z], lr * (pt.dot(X, Y) - l2 * Z), values, GEMM)
    check([X, Y, Z], Z - lr * (Z * 0.0001 + pt.dot(X, Y)), values, GEMM)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_integer_scalars_that_do_not_widen_fuse(dtype):
    (X, Y, Z), values = matrices("XYZ", dtype)
    i = pt.scalar("i", dtype="int8")
    f = check(
        [X, Y, Z, i],
        i * pt.dot(X, Y) + Z,
        [*values, np.int8(3)],
        rtol=1e-5 if dtype == "float32" else 1e-12,
    )
    assert gemmule.explain(f).counts["gemm"] == 1


@pytest.mark.parametrize("shape", ["0-d", "(1,)", "(1,1)", "broadcast"])
def test_anything_with_one_element_is_a_scalar(shape):
    (X, Y, Z), values = matrices("XYZ")
    s, value = {
        "0-d": lambda: (pt.dscalar("s"), draw()),
        "(1,)": lambda: (pt.tensor("s", shape=(1,), dtype="float64"), draw(1)),
        "(1,1)": lambda: (pt.tensor("s", shape=(1, 1), dtype="float64"), draw(1, 1)),
        "broadcast": lambda: (pt.dscalar("s"), draw()),
    }[shape]()
    scale = s.dimshuffle("x", "x") if shape == "broadcast" else s
    check([X, Y, Z, s], scale * pt.dot(X, Y) + Z, [*values, value], GEMM)


# -- 2. several gemms
# ---------------------------------------------------------------------------------------


def test_two_products_are_chained():
    (X, Y, Z, R, S), values = matrices("XYZRS")
    a, b, c = pt.dscalars("a", "b", "c")
    check(
        [X, Y, Z, R, S, a, b, c],
        Z * c + a * pt.dot(X, Y) + b * pt.dot(R, S).T,
        [*values, draw(), draw(), draw()],
        {"gemm": 2},
    )


def test_gemm_of_a_gemm():
    (X, Y, Z, R, S), values = matrices("XYZRS")
    inner = 0.3 * pt.dot(X, Y) + Z
    check([X, Y, Z, R, S], inner - pt.dot(R, S).T, values, {"gemm": 2})


def test_product_with_a_sum_of_two_gemms():
    (X, Y, Z, R, S), values = matrices("XYZRS")
    a, b, c = pt.dscalars("a", "b", "c")
    check(
        [X, Y, Z, R, S, a, b, c],
        Z * (c * Z + a * pt.dot(X, Y) + b * pt.dot(R, S).T),
        [*values, draw(), draw(), draw()],
        {"gemm": 2, "elementwise": 1},
    )


def test_three_products_are_one_product_and_two_gemms():
    (X, Y, R, S), values = matrices("XYRS")
    P, Q = pt.dmatrices("P", "Q")
    out = pt.dot(X, Y) + pt.dot(R, S).T + pt.dot(P, Q)
    check([X, Y, R, S, P, Q], out, [*values, draw(M, 2), draw(2, N)], {"matmul": 1, "gemm": 2})


@pytest.mark.parametrize("rounds", [1, 3])
def test_unrolled_net_with_a_loop_invariant_product(rounds):
    # visible product V@W is read in every round: it is computed once and is an addend, never
    # swallowed.
    V, W, H, G = pt.dmatrices("V", "W", "H", "G")
    invariant = pt.dot(V, W)
    h, outs = H, []
    for _ in range(rounds):
        u = pt.tanh(invariant + pt.dot(h, G))
        h = pt.tanh(u + 0.5 * pt.dot(u, G))
    values = [draw(3, 4), draw(4, 4), draw(3, 4), draw(4, 4)]
    outs = [h, invariant]
    f = check([V, W, H, G], outs, values)
    counts = gemmule.explain(f).counts
    assert counts["matmul"] + counts["gemm"] == 2 * rounds + 1
    assert counts["matmul"] == 1


# -- 3. must not become gemm
# ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["float64", "int32", "int64", "complex64"])
def test_a_scale_that_widens_stays_outside(scale):
    (X, Y, Z), values = matrices("XYZ", "float32")
    s = pt.scalar("s", dtype=scale)
    f = check(
        [X, Y, Z, s],
        s * pt.dot(X, Y) + Z,
        [*values, np.asarray(2, scale)],
        without=["gemm"],
        rtol=1e-5,
    )
    assert gemmule.explain(f).counts["matmul"] == 1


def test_an_addend_of_another_dtype():
    (X, Y), values = matrices("XY", "float32")
    Z = pt.dmatrix("Z")
    check(
        [X, Y, Z],
        pt.dot(X, Y) + Z,
        [*values, draw(M, N)],
        {"matmul": 1, "elementwise": 1},
        rtol=1e-5,
    )


def test_addends_that_would_broadcast():
    (X, Y), values = matrices("XY")
    s, v, w = pt.dscalar("s"), pt.dvector("v"), pt.dvector("w")
    check([v, w, s], s + pt.dot(v, w), [draw(4), draw(4), draw()], without=["gemm", "gemv"])
    f = check([X, Y, v, s], s * v + pt.dot(X, Y), [*values, draw(N), draw()], without=["gemm"])
    assert any(
        "would have to broadcast" in missed["reason"] for missed in gemmule.explain(f).missed
    )


@pytest.mark.parametrize(
    "dtypes",
    [
        ("int64", "int64"),
        ("int8", "int32"),
        ("bool", "bool"),
        ("float32", "float64"),
        ("float32", "int32"),
        ("float64", "int64"),
    ],
)
def test_integer_and_mixed_products(dtypes):
    X, Y = (pt.matrix(dtype=d) for d in dtypes)
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 2 if "bool" in dtypes else 100, (M, K)), rng.integers(0, 2, (K, N))
    values = [x.astype(dtypes[0]), y.astype(dtypes[1])]
    check([X, Y], pt.dot(X, Y), values, without=["gemm"])


def test_int64_products_are_exact():
    X, Y = pt.lmatrices("X", "Y")
    x = np.array([[2**53 + 1, 1]])
    f = pytensor.function([X, Y], pt.dot(X, Y), mode="GEMMULE")
    assert f(x, np.array([[1], [2]])).tolist() == [[2**53 + 3]]


@pytest.mark.parametrize("kind", ["row", "column", "matrix"])
def test_a_scale_that_is_no_scalar(kind):
    (X, Y, Z), values = matrices("XYZ")
    shape = {"row": (1, N), "column": (M, 1), "matrix": (M, N)}[kind]
    s = pt.tensor("s", shape=tuple(1 if d == 1 else None for d in shape), dtype="float64")
    check(
        [X, Y, Z, s], s * pt.dot(X, Y) + Z, [*values, draw(*shape)], {"matmul": 1, "elementwise": 1}
    )


def test_a_product_with_another_reader():
    (X, Y, Z), values = matrices("XYZ")
    P = pt.dot(X, Y)
    f = check([X, Y, Z], [P + Z, pt.exp(P)], values, without=["gemm"])
    assert gemmule.explain(f).counts["matmul"] == 1
    assert any("other readers" in missed["reason"] for missed in gemmule.explain(f).missed)


# -- 5. in place: aliasing, shared variables
# --------------------------------------------------------------------


def test_shared_update_repeats():
    S = pytensor.shared(draw(M, N), name="S")
    X, Y = pt.dmatrices("X", "Y")
    expected = S.get_value()
    f = pytensor.function([X, Y], updates=[(S, 0.5 * S + 2.0 * pt.dot(X, Y))], mode="GEMMULE")
    assert gemmule.explain(f).counts == GEMM
    for _ in range(4):
        x, y = draw(M, K), draw(K, N)
        f(x, y)
        expected = 0.5 * expected + 2.0 * x @ y
        np.testing.assert_allclose(S.get_value(), expected, rtol=1e-12)


@pytest.mark.parametrize("layout", ["transposed", "strided", "reversed"])
def test_shared_update_of_strided_storage(layout):
    base = draw(2 * N, 2 * M)
    value = {
        "transposed": base[:N, :M].T,
        "strided": base[: 2 * M : 2, : 2 * N : 2][:M, :N],
        "reversed": base[:M, :N][::-1, ::-1],
    }[layout]
    if layout == "strided":
        value = draw(2 * M, 2 * N)[::2, ::2]
    S = pytensor.shared(value, name="S", borrow=True)
    X, Y = pt.dmatrices("X", "Y")
    x, y, old = draw(M, K), draw(K, N), np.array(value)
    f = pytensor.function([X, Y], updates=[(S, S + pt.dot(X, Y))], mode="GEMMULE")
    f(x, y)
    f(x, y)
    np.testing.assert_allclose(S.get_value(), old + 2 * x @ y, rtol=1e-12)


def test_update_that_reads_itself_as_a_factor():
    S = pytensor.shared(draw(4, 4), name="S")
    old = S.get_value()
    f = pytensor.function([], updates=[(S, S + pt.dot(S, S.T))], mode="GEMMULE")
    f()
    np.testing.assert_allclose(S.get_value(), old + old @ old.T, rtol=1e-12)


def test_old_value_that_is_returned_survives():
    S = pytensor.shared(draw(M, N), name="S")
    X, Y = pt.dmatrices("X", "Y")
    old = S.get_value()
    x, y = draw(M, K), draw(K, N)
    f = pytensor.function([X, Y], [S, S.T], updates=[(S, S + pt.dot(X, Y))], mode="GEMMULE")
    returned, transposed = f(x, y)
    np.testing.assert_array_equal(returned, old)
    np.testing.assert_array_equal(transposed, old.T)
    f(x, y)
    np.testing.assert_array_equal(returned, old)
    np.testing.assert_allclose(S.get_value(), old + 2 * x @ y, rtol=1e-12)


def test_updates_all_read_the_old_values():
    S, T = pytensor.shared(draw(3, 3)), pytensor.shared(draw(3, 3))
    s, t = S.get_value(), T.get_value()
    f = pytensor.function(
        [], updates=[(S, S + pt.dot(S, T)), (T, T + pt.dot(S, T))], mode="GEMMULE"
    )
    f()
    np.testing.assert_allclose(S.get_value(), s + s @ t, rtol=1e-12)
    np.testing.assert_allclose(T.get_value(), t + s @ t, rtol=1e-12)


def test_a_failing_call_leaves_shared_variables():
    S = pytensor.shared(draw(M, N), name="S")
    X, Y = pt.dmatrices("X", "Y")
    old = S.get_value()
    f = pytensor.function([X, Y], updates=[(S, S + pt.dot(X, Y))], mode="GEMMULE")
    with pytest.raises(ValueError):
        f(draw(M, K), draw(K + 1, N))
    with pytest.raises(ValueError):
        f(draw(M + 1, K), draw(K, N))
    np.testing.assert_array_equal(S.get_value(), old)


def test_plain_inputs_are_never_overwritten():
    (X, Y, Z), values = matrices("XYZ")
    copies = [v.copy() for v in values]
    f = pytensor.function([X, Y, Z], 0.5 * pt.dot(X, Y) + Z, mode="GEMMULE")
    for _ in range(3):
        f(*values)
    for value, copy in zip(values, copies, strict=True):
        np.testing.assert_array_equal(value, copy)


# -- 6. gemv -------------------------------------------------------------------------------------
# --------------


GEMV = {"gemv": 1}


def test_products_with_vectors():
    v, w, A = pt.dvector("v"), pt.dvector("w"), pt.dmatrix("A")
    check([v, w], pt.dot(v, w), [draw(4), draw(4)], {"dot": 1})
    check([v, A], pt.dot(v, A), [draw(M), draw(M, N)], GEMV)
    check([A, v], pt.dot(A, v), [draw(M, N), draw(N)], GEMV)
    check([A, v], pt.dot(A.T, v), [draw(M, N), draw(M)], GEMV)


SUMS = {
    "plain": lambda A, x, y, a, b: y + pt.dot(A, x),
    "minus": lambda A, x, y, a, b: y - pt.dot(A, x),
    "scaled": lambda A, x, y, a, b: b * y + a * pt.dot(A, x),
    "constants": lambda A, x, y, a, b: 0.5 * y - 2.0 * pt.dot(A, x),
    "transposed": lambda A, x, y, a, b: b * y + a * pt.dot(A.T.T, x),
    "strided_x": lambda A, x, y, a, b: y + a * pt.dot(A, x[::-1]),
    "vector_first": lambda A, x, y, a, b: y + pt.dot(x, A.T),
}


@pytest.mark.parametrize("spelling", SUMS)
def test_one_gemv(spelling):
    A, x, y, a, b = (
        pt.dmatrix("A"),
        pt.dvector("x"),
        pt.dvector("y"),
        pt.dscalar("a"),
        pt.dscalar("b"),
    )
    check(
        [A, x, y, a, b],
        SUMS[spelling](A, x, y, a, b),
        [draw(M, N), draw(N), draw(M), draw(), draw()],
        GEMV,
    )


@pytest.mark.parametrize("shape", [(3, 2), (0, 2), (3, 0), (0, 0), (1, 1)])
def test_gemv_shapes(shape):
    A, x, y = pt.dmatrix("A"), pt.dvector("x"), pt.dvector("y")
    check([A, x, y], y + 0.5 * pt.dot(A, x), [draw(*shape), draw(shape[1]), draw(shape[0])], GEMV)


def test_gemv_of_strided_data():
    A, x, y = pt.dmatrix("A"), pt.dvector("x"), pt.dvector("y")
    f = pytensor.function([A, x, y], y + 0.5 * pt.dot(A, x), mode="GEMMULE")
    base, xs, ys = draw(3 * M, 3 * N), draw(3 * N), draw(3 * M)
    for sa, sb, sx, sy in itertools.product([1, 2, 3, -1, -2, -3], [1, -1, 2], [1, -1, 2], [1, -1]):
        a, xv, yv = base[::sa, ::sb][:M, :N], xs[::sx][:N], ys[::sy][:M]
        np.testing.assert_allclose(f(a, xv, yv), yv + 0.5 * a @ xv, rtol=1e-12, atol=1e-15)


def test_static_rows_and_columns_become_gemv():
    A = pt.dmatrix("A")
    column, out = (
        pt.tensor("c", shape=(None, 1), dtype="float64"),
        pt.tensor("o", shape=(None, 1), dtype="float64"),
    )
    check(
        [A, column, out], out + 0.5 * pt.dot(A, column), [draw(M, N), draw(N, 1), draw(M, 1)], GEMV
    )
    row, out = (
        pt.tensor("r", shape=(1, None), dtype="float64"),
        pt.tensor("o", shape=(1, None), dtype="float64"),
    )
    check([A, row, out], out + 0.5 * pt.dot(row, A), [draw(M, N), draw(1, M), draw(1, N)], GEMV)


def test_wider_scale_multiplies_after_a_narrow_gemv():
    A, x, a = pt.fmatrix("A"), pt.fvector("x"), pt.dscalar("a")
    check(
        [A, x, a],
        a * pt.dot(A, x),
        [draw(M, N, dtype="float32"), draw(N, dtype="float32"), draw()],
        {"gemv": 1, "elementwise": 1},
        rtol=1e-5,
    )


def test_wrong_lengths_raise():
    A, x, y = pt.dmatrix("A"), pt.dvector("x"), pt.dvector("y")
    f = pytensor.function([A, x, y], y + pt.dot(A, x), mode="GEMMULE")
    with pytest.raises(ValueError, match=r"\[gemv\].*inner dimensions 5 and 4 differ"):
        f(draw(M, N), draw(N - 1), draw(M))
    with pytest.raises(ValueError, match=r"\[gemv\].*shapes must be equal"):
        f(draw(M, N), draw(N), draw(M + 1))


def test_gemv_update_in_place():
    y = pytensor.shared(draw(M), name="y")
    A, x = pt.dmatrix("A"), pt.dvector("x")
    old, a, v = y.get_value(), draw(M, N), draw(N)
    f = pytensor.function([A, x], updates=[(y, y + pt.dot(A, x))], mode="GEMMULE")
    assert gemmule.explain(f).counts == GEMV
    f(a, v)
    f(a, v)
    np.testing.assert_allclose(y.get_value(), old + 2 * a @ v, rtol=1e-12)


# -- 7. ger --------------------------------------------------------------------------------------
# ---------------

GER = {"ger": 1}
UPDATES = {
    "outer": lambda A, x, y, a: pt.outer(x, y),
    "plus": lambda A, x, y, a: A + pt.outer(x, y),
    "plus_swapped": lambda A, x, y, a: pt.outer(x, y) + A,
    "minus": lambda A, x, y, a: A - pt.outer(x, y),
    "constant": lambda A, x, y, a: A + np.asarray(0.1, A.dtype) * pt.outer(x, y),
    "scale": lambda A, x, y, a: A + a * x[:, None] * y[None, :],
    "scale_between": lambda A, x, y, a: A + x[:, None] * a * y[None, :],
    "scale_last": lambda A, x, y, a: A + x[:, None] * y[None, :] * a,
    "row_first": lambda A, x, y, a: y[None, :] * (x[:, None] * a) + A,
    "vector_row": lambda A, x, y, a: A + a * (x[:, None] * y),
    "dot_of_column_and_row": lambda A, x, y, a: A + a * pt.dot(x[:, None], y[None, :]),
}


@pytest.mark.parametrize("spelling", UPDATES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_rank_one_updates(spelling, dtype):
    A, x, y, a = (
        pt.matrix("A", dtype=dtype),
        pt.vector("x", dtype=dtype),
        pt.vector("y", dtype=dtype),
        pt.scalar("a", dtype=dtype),
    )
    values = [
        draw(M, N, dtype=dtype),
        draw(M, dtype=dtype),
        draw(N, dtype=dtype),
        draw(dtype=dtype),
    ]
    rtol = 1e-5 if dtype in ("float32", "complex64") else 1e-12
    check([A, x, y, a], UPDATES[spelling](A, x, y, a), values, GER, rtol=rtol)


def test_both_terms_scaled_is_a_gemm():
    A, x, y = pt.dmatrix("A"), pt.dvector("x"), pt.dvector("y")
    check([A, x, y], 0.2 * A + 0.1 * pt.outer(x, y), [draw(M, N), draw(M), draw(N)], GEMM)


def test_outer_product_as_the_addend_of_a_gemm():
    (X, Y, Z), values = matrices("XYZ")
    x, y = pt.dvector("x"), pt.dvector("y")
    vectors = [draw(M), draw(N)]
    check(
        [X, Y, Z, x, y],
        0.5 * pt.dot(X, Y) + Z + pt.outer(x, y),
        [*values, *vectors],
        {"gemm": 1, "ger": 1},
    )
    check(
        [X, Y, Z, x, y],
        0.5 * pt.dot(X, Y) + pt.outer(x, y),
        [*values, *vectors],
        {"gemm": 1, "ger": 1},
    )


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 3), (3, 1), (1, 1), (0, 0)])
def test_ger_shapes(shape):
    A, x, y = pt.dmatrix("A"), pt.dvector("x"), pt.dvector("y")
    check([A, x, y], A + 0.1 * pt.outer(x, y), [draw(*shape), draw(shape[0]), draw(shape[1])], GER)


def test_ger_of_reversed_data_and_in_place():
    A, x, y = pt.dmatrix("A"), pt.dvector("x"), pt.dvector("y")
    f = pytensor.function([A, x, y], A + 0.1 * pt.outer(x, y), mode="GEMMULE")
    a, xv, yv = draw(M, N)[::-1, ::-1], draw(M)[::-1], draw(2 * N)[::-2]
    np.testing.assert_allclose(f(a, xv, yv), a + 0.1 * np.outer(xv, yv), rtol=1e-12)
    S = pytensor.shared(draw(M, N))
    old = S.get_value()
    g = pytensor.function([x, y], updates=[(S, S + pt.outer(x, y))], mode="GEMMULE")
    assert gemmule.explain(g).counts == GER
    g(xv, yv)
    g(xv, yv)
    np.testing.assert_allclose(S.get_value(), old + 2 * np.outer(xv, yv), rtol=1e-12)


# -- 8. products with and without a scale
# -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(
    "shape", [(4, 3, 5), (0, 3, 5), (4, 0, 5), (4, 3, 0), (0, 0, 0), (1, 1, 1)]
)
def test_products(dtype, shape):
    m, k, n = shape
    X, Y = pt.matrix("X", dtype=dtype), pt.matrix("Y", dtype=dtype)
    check(
        [X, Y],
        pt.dot(X, Y),
        [draw(m, k, dtype=dtype), draw(k, n, dtype=dtype)],
        {"matmul": 1},
        rtol=1e-4 if dtype in ("float32", "complex64") else 1e-12,
    )


@pytest.mark.parametrize(
    "place", ["left", "right", "deep_matrix", "deep_row", "after_matrix", "integer"]
)
def test_scaled_product(place):
    (X, Y, Z), values = matrices("XYZ")
    a, r = pt.dscalar("a"), pt.tensor("r", shape=(1, None), dtype="float64")
    out, elementwise = {
        "left": lambda: (a * pt.dot(X, Y), 0),
        "right": lambda: (pt.dot(X, Y) * a, 0),
        "deep_matrix": lambda: (Z * (a * pt.dot(X, Y)), 1),
        "deep_row": lambda: (r * (a * pt.dot(X, Y)), 1),
        "after_matrix": lambda: ((a * Z) * pt.dot(X, Y), 1),
        "integer": lambda: (3 * pt.dot(X, Y), 0),
    }[place]()
    expected = {"matmul": 1} | ({"elementwise": elementwise} if elementwise else {})
    f = check([X, Y, Z, a, r], out, [*values, draw(), draw(1, N)], expected)
    (kernel,) = [k for k in gemmule.explain(f).graphs[0].nodes if k["op"] == "matmul"]
    assert len(kernel["inputs"]) == 3  # the scale is the product's


def test_matrix_updated_from_its_own_gradient():
    A = pytensor.shared(draw(4, 4), name="A")
    old = A.get_value()
    cost = pt.dot(A, A).sum()
    f = pytensor.function([], cost, updates=[(A, A - 0.1 * pt.grad(cost, A))], mode="GEMMULE")
    np.testing.assert_allclose(f(), (old @ old).sum(), rtol=1e-12)
    ones = np.ones((4, 4))
    np.testing.assert_allclose(A.get_value(), old - 0.1 * (ones @ old.T + old.T @ ones), rtol=1e-12)


# -- 9. batches ----------------------------------------------------------------------------------
# -----------------


@pytest.mark.parametrize("batch", [(2,), (2, 3), (0,), (1,)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_batched_products(batch, dtype):
    rank = len(batch) + 2
    X, Y = (pt.tensor(shape=(None,) * rank, dtype=dtype) for _ in range(2))
    values = [draw(*batch, M, K, dtype=dtype), draw(*batch, K, N, dtype=dtype)]
    check(
        [X, Y],
        pt.matmul(X, Y),
        values,
        {"batched_matmul": 1},
        rtol=1e-5 if dtype in ("float32", "complex64") else 1e-12,
    )


def test_batched_gemm():
    X, Y, Z = pt.dtensor3s("X", "Y", "Z")
    a = pt.dscalar("a")
    values = [draw(2, M, K), draw(2, K, N), draw(2, M, N), draw()]
    check([X, Y, Z, a], a * pt.matmul(X, Y) + 0.5 * Z, values, {"batched_gemm": 1})
    check([X, Y, Z, a], a * pt.matmul(X, Y), values, {"batched_matmul": 1})


def test_batch_dimensions_broadcast_where_static():
    X, Y = pt.tensor("X", shape=(1, None, None), dtype="float64"), pt.dtensor3("Y")
    f = check([X, Y], pt.matmul(X, Y), [draw(1, M, K), draw(3, K, N)])
    assert (
        gemmule.explain(f).counts.get("batched_matmul", 0)
        + gemmule.explain(f).counts.get("matmul", 0)
        == 1
    )
    A = pt.dmatrix("A")
    check([A, Y], pt.matmul(A, Y), [draw(M, K), draw(3, K, N)])


def test_batches_that_do_not_fit_raise():
    X, Y = pt.dtensor3s("X", "Y")
    f = pytensor.function([X, Y], pt.matmul(X, Y), mode="GEMMULE")
    for x, y in [
        (draw(2, M, K), draw(3, K, N)),
        (draw(1, M, K), draw(3, K, N)),
        (draw(2, M, K), draw(2, K + 1, N)),
    ]:
        with pytest.raises((ValueError, TypeError), match=r"\[batched_matmul\].*differ"):
            f(x, y)


def test_batches_of_strided_data_and_gradients():
    X, Y = pt.dtensor3s("X", "Y")
    out = pt.matmul(X, Y)
    cost = (out**2).sum()
    base, other = draw(4, M, K), draw(4, N, K)
    values = [base[::-2], other[::2].swapaxes(1, 2)]
    check([X, Y], [out, *pt.grad(cost, [X, Y])], values)


# -- numbers -------------------------------------------------------------------------------------
# -----------------


def test_alpha_keeps_double_precision():
    (X, Y, Z), (x, y, z) = matrices("XYZ")
    f = pytensor.function([X, Y, Z], 0.1 * pt.dot(X, Y) + Z, mode="GEMMULE")
    exact = (0.1 * (x.astype(np.longdouble) @ y.astype(np.longdouble)) + z).astype(float)
    assert np.max(np.abs(f(x, y, z) - exact) / np.maximum(np.abs(exact), 1)) < 1e-15


@pytest.mark.parametrize("beta", ["constant", "run-time"])
def test_beta_zero_does_not_read_the_addend(beta):
    # As a BLAS op of the graph: the addend is uninitialised memory there.
    from pytensor.tensor.blas import gemm_no_inplace, gemv_no_inplace

    Z, X, Y, b = pt.dmatrix("Z"), pt.dmatrix("X"), pt.dmatrix("Y"), pt.dscalar("b")
    x, y, z = draw(M, K), draw(K, N), np.full((M, N), np.nan)
    zero = pt.constant(0.0, dtype="float64") if beta == "constant" else b
    out = gemm_no_inplace(Z, pt.constant(0.5, dtype="float64"), X, Y, zero)
    f = pytensor.function([Z, X, Y, b], out, mode="GEMMULE", on_unused_input="ignore")
    np.testing.assert_allclose(f(z, x, y, 0.0), 0.5 * x @ y, rtol=1e-12)
    v, w = pt.dvector("v"), pt.dvector("w")
    g = pytensor.function(
        [v, X, w, b],
        gemv_no_inplace(v, pt.constant(0.5, dtype="float64"), X, w, zero),
        mode="GEMMULE",
        on_unused_input="ignore",
    )
    np.testing.assert_allclose(
        g(np.full(M, np.nan), x, y[:, 0], 0.0), 0.5 * x @ y[:, 0], rtol=1e-12
    )


def test_no_inner_dimension_gives_the_scaled_addend():
    X, Y, Z = pt.dmatrices("X", "Y", "Z")
    z = draw(M, N)
    f = pytensor.function([X, Y, Z], pt.dot(X, Y) + 0.5 * Z, mode="GEMMULE")
    np.testing.assert_array_equal(f(np.zeros((M, 0)), np.zeros((0, N)), z), 0.5 * z)


@pytest.mark.parametrize(
    "shapes",
    [((M, 1), (1, N)), ((1, N), (M, 1)), ((1, 1), (M, N)), ((M, N), (1, 1)), ((M, 1), (M, N))],
)
def test_explicit_gemm_broadcasts_both_ways(shapes):
    from pytensor.tensor.blas import gemm_no_inplace

    zs, (m, n) = shapes
    X, Y, Z = pt.dmatrices("X", "Y", "Z")
    x, y, z = draw(m, K), draw(K, n), draw(*zs)
    f = pytensor.function(
        [Z, X, Y],
        gemm_no_inplace(
            Z, pt.constant(0.5, dtype="float64"), X, Y, pt.constant(2.0, dtype="float64")
        ),
        mode="GEMMULE",
    )
    np.testing.assert_allclose(f(z, x, y), 2 * z + 0.5 * x @ y, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("alpha", [0, 1, -1, -2, 0.6])
@pytest.mark.parametrize("beta", [0, 1, -1, -2, 0.6])
def test_explicit_gemm(dtype, alpha, beta):
    from pytensor.tensor.blas import gemm_no_inplace

    (X, Y, Z), (x, y, z) = matrices("XYZ", dtype)
    a, b = pt.scalar("a", dtype=dtype), pt.scalar("b", dtype=dtype)
    f = pytensor.function([Z, a, X, Y, b], gemm_no_inplace(Z, a, X, Y, b), mode="GEMMULE")
    assert gemmule.explain(f).counts == GEMM
    found = f(z, np.asarray(alpha, dtype), x, y, np.asarray(beta, dtype))
    assert found.dtype == dtype
    rtol = 1e-5 if dtype in ("float32", "complex64") else 1e-12
    np.testing.assert_allclose(found, alpha * (x @ y) + beta * z, rtol=rtol, atol=rtol)


def test_operands_of_any_strides():
    (X, Y, Z), _ = matrices("XYZ")
    f = pytensor.function([X, Y, Z], 0.5 * pt.dot(X, Y) + Z, mode="GEMMULE")
    steps = [1, 2, 3, -1, -2, -3]
    bases = [draw(3 * M, 3 * K), draw(3 * K, 3 * N), draw(3 * M, 3 * N)]
    slab = draw(M, 4, K)
    for s, t in itertools.product(steps, steps):
        x, y, z = (
            b[::s, ::t][:r, :c] for b, (r, c) in zip(bases, [(M, K), (K, N), (M, N)], strict=True)
        )
        np.testing.assert_allclose(f(x, y, z), 0.5 * x @ y + z, rtol=1e-12)
        np.testing.assert_allclose(f(slab[:, 1], y, z), 0.5 * slab[:, 1] @ y + z, rtol=1e-12)
        xt = np.asfortranarray(x)
        np.testing.assert_allclose(f(xt, y, z), 0.5 * x @ y + z, rtol=1e-12)
    stretched = np.broadcast_to(draw(1, K), (M, K))
    y, z = draw(K, N), draw(M, N)
    np.testing.assert_allclose(f(stretched, y, z), 0.5 * stretched @ y + z, rtol=1e-12)
