"""Fourier transforms against PyTensor's Python backend."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from frontend_support import check, compile_native
from pytensor.tensor import fft
from pytensor.tensor.fourier import Fourier

pytestmark = pytest.mark.usefixtures("executor")

RNG = np.random.default_rng(6)
NORMS = [None, "ortho", "no_norm"]


def tolerance(dtype):
    return {"float32": 2e-5, "complex64": 2e-5}.get(dtype, 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(3, 8), (1, 1), (2, 7), (2, 5, 6), (2, 3, 4, 5), (0, 4)])
def test_rfft_and_irfft(dtype, norm, shape):
    x = pt.tensor(dtype=dtype, shape=(None,) * len(shape))
    there = fft.rfft(x, norm=norm)
    outputs = [there, fft.irfft(there, norm=norm, is_odd=bool(shape[-1] % 2))]
    check([x], outputs, RNG.normal(size=shape).astype(dtype), rtol=tolerance(dtype))


def test_static_shapes_and_integers():
    x = pt.tensor(dtype="float64", shape=(2, 6))
    check([x], fft.rfft(x), RNG.normal(size=(2, 6)))
    n = pt.tensor(dtype="int64", shape=(2, 6))
    check([n], fft.rfft_op(n), RNG.integers(-9, 9, size=(2, 6)))


@pytest.mark.parametrize("size", [1, 4, 6, 9])
def test_cropped_and_padded(size):
    x, s = pt.matrix(), pt.lvector()
    y = pt.tensor3()
    outputs = [fft.rfft_op(x, np.array([size])), fft.irfft_op(y, np.array([size]))]
    check([x, y, s], outputs, RNG.normal(size=(2, 6)), RNG.normal(size=(2, 4, 2)), [1])


@pytest.mark.parametrize("sizes", [[4, 3], [6, 5]])
def test_sizes_as_an_argument(sizes):
    x, y = pt.tensor3(), pt.tensor4()
    s = pt.tensor(dtype="int64", shape=(2,))
    outputs = [fft.rfft_op(x, s), fft.irfft_op(y, s)]
    check(
        [x, y, s],
        outputs,
        RNG.normal(size=(2, 5, 4)),
        RNG.normal(size=(2, 5, 3, 2)),
        np.array(sizes),
    )


def test_no_points():
    x = pt.matrix()
    f = compile_native([x], fft.rfft_op(x, np.array([0])))
    with pytest.raises(ValueError, match=r"invalid number of FFT data points \(0\)"):
        f(np.ones((2, 3)))


def test_nan_and_strides():
    x = pt.matrix()
    value = RNG.normal(size=(4, 12))[::-2, ::-3]
    check([x], fft.rfft(x[:, ::-1]), value)
    value = RNG.normal(size=(2, 6))
    value[1, 2] = np.nan
    check([x], fft.rfft(x), value)


@pytest.mark.parametrize("dtype", ["float64", "complex128", "int32"])
@pytest.mark.parametrize(("n", "axis"), [(None, None), (3, 0), (9, 1), (1, 2)])
def test_fourier(dtype, n, axis):
    x = pt.tensor3(dtype=dtype)
    value = (RNG.normal(size=(2, 5, 4)) * 5).astype(dtype)
    axis = pt.constant(axis, dtype="int64") if axis is not None else None
    check([x], Fourier()(x, n, axis), value, rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 6), (2, 7), (2, 3, 4)])
def test_gradients(shape):
    x = pt.tensor(dtype="float64", shape=(None,) * len(shape))
    weights = RNG.normal(size=(*shape[:-1], shape[-1] // 2 + 1, 2))
    cost = (fft.rfft(x) * weights).sum()
    back = (pt.sin(fft.irfft(fft.rfft(x), is_odd=bool(shape[-1] % 2))) ** 2).sum()
    outputs = [pytensor.grad(cost, x), pytensor.grad(back, x)]
    check([x], outputs, RNG.normal(size=shape), rtol=1e-11)
