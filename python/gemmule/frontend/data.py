"""What the values of arrays decide: positions, distinct values, counts.

Where the size of a result depends on data the core computes it padded to the largest size, with the
number of elements in use. The ops below are these; what PyTensor's op gives is a slice of them.
"""

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Constant
from pytensor.graph.op import Op
from pytensor.tensor.basic import Choose, Nonzero, PermuteRowElements
from pytensor.tensor.extra_ops import (
    Bartlett,
    FillDiagonal,
    FillDiagonalOffset,
    RavelMultiIndex,
    Repeat,
    SearchsortedOp,
    Unique,
    UnravelIndex,
)
from pytensor.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedSubtensor,
    advanced_subtensor,
    flatten_index_variables,
    unflatten_index_variables,
)
from pytensor.typed_list.basic import MakeList

from gemmule.frontend.expand import Expanded, expands
from gemmule.frontend.linalg import batch_sizes
from gemmule.frontend.registry import lowers, lowers_blockwise

# -- positions of what is not zero -----------------------------------------------------------------


class PaddedNonzero(Op):
    """(x [, size that each axis must have ...]) -> positions [rank, size of x], their number."""

    __props__ = ()

    def make_node(self, x, *sizes):
        outputs = [pt.tensor(dtype="int64", shape=(x.type.ndim, None)), pt.lscalar()]
        return Apply(self, [x, *sizes], outputs)

    def perform(self, node, inputs, outputs):
        x, *sizes = inputs
        if sizes and x.shape != tuple(sizes):
            raise IndexError(f"boolean index of shape {x.shape} does not match sizes {sizes}")
        found = np.stack(np.nonzero(x))
        positions = np.zeros((x.ndim, x.size), dtype="int64")
        positions[:, : found.shape[1]] = found
        outputs[0][0], outputs[1][0] = positions, np.array(found.shape[1])


@lowers(PaddedNonzero)
def lower_padded_nonzero(node, inputs, builder):
    return builder.add_all("nonzero", inputs)


def _positions(x, *sizes) -> list:
    """A vector of positions for each axis of x."""
    positions, count = PaddedNonzero()(x, *sizes)
    return [positions[axis, :count] for axis in range(x.type.ndim)]


@expands(Nonzero)
def expand_nonzero(node: Apply, expanded: Expanded):
    return _positions(node.inputs[0])


def _without_masks(x, indices) -> tuple | None:
    """The index with positions for the masks that are computed; None where there is none."""
    found, axis, any_mask = [], 0, False
    for index in indices:
        is_mask = not isinstance(index, slice) and index.type.dtype == "bool"
        if is_mask and not isinstance(index, Constant):
            sizes = [x.shape[axis + k] for k in range(index.type.ndim)]
            found += _positions(index, *sizes)
            any_mask = True
        else:
            found.append(index)
        axis += index.type.ndim if is_mask else 1
    return tuple(found) if any_mask else None


@expands(AdvancedSubtensor)
def expand_masks(node: Apply, expanded: Expanded):
    x, *variables = node.inputs
    indices = _without_masks(x, unflatten_index_variables(variables, node.op.idx_list))
    return None if indices is None else [advanced_subtensor(x, *indices)]


def is_update_by_one_value(node: Apply) -> bool:
    """x[mask] = y for one y everywhere, which needs no positions."""
    indices = unflatten_index_variables(node.inputs[2:], node.op.idx_list)
    return (
        len(indices) == 1
        and not isinstance(indices[0], slice)
        and indices[0].type.dtype == "bool"
        and not isinstance(indices[0], Constant)
        and all(node.inputs[1].type.broadcastable)
    )


@expands(AdvancedIncSubtensor)
def expand_masks_of_update(node: Apply, expanded: Expanded):
    x, y, *variables = node.inputs
    if is_update_by_one_value(node):
        return None
    indices = _without_masks(x, unflatten_index_variables(variables, node.op.idx_list))
    if indices is None:
        return None
    op = node.op
    idx_list, variables = flatten_index_variables(indices)
    update = AdvancedIncSubtensor(
        idx_list,
        set_instead_of_inc=op.set_instead_of_inc,
        ignore_duplicates=op.ignore_duplicates,
    )
    return [update(x, y, *variables)]


# -- distinct values -------------------------------------------------------------------------------


