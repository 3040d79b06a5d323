"""PyMC models, and their log density and gradient as a case. Data come from a fixed seed."""

from collections.abc import Callable

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.blocking import DictToArrayBijection
from pymc.pytensorf import join_nonshared_inputs

from bench.case import Built, Case


def model_case(make_model: Callable[[str], pm.Model], dtype: str) -> Built:
    """logp of a model and its gradient as samplers ask for them: one vector in.

    The point is near the initial one and not on it, where many terms are zero or equal.
    """
    with pytensor.config.change_flags(floatX=dtype):
        model = make_model(dtype)
        point = model.initial_point(random_seed=1)
        variables = model.value_vars
        logp = model.logp()
        gradient = pt.concatenate([g.ravel() for g in pytensor.grad(logp, variables)])
        outputs, joined = join_nonshared_inputs(
            point={variable.name: point[variable.name] for variable in variables},
            outputs=[logp, gradient],
            inputs=variables,
        )
    values = DictToArrayBijection.map({v.name: point[v.name] for v in variables}).data
    values = values + 0.1 * np.random.default_rng(2).normal(size=values.shape)
    return Built([joined], outputs, [values.astype(joined.type.dtype)])


def model(name: str, make_model: Callable[[str], pm.Model], size: int = 0, **properties) -> Case:
    return Case(name, size, lambda dtype: model_case(make_model, dtype), **properties)


def _normal(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


# -- regressions ----------------------------------------------------------------------------------


def logistic_regression(rows: int, columns: int) -> Callable[[str], pm.Model]:
    def make(dtype: str) -> pm.Model:
        X = _normal(dtype, rows, columns)
        y = (X[:, 0] + _normal(dtype, rows) > 0).astype("int64")
        with pm.Model() as model:
            b = pm.Normal("b", 0, 1, shape=columns)
            pm.Bernoulli("y", logit_p=X @ b, observed=y)
        return model

    return make


def linear_regression(rows: int, columns: int) -> Callable[[str], pm.Model]:
    def make(dtype: str) -> pm.Model:
        X = _normal(dtype, rows, columns)
        y = (X[:, 0] - X[:, 1] + 0.5 * _normal(dtype, rows)).astype(dtype)
        with pm.Model() as model:
            intercept = pm.Normal("intercept", 0, 1)
            b = pm.Normal("b", 0, 1, shape=columns)
            pm.Normal("y", intercept + X @ b, pm.HalfNormal("sigma", 1), observed=y)
        return model

    return make


def poisson_regression(rows: int, columns: int) -> Callable[[str], pm.Model]:
    def make(dtype: str) -> pm.Model:
        X = _normal(dtype, rows, columns)
        y = np.random.default_rng(3).poisson(np.exp(0.3 * X[:, 0] + 0.5))
        with pm.Model() as model:
            intercept = pm.Normal("intercept", 0, 1)
            b = pm.Normal("b", 0, 0.2, shape=columns)
            pm.Poisson("y", mu=pt.exp(intercept + X @ b), observed=y)
        return model

    return make


def negative_binomial(dtype: str) -> pm.Model:
    """Counts with a log link: 1000 observations, 5 predictors."""
    X = _normal(dtype, 1000, 5)
    y = np.random.default_rng(4).negative_binomial(2, 0.4, 1000)
    with pm.Model() as model:
        b = pm.Normal("b", 0, 1, shape=5)
        mu = pt.exp(pm.Normal("intercept", 1, 1) + 0.3 * (X @ b))
        pm.NegativeBinomial("y", mu=mu, alpha=pm.Exponential("alpha", 1), observed=y)
    return model


def normal_mixture(dtype: str) -> pm.Model:
    """Three components, 500 observations."""
    rng = np.random.default_rng(5)
    y = rng.normal([-2, 0, 3], [1, 0.5, 1], size=(500, 3))[np.arange(500), rng.integers(0, 3, 500)]
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.ones(3, dtype))
        mu = pm.Normal("mu", np.array([-2, 0, 2], dtype), 1, shape=3)
        sigma = pm.HalfNormal("sigma", 1, shape=3)
        pm.NormalMixture("y", w=w, mu=mu, sigma=sigma, observed=y.astype(dtype))
    return model


# -- hierarchies ----------------------------------------------------------------------------------


def hierarchical_regression(dtype: str) -> pm.Model:
    """Varying intercepts and slopes: 85 groups, 919 observations, 5 predictors."""
    rng = np.random.default_rng(7)
    groups = rng.integers(0, 85, 919)
    X = rng.normal(size=(919, 5)).astype(dtype)
    y = rng.normal(size=919).astype(dtype)
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 1, shape=2), pm.HalfNormal("tau", 1, shape=2)
        intercept = mu[0] + tau[0] * pm.Normal("intercept", 0, 1, shape=85)
        slope = mu[1] + tau[1] * pm.Normal("slope", 0, 1, shape=85)
        b = pm.Normal("b", 0, 1, shape=5)
        mean = intercept[groups] + slope[groups] * X[:, 0] + X @ b
        pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=y)
    return model


def lkj_random_effects(dtype: str) -> pm.Model:
    """Three correlated effects of 40 groups, 600 observations."""
    rng = np.random.default_rng(6)
    group = rng.integers(0, 40, 600)
    x = rng.normal(size=(600, 2)).astype(dtype)
    with pm.Model() as model:
        deviation = pm.Exponential.dist(1, shape=3)
        chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2, sd_dist=deviation)
        z = pm.Normal("z", 0, 1, shape=(40, 3))
        effects = pm.Normal("mean", 0, 2, shape=3) + z @ chol.T
        mean = effects[group, 0] + effects[group, 1] * x[:, 0] + effects[group, 2] * x[:, 1]
        y = rng.normal(size=600).astype(dtype)
        pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=y)
    return model


# -- Gaussian processes ---------------------------------------------------------------------------


def gp_marginal(n: int) -> Callable[[str], pm.Model]:
    def make(dtype: str) -> pm.Model:
        X = np.linspace(0, 1, n, dtype=dtype)[:, None]
        with pm.Model() as model:
            length = pm.Gamma("length", 2, 1)
            scale = pm.HalfNormal("scale", 1)
            covariance = scale**2 * pm.gp.cov.ExpQuad(1, length)
            gp = pm.gp.Marginal(cov_func=covariance)
            gp.marginal_likelihood("y", X=X, y=np.sin(6 * X[:, 0]), sigma=pm.HalfNormal("noise", 1))
        return model

    return make
