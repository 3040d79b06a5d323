"""Random variables: PyTensor's ops as draws of the IR's op ``random``, bit for bit the same."""

from collections.abc import Callable

import numpy as np
from pytensor.tensor.random import basic
from pytensor.tensor.random.basic import ScipyRandomVariable
from pytensor.tensor.random.op import RandomVariable
from pytensor.tensor.type_other import NoneTypeT

from gemmule.frontend.blas import batched_product
from gemmule.frontend.registry import lowers, unsupported

#: Methods of `numpy.random.Generator` that an op calls by its name: kinds of their parameters, real
#: numbers or integers.
_NUMPY_METHODS = {
    "uniform": "rr",
    "normal": "rr",
    "lognormal": "rr",
    "gamma": "rr",
    "beta": "rr",
    "exponential": "r",
    "weibull": "r",
    "logistic": "rr",
    "laplace": "rr",
    "vonmises": "rr",
    "wald": "rr",
    "triangular": "rrr",
    "poisson": "r",
    "geometric": "r",
    "binomial": "ir",
    "hypergeometric": "iii",
    "integers": "ii",
}

# From the function that an op class draws with to function(draw, *parameters) -> value.
_DRAWERS: dict[object, Callable] = {}


def _drawn_with(op_class: type):
    """The function behind `rng_fn`: a subclass that overrides it is another distribution."""

    def plain(function):
        return getattr(function, "__func__", function)

    function = plain(op_class.rng_fn)
    if function is plain(ScipyRandomVariable.rng_fn):
        return plain(op_class.rng_fn_scipy)
    return function


def draws(*op_classes: type):
    """Registers ``function(draw, *parameters) -> value`` for what these classes draw."""

    def register(function):
        for op_class in op_classes:
            _DRAWERS[_drawn_with(op_class)] = function
        return function

    return register


class Draw:
    """A `RandomVariable` node while it is lowered: draws for it, and the generator after each."""

    def __init__(self, node, inputs, builder):
        self.node, self.op, self.builder = node, node.op, builder
        self.generator, size, *self.parameters = inputs
        #: Sizes of the batch, None where the parameters decide.
        self.sizes = None
        if not isinstance(node.inputs[1].type, NoneTypeT):
            count = node.inputs[1].type.shape[0]
            self.sizes = [builder.size(part) for part in builder.elements(size, count)]

    def __call__(self, distribution: str, *parameters: int, **attributes) -> int:
        """Draws with `sizes` for the batch."""
        return self.with_sizes(self.sizes, distribution, *parameters, **attributes)

    def with_sizes(self, sizes, distribution: str, *parameters: int, **attributes) -> int:
        attributes |= {"distribution": distribution, "sizes": -1 if sizes is None else len(sizes)}
        operands = [self.generator, *(sizes or []), *parameters]
        self.generator, values = self.builder.add_all("random", operands, attributes)
        return values

    # -- parameters --------------------------------------------------------------------------------

    def real(self, value: int) -> int:
        if np.dtype(self.builder.dtype(value)).kind not in "biuf":
            raise unsupported(f"{self.op.name} of {self.builder.dtype(value)}")
        return self.builder.cast(value, "float64")

    def integer(self, value: int) -> int:
        """As NumPy takes integers: nothing that could lose digits."""
        dtype = self.builder.dtype(value)
        if not np.can_cast(dtype, "int64"):
            raise unsupported(f"{self.op.name} of {dtype} where NumPy takes int64")
        return self.builder.cast(value, "int64")

    def floating(self, *values: int, least: str = "bool") -> list[int]:
        """The values in the float dtype in which NumPy computes with them.

        Division takes integers as float64. Functions of NumPy have loops from float16 on
        (``least``), those of scipy.special from float32 on: the first one that holds the integers
        is taken.
        """
        dtypes = [np.dtype(self.builder.dtype(value)) for value in values]
        dtype = np.result_type(*dtypes, least)
        if dtype.kind in "biu":
            dtype = np.dtype("float64")
        return [self.builder.cast(value, dtype.name) for value in values]

    def number(self, value: float, like: int) -> int:
        """A constant in the dtype of another value."""
        return self.builder.constant(np.asarray(value, dtype=self.builder.dtype(like)))

    # -- batches -----------------------------------------------------------------------------------

    def batch(self, *values_and_cores: tuple[int, int]) -> list[int]:
        """Sizes of the batch: as given, or of values with so many core dims broadcast together."""
        if self.sizes is not None:
            return self.sizes
        builder, ranks = self.builder, []
        for value, core in values_and_cores:
            ranks.append(builder.rank(value) - core)
        rank = max(ranks)
        sizes = []
        for axis in range(rank):
            size = builder.integer(1)
            for (value, _), own in zip(values_and_cores, ranks, strict=True):
                at = axis - (rank - own)
                if at >= 0 and builder.shape(value)[at] != 1:
                    size = builder.dim(value, at)
                    break
            sizes.append(size)
        return sizes


