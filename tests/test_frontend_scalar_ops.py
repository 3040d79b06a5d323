"""Every scalar op of PyTensor, over all dtypes that it takes, against its Python implementation."""

import itertools

import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.scalar.basic as basic
import pytensor.scalar.math as scalar_math
import pytensor.tensor as pt
import pytensor.tensor.math as tensor_math
import pytensor.tensor.special as special
import pytest
from frontend_support import check, compile_native
from pytensor.gradient import DisconnectedInputError, NullTypeGradError
from pytensor.tensor.elemwise import Elemwise

pytestmark = pytest.mark.usefixtures("executor")

# Classes that are no ops on their own, or are tested in test_frontend_scalar_loop.py.
ABSTRACT = {
    "UnaryScalarOp", "BinaryScalarOp", "FixedLogicalComparison", "LogicalComparison", "UnaryBitOp",
    "BinaryBitOp", "ScalarInnerGraphOp",
}  # fmt: skip
ELSEWHERE = {"Composite", "ScalarLoop", "Grad2F1Loop"}

DTYPES = ["bool", "int8", "uint8", "int64", "float32", "float64", "complex128"]
PAIRS = [
    *((dtype, dtype) for dtype in DTYPES),
    ("bool", "float64"), ("int8", "uint8"), ("int64", "bool"), ("float32", "int8"),
    ("int64", "float32"), ("uint8", "float64"), ("float64", "complex128"),
]  # fmt: skip
TRIPLES = [
    *((dtype,) * 3 for dtype in DTYPES),
    ("bool", "int8", "float64"),
    ("float32", "bool", "uint8"),
]

INF, NAN = np.inf, np.nan
FLOATS = [NAN, -INF, -1e300, -30.5, -3.0, -1.0, -0.25, -1e-300, -0.0, 0.0, 1e-300, 0.125, 0.5, 1.0,
          2.5, 3.0, 40.0, 1e300, INF]  # fmt: skip
FEW = [NAN, -INF, -2.0, -0.5, 0.0, 0.25, 0.75, 1.0, 3.5, INF]
RNG = np.random.default_rng(17)


def concrete_classes():
    """All classes of scalar ops that PyTensor defines."""
    found, rest = {}, [ps.ScalarOp]
    while rest:
        for kind in rest.pop().__subclasses__():
            rest.append(kind)
            if kind.__module__.startswith("pytensor."):
                found[kind.__name__] = kind
    return found


def instances():
    ops = {}
    for module in (basic, scalar_math, tensor_math):
        for value in vars(module).values():
            if isinstance(value, Elemwise):
                value = value.scalar_op
            if isinstance(value, ps.ScalarOp) and not isinstance(value, ps.Composite):
                ops.setdefault(type(value).__name__, value)
    return ops


OPS = instances()


def test_there_is_an_instance_of_every_class():
    """A class that a new PyTensor adds fails here, then in the tests below."""
    assert set(concrete_classes()) - ABSTRACT - ELSEWHERE == set(OPS)


