"""Products of matrices and vectors."""

from pytensor.tensor.blas import BatchedDot, Dot22, Dot22Scalar, Gemm, Gemv
from pytensor.tensor.math import Dot

from gemmule.frontend.registry import lowers


@lowers(Dot, Dot22)
def lower_dot(node, inputs, builder):
    """A product of matrices; where one is a row or a column, a smaller op says the same."""
    dtype = node.outputs[0].type.dtype
    a, b = (builder.cast(value, dtype) for value in inputs)
    (rows, inner), (_, columns) = builder.shape(a), builder.shape(b)
    if rows == 1 and columns == 1:
        product = builder.add("dot", builder.squeeze(a, [0]), builder.squeeze(b, [1]))
        return [builder.expand_dims(product, [0, 1])]
    if columns == 1:
        product = builder.add("matvec", a, builder.squeeze(b, [1]))
        return [builder.expand_dims(product, [1])]
    if rows == 1:
        product = builder.add("matvec", builder.swap_last(b), builder.squeeze(a, [0]))
        return [builder.expand_dims(product, [0])]
    if inner == 1 or builder.shape(b)[0] == 1:
        return [builder.add("outer", builder.squeeze(a, [1]), builder.squeeze(b, [0]))]
    return [builder.add("matmul", a, b)]


@lowers(Dot22Scalar)
def lower_dot22_scalar(node, inputs, builder):
    return [builder.add("matmul", *inputs)]


def batched_product(a: int, b: int, batch_sizes: list[int], builder) -> int:
    """``a @ b`` over batch dims that are given the same sizes first."""
    a, b = (match_batch(value, 2, batch_sizes, builder) for value in (a, b))
    return builder.add("batched_matmul", a, b)


def match_batch(value: int, core: int, batch_sizes: list[int], builder) -> int:
    """``value`` with its leading dims broadcast to ``batch_sizes`` where they are statically 1.

    What has no ``core`` dims is a setting and stays as it is.
    """
    if core == 0:
        return value
    shape = builder.shape(value)
    batch = len(batch_sizes)
    if not any(
        shape[axis] == 1 and builder.graph.constant_value(batch_sizes[axis]) != 1
        for axis in range(batch)
    ):
        return value
    core_sizes = [builder.dim(value, axis) for axis in range(batch, batch + core)]
    return builder.broadcast_to(value, [*batch_sizes, *core_sizes])


@lowers(BatchedDot)
def lower_batched_dot(node, inputs, builder):
    return [builder.add("batched_matmul", *inputs)]


@lowers(Gemm)
def lower_gemm(node, inputs, builder):
    z, alpha, x, y, beta = inputs
    # Either of the product and z may turn out to be one row or column, which stretches.
    shape = builder.shape(z)
    fits = shape == (builder.shape(x)[0], builder.shape(y)[1]) and None not in shape
    attributes = {} if fits else {"broadcast_c": True}
    return [builder.add("gemm", alpha, x, y, beta, z, **attributes)]


@lowers(Gemv)
def lower_gemv(node, inputs, builder):
    y, alpha, a, x, beta = inputs
    dtype = node.outputs[0].type.dtype
    alpha, beta = builder.cast(alpha, dtype), builder.cast(beta, dtype)
    return [builder.add("gemv", alpha, a, x, beta, y)]
