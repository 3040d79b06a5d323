"""PyMC models on generated data: one function each, listed with `model` and what is known of it.

A function makes its data in float64; `as_float` brings it to PyTensor's floatX.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt


@dataclass(frozen=True)
class Entry:
    """A model: what builds it, and how exactly two backends can agree on it."""

    build: Callable[[], pm.Model]
    #: Its density goes through a matrix factorisation: the condition number amplifies rounding.
    factorises: bool = False
    #: Nodes that the core hands on, with the reason.
    fallbacks: str = ""

    @property
    def name(self) -> str:
        return self.build.__name__


ZOO: dict[str, Entry] = {}


def model(**properties):
    """Lists the decorated function, which fills a model, as an `Entry` of `ZOO`."""

    def register(fill):
        def build() -> pm.Model:
            with pm.Model() as result:
                fill(np.random.default_rng(2026))
            return result

        build.__name__ = fill.__name__
        ZOO[fill.__name__] = Entry(build, **properties)
        return build

    return register


def as_float(array) -> np.ndarray:
    return np.asarray(array, dtype=pytensor.config.floatX)


def covariance(rng, size: int) -> np.ndarray:
    """A random covariance matrix with a condition number of about 100."""
    factor = rng.normal(size=(size, 2 * size)) / np.sqrt(2 * size)
    return factor @ factor.T + 0.05 * np.eye(size)


# -- multivariate normal ---------------------------------------------------------------------------


@model(factorises=True)
def mvnormal_cov(rng):
    cov = covariance(rng, 64)
    pm.MvNormal("x", mu=as_float(rng.normal(size=64)), cov=as_float(cov), shape=64)


@model(factorises=True)
def mvnormal_chol(rng):
    chol = np.linalg.cholesky(covariance(rng, 64))
    pm.MvNormal("x", mu=as_float(rng.normal(size=64)), chol=as_float(chol), shape=64)


@model(factorises=True)
def mvnormal_tau(rng):
    tau = np.linalg.inv(covariance(rng, 64))
    pm.MvNormal("x", mu=as_float(rng.normal(size=64)), tau=as_float(tau), shape=64)


@model(factorises=True)
def mvnormal_scaled_cov(rng):
    """The covariance depends on a parameter: the gradient goes through the factorisation."""
    cov = as_float(covariance(rng, 64))
    scale = pm.HalfNormal("scale", 1.0)
    mu = pm.Normal("mu", 0.0, 1.0, shape=64)
    noise = pt.eye(64, dtype=cov.dtype)
    pm.MvNormal(
        "y", mu=mu, cov=scale**2 * cov + noise, observed=as_float(rng.normal(size=(20, 64)))
    )


@model(factorises=True)
def lkj_random_effects(rng):
    groups, rows = 8, 200
    group = rng.integers(0, groups, rows)
    x = as_float(rng.normal(size=rows))
    chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0, shape=2))
    mean = pm.Normal("mean", 0.0, 2.0, shape=2)
    z = pm.Normal("z", 0.0, 1.0, shape=(groups, 2))
    effects = mean + z @ chol.T
    sigma = pm.HalfNormal("sigma", 1.0)
    mu = effects[group, 0] + effects[group, 1] * x
    pm.Normal("y", mu, sigma, observed=as_float(rng.normal(size=rows)))


# -- regression ------------------------------------------------------------------------------------


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
def weibull_survival(rng):
    x = as_float(rng.normal(size=(200, 2)))
    slope = pm.Normal("slope", 0.0, 1.0, shape=2)
    alpha = pm.HalfNormal("alpha", 2.0)
    beta = pt.exp(x @ slope)
    time = as_float(rng.weibull(1.5, 200) + 0.01)
    pm.Censored(
        "y", pm.Weibull.dist(alpha, beta), lower=None, upper=1.5, observed=time.clip(0, 1.5)
    )


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


# -- hierarchies -----------------------------------------------------------------------------------


@model()
def eight_schools(rng):
    effect = as_float([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    error = as_float([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    mu = pm.Normal("mu", 0.0, 5.0)
    tau = pm.HalfCauchy("tau", 5.0)
    theta = pm.Normal("theta", 0.0, 1.0, shape=8)
    pm.Normal("y", mu + tau * theta, error, observed=effect)


@model()
def radon(rng):
    counties, houses = 20, 300
    county = rng.integers(0, counties, houses)
    floor = as_float(rng.integers(0, 2, houses))
    mu_a, mu_b = pm.Normal("mu_a", 0.0, 1.0), pm.Normal("mu_b", 0.0, 1.0)
    sigma_a, sigma_b = pm.HalfNormal("sigma_a", 1.0), pm.HalfNormal("sigma_b", 1.0)
    a = pm.Normal("a", mu_a, sigma_a, shape=counties)
    b = pm.Normal("b", mu_b, sigma_b, shape=counties)
    sigma = pm.HalfNormal("sigma", 1.0)
    observed = as_float(rng.normal(1.0, 1.0, houses))
    pm.Normal("y", a[county] + b[county] * floor, sigma, observed=observed)


@model()
def zero_sum_effects(rng):
    group = rng.integers(0, 5, 100)
    effect = pm.ZeroSumNormal("effect", sigma=1.0, shape=5)
    pm.Normal("y", effect[group], 1.0, observed=as_float(rng.normal(size=100)))


@model()
def item_response(rng):
    people, items = 30, 12
    ability = pm.Normal("ability", 0.0, 1.0, shape=people)
    difficulty = pm.Normal("difficulty", 0.0, 1.0, shape=items)
    discrimination = pm.LogNormal("discrimination", 0.0, 0.3, shape=items)
    logit = discrimination * (ability[:, None] - difficulty)
    pm.Bernoulli("y", logit_p=logit, observed=rng.integers(0, 2, (people, items)))


@model()
def dirichlet_multinomial(rng):
    fraction = pm.Dirichlet("fraction", a=as_float(np.ones(5)))
    concentration = pm.LogNormal("concentration", 1.0, 1.0)
    counts = rng.multinomial(50, np.full(5, 0.2), size=12)
    pm.DirichletMultinomial("y", n=50, a=fraction * concentration, observed=counts)


@model()
def normal_mixture(rng):
    weights = pm.Dirichlet("weights", a=as_float(np.ones(3)))
    mu = pm.Normal("mu", as_float([-2.0, 0.0, 2.0]), 1.0, shape=3)
    sigma = pm.HalfNormal("sigma", 1.0, shape=3)
    pm.NormalMixture("y", w=weights, mu=mu, sigma=sigma, observed=as_float(rng.normal(size=150)))


@model()
def icar(rng):
    """BYM: unstructured and spatial effects on a ring of regions with two more edges."""
    regions = 12
    edges = np.zeros((regions, regions), dtype=int)
    for i in range(regions):
        edges[i, (i + 1) % regions] = edges[(i + 1) % regions, i] = 1
    for i, j in ((0, 5), (3, 9)):
        edges[i, j] = edges[j, i] = 1
    spatial = pm.ICAR("spatial", W=edges)
    theta = pm.Normal("theta", 0.0, 1.0, shape=regions)
    sigma = pm.HalfNormal("sigma", 1.0)
    rho = pm.Beta("rho", 0.5, 0.5)
    mixed = pt.sqrt(1 - rho) * theta + pt.sqrt(rho) * spatial
    pm.Poisson("y", mu=pt.exp(0.5 + sigma * mixed), observed=rng.poisson(2.0, regions))


# -- latent factors, networks ----------------------------------------------------------------------


@model()
def matrix_factorisation(rng):
    u = pm.Normal("u", 0.0, 1.0, shape=(20, 4))
    v = pm.Normal("v", 0.0, 1.0, shape=(15, 4))
    pm.Normal("y", u @ v.T, 0.5, observed=as_float(rng.normal(size=(20, 15))))


@model()
def matrix_factorisation_sparse(rng):
    """Only some of the entries are observed."""
    rows, columns = rng.integers(0, 20, 80), rng.integers(0, 15, 80)
    u = pm.Normal("u", 0.0, 1.0, shape=(20, 4))
    v = pm.Normal("v", 0.0, 1.0, shape=(15, 4))
    mu = (u[rows] * v[columns]).sum(axis=-1)
    pm.Normal("y", mu, 0.5, observed=as_float(rng.normal(size=80)))


@model()
def factor_analysis(rng):
    """Loadings with a triangle of zeros above a positive diagonal."""
    size, factors, rows = 8, 3, 60
    free = np.tril_indices(size, -1, factors)
    diagonal = pm.HalfNormal("diagonal", 1.0, shape=factors)
    below = pm.Normal("below", 0.0, 1.0, shape=len(free[0]))
    loadings = pt.zeros((size, factors))
    loadings = pt.set_subtensor(loadings[np.arange(factors), np.arange(factors)], diagonal)
    loadings = pt.set_subtensor(loadings[free], below)
    scores = pm.Normal("scores", 0.0, 1.0, shape=(factors, rows))
    sigma = pm.HalfNormal("sigma", 1.0, shape=(size, 1))
    pm.Normal("y", loadings @ scores, sigma, observed=as_float(rng.normal(size=(size, rows))))


@model(factorises=True)
def ppca(rng):
    """Probabilistic PCA with the scores integrated out."""
    size, factors = 6, 2
    loadings = pm.Normal("loadings", 0.0, 1.0, shape=(size, factors))
    sigma = pm.HalfNormal("sigma", 1.0)
    cov = loadings @ loadings.T + sigma**2 * pt.eye(size)
    pm.MvNormal(
        "y", mu=as_float(np.zeros(size)), cov=cov, observed=as_float(rng.normal(size=(50, size)))
    )


@model()
def two_layer_network(rng):
    x = as_float(rng.normal(size=(100, 3)))
    first = pm.Normal("first", 0.0, 1.0, shape=(3, 8))
    second = pm.Normal("second", 0.0, 1.0, shape=(8, 8))
    last = pm.Normal("last", 0.0, 1.0, shape=8)
    hidden = pt.tanh(pt.tanh(x @ first) @ second)
    pm.Bernoulli("y", logit_p=hidden @ last, observed=rng.integers(0, 2, 100))


# -- Gaussian processes ----------------------------------------------------------------------------


@model(factorises=True)
def gp_marginal(rng):
    x = as_float(np.linspace(0, 5, 40)[:, None])
    length = pm.Gamma("length", 2.0, 2.0)
    eta = pm.HalfNormal("eta", 1.0)
    sigma = pm.HalfNormal("sigma", 1.0)
    gp = pm.gp.Marginal(cov_func=eta**2 * pm.gp.cov.ExpQuad(1, length))
    gp.marginal_likelihood("y", X=x, y=as_float(rng.normal(size=40)), sigma=sigma)


@model(factorises=True)
def gp_latent(rng):
    x = as_float(np.linspace(0, 5, 25)[:, None])
    length = pm.Gamma("length", 2.0, 2.0)
    gp = pm.gp.Latent(cov_func=pm.gp.cov.Matern52(1, length))
    f = gp.prior("f", X=x, jitter=1e-3)
    pm.Poisson("y", mu=pt.exp(f), observed=rng.poisson(1.5, 25))


@model()
def hsgp(rng):
    x = as_float(np.linspace(0, 5, 60)[:, None])
    length = pm.Gamma("length", 2.0, 2.0)
    eta = pm.HalfNormal("eta", 1.0)
    gp = pm.gp.HSGP(m=[15], c=1.5, cov_func=eta**2 * pm.gp.cov.Matern52(1, length))
    f = gp.prior("f", X=x)
    pm.Normal("y", f, 0.5, observed=as_float(rng.normal(size=60)))


# -- time series -----------------------------------------------------------------------------------


@model()
def random_walk(rng):
    sigma = pm.HalfNormal("sigma", 1.0)
    start = pm.Normal.dist(0.0, 1.0)
    level = pm.GaussianRandomWalk("level", sigma=sigma, init_dist=start, steps=49)
    pm.Normal("y", level, 0.5, observed=as_float(rng.normal(size=50).cumsum()))


@model()
def ar2(rng):
    rho = pm.Normal("rho", 0.0, 0.5, shape=2)
    sigma = pm.HalfNormal("sigma", 1.0)
    start = pm.Normal.dist(0.0, 1.0, shape=2)
    pm.AR("y", rho, sigma=sigma, init_dist=start, observed=as_float(rng.normal(size=80)))


@model()
def stochastic_volatility(rng):
    step = pm.Exponential("step", 10.0)
    nu = pm.Exponential("nu", 0.1)
    start = pm.Normal.dist(0.0, 1.0)
    volatility = pm.GaussianRandomWalk("volatility", sigma=step, init_dist=start, steps=99)
    returns = as_float(0.1 * rng.standard_t(5, 100))
    pm.StudentT("y", nu=nu, sigma=pt.exp(volatility), observed=returns)


@model(fallbacks="Scan")
def sir_epidemic(rng):
    """A discrete SIR model stepped by Scan."""
    transmission = pm.LogNormal("transmission", -1.0, 0.3)
    recovery = pm.LogNormal("recovery", -2.0, 0.3)

    def step(s, i, transmission, recovery):
        infected = transmission * s * i
        return s - infected, i + infected - recovery * i

    start = [pt.constant(as_float(0.99)), pt.constant(as_float(0.01))]
    _, sick = pytensor.scan(
        step,
        outputs_info=start,
        non_sequences=[transmission, recovery],
        n_steps=30,
        strict=True,
        return_updates=False,
    )
    pm.Poisson("y", mu=500 * sick, observed=rng.poisson(50.0, 30))


# -- what the census of models lacks ---------------------------------------------------------------


@model(factorises=True)
def conditional_autoregression(rng):
    ring = np.roll(np.eye(10), 1, axis=1)
    tau = pm.Gamma("tau", 2.0, 2.0)
    alpha = pm.Beta("alpha", 1.0, 1.0)
    w = as_float(ring + ring.T)
    phi = pm.CAR("phi", mu=as_float(np.zeros(10)), W=w, alpha=alpha, tau=tau, shape=10)
    pm.Normal("y", phi, 1.0, observed=as_float(rng.normal(size=10)))


@model(factorises=True)
def matrix_normal(rng):
    scale = pm.HalfNormal("scale", 1.0)
    rows = as_float(covariance(rng, 5))
    columns = as_float(covariance(rng, 3))
    mu = pm.Normal("mu", 0.0, 1.0, shape=(5, 3))
    y = as_float(rng.normal(size=(5, 3)))
    pm.MatrixNormal("y", mu=mu, rowcov=rows, colcov=scale * columns, observed=y)


@model(fallbacks="ScalarLoop")
def censored_gamma(rng):
    """The gradient of the incomplete gamma function is a loop over scalars."""
    alpha = pm.Exponential("alpha", 1.0)
    time = as_float(rng.gamma(2.0, 1.0, 20).clip(0, 1.5))
    pm.Censored("y", pm.Gamma.dist(alpha, 1.0), lower=None, upper=1.5, observed=time)


@model()
def marginal_mixture_of_counts(rng):
    weight = pm.Beta("weight", 2.0, 2.0)
    low, high = pm.Gamma("low", 2.0, 1.0), pm.Gamma("high", 9.0, 1.0)
    parts = [pm.Poisson.dist(low), pm.NegativeBinomial.dist(mu=high, alpha=2.0)]
    pm.Mixture("y", w=pt.stack([weight, 1 - weight]), comp_dists=parts, observed=rng.poisson(4, 60))


@model()
def missing_observations(rng):
    y = rng.normal(size=30)
    y[[3, 17]] = np.nan
    mu = pm.Normal("mu", 0.0, 1.0)
    pm.Normal("y", mu, 1.0, observed=np.ma.masked_invalid(as_float(y)))


@model(factorises=True)
def multivariate_t(rng):
    chol = as_float(np.linalg.cholesky(covariance(rng, 6)))
    nu = pm.Gamma("nu", 2.0, 0.1)
    mu = pm.Normal("mu", 0.0, 1.0, shape=6)
    pm.MvStudentT("y", nu=nu, mu=mu, chol=chol, observed=as_float(rng.normal(size=(15, 6))))


@model(factorises=True)
def vector_autoregression(rng):
    y = as_float(rng.normal(size=(40, 3)))
    lags = pm.Normal("lags", 0.0, 0.5, shape=(2, 3, 3))
    mean = y[1:-1] @ lags[0].T + y[:-2] @ lags[1].T
    chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2.0, sd_dist=pm.Exponential.dist(1.0, shape=3))
    pm.MvNormal("y", mu=mean, chol=chol, observed=y[2:])