@lowers(RandomVariable)
def lower_random_variable(node, inputs, builder):
    op = node.op
    drawer = _drawer_of(op)
    draw = Draw(node, inputs, builder)
    values = drawer(draw, *draw.parameters)
    return [draw.generator, builder.cast(values, node.outputs[1].type.dtype)]


def _drawer_of(op):
    function = _drawn_with(type(op))
    if function is RandomVariable.rng_fn:
        kinds = _NUMPY_METHODS.get(op.name)
        if kinds is None or len(kinds) != len(op.ndims_params) or any(op.ndims_params):
            raise unsupported(f"numpy.random.Generator.{op.name}")
        return _numpy_method
    if function not in _DRAWERS and type(op).__module__.startswith("pymc."):
        from gemmule.frontend import random_pymc  # noqa: F401  (registers PyMC's)
    if function not in _DRAWERS:
        raise unsupported(f"{type(op).__name__} draws with Python code")
    return _DRAWERS[function]


def _numpy_method(draw, *parameters):
    kinds = _NUMPY_METHODS[draw.op.name]
    operands = [
        draw.real(value) if kind == "r" else draw.integer(value)
        for value, kind in zip(parameters, kinds, strict=True)
    ]
    return draw(draw.op.name, *operands)


# -- numbers, by scipy.stats -----------------------------------------------------------------------


def _loc_scale(name: str):
    def drawn(draw, loc, scale):
        return draw(name, draw.real(loc), draw.real(scale))

    return drawn


draws(basic.HalfNormalRV)(_loc_scale("halfnorm"))
draws(basic.GumbelRV)(_loc_scale("gumbel_r"))
draws(basic.CauchyRV)(_loc_scale("cauchy"))
draws(basic.HalfCauchyRV)(_loc_scale("halfcauchy"))


@draws(basic.ParetoRV)
def draw_pareto(draw, b, scale):
    [b] = draw.floating(b)
    exponent = draw.builder.add("divide", draw.number(-1, b), b)
    return draw("pareto", draw.real(b), draw.real(exponent), draw.real(scale))


@draws(basic.TruncExponentialRV)
def draw_truncated_exponential(draw, b, loc, scale):
    [wide] = draw.floating(b, least="float32")
    mass = draw.builder.add("expm1", draw.builder.add("negative", wide))
    return draw("truncexpon", *(draw.real(value) for value in (b, mass, loc, scale)))


@draws(basic.StudentTRV)
def draw_student_t(draw, df, loc, scale):
    return draw("t", draw.real(df), draw.real(loc), draw.real(scale))


@draws(basic.GenGammaRV)
def draw_generalised_gamma(draw, alpha, p, scale):
    a = draw.builder.add("divide", *draw.floating(alpha, p))
    [p] = draw.floating(p)
    inverse = draw.builder.add("divide", draw.number(1, p), p)
    return draw("gengamma", *(draw.real(value) for value in (a, p, inverse, scale)))


@draws(basic.InvGammaRV)
def draw_inverse_gamma(draw, shape, scale):
    [scale] = draw.floating(scale)
    rate = draw.builder.add("divide", draw.number(1, scale), scale)
    values = draw("gamma", draw.real(shape), draw.real(rate))
    return draw.builder.add("divide", draw.number(1, values), values)


@draws(basic.BernoulliRV)
def draw_bernoulli(draw, p):
    return draw("bernoulli", draw.real(p))


@draws(basic.NegBinomialRV)
def draw_negative_binomial(draw, n, p):
    return draw("nbinom", draw.real(n), draw.real(p))


@draws(basic.BetaBinomialRV)
def draw_beta_binomial(draw, n, a, b):
    return draw("betabinom", draw.integer(n), draw.real(a), draw.real(b))


# -- vectors ---------------------------------------------------------------------------------------


@draws(basic.DirichletRV)
def draw_dirichlet(draw, alpha):
    return draw("dirichlet", draw.real(alpha))


def is_single(value: int, builder) -> bool:
    return builder.dtype(value) in ("float16", "float32")


@draws(basic.MultinomialRV)
def draw_multinomial(draw, n, p):
    single = is_single(p, draw.builder)
    return draw("multinomial", draw.integer(n), draw.real(p), single=single)


@draws(basic.CategoricalRV)
def draw_categorical(draw, p):
    builder = draw.builder
    if np.dtype(builder.dtype(p)).kind in "biu":  # NumPy sums in int64
        p = builder.cast(p, "int64")
    sums = builder.add("cumsum", p, axis=builder.rank(p) - 1)
    return draw("categorical", draw.real(sums))


