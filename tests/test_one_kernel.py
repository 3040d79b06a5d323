"""The MLX graph of a fused pattern holds one primitive that computes, counted from that graph."""

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from gemmule import _core

# On a GPU a scale that is known only at run time takes several of MLX's ops.
pytestmark = pytest.mark.skipif(mx.default_device() != mx.cpu, reason="counts the CPU's primitives")


def lazy_primitives(inputs, output, values, counted):
    """What MLX would evaluate for these arguments: the names of primitives that compute."""
    f = pytensor.function(inputs, output, mode="GEMMULE")
    compiled = f.vm.jit_fn.gemmule
    (segment,) = compiled.segments
    assert segment.optimised.counts == counted
    given = dict(zip(compiled.conversion.inputs, values, strict=True))
    ordered = [given[variable] for variable in segment.segment.inputs]
    arrays = segment.executable.lazy([mx.array(v, getattr(mx, str(v.dtype))) for v in ordered])
    found = _core.primitives(arrays, views=False)
    for array, expected in zip(arrays, [np.asarray(f(*values))], strict=True):
        np.testing.assert_allclose(np.asarray(array), expected, rtol=1e-5, atol=1e-5)
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("scales", ["constant", "run-time"])
@pytest.mark.parametrize("kernel", ["gemm", "gemv", "ger"])
def test_exactly_one_primitive_computes(kernel, scales, dtype):
    rng = np.random.default_rng(0)
    draw = lambda *shape: np.asarray(rng.normal(size=shape), dtype=dtype)  # noqa: E731
    a, b = pt.scalar("a", dtype=dtype), pt.scalar("b", dtype=dtype)
    inputs, values = [a, b], [draw(), draw()]
    if scales == "constant":
        inputs, values = [], []
        a, b = np.asarray(0.5, dtype), np.asarray(-2, dtype)
    A, B, C = (pt.matrix(name, dtype=dtype) for name in "ABC")
    x, y = pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
    if kernel == "gemm":
        output, more, given = a * (A @ B) + b * C, [A, B, C], [draw(4, 3), draw(3, 5), draw(4, 5)]
    elif kernel == "gemv":
        output, more, given = a * (A @ x) + b * y, [A, x, y], [draw(4, 3), draw(3), draw(4)]
    else:
        output, more, given = A + a * pt.outer(x, y), [A, x, y], [draw(4, 5), draw(4), draw(5)]
        inputs, values = inputs[:1], values[:1]
    found = lazy_primitives([*inputs, *more], output, [*values, *given], {kernel: 1})
    assert found == [kernel.capitalize()]


def test_transposes_and_strides_add_no_kernel():
    A, B, C = pt.fmatrices("A", "B", "C")
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.normal(size=shape).astype("float32")  # noqa: E731
    values = [draw(3, 4), draw(5, 3), draw(5, 4)]
    found = lazy_primitives([A, B, C], np.float32(0.5) * (A.T @ B.T) + C.T, values, {"gemm": 1})
    assert found == ["Gemm"]
