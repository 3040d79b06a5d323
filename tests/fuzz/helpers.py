"""What statements of generated programs call besides PyTensor itself."""

import numpy as np
import pytensor
import pytensor.gradient
import pytensor.tensor as pt
import pytensor.tensor.fft
from pytensor import sparse
from pytensor.compile.builders import OpFromGraph
from pytensor.scan.utils import until
from scipy.sparse import csc_matrix, csr_matrix, random_array

__all__ = [
    "bounded",
    "csc",
    "csr",
    "dense",
    "draws",
    "inner",
    "joined",
    "loop",
    "loop_until",
    "positive_definite",
    "repeated",
    "scaled",
    "similar",
    "sparse",
    "sparse_matrix",
    "triangular",
    "well_conditioned",
]


def repeated(array):
    """The first row of the array, in every row, with a stride of 0."""
    return np.broadcast_to(array[:1], array.shape) if array.ndim and array.size else array


class _Draws:
    """``draws.normal(0, 1)``: `pytensor.tensor.random.normal` with a generator of its own."""

    def __getattr__(self, name):
        function = getattr(pt.random, name)

        def draw(*parameters, **settings):
            generator = pytensor.shared(np.random.default_rng(len(name)))
            return function(*parameters, rng=generator, **settings)

        return draw


draws = _Draws()


def inner(function, *arguments):
    """``function`` of the arguments as an `OpFromGraph`."""
    parameters = [argument.type() for argument in arguments]
    return OpFromGraph(parameters, [function(*parameters)])(*arguments)


def bounded(matrix):
    """Entries in (-1, 1), whatever they were; NaN becomes 0."""
    matrix = pt.switch(pt.isnan(matrix), 0, matrix)
    return pt.tanh(matrix)


def positive_definite(matrix):
    """A symmetric positive definite matrix made from any square one."""
    matrix = bounded(matrix)
    n = matrix.shape[-1]
    return matrix @ matrix.mT + n.astype(matrix.dtype) * pt.eye(n, dtype=matrix.dtype)


def well_conditioned(matrix):
    """A matrix dominated by its diagonal, not symmetric."""
    matrix = bounded(matrix)
    n = matrix.shape[-1]
    return matrix + (n + 1).astype(matrix.dtype) * pt.eye(n, dtype=matrix.dtype)


def triangular(matrix, lower=True):
    matrix = well_conditioned(matrix)
    return pt.tril(matrix) if lower else pt.triu(matrix)


def joined(factors):
    """The product of all factors."""
    product, *others = factors
    for factor in others:
        product = product @ factor
    return product


def scaled(u, s, vh):
    """The matrix of a singular value decomposition."""
    return (u * s[..., None, :]) @ vh


def similar(t, z):
    """The matrix of a Schur decomposition."""
    return z @ t @ z.mT


def sparse_matrix(rows, columns, layout, seed):
    """A constant matrix with a third of its elements."""
    matrix = random_array((rows, columns), density=0.35, format=layout, rng=seed)
    return sparse.as_sparse_variable(csr_matrix(matrix) if layout == "csr" else csc_matrix(matrix))


csr, csc, dense = sparse.csr_from_dense, sparse.csc_from_dense, sparse.dense_from_sparse


def loop(function, sequences, states=None, constants=None, **settings):
    """`pytensor.scan`, whose states keep the dtypes and types that they start with."""

    def step(*arguments):
        result = function(*arguments)
        if states:
            start = states[0]["initial"][0] if isinstance(states[0], dict) else states[0]
            result = pt.specify_broadcastable(
                result.astype(start.dtype),
                *[axis for axis, size in enumerate(start.type.shape) if size == 1],
            )
        return result

    return pytensor.scan(
        step,
        sequences=sequences,
        outputs_info=states,
        non_sequences=constants,
        return_updates=False,
        **settings,
    )


def loop_until(function, start, limit, steps):
    """The states up to the first one above the limit."""

    def step(state):
        state = function(state).astype(start.dtype)
        return state, until(state > limit)

    return pytensor.scan(step, outputs_info=[start], n_steps=steps, return_updates=False)