@draws(basic.MvNormalRV)
def draw_multivariate_normal(draw, mean, cov):
    builder = draw.builder
    sizes = draw.batch((mean, 1), (cov, 2))
    factor = _factor(draw, *draw.floating(cov))
    length = builder.dim(mean, builder.rank(mean) - 1)
    noise = standard_normal(draw, [*sizes, length])
    product = matrices_times(builder.cast(factor, "float64"), noise, sizes, builder)
    return builder.add("add", product, with_rank(draw.real(mean), len(sizes) + 1, builder))


def standard_normal(draw, sizes: list[int]) -> int:
    zero, one = (draw.builder.constant(np.asarray(x, dtype="float64")) for x in (0.0, 1.0))
    return draw.with_sizes(sizes, "normal", zero, one)


def with_rank(value: int, rank: int, builder) -> int:
    return builder.expand_dims(value, range(rank - builder.rank(value)))


def _factor(draw, cov: int) -> int:
    """A matrix A with A A^T = cov; `failure` has the error for one that has none."""
    builder, method = draw.builder, draw.op.method
    if builder.dtype(cov) == "float16":
        raise unsupported("multivariate normal of float16")
    if method == "cholesky":
        factor = builder.add("cholesky", cov, lower=True)
        rank = builder.rank(cov)
        corner = builder.add("diagonal", factor, axis1=rank - 2, axis2=rank - 1)
        is_nan = builder.add("isnan", corner)
        valid = builder.add("invert", builder.add("reduce_any", is_nan, axes=list(range(rank - 1))))
        builder.checks.append((valid, draw.node))
        return factor
    if method == "eigh":  # the core's vectors are those of syevr, with signs of their own
        raise unsupported("numpy.linalg.eigh has other signs of the eigenvectors")
    attributes = {"full_matrices": True, "compute_uv": True}
    vectors, values, _ = builder.add_all("svd", [cov], attributes)
    roots = builder.add("sqrt", values)
    return builder.add("multiply", vectors, builder.expand_dims(roots, [builder.rank(roots) - 1]))


def matrices_times(matrices: int, vectors: int, sizes: list[int], builder) -> int:
    """``matrices @ vectors`` for vectors with batch dims ``sizes``; one matrix for all or each."""
    batch = builder.rank(matrices) - 2
    if all(size == 1 for size in builder.shape(matrices)[:batch]):
        matrix = builder.squeeze(matrices, range(batch))
        if len(sizes) == 0:
            return builder.add("matvec", matrix, vectors)
        length = builder.dim(vectors, len(sizes))
        rows = builder.add("reshape", vectors, builder.integer(-1), length)
        product = builder.add("matmul", rows, matrix, trans_b=True)
        return builder.add("reshape", product, *sizes, builder.dim(matrix, 0))
    matrices = with_rank(matrices, len(sizes) + 2, builder)
    last = builder.rank(vectors)
    columns = builder.expand_dims(vectors, [last])
    return builder.squeeze(batched_product(matrices, columns, sizes, builder), [last])


# -- items -----------------------------------------------------------------------------------------


@draws(basic.PermutationRV)
def draw_permutation(draw, x):
    builder = draw.builder
    core = draw.op.ndims_params[0]
    if core == 0:
        if builder.rank(x) != 0 or np.dtype(builder.dtype(x)).kind not in "iu":
            raise unsupported("permutations of several lengths")
        length = builder.cast(builder.size(x), "int64")
        x = builder.add("arange", builder.integer(0), length, builder.integer(1), dtype="int64")
        core = 1
    sizes = draw.batch((x, core))
    return draw.with_sizes(sizes, "permutation", x, core=core)


@draws(basic.ChoiceWithoutReplacement)
def draw_choice(draw, a, *others):
    builder, op = draw.builder, draw.op
    *weights, core_shape = others
    core = op.ndims_params[0]
    if any(size != 1 for size in builder.shape(core_shape)[:-1]):
        raise unsupported("choice with several shapes")
    core_shape = builder.squeeze(core_shape, range(builder.rank(core_shape) - 1))
    length = op.ndims_params[-1] and builder.shape(core_shape)[0]
    if length is None:
        raise unsupported("choice with a shape of unknown length")
    counts = [
        builder.cast(builder.size(part), "int64") for part in builder.elements(core_shape, length)
    ]
    count = builder.integer(1)
    for part in counts:
        count = builder.add("multiply", count, part)
    a = a if core else draw.integer(a)
    parameters = [(a, core), *((p, 1) for p in weights)]
    sizes = draw.batch(*parameters)
    operands = [a, *(draw.real(p) for p in weights)]
    attributes = {"core": core, "single": bool(weights and is_single(weights[0], builder))}
    name = "weighted_choice" if weights else "choice"
    items = draw.with_sizes([*sizes, count], name, *operands, **attributes)
    rest = [builder.dim(a, builder.rank(a) - core + axis) for axis in range(1, core)]
    return builder.add("reshape", items, *sizes, *counts, *rest)
