"""LU, QR, SVD, Schur, general eigenvalues, and what is built on them."""

from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor.linalg.decomposition.eigen import Eig
from pytensor.tensor.linalg.decomposition.lu import LU, LUFactor, PivotToPermutations
from pytensor.tensor.linalg.decomposition.qr import QR
from pytensor.tensor.linalg.decomposition.schur import QZ, Schur
from pytensor.tensor.linalg.decomposition.svd import SVD
from pytensor.tensor.linalg.inverse import MatrixPinv, TensorInv
from pytensor.tensor.linalg.products import Expm
from pytensor.tensor.linalg.solvers.linear_control import TRSYL
from pytensor.tensor.linalg.solvers.lstsq import Lstsq, TensorSolve
from pytensor.tensor.linalg.solvers.tridiagonal import (
    LUFactorTridiagonal,
    SolveLUFactorTridiagonal,
)
from pytensor.tensor.type import dmatrix, dvector, iscalar, lscalar

from gemmule.frontend.elemwise import is_complex
from gemmule.frontend.expand import Expanded, expands
from gemmule.frontend.linalg import batched
from gemmule.frontend.registry import lowers, unsupported
from gemmule.frontend.shape import product_of


def _in_double(value: int, builder) -> int:
    """NumPy's own routines compute in double precision whatever the dtype."""
    return builder.cast(value, "complex128" if is_complex(builder.dtype(value)) else "float64")


def _cast_all(values, dtypes, builder) -> list[int]:
    return [builder.cast(value, dtype) for value, dtype in zip(values, dtypes, strict=True)]


@batched(LU)
def lower_lu(op, inputs, dtypes, builder):
    attributes = {"permute_l": bool(op.permute_l), "p_indices": bool(op.p_indices)}
    return builder.add_all("lu", [builder.cast(inputs[0], dtypes[-1])], attributes)


@batched(LUFactor)
def lower_lu_factor(op, inputs, dtypes, builder):
    return builder.add_all("lu_factor", [builder.cast(inputs[0], dtypes[0])])


@batched(PivotToPermutations)
def lower_pivots(op, inputs, dtypes, builder):
    pivots = builder.cast(inputs[0], "int64")
    return [builder.add("pivots_to_permutation", pivots, inverse=bool(op.inverse))]


@batched(LUFactorTridiagonal)
def lower_lu_factor_tridiagonal(op, inputs, dtypes, builder):
    diagonals = [builder.cast(value, dtypes[0]) for value in inputs]
    return builder.add_all("lu_factor_tridiagonal", diagonals)


@batched(SolveLUFactorTridiagonal)
def lower_solve_tridiagonal(op, inputs, dtypes, builder):
    *diagonals, pivots, b = inputs
    operands = [*(builder.cast(value, dtypes[0]) for value in diagonals)]
    operands += [builder.cast(pivots, "int32"), builder.cast(b, dtypes[0])]
    trans = bool(op.transposed)
    if op.b_ndim == 2:
        return [builder.add("solve_tridiagonal", *operands, trans=trans)]
    last = builder.rank(b)
    operands[-1] = builder.expand_dims(operands[-1], [last])
    return [builder.squeeze(builder.add("solve_tridiagonal", *operands, trans=trans), [last])]


@batched(QR)
def lower_qr(op, inputs, dtypes, builder):
    attributes = {"mode": op.mode, "pivoting": bool(op.pivoting)}
    return builder.add_all("qr", [builder.cast(inputs[0], dtypes[0])], attributes)


@batched(SVD)
def lower_svd(op, inputs, dtypes, builder):
    attributes = {"full_matrices": bool(op.full_matrices), "compute_uv": bool(op.compute_uv)}
    values = builder.add_all("svd", [_in_double(inputs[0], builder)], attributes)
    return _cast_all(values, dtypes, builder)


@batched(Eig)
def lower_eig(op, inputs, dtypes, builder):
    values = builder.add_all("eig", [_in_double(inputs[0], builder)])
    return _cast_all(values, dtypes, builder)


