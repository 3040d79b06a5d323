"""Neighbouring regions."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from zoo.listing import as_float, model, ring


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


@model(factorises=True)
def conditional_autoregression(rng):
    ring = np.roll(np.eye(10), 1, axis=1)
    tau = pm.Gamma("tau", 2.0, 2.0)
    alpha = pm.Beta("alpha", 1.0, 1.0)
    w = as_float(ring + ring.T)
    phi = pm.CAR("phi", mu=as_float(np.zeros(10)), W=w, alpha=alpha, tau=tau, shape=10)
    pm.Normal("y", phi, 1.0, observed=as_float(rng.normal(size=10)))


@model()
def bym2(rng):
    """ICAR by differences of neighbours, a soft constraint, counts with exposure."""
    regions = 25
    i, j = np.nonzero(np.triu(ring(regions, (0, 7), (3, 19), (5, 12))))
    phi = pm.Normal("phi", 0.0, 10.0, shape=regions)
    pm.Potential("icar", -0.5 * ((phi[i] - phi[j]) ** 2).sum())
    pm.Potential("sum_to_zero", pm.logp(pm.Normal.dist(0.0, 0.001 * regions), phi.sum()))
    theta = pm.Normal("theta", 0.0, 1.0, shape=regions)
    rho, sigma = pm.Beta("rho", 0.5, 0.5), pm.HalfNormal("sigma", 1.0)
    x, expected = as_float(rng.normal(size=regions)), as_float(rng.uniform(1, 9, regions))
    effect = sigma * (pt.sqrt(1 - rho) * theta + pt.sqrt(rho / 0.7) * phi)
    mu = expected * pt.exp(pm.Normal("a", 0.0, 1.0) + pm.Normal("b", 0.0, 1.0) * x + effect)
    pm.Poisson("y", mu, observed=rng.poisson(4.0, regions))


@model(factorises=True)
def spatial_regression(rng):
    """Simultaneous autoregression: the determinant of I - rho W and a solve."""
    size = 20
    w = ring(size, (0, 9), (4, 15)).astype(float)
    w = as_float(w / w.sum(axis=1, keepdims=True))
    rho = pm.Uniform("rho", -0.9, 0.9)
    x = as_float(rng.normal(size=(size, 2)))
    mu = x @ pm.Normal("b", 0.0, 1.0, shape=2)
    lag = pt.eye(size) - rho * w
    total = pt.linalg.solve(lag, mu)
    sigma = pm.HalfNormal("sigma", 1.0)
    y = as_float(rng.normal(size=size))
    pm.Potential("log_det", pt.linalg.slogdet(lag)[1])
    pm.Normal("y", total, sigma, observed=y)


@model(factorises=True)
def kriging(rng):
    """Distances in the graph, an exponential covariance, a nugget."""
    place = as_float(rng.uniform(0, 3, (30, 2)))
    squares = ((place[:, None] - place) ** 2).sum(axis=-1)
    distance = as_float(np.sqrt(squares))
    reach = pm.InverseGamma("reach", 3.0, 2.0)
    sill, nugget = pm.HalfNormal("sill", 1.0), pm.HalfNormal("nugget", 0.5)
    cov = sill**2 * pt.exp(-distance / reach) + (nugget**2 + as_float(1e-3)) * pt.eye(30)
    trend = place @ pm.Normal("trend", 0.0, 1.0, shape=2)
    pm.MvNormal("y", mu=trend, cov=cov, observed=as_float(rng.normal(size=30)))
