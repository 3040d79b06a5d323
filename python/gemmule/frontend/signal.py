"""Convolutions, as products with the matrix of all windows."""

import numpy as np
from pytensor.tensor.signal.conv import Convolve1d

from gemmule.frontend.builder import INT_MAX, INT_MIN
from gemmule.frontend.linalg import batched
from gemmule.frontend.registry import unsupported

#: Elements of that matrix, above which a loop without it is better.
LARGEST_WINDOWS = 1 << 18


@batched(Convolve1d)
def lower_convolve1d(op, inputs, dtypes, builder):
    """out[i] = sum_j a[i + j] * b[m - 1 - j], a between m - 1 zeros on both sides for ``full``.

    Shapes: a [..., n], b [..., m], result [..., n + m - 1] (full) or [..., |n - m| + 1] (valid).
    """
    a, b = (builder.cast(value, dtypes[0]) for value in inputs[:2])
    full = builder.graph.constant_value(inputs[2])
    axis = builder.rank(a) - 1
    n, m = builder.shape(a)[axis], builder.shape(b)[axis]
    if full is None or n is None or m is None or min(n, m) == 0:
        raise unsupported("Convolve1d with sizes that are not static")
    if n < m:  # as NumPy: the sum is the same
        a, b, n, m = b, a, m, n
    count = n + m - 1 if full.item() else n - m + 1
    if count * m > LARGEST_WINDOWS:
        raise unsupported("Convolve1d of long vectors")
    if full.item():
        batch = [builder.dim(a, i) for i in range(axis)]
        padding = builder.zeros(dtypes[0], [*batch, builder.integer(m - 1)])
        a = builder.add("concatenate", padding, a, padding, axis=axis)
    positions = np.add.outer(np.arange(count), np.arange(m))
    windows = builder.add("gather", a, builder.constant(positions), axes=[axis])
    backwards = builder.slice_axis(b, axis, INT_MAX, INT_MIN, -1)
    if axis == 0:
        return [builder.add("matvec", windows, backwards)]
    column = builder.expand_dims(backwards, [axis + 1])
    return [builder.squeeze(builder.add("batched_matmul", windows, column), [axis + 1])]