def samples(dtype, count):
    """Special values of a dtype, and a few random ones."""
    special = FLOATS if count <= 2 else FEW
    if dtype == "bool":
        return np.array([False, True])
    if dtype.startswith("complex"):
        parts = [-2.5, -0.0, 0.0, 0.5, 1.0, 3.0]
        return np.array([complex(x, y) for x, y in itertools.product(parts, parts[1:])])[::count]
    if dtype.startswith("float"):
        random = np.random.default_rng(17)
        values = np.array([*special, *random.normal(size=3), *random.uniform(0, 9, 3)])
        if dtype == "float32":  # 1e30 and 1e-30
            values[np.abs(values) > 1e30] *= 1e-270
            values[(values != 0) & (np.abs(values) < 1e-30)] *= 1e270
        return values.astype(dtype)
    info = np.iinfo(dtype)
    return np.array(sorted({info.min, info.min + 1, info.max, 0, 1, 2, 3, 7, info.max // 2}), dtype)


# Where SciPy has values to compare with: elsewhere it loses its digits, raises, or gives something
# that depends on the version. Those that ours have there are tested in src/kernels.
DOMAINS = {
    "PolyGamma": lambda n, x: (np.abs(n.astype(float)) < 20) & ~((x < 0) & (np.abs(x) < 4)),
    "GammaIncInv": lambda a, p: (a < -1e-3) | (a > 1e-3) & (a < 1e3) & (p >= 0) & (p <= 1),
    "GammaIncCInv": lambda a, q: (a < -1e-3) | (a > 1e-3) & (a < 1e3) & (q >= 0) & (q <= 1),
    "BetaIncInv": lambda a, b, x: (a < 1e5) & (b < 1e5) & (a > 0) & (b > 0),
    "Jv": lambda v, x: (np.abs(v) < 1e3) & (np.abs(x) < 1e3),
    "Ive": lambda v, x: (np.abs(v) < 1e3) & (np.abs(x) < 1e3),
    "Kve": lambda v, x: (np.abs(v) < 1e3) & (np.abs(x) < 1e3),
    "Owens_t": lambda h, a: (np.abs(a) == 0) | (np.abs(a) > 1e-5),
    "Hyp2F1": lambda a, b, c, z: np.isfinite(a + b + c + z) & (c > 0) & (z < 1),
}
TOLERANCE = {"float32": 1e-5, "float64": 1e-11, "complex64": 1e-5, "complex128": 1e-11}


def combinations(op):
    """For all dtypes that the op takes: variables, values, node, the results in Python."""
    count = op.nin if op.nin > 0 else op.nfunc_spec[1]  # -1: any number, or not said
    grid = {1: [(dtype,) for dtype in DTYPES], 2: PAIRS, 3: TRIPLES}.get(count, [("float64",) * 4])
    for dtypes in grid:
        # Each operand along an axis of its own: all combinations of values.
        shapes = [[1] * k + [None] + [1] * (count - k - 1) for k in range(count)]
        variables = [
            pt.tensor(dtype=dtype, shape=shape) for dtype, shape in zip(dtypes, shapes, strict=True)
        ]
        values = [
            samples(dtype, count).reshape([-1 if size is None else 1 for size in shape])
            for dtype, shape in zip(dtypes, shapes, strict=True)
        ]
        domain = DOMAINS.get(type(op).__name__)
        if domain is not None and "complex128" not in dtypes:
            with np.errstate(all="ignore"):
                inside = np.broadcast_arrays(domain(*values), *values)
            values = [value[inside[0]] for value in inside[1:]]
            variables = [pt.vector(dtype=dtype) for dtype in dtypes]
        try:
            node = Elemwise(op)(*variables, return_list=True)[0].owner
            storage = [[None] for _ in node.outputs]
            with np.errstate(all="ignore"):
                node.op.perform(node, values, storage)
        except (TypeError, NotImplementedError, ValueError, OverflowError, ZeroDivisionError):
            continue
        yield variables, values, node, [cell[0] for cell in storage]


@pytest.mark.parametrize("name", sorted(OPS))
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")
def test_all_dtypes(name):
    cases = list(combinations(OPS[name]))
    assert cases
    inputs = [variable for variables, *_ in cases for variable in variables]
    outputs = [output for *_, node, _ in cases for output in node.outputs]
    values = [value for _, values, *_ in cases for value in values]
    results = iter(compile_native(inputs, outputs)(*values))
    for variables, values, _, expected in cases:
        for want in expected:
            got = next(results)
            dtypes = [variable.dtype for variable in variables]
            assert got.dtype == want.dtype, dtypes
            tolerance = TOLERANCE.get(str(want.dtype), 0)
            if name in ("BetaInc", "BetaIncInv") and want.dtype == "float32":
                tolerance = 1e-4  # SciPy computes it in single precision
            if name == "Softplus" and dtypes == ["bool"]:
                tolerance = 1e-3  # NumPy computes it in half precision
            if want.dtype.kind == "c":  # no two libraries agree on infinite complex numbers
                finite = np.logical_and.reduce(np.broadcast_arrays(*map(np.isfinite, values)))
                got, want = np.where(finite, got, 0), np.where(finite, want, 0)
            close = np.isclose(got, want, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True)
            if want.dtype.kind == "c":
                close |= np.isnan(got) & np.isnan(want)
            wrong = np.argwhere(~close)
            if len(wrong):
                shown = [
                    (
                        *(np.broadcast_to(value, want.shape)[tuple(at)] for value in values),
                        got[tuple(at)],
                        want[tuple(at)],
                    )
                    for at in wrong[:8]
                ]
                raise AssertionError(f"{dtypes}, {len(wrong)} of {want.size}: {shown}")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("target", DTYPES)
def test_casts(target):
    """From all dtypes; complex numbers become complex or bool only, as in PyTensor."""
    sources = [d for d in DTYPES if not d.startswith("complex") or target in ("bool", "complex128")]
    inputs = [pt.vector(dtype=source) for source in sources]
    # Values that fit: of the others C says nothing.
    values = [
        np.array([0, 1, 0, 1] if "b" in (s[0], target[0]) else [0, 1, 7, 100], s) for s in sources
    ]
    casts = [Elemwise(ps.Cast(ps.get_scalar_type(target)))(x) for x in inputs]
    for got, value in zip(compile_native(inputs, casts)(*values), values, strict=True):
        assert got.dtype == target
        np.testing.assert_array_equal(got, value.astype(target))


NO_GRADIENT = (
    TypeError,
    NotImplementedError,
    ValueError,
    DisconnectedInputError,
    NullTypeGradError,
)


def float_instances():
    """Unary and binary ops that have a gradient for floats."""
    skipped = {
        "Cast",
        "Complex",
        "PolyGamma",
        "Real",
        "Imag",
        "Conj",
        "NdtriExp",
        "MulWithoutZeros",
    }
    unary_or_binary = {
        name: op for name, op in OPS.items() if op.nin in (1, 2) or name in ("Add", "Mul")
    }
    return [op for name, op in sorted(unary_or_binary.items()) if name not in skipped]


def test_gradients():
    """With respect to every operand where PyTensor defines it, all in one function."""
    x, y = pt.vector(), pt.vector()
    gradients = []
    for op in float_instances():
        operands = [x] if op.nin == 1 else [x, y]
        for operand in operands:
            try:
                result = Elemwise(op)(*operands)
                if result.dtype == "float64":
                    gradients.append(
                        pytensor.grad(result.sum(), operand, disconnected_inputs="raise")
                    )
            except NO_GRADIENT:
                continue
    assert len(gradients) > 60
    values = RNG.uniform(0.1, 0.9, 5), RNG.uniform(0.1, 0.9, 5)
    check([x, y], gradients, *values, rtol=1e-9)


def test_ops_of_pytensor_that_are_graphs():
    """Those without a scalar op of their own: they are inlined."""
    x, y = pt.matrix(), pt.matrix()
    values = RNG.uniform(0.1, 0.9, (3, 4)), RNG.uniform(0.1, 0.9, (3, 4))
    values[0][1, 2] = 0
    outputs = [
        special.softmax(x, axis=-1), special.log_softmax(x, axis=0), special.logit(y),
        special.poch(y, 2), special.factorial(y), special.betaln(y, y), special.beta(y, y),
        special.xlogy(x, y), special.xlog1py(x, y), pt.logsumexp(x, axis=1), pt.logaddexp(x, y),
        pt.expit(x), pt.log1pexp(x), pt.sigmoid(x), pt.isclose(x, y), pt.clip(x, 0.2, 0.5),
        pt.deg2rad(x), pt.kn(2, y),
    ]  # fmt: skip
    check([x, y], outputs, *values)
