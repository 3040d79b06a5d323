"""Sparse matrices: products, and what is done to the stored elements.

A matrix is split into its parts, so that only tensors remain (see `Expanded.sparse`). What makes a
matrix with another pattern from the values of two is left to Python.
"""

import numpy as np
import pytensor.scalar
import pytensor.tensor as pt
import scipy.sparse
from pytensor.compile.ops import DeepCopyOp, TypeCastingOp
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.op import Op
from pytensor.raise_op import CheckAndRaise
from pytensor.sparse import basic, math
from pytensor.tensor.shape import Shape, Shape_i, specify_shape

from gemmule.frontend.data import RepeatPositions
from gemmule.frontend.expand import Expanded, expands
from gemmule.frontend.registry import lowers
from gemmule.frontend.sparse_parts import (
    FORMATS,
    Sparse,
    constant_parts,
    input_parts,
    is_sparse,
)

# -- products --------------------------------------------------------------------------------------


def _csr(data, indices, indptr, shape):
    return scipy.sparse.csr_matrix((data, indices, indptr), shape=shape)


class CsrMatmul(Op):
    """(data, indices, indptr, rows, columns, B) -> S @ B, or S.T @ B."""

    __props__ = ("transpose",)

    def __init__(self, transpose: bool):
        self.transpose = transpose

    def make_node(self, data, indices, indptr, rows, columns, b):
        out = pt.tensor(dtype=data.type.dtype, shape=(None, b.type.shape[1]))
        return Apply(self, [data, indices, indptr, rows, columns, b], [out])

    def perform(self, node, inputs, outputs):
        data, indices, indptr, rows, columns, b = inputs
        matrix = _csr(data, indices, indptr, (rows, columns))
        outputs[0][0] = (matrix.T if self.transpose else matrix) @ b


@lowers(CsrMatmul)
def lower_csr_matmul(node, inputs, builder):
    data, indices, indptr, rows, columns, b = inputs
    sizes = [builder.size(rows), builder.size(columns)]
    transpose = node.op.transpose
    return [builder.add("csr_matmul", data, indices, indptr, *sizes, b, transpose=transpose)]


class CsrSampledMatmul(Op):
    """(indices, indptr, A, B) -> A[i] . B[j] for every stored i, j."""

    __props__ = ()

    def make_node(self, indices, indptr, a, b):
        return Apply(self, [indices, indptr, a, b], [pt.tensor(dtype=a.type.dtype, shape=(None,))])

    def perform(self, node, inputs, outputs):
        indices, indptr, a, b = inputs
        rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        outputs[0][0] = (a[rows] * b[indices]).sum(axis=1)


@lowers(CsrSampledMatmul)
def lower_csr_sampled_matmul(node, inputs, builder):
    return [builder.add("csr_sampled_matmul", *inputs)]


class CsrSample(Op):
    """(data, indices, indptr, columns, indices and indptr to read at) -> the elements there."""

    __props__ = ()

    def make_node(self, *inputs):
        return Apply(self, list(inputs), [inputs[0].type()])

    def perform(self, node, inputs, outputs):
        data, indices, indptr, columns, at_indices, at_indptr = inputs
        rows = np.repeat(np.arange(len(at_indptr) - 1), np.diff(at_indptr))
        matrix = _csr(data, indices, indptr, (len(indptr) - 1, columns))
        outputs[0][0] = np.asarray(matrix[rows, at_indices]).reshape(-1)


@lowers(CsrSample)
def lower_csr_sample(node, inputs, builder):
    data, indices, indptr, columns, *at = inputs
    return [builder.add("csr_sample", data, indices, indptr, builder.size(columns), *at)]


# -- parts -----------------------------------------------------------------------------------------


def _parts(variable: Variable, expanded: Expanded) -> Sparse | None:
    """The parts of a matrix, None where they are not known."""
    while variable not in expanded.sparse and variable in expanded.aliases:
        variable = expanded.aliases[variable]
    if variable not in expanded.sparse:
        if variable.type.format not in FORMATS:
            return None
        if isinstance(variable, Constant):
            expanded.sparse[variable] = constant_parts(variable.data)
        elif variable.owner is None and expanded.lazy:
            expanded.sparse[variable] = input_parts(variable)
    return expanded.sparse.get(variable)


