"""Regressions: normal, counts, categories, robust."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.interpolate import BSpline

from zoo.listing import as_float, model


@model()
def linear_regression(rng):
    x = as_float(rng.normal(size=(500, 10)))
    intercept = pm.Normal("intercept", 0.0, 5.0)
    slope = pm.Normal("slope", 0.0, 2.0, shape=10)
    sigma = pm.HalfNormal("sigma", 1.0)
    pm.Normal("y", intercept + x @ slope, sigma, observed=as_float(rng.normal(size=500)))


@model()
def logistic_regression(rng):
    x = as_float(rng.normal(size=(1000, 25)))
    intercept = pm.Normal("intercept", 0.0, 5.0)
    slope = pm.Normal("slope", 0.0, 2.0, shape=25)
    pm.Bernoulli("y", logit_p=intercept + x @ slope, observed=rng.integers(0, 2, 1000))


@model()
def negative_binomial(rng):
    x = as_float(rng.normal(size=(300, 5)))
    slope = pm.Normal("slope", 0.0, 1.0, shape=5)
    alpha = pm.Exponential("alpha", 1.0)
    mu = pt.exp(0.3 * (x @ slope) + 1.0)
    pm.NegativeBinomial("y", mu=mu, alpha=alpha, observed=rng.negative_binomial(2, 0.4, 300))


@model()
def zero_inflated_poisson(rng):
    x = as_float(rng.normal(size=200))
    psi = pm.Beta("psi", 2.0, 2.0)
    a, b = pm.Normal("a", 0.0, 1.0), pm.Normal("b", 0.0, 1.0)
    counts = rng.poisson(2.0, 200) * rng.integers(0, 2, 200)
    pm.ZeroInflatedPoisson("y", psi=psi, mu=pt.exp(a + b * x), observed=counts)


@model()
def softmax_regression(rng):
    x = as_float(rng.normal(size=(150, 4)))
    weights = pm.Normal("weights", 0.0, 1.0, shape=(4, 3))
    bias = pm.Normal("bias", 0.0, 1.0, shape=3)
    probability = pm.math.softmax(x @ weights + bias, axis=-1)
    pm.Categorical("y", p=probability, observed=rng.integers(0, 3, 150))


@model()
def ordered_regression(rng):
    x = as_float(rng.normal(size=200))
    slope = pm.Normal("slope", 0.0, 1.0)
    cutpoints = pm.Normal(
        "cutpoints",
        as_float([-1.0, 0.0, 1.0]),
        1.0,
        transform=pm.distributions.transforms.ordered,
        initval=as_float([-1.0, 0.0, 1.0]),
    )
    pm.OrderedLogistic("y", eta=slope * x, cutpoints=cutpoints, observed=rng.integers(0, 4, 200))


@model()
def robust_regression(rng):
    x = as_float(rng.normal(size=100))
    slope = pm.Normal("slope", 0.0, 1.0)
    nu = pm.Gamma("nu", 2.0, 0.1)
    sigma = pm.HalfCauchy("sigma", 1.0)
    pm.StudentT("y", nu=nu, mu=slope * x, sigma=sigma, observed=as_float(rng.standard_t(3, 100)))


@model()
def media_mix(rng):
    """Adstock: spending convolved with a geometric decay, then saturated."""
    weeks, channels, lags = 104, 3, 8
    spend = as_float(rng.gamma(2.0, 1.0, size=(channels, weeks)))
    decay = pm.Beta("decay", 2.0, 2.0, shape=channels)
    saturation = pm.Gamma("saturation", 3.0, 1.0, shape=channels)
    weight = pm.HalfNormal("weight", 1.0, shape=channels)
    sigma = pm.HalfNormal("sigma", 1.0)
    kernel = decay[:, None] ** as_float(np.arange(lags))
    kernel = kernel / kernel.sum(axis=-1, keepdims=True)
    carried = pt.signal.convolve1d(spend, kernel, mode="full")[:, :weeks]
    lift = pt.tanh(carried / saturation[:, None])
    pm.Normal("y", weight @ lift, sigma, observed=as_float(rng.normal(2.0, 1.0, weeks)))


@model(slow=True)
def linear_regression_large(rng):
    x = rng.normal(size=(10000, 100))
    y = as_float(x[:, :5].sum(axis=1) + rng.normal(size=10000))
    slope = pm.Normal("slope", 0.0, 2.0, shape=100)
    sigma = pm.HalfNormal("sigma", 1.0)
    pm.Normal("y", pm.Normal("intercept", 0.0, 5.0) + as_float(x) @ slope, sigma, observed=y)


@model(slow=True)
def logistic_regression_large(rng):
    x = as_float(rng.normal(size=(10000, 100)))
    slope = pm.Normal("slope", 0.0, 0.3, shape=100)
    logit = pm.Normal("intercept", 0.0, 5.0) + x @ slope
    pm.Bernoulli("y", logit_p=logit, observed=rng.integers(0, 2, 10000))


@model()
def multilevel_regression(rng):
    """Effects of two factors that sum to zero, an interaction, and a varying slope."""
    rows = 400
    region, product = rng.integers(0, 6, rows), rng.integers(0, 4, rows)
    x = as_float(rng.normal(size=(rows, 3)))
    intercept = pm.Normal("intercept", 0.0, 2.0)
    of_region = pm.ZeroSumNormal("of_region", sigma=pm.HalfNormal("s_region", 1.0), shape=6)
    of_product = pm.ZeroSumNormal("of_product", sigma=pm.HalfNormal("s_product", 1.0), shape=4)
    both = pm.ZeroSumNormal("both", sigma=0.5, n_zerosum_axes=2, shape=(6, 4))
    slope = pm.Normal("slope", pm.Normal("mean", 0.0, 1.0, shape=3), 0.5, shape=(6, 3))
    mu = intercept + of_region[region] + of_product[product] + both[region, product]
    mu = mu + (slope[region] * x).sum(axis=-1)
    y = as_float(rng.normal(1.0, 1.0, rows))
    pm.Normal("y", mu, pm.HalfNormal("sigma", 1.0), observed=y)


@model()
def poisson_regression_with_exposure(rng):
    x, exposure = as_float(rng.normal(size=(250, 6))), as_float(rng.uniform(0.5, 3.0, 250))
    slope = pm.Normal("slope", 0.0, 0.3, shape=6)
    mu = exposure * pt.exp(pm.Normal("intercept", 0.0, 1.0) + x @ slope)
    pm.Poisson("y", mu=mu, observed=rng.poisson(2.0, 250))


@model()
def hurdle_counts(rng):
    """Whether there is any, and how many: two linear predictors."""
    x = as_float(rng.normal(size=(30, 3)))
    a, b = pm.Normal("a", 0.0, 1.0, shape=3), pm.Normal("b", 0.0, 0.3, shape=3)
    alpha = pm.Exponential("alpha", 1.0)
    counts = rng.poisson(3.0, 30) * rng.integers(0, 2, 30)
    pm.HurdleNegativeBinomial(
        "y", psi=pm.math.sigmoid(x @ a), mu=pt.exp(1 + x @ b), alpha=alpha, observed=counts
    )


@model()
def zero_inflated_negative_binomial(rng):
    group = rng.integers(0, 7, 180)
    psi = pm.Beta("psi", 2.0, 2.0, shape=7)
    level = pm.Normal("level", 1.0, 0.5, shape=7)
    alpha = pm.Gamma("alpha", 2.0, 1.0)
    counts = rng.poisson(3.0, 180) * rng.integers(0, 2, 180)
    pm.ZeroInflatedNegativeBinomial(
        "y", psi=psi[group], mu=pt.exp(level[group]), alpha=alpha, observed=counts
    )


@model()
def ordered_probit(rng):
    x = as_float(rng.normal(size=(150, 4)))
    steps = pm.Dirichlet("steps", as_float(np.ones(4)))
    cutpoints = pm.Deterministic("cutpoints", 2 * pt.cumsum(steps) - 1)
    slope = pm.Normal("slope", 0.0, 1.0, shape=4)
    pm.OrderedProbit("y", eta=x @ slope, cutpoints=cutpoints, observed=rng.integers(0, 5, 150))


@model()
def multinomial_choice(rng):
    """Conditional logit: attributes of the alternatives, and tastes that vary between people."""
    people, choices, attributes = 25, 4, 3
    x = as_float(rng.normal(size=(people, 6, choices, attributes)))
    mean = pm.Normal("mean", 0.0, 1.0, shape=attributes)
    spread = pm.HalfNormal("spread", 1.0, shape=attributes)
    taste = mean + spread * pm.Normal("z", 0.0, 1.0, shape=(people, attributes))
    utility = (x * taste[:, None, None, :]).sum(axis=-1)
    pm.Categorical("y", logit_p=utility, observed=rng.integers(0, choices, (people, 6)))


@model()
def robust_comparison(rng):
    """Two groups with Student-t errors: differences of means, of spreads, effect size."""
    mu = pm.Normal("mu", 100.0, 10.0, shape=2)
    sigma = pm.Uniform("sigma", 0.1, 30.0, shape=2)
    nu = pm.Exponential("nu_minus_one", 1 / 29.0) + 1.0
    pm.Deterministic("effect", (mu[0] - mu[1]) / pt.sqrt((sigma**2).mean()))
    for group, size in enumerate((47, 42)):
        y = as_float(100 + group + 5 * rng.standard_t(5, size))
        pm.StudentT(f"y{group}", nu=nu, mu=mu[group], lam=sigma[group] ** -2, observed=y)


@model()
def quantile_regression(rng):
    x = as_float(rng.normal(size=120))
    slope, intercept = pm.Normal("slope", 0.0, 1.0), pm.Normal("intercept", 0.0, 1.0)
    b = pm.HalfNormal("b", 1.0)
    y = as_float(rng.normal(size=120))
    pm.AsymmetricLaplace("y", b=b, mu=intercept + slope * x, q=0.8, observed=y)


@model()
def gamma_regression(rng):
    x = as_float(rng.normal(size=(200, 4)))
    mu = pt.exp(x @ pm.Normal("slope", 0.0, 0.3, shape=4))
    shape = pm.Exponential("shape", 1.0)
    y = as_float(rng.gamma(2.0, 0.5, 200) + 1e-3)
    pm.Gamma("y", alpha=shape, beta=shape / mu, observed=y)


@model()
def beta_regression(rng):
    x = as_float(rng.normal(size=(100, 3)))
    mu = pm.math.invlogit(x @ pm.Normal("slope", 0.0, 1.0, shape=3))
    precision = pm.Gamma("precision", 4.0, 0.5)
    y = as_float(rng.uniform(0.05, 0.95, 100))
    pm.Beta("y", alpha=mu * precision, beta=(1 - mu) * precision, observed=y)


@model()
def beta_binomial_regression(rng):
    x = as_float(rng.normal(size=(80, 3)))
    p = pm.math.sigmoid(x @ pm.Normal("slope", 0.0, 1.0, shape=3))
    k = pm.Exponential("k", 0.1)
    y = rng.binomial(20, 0.4, 80)
    pm.BetaBinomial("y", alpha=p * k, beta=(1 - p) * k, n=20, observed=y)


@model()
def horseshoe(rng):
    """The regularised horseshoe: local and global scales, cut off by a slab."""
    x = as_float(rng.normal(size=(60, 40)))
    tau = pm.HalfCauchy("tau", 0.1)
    local = pm.HalfStudentT("local", nu=5.0, sigma=1.0, shape=40)
    slab = pm.InverseGamma("slab", 2.0, 4.0)
    scale = tau * local * pt.sqrt(slab / (slab + tau**2 * local**2))
    slope = pm.Normal("z", 0.0, 1.0, shape=40) * scale
    pm.Normal("y", x @ slope, pm.HalfNormal("sigma", 1.0), observed=as_float(rng.normal(size=60)))


@model()
def lasso(rng):
    x = as_float(rng.normal(size=(80, 20)))
    slope = pm.Laplace("slope", 0.0, pm.HalfCauchy("scale", 1.0), shape=20)
    pm.Logistic("y", x @ slope, pm.HalfNormal("s", 1.0), observed=as_float(rng.normal(size=80)))


@model()
def spline_regression(rng):
    """Cubic B-splines whose coefficients walk."""
    x = np.linspace(0, 1, 150)
    knots = np.concatenate([np.zeros(3), np.linspace(0, 1, 12), np.ones(3)])
    basis = as_float(BSpline.design_matrix(x.clip(0, 1 - 1e-9), knots, 3).toarray())
    step = pm.HalfNormal("step", 1.0)
    start = pm.Normal.dist(0.0, 1.0)
    size = basis.shape[1]
    weights = pm.GaussianRandomWalk("weights", sigma=step, init_dist=start, steps=size - 1)
    y = as_float(np.sin(6 * x) + 0.2 * rng.normal(size=150))
    pm.Normal("y", basis @ weights, pm.HalfNormal("sigma", 1.0), observed=y)


@model()
def errors_in_variables(rng):
    seen = as_float(rng.normal(size=50))
    true = pm.Normal("true", 0.0, 1.0, shape=50)
    pm.Normal("x", true, 0.3, observed=seen)
    slope, sigma = pm.Normal("slope", 0.0, 1.0), pm.HalfNormal("sigma", 1.0)
    pm.SkewNormal(
        "y", mu=slope * true, sigma=sigma, alpha=2.0, observed=as_float(2 * seen + rng.normal())
    )


@model()
def polynomial_regression(rng):
    """Powers of the data, standardised in the graph, and a variance that depends on them."""
    x = pt.constant(as_float(rng.uniform(0.0, 2.0, 90)))
    powers = pt.stack([x**k for k in range(1, 5)], axis=1)
    powers = (powers - powers.mean(axis=0)) / powers.std(axis=0)
    slope = pm.Normal("slope", 0.0, 1.0, shape=4)
    spread = pm.Normal("spread", 0.0, 0.3, shape=2)
    sigma = pt.exp(spread[0] + spread[1] * powers[:, 0])
    pm.Normal("y", powers @ slope, sigma, observed=as_float(rng.normal(size=90)))


@model()
def media_mix_hierarchical(rng):
    """Adstock by sums over lags, Hill saturation, seasons, and three markets that share."""
    markets, channels, lags = 3, 2, 6
    weeks = 60
    spend = rng.gamma(2.0, 1.0, size=(markets, weeks, channels))
    lagged = np.stack([np.roll(spend, k, axis=1) for k in range(lags)])
    for k in range(lags):
        lagged[k, :, :k] = 0
    decay = pm.Beta("decay", 2.0, 2.0, shape=(markets, 1, channels))
    half = pm.Gamma("half", 3.0, 1.0, shape=channels)
    slope = pm.Gamma("slope", 4.0, 3.0, shape=channels)
    carried = sum(decay**k * as_float(lagged[k]) for k in range(lags))
    saturated = carried**slope / (carried**slope + half**slope)
    mean = pm.HalfNormal("mean", 1.0, shape=channels)
    weight = pm.LogNormal("weight", pt.log(mean), 0.3, shape=(markets, channels))
    phase = 2 * np.pi * np.arange(weeks)[:, None] * np.arange(1, 3) / 52
    seasons = as_float(np.hstack([np.sin(phase), np.cos(phase)]))
    season = seasons @ pm.Normal("season", 0.0, 0.5, shape=(4, markets))
    mu = (weight[:, None, :] * saturated).sum(axis=-1) + season.T
    y = as_float(rng.normal(2.0, 1.0, (markets, weeks)))
    pm.Normal("y", mu, pm.HalfNormal("sigma", 1.0), observed=y)


@model()
def bounded_parameters(rng):
    """Intervals, some with one end, an angle, and an order."""
    a = pm.Normal("a", 0.0, 1.0, transform=pm.distributions.transforms.Interval(-3.0, None))
    b = pm.Triangular("b", lower=-1.0, c=0.2, upper=2.0)
    c = pm.TruncatedNormal("c", mu=0.3, sigma=1.0, lower=-1.0, upper=1.5)
    angle = pm.VonMises("angle", mu=0.5, kappa=1.5)
    x = as_float(rng.uniform(-1, 1, size=40))
    mu = a + b * x + c * pt.sin(np.pi * x + angle)
    pm.Normal("y", mu, pm.Uniform("sigma", 0.1, 2.0), observed=as_float(rng.normal(size=40)))
