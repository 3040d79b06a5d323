"""Elementwise ops: every scalar op with an elementwise row in the IR."""

import numpy as np
import pytensor.scalar as ps
import pytensor.scalar.math as psm
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import MulWithoutZeros
from pytensor.tensor.special import LogAddExp

from gemmule.frontend.builder import Builder
from gemmule.frontend.registry import lowers, unsupported

# Operands are cast to the dtype of the result.
_SAME = {
    ps.Sub: "subtract",
    ps.TrueDiv: "divide",
    ps.IntDiv: "floor_divide",
    ps.Mod: "remainder",
    ps.Pow: "power",
    ps.ArcTan2: "arctan2",
    ps.Neg: "negative",
    ps.Sign: "sign",
    ps.Sqr: "square",
    ps.Sqrt: "sqrt",
    ps.Reciprocal: "reciprocal",
    ps.Floor: "floor",
    ps.Ceil: "ceil",
    ps.Trunc: "trunc",
    ps.RoundHalfToEven: "rint",
    ps.RoundHalfAwayFromZero: "round_away",
    ps.Exp: "exp",
    ps.Exp2: "exp2",
    ps.Expm1: "expm1",
    ps.Log: "log",
    ps.Log2: "log2",
    ps.Log10: "log10",
    ps.Log1p: "log1p",
    ps.Sin: "sin",
    ps.Cos: "cos",
    ps.Tan: "tan",
    ps.ArcSin: "arcsin",
    ps.ArcCos: "arccos",
    ps.ArcTan: "arctan",
    ps.Sinh: "sinh",
    ps.Cosh: "cosh",
    ps.Tanh: "tanh",
    ps.ArcSinh: "arcsinh",
    ps.ArcCosh: "arccosh",
    ps.ArcTanh: "arctanh",
    ps.Conj: "conj",
    ps.Clip: "clip",
    ps.Invert: "invert",
    psm.Sigmoid: "sigmoid",
    psm.Softplus: "softplus",
    psm.Log1mexp: "log1mexp",
    psm.Erf: "erf",
    psm.Erfc: "erfc",
    psm.Erfcx: "erfcx",
    psm.Erfinv: "erfinv",
    psm.Erfcinv: "erfcinv",
    psm.Gamma: "gamma",
    psm.GammaLn: "gammaln",
    psm.Psi: "digamma",
    psm.TriGamma: "trigamma",
    psm.GammaInc: "gammainc",
    psm.GammaIncC: "gammaincc",
    psm.BetaInc: "betainc",
    psm.I0: "i0",
    psm.I1: "i1",
    psm.Ive: "ive",
    psm.Kve: "kve",
    psm.J0: "j0",
    psm.J1: "j1",
    psm.Jv: "jv",
    psm.PolyGamma: "polygamma",
    psm.GammaIncInv: "gammaincinv",
    psm.GammaIncCInv: "gammainccinv",
    psm.BetaIncInv: "betaincinv",
    psm.Owens_t: "owens_t",
    psm.NdtriExp: "ndtri_exp",
    psm.Hyp2F1: "hyp2f1",
}

# As above, with any number of operands: pairwise from the left.
_CHAINS = {
    ps.Add: "add",
    ps.Mul: "multiply",
    ps.Maximum: "maximum",
    ps.Minimum: "minimum",
    ps.AND: "bitwise_and",
    ps.OR: "bitwise_or",
    ps.XOR: "bitwise_xor",
}

# Operands are cast to their common dtype, the result is bool.
_COMPARISONS = {
    ps.EQ: "equal",
    ps.NEQ: "not_equal",
    ps.LT: "less",
    ps.LE: "less_equal",
    ps.GT: "greater",
    ps.GE: "greater_equal",
}

_REAL_PARTS = {ps.Real: "real", ps.Imag: "imag"}

# Scalar ops that others define, known by the function that they say they compute: order of `ive`.
_SCALED_BESSEL = {"scipy.special.i0e": 0, "scipy.special.i1e": 1}

# Ops that are no elementwise rows of the IR: a body cannot hold them.
_HOST_OPS = {"scalar_loop", "hyp2f1"}

