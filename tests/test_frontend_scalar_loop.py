"""Loops over scalars against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native, reference
from pytensor.scalar.basic import Composite
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise

import gemmule

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(11)


def scalars(*dtypes):
    return [ps.get_scalar_type(dtype)() for dtype in dtypes]


def newton(until=True):
    """The square root of `a` by Newton, a counter and the last error: done when that is small."""
    x, k, error, a = scalars("float64", "int8", "float64", "float64")
    new = (x + a / x) / 2
    update = [new, (k + np.int8(1)).astype("int8"), ps.abs(new - x)]
    done = ps.le(ps.abs(new - x), 1e-12) if until else None
    return ScalarLoop(init=[x, k, error], constant=[a], update=update, until=done)


@pytest.mark.parametrize("until", [True, False])
def test_states_counters_and_the_flag(until):
    """All results, with numbers of steps that differ and some that are 0."""
    n, x, a = pt.vector(dtype="int64"), pt.vector(), pt.vector()
    outputs = Elemwise(newton(until))(n, x, np.int8(0), np.float64(0), a)
    assert len(outputs) == (4 if until else 3)
    steps = RNG.integers(0, 12, 300)
    check([n, x, a], outputs, steps, RNG.uniform(0.5, 2, 300), RNG.uniform(0.1, 100, 300))


def test_negative_numbers_of_steps():
    n, x, a = pt.vector(dtype="int64"), pt.vector(), pt.vector()
    values = np.array([-1, 3]), np.ones(2), np.full(2, 9.0)
    check([n, x, a], Elemwise(newton())(n, x, np.int8(0), np.float64(0), a), *values)
    outputs = Elemwise(newton(until=False))(n, x, np.int8(0), np.float64(0), a)
    for f in (reference([n, x, a], outputs), compile_native([n, x, a], outputs)):
        with pytest.raises(ValueError, match="condition"):
            f(*values)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_operands_broadcast(dtype):
    n, x, a = pt.scalar(dtype=dtype), pt.col(), pt.row()
    outputs = Elemwise(newton())(n, x, np.int8(0), np.float64(0), a)
    for rows, columns in ((3, 4), (0, 4), (1, 1)):
        values = RNG.uniform(1, 2, (rows, 1)), RNG.uniform(1, 9, (1, columns))
        check([n, x, a], outputs, np.array(6, dtype), *values)


def test_sizes_that_are_1_only_at_run_time_do_not_broadcast():
    x, a = pt.vector(), pt.vector()
    f = compile_native([x, a], Elemwise(newton())(5, x, np.int8(0), np.float64(0), a)[0])
    assert f(np.ones(3), np.full(3, 4.0)).shape == (3,)
    with pytest.raises(ValueError, match="broadcast"):
        f(np.ones(1), np.full(3, 4.0))


def test_strides():
    n, x, a = pt.matrix(dtype="int64"), pt.matrix(), pt.matrix()
    values = RNG.integers(0, 9, (9, 14)), RNG.uniform(1, 2, (9, 14)), RNG.uniform(1, 9, (9, 14))
    outputs = Elemwise(newton())(
        n[::-2, ::-2], x[::2, 7:], np.int8(0), np.float64(0), a.T[::-2, ::2].T
    )
    check([n, x, a], outputs, *values)


def test_inside_of_composite_and_as_scalar_node():
    n, x, a = scalars("int64", "float64", "float64")
    root, count, *_ = newton()(n, x, *map(ps.constant, (np.int8(0), np.float64(0))), a)
    composite = Composite([n, x, a], [root * 2, count])
    vectors = pt.vector(dtype="int64"), pt.vector(), pt.vector()
    values = RNG.integers(0, 9, 5), RNG.uniform(1, 2, 5), RNG.uniform(1, 9, 5)
    # PyTensor's Python code of a composite mixes up the results of an op that has several.
    outputs = Elemwise(newton())(*vectors[:2], np.int8(0), np.float64(0), vectors[2])
    want = reference(vectors, [outputs[0] * 2, outputs[1]])(*values)
    got = compile_native(vectors, Elemwise(composite)(*vectors))(*values)
    for result, expected in zip(got, want, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-12)
    check([n, x, a], [root, count], 7, 1.5, 2.0)


def test_swapped_states_and_other_dtypes():
    """Fibonacci in unsigned integers that wrap, a bool that flips, a complex that turns."""
    x, y, flag, z, turn = scalars("uint8", "uint8", "bool", "complex128", "complex128")
    update = [ps.identity(y), (x + y).astype("uint8"), ps.xor(flag, np.True_), z * turn]
    op = ScalarLoop(init=[x, y, flag, z], constant=[turn], update=update)
    inputs = [pt.vector(dtype=dtype) for dtype in ("uint8", "uint8", "bool", "complex128")]
    n = pt.vector(dtype="int64")
    values = [RNG.integers(0, 9, 6).astype("uint8") for _ in range(2)]
    values += [RNG.integers(0, 2, 6).astype(bool), RNG.normal(size=6) + 1j]
    check(
        [n, *inputs],
        Elemwise(op)(n, *inputs, np.complex128(0.6 + 0.8j)),
        RNG.integers(0, 30, 6),
        *values,
    )


def test_floats_of_32_bits_and_nan():
    x, k = scalars("float32", "float32")
    op = ScalarLoop(init=[x], constant=[k], update=[x * k], until=ps.gt(x, np.float32(50)))
    v, w = pt.vector(dtype="float32"), pt.vector(dtype="float32")
    values = (
        np.array([1, np.nan, np.inf, -np.inf, 3], "float32"),
        np.array([2, 2, 0, 2, np.nan], "float32"),
    )
    check([v, w], Elemwise(op)(20, v, w), *values)


def test_powers_of_the_body():
    x, k, c = scalars("float64", "int8", "float64")
    update = [x**2 + c**3 - c ** np.float64(2.5) + (k**2) ** 3, (k + np.int8(1)).astype("int8")]
    op = ScalarLoop(init=[x, k], constant=[c], update=update)
    v, w = pt.vector(), pt.vector()
    check([v, w], Elemwise(op)(4, v, np.int8(-2), w), RNG.uniform(-1, 1, 9), RNG.uniform(0, 1, 9))


def test_a_loop_in_a_loop_is_handed_on():
    n, x, a = scalars("int64", "float64", "float64")
    halve = ScalarLoop(init=[x], constant=[a], update=[x / a])
    y = ps.float64()
    op = ScalarLoop(init=[y], constant=[n, a], update=[halve(n, y, a) + a])
    v = pt.vector()
    outputs = Elemwise(op)(2, v, 3, np.float64(2))
    f = pytensor.function([v], outputs, mode="GEMMULE")
    assert "whose body has a loop" in str(gemmule.explain(f).fallbacks)
    np.testing.assert_allclose(f(np.array([1.0, 3.0])), [2.265625, 2.296875], rtol=1e-12)


GRADIENTS = {
    "gammainc": (pt.gammainc, 2, [0], [(0.2, 20), (0.01, 30)]),
    "gammaincc": (pt.gammaincc, 2, [0], [(0.2, 20), (0.01, 30)]),
    "betainc": (pt.betainc, 3, [0, 1], [(0.2, 9), (0.2, 9), (0.01, 0.99)]),
    "hyp2f1": (pt.hyp2f1, 4, [0, 1, 2], [(0.2, 5), (0.2, 5), (0.5, 9), (-0.8, 0.8)]),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_special_functions(name):
    function, count, wrt, ends = GRADIENTS[name]
    inputs = [pt.vector() for _ in range(count)]
    gradients = pt.grad(function(*inputs).sum(), [inputs[i] for i in wrt])
    values = [np.append(RNG.uniform(*end, 12), [0.5, 0.75]) for end in ends]
    values[-1][-2:] = {"betainc": [0.0, 1.5], "hyp2f1": [0.0, 1.5]}.get(name, [0.0, -1.0])
    check(inputs, gradients, *values, rtol=1e-9)
