"""What is measured. A case is a graph in PyTensor and values for its inputs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.blocking import DictToArrayBijection
from pymc.pytensorf import join_nonshared_inputs


@dataclass
class Built:
    """A case for one dtype: inputs and outputs of the function, and values to call it with."""

    inputs: list
    outputs: list
    values: list


@dataclass(frozen=True)
class Case:
    """``build(dtype)`` makes the graph; ``size`` is what ``--sizes`` selects by."""

    name: str
    size: int
    build: Callable[[str], Built]
    quick: bool = False


def _random(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


# -- products -------------------------------------------------------------------------------------


def gemm(n: int, dtype: str) -> Built:
    """0.5 * (A @ B) + C"""
    A, B, C = (pt.matrix(name, dtype=dtype) for name in "ABC")
    values = [_random(dtype, n, n) for _ in range(3)]
    half = np.asarray(0.5, dtype=dtype)
    return Built([A, B, C], [half * (A @ B) + C], values)


def gemm_runtime_scale(n: int, dtype: str) -> Built:
    """a * (A @ B) + C, with a scale known only at run time"""
    a = pt.scalar("a", dtype=dtype)
    A, B, C = (pt.matrix(name, dtype=dtype) for name in "ABC")
    values = [np.asarray(0.5, dtype=dtype), *(_random(dtype, n, n) for _ in range(3))]
    return Built([a, A, B, C], [a * (A @ B) + C], values)


def gemv(n: int, dtype: str) -> Built:
    """0.5 * (A @ x) + y"""
    A, x, y = pt.matrix("A", dtype=dtype), pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
    half = np.asarray(0.5, dtype=dtype)
    values = [_random(dtype, n, n), _random(dtype, n), _random(dtype, n)]
    return Built([A, x, y], [half * (A @ x) + y], values)


def ger(n: int, dtype: str) -> Built:
    """A + 0.1 * outer(x, y)"""
    A, x, y = pt.matrix("A", dtype=dtype), pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
    tenth = np.asarray(0.1, dtype=dtype)
    values = [_random(dtype, n, n), _random(dtype, n), _random(dtype, n)]
    return Built([A, x, y], [A + tenth * pt.outer(x, y)], values)


def batched_gemm(batch: int, n: int, dtype: str) -> Built:
    """A @ B + C, for a batch of matrices"""
    A, B, C = (pt.tensor3(name, dtype=dtype) for name in "ABC")
    values = [_random(dtype, batch, n, n) for _ in range(3)]
    return Built([A, B, C], [A @ B + C], values)


# -- densities and models -------------------------------------------------------------------------


def mvnormal(n: int, gradient: bool, dtype: str) -> Built:
    """log N(x | mu, cov), with its gradient by mu and cov"""
    with pytensor.config.change_flags(floatX=dtype):
        x, mu = pt.vector("x", dtype=dtype), pt.vector("mu", dtype=dtype)
        cov = pt.matrix("cov", dtype=dtype)
        logp = pm.logp(pm.MvNormal.dist(mu=mu, cov=cov), x)
        outputs = [logp, *pytensor.grad(logp, [mu, cov])] if gradient else [logp]
    root = np.random.default_rng(n).normal(size=(n, n))
    covariance = (root @ root.T / n + np.eye(n)).astype(dtype)
    return Built([x, mu, cov], outputs, [_random(dtype, n), np.zeros(n, dtype), covariance])


def model_case(make_model: Callable[[str], pm.Model], dtype: str) -> Built:
    """logp of a model and its gradient as samplers ask for them: one vector in."""
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
    return Built([joined], outputs, [values.astype(joined.type.dtype)])


def logistic_regression(rows: int, columns: int) -> Callable[[str], pm.Model]:
    def make(dtype: str) -> pm.Model:
        X = _random(dtype, rows, columns)
        y = (X[:, 0] + _random(dtype, rows) > 0).astype("int64")
        with pm.Model() as model:
            b = pm.Normal("b", 0, 1, shape=columns)
            pm.Bernoulli("y", logit_p=X @ b, observed=y)
        return model

    return make


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


def all_cases() -> list[Case]:
    cases = []
    for n in (8, 64, 256, 1024):
        cases.append(Case(f"gemm {n}", n, lambda d, n=n: gemm(n, d), quick=n in (8, 64)))
        cases.append(
            Case(f"gemm {n}, scale at run time", n, lambda d, n=n: gemm_runtime_scale(n, d))
        )
    for n in (512, 1024):
        cases.append(Case(f"gemv {n}", n, lambda d, n=n: gemv(n, d), quick=n == 512))
    cases.append(Case("ger 512", 512, lambda d: ger(512, d), quick=True))
    cases.append(Case("batched gemm 64 x 16", 16, lambda d: batched_gemm(64, 16, d)))
    for n in (8, 64, 256):
        cases.append(
            Case(f"MvNormal {n}, logp", n, lambda d, n=n: mvnormal(n, False, d), quick=n == 64)
        )
        cases.append(
            Case(f"MvNormal {n}, logp and gradient", n, lambda d, n=n: mvnormal(n, True, d))
        )
    for rows, columns in ((1000, 25), (10000, 100)):
        make = logistic_regression(rows, columns)
        name = f"logistic regression {rows} x {columns}"
        cases.append(Case(name, rows, lambda d, m=make: model_case(m, d), quick=rows == 1000))
    cases.append(Case("GP marginal 64", 64, lambda d: model_case(gp_marginal(64), d)))
    cases.append(
        Case("hierarchical regression", 919, lambda d: model_case(hierarchical_regression, d))
    )
    return cases
