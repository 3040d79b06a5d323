"""Matrix factorisations and solvers, and Blockwise, which runs them over batch dims."""

from collections.abc import Callable

from pytensor.compile.builders import OpFromGraph
from pytensor.compile.rewriting import inline_ofg_node
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.traversal import io_toposort
from pytensor.tensor.basic import AllocDiag
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.linalg.constructors import BlockDiagonal
from pytensor.tensor.linalg.decomposition.cholesky import Cholesky
from pytensor.tensor.linalg.decomposition.eigen import Eigh, Eigvalsh
from pytensor.tensor.linalg.inverse import MatrixInverse
from pytensor.tensor.linalg.solvers.general import Solve
from pytensor.tensor.linalg.solvers.psd import CholeskySolve
from pytensor.tensor.linalg.solvers.triangular import SolveTriangular
from pytensor.tensor.linalg.summary import Det, SLogDet
from pytensor.tensor.math import Dot
from pytensor.tensor.shape import Shape_i

from gemmule.frontend.blas import batched_product, match_batch
from gemmule.frontend.elemwise import broadcast_sizes, is_complex
from gemmule.frontend.expand import Expanded, expands
from gemmule.frontend.registry import (
    blockwise_lowering_of,
    lowering_of,
    lowers,
    unsupported,
)

# Core op -> function(op, inputs, dtypes, builder) over inputs with equal batch dims.
_BATCHED: dict[type, Callable] = {}


def batched(*op_types: type):
    """Registers the lowering of a core op, by itself and inside `Blockwise`."""

    def register(function):
        for op_type in op_types:
            _BATCHED[op_type] = function
        lowers(*op_types)(_lower_core)
        return function

    return register


def _lower_core(node, inputs, builder):
    return _BATCHED[type(node.op)](node.op, inputs, _dtypes(node), builder)


def _dtypes(node) -> list[str]:
    return [out.type.dtype for out in node.outputs]


@lowers(Blockwise)
def lower_blockwise(node, inputs, builder):
    core_op = node.op.core_op
    cores = [len(core) for core in node.op.inputs_sig]
    batch = node.outputs[0].type.ndim - len(node.op.outputs_sig[0])
    if batch == 0 and lowering_of(core_op) is not None:
        inner = core_op.make_node(*node.inputs)
        return lowering_of(core_op)(inner, inputs, builder)
    if (lowering := blockwise_lowering_of(core_op)) is not None:
        return lowering(node, inputs, builder)
    if type(core_op) not in _BATCHED and not isinstance(core_op, Dot):
        raise unsupported(f"Blockwise of '{core_op}'")
    sizes = batch_sizes(inputs, batch, builder)
    if isinstance(core_op, Dot):
        dtype = node.outputs[0].type.dtype
        return [batched_product(*(builder.cast(value, dtype) for value in inputs), sizes, builder)]
    operands = [
        match_batch(value, core, sizes, builder) for value, core in zip(inputs, cores, strict=True)
    ]
    return _BATCHED[type(core_op)](core_op, operands, _dtypes(node), builder)


def batch_sizes(inputs, batch: int, builder) -> list[int]:
    """Sizes of the leading dims that are stretched to each other."""
    sizes = []
    for axis in range(batch):
        wide = [value for value in inputs if builder.shape(value)[axis] != 1]
        sizes.append(builder.dim(wide[0], axis) if wide else builder.integer(1))
    return sizes


@expands(Blockwise)
def vectorize_inner_graph(node, expanded: Expanded):
    """An inner graph over batch dims is the graph of its ops over batch dims."""
    core_op = node.op.core_op
    if not isinstance(core_op, OpFromGraph) or type(core_op) in _BATCHED:
        return None
    batch = node.op.batch_ndim(node)
    if isinstance(core_op, AllocDiag):  # takes leading dims by itself
        axes = {"axis1": core_op.axis1 + batch, "axis2": core_op.axis2 + batch}
        return [AllocDiag(**axes, offset=core_op.offset)(*node.inputs)]
    core_node = node.op._create_dummy_core_node(node.inputs)
    outputs = inline_ofg_node(core_node)
    batched_of = dict(zip(core_node.inputs, node.inputs, strict=True))
    replace = dict(batched_of)
    for inner in io_toposort(core_node.inputs, outputs):  # sizes are those of the whole batch
        if isinstance(inner.op, Shape_i) and inner.inputs[0] in batched_of:
            replace[inner.outputs[0]] = Shape_i(inner.op.i + batch)(batched_of[inner.inputs[0]])
    outputs = vectorize_graph(outputs, replace)
    as_declared = all(
        new.type.ndim == old.type.ndim for new, old in zip(outputs, node.outputs, strict=True)
    )
    return outputs if as_declared else None