class PaddedUnique(Op):
    """A vector or the rows of a matrix -> values, first, inverse, counts (padded), their number."""

    __props__ = ()

    def make_node(self, x):
        vectors = [pt.lvector() for _ in range(3)]
        return Apply(self, [x], [x.type(), *vectors, pt.lscalar()])

    def perform(self, node, inputs, outputs):
        [x] = inputs
        values, first, inverse, counts = np.unique(
            x, True, True, True, axis=0 if x.ndim == 2 else None
        )
        rest = len(x) - len(values)
        outputs[0][0] = np.concatenate([values, np.zeros((rest, *x.shape[1:]), x.dtype)])
        outputs[1][0] = np.concatenate([first, np.zeros(rest, "int64")])
        outputs[2][0] = inverse.reshape(-1)
        outputs[3][0] = np.concatenate([counts, np.zeros(rest, "int64")])
        outputs[4][0] = np.array(len(values))


@lowers(PaddedUnique)
def lower_padded_unique(node, inputs, builder):
    return builder.add_all("unique", inputs)


@expands(Unique)
def expand_unique(node: Apply, expanded: Expanded):
    [x] = node.inputs
    op = node.op
    if op.axis is None:
        values, first, inverse, counts, count = PaddedUnique()(x.reshape((-1,)))
        distinct = values[:count]
    else:
        moved = pt.moveaxis(x, op.axis, 0)
        rest = [moved.shape[axis] for axis in range(1, x.type.ndim)]
        width = pt.prod(pt.stack(rest)) if rest else pt.constant(1, dtype="int64")
        rows = moved.reshape((moved.shape[0], width), ndim=2)
        values, first, inverse, counts, count = PaddedUnique()(rows)
        distinct = values[:count].reshape((count, *rest), ndim=x.type.ndim)
        distinct = pt.moveaxis(distinct, 0, op.axis)
    results = [distinct]
    if op.return_index:
        results.append(first[:count])
    if op.return_inverse:
        results.append(inverse)
    if op.return_counts:
        results.append(counts[:count])
    return results


# -- repetition, search ----------------------------------------------------------------------------


class RepeatPositions(Op):
    """(counts, their sum) -> i with counts[i] repetitions."""

    __props__ = ()

    def make_node(self, counts, total):
        return Apply(self, [counts, total], [pt.lvector()])

    def perform(self, node, inputs, outputs):
        counts, _ = inputs
        outputs[0][0] = np.repeat(np.arange(len(counts)), counts)


@lowers(RepeatPositions)
def lower_repeat_positions(node, inputs, builder):
    counts, total = inputs
    return [builder.add("repeat_indices", counts, builder.size(total))]


@expands(Repeat)
def expand_repeat(node: Apply, expanded: Expanded):
    x, counts = node.inputs
    axis = node.op.axis
    if isinstance(counts, Constant) and (counts.data >= 0).all():
        length = x.type.shape[axis]
        if length is not None and len(counts.data) == length:
            positions = pt.constant(np.repeat(np.arange(length), counts.data))
            return [pt.take(x, positions, axis=axis)]
    # One count for all is stretched, as NumPy does; another number of counts is an error there.
    counts = pt.alloc(counts, x.shape[axis]).astype("int64")
    positions = RepeatPositions()(counts, counts.sum())
    return [pt.take(x, positions, axis=axis)]


@lowers(SearchsortedOp)
def lower_searchsorted(node, inputs, builder):
    return [_searchsorted(node.op, inputs, 0, builder)]


def _searchsorted(op, inputs, batch: int, builder) -> int:
    x, v, *sorter = inputs
    common = np.promote_types(builder.dtype(x), builder.dtype(v)).name
    return builder.add(
        "searchsorted",
        builder.cast(x, common),
        builder.cast(v, common),
        *sorter,
        right=op.side == "right",
        batch=batch,
    )


@lowers_blockwise(SearchsortedOp)
def lower_batched_searchsorted(node, inputs, builder):
    batch = node.outputs[0].type.ndim - len(node.op.outputs_sig[0])
    sizes = batch_sizes(inputs, batch, builder)
    operands = [
        builder.broadcast_to(value, [*sizes, *builder.dims(value)[batch:]]) for value in inputs
    ]
    return [_searchsorted(node.op.core_op, operands, batch, builder)]


# -- choices and positions by arithmetic -----------------------------------------------------------


