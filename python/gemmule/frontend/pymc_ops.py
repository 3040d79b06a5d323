"""Ops that PyMC defines, imported when a graph holds one: PyMC is optional."""

import numpy as np
from pymc.distributions.dist_math import SplineWrapper
from scipy.interpolate import PPoly

from gemmule.frontend.registry import lowers, unsupported


@lowers(SplineWrapper)
def lower_spline(node, inputs, builder) -> list[int]:
    """A spline as the polynomial of the interval that x is in.

    With the breakpoints x[i] and the coefficients c[0, i], c[1, i] ... of the interval from x[i] to
    x[i + 1]: sum over j of c[k - j, i] (x - x[i])^j.
    """
    spline = node.op.spline
    outside = getattr(spline, "ext", None)
    if outside not in (0, 1):  # extrapolated, zeros
        raise unsupported(f"a spline with ext={outside}")
    dtype = node.outputs[0].type.dtype
    pieces = PPoly.from_spline(spline._eval_args)
    used = np.flatnonzero(np.diff(pieces.x) > 0)
    starts, coefficients = pieces.x[used], pieces.c[:, used]
    end = pieces.x[used[-1] + 1]

    x = builder.cast(inputs[0], "float64")
    rank = builder.rank(x)
    flat = builder.add("reshape", x, builder.integer(-1)) if rank != 1 else x
    interval = _interval(flat, starts, builder)
    within = builder.add("subtract", flat, _gather(starts, interval, builder))
    result = _gather(coefficients[0], interval, builder)
    for row in coefficients[1:]:
        product = builder.add("multiply", result, within)
        result = builder.add("add", product, _gather(row, interval, builder))
    if outside == 1:
        inside = builder.add(
            "bitwise_and",
            builder.add("greater_equal", flat, builder.constant(starts[0])),
            builder.add("less_equal", flat, builder.constant(end)),
        )
        not_a_number = builder.add("isnan", flat)
        kept = builder.add("bitwise_or", inside, not_a_number)
        result = builder.add("where", kept, result, builder.constant(np.zeros(())))
    if rank != 1:
        result = builder.add("reshape", result, *builder.dims(x))
    return [builder.cast(result, dtype)]


def _interval(x: int, starts: np.ndarray, builder) -> int:
    """The interval that each element is in; those outside are in the first or the last."""
    after = builder.add("searchsorted", builder.constant(starts), x, right=True)
    before = builder.add("subtract", after, builder.integer(1))
    last = builder.integer(len(starts) - 1)
    return builder.add("clip", before, builder.integer(0), last)


def _gather(values: np.ndarray, index: int, builder) -> int:
    return builder.add("gather", builder.constant(np.ascontiguousarray(values)), index, axes=[0])
