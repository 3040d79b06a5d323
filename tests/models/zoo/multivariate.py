"""Multivariate distributions and covariance matrices."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from zoo.listing import as_float, covariance, model


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
def matrix_normal(rng):
    scale = pm.HalfNormal("scale", 1.0)
    rows = as_float(covariance(rng, 5))
    columns = as_float(covariance(rng, 3))
    mu = pm.Normal("mu", 0.0, 1.0, shape=(5, 3))
    y = as_float(rng.normal(size=(5, 3)))
    pm.MatrixNormal("y", mu=mu, rowcov=rows, colcov=scale * columns, observed=y)


@model(factorises=True)
def multivariate_t(rng):
    chol = as_float(np.linalg.cholesky(covariance(rng, 6)))
    nu = pm.Gamma("nu", 2.0, 0.1)
    mu = pm.Normal("mu", 0.0, 1.0, shape=6)
    pm.MvStudentT("y", nu=nu, mu=mu, chol=chol, observed=as_float(rng.normal(size=(15, 6))))


@model(factorises=True)
def lkj_correlation(rng):
    """A correlation matrix with scales of its own."""
    corr = pm.LKJCorr("corr", n=4, eta=2.0)
    scale = pm.HalfNormal("scale", 1.0, shape=4)
    cov = scale[:, None] * corr * scale + as_float(1e-3) * pt.eye(4)
    mu = pm.Normal("mu", 0.0, 1.0, shape=4)
    pm.MvNormal("y", mu=mu, cov=cov, observed=as_float(rng.normal(size=(60, 4))))


@model(factorises=True)
def bartlett(rng):
    """A Wishart precision by its Bartlett factor."""
    size, nu = 4, 7
    diagonal = pm.ChiSquared("diagonal", nu - np.arange(size), shape=size)
    below = pm.Normal("below", 0.0, 1.0, shape=size * (size - 1) // 2)
    factor = pt.set_subtensor(pt.diag(pt.sqrt(diagonal))[np.tril_indices(size, -1)], below)
    scale = as_float(np.linalg.cholesky(covariance(rng, size) / nu))
    root = scale @ factor
    pm.MvNormal(
        "y",
        mu=as_float(np.zeros(size)),
        tau=root @ root.T,
        observed=as_float(rng.normal(size=(40, size))),
    )


@model(factorises=True)
def wishart_likelihood(rng):
    """A scatter matrix is observed."""
    size = 4
    scale = pm.HalfNormal("scale", 1.0, shape=size)
    corner = pm.Normal("corner", 0.0, 0.2)
    v = pt.diag(scale + 0.5)
    v = pt.set_subtensor(v[0, 1], corner)
    v = pt.set_subtensor(v[1, 0], corner)
    pm.Wishart("y", nu=9, V=v, observed=as_float(9 * covariance(rng, size)))


@model(factorises=True)
def gaussian_copula(rng):
    """Normal scores of uniform margins with a correlation."""
    u = rng.uniform(0.02, 0.98, (80, 3))
    shape = pm.Gamma("shape", 4.0, 2.0, shape=3)
    margins = 1 - (1 - as_float(u)) ** shape  # Kumaraswamy with a = 1
    z = pt.sqrt(as_float(2.0)) * pt.erfinv(2 * margins - 1)
    chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2.0, sd_dist=pm.Exponential.dist(1.0, shape=3))
    corr = chol / pt.sqrt((chol**2).sum(axis=1, keepdims=True))
    scores = pt.linalg.solve_triangular(corr, z.T, lower=True)
    jacobian = (pt.log(shape) + (shape - 1) * pt.log1p(-as_float(u))).sum()
    log_det = pt.log(pt.diagonal(corr)).sum()
    pm.Potential("y", 0.5 * ((z**2).sum() - (scores**2).sum()) - 80 * log_det + jacobian)


@model(factorises=True)
def kronecker_normal(rng):
    scale = pm.HalfNormal("scale", 1.0)
    first, second = as_float(covariance(rng, 4)), as_float(covariance(rng, 6))
    mu = pm.Normal("mu", 0.0, 1.0)
    covs = [first * (scale + 0.1), pt.as_tensor(second)]
    y = as_float(rng.normal(size=24))
    pm.KroneckerNormal("y", mu=mu * pt.ones(24), covs=covs, sigma=0.3, observed=y)


@model(factorises=True)
def mvnormal_batch(rng):
    """A covariance for each of ten rows, and three views of each."""
    covs = as_float(np.stack([covariance(rng, 5) for _ in range(10)]))
    scale = pm.HalfNormal("scale", 1.0, shape=(10, 1, 1))
    mu = pm.Normal("mu", 0.0, 1.0, shape=5)
    y = as_float(rng.normal(size=(3, 10, 5)))
    pm.MvNormal("y", mu=mu, cov=(scale + 0.1) * covs, observed=y)


@model(factorises=True)
def seemingly_unrelated_regression(rng):
    """Equations with their own predictors and errors that correlate."""
    x = as_float(rng.normal(size=(3, 50, 2)))
    slope = pm.Normal("slope", 0.0, 1.0, shape=(3, 2))
    mu = (x * slope[:, None, :]).sum(axis=-1).T
    chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=1.0, sd_dist=pm.HalfNormal.dist(1.0, shape=3))
    y = as_float(rng.normal(size=(50, 3)))
    pm.MvStudentT("y", nu=6.0, mu=mu, scale=chol @ chol.T, observed=y)


@model(factorises=True)
def graphical_model(rng):
    """A precision matrix with partial correlations, its determinant by slogdet."""
    y = rng.normal(size=(40, 5))
    partial = pm.Normal("partial", 0.0, 0.1, shape=4)
    scale = pm.HalfNormal("scale", 1.0, shape=5)
    tau = pt.diag(1 + scale)
    index = np.arange(4)
    tau = pt.set_subtensor(tau[index, index + 1], partial)
    tau = pt.set_subtensor(tau[index + 1, index], partial)
    _, log_det = pt.linalg.slogdet(tau)
    scatter = as_float(y.T @ y)
    pm.Potential("y", 20 * log_det - 0.5 * (scatter * tau).sum())
