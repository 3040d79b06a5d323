"""Survival times, censored and truncated data."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from zoo.listing import as_float, model


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
def censored_gamma(rng):
    """The gradient of the incomplete gamma function is a loop over scalars."""
    alpha = pm.Exponential("alpha", 1.0)
    time = as_float(rng.gamma(2.0, 1.0, 20).clip(0, 1.5))
    pm.Censored("y", pm.Gamma.dist(alpha, 1.0), lower=None, upper=1.5, observed=time)


@model()
def piecewise_exponential(rng):
    """Cox' proportional hazards: deaths in intervals are Poisson."""
    patients, intervals = 40, 6
    x = as_float(rng.normal(size=(patients, 2)))
    end = rng.integers(0, intervals, patients)
    at_risk = as_float(np.arange(intervals) <= end[:, None])
    death = ((np.arange(intervals) == end[:, None]) & rng.integers(0, 2, (patients, 1))).astype(int)
    baseline = pm.Gamma("baseline", 2.0, 2.0, shape=intervals)
    hazard = pt.outer(pt.exp(x @ pm.Normal("slope", 0.0, 1.0, shape=2)), baseline)
    pm.Poisson("y", at_risk * hazard + as_float(1e-4), observed=death)


@model()
def frailty(rng):
    """Log-logistic times in clinics that share a random effect; the censored ones by their tail."""
    clinics, patients = 9, 120
    clinic = rng.integers(0, clinics, patients)
    x = as_float(rng.integers(0, 2, patients))
    time, censored = as_float(rng.weibull(1.5, patients) + 0.05), rng.uniform(size=patients) < 0.3
    spread = pm.HalfNormal("spread", 1.0)
    effect = spread * pm.Normal("effect", 0.0, 1.0, shape=clinics)
    shape = pm.LogNormal("shape", 0.0, 0.5)
    mu = effect[clinic] + pm.Normal("slope", 0.0, 1.0) * x
    z = shape * (pt.log(time) - mu)
    seen = pt.log(shape) - pt.log(time) + z - 2 * pt.softplus(z)
    pm.Potential("y", pt.where(censored, -pt.softplus(z), seen).sum())


@model()
def tobit(rng):
    x = as_float(rng.normal(size=(120, 3)))
    slope = pm.Normal("slope", 0.0, 1.0, shape=3)
    latent = pm.Normal.dist(x @ slope, pm.HalfNormal("sigma", 1.0))
    y = as_float(rng.normal(size=120).clip(-0.5, 1.0))
    pm.Censored("y", latent, lower=-0.5, upper=1.0, observed=y)


@model()
def truncated_regression(rng):
    x = as_float(rng.normal(size=80))
    slope, sigma = pm.Normal("slope", 0.0, 1.0), pm.HalfNormal("sigma", 1.0)
    latent = pm.Normal.dist(slope * x, sigma)
    y = as_float(np.abs(rng.normal(size=80)) + 0.1)
    pm.Truncated("y", latent, lower=0.0, upper=5.0, observed=y)


@model()
def truncated_counts(rng):
    """Poisson counts above zero: the normaliser is an incomplete gamma function."""
    rate = pm.Gamma("rate", 3.0, 1.0)
    pm.Truncated("y", pm.Poisson.dist(rate), lower=1, upper=9, observed=rng.integers(1, 10, 60))


@model()
def interval_censored_lognormal(rng):
    """Only the interval is known in which a time lies."""
    lower = as_float(rng.gamma(2.0, 1.0, 70) + 0.1)
    upper = as_float(lower + rng.uniform(0.2, 1.0, 70))
    mu, sigma = pm.Normal("mu", 0.0, 1.0), pm.HalfNormal("sigma", 1.0)
    time = pm.LogNormal.dist(mu, sigma)
    pm.Potential("y", pm.math.logdiffexp(pm.logcdf(time, upper), pm.logcdf(time, lower)).sum())


@model()
def gompertz_with_cure(rng):
    """Gompertz hazards of those who are not cured."""
    time, died = as_float(rng.uniform(0.1, 4.0, 90)), rng.integers(0, 2, 90)
    x = as_float(rng.normal(size=(90, 2)))
    cured = pm.math.sigmoid(x @ pm.Normal("b", 0.0, 1.0, shape=2))
    a, g = pm.HalfNormal("a", 1.0), pm.HalfNormal("g", 0.5)
    survival = pt.exp(-a / g * pt.expm1(g * time))
    density = a * pt.exp(g * time) * survival
    terms = pt.switch(died, pt.log((1 - cured) * density), pt.log(cured + (1 - cured) * survival))
    pm.Potential("y", terms.sum())
