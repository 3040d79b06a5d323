"""``mode="MLX_BLAS"``: PyTensor's own MLX backend with its BLAS rewrites and Gemmule's kernels.

PyTensor recognises ``alpha*A@B + beta*C`` and the like (BlasOpt), but not for MLX. Here it does,
rank-1 updates are added, and the BLAS ops in the graph run on the kernels of `gemmule._core`. All
other ops are converted as in ``mode="MLX"``, which stays as it is.
"""

from collections import Counter
from copy import copy
from functools import singledispatch

import mlx.core as mx
import pytensor.tensor.blas as pytensor_blas
from pytensor.compile.mode import Mode, optdb, register_linker, register_mode
from pytensor.compile.ops import DeepCopyOp, ViewOp
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.op import HasMultipleInnerGraph, Op
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.mlx.linker import MLXLinker
from pytensor.scalar.basic import Cast
from pytensor.tensor.basic import AllocEmpty
from pytensor.tensor.blas import BatchedDot, Dot22, Dot22Scalar, Gemm, Gemv
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot, mul
from pytensor.tensor.rewriting.blas import blas_optdb, local_dot22_to_dot22scalar
from pytensor.tensor.shape import Shape, Shape_i
from pytensor.tensor.subtensor import Subtensor

from gemmule import _core, rank_one
from gemmule.rank_one import Ger

# PyTensor's own, in versions that have one: Ger(A, alpha, x, y), as ours.
_GERS = tuple({Ger, getattr(pytensor_blas, "Ger", Ger)})


class MlxBlasLinker(MLXLinker):
    """PyTensor's `MLXLinker` without its objection to BlasOpt, and with `convert` for all nodes.

    A subclass: where PyTensor dispatches on the linker's class, it is treated as MLX's.
    """

    incompatible_rewrites = tuple(
        name for name in MLXLinker.incompatible_rewrites if name != "BlasOpt"
    )

    def fgraph_convert(self, fgraph, **kwargs):
        return super().fgraph_convert(fgraph, **kwargs, conversion_func=convert)

    def jit_compile(self, function):
        """Without `mx.compile` where it would have nothing to fuse: its call costs 15 us.

        Then NumPy inputs are read where they lie and the results are computed before they are
        returned, by the calling thread.
        """
        nodes = self.fgraph.toposort()
        if not nodes or not all(_leaves_nothing_to_fuse(node.op) for node in nodes):
            return super().jit_compile(function)
        from pytensor.link.mlx.dispatch import mlx_typify

        call_here = _core.call_here

        def run(*inputs):
            outputs = call_here(function, inputs)
            if outputs is None:
                return function(*(mlx_typify(value) for value in inputs))
            return outputs

        return run


# Ops that look at memory in another way, ask for sizes or make memory that is not read.
_VIEWS = (AllocEmpty, DeepCopyOp, DimShuffle, Shape, Shape_i, Subtensor, ViewOp)


def _leaves_nothing_to_fuse(op: Op) -> bool:
    op = op.core_op if isinstance(op, Blockwise) else op
    if isinstance(op, Elemwise):
        return isinstance(op.scalar_op, Cast)
    return _kernel(op) is not None or isinstance(op, _VIEWS)


# -- conversion ------------------------------------------------------------------------------------


@singledispatch
def convert(op, node=None, **kwargs):
    """A function over `mx.array` for a node: PyTensor's, except for BLAS ops.

    The functions for BLAS ops give results of the dtype that the node declares (on devices without
    float64: float32, as in ``mode="MLX"``), raise ``ValueError`` for sizes that do not fit, and do
    not read an addend whose scale is 0.
    """
    from pytensor.link.mlx.dispatch import mlx_funcify

    return mlx_funcify(op, node=node, **kwargs)


def _declared_dtype(variable: Variable):
    from pytensor.link.mlx.dispatch.basic import convert_dtype_to_mlx

    return convert_dtype_to_mlx(variable.type.dtype)


