"""Elementwise ops against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native
from pytensor.tensor.elemwise import Elemwise

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(3)
FLOATS = ["float32", "float64"]
INTEGERS = ["int8", "int64", "uint8", "uint16"]


def sample(dtype, shape, low=-3, high=3):
    if dtype == "bool":
        return RNG.integers(0, 2, shape).astype(bool)
    if dtype.startswith("uint"):
        return RNG.integers(0, 9, shape).astype(dtype)
    if dtype.startswith("int"):
        return RNG.integers(-9, 9, shape).astype(dtype)
    if dtype.startswith("complex"):
        return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(dtype)
    return RNG.uniform(low, high, shape).astype(dtype)


UNARY = [
    # (function, lowest and highest argument)
    (pt.neg, -3, 3), (pt.abs, -3, 3), (pt.sign, -3, 3), (pt.sqr, -3, 3), (pt.sqrt, 0, 3),
    (pt.reciprocal, 0.5, 3), (pt.floor, -3, 3), (pt.ceil, -3, 3), (pt.trunc, -3, 3),
    (pt.round_half_to_even, -3, 3), (pt.round_half_away_from_zero, -3, 3),
    (pt.exp, -3, 3), (pt.exp2, -3, 3), (pt.expm1, -3, 3), (pt.log, 0.1, 3), (pt.log2, 0.1, 3),
    (pt.log10, 0.1, 3), (pt.log1p, -0.9, 3), (pt.sin, -3, 3), (pt.cos, -3, 3), (pt.tan, -1, 1),
    (pt.arcsin, -1, 1), (pt.arccos, -1, 1), (pt.arctan, -3, 3), (pt.sinh, -3, 3), (pt.cosh, -3, 3),
    (pt.tanh, -3, 3), (pt.arcsinh, -3, 3), (pt.arccosh, 1, 3), (pt.arctanh, -0.9, 0.9),
    (pt.sigmoid, -3, 3), (pt.softplus, -3, 3), (pt.log1mexp, -3, -0.1),
    (pt.erf, -3, 3), (pt.erfc, -3, 3), (pt.erfcx, -3, 3), (pt.erfinv, -0.9, 0.9),
    (pt.erfcinv, 0.1, 1.9), (pt.gamma, 0.5, 3), (pt.gammaln, 0.5, 3), (pt.psi, 0.5, 3),
    (pt.tri_gamma, 0.5, 3), (pt.i0, -3, 3), (pt.i1, -3, 3), (pt.isnan, -3, 3), (pt.isinf, -3, 3),
]  # fmt: skip


@pytest.mark.parametrize("function, low, high", UNARY, ids=lambda f: getattr(f, "name", None))
def test_unary(function, low, high):
    """One function per dtype keeps the number of compilations small: all dtypes at once."""
    inputs = [pt.matrix(dtype=dtype) for dtype in FLOATS]
    values = [sample(dtype, (3, 4), low, high) for dtype in FLOATS]
    check(inputs, [function(x) for x in inputs], *values, rtol=2e-5)
    inputs = [pt.matrix(dtype="float64")]
    check(inputs, [function(x) for x in inputs], values[1], rtol=1e-9)


@pytest.mark.parametrize("function", [pt.sqrt, pt.exp, pt.abs, pt.sign, pt.sqr, pt.floor, pt.isnan])
def test_unary_of_integers(function):
    inputs = [pt.vector(dtype=dtype) for dtype in INTEGERS]
    values = [abs(sample(dtype, 5)) for dtype in INTEGERS]
    check(inputs, [function(x) for x in inputs], *values, rtol=1e-5)


BINARY = [pt.add, pt.sub, pt.mul, pt.true_div, pt.int_div, pt.mod, pt.pow, pt.maximum, pt.minimum,
          pt.eq, pt.neq, pt.lt, pt.le, pt.gt, pt.ge]  # fmt: skip
PAIRS = [
    ("float32", "float32"), ("float64", "float64"), ("float32", "int8"), ("int64", "float32"),
    ("float64", "float32"), ("int8", "uint8"), ("int64", "int8"), ("uint16", "int64"),
    ("bool", "float64"),
]  # fmt: skip


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.scalar_op.name or str(f))
def test_binary_promotes_as_declared(function):
    inputs, outputs, values = [], [], []
    for left, right in PAIRS:
        x, y = pt.matrix(dtype=left), pt.matrix(dtype=right)
        inputs += [x, y]
        outputs.append(function(x, y))
        a, b = sample(left, (3, 4)), sample(right, (3, 4))
        if function in (pt.pow,):
            a, b = abs(a), abs(b)
        if function in (pt.int_div, pt.mod, pt.true_div):
            b = np.where(b == 0, 1, b).astype(right)
        values += [a, b]
    check(inputs, outputs, *values, rtol=1e-5)


@pytest.mark.parametrize(
    "function, values",
    [
        (pt.arctan2, ((-2, 2), (-2, 2))),
        (pt.gammainc, ((0.5, 3), (0.5, 3))),
        (pt.gammaincc, ((0.5, 3), (0.5, 3))),
        (pt.betainc, ((0.5, 3), (0.5, 3), (0.1, 0.9))),
        (pt.ive, ((0.5, 3), (0.5, 3))),
        (pt.kve, ((0.5, 3), (0.5, 3))),
        (pt.clip, ((-3, 3), (-2, -1), (1, 2))),
    ],
)
def test_special_of_several(function, values):
    inputs = [pt.vector() for _ in values]
    check(inputs, function(*inputs), *(RNG.uniform(*ends, 6) for ends in values), rtol=1e-8)


def test_logic_and_bits():
    p, q = pt.vector(dtype="bool"), pt.vector(dtype="bool")
    i, j = pt.vector(dtype="int8"), pt.vector(dtype="int64")
    check(
        [p, q, i, j],
        [p & q, p | q, p ^ q, ~p, i & j, i | j, i ^ j, ~i],
        sample("bool", 5), sample("bool", 5), sample("int8", 5), sample("int64", 5),
    )  # fmt: skip


def test_switch_and_second():
    c, x, y = pt.vector(dtype="int8"), pt.vector(dtype="float32"), pt.scalar(dtype="float64")
    outputs = [pt.switch(c, x, y), pt.where(c > 0, x, 0), pt.second(x, y), pt.fill(x, c)]
    check([c, x, y], outputs, np.array([0, 2, -1], "int8"), sample("float32", 3), np.array(1.5))


def test_cast():
    values = {"float64": np.array([-1.7, 0.0, 3.9]), "int64": np.array([-1, 0, 300])}
    for source, value in values.items():
        x = pt.vector(dtype=source)
        names = ["bool", "int32", "float32", "float64", "complex128"]
        check([x], [pt.cast(x, name) for name in names], value)


def test_complex():
    x, y = pt.vector(dtype="complex128"), pt.vector(dtype="complex64")
    a = sample("complex128", 4)
    real = pt.vector()
    outputs = [
        x + y,
        x * y,
        x / y,
        abs(x),
        x.real,
        x.imag,
        pt.conj(x),
        pt.exp(x),
        pt.complex(real, real),
    ]
    check([x, y, real], outputs, a, a[::-1].astype("complex64"), a.real.copy(), rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (3, 1), (0, 0), (1, 1)])
def test_sizes_0_and_1(shape):
    x, row, scalar = pt.matrix(), pt.row(), pt.scalar()
    value = sample("float64", shape)
    check(
        [x, row, scalar],
        [x + row if shape[1] == 4 else x, x * scalar, pt.exp(x)],
        value, sample("float64", (1, 4)), np.array(2.0),
    )  # fmt: skip


def test_a_size_that_is_not_statically_1_does_not_broadcast():
    x, y = pt.vector(), pt.vector()
    f = compile_native([x, y], x + y)
    with pytest.raises(ValueError):
        f(np.ones(1), np.ones(3))


def test_composite_is_expanded():
    x, y = ps.float64("x"), ps.float64("y")
    op = Elemwise(ps.Composite([x, y], [x * y + ps.exp(x), y - x]))
    a, b = pt.matrix(shape=(None, None)), pt.matrix(shape=(1, None))
    check([a, b], op(a, b), sample("float64", (3, 4)), sample("float64", (1, 4)))


def test_logaddexp():
    x, y = pt.matrix(), pt.vector()
    a, b = sample("float64", (2, 3)) * 400, sample("float64", 3) * 400
    outputs = [pt.logaddexp(x, y), pt.logaddexp(x, y, x), pt.logaddexp(-np.inf, y)]
    check([x, y], outputs, a, b)


def test_nan_and_infinity():
    x = pt.vector()
    value = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])
    outputs = [pt.isnan(x), pt.isinf(x), pt.maximum(x, 0.0), pt.sign(x), pt.clip(x, -1, 1), 1 / x]
    check([x], outputs, value)


def test_more_operands():
    xs = [pt.vector() for _ in range(5)]
    check(xs, [pt.add(*xs), pt.mul(*xs)], *(sample("float64", 3) for _ in xs))


def test_scalar_variables():
    x = pt.scalar()
    scalar = pytensor.tensor.scalar_from_tensor(x)
    check([x], pt.tensor_from_scalar(ps.exp(scalar) + 1), np.array(0.5))