def _operands(node: Apply, expanded: Expanded, patterns: bool = True) -> list | None:
    """The operands of a node: `Sparse` for matrices. None where one is not known in parts.

    With ``patterns`` it is None also where the pattern of one is not known.
    """
    found = []
    for variable in node.inputs:
        if not is_sparse(variable):
            found.append(variable)
            continue
        parts = _parts(variable, expanded)
        if parts is None or (patterns and parts.dense is not None):
            return None
        found.append(parts)
    return found


def _major(matrix: Sparse) -> Variable:
    """The row (csr) or the column (csc) of every stored element."""
    counts = (matrix.indptr[1:] - matrix.indptr[:-1]).astype("int64")
    return RepeatPositions()(counts, matrix.data.shape[0])


def _row(matrix: Sparse) -> Variable:
    return _major(matrix) if matrix.format == "csr" else matrix.indices


def _column(matrix: Sparse) -> Variable:
    return _row(matrix.T)


def _dense(matrix: Sparse) -> Variable:
    if matrix.dense is not None:
        return matrix.dense
    zeros = pt.zeros((matrix.rows, matrix.columns), dtype=matrix.dtype)
    return zeros[_row(matrix), _column(matrix)].inc(matrix.data)


def _matmul(matrix: Sparse, b: Variable, dtype: str) -> Variable:
    """matrix @ b for a dense matrix b."""
    b = b.astype(dtype)
    if matrix.dense is not None:
        return pt.dot(matrix.dense.astype(dtype), b)
    rows = matrix if matrix.format == "csr" else matrix.T
    product = CsrMatmul(transpose=matrix.format == "csc")
    parts = [rows.data.astype(dtype), rows.indices, rows.indptr, rows.rows, rows.columns]
    return product(*parts, b)


def _product(x, y, dtype: str) -> Variable:
    """x @ y as a dense matrix, one of them sparse."""
    if isinstance(x, Sparse) and isinstance(y, Sparse):
        return _matmul(x, _dense(y), dtype)
    if isinstance(x, Sparse):
        if y.type.ndim == 1:
            return _matmul(x, y[:, None], dtype)[:, 0]
        return _matmul(x, y, dtype)
    if x.type.ndim == 1:
        return _matmul(y.T, x[:, None], dtype)[:, 0]
    return _matmul(y.T, x.T, dtype).T