def _cast(x: mx.array, dtype) -> mx.array:
    # MLX promotes otherwise than PyTensor: an array may not have the dtype of its variable.
    return x if x.dtype == dtype else x.astype(dtype)


def _known(scale: Variable) -> float | None:
    """The value of a constant real scale: known to the kernel before it runs."""
    if not isinstance(scale, Constant) or scale.type.ndim or scale.type.dtype.startswith("complex"):
        return None
    return float(scale.data)


@convert.register(Gemm)
def convert_gemm(op, node, **kwargs):
    """``b * Z + a * X @ Y``; Z and the product broadcast to each other."""
    dtype = _declared_dtype(node.outputs[0])
    _, known_a, _, _, known_b = (_known(variable) for variable in node.inputs)

    def gemm(z, a, x, y, b):
        x, y = _cast(x, dtype), _cast(y, dtype)
        a = a if known_a is None else known_a
        if known_b == 0 and z.shape == (x.shape[0], y.shape[1]):
            return _core.matmul(x, y, a)
        return _core.gemm(a, x, y, b if known_b is None else known_b, _cast(z, dtype))

    return gemm


@convert.register(Gemv)
def convert_gemv(op, node, **kwargs):
    """``beta * y + alpha * A @ x``; nothing broadcasts."""
    dtype = _declared_dtype(node.outputs[0])
    _, known_alpha, _, _, known_beta = (_known(variable) for variable in node.inputs)
    # BlasOpt passes uninitialised memory with beta = 0. Without a reader it is never made.
    unread = mx.array([0], dtype) if known_beta == 0 else None

    def gemv(y, alpha, A, x, beta):
        if y.shape[0] != A.shape[0]:
            raise ValueError(
                f"[gemv] A has {A.shape[0]} rows, y has {y.shape[0]} elements: they must be equal"
            )
        return _core.gemv(
            alpha if known_alpha is None else known_alpha,
            _cast(A, dtype),
            _cast(x, dtype),
            beta if known_beta is None else known_beta,
            _cast(y, dtype) if unread is None else unread,
        )

    return gemv


def convert_ger(op, node, **kwargs):
    """``A + alpha * outer(x, y)``; nothing broadcasts."""
    dtype = _declared_dtype(node.outputs[0])
    known = _known(node.inputs[1])

    def ger(A, alpha, x, y):
        alpha = alpha if known is None else known
        return _core.ger(alpha, _cast(x, dtype), _cast(y, dtype), _cast(A, dtype))

    return ger


for _ger in _GERS:
    convert.register(_ger, convert_ger)


@convert.register(Dot)
@convert.register(Dot22)
def convert_dot(op, node, **kwargs):
    """``X @ Y``, integers and bool included."""
    dtype = _declared_dtype(node.outputs[0])

    def dot(x, y):
        return _core.matmul(_cast(x, dtype), _cast(y, dtype))

    dot.natively_batched = True  # tells PyTensor's conversion of Blockwise that it takes batches
    return dot


@convert.register(Dot22Scalar)
def convert_dot22scalar(op, node, **kwargs):
    """``a * X @ Y``."""
    dtype = _declared_dtype(node.outputs[0])
    known = _known(node.inputs[2])

    def dot22scalar(x, y, a):
        return _core.matmul(_cast(x, dtype), _cast(y, dtype), a if known is None else known)

    return dot22scalar


@convert.register(BatchedDot)
def convert_batched_dot(op, node, **kwargs):
    """``X[i] @ Y[i]`` for every i; raises ``TypeError`` for different numbers of matrices."""
    dtype = _declared_dtype(node.outputs[0])

    def batched_dot(x, y):
        if x.shape[0] != y.shape[0]:
            raise TypeError(
                f"[batched_matmul] {x.shape[0]} and {y.shape[0]} matrices: they must be as many"
            )
        return _core.batched_matmul(_cast(x, dtype), _cast(y, dtype))

    return batched_dot


# -- inside Blockwise ------------------------------------------------------------------------------


