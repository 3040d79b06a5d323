"""Reductions, running sums and sorting against PyTensor's Python backend."""

import numpy as np
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(9)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "uint16", "int64"])
def test_reductions(dtype):
    x = pt.tensor3(dtype=dtype)
    outputs = [
        function(x, axis=axis)
        for function in (pt.sum, pt.prod, pt.max, pt.min)
        for axis in (None, 0, (0, 2))
    ]
    value = RNG.integers(0, 3, (2, 3, 4)).astype(dtype)
    check([x], outputs, value, rtol=1e-5)


def test_reductions_with_dtypes():
    x, i = pt.matrix(dtype="float32"), pt.matrix(dtype="int8")
    outputs = [
        pt.sum(x, dtype="float64"), pt.sum(x, acc_dtype="float64"), pt.sum(i),
        pt.sum(i, dtype="int8"), pt.sum(i, dtype="float32"), pt.prod(i, dtype="int64"),
        pt.mean(x), pt.mean(i), pt.var(x, axis=0),
    ]  # fmt: skip
    values = RNG.normal(size=(3, 4)).astype("float32"), RNG.integers(-90, 90, (3, 4)).astype("int8")
    check([x, i], outputs, *values, rtol=1e-5)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1)])
def test_empty(shape):
    x = pt.matrix()
    outputs = [
        pt.sum(x),
        pt.prod(x, axis=0),
        pt.sum(x, axis=1),
        pt.all(x > 0),
        pt.any(x > 0, axis=0),
    ]
    check([x], outputs, np.ones(shape))


def test_extremum_of_nothing():
    x = pt.vector()
    f = compile_native([x], pt.max(x))
    with pytest.raises(ValueError):
        f(np.ones(0))


def test_extrema_with_nan():
    x = pt.matrix()
    value = np.array([[1.0, np.nan, 2.0], [3.0, 4.0, -np.inf]])
    outputs = [pt.max(x, axis=1), pt.min(x, axis=1), pt.argmax(x, axis=1), pt.max(x), pt.argmax(x)]
    check([x], outputs, value)


def test_logical():
    x, p = pt.matrix(), pt.matrix(dtype="bool")
    outputs = [pt.all(p), pt.any(p, axis=0), pt.all(x, axis=1), pt.any(x)]
    check([x, p], outputs, np.array([[0.0, 1], [2, 3]]), np.array([[True, False], [True, True]]))


def test_argmax_and_argmin():
    x = pt.tensor3()
    outputs = [pt.argmax(x), pt.argmax(x, axis=1), pt.argmin(x, axis=0), pt.argmax(x, axis=(0, 2))]
    check([x], outputs, RNG.normal(size=(2, 3, 4)))


def test_running_sums():
    x = pt.matrix()
    outputs = [pt.cumsum(x, axis=0), pt.cumprod(x, axis=1), pt.cumsum(x)]
    check([x], [*outputs, pt.grad(pt.cumsum(x, axis=0)[1].sum(), x)], RNG.normal(size=(3, 4)))


def test_sorting():
    x, i = pt.matrix(), pt.lvector()
    outputs = [
        pt.sort(x),
        pt.sort(x, axis=0),
        pt.argsort(x, axis=1),
        pt.sort(i),
        pt.sort(x, axis=None),
    ]
    check([x, i], outputs, RNG.normal(size=(3, 4)), np.array([3, 1, 2]))


def test_product_gradient():
    x = pt.matrix()
    value = RNG.normal(size=(3, 4))
    value[1, 2] = 0
    check([x], pt.grad(pt.prod(x, axis=0).sum(), x), value)


def test_logsumexp_and_softmax():
    x = pt.matrix()
    outputs = [pt.logsumexp(x, axis=1), pt.special.softmax(x, axis=0), pt.std(x), pt.ptp(x)]
    check([x], outputs, RNG.normal(size=(3, 4)) * 300)