def _broadcast(values, builder) -> tuple[list[int], list[int]]:
    """The values at one rank and the sizes of their common shape; only static ones stretch."""
    rank = max(builder.rank(value) for value in values)
    values = [builder.expand_dims(value, range(rank - builder.rank(value))) for value in values]
    sizes = []
    for axis in range(rank):
        wide = [value for value in values if builder.shape(value)[axis] != 1]
        sizes.append(builder.dim(wide[0], axis) if wide else builder.integer(1))
    return values, sizes


def _all_hold(condition: int, builder) -> int:
    axes = list(range(builder.rank(condition)))
    return builder.add("reduce_all", condition, axes=axes) if axes else condition


def _within(values: int, count: int, builder) -> int:
    """0 <= values < count, elementwise."""
    low = builder.add("greater_equal", values, builder.cast(builder.integer(0), "int64"))
    return builder.add("bitwise_and", low, builder.add("less", values, count))


def _bounded(values: int, count: int, mode: str, node, builder) -> int:
    """Indices brought into [0, count) as NumPy's modes ask; ``raise`` adds a check."""
    if mode == "wrap":
        return builder.add("remainder", values, count)
    zero, last = builder.integer(0), builder.add("subtract", count, builder.integer(1))
    bounded = builder.add("maximum", builder.add("minimum", values, last), zero)
    if mode == "raise":
        builder.checks.append((_all_hold(_within(values, count, builder), builder), node))
    return bounded


@expands(Choose)
def expand_choose(node: Apply, expanded: Expanded):
    """Choices of several shapes are a list in PyTensor, and are alternatives here."""
    a, choices = node.inputs
    if choices.owner is None or not isinstance(choices.owner.op, MakeList):
        return None
    return Alternatives(node.op.mode, node.outputs[0].type)(a, *choices.owner.inputs).owner.outputs


class Alternatives(Op):
    """(index, choices ...) -> elementwise choices[index], as `Choose`."""

    __props__ = ("mode", "result")

    def __init__(self, mode, result):
        self.mode, self.result = mode, result

    def make_node(self, a, *choices):
        return Apply(self, [a, *choices], [self.result()])

    def perform(self, node, inputs, outputs):
        a, *choices = inputs
        outputs[0][0] = np.choose(a, choices, mode=self.mode)


@lowers(Alternatives)
def lower_alternatives(node, inputs, builder):
    index, *choices = inputs
    dtype = node.outputs[0].type.dtype
    count = builder.integer(len(choices))
    index = _bounded(builder.cast(index, "int64"), count, node.op.mode, node, builder)
    [index, *choices], _ = _broadcast([index, *choices], builder)
    result = builder.cast(choices[-1], dtype)
    for position in reversed(range(len(choices) - 1)):
        here = builder.add("equal", index, builder.integer(position))
        result = builder.add("where", here, builder.cast(choices[position], dtype), result)
    return [result]


@lowers(Choose)
def lower_choose(node, inputs, builder):
    """choices[a[i], i] for all positions i of a."""
    a, choices = inputs
    rank = max(builder.rank(a), builder.rank(choices) - 1)
    count = builder.dim(choices, 0)
    index = _bounded(builder.cast(a, "int64"), count, node.op.mode, node, builder)
    choices = builder.expand_dims(choices, range(1, 1 + rank - (builder.rank(choices) - 1)))
    index = builder.expand_dims(index, range(rank - builder.rank(index)))
    grid = [index]
    for axis in range(rank):
        if builder.shape(choices)[axis + 1] == 1:
            positions = builder.constant(np.zeros((1,) * rank, dtype="int64"))
        else:
            positions = _iota(builder.dim(choices, axis + 1), axis, rank, builder)
        grid.append(positions)
    return [builder.add("gather", choices, *grid, axes=list(range(rank + 1)))]


def _iota(size: int, axis: int, rank: int, builder) -> int:
    """0, 1, ... along an axis of an array of this rank."""
    zero, one = builder.integer(0), builder.integer(1)
    positions = builder.add("arange", zero, size, one, dtype="int64")
    return builder.expand_dims(positions, [other for other in range(rank) if other != axis])