class _Converted(Op):
    """Stands in a Blockwise for a core op that `convert` has already converted.

    PyTensor's conversion of Blockwise converts the core op by its own registry, whatever it is
    called with. Only nodes that are being converted hold this op, no graph does.
    """

    def __init__(self, op: Op, function):
        self.op = op
        self.function = function

    def make_node(self, *inputs):
        return self.op.make_node(*inputs)

    def perform(self, node, inputs, output_storage):
        raise NotImplementedError


@convert.register(Blockwise)
def convert_blockwise(op, node, **kwargs):
    from pytensor.link.mlx.dispatch import mlx_funcify

    if _has_own_conversion(op.core_op) or isinstance(op.core_op, HasMultipleInnerGraph):
        if _Converted not in mlx_funcify.registry:
            mlx_funcify.register(_Converted, lambda op, **kwargs: op.function)
        core_node = op._create_dummy_core_node(node.inputs)
        core = convert(op.core_op, node=core_node, conversion_func=convert)
        op = copy(op)
        op.core_op = _Converted(op.core_op, core)
    return mlx_funcify(op, node=node, **kwargs)


def _has_own_conversion(op: Op) -> bool:
    return convert.dispatch(type(op)) is not convert.dispatch(object)


# -- for explain -----------------------------------------------------------------------------------

_KERNELS = {
    Gemm: "gemm",
    Gemv: "gemv",
    Dot: "matmul",
    Dot22: "matmul",
    Dot22Scalar: "matmul",
    BatchedDot: "batched_matmul",
    **dict.fromkeys(_GERS, "ger"),
}


def _kernel(op: Op) -> str | None:
    return next((name for kind, name in _KERNELS.items() if isinstance(op, kind)), None)


def _count(nodes: list[Apply], total: Counter) -> None:
    for node in nodes:
        batched = isinstance(node.op, Blockwise)
        op = node.op.core_op if batched else node.op
        name = _kernel(op)
        if name is not None:
            total["batched_matmul" if batched and name == "matmul" else name] += 1
        elif isinstance(op, HasMultipleInnerGraph):
            for inner in op.inner_graphs.values():
                _count(inner.toposort(), total)


def blas_ops(function) -> dict[str, int]:
    """How many BLAS ops of each name the graph of a PyTensor function has: ``{"gemm": 1}``.

    Those of inner graphs are counted, too. Raises ``TypeError`` for a function that was not
    compiled with ``mode="MLX_BLAS"``.
    """
    maker = getattr(function, "maker", None)
    if not isinstance(getattr(maker, "linker", None), MlxBlasLinker):
        raise TypeError(f'{function!r} is not a function compiled with mode="MLX_BLAS"')
    total = Counter()
    _count(maker.fgraph.toposort(), total)
    return dict(total)


# -- rewrites --------------------------------------------------------------------------------------


@node_rewriter([mul])
def local_sole_dot22_to_dot22scalar(fgraph, node):
    """PyTensor's rewrite, except that a product with several readers is not computed twice."""
    products = [i for i in node.inputs if i.owner is not None and isinstance(i.owner.op, Dot22)]
    if any(len(fgraph.clients[product]) > 1 for product in products):
        return None
    return local_dot22_to_dot22scalar.transform(fgraph, node)


# -- registration ----------------------------------------------------------------------------------


def register() -> None:
    """Makes ``mode="MLX_BLAS"`` and ``linker="mlx_blas"`` known to PyTensor."""
    # By a tag of their own: no other mode asks for them.
    optdb.register("gemmule_ger", rank_one.rewriter, "mlx_blas", position=rank_one.POSITION)
    blas_optdb.register(
        "gemmule_dot22scalar",
        dfs_rewriter(local_sole_dot22_to_dot22scalar),
        "mlx_blas",
        position=12,
    )
    register_linker("mlx_blas", MlxBlasLinker())
    register_mode(
        "MLX_BLAS",
        Mode(
            MlxBlasLinker(),
            RewriteDatabaseQuery(
                include=["fast_run", "mlx", "mlx_blas"],
                exclude=["fusion", "local_dot22_to_dot22scalar"],
            ),
        ),
    )
