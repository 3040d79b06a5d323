"""Indexing in `Blockwise`: every batch has its own array and its own indices."""

from itertools import pairwise

import numpy as np
from pytensor.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedSubtensor,
    IncSubtensor,
    Subtensor,
)

from gemmule.frontend.blas import match_batch
from gemmule.frontend.linalg import batch_sizes
from gemmule.frontend.registry import lowers_blockwise, unsupported
from gemmule.frontend.subtensor import slice_bounds


class _BatchedIndex:
    """The slices and the index arrays of a node over batches, ready to be applied.

    Arrays are gathered from x with its axes in this order: batches, indexed axes, others.
    """

    def __init__(self, node, inputs, first: int, builder):
        op = node.op.core_op
        self.builder = builder
        self.batch = node.outputs[0].type.ndim - len(node.op.outputs_sig[0])
        self.sizes = batch_sizes(inputs, self.batch, builder)
        cores = [len(core) for core in node.op.inputs_sig]
        self.x = match_batch(inputs[0], cores[0], self.sizes, builder)
        self.slice_axes, self.bounds, self.axes, arrays = [], [], [], []
        for axis, entry in enumerate(op.idx_list):
            if isinstance(entry, slice):
                parts = [self._same_in_all(inputs, part, first) for part in _parts(entry)]
                if parts != [None] * 3:
                    self.slice_axes.append(self.batch + axis)
                    self.bounds += slice_bounds(*parts, builder)
                continue
            if node.inputs[first + entry].type.dtype == "bool":
                raise unsupported("masks over batches")
            self.axes.append(axis)
            arrays.append((inputs[first + entry], cores[first + entry]))
        self.width = max((core for _, core in arrays), default=0)  # dims of the index arrays
        self.arrays = [self._aligned(value, core) for value, core in arrays]
        rest = [axis for axis in range(cores[0]) if axis not in self.axes]
        self.order = [*range(self.batch), *(self.batch + a for a in (*self.axes, *rest))]
        # Where the dims of the arrays come in the result: in place of adjacent axes, else in front.
        adjacent = all(b == a + 1 for a, b in pairwise(self.axes))
        before = self.axes[0] if self.axes and adjacent else 0
        core = self.width + len(rest)
        first_array, after = self.batch + before, self.batch + before + self.width
        arrays_at = list(range(first_array, after))
        others = [*range(self.batch, first_array), *range(after, self.batch + core)]
        #: Axes of the result in the order in which they are gathered.
        self.gathered = [*range(self.batch), *arrays_at, *others]
        self.rank = self.batch + core

    def _same_in_all(self, inputs, part, first: int):
        if part is None:
            return None
        value = inputs[first + part]
        if any(size != 1 for size in self.builder.shape(value)):
            raise unsupported("slices that differ between batches")
        return self.builder.squeeze(value, range(self.builder.rank(value)))

    def _aligned(self, value: int, core: int) -> int:
        value = self.builder.cast(value, "int64")
        return self.builder.expand_dims(value, range(self.batch, self.batch + self.width - core))

    def _grid(self) -> list[int]:
        builder, rank = self.builder, self.batch + self.width
        zero, one = builder.integer(0), builder.integer(1)
        grid = []
        for axis, size in enumerate(self.sizes):
            positions = builder.add("arange", zero, size, one, dtype="int64")
            others = [other for other in range(rank) if other != axis]
            grid.append(builder.expand_dims(positions, others))
        return grid

    def sliced(self) -> int:
        if not self.slice_axes:
            return self.x
        return self.builder.add("slice", self.x, *self.bounds, axes=self.slice_axes)

    def gather(self) -> int:
        builder = self.builder
        x = builder.transpose(self.sliced(), self.order)
        result = self._gather_from(x)
        return builder.transpose(result, np.argsort(self.gathered))

    def _gather_from(self, x: int) -> int:
        axes = list(range(self.batch + len(self.axes)))
        return self.builder.add("gather", x, *self._grid(), *self.arrays, axes=axes)

    def update(self, y: int, set_instead: bool, ignore_duplicates: bool) -> int:
        builder = self.builder
        y = builder.cast(y, builder.dtype(self.x))
        y = builder.expand_dims(y, range(self.batch, self.batch + self.rank - builder.rank(y)))
        if not self.arrays and self.slice_axes:
            op = "slice_set" if set_instead else "slice_add"
            return builder.add(op, self.x, y, *self.bounds, axes=self.slice_axes)
        x = builder.transpose(self.sliced(), self.order)
        y = builder.transpose(y, self.gathered)
        if ignore_duplicates and not set_instead:
            y, set_instead = builder.add("add", self._gather_from(x), y), True
        op = "scatter_set" if set_instead else "scatter_add"
        axes = list(range(self.batch + len(self.axes)))
        result = builder.add(op, x, y, *self._grid(), *self.arrays, axes=axes)
        result = builder.transpose(result, np.argsort(self.order))
        if not self.slice_axes:
            return result
        return builder.add("slice_set", self.x, result, *self.bounds, axes=self.slice_axes)


def _parts(entry: slice) -> list:
    return [entry.start, entry.stop, entry.step]


@lowers_blockwise(Subtensor, AdvancedSubtensor)
def lower_batched_subtensor(node, inputs, builder):
    return [_BatchedIndex(node, inputs, 1, builder).gather()]


@lowers_blockwise(IncSubtensor, AdvancedIncSubtensor)
def lower_batched_inc_subtensor(node, inputs, builder):
    op = node.op.core_op
    index = _BatchedIndex(node, inputs, 2, builder)
    ignore_duplicates = getattr(op, "ignore_duplicates", False)
    return [index.update(inputs[1], op.set_instead_of_inc, ignore_duplicates)]
