"""What the frontend's tests share: compile with Gemmule, compare with PyTensor's Python backend."""

import numpy as np
import pytensor

import gemmule


def reference(inputs, outputs):
    """The same function through PyTensor's Python backend."""
    return pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")


def compile_native(inputs, outputs, **kwargs):
    """A function in which the core runs every node."""
    f = pytensor.function(inputs, outputs, mode="GEMMULE", on_unused_input="ignore", **kwargs)
    assert gemmule.explain(f).fallbacks == []
    return f


def assert_same(got, want, rtol=None):
    """Equal dtype, shape and, to a few roundings, values."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    if rtol is None:
        rtol = {"f": 1e-5, "d": 1e-12, "e": 1e-2, "F": 1e-5, "D": 1e-12}.get(got.dtype.char, 0)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)


def check(inputs, outputs, *values, native=True, rtol=None):
    """Compiles both ways and compares all outputs for these values. Returns Gemmule's function."""
    outputs = outputs if isinstance(outputs, list) else [outputs]
    if native:
        f = compile_native(inputs, outputs)
    else:
        f = pytensor.function(inputs, outputs, mode="GEMMULE", on_unused_input="ignore")
    kept = [np.array(value) for value in values]
    with np.errstate(all="ignore"):
        want = reference(inputs, outputs)(*values)
    for got, expected in zip(f(*values), want, strict=True):
        assert_same(got, expected, rtol)
    for value, old in zip(values, kept, strict=True):
        np.testing.assert_array_equal(np.asarray(value), old, err_msg="an input was changed")
    return f
