"""Ops that make arrays or put them together: Alloc, ARange, Eye, MakeVector, Join, Split."""

import numpy as np
import pytensor.scalar as ps
from pytensor.graph.basic import Constant
from pytensor.tensor.basic import (
    Alloc,
    AllocEmpty,
    ARange,
    ExtractDiag,
    Eye,
    Join,
    MakeVector,
    Split,
)

from gemmule.frontend.registry import lowers, unsupported


@lowers(Alloc)
def lower_alloc(node, inputs, builder):
    value, *sizes = inputs
    return [builder.broadcast_to(value, [builder.size(size) for size in sizes])]


@lowers(AllocEmpty)
def lower_alloc_empty(node, inputs, builder):
    return [builder.zeros(node.op.dtype, [builder.size(size) for size in inputs])]


@lowers(MakeVector)
def lower_make_vector(node, inputs, builder):
    dtype = node.outputs[0].type.dtype
    elements = [builder.cast(value, dtype) for value in inputs]
    vector = builder.add("stack", *elements, dtype=dtype)
    builder.set_elements(vector, elements)
    return [vector]


@lowers(ARange)
def lower_arange(node, inputs, builder):
    dtype = node.op.dtype
    common = ps.upcast("int64", *(builder.dtype(value) for value in inputs))
    if np.dtype(common).kind not in "if" or np.dtype(dtype).kind not in "iuf":
        raise unsupported(f"arange of {common} in {dtype}")
    operands = [builder.cast(builder.size(value), common) for value in inputs]
    return [builder.add("arange", *operands, dtype=dtype)]


@lowers(Eye)
def lower_eye(node, inputs, builder):
    rows, columns, offset = inputs
    operands = [builder.size(rows), builder.size(columns), builder.size(offset)]
    return [builder.add("eye", *operands, dtype=node.outputs[0].type.dtype)]


@lowers(ExtractDiag)
def lower_extract_diag(node, inputs, builder):
    op = node.op
    return [builder.add("diagonal", inputs[0], offset=op.offset, axis1=op.axis1, axis2=op.axis2)]


@lowers(Join)
def lower_join(node, inputs, builder):
    dtype = node.outputs[0].type.dtype
    parts = [builder.cast(value, dtype) for value in inputs]
    return [builder.add("concatenate", *parts, axis=node.op.axis)]


@lowers(Split)
def lower_split(node, inputs, builder):
    value, splits = inputs
    axis, count = node.op.axis, node.op.len_splits
    if isinstance(node.inputs[1], Constant):
        sizes = [int(size) for size in node.inputs[1].data]
        if len(sizes) != count or min(sizes) < 0:
            raise ValueError(f"Split into {count} parts with the sizes {sizes}")
        # A length that is not the sum of the parts is an error, not a shorter last part.
        lengths = builder.dims(value)
        lengths[axis] = builder.integer(sum(sizes))
        if sum(sizes) != 1 and builder.shape(value)[axis] == 1:
            raise ValueError(f"Split of 1 element into parts with the sizes {sizes}")
        value = builder.broadcast_to(value, lengths)
        ends = np.cumsum(sizes).tolist()
        return [
            builder.slice_axis(value, axis, end - size, end)
            for size, end in zip(sizes, ends, strict=True)
        ]
    parts = [builder.cast(part, "int64") for part in builder.elements(splits, count)]
    if len(parts) != count:
        raise ValueError(f"Split into {count} parts with {len(parts)} sizes")
    length = builder.add("equal", builder.dim(splits, 0), builder.integer(count))
    builder.checks.append((length, node))
    results, start, total = [], builder.integer(0), builder.integer(0)
    one = builder.integer(1)
    for part in parts:
        # With a negative size one of the two sums is not the length.
        total = builder.add("add", total, part)
        stop = builder.add("add", start, builder.add("maximum", part, builder.integer(0)))
        results.append(builder.add("slice", value, start, stop, one, axes=[axis]))
        start = stop
    _check_split(node, start, value, axis, builder)
    _check_split(node, total, value, axis, builder)
    return results


def _check_split(node, total: int, value: int, axis: int, builder) -> None:
    condition = builder.add("equal", total, builder.dim(value, axis))
    builder.checks.append((condition, node))
