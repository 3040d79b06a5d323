"""Reductions, running sums and sorting."""

import numpy as np
import pytensor.scalar as ps
from pytensor.tensor.elemwise import CAReduce
from pytensor.tensor.extra_ops import CumOp
from pytensor.tensor.math import Argmax, MulWithoutZeros
from pytensor.tensor.sort import ArgSortOp, SortOp

from gemmule.frontend.elemwise import is_complex
from gemmule.frontend.registry import lowers, unsupported


def _axes(axis, rank: int) -> list[int]:
    return list(range(rank)) if axis is None else sorted(int(a) % rank for a in axis)


@lowers(CAReduce)
def lower_reduction(node, inputs, builder):
    [value] = inputs
    op, dtype = node.op, node.outputs[0].type.dtype
    axes = _axes(op.axis, node.inputs[0].type.ndim)
    kind = type(op.scalar_op)
    accumulator = op.acc_dtype or dtype
    if kind in (ps.AND, ps.OR):
        if builder.dtype(value) != "bool":
            raise unsupported("bitwise reduction of integers")
        name = "reduce_all" if kind is ps.AND else "reduce_any"
        return [builder.cast(builder.add(name, value, axes=axes), dtype)]
    if kind in (ps.Maximum, ps.Minimum):
        if is_complex(dtype):
            raise unsupported("extremum of complex numbers")
        name = "reduce_max" if kind is ps.Maximum else "reduce_min"
        may_be_empty = any(not builder.shape(value)[axis] for axis in axes)
        attributes = {"initial": True} if getattr(op, "initial", False) and may_be_empty else {}
        return [builder.cast(builder.add(name, value, axes=axes, **attributes), dtype)]
    if kind is MulWithoutZeros:
        one = builder.constant(np.ones((), dtype=builder.dtype(value)))
        zero = builder.constant(np.zeros((), dtype=builder.dtype(value)))
        value = builder.add("where", builder.add("equal", value, zero), one, value)
    elif kind not in (ps.Add, ps.Mul):
        raise unsupported(f"reduction by '{op.scalar_op}'")
    name = "reduce_sum" if kind is ps.Add else "reduce_prod"
    if accumulator == "bool":
        raise unsupported("sum or product in bool")
    # NumPy converts to the accumulator first.
    value = builder.cast(value, accumulator)
    return [builder.cast(builder.add(name, value, axes=axes, dtype=accumulator), dtype)]


@lowers(Argmax)
def lower_argmax(node, inputs, builder):
    if is_complex(builder.dtype(inputs[0])):
        raise unsupported("extremum of complex numbers")
    axes = _axes(node.op.axis, node.inputs[0].type.ndim)
    return [builder.add("argmax", inputs[0], axes=axes)]


@lowers(CumOp)
def lower_cumulative(node, inputs, builder):
    name = "cumsum" if node.op.mode == "add" else "cumprod"
    return [builder.add(name, inputs[0], axis=node.op.axis)]


@lowers(SortOp)
def lower_sort(node, inputs, builder):
    if is_complex(builder.dtype(inputs[0])):
        raise unsupported("sort of complex numbers")
    return [builder.add("sort", inputs[0], axis=node.op.axis)]


@lowers(ArgSortOp)
def lower_argsort(node, inputs, builder):
    if is_complex(builder.dtype(inputs[0])):
        raise unsupported("sort of complex numbers")
    return [builder.add("argsort", inputs[0], axis=node.op.axis)]