# What NumPy does not do with bool, and what it does in int8.
_NOT_FOR_BOOL = {"negative", "sign"}
_INT8_FOR_BOOL = {"power", "floor_divide", "remainder", "clip"}


def is_complex(dtype: str) -> bool:
    return dtype.startswith("complex")


def real_dtype(dtype: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def _same(op: str, inputs, dtype, builder):
    if dtype == "bool" and op in _NOT_FOR_BOOL:
        raise unsupported(f"'{op}' of bool")
    if dtype == "bool" and op in _INT8_FOR_BOOL:
        return builder.cast(_same(op, inputs, "int8", builder), "bool")
    return builder.add(op, *(builder.cast(value, dtype) for value in inputs))


def _chain(op: str, inputs, dtype, builder):
    result, *others = (builder.cast(value, dtype) for value in inputs)
    for value in others:
        result = builder.add(op, result, value)
    return result


def _compare(op: str, inputs, dtype, builder):
    common = ps.upcast(*(builder.dtype(value) for value in inputs))
    return builder.add(op, *(builder.cast(value, common) for value in inputs))


def _multiply_without_zeros(inputs, dtype, builder):
    """A product in which a factor of 0 counts as 1, unless both are 0."""
    x, y = (builder.cast(value, dtype) for value in inputs)
    zero = builder.constant(np.zeros((), dtype))
    product = builder.add("where", builder.add("equal", y, zero), x, builder.add("multiply", x, y))
    return builder.add("where", builder.add("equal", x, zero), y, product)


def _test_float(op: str, value, builder):
    """isnan and isinf; no integer is either."""
    if np.dtype(builder.dtype(value)).kind in "biu":
        return builder.add("not_equal", value, value)
    return builder.add(op, value)


def lower_scalar(op, inputs, dtype: str, builder) -> int:
    """The IR of one scalar op on operands that broadcast, with the result in ``dtype``.

    `Second`, whose result has the shape of an operand that it does not read, is left to the caller.
    """
    kind = type(op)
    if kind in _SAME:
        return _same(_SAME[kind], inputs, dtype, builder)
    if kind in _CHAINS:
        return _chain(_CHAINS[kind], inputs, dtype, builder)
    if kind in _COMPARISONS:
        return _compare(_COMPARISONS[kind], inputs, dtype, builder)
    if kind in _REAL_PARTS:
        return builder.cast(builder.add(_REAL_PARTS[kind], inputs[0]), dtype)
    if kind is ps.IsNan or kind is ps.IsInf:
        return _test_float("isnan" if kind is ps.IsNan else "isinf", inputs[0], builder)
    if kind is ps.Abs:
        return builder.cast(builder.add("absolute", inputs[0]), dtype)
    if kind is ps.Cast or kind is ps.Identity:
        if is_complex(builder.dtype(inputs[0])) and not is_complex(dtype) and dtype != "bool":
            raise unsupported(f"cast of complex to {dtype}")
        return builder.cast(inputs[0], dtype)
    if kind is ps.Second:
        return builder.cast(inputs[1], dtype)
    if kind is MulWithoutZeros:
        return _multiply_without_zeros(inputs, dtype, builder)
    if kind is ps.Switch:
        condition, *choices = inputs
        return builder.add(
            "where",
            builder.cast(condition, "bool"),
            *(builder.cast(value, dtype) for value in choices),
        )
    if kind is ps.Complex:
        return builder.add("complex", *(builder.cast(value, real_dtype(dtype)) for value in inputs))
    order = _SCALED_BESSEL.get((getattr(op, "nfunc_spec", None) or ("",))[0])
    if order is not None:
        return _same("ive", [builder.constant(np.array(order, dtype)), *inputs], dtype, builder)
    raise unsupported(f"no elementwise op for '{op}'")


def lower_scalar_graph(op, inputs, dtypes, builder) -> list[int]:
    """The IR of a scalar op; one that holds a graph of scalar ops is expanded or becomes a loop."""
    if isinstance(op, ScalarLoop):
        return _lower_loop(op, inputs, builder)
    if not isinstance(op, ps.Composite):
        return [lower_scalar(op, inputs, dtypes[0], builder)]
    return _lower_inner(op.fgraph, inputs, builder)


def _lower_inner(graph, inputs, builder) -> list[int]:
    """The values of the outputs of a graph of scalar ops."""
    values = dict(zip(graph.inputs, inputs, strict=True))

    def value_of(variable):
        if variable not in values:
            values[variable] = builder.constant(variable.data)
        return values[variable]

    for node in graph.toposort():
        dtypes = [out.dtype for out in node.outputs]
        power = _small_power(node)
        if power is not None:
            base = builder.cast(value_of(node.inputs[0]), dtypes[0])
            square = builder.add("square", base)
            results = [square if power == 2 else builder.add("multiply", square, base)]
        else:
            operands = [value_of(variable) for variable in node.inputs]
            results = lower_scalar_graph(node.op, operands, dtypes, builder)
        values.update(zip(node.outputs, results, strict=True))
    return [value_of(variable) for variable in graph.outputs]


def _small_power(node) -> int | None:
    """2 or 3 for such a power: PyTensor specialises only those outside of inner graphs."""
    if not isinstance(node.op, ps.Pow) or np.dtype(node.outputs[0].dtype).kind not in "iuf":
        return None
    exponent = getattr(node.inputs[1], "data", None)
    return next((power for power in (2, 3) if exponent == power), None)


def _lower_loop(op, inputs, builder) -> list[int]:
    """A loop over scalars: its body is a graph of its own."""
    graph = op.fgraph
    body = Builder()
    body.origin = builder.origin
    values = [body.input(variable.dtype, ()) for variable in graph.inputs]
    results = _lower_inner(graph, values, body)
    if any(node["op"] in _HOST_OPS for node in body.graph.nodes):
        raise unsupported("a loop over scalars whose body has a loop or hyp2f1")
    body.graph.set_outputs(results)
    steps, *others = inputs
    operands = [
        builder.cast(steps, "int64"),
        *(
            builder.cast(value, variable.dtype)
            for value, variable in zip(others, graph.inputs, strict=True)
        ),
    ]
    attributes = {"body": body.graph, "until": op.is_while}
    return builder.add_all("scalar_loop", operands, attributes)


def broadcast_sizes(values, rank: int, builder) -> list[int]:
    """Sizes of the broadcast of values that are 0-d or have ``rank`` dimensions."""
    sizes = []
    for axis in range(rank):
        shapes = [(value, builder.shape(value)) for value in values if builder.rank(value) == rank]
        wide = [value for value, shape in shapes if shape[axis] != 1]
        sizes.append(builder.dim(wide[0], axis) if wide else builder.integer(1))
    return sizes


@lowers(Elemwise)
def lower_elemwise(node, inputs, builder):
    rank = node.outputs[0].type.ndim
    dtypes = [out.type.dtype for out in node.outputs]
    results = lower_scalar_graph(node.op.scalar_op, inputs, dtypes, builder)
    for index, (result, variable) in enumerate(zip(results, node.outputs, strict=True)):
        # A result that does not read all operands may be smaller than what the node declares.
        shape = builder.shape(result)
        declared = variable.type.shape
        narrow = len(shape) != rank or any(
            size == 1 and other != 1 for size, other in zip(shape, declared, strict=True)
        )
        if narrow or isinstance(node.op.scalar_op, ps.Second):
            results[index] = builder.broadcast_to(result, broadcast_sizes(inputs, rank, builder))
    return results


@lowers(LogAddExp)
def lower_logaddexp(node, inputs, builder):
    rank = node.outputs[0].type.ndim
    operands = [builder.expand_dims(v, range(rank - builder.rank(v))) for v in inputs]
    return [_chain("logaddexp", operands, node.outputs[0].type.dtype, builder)]


@lowers(ps.ScalarOp)
def lower_scalar_node(node, inputs, builder):
    return lower_scalar_graph(node.op, inputs, [out.type.dtype for out in node.outputs], builder)
