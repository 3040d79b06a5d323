"""Products, densities, elementwise work; and what is measured before and after."""

from collections.abc import Callable

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from bench.case import Built, Case
from bench.models import gp_marginal, hierarchical_regression, logistic_regression, model_case


def _random(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


# -- products -------------------------------------------------------------------------------------


def gemm(n: int, dtype: str) -> Built:
    """0.5 * (A @ B) + C"""
    A, B, C = (pt.matrix(name, dtype=dtype) for name in "ABC")
    values = [_random(dtype, n, n, seed=seed) for seed in range(3)]
    half = np.asarray(0.5, dtype=dtype)
    return Built([A, B, C], [half * (A @ B) + C], values)


def gemm_runtime_scale(n: int, dtype: str) -> Built:
    """a * (A @ B) + C, with a scale known only at run time"""
    a = pt.scalar("a", dtype=dtype)
    A, B, C = (pt.matrix(name, dtype=dtype) for name in "ABC")
    values = [np.asarray(0.5, dtype=dtype), *(_random(dtype, n, n, seed=s) for s in range(3))]
    return Built([a, A, B, C], [a * (A @ B) + C], values)


def gemv(n: int, dtype: str) -> Built:
    """0.5 * (A @ x) + y"""
    A, x, y = pt.matrix("A", dtype=dtype), pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
    half = np.asarray(0.5, dtype=dtype)
    values = [_random(dtype, n, n), _random(dtype, n), _random(dtype, n, seed=1)]
    return Built([A, x, y], [half * (A @ x) + y], values)


def ger(n: int, dtype: str) -> Built:
    """A + 0.1 * outer(x, y)"""
    A, x, y = pt.matrix("A", dtype=dtype), pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
    tenth = np.asarray(0.1, dtype=dtype)
    values = [_random(dtype, n, n), _random(dtype, n), _random(dtype, n, seed=1)]
    return Built([A, x, y], [A + tenth * pt.outer(x, y)], values)


def batched_gemm(batch: int, n: int, dtype: str) -> Built:
    """A @ B + C, for a batch of matrices"""
    A, B, C = (pt.tensor3(name, dtype=dtype) for name in "ABC")
    values = [_random(dtype, batch, n, n, seed=seed) for seed in range(3)]
    return Built([A, B, C], [A @ B + C], values)


def product(n: int, dtype: str) -> Built:
    """A @ B"""
    A, B = pt.matrix("A", dtype=dtype), pt.matrix("B", dtype=dtype)
    return Built([A, B], [A @ B], [_random(dtype, n, n, seed=seed) for seed in range(2)])


def gemm_into(n: int, dtype: str) -> Built:
    """C + 0.5 * (A @ B), where the memory of C may be taken for the result"""
    built = gemm(n, dtype)
    A, B, C = built.inputs
    return Built([A, B, pytensor.In(C, mutable=True)], built.outputs, built.values)


# -- elementwise ----------------------------------------------------------------------------------


def elementwise(function: Callable, n: int, dtype: str) -> Built:
    """function(x), for positive x"""
    x = pt.vector("x", dtype=dtype)
    return Built([x], [function(x)], [np.abs(_random(dtype, n)) + np.asarray(0.1, dtype)])


def normal_terms(n: int, vector_scale: bool, dtype: str) -> Built:
    """sum(-0.5 * ((y - mu) / s)**2 - log(s)), with one scale or a vector of them"""
    y, mu = pt.vector("y", dtype=dtype), pt.vector("mu", dtype=dtype)
    s = pt.vector("s", dtype=dtype) if vector_scale else pt.scalar("s", dtype=dtype)
    half = np.asarray(-0.5, dtype=dtype)
    scale = np.abs(_random(dtype, n, seed=2)) + 1 if vector_scale else np.asarray(1.5)
    values = [_random(dtype, n), _random(dtype, n, seed=1), scale.astype(dtype)]
    return Built([y, mu, s], [(half * ((y - mu) / s) ** 2 - pt.log(s)).sum()], values)


def plus_one(n: int, dtype: str) -> Built:
    """x + 1"""
    x = pt.vector("x", dtype=dtype)
    return Built([x], [x + np.asarray(1, dtype)], [_random(dtype, n)])


# -- densities ------------------------------------------------------------------------------------


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


# -- before and after -----------------------------------------------------------------------------


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
