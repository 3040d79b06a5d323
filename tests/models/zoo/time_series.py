"""Time series without a loop in the graph, or with one that PyMC makes."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from zoo.listing import as_float, model


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


@model(factorises=True)
def vector_autoregression(rng):
    y = as_float(rng.normal(size=(40, 3)))
    lags = pm.Normal("lags", 0.0, 0.5, shape=(2, 3, 3))
    mean = y[1:-1] @ lags[0].T + y[:-2] @ lags[1].T
    chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2.0, sd_dist=pm.Exponential.dist(1.0, shape=3))
    pm.MvNormal("y", mu=mean, chol=chol, observed=y[2:])


@model()
def local_linear_trend(rng):
    """Level and slope walk; both are parameters."""
    steps = pm.HalfNormal("steps", 0.5, shape=2)
    z = pm.Normal("z", 0.0, 1.0, shape=(2, 80))
    slope = pt.cumsum(steps[1] * z[1])
    level = pt.cumsum(slope + steps[0] * z[0])
    pm.Normal("y", level, 0.5, observed=as_float(rng.normal(size=80).cumsum()))


@model()
def prophet(rng):
    """A piecewise linear trend, Fourier terms, holidays; Laplace changes of the slope."""
    days = np.arange(200) / 200
    changes = np.linspace(0, 0.8, 10)
    after = as_float(days[:, None] > changes)
    k, m = pm.Normal("k", 0.0, 5.0), pm.Normal("m", 0.0, 5.0)
    delta = pm.Laplace("delta", 0.0, pm.Exponential("tau", 10.0), shape=10)
    trend = (k + after @ delta) * as_float(days) + m + after @ (-as_float(changes) * delta)
    angle = 2 * np.pi * days[:, None] * 4 * np.arange(1, 4)
    fourier = as_float(np.hstack([np.sin(angle), np.cos(angle)]))
    holiday = as_float(np.arange(200)[:, None] % 50 == np.arange(3))
    x = np.hstack([fourier, holiday])
    season = x @ pm.Normal("beta", 0.0, 1.0, shape=x.shape[1])
    y = as_float(rng.normal(size=200))
    pm.Normal("y", trend * (1 + 0.1 * season) + season, pm.HalfNormal("s", 0.5), observed=y)


@model()
def ar_with_regressors(rng):
    """AR(3) of the residuals, in the graph by slices, with a steady state of its own."""
    x, y = as_float(rng.normal(size=(90, 2))), as_float(rng.normal(size=90))
    rho = pm.Uniform("rho", -0.5, 0.5, shape=3)
    error = y - x @ pm.Normal("b", 0.0, 1.0, shape=2)
    mu = sum(rho[k] * error[2 - k : 89 - k] for k in range(3))
    sigma = pm.HalfNormal("sigma", 1.0)
    pm.Potential("y", pm.logp(pm.Normal.dist(mu, sigma), error[3:]).sum())


@model()
def multivariate_stochastic_volatility(rng):
    """Factor volatilities of three series, each AR(1), centred by a walk of its own."""
    phi = pm.Beta("phi", 20.0, 1.5, shape=3)
    step = pm.HalfNormal("step", 0.3, shape=3)
    h = pm.Normal("h", 0.0, 1.0, shape=(3, 40))
    walk = pm.Normal.dist(phi[:, None] * h[:, :-1], step[:, None])
    pm.Potential("walk", pm.logp(walk, h[:, 1:]).sum())
    loadings = pm.Normal("loadings", 0.0, 0.3, shape=3)
    shock = pm.Normal("shock", 0.0, 1.0, shape=40)
    y = as_float(0.5 * rng.normal(size=(3, 40)))
    pm.Normal("y", loadings[:, None] * shock, pt.exp(h / 2), observed=y)


@model(factorises=True)
def walk_of_vectors(rng):
    """A random walk of coefficients whose steps correlate."""
    sd = pm.Exponential.dist(1.0, shape=3)
    chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2.0, sd_dist=sd)
    start = pm.MvNormal.dist(as_float(np.zeros(3)), as_float(np.eye(3)))
    beta = pm.MvGaussianRandomWalk(
        "beta", mu=as_float(np.zeros(3)), chol=chol, init_dist=start, steps=29, shape=(30, 3)
    )
    x = as_float(rng.normal(size=(30, 3)))
    y = as_float(rng.normal(size=30))
    pm.Normal("y", (x * beta).sum(axis=-1), pm.HalfNormal("sigma", 1.0), observed=y)


@model()
def stochastic_differential_equation(rng):
    """An Ornstein-Uhlenbeck process by Euler and Maruyama."""
    speed, level = pm.HalfNormal("speed", 1.0), pm.Normal("level", 0.0, 1.0)
    spread = pm.HalfNormal("spread", 1.0)

    def drift_and_diffusion(x, speed, level, spread):
        return speed * (level - x), spread

    start = pm.Normal.dist(0.0, 1.0)
    parameters = (speed, level, spread)
    path = pm.EulerMaruyama(
        "path", dt=0.1, sde_fn=drift_and_diffusion, sde_pars=parameters, init_dist=start, steps=39
    )
    pm.Normal("y", path, 0.3, observed=as_float(rng.normal(size=40).cumsum() * 0.3))


@model()
def self_exciting_process(rng):
    """Hawkes: the intensity jumps at each event and decays."""
    time = np.sort(rng.uniform(0, 20, 40))
    gap = time[:, None] - time
    before = as_float(gap > 0)
    mu, alpha = pm.Gamma("mu", 2.0, 1.0), pm.Beta("alpha", 2.0, 3.0)
    beta = pm.Gamma("beta", 3.0, 2.0)
    kernel = before * pt.exp(-beta * as_float(np.maximum(gap, 0)))
    intensity = mu + alpha * beta * kernel.sum(axis=1)
    total = 20 * mu + alpha * (1 - pt.exp(-beta * as_float(20 - time))).sum()
    pm.Potential("y", pt.log(intensity).sum() - total)


@model()
def spectral_likelihood(rng):
    """Whittle: the periodogram of an AR(2) is exponential around its spectral density."""
    power = np.abs(np.fft.rfft(rng.normal(size=128))[1:-1]) ** 2 / 128
    w = np.arange(1, len(power) + 1) * 2 * np.pi / 128
    rho, sigma = pm.Normal("rho", 0.0, 0.3, shape=2), pm.HalfNormal("sigma", 1.0)
    real = 1 - rho[0] * as_float(np.cos(w)) - rho[1] * as_float(np.cos(2 * w))
    imaginary = rho[0] * as_float(np.sin(w)) + rho[1] * as_float(np.sin(2 * w))
    density = sigma**2 / (real**2 + imaginary**2)
    pm.Exponential("y", scale=density, observed=as_float(power))


@model()
def garch(rng):
    """PyMC's own, whose density loops over the variances."""
    omega = pm.HalfNormal("omega", 1.0)
    alpha, beta = pm.Beta("alpha", 2.0, 6.0), pm.Beta("beta", 4.0, 4.0)
    y = as_float(0.5 * rng.normal(size=60))
    pm.GARCH11(
        "y", omega=omega, alpha_1=alpha, beta_1=beta, initial_vol=1.0, shape=(60,), observed=y
    )