_HAS_KERNELS = frozenset(
    {"float32", "float64", "complex64", "complex128"}
    | {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
)


@expands(math.Dot, math.StructuredDot, math.TrueDot)
def expand_product(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded, patterns=False)
    dtype = node.outputs[0].type.dtype
    if operands is None or dtype not in _HAS_KERNELS:
        return None
    product = _product(*operands, dtype)
    if is_sparse(node.outputs[0]):
        return [Sparse(node.outputs[0].type.format, dense=product)]
    return [product]


@expands(math.Usmm)
def expand_usmm(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded, patterns=False)
    dtype = node.outputs[0].type.dtype
    if operands is None or dtype not in _HAS_KERNELS:
        return None
    alpha, x, y, z = operands
    product = _product(x, y, pytensor.scalar.upcast(x.dtype, y.dtype))
    return [(alpha.squeeze() * product + z).astype(dtype)]


@expands(math.SamplingDot)
def expand_sampling_dot(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    if operands is None:
        return None
    x, y, pattern = operands
    dtype = pytensor.scalar.upcast(x.dtype, y.dtype)
    if pytensor.scalar.upcast(dtype, pattern.dtype) != pattern.dtype or dtype not in _HAS_KERNELS:
        return None
    # In compressed columns the pattern is that of y . x.T.
    a, b = (x, y) if pattern.format == "csr" else (y, x)
    sampled = CsrSampledMatmul()(pattern.indices, pattern.indptr, a.astype(dtype), b.astype(dtype))
    return [pattern.with_data((pattern.data * sampled).astype(pattern.dtype), exact=False)]


@expands(math.StructuredDotGradCSR, math.StructuredDotGradCSC)
def expand_structured_dot_grad(node: Apply, expanded: Expanded):
    indices, indptr, b, g = node.inputs
    if is_sparse(b) or is_sparse(g):
        return None
    dtype = pytensor.scalar.upcast(b.dtype, g.dtype)
    if dtype not in _HAS_KERNELS:
        return None
    x, y = (g, b) if isinstance(node.op, math.StructuredDotGradCSR) else (b, g)
    sampled = CsrSampledMatmul()(indices, indptr, x.astype(dtype), y.astype(dtype))
    return [sampled.astype(node.outputs[0].type.dtype)]


# -- structure -------------------------------------------------------------------------------------


@expands(basic.CSMProperties)
def expand_csm_properties(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    if operands is None or not operands[0].exact:
        return None
    [matrix] = operands
    shape = pt.stack([matrix.rows, matrix.columns]).astype("int32")
    indices, indptr = (part.astype("int32") for part in (matrix.indices, matrix.indptr))
    return [matrix.data, indices, indptr, shape]


@expands(basic.CSM)
def expand_csm(node: Apply, expanded: Expanded):
    data, indices, indptr, shape = node.inputs
    if not indices.type.dtype == indptr.type.dtype == "int32":
        indices, indptr = indices.astype("int64"), indptr.astype("int64")
    rows, columns = (shape[axis].astype("int64") for axis in range(2))
    return [Sparse(node.op.format, data, indices, indptr, rows, columns)]


def _sample(matrix: Sparse, indices: Variable, indptr: Variable) -> Variable:
    """The elements of a matrix at the positions of a pattern in the same format."""
    columns = matrix.columns if matrix.format == "csr" else matrix.rows
    return CsrSample()(matrix.data, matrix.indices, matrix.indptr, columns, indices, indptr)


@expands(basic.CSMGrad)
def expand_csm_grad(node: Apply, expanded: Expanded):
    _, indices, indptr, shape, data, g_indices, g_indptr, _ = node.inputs
    if data.type.dtype not in _HAS_KERNELS:
        return None
    gradient = None
    if data.owner is not None and isinstance(data.owner.op, basic.CSMProperties):
        gradient = _parts(data.owner.inputs[0], expanded)
    if gradient is None or gradient.dense is not None:
        size = pt.maximum(shape[0], shape[1]).astype("int64")  # enough for either format
        gradient = Sparse("csr", data, g_indices, g_indptr, size, size)
    return [_sample(gradient, indices, indptr)]


@expands(basic.SparseFromDense)
def expand_sparse_from_dense(node: Apply, expanded: Expanded):
    [x] = node.inputs
    return [Sparse(node.op.format, dense=x)] if x.type.ndim == 2 else None


@expands(basic.DenseFromSparse)
def expand_dense_from_sparse(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded, patterns=False)
    if operands is None or not is_sparse(node.inputs[0]):
        return None
    [matrix] = operands
    return None if matrix.dtype == "bool" else [_dense(matrix)]


@expands(basic.Transpose)
def expand_transpose(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded, patterns=False)
    return None if operands is None else [operands[0].T]


@expands(basic.Cast)
def expand_cast(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    return (
        None
        if operands is None
        else [operands[0].with_data(operands[0].data.astype(node.op.out_type))]
    )


@expands(DeepCopyOp, TypeCastingOp)
def expand_identity(node: Apply, expanded: Expanded):
    if not is_sparse(node.inputs[0]):
        return None
    return _operands(node, expanded, patterns=False)


@expands(Shape)
def expand_shape(node: Apply, expanded: Expanded):
    if not is_sparse(node.inputs[0]):
        return None
    operands = _operands(node, expanded, patterns=False)
    return None if operands is None else [pt.stack(list(operands[0].shape()))]


@expands(Shape_i)
def expand_shape_i(node: Apply, expanded: Expanded):
    if not is_sparse(node.inputs[0]):
        return None
    operands = _operands(node, expanded, patterns=False)
    return None if operands is None else [operands[0].shape()[node.op.i]]


# -- stored elements -------------------------------------------------------------------------------


@expands(math.AddSparseDense)
def expand_add_dense(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded, patterns=False)
    dtype = node.outputs[0].type.dtype
    if operands is None or dtype == "bool":
        return None
    matrix, y = operands
    y = specify_shape(y, matrix.shape()).astype(dtype)
    if matrix.dense is not None:
        return [matrix.dense.astype(dtype) + y]
    return [y[_row(matrix), _column(matrix)].inc(matrix.data.astype(dtype))]


def _is_same(a: Variable, b: Variable, expanded: Expanded) -> bool:
    a, b = expanded.resolve(a), expanded.resolve(b)
    return a is b or (isinstance(a, Constant) and isinstance(b, Constant) and a.equals(b))


@expands(math.AddSparseSparse, math.AddSparseSparseData)
def expand_add(node: Apply, expanded: Expanded):
    """What gradients add has one pattern. Two patterns are left to Python."""
    operands = _operands(node, expanded)
    if operands is None:
        return None
    x, y = operands
    same = x.format == y.format
    same = same and _is_same(x.indices, y.indices, expanded)
    same = same and _is_same(x.indptr, y.indptr, expanded)
    exact = isinstance(node.op, math.AddSparseSparseData)
    return [x.with_data(x.data + y.data, exact)] if same or exact else None


@expands(math.MultiplySparseSparse)
def expand_multiply_matrices(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    dtype = node.outputs[0].type.dtype
    if operands is None or operands[0].format != operands[1].format or dtype not in _HAS_KERNELS:
        return None
    x, y = operands
    y = y.with_data(y.data.astype(dtype))
    there = _sample(y, x.indices, x.indptr)
    return [x.with_data(x.data.astype(dtype) * there, exact=False)]


@expands(math.MultiplySparseDense)
def expand_multiply(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    if operands is None:
        return None
    matrix, y = operands
    if y.type.ndim == 2:
        y = specify_shape(y, matrix.shape())[_row(matrix), _column(matrix)]
    data = matrix.data.astype(node.outputs[0].type.dtype) * y
    return [matrix.with_data(data.astype(node.outputs[0].type.dtype))]


def _scaled(matrix: Sparse, factors: Variable, axis: int) -> Sparse:
    """The stored elements times the factor of their row (axis 0) or column (axis 1)."""
    factors = specify_shape(factors, (matrix.shape()[axis],))
    position = _row(matrix) if axis == 0 else _column(matrix)
    return matrix.with_data((matrix.data * factors[position]).astype(matrix.dtype))


@expands(math.MultiplySparseDenseVector)
def expand_multiply_vector(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    if operands is None:
        return None
    scaled = _scaled(*operands, axis=1)
    return [scaled.with_data(scaled.data, exact=False)]


@expands(basic.ColScaleCSC, basic.RowScaleCSC)
def expand_scale(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    axis = 1 if isinstance(node.op, basic.ColScaleCSC) else 0
    return None if operands is None else [_scaled(*operands, axis=axis)]


@expands(math.SpSum)
def expand_sum(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    # SciPy sums small integers in larger ones, whatever the node declares.
    if operands is None or node.outputs[0].type.dtype not in (
        "float32",
        "float64",
        "complex64",
        "complex128",
    ):
        return None
    [matrix] = operands
    axis = node.op.axis
    if axis is None:
        return [matrix.data.sum().astype(matrix.dtype)]
    position = _column(matrix) if axis == 0 else _row(matrix)
    zeros = pt.zeros((matrix.shape()[1 - axis],), dtype=matrix.dtype)
    return [zeros[position].inc(matrix.data)]


@expands(basic.Diag)
def expand_diagonal(node: Apply, expanded: Expanded):
    operands = _operands(node, expanded)
    if operands is None or node.outputs[0].type.dtype == "bool":
        return None
    [matrix] = operands
    is_square = CheckAndRaise(ValueError, "Diag only apply on square matrix")
    length = is_square(matrix.rows, pt.eq(matrix.rows, matrix.columns))
    row = _row(matrix)
    zero = pt.constant(0, dtype=matrix.dtype)
    data = pt.switch(pt.eq(row, _column(matrix)), matrix.data, zero)
    return [pt.zeros((length,), dtype=matrix.dtype)[row].inc(data)]
