"""Indexing, and writing to what an index selects.

An index is split in two: slices (views of the input) and integers or integer arrays (a gather). An
update of both is a scatter into the slice, which is then put back.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pytensor.graph.basic import Constant
from pytensor.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedSubtensor,
    IncSubtensor,
    Subtensor,
)

from gemmule.frontend.builder import INT_MAX, INT_MIN
from gemmule.frontend.data import is_update_by_one_value
from gemmule.frontend.registry import lowers, unsupported


@dataclass
class Index:
    """An index into ``x``, ready to be applied or written through."""

    #: Axes of x that are sliced, and start, stop, step of each as IR values.
    slice_axes: list[int]
    bounds: list[int]
    #: Axes of the sliced x that are then dropped: constant integers, as slices of length 1.
    dropped: list[int]
    #: Axes of the sliced and squeezed x that are gathered along, and their index values (i64).
    array_axes: list[int]
    arrays: list[int]
    #: Axis -> size that it must have: that of a constant mask, which says nothing of others.
    sizes: dict[int, int]


def _bounds(entry, inputs, builder) -> list[int]:
    """start, stop and step of a slice whose parts are positions in ``inputs`` or None."""
    parts = (entry.start, entry.stop, entry.step)
    return slice_bounds(*(None if part is None else inputs[part] for part in parts), builder)


def slice_bounds(start, stop, step, builder) -> list[int]:
    """start, stop and step as the IR has them, from values or None."""
    start, stop, step = (
        None if part is None else builder.cast(builder.size(part), "int64")
        for part in (start, stop, step)
    )
    step = builder.integer(1) if step is None else step
    constant = builder.graph.constant_value(step)
    if constant is not None:
        if int(constant) == 0:
            raise ValueError("slice step cannot be zero")
        first, last = (0, INT_MAX) if constant > 0 else (INT_MAX, INT_MIN)
        first, last = builder.integer(first), builder.integer(last)
    else:
        forwards = builder.add("greater", step, builder.integer(0))
        first = builder.add("where", forwards, builder.integer(0), builder.integer(INT_MAX))
        last = builder.add("where", forwards, builder.integer(INT_MAX), builder.integer(INT_MIN))
    return [first if start is None else start, last if stop is None else stop, step]


def _is_whole(entry, inputs, builder) -> bool:
    def constant(part):
        return None if part is None else builder.graph.constant_value(inputs[part])

    if entry.step is not None and constant(entry.step) != 1:
        return False
    starts_at_0 = entry.start is None or constant(entry.start) == 0
    return starts_at_0 and (entry.stop is None or constant(entry.stop) == INT_MAX)


def _mask_positions(variable) -> list[np.ndarray]:
    if not isinstance(variable, Constant):  # `expand_masks` has replaced the others
        raise unsupported(
            "a computed mask for several batches, or of size 1 for an axis that is not"
        )
    return list(variable.data.nonzero())


def parse_index(idx_list, variables, inputs, builder) -> Index:
    """The index that ``idx_list`` describes.

    ``idx_list`` is that of the op: integers and slices over positions in ``variables`` (PyTensor's)
    and ``inputs`` (the IR values of the same).
    """
    index = Index([], [], [], [], [], {})
    axis = 0  # of x
    left = 0  # of x once constant integers are dropped
    advanced = any(isinstance(entry, int) and variables[entry].type.ndim > 0 for entry in idx_list)
    for entry in idx_list:
        if isinstance(entry, slice):
            if not _is_whole(entry, inputs, builder):
                index.slice_axes.append(axis)
                index.bounds += _bounds(entry, inputs, builder)
            axis, left = axis + 1, left + 1
            continue
        variable, value = variables[entry], inputs[entry]
        if variable.type.dtype == "bool":
            shape = variable.type.shape
            for size, positions in zip(shape, _mask_positions(variable), strict=True):
                index.sizes[left] = size
                index.array_axes.append(left)
                index.arrays.append(builder.constant(positions.astype("int64")))
                axis, left = axis + 1, left + 1
            continue
        constant = builder.graph.constant_value(value) if variable.type.ndim == 0 else None
        if constant is not None and not advanced:
            position = int(constant)
            stop = INT_MAX if position == -1 else position + 1
            index.slice_axes.append(axis)
            index.bounds += [builder.integer(bound) for bound in (position, stop, 1)]
            index.dropped.append(axis)
            axis += 1
            continue
        index.array_axes.append(left)
        index.arrays.append(builder.cast(value, "int64"))
        axis, left = axis + 1, left + 1
    return index


def _slices(index: Index) -> dict[str, list[int]]:
    """The attributes of a slice; where it stands for an integer, that has to be within bounds."""
    elements = {"elements": index.dropped} if index.dropped else {}
    return {"axes": index.slice_axes, **elements}


def _select(x: int, index: Index, builder) -> int:
    """The part of x that slices and constant integers select."""
    if index.slice_axes:
        x = builder.add("slice", x, *index.bounds, **_slices(index))
    return _with_sizes(builder.squeeze(x, index.dropped), index, builder)


def _with_sizes(x: int, index: Index, builder) -> int:
    """x, checked to have the sizes of the masks."""
    known = builder.shape(x)
    for axis, size in index.sizes.items():
        if known[axis] == 1 and size != 1:
            raise IndexError(f"a mask of {size} elements for an axis of size 1")
    if all(known[axis] == size for axis, size in index.sizes.items()):
        return x
    sizes = [
        builder.integer(index.sizes[axis]) if axis in index.sizes else builder.dim(x, axis)
        for axis in range(builder.rank(x))
    ]
    return builder.broadcast_to(x, sizes)


def _to_front(axes: list[int], rank: int) -> list[int] | None:
    """The permutation that brings axes that are apart to the front, where NumPy's results go."""
    if all(b == a + 1 for a, b in pairwise(axes)):
        return None
    return axes + [axis for axis in range(rank) if axis not in axes]


def _gather(x: int, index: Index, builder) -> int:
    if not index.arrays:
        return x
    axes = index.array_axes
    perm = _to_front(axes, builder.rank(x))
    if perm is not None:
        x, axes = builder.transpose(x, perm), list(range(len(axes)))
    return builder.add("gather", x, *index.arrays, axes=axes)


@lowers(Subtensor)
def lower_subtensor(node, inputs, builder):
    x, *parts = inputs
    index = parse_index(node.op.idx_list, node.inputs[1:], parts, builder)
    return [_gather(_select(x, index, builder), index, builder)]


@lowers(AdvancedSubtensor)
def lower_advanced_subtensor(node, inputs, builder):
    return lower_subtensor(node, inputs, builder)


def _scatter(
    x: int, y: int, index: Index, set_instead: bool, ignore_duplicates: bool, builder
) -> int:
    axes = index.array_axes
    perm = _to_front(axes, builder.rank(x))
    if perm is not None:
        x, axes = builder.transpose(x, perm), list(range(len(axes)))
    if set_instead or ignore_duplicates:
        if not set_instead:  # NumPy's x[index] += y: the last of several writes wins
            old = builder.add("gather", x, *index.arrays, axes=axes)
            y = builder.add("add", old, _with_rank(y, builder.rank(old), builder))
        result = builder.add("scatter_set", x, y, *index.arrays, axes=axes)
    else:
        result = builder.add("scatter_add", x, y, *index.arrays, axes=axes)
    return result if perm is None else builder.transpose(result, np.argsort(perm))


def _with_rank(y: int, rank: int, builder) -> int:
    return builder.expand_dims(y, range(rank - builder.rank(y)))


def _update(
    x: int, y: int, index: Index, set_instead: bool, ignore_duplicates: bool, builder
) -> int:
    y = builder.cast(y, builder.dtype(x))
    if not index.slice_axes:
        if index.arrays:
            x = _with_sizes(x, index, builder)
            return _scatter(x, y, index, set_instead, ignore_duplicates, builder)
        sizes = builder.dims(x)  # x[...] = y
        y = builder.broadcast_to(y, sizes)
        return y if set_instead else builder.add("add", x, y)
    if index.arrays:
        # x[2:, i] += y: into the slice first, which then takes its old place.
        part = _select(x, index, builder)
        y = _scatter(part, y, index, set_instead, ignore_duplicates, builder)
        set_instead = True
    if index.dropped:
        # y has no axes for constant integers: give them back, from the right.
        rank = builder.rank(x)
        y = _with_rank(y, rank - len(index.dropped), builder)
        y = builder.expand_dims(y, index.dropped)
    op = "slice_set" if set_instead else "slice_add"
    return builder.add(op, x, y, *index.bounds, **_slices(index))


def _masked_update(node, inputs, builder) -> int | None:
    """x[mask] = y for one y everywhere: where(mask, y, x)."""
    if not is_update_by_one_value(node):
        return None
    x, y, mask = inputs
    y = builder.squeeze(y, range(builder.rank(y)))
    y = builder.cast(y, builder.dtype(x))
    rank = builder.rank(x)
    # Sizes of mask and x must be equal; only a static 1 would stretch.
    for mask_size, size in zip(builder.shape(mask), builder.shape(x), strict=False):
        if mask_size == 1 and size != 1:
            return None
    mask = builder.expand_dims(mask, range(builder.rank(mask), rank))
    new = y if node.op.set_instead_of_inc else builder.add("add", x, y)
    return builder.add("where", mask, new, x)


@lowers(IncSubtensor)
def lower_inc_subtensor(node, inputs, builder):
    x, y, *parts = inputs
    index = parse_index(node.op.idx_list, node.inputs[2:], parts, builder)
    return [_update(x, y, index, node.op.set_instead_of_inc, False, builder)]


@lowers(AdvancedIncSubtensor)
def lower_advanced_inc_subtensor(node, inputs, builder):
    masked = _masked_update(node, inputs, builder)
    if masked is not None:
        return [masked]
    x, y, *parts = inputs
    op = node.op
    index = parse_index(op.idx_list, node.inputs[2:], parts, builder)
    return [_update(x, y, index, op.set_instead_of_inc, op.ignore_duplicates, builder)]
