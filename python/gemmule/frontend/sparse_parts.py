"""Sparse matrices as the tensors that they are made of."""

from dataclasses import dataclass, replace

import numpy as np
import pytensor.sparse as ps
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.sparse.type import SparseTensorType

FORMATS = ("csr", "csc")


def is_sparse(variable: Variable) -> bool:
    return isinstance(variable.type, SparseTensorType)


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix: its parts in compressed rows (csr) or columns (csc).

    `dense` stands for all others where the pattern is that of what is not zero in a dense matrix.
    """

    format: str
    data: Variable | None = None
    indices: Variable | None = None
    indptr: Variable | None = None
    rows: Variable | None = None
    columns: Variable | None = None
    dense: Variable | None = None
    #: Whether PyTensor's matrix has these parts. Else it is the same matrix, but SciPy leaves out
    #: what is zero or adds up what is repeated.
    exact: bool = True

    @property
    def variables(self) -> list[Variable]:
        if self.dense is not None:
            return [self.dense]
        return [self.data, self.indices, self.indptr, self.rows, self.columns]

    @property
    def dtype(self) -> str:
        return (self.data if self.dense is None else self.dense).type.dtype

    @property
    def T(self) -> "Sparse":
        other = {"csr": "csc", "csc": "csr"}[self.format]
        if self.dense is not None:
            return Sparse(other, dense=self.dense.T)
        return replace(self, format=other, rows=self.columns, columns=self.rows)

    def with_data(self, data: Variable, exact: bool = True) -> "Sparse":
        """Another matrix of the same pattern."""
        return replace(self, data=data, exact=self.exact and exact)

    def shape(self) -> tuple[Variable, Variable]:
        if self.dense is not None:
            return self.dense.shape[0], self.dense.shape[1]
        return self.rows, self.columns

    def as_variable(self) -> Variable:
        """The matrix as PyTensor's own ops make it."""
        if self.dense is not None:
            return ps.SparseFromDense(self.format)(self.dense)
        shape = pt.stack([self.rows, self.columns])
        return ps.CSM(self.format)(self.data, self.indices, self.indptr, shape)


def constant_parts(matrix) -> Sparse:
    return Sparse(matrix.format, *(pt.constant(part) for part in parts_of_value(matrix)))


def input_parts(variable: Variable) -> Sparse:
    """Parts that `parts_of_value` gives when the function is called."""
    name = variable.name or "sparse"
    return Sparse(
        variable.type.format,
        pt.tensor(f"{name}.data", dtype=variable.type.dtype, shape=(None,)),
        pt.ivector(f"{name}.indices"),
        pt.ivector(f"{name}.indptr"),
        pt.lscalar(f"{name}.rows"),
        pt.lscalar(f"{name}.columns"),
    )


def parts_of_value(matrix) -> list[np.ndarray]:
    """data, indices, indptr, rows, columns of a matrix of SciPy's."""
    stored = int(matrix.indptr[-1])  # there may be room for more
    rows, columns = matrix.shape
    return [
        np.asarray(matrix.data[:stored]),
        np.asarray(matrix.indices[:stored], dtype="int32"),
        np.asarray(matrix.indptr, dtype="int32"),
        np.array(rows, dtype="int64"),
        np.array(columns, dtype="int64"),
    ]


def value_of_parts(format: str, values: list) -> object:
    """The matrix of SciPy's that has copies of these parts, or that is a dense one compressed."""
    make = SparseTensorType.format_cls[format]
    values = [np.asarray(value) for value in values]
    if len(values) == 1:
        return make(values[0])
    data, indices, indptr, rows, columns = values
    return make((data.copy(), indices.copy(), indptr.copy()), shape=(int(rows), int(columns)))
