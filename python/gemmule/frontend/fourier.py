"""Fourier transforms."""

import numpy as np
from pytensor.tensor.fft import IRFFTOp, RFFTOp
from pytensor.tensor.fourier import Fourier

from gemmule.frontend.elemwise import is_complex
from gemmule.frontend.registry import lowers, unsupported


def _working_dtype(dtype: str) -> str:
    if is_complex(dtype):
        raise unsupported("a real transform of complex values")
    return dtype if dtype == "float32" else "float64"


def _along(value: int, axis: int, size: int, inverse: bool, builder) -> int:
    """The complex transform of one axis, to ``size`` elements."""
    order = [i for i in range(builder.rank(value)) if i != axis] + [axis]
    moved = builder.add("fft", builder.transpose(value, order), size, inverse=inverse)
    return builder.transpose(moved, np.argsort(order))


def _sizes(vector: int, count: int, builder) -> list[int]:
    return [builder.size(size) for size in builder.elements(vector, count)]


@lowers(RFFTOp)
def lower_rfft(node, inputs, builder):
    """Of the last axes; real and imaginary parts along one more axis."""
    dtype = node.outputs[0].type.dtype
    value = builder.cast(inputs[0], _working_dtype(dtype))
    rank = builder.rank(value)
    sizes = _sizes(inputs[1], rank - 1, builder)
    result = builder.add("rfft", value, sizes[-1])
    for back, size in enumerate(reversed(sizes[:-1]), start=2):
        result = _along(result, rank - back, size, False, builder)
    parts = [
        builder.expand_dims(builder.cast(builder.add(part, result), dtype), [rank])
        for part in ("real", "imag")
    ]
    return [builder.add("concatenate", *parts, axis=rank)]


@lowers(IRFFTOp)
def lower_irfft(node, inputs, builder):
    """Of the last axes before that of the parts, not normalised."""
    dtype = node.outputs[0].type.dtype
    value = builder.cast(inputs[0], _working_dtype(dtype))
    rank = builder.rank(value) - 1
    parts = [
        builder.squeeze(builder.slice_axis(value, rank, part, part + 1), [rank]) for part in (0, 1)
    ]
    result = builder.add("complex", *parts)
    sizes = _sizes(inputs[1], rank - 1, builder)
    for axis, size in enumerate(sizes[:-1], start=rank - len(sizes)):
        result = _along(result, axis, size, True, builder)
    return [builder.cast(builder.add("irfft", result, sizes[-1]), dtype)]


@lowers(Fourier)
def lower_fourier(node, inputs, builder):
    axis = builder.graph.constant_value(inputs[2])
    if axis is None:
        raise unsupported("Fourier of an axis that is not constant")
    value = builder.cast(inputs[0], node.outputs[0].type.dtype)
    return [_along(value, int(axis), builder.size(inputs[1]), False, builder)]