@batched(Schur)
def lower_schur(op, inputs, dtypes, builder):
    return builder.add_all("schur", [builder.cast(inputs[0], dtypes[0])], {"sort": op.sort or ""})


@batched(QZ)
def lower_qz(op, inputs, dtypes, builder):
    operands = [builder.cast(value, dtypes[0]) for value in inputs]
    s, t, alpha, beta, q, z = builder.add_all("qz", operands, {"sort": op.sort or ""})
    return [s, t, alpha, beta, q, z] if op.return_eigenvalues else [s, t, q, z]


@batched(Expm)
def lower_expm(op, inputs, dtypes, builder):
    return [builder.add("expm", builder.cast(inputs[0], dtypes[0]))]


@batched(MatrixPinv)
def lower_pinv(op, inputs, dtypes, builder):
    value = builder.add("pinv", _in_double(inputs[0], builder), hermitian=bool(op.hermitian))
    return _cast_all([value], dtypes, builder)


@batched(TRSYL)
def lower_trsyl(op, inputs, dtypes, builder):
    return [builder.add("sylvester", *(builder.cast(value, dtypes[0]) for value in inputs))]


class PaddedLstsq(Op):
    """`Lstsq` with a residual for every column of ``b``, and how many of them it gives."""

    __props__ = ()

    def make_node(self, a, b, rcond):
        outputs = [dmatrix(), dvector(), iscalar(), dvector(), lscalar()]
        return Apply(self, [a, b, rcond], outputs)

    def perform(self, node, inputs, outputs):
        raise NotImplementedError


@expands(Lstsq)
def expand_lstsq(node, expanded: Expanded):
    """Whether there are residuals depends on the rank."""
    a, b, rcond = node.inputs
    if (a.type.ndim, b.type.ndim, rcond.type.ndim) != (2, 2, 0):
        return None
    if any(is_complex(variable.type.dtype) for variable in node.inputs):
        return None
    x, residuals, rank, s, count = PaddedLstsq()(a, b, rcond)
    return [x, residuals[:count], rank, s]


@lowers(PaddedLstsq)
def lower_lstsq(node, inputs, builder):
    return builder.add_all("lstsq", [builder.cast(value, "float64") for value in inputs])


@lowers(TensorInv)
def lower_tensorinv(node, inputs, builder):
    """The inverse of the matrix over the first ``ind`` axes and the others."""
    value, ind = builder.cast(inputs[0], node.outputs[0].type.dtype), node.op.ind
    if ind <= 0:
        raise unsupported("TensorInv with ind <= 0")
    sizes = builder.dims(value)
    rows, columns = (product_of(part, builder) for part in (sizes[:ind], sizes[ind:]))
    inverse = builder.add("inv", builder.add("reshape", value, rows, columns), raises=True)
    return [builder.add("reshape", inverse, *sizes[ind:], *sizes[:ind])]


@lowers(TensorSolve)
def lower_tensorsolve(node, inputs, builder):
    """``a x = b``, summed over the last axes of ``a``, those in ``axes`` moved there first."""
    dtype = node.outputs[0].type.dtype
    a, b = (builder.cast(value, dtype) for value in inputs)
    rank = builder.rank(a)
    if rank - builder.rank(b) != 2:
        raise unsupported("TensorSolve of a solution that is no matrix")
    if node.op.axes is not None:
        moved = [axis % rank for axis in node.op.axes]
        a = builder.transpose(a, [*(i for i in range(rank) if i not in moved), *moved])
    sizes = builder.dims(a)
    rows = product_of(sizes[: builder.rank(b)], builder)
    matrix = builder.add("reshape", a, rows, product_of(sizes[-2:], builder))
    column = builder.add("reshape", b, rows, builder.integer(1))
    x = builder.add("solve", matrix, column, raises=True)
    return [builder.add("reshape", x, *sizes[-2:])]
