"""Random variables of PyMC that draw with Python code."""

import numpy as np
from pymc.distributions import continuous, discrete, multivariate

from gemmule.frontend.blas import batched_product
from gemmule.frontend.generators import split
from gemmule.frontend.random import _loc_scale, draws, standard_normal, with_rank
from gemmule.frontend.registry import unsupported


@draws(continuous.WaldRV)
def draw_wald(draw, mu, lam, alpha):
    builder = draw.builder
    values = draw("wald", draw.real(mu), draw.real(lam))
    dtype = "float64"
    if draw.sizes is None and builder.rank(values) == 0:
        # NumPy gives a Python number then, which takes the dtype of what is added.
        [alpha] = draw.floating(alpha)
        dtype = builder.dtype(alpha)
    alpha = with_rank(builder.cast(alpha, dtype), builder.rank(values), builder)
    return builder.add("add", builder.cast(values, dtype), alpha)


@draws(continuous.BetaClippedRV)
def draw_clipped_beta(draw, alpha, beta):
    values = draw("beta", draw.real(alpha), draw.real(beta))
    lowest, highest = np.nextafter(0.0, 1.0), np.nextafter(1.0, 0.0)
    values = draw.builder.add("minimum", values, draw.number(highest, values))
    return draw.builder.add("maximum", values, draw.number(lowest, values))


@draws(continuous.SkewNormalRV)
def draw_skew_normal(draw, mu, sigma, alpha):
    add = draw.builder.add
    [length] = draw.floating(
        add("add", draw.number(1, alpha), add("square", alpha)), least="float16"
    )
    d = add("divide", *draw.floating(alpha, add("sqrt", length)))
    e = add("sqrt", add("subtract", draw.number(1, d), add("square", d)))
    return draw("skewnorm", *(draw.real(value) for value in (alpha, d, e, mu, sigma)))


@draws(continuous.SkewStudentTRV)
def draw_skew_student_t(draw, a, b, mu, sigma):
    common = np.result_type(draw.builder.dtype(a), draw.builder.dtype(b)).name
    total = draw.builder.add("add", draw.builder.cast(a, common), draw.builder.cast(b, common))
    root = draw.builder.add("sqrt", *draw.floating(total, least="float16"))
    return draw("jf_skew_t", *(draw.real(value) for value in (a, b, root, mu, sigma)))


draws(continuous.MoyalRV)(_loc_scale("moyal"))


@draws(continuous.RiceRV)
def draw_rice(draw, b, sigma):
    return draw("rice", draw.real(b), draw.real(sigma))


@draws(continuous.TruncatedNormalRV)
def draw_truncated_normal(draw, mu, sigma, lower, upper):
    def standardised(bound):
        bound, mean = draw.floating(bound, mu)
        distance = draw.builder.add("subtract", bound, mean)
        return draw.builder.add("divide", *draw.floating(distance, sigma))

    parameters = [standardised(lower), standardised(upper), mu, sigma]
    return draw("truncnorm", *(draw.real(value) for value in parameters))


@draws(discrete.DiscreteUniformRV)
def draw_discrete_uniform(draw, lower, upper):
    above = draw.builder.add("add", upper, draw.number(1, upper))
    return draw("randint", draw.real(lower), draw.real(above))


@draws(continuous.InterpolatedRV)
def draw_interpolated(draw, x, pdf, cdf):
    """The quantile of a density that is linear between points, at a uniform number."""
    builder = draw.builder
    vectors = []
    for value in (x, pdf, cdf):
        batch = builder.rank(value) - 1
        if any(size != 1 for size in builder.shape(value)[:batch]):
            raise unsupported("interpolated densities in batches")
        if builder.dtype(value) != "float64":
            raise unsupported(f"an interpolated density in {builder.dtype(value)}")
        vectors.append(builder.squeeze(value, range(batch)))
    x, pdf, cdf = vectors
    sizes = draw.sizes or []

    def add(op, *operands):
        return builder.add(op, *operands)

    def at(vector, index):
        return builder.add("gather", vector, index, axes=[0])

    def number(value):
        return builder.constant(np.asarray(value))

    # The same uniform numbers twice: where they lie in the running sums, and themselves.
    draw.generator, copy = split(draw.generator, builder)
    attributes = {"distribution": "categorical", "sizes": len(sizes)}
    _, above = builder.add_all("random", [copy, *sizes, cdf], attributes)
    p = draw.with_sizes(sizes, "uniform", number(0.0), number(1.0))
    index = add("subtract", above, builder.integer(1))
    density, rest = at(pdf, index), add("subtract", p, at(cdf, index))
    rise = add("subtract", at(pdf, above), density)
    slope = add("divide", rise, add("subtract", at(x, above), at(x, index)))

    def is_small(value):
        return add("less_equal", add("absolute", value), number(1e-8))

    constant = add("where", is_small(density), number(0.0), add("divide", rest, density))
    doubled = add("multiply", add("multiply", number(2.0), slope), rest)
    root = add("sqrt", add("add", add("square", density), doubled))
    linear = add("divide", add("subtract", root, density), slope)
    return add("add", at(x, index), add("where", is_small(slope), constant, linear))


@draws(multivariate.MatrixNormalRV)
def draw_matrix_normal(draw, mu, rows, columns):
    """mu + R Z C^T."""
    builder = draw.builder
    sizes = draw.batch((mu, 2), (rows, 2), (columns, 2))
    rank = len(sizes) + 2
    mu, rows, columns = (
        with_rank(draw.real(value), rank, builder) for value in (mu, rows, columns)
    )
    shape = [builder.dim(rows, rank - 2), builder.dim(columns, rank - 2)]
    noise = standard_normal(draw, [*sizes, *shape])
    columns = builder.swap_last(columns)
    if sizes:
        product = batched_product(noise, columns, sizes, builder)
        product = batched_product(rows, product, sizes, builder)
    else:
        product = builder.add("matmul", rows, builder.add("matmul", noise, columns))
    return builder.add("add", mu, product)


@draws(multivariate.StickBreakingWeightsRV)
def draw_stick_breaking_weights(draw, alpha, length):
    builder = draw.builder
    if any(size != 1 for size in builder.shape(length)):
        raise unsupported("stick breaking weights of several lengths")
    length = builder.cast(builder.squeeze(length, range(builder.rank(length))), "int64")
    length = builder.size(length)
    sizes = draw.batch((alpha, 0))
    alpha = with_rank(draw.real(alpha), len(sizes), builder)
    one = builder.constant(np.asarray(1.0))
    operands = (one, builder.expand_dims(alpha, [len(sizes)]))
    betas = draw.with_sizes([*sizes, length], "beta", *operands)
    # What is left of the stick before each break: the product of 1 - beta over those before.
    last = len(sizes)
    bounds = [builder.integer(0), builder.integer(-1), builder.integer(1)]
    kept = builder.add("slice", betas, *bounds, axes=[last])
    left = builder.add("cumprod", builder.add("subtract", one, kept), axis=last)
    ones = builder.broadcast_to(one, [*sizes, builder.integer(1)])
    weights = builder.add("multiply", builder.add("concatenate", ones, left, axis=last), betas)
    total = builder.add("reduce_sum", weights, axes=[last], dtype="float64")
    rest = builder.expand_dims(builder.add("subtract", one, total), [last])
    return builder.add("concatenate", weights, rest, axis=last)
