"""Convolutions against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.signal.conv import Convolve1d, convolve1d, convolve2d

pytestmark = pytest.mark.usefixtures("executor")

MODES = ["full", "valid", "same"]
DTYPES = ["float32", "float64", "complex64", "complex128", "int8", "int64", "uint16"]


def values_of(dtype, *shape, seed=2):
    rng = np.random.default_rng(seed)
    value = rng.normal(size=shape) * 5
    if np.dtype(dtype).kind == "c":
        value = value + 1j * rng.normal(size=shape)
    return np.abs(value).astype(dtype) if dtype.startswith("u") else value.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(7, 3), (3, 7), (4, 4), (1, 5), (1, 1), (2500, 33), (900, 1400)])
def test_convolve1d(dtype, sizes):
    n, k = sizes
    x, y, batch = pt.vector(dtype=dtype), pt.vector(dtype=dtype), pt.matrix(dtype=dtype)
    outputs = [convolve1d(a, y, mode=mode) for a in (x, batch) for mode in MODES]
    values = values_of(dtype, n), values_of(dtype, k, seed=4), values_of(dtype, 2, n)
    rtol = {"f": 1e-5, "F": 1e-5}.get(np.dtype(dtype).char, 1e-12) * min(n, k)
    check([x, y, batch], outputs, *values, rtol=rtol if np.dtype(dtype).kind in "fc" else 0)


def test_convolve1d_of_booleans_and_of_two_dtypes():
    x, y, z = pt.vector(dtype="bool"), pt.vector(dtype="bool"), pt.vector(dtype="float32")
    outputs = [convolve1d(x, y, mode=mode) for mode in ("full", "valid")] + [convolve1d(x, z)]
    values = np.array([1, 0, 0, 0, 1], bool), np.array([0, 1], bool), values_of("float32", 3)
    check([x, y, z], outputs, *values)


def test_convolve1d_keeps_infinities_apart():
    """An infinity meets no zero behind the ends."""
    x, y = pt.vector(), pt.vector()
    value = np.array([1.0, np.inf, 2.0, 3.0, np.nan, 1.0])
    for mode in ("full", "valid"):
        check([x, y], convolve1d(x, y, mode=mode), value, np.array([1.0, -2.0]))
        check([x, y], convolve1d(x, y, mode=mode), value[::-1], np.array([1.0, np.inf, 2.0, 1, 1]))


@pytest.mark.parametrize("mode", ["full", "valid"])
def test_convolve1d_whose_mode_is_an_argument(mode):
    x, y, full = pt.matrix(), pt.vector(), pt.scalar(dtype="bool")
    out = Blockwise(Convolve1d())(x, y, full)
    check([x, y, full], out, values_of("float64", 2, 9), values_of("float64", 4), mode == "full")


def test_empty_operands():
    x, y = pt.vector(), pt.vector()
    f = compile_native([x, y], convolve1d(x, y))
    for n, k in ((0, 3), (3, 0)):
        with pytest.raises(ValueError, match="empty"):
            f(np.ones(n), np.ones(k))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["direct", "auto"])
def test_convolve2d(dtype, mode, method):
    for shape, kernel in [
        ((6, 7), (3, 2)),
        ((1, 1), (1, 1)),
        ((5, 5), (5, 1)),
        ((2, 6, 5), (3, 3)),
    ]:
        x, y = pt.tensor(dtype=dtype, shape=(None,) * len(shape)), pt.matrix(dtype=dtype)
        rtol = {"f": 2e-5, "F": 2e-5}.get(np.dtype(dtype).char, 1e-11)
        values = values_of(dtype, *shape), values_of(dtype, *kernel, seed=9)
        check([x, y], convolve2d(x, y, mode=mode, method=method), *values, rtol=rtol)


@pytest.mark.parametrize("mode", ["full", "same"])
@pytest.mark.parametrize(
    ("boundary", "fillvalue"), [("fill", 0), ("fill", 2.5), ("wrap", 0), ("symm", 0)]
)
def test_convolve2d_boundaries(mode, boundary, fillvalue):
    x, y = pt.matrix(), pt.matrix()
    out = convolve2d(x, y, mode=mode, boundary=boundary, fillvalue=fillvalue)
    values = values_of("float64", 6, 7), values_of("float64", 3, 2)
    check([x, y], out, *values, rtol=1e-11, native=False)


def test_valid_convolve2d_of_operands_neither_of_which_is_larger():
    x, y = pt.matrix(), pt.matrix()
    f = compile_native([x, y], convolve2d(x, y, mode="valid"))
    f(np.ones((3, 4)), np.ones((5, 6)))
    with pytest.raises(ValueError, match="at least as large as the other in every dimension"):
        f(np.ones((3, 6)), np.ones((4, 2)))


@pytest.mark.parametrize("mode", ["full", "valid"])
@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("sizes", [(9, 4), (4, 9)])
def test_gradients(mode, static, sizes):
    n, k = sizes
    x, y = (pt.vector(shape=(size if static else None,)) for size in sizes)
    cost = pt.sin(convolve1d(x, y, mode=mode)).sum()
    values = values_of("float64", n), values_of("float64", k)
    check([x, y], [cost, *pytensor.grad(cost, [x, y])], *values, rtol=1e-10)
    x, y = (pt.matrix(shape=(size, size + 1) if static else (None, None)) for size in sizes)
    cost = pt.sin(convolve2d(x, y, mode=mode)).sum()
    values = values_of("float64", n, n + 1), values_of("float64", k, k + 1)
    check([x, y], [cost, *pytensor.grad(cost, [x, y])], *values, rtol=1e-9)


def test_gradient_of_a_batch():
    x, y = pt.matrix(), pt.vector()
    cost = pt.sin(convolve1d(x, y, mode="valid")).sum()
    values = values_of("float64", 3, 9), values_of("float64", 4)
    check([x, y], [cost, *pytensor.grad(cost, [x, y])], *values, rtol=1e-10)
