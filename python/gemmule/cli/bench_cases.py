"""The graphs of ``gemmule bench``: without PyMC, which need not be installed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytensor
import pytensor.tensor as pt


@dataclass
class Case:
    name: str
    inputs: list
    outputs: list
    values: list[np.ndarray]
    #: What compiles them in a mode; by default `pytensor.function`.
    compiler: Callable = pytensor.function

    def compile(self, mode):
        return self.compiler(
            self.inputs, self.outputs, mode=mode, trust_input=True, on_unused_input="ignore"
        )


def cases(dtype: str) -> list[Case]:
    return [
        _product(8, dtype),
        _product(64, dtype),
        _product(256, dtype),
        _matrix_vector(1000, 100, dtype),
        _multivariate_normal(64, dtype),
        _logistic(1000, 25, dtype),
        _hierarchical(85, 919, 5, dtype),
    ]


def _normal(rng, dtype: str, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(dtype)


def _product(n: int, dtype: str) -> Case:
    """0.5*(A@B) + C"""
    A, B, C = (pt.matrix(name, dtype=dtype) for name in "ABC")
    rng = np.random.default_rng(n)
    half = np.asarray(0.5, dtype)
    values = [_normal(rng, dtype, n, n) for _ in range(3)]
    return Case(f"gemm {n}", [A, B, C], [half * (A @ B) + C], values)


def _matrix_vector(rows: int, columns: int, dtype: str) -> Case:
    """y - 2*A@x"""
    A, x, y = pt.matrix("A", dtype=dtype), pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
    rng = np.random.default_rng(rows)
    values = [_normal(rng, dtype, *shape) for shape in ((rows, columns), (columns,), (rows,))]
    two = np.asarray(2, dtype)
    return Case(f"gemv {rows} x {columns}", [A, x, y], [y - two * (A @ x)], values)


def _density(name: str, x, logp, value: np.ndarray) -> Case:
    """A log density of a vector, and its gradient: what a sampler calls."""
    logp = logp.astype(x.dtype)
    return Case(name, [x], [logp, pytensor.grad(logp, x)], [value])


def _log_normal(x, mu, sigma):
    """The sum of log N(x; mu, sigma^2) without its constant."""
    return -0.5 * pt.sum(((x - mu) / sigma) ** 2) - pt.sum(pt.log(sigma) + 0 * x)


def _multivariate_normal(n: int, dtype: str) -> Case:
    """Observations of N(mu, K), K from distances and two parameters: one factorisation a call."""
    from pytensor.tensor.linalg import cholesky, solve_triangular

    rng = np.random.default_rng(3)
    places, y = _normal(rng, dtype, n, 2), _normal(rng, dtype, n)
    distances = ((places[:, None] - places[None]) ** 2).sum(-1).astype(dtype)
    x = pt.tensor("x", dtype=dtype, shape=(3,))  # log of scale, of length, of noise
    cov = pt.exp(2 * x[0]) * pt.exp(-0.5 * distances * pt.exp(-2 * x[1]))
    cov = cov + pt.exp(2 * x[2]) * np.eye(n, dtype=dtype)
    chol = cholesky(cov)
    z = solve_triangular(chol, y, lower=True)
    logp = -0.5 * pt.dot(z, z) - pt.sum(pt.log(pt.diagonal(chol))) - 0.5 * pt.sum(x**2)
    return _density(f"MvNormal {n}", x, logp, np.array([0.1, -0.2, -0.3], dtype))


def _logistic(rows: int, columns: int, dtype: str) -> Case:
    rng = np.random.default_rng(4)
    X = _normal(rng, dtype, rows, columns)
    y = (X[:, 0] + _normal(rng, dtype, rows) > 0).astype(dtype)
    b = pt.tensor("b", dtype=dtype, shape=(columns,))
    eta = pt.dot(X, b)
    logp = pt.sum(y * eta - pt.softplus(eta)) - 0.5 * pt.sum(b**2)
    return _density(f"logistic {rows} x {columns}", b, logp, 0.1 * _normal(rng, dtype, columns))


def _hierarchical(groups: int, rows: int, columns: int, dtype: str) -> Case:
    """A regression with an intercept of each group, around a mean with a spread of its own."""
    rng = np.random.default_rng(5)
    group = rng.integers(0, groups, rows)
    X, y = _normal(rng, dtype, rows, columns), _normal(rng, dtype, rows)
    x = pt.tensor("x", dtype=dtype, shape=(3 + columns + groups,))
    mu, log_tau, log_sigma = x[0], x[1], x[2]
    b, offset = x[3 : 3 + columns], x[3 + columns :]
    intercept = mu + pt.exp(log_tau) * offset
    eta = intercept[group] + pt.dot(X, b)
    logp = _log_normal(y, eta, pt.exp(log_sigma)) - 0.5 * (pt.sum(x**2) - log_tau**2)
    value = 0.1 * _normal(rng, dtype, 3 + columns + groups)
    return _density("hierarchical", x, logp, value)
