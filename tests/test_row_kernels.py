"""Sums over rows, joins and updates of slices in float32: on CUDA they are kernels of our own.

On other devices the same graphs run as always; the values are PyTensor's there too.
"""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import gemmule

pytestmark = pytest.mark.usefixtures("executor")


def rng():
    return np.random.default_rng(5)


def check(inputs, outputs, *values, rtol=2e-5, atol=1e-5):
    outputs = outputs if isinstance(outputs, list) else [outputs]
    f = pytensor.function(inputs, outputs, mode="GEMMULE", on_unused_input="ignore")
    g = pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")
    for got, want in zip(f(*values), g(*values), strict=True):
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


def normal(*shape):
    return rng().normal(size=shape).astype("float32")


SHAPES = [(1, 32), (3, 33), (64, 101), (64, 10000), (200, 1025), (2, 100000), (1, 1000003)]


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_and_elements_of_one_pass(shape):
    x, y = pt.fmatrices("x", "y")
    r = y - pt.sigmoid(x)
    values = normal(*shape), normal(*shape)
    check([x, y], [r, r.sum(axis=1), (x * y).sum(axis=1)], *values, atol=2e-3)
    check([x, y], [pt.exp(x) * y, (x * x).sum()], *values)


@pytest.mark.parametrize("axes", [2, (1, 2), (0, 1, 2), 0, 1])
def test_axes(axes):
    x = pt.ftensor3("x")
    check([x], [pt.tanh(x), pt.cos(x).sum(axis=axes)], normal(5, 7, 40), atol=1e-4)


def test_operands_of_any_strides():
    x, row, column = pt.fmatrix("x"), pt.fvector("row"), pt.fcol("column")
    y = x.T * row + column
    values = normal(70, 50), normal(70), normal(50, 1)
    check([x, row, column], [y, y.sum(axis=1)], *values, atol=1e-4)
    z = x[::-1, ::2] - x[:, 1::2]
    check([x], [z, z.sum(axis=1), (z * z).sum()], normal(40, 128), atol=1e-4)


FUNCTIONS = [
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "arctan"),
    *("sinh", "cosh", "tanh", "arcsinh", "sigmoid", "softplus", "erf", "erfc", "abs", "sign"),
    *("floor", "ceil", "trunc", "round", "square", "reciprocal", "log1mexp", "arcsin", "arccos"),
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    x = pt.fmatrix("x")
    y = getattr(pt, name)(x)
    domain = {"log1mexp": (-3, -0.1), "arcsin": (-0.9, 0.9), "arccos": (-0.9, 0.9)}
    low, high = domain.get(name, (0.1, 3.0))
    value = rng().uniform(low, high, size=(9, 65)).astype("float32")
    check([x], [y, y.sum(axis=1)], value, rtol=1e-4, atol=1e-5)


def test_two_operands_and_choices():
    x, y = pt.fmatrices("x", "y")
    terms = [
        pt.switch(x > y, x, pt.minimum(y, 0.5)),
        pt.logaddexp(x, y) * pt.maximum(x, y),
        pt.arctan2(x, y) + pt.clip(x, -0.5, y),
        abs(x) ** y,
        x % (abs(y) + 1),
    ]
    sums = [term.sum(axis=1) for term in terms]
    check([x, y], terms + sums, normal(20, 99), normal(20, 99), rtol=1e-4, atol=1e-4)


def test_integers_and_bools():
    x, n = pt.fmatrix("x"), pt.lmatrix("n")
    few = pt.switch(pt.eq(n % 3, 0) & (n > -5), x, -x)
    check(
        [x, n],
        [few.sum(axis=1), (n > 2).all(axis=1), pt.eq(n, 2).any(axis=1), (x < 9).all()],
        normal(40, 64),
        rng().integers(-9, 9, size=(40, 64)),
        atol=1e-4,
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinities_stay_in_their_rows(bad):
    x = pt.fmatrix("x")
    value = normal(5, 64)
    value[2, 7] = bad
    bounded = pt.switch(pt.isinf(x), np.float32(np.inf), x)
    check([x], [x.sum(axis=1), (2 * x).sum(), bounded.sum(axis=1), pt.isnan(x).any(axis=1)], value)


def test_what_follows_from_sums():
    x, s = pt.fmatrix("x"), pt.fvector("s")
    total = s - 0.5 * (x**2).sum(axis=1)
    check([x, s], [total, pt.exp(-abs(total)), (total * s).sum()], normal(64, 101), normal(64))
    v = pt.fvector("v")
    check([v], pt.log((v**2).sum()) - pt.sqrt(pt.exp(v).sum()), normal(500))
    check([v], (v - v.mean()) / v.std(), normal(500), rtol=1e-4)


def test_softmax_and_moments():
    x = pt.fmatrix("x")
    centred = x - x.mean(axis=1, keepdims=True)
    weights = pt.exp(centred) / pt.exp(centred).sum(axis=1, keepdims=True)
    check([x], [weights, (weights * centred).sum(axis=1)], normal(30, 77), rtol=1e-4)


def test_gradients_are_put_together():
    x, A = pt.fvector("x"), pt.fmatrix("A")
    y = A @ x[:60] + x[60]
    cost = pt.softplus(y).sum() + (x**2).sum() + x[61:].sum() * x[3]
    check([x, A], [cost, pt.grad(cost, x)], normal(100), normal(300, 60), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "where", [np.s_[:, :40], np.s_[1:3, 7:9], np.s_[-1], np.s_[:, ::2], np.s_[2, 5]]
)
@pytest.mark.parametrize("add", [False, True])
def test_updates_of_slices(where, add):
    x, y = pt.fmatrices("x", "y")
    part = (y * 2)[where]
    update = pt.inc_subtensor if add else pt.set_subtensor
    z = update(pt.exp(x)[where], part)
    z = update(z[1, 3:], x[0, 3:])
    check([x, y], [z, z.sum(axis=1)], normal(4, 50), normal(4, 50), atol=1e-4)


def test_joins():
    x, y = pt.fmatrices("x", "y")
    wide = pt.concatenate([x, y[:, :1], pt.exp(x)], axis=1)
    tall = pt.concatenate([x, x * 2, y[:2]], axis=0)
    values = normal(5, 33), normal(5, 33)
    check([x, y], [wide, wide.sum(axis=1), tall, -tall, tall.sum()], *values, atol=1e-4)


def test_many_chains():
    x = normal(300, 40)
    b = pt.vector("b", shape=(41,), dtype="float32")
    eta = pt.constant(x) @ b[:-1] + b[-1]
    logp = -pt.softplus(eta).sum() - 0.5 * (b**2).sum()
    f = pytensor.function([b], [logp, pt.grad(logp, b)], mode="GEMMULE")
    many = gemmule.batched(f, 9)
    assert many.by_chain is None
    points = 0.1 * normal(9, 41)
    logps, gradients = many(points)
    for chain in range(9):
        want = f(points[chain])
        np.testing.assert_allclose(logps[chain], want[0], rtol=1e-4)
        np.testing.assert_allclose(gradients[chain], want[1], rtol=1e-3, atol=1e-3)


def test_waiting():
    import mlx.core as mx

    x = mx.arange(5) + 1
    gemmule.wait([x, (x + 1, None)])
    assert x.tolist() == [1, 2, 3, 4, 5]