@batched(Cholesky)
def lower_cholesky(op, inputs, dtypes, builder):
    matrix = builder.cast(inputs[0], dtypes[0])
    return [builder.add("cholesky", matrix, lower=bool(op.lower))]


def _solve_with(op, inputs, dtype, builder, function):
    """``function(A, B)`` with B a matrix; a vector is a matrix of one column."""
    a, b = (builder.cast(value, dtype) for value in inputs)
    if op.b_ndim == 2:
        return [function(a, b)]
    last = builder.rank(b)
    return [builder.squeeze(function(a, builder.expand_dims(b, [last])), [last])]


def _triangular(a, b, lower: bool, trans: int, builder, unit: bool = False) -> int:
    return builder.add("solve_triangular", a, b, lower=lower, trans=trans, unit_diagonal=unit)


@batched(SolveTriangular)
def lower_solve_triangular(op, inputs, dtypes, builder):
    def solve(a, b):
        return _triangular(a, b, bool(op.lower), 0, builder, bool(op.unit_diagonal))

    return _solve_with(op, inputs, dtypes[0], builder, solve)


def _cholesky_solve(factor, b, lower: bool, builder) -> int:
    """A X = B from A = L L^H (lower) or U^H U."""
    adjoint = 2 if is_complex(builder.dtype(factor)) else 1
    first, second = (0, adjoint) if lower else (adjoint, 0)
    return _triangular(
        factor, _triangular(factor, b, lower, first, builder), lower, second, builder
    )


@batched(CholeskySolve)
def lower_cholesky_solve(op, inputs, dtypes, builder):
    def solve(a, b):
        return _cholesky_solve(a, b, bool(op.lower), builder)

    return _solve_with(op, inputs, dtypes[0], builder, solve)


@batched(Solve)
def lower_solve(op, inputs, dtypes, builder):
    def solve(a, b):
        if op.assume_a == "gen":
            return builder.add("solve", a, b)
        if op.assume_a == "pos":  # reads one triangle; NaN where it is not positive definite
            factor = builder.add("cholesky", a, lower=bool(op.lower))
            return _cholesky_solve(factor, b, bool(op.lower), builder)
        return builder.add("solve_structured", a, b, structure=op.assume_a, lower=bool(op.lower))

    return _solve_with(op, inputs, dtypes[0], builder, solve)


@batched(MatrixInverse)
def lower_inverse(op, inputs, dtypes, builder):
    return [builder.add("inv", builder.cast(inputs[0], dtypes[0]), raises=True)]


@batched(SLogDet)
def lower_slogdet(op, inputs, dtypes, builder):
    return builder.add_all("slogdet", [builder.cast(inputs[0], dtypes[0])])


@batched(Det)
def lower_det(op, inputs, dtypes, builder):
    sign, logarithm = builder.add_all("slogdet", [builder.cast(inputs[0], dtypes[0])])
    size = builder.cast(builder.add("exp", logarithm), dtypes[0])
    return [builder.add("multiply", sign, size)]


def _eigh(op, inputs, dtype: str, builder) -> list[int]:
    matrices = [builder.cast(value, dtype) for value in inputs]
    if len(matrices) == 2:
        return builder.add_all("eigh_generalized", matrices, {"lower": bool(op.lower)})
    return builder.add_all("eigh", matrices, {"lower": bool(op.lower), "raises": True})


@batched(Eigh)
def lower_eigh(op, inputs, dtypes, builder):
    if any(is_complex(builder.dtype(value)) for value in inputs):
        raise unsupported("complex Eigh, which declares real eigenvectors")
    return _eigh(op, inputs, dtypes[1], builder)


@batched(Eigvalsh)
def lower_eigvalsh(op, inputs, dtypes, builder):
    dtype = dtypes[0]
    if any(is_complex(builder.dtype(value)) for value in inputs):
        dtype = {"float32": "complex64", "float64": "complex128"}[dtype]
    return _eigh(op, inputs, dtype, builder)[:1]


@batched(BlockDiagonal)
def lower_block_diagonal(op, inputs, dtypes, builder):
    """Each block between zeros to its left and right, stacked."""
    dtype = dtypes[0]
    blocks = [builder.cast(value, dtype) for value in inputs]
    rank = builder.rank(blocks[0])
    batch = broadcast_sizes(blocks, rank, builder)[: rank - 2]
    columns = [builder.dim(block, rank - 1) for block in blocks]
    strips = []
    for index, block in enumerate(blocks):
        rows = builder.dim(block, rank - 2)
        row = [
            block if j == index else builder.zeros(dtype, [*batch, rows, column])
            for j, column in enumerate(columns)
        ]
        strips.append(builder.add("concatenate", *row, axis=rank - 1))
    return [builder.add("concatenate", *strips, axis=rank - 2)]
