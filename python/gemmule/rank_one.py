"""Rank-1 updates in PyTensor's graphs, for ``mode="MLX_BLAS"``: the op `Ger` and its rewrite.

PyTensor has no op for ``A + alpha * outer(x, y)``: it reaches a backend as the broadcast product
``A + alpha * x[:, None] * y[None, :]``.
"""

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import copy_stack_trace, dfs_rewriter, node_rewriter
from pytensor.scalar import Add, Mul, Neg, Sub, TrueDiv, upcast
from pytensor.tensor.basic import as_tensor_variable
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot

_DTYPES = ("float16", "float32", "float64", "complex64", "complex128")


class Ger(Op):
    """``A + alpha * outer(x, y)`` for A[m, n], 0-d alpha, x[m], y[n]; nothing is conjugated.

    A, x and y have one dtype, floating or complex, which is that of the result, too; alpha may have
    any dtype that this one can hold. Nothing broadcasts. Raises ``TypeError`` for other dtypes and
    numbers of dimensions when the graph is built, ``ValueError`` for sizes that do not fit. (BLAS
    geru; arguments in the order of PyTensor's Gemm and Gemv)
    """

    __props__ = ()

    def make_node(self, A, alpha, x, y):
        inputs = [as_tensor_variable(value) for value in (A, alpha, x, y)]
        A, alpha, x, y = inputs
        if [value.type.ndim for value in inputs] != [2, 0, 1, 1]:
            raise TypeError(f"Ger takes a matrix, a scalar and two vectors, not {inputs}")
        dtype = A.type.dtype
        if dtype not in _DTYPES or x.type.dtype != dtype or y.type.dtype != dtype:
            raise TypeError(f"Ger takes one floating or complex dtype, not {inputs}")
        if upcast(alpha.type.dtype, dtype) != dtype:
            raise TypeError(f"alpha of Ger is {alpha.type.dtype}, wider than {dtype}")
        shape = [
            known if known is not None else other
            for known, other in zip(A.type.shape, (*x.type.shape, *y.type.shape), strict=True)
        ]
        return Apply(self, inputs, [A.type.clone(shape=shape)()])

    def perform(self, node, inputs, output_storage):
        A, alpha, x, y = inputs
        if A.shape != (len(x), len(y)):
            raise ValueError(f"A of Ger is {A.shape}, x and y have {len(x)} and {len(y)} elements")
        result = A + (alpha * x).astype(A.dtype)[:, None] * y[None, :]
        output_storage[0][0] = np.asarray(result, dtype=A.dtype)

    def infer_shape(self, node, shapes):
        return [shapes[0]]


ger = Ger()


# -- recognition -----------------------------------------------------------------------------------


def _elementwise(variable, *scalar_ops) -> bool:
    owner = variable.owner
    if owner is None or not isinstance(owner.op, Elemwise):
        return False
    return not scalar_ops or isinstance(owner.op.scalar_op, scalar_ops)


def _sole_use(fgraph, variable) -> bool:
    return len(fgraph.clients[variable]) == 1


def _full_matrix(variable) -> bool:
    """A matrix neither of whose dimensions is known to be 1, and so may have to broadcast."""
    return variable.type.broadcastable == (False, False)


def _terms(fgraph, variable, sign=1, root=True) -> list:
    """``variable`` as a list of (sign, term)."""
    if (root or _sole_use(fgraph, variable)) and _full_matrix(variable):
        inputs = variable.owner.inputs if variable.owner else []
        if _elementwise(variable, Add):
            return [term for i in inputs for term in _terms(fgraph, i, sign, False)]
        if _elementwise(variable, Sub):
            left, right = inputs
            return _terms(fgraph, left, sign, False) + _terms(fgraph, right, -sign, False)
        if _elementwise(variable, Neg):
            return _terms(fgraph, inputs[0], -sign, False)
    return [(sign, variable)]


def _factors(fgraph, variable, power=1) -> list | None:
    """A matrix as [(power, scalar, column or row)], or None where that is not all."""
    if not _full_matrix(variable):
        return [(power, variable)]
    if power < 0 or not _sole_use(fgraph, variable):
        return None
    if _elementwise(variable, Mul):
        signed = [(power, factor) for factor in variable.owner.inputs]
    elif _elementwise(variable, TrueDiv):
        numerator, denominator = variable.owner.inputs
        signed = [(power, numerator), (-power, denominator)]
    elif _elementwise(variable, Neg):
        signed = [(power, variable.owner.inputs[0]), (power, pt.constant(-1, dtype="int8", ndim=2))]
    else:
        return None
    factors = []
    for factor_power, factor in signed:
        found = _factors(fgraph, factor, factor_power)
        if found is None:
            return None
        factors += found
    return factors


