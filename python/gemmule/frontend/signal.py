"""Convolutions."""

from pytensor.tensor.signal.conv import Convolve1d, Convolve2d

from gemmule.frontend.linalg import batched
from gemmule.frontend.registry import unsupported


def _result_size(n: int, k: int, full: int, builder) -> int:
    """n + k - 1 where ``full``, else |n - k| + 1."""
    one = builder.integer(1)
    whole = builder.add("subtract", builder.add("add", n, k), one)
    valid = builder.add("add", builder.add("absolute", builder.add("subtract", n, k)), one)
    constant = builder.graph.constant_value(full)
    if constant is not None:
        return whole if constant.item() else valid
    return builder.add("where", full, whole, valid)


def _convolve(op_name: str, axes: int, inputs, dtype: str, builder) -> list[int]:
    x, y = (builder.cast(value, dtype) for value in inputs[:2])
    full = builder.squeeze(inputs[2], range(builder.rank(inputs[2])))
    if builder.graph.constant_value(full) is None:
        builder.size(inputs[2])  # the sizes of the result depend on it
    rank = builder.rank(x)
    sizes = [
        _result_size(builder.dim(x, axis), builder.dim(y, axis), full, builder)
        for axis in range(rank - axes, rank)
    ]
    return [builder.add(op_name, x, y, *sizes)]


@batched(Convolve1d)
def lower_convolve1d(op, inputs, dtypes, builder):
    return _convolve("convolve1d", 1, inputs, dtypes[0], builder)


@batched(Convolve2d)
def lower_convolve2d(op, inputs, dtypes, builder):
    if dtypes[0] == "bool":
        raise unsupported("Convolve2d of booleans")
    return _convolve("convolve2d", 2, inputs, dtypes[0], builder)