@lowers(PermuteRowElements)
def lower_permute_row_elements(node, inputs, builder):
    x, y = inputs
    y = builder.cast(y, "int64")
    rank = builder.rank(x)
    _, sizes = _broadcast([x, y], builder)
    grid = [_iota(sizes[axis], axis, rank, builder) for axis in range(rank - 1)]
    x = builder.broadcast_to(x, [*sizes[:-1], builder.dim(x, rank - 1)])
    y = builder.broadcast_to(y, [*sizes[:-1], builder.dim(y, rank - 1)])
    axes = list(range(rank))
    if not node.op.inverse:
        result = builder.add("gather", x, *grid, y, axes=axes)
        return [builder.broadcast_to(result, sizes)]
    zeros = builder.zeros(builder.dtype(x), sizes)
    return [builder.add("scatter_set", zeros, x, *grid, y, axes=axes)]


def _parts_of(vector: int, count: int, builder) -> list[int]:
    """The elements of a vector, which need not be known."""
    return [
        builder.cast(builder.squeeze(builder.slice_axis(vector, 0, index, index + 1), [0]), "int64")
        for index in range(count)
    ]


@lowers(RavelMultiIndex)
def lower_ravel_multi_index(node, inputs, builder):
    op = node.op
    *indices, dims = inputs
    known = builder.shape(dims)[0]
    if known is not None and known != len(indices):
        raise ValueError(f"{len(indices)} indices into an array of {known} dimensions")
    sizes = _parts_of(dims, len(indices), builder)
    if known is None:
        count = builder.add("equal", builder.dim(dims, 0), builder.integer(len(indices)))
        builder.checks.append((count, node))
    indices, _ = _broadcast([builder.cast(index, "int64") for index in indices], builder)
    bounded = [
        _bounded(index, size, op.mode, node, builder)
        for index, size in zip(indices, sizes, strict=True)
    ]
    order = range(len(sizes)) if op.order == "C" else reversed(range(len(sizes)))
    result = None
    for axis in order:
        if result is None:
            result = bounded[axis]
        else:
            result = builder.add("multiply", result, sizes[axis])
            result = builder.add("add", result, bounded[axis])
    return [result]


@lowers(UnravelIndex)
def lower_unravel_index(node, inputs, builder):
    index, dims = inputs
    index = builder.cast(index, "int64")
    count = len(node.outputs)
    sizes = _parts_of(dims, count, builder)
    total = builder.integer(1)
    for size in sizes:
        total = builder.add("multiply", total, size)
    builder.checks.append((_all_hold(_within(index, total, builder), builder), node))
    results = [None] * count
    left = index
    for axis in range(count) if node.op.order == "F" else reversed(range(count)):
        results[axis] = builder.add("remainder", left, sizes[axis])
        left = builder.add("floor_divide", left, sizes[axis])
    return results


# -- diagonals, windows ----------------------------------------------------------------------------


@lowers(FillDiagonal)
def lower_fill_diagonal(node, inputs, builder):
    a, value = inputs
    rank = builder.rank(a)
    sizes = builder.dims(a)
    length = sizes[0]
    for size in sizes[1:]:
        if rank == 2:
            length = builder.add("minimum", length, size)
        else:
            builder.checks.append((builder.add("equal", length, size), node))
    if rank > 2:  # nothing is out of bounds where the check fails
        for size in sizes[1:]:
            length = builder.add("minimum", length, size)
    positions = _iota(length, 0, 1, builder)
    value = builder.cast(value, builder.dtype(a))
    return [builder.add("scatter_set", a, value, *[positions] * rank, axes=list(range(rank)))]


@lowers(FillDiagonalOffset)
def lower_fill_diagonal_offset(node, inputs, builder):
    a, value, offset = inputs
    rows, columns = builder.dims(a)
    row, column = _iota(rows, 0, 2, builder), _iota(columns, 1, 2, builder)
    here = builder.add("equal", builder.add("subtract", column, row), builder.cast(offset, "int64"))
    return [builder.add("where", here, builder.cast(value, builder.dtype(a)), a)]


@lowers(Bartlett)
def lower_bartlett(node, inputs, builder):
    """1 - |n| / (m - 1) at n = 1 - m, 3 - m, ..., m - 1; a single 1 for m = 1."""
    m = builder.cast(builder.size(inputs[0]), "int64")
    one, two = builder.integer(1), builder.integer(2)
    first = builder.add("subtract", one, m)
    n = builder.cast(builder.add("arange", first, m, two, dtype="int64"), "float64")
    last = builder.add("maximum", builder.add("subtract", m, one), one)
    share = builder.add("divide", builder.add("absolute", n), builder.cast(last, "float64"))
    return [builder.add("subtract", builder.constant(np.array(1.0)), share)]