def _product(factors, dtype):
    """The product of (power, variable), each cast to ``dtype``."""
    over = [pt.cast(variable, dtype) for power, variable in factors if power > 0]
    under = [pt.cast(variable, dtype) for power, variable in factors if power < 0]
    product = pt.mul(*over) if len(over) > 1 else over[0] if over else pt.constant(1, dtype=dtype)
    return product / (pt.mul(*under) if len(under) > 1 else under[0]) if under else product


def _rank_one(fgraph, term, dtype):
    """``(alpha, x, y)`` with ``alpha * outer(x, y)`` the term's value, or None.

    alpha * x[:, None] * y[None, :]      any order and nesting, quotients and signs included
    """
    if not _elementwise(term):
        return None
    factors = _factors(fgraph, term)
    if factors is None or any(upcast(f.type.dtype, dtype) != dtype for _, f in factors):
        return None
    scalars, columns, rows = [], [], []
    for power, factor in factors:
        if factor.type.broadcastable == (False, True):
            columns.append((power, factor.dimshuffle(0)))
        elif factor.type.broadcastable == (True, False):
            rows.append((power, factor.dimshuffle(1)))
        else:
            scalars.append((power, factor.dimshuffle()))
    if not columns or not rows:
        return None
    return _product(scalars, dtype), _product(columns, dtype), _product(rows, dtype)


def _is_matrix_product(fgraph, term) -> bool:
    """A scaled or transposed ``Dot`` that nothing else reads: a Gemm takes it and one addend."""
    while term.owner is not None and _sole_use(fgraph, term):
        inputs = term.owner.inputs
        if isinstance(term.owner.op, Dot):
            return True
        if isinstance(term.owner.op, DimShuffle) or _elementwise(term, Neg):
            term = inputs[0]
        elif _elementwise(term, Mul):
            matrices = [i for i in inputs if not all(i.type.broadcastable)]
            if len(matrices) != 1:
                return False
            term = matrices[0]
        else:
            return False
    return False


def _sum(terms):
    """The sum of (sign, term)."""
    added = [term for sign, term in terms if sign > 0]
    subtracted = [term for sign, term in terms if sign < 0]
    if not added:
        added = [pt.neg(subtracted.pop())]
    total = pt.add(*added) if len(added) > 1 else added[0]
    for term in subtracted:
        total = total - term
    return total


@node_rewriter([Elemwise])
def local_add_to_ger(fgraph, node):
    """``A + alpha * x[:, None] * y[None, :]`` -> ``Ger(A, alpha, x, y)``.

    With matrix products in the sum, too, ``A`` becomes their sum, which is left to Gemm:
    ``A + outer(x, y) + X @ Y`` -> ``Ger(A + X @ Y, 1, x, y)``.

    Not where MLX computes everything in one fused loop anyway: other addends, elementwise work on
    A, or elementwise readers of the sum.
    """
    [out] = node.outputs
    dtype = out.type.dtype
    if not (_elementwise(out, Add, Sub) and _full_matrix(out) and dtype in _DTYPES):
        return None
    if any(isinstance(reader.op, Elemwise) for reader, _ in fgraph.clients[out]):
        return None
    terms = _terms(fgraph, out)
    if not all(_full_matrix(term) and term.type.dtype == dtype for _, term in terms):
        return None
    for index, (sign, term) in enumerate(terms):
        found = _rank_one(fgraph, term, dtype)
        if found is None:
            continue
        others = terms[:index] + terms[index + 1 :]
        addends = [entry for entry in others if not _is_matrix_product(fgraph, entry[1])]
        if len(addends) > 1:
            return None
        if len(addends) == len(others):
            [(addend_sign, addend)] = addends
            if addend_sign < 0 or _elementwise(addend):
                return None
        alpha, x, y = found
        result = ger(_sum(others), alpha if sign > 0 else -alpha, x, y)
        copy_stack_trace(out, result)
        return [result]
    return None


#: Behind PyTensor's stabilisation (1.5) and before its BlasOpt (1.7).
POSITION = 1.69

rewriter = dfs_rewriter(local_add_to_ger, name="gemmule_ger")
