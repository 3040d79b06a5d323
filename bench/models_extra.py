"""Models and graphs that no bar names, in shapes of their own: what users bring is not known.

`python -m bench --only executor --extra` measures them.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from bench.case import Built, Case
from bench.models import (
    linear_regression,
    logistic_regression,
    model,
    poisson_regression,
)

MODELS: dict[str, Callable[[str], pm.Model]] = {
    "Poisson regression 3000 x 40": poisson_regression(3000, 40),
    "logistic regression 20000 x 10": logistic_regression(20000, 10),
    "logistic regression 500 x 300": logistic_regression(500, 300),
    "linear regression 5000 x 7": linear_regression(5000, 7),
}


def listed(name: str):
    """Lists the decorated function: it fills a model, from a generator and a cast to the dtype."""

    def register(fill):
        def make(dtype: str) -> pm.Model:
            with pm.Model() as result:
                fill(np.random.default_rng(2027), partial(np.asarray, dtype=dtype))
            return result

        MODELS[name] = make
        return fill

    return register


# -- regressions ----------------------------------------------------------------------------------


@listed("Student t regression 2000 x 8")
def student_t_regression(rng, real):
    X = real(rng.normal(size=(2000, 8)))
    b = pm.Normal("b", 0, 2, shape=8)
    nu, sigma = pm.Gamma("nu", 2, 0.1), pm.HalfNormal("sigma", 1)
    y = real(X[:, 0] + rng.standard_t(4, 2000))
    pm.StudentT("y", nu=nu, mu=pm.Normal("a", 0, 5) + X @ b, sigma=sigma, observed=y)


@listed("zero-inflated Poisson 5000 x 3")
def zero_inflated_poisson(rng, real):
    X = real(rng.normal(size=(5000, 3)))
    b, c = pm.Normal("b", 0, 1, shape=3), pm.Normal("c", 0, 1, shape=3)
    y = rng.poisson(1.5, 5000) * rng.integers(0, 2, 5000)
    pm.ZeroInflatedPoisson("y", psi=pm.math.sigmoid(X @ c), mu=pt.exp(X @ b), observed=y)


@listed("softmax regression 2000 x 12, 5 classes")
def softmax_regression(rng, real):
    X = real(rng.normal(size=(2000, 12)))
    weights = pm.Normal("weights", 0, 1, shape=(12, 5))
    logits = X @ weights + pm.Normal("bias", 0, 1, shape=5)
    pm.Categorical("y", logit_p=logits, observed=rng.integers(0, 5, 2000))


@listed("ordinal regression 1000 x 5")
def ordinal_regression(rng, real):
    X = real(rng.normal(size=(1000, 5)))
    cutpoints = pm.Normal(
        "cutpoints",
        real([-1, 0, 1]),
        1,
        transform=pm.distributions.transforms.ordered,
        initval=real([-1, 0, 1]),
    )
    eta = X @ pm.Normal("b", 0, 1, shape=5)
    pm.OrderedLogistic("y", eta=eta, cutpoints=cutpoints, observed=rng.integers(0, 4, 1000))


@listed("gamma regression 1500 x 15")
def gamma_regression(rng, real):
    X = real(rng.normal(size=(1500, 15)))
    mu = pt.exp(X @ pm.Normal("b", 0, 0.3, shape=15))
    shape = pm.Exponential("shape", 1)
    pm.Gamma("y", alpha=shape, beta=shape / mu, observed=real(rng.gamma(2, 0.5, 1500) + 1e-3))


@listed("beta-binomial regression 400")
def beta_binomial(rng, real):
    X = real(rng.normal(size=(400, 4)))
    p = pm.math.sigmoid(X @ pm.Normal("b", 0, 1, shape=4))
    k = pm.Exponential("k", 0.1)
    y = rng.binomial(20, 0.4, 400)
    pm.BetaBinomial("y", alpha=p * k, beta=(1 - p) * k, n=20, observed=y)


@listed("horseshoe regression 200 x 60")
def horseshoe(rng, real):
    X = real(rng.normal(size=(200, 60)))
    local, shared = pm.HalfCauchy("local", 1, shape=60), pm.HalfCauchy("shared", 0.1)
    b = pm.Normal("z", 0, 1, shape=60) * local * shared
    y = real(X[:, 0] + rng.normal(size=200))
    pm.Normal("y", X @ b, pm.HalfNormal("sigma", 1), observed=y)


@listed("network 500 x 10, 16 hidden")
def network(rng, real):
    X = real(rng.normal(size=(500, 10)))
    first, last = pm.Normal("first", 0, 1, shape=(10, 16)), pm.Normal("last", 0, 1, shape=16)
    hidden = pt.tanh(X @ first + pm.Normal("bias", 0, 1, shape=16))
    pm.Bernoulli("y", logit_p=hidden @ last, observed=rng.integers(0, 2, 500))


# -- hierarchies, latent variables ----------------------------------------------------------------


@listed("eight schools")
def eight_schools(rng, real):
    effect = real([28, 8, -3, 7, -1, 1, 18, 12])
    error = real([15, 10, 16, 11, 9, 11, 10, 18])
    theta = pm.Normal("theta", 0, 1, shape=8)
    mean = pm.Normal("mu", 0, 5) + pm.HalfCauchy("tau", 5) * theta
    pm.Normal("y", mean, error, observed=effect)


@listed("hierarchy of 500 groups, 20000 rows")
def many_groups(rng, real):
    group = rng.integers(0, 500, 20000)
    x = real(rng.normal(size=20000))
    mu, tau = pm.Normal("mu", 0, 1, shape=2), pm.HalfNormal("tau", 1, shape=2)
    z = pm.Normal("z", 0, 1, shape=(2, 500))
    a, b = mu[0] + tau[0] * z[0], mu[1] + tau[1] * z[1]
    y = real(rng.normal(size=20000))
    pm.Normal("y", a[group] + b[group] * x, pm.HalfNormal("sigma", 1), observed=y)


@listed("item response 200 x 40")
def item_response(rng, real):
    ability, difficulty = (pm.Normal(name, 0, 1, shape=n) for name, n in (("a", 200), ("d", 40)))
    slope = pm.LogNormal("slope", 0, 0.3, shape=40)
    logit = slope * (ability[:, None] - difficulty)
    pm.Bernoulli("y", logit_p=logit, observed=rng.integers(0, 2, (200, 40)))


@listed("matrix factorisation 60 x 40, rank 5")
def matrix_factorisation(rng, real):
    u, v = pm.Normal("u", 0, 1, shape=(60, 5)), pm.Normal("v", 0, 1, shape=(40, 5))
    y = real(rng.normal(size=(60, 40)))
    pm.Normal("y", u @ v.T, pm.HalfNormal("sigma", 1), observed=y)


@listed("mixture of Poissons, 800")
def poisson_mixture(rng, real):
    w = pm.Dirichlet("w", real(np.ones(4)))
    rate = pm.Gamma("rate", real([2, 4, 8, 16]), 1, shape=4)
    parts = pm.Poisson.dist(rate, shape=4)
    pm.Mixture("y", w=w, comp_dists=parts, observed=rng.poisson(6, 800))


# -- multivariate ---------------------------------------------------------------------------------


@listed("MvNormal, 500 rows of 6, LKJ")
def mvnormal_rows(rng, real):
    chol, _, _ = pm.LKJCholeskyCov("chol", n=6, eta=2, sd_dist=pm.Exponential.dist(1, shape=6))
    mu = pm.Normal("mu", 0, 1, shape=6)
    pm.MvNormal("y", mu=mu, chol=chol, observed=real(rng.normal(size=(500, 6))))


@listed("MvNormal, 20 covariances of 8")
def mvnormal_batch(rng, real):
    root = rng.normal(size=(20, 8, 16)) / 4
    cov = real(root @ root.swapaxes(-1, -2) + 0.1 * np.eye(8))
    scale = pm.HalfNormal("scale", 1, shape=(20, 1, 1))
    mu = pm.Normal("mu", 0, 1, shape=8)
    pm.MvNormal("y", mu=mu, cov=(scale + 0.1) * cov, observed=real(rng.normal(size=(20, 8))))


# -- Gaussian processes ---------------------------------------------------------------------------


@listed("GP Matern 5/2, 100 points of 2")
def gp_matern(rng, real):
    X = real(rng.uniform(size=(100, 2)))
    length = pm.Gamma("length", 2, 2, shape=2)
    covariance = pm.HalfNormal("scale", 1) ** 2 * pm.gp.cov.Matern52(2, length)
    gp = pm.gp.Marginal(cov_func=covariance)
    y = real(rng.normal(size=100))
    gp.marginal_likelihood("y", X=X, y=y, sigma=pm.HalfNormal("noise", 1))


@listed("GP latent, 50 counts")
def gp_latent(rng, real):
    X = real(np.linspace(0, 5, 50)[:, None])
    gp = pm.gp.Latent(cov_func=pm.gp.cov.Matern32(1, pm.Gamma("length", 2, 2)))
    f = gp.prior("f", X=X, jitter=1e-3)
    pm.Poisson("y", mu=pt.exp(f), observed=rng.poisson(1.5, 50))


# -- time series ----------------------------------------------------------------------------------


@listed("AR(1), 1000 steps")
def ar1(rng, real):
    rho, sigma = pm.Normal("rho", 0, 0.5, shape=1), pm.HalfNormal("sigma", 1)
    start = pm.Normal.dist(0, 1, shape=1)
    pm.AR("y", rho, sigma=sigma, init_dist=start, observed=real(rng.normal(size=1000)))


@listed("random walk, 500 steps")
def random_walk(rng, real):
    start = pm.Normal.dist(0, 1)
    step = pm.HalfNormal("step", 1)
    level = pm.GaussianRandomWalk("level", sigma=step, init_dist=start, steps=499)
    pm.Normal("y", level, 0.5, observed=real(rng.normal(size=500).cumsum()))


@listed("Kalman filter, 100 steps of 2")
def kalman(rng, real):
    y = pt.constant(real(rng.normal(size=100).cumsum()))
    q, r = pm.HalfNormal("q", 1), pm.HalfNormal("r", 1)
    T, eye = pt.constant(real([[1, 1], [0, 1]])), pt.constant(real(np.eye(2)))
    Z = pt.constant(real([1, 0]))

    def step(y, a, P, q, r):
        innovation, F = y - a[0], P[0, 0] + r**2 + real(1e-3)
        K = P @ Z / F
        a = T @ (a + K * innovation)
        P = T @ (P - pt.outer(K, P[0])) @ T.T + q**2 * eye
        return a, P, -0.5 * (pt.log(F) + innovation**2 / F)

    _, _, terms = pytensor.scan(
        step,
        sequences=[y],
        outputs_info=[pt.constant(real([0, 0])), eye, None],
        non_sequences=[q, r],
        strict=True,
        return_updates=False,
    )
    pm.Potential("likelihood", terms.sum())


# -- graphs that are no models --------------------------------------------------------------------


def kernel_ridge(dtype: str) -> Built:
    """Coefficients and log determinant for a kernel matrix of 120 points."""
    rng = np.random.default_rng(8)
    X, y = pt.matrix("X", dtype=dtype), pt.vector("y", dtype=dtype)
    squares = (X**2).sum(axis=1)
    K = pt.exp(-(squares[:, None] + squares[None, :] - 2 * X @ X.T) / 4)
    K = K + np.asarray(0.1, dtype) * pt.eye(120, dtype=dtype)
    L = pt.linalg.cholesky(K)
    coefficients = pt.linalg.cho_solve((L, True), y)
    values = [rng.normal(size=(120, 6)).astype(dtype), rng.normal(size=120).astype(dtype)]
    return Built([X, y], [coefficients, 2 * pt.log(pt.diag(L)).sum()], values)


def attention(dtype: str) -> Built:
    """softmax(Q @ K.T / sqrt(d)) @ V for 4 heads, 48 x 24"""
    rng = np.random.default_rng(9)
    Q, K, V = (pt.tensor3(name, dtype=dtype) for name in "QKV")
    scores = Q @ K.swapaxes(1, 2) / np.asarray(np.sqrt(24), dtype)
    values = [rng.normal(size=(4, 48, 24)).astype(dtype) for _ in range(3)]
    return Built([Q, K, V], [pt.special.softmax(scores, axis=-1) @ V], values)


def transposed_products(dtype: str) -> Built:
    """A.T @ B over 2000 rows, of which every other one is taken"""
    rng = np.random.default_rng(10)
    A, B = pt.matrix("A", dtype=dtype), pt.matrix("B", dtype=dtype)
    values = [rng.normal(size=(2000, n)).astype(dtype) for n in (37, 53)]
    return Built([A, B], [A[::2].T @ B[::2], (A * A).sum(axis=0)], values)


def standardise(dtype: str) -> Built:
    """(X - mean) / deviation by columns, 3000 x 20, and their logsumexp"""
    rng = np.random.default_rng(11)
    X = pt.matrix("X", dtype=dtype)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    return Built(
        [X], [scaled, pt.logsumexp(scaled, axis=0)], [rng.normal(size=(3000, 20)).astype(dtype)]
    )


GRAPHS = {
    "kernel ridge 120": kernel_ridge,
    "attention, 4 heads of 48 x 24": attention,
    "transposed products of every other row": transposed_products,
    "standardise 3000 x 20": standardise,
}


# -- lists ----------------------------------------------------------------------------------------


def cases() -> list[Case]:
    return [
        *(model(name, make, group="extra") for name, make in MODELS.items()),
        *(Case(name, 0, build, group="extra") for name, build in GRAPHS.items()),
    ]
