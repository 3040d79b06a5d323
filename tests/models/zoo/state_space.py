"""State-space models, moving averages and hidden states: recursions by Scan over the data."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from zoo.listing import as_float, covariance, model


def kalman(y, seen, transition, design, noise, state_cov, start_cov):
    """The log density of the rows of ``y``, where ``seen`` is 0 for those that are missing.

    a' = T a + w, w ~ N(0, Q); y = Z a + v, v ~ N(0, H). Durbin and Koopman (2012), chapter 4.
    """
    states = transition.type.shape[0]
    eye = pt.eye(states)

    def step(y, seen, a, P, T, Z, H, Q):
        innovation = y - Z @ a
        F = Z @ P @ Z.T + H
        density = pm.logp(pm.MvNormal.dist(mu=pt.zeros_like(innovation), cov=F), innovation)
        K = seen * P @ Z.T @ pt.linalg.inv(F)
        a = T @ (a + K @ innovation)
        rest = eye - K @ Z
        P = T @ (rest @ P @ rest.T + K @ H @ K.T) @ T.T + Q
        return a, (P + P.T) / 2, seen * density

    _, _, densities = pytensor.scan(
        step,
        sequences=[y, seen],
        outputs_info=[pt.zeros(states), start_cov, None],
        non_sequences=[transition, design, noise, state_cov],
        strict=True,
        return_updates=False,
    )
    return densities.sum()


@model(factorises=True, slow=True)
def kalman_filter(rng):
    """100 steps, 3 states, 2 series."""
    steps, states, series = 100, 3, 2
    rho = pm.Uniform("rho", -0.9, 0.9, shape=states)
    q, h = pm.HalfNormal("q", 1.0, shape=states), pm.HalfNormal("h", 1.0, shape=series)
    design = as_float(rng.normal(size=(series, states)))
    pm.Potential(
        "y",
        kalman(
            pt.constant(as_float(rng.normal(size=(steps, series)))),
            pt.constant(as_float(np.ones(steps))),
            transition=pt.diag(rho),
            design=pt.constant(design),
            noise=pt.diag(h**2 + as_float(0.01)),
            state_cov=pt.diag(q**2),
            start_cov=pt.constant(as_float(np.eye(states))),
        ),
    )


@model(factorises=True)
def structural_time_series(rng):
    """Level, slope, a season of four quarters and an AR(1) cycle: 6 states, some values missing."""
    steps = 60
    steps_sd = pm.HalfNormal("steps_sd", 0.5, shape=4)
    rho, h = pm.Beta("rho", 4.0, 2.0), pm.HalfNormal("h", 0.5)
    fixed = np.zeros((6, 6))
    fixed[0, :2], fixed[1, 1] = 1, 1
    fixed[2, 2:5], fixed[3, 2], fixed[4, 3] = -1, 1, 1
    transition = pt.set_subtensor(pt.constant(as_float(fixed))[5, 5], rho)
    variances = pt.zeros(6)
    variances = pt.set_subtensor(variances[as_index([0, 1, 2, 5])], steps_sd**2)
    pm.Potential(
        "y",
        kalman(
            pt.constant(as_float(rng.normal(size=(steps, 1)).cumsum(axis=0))),
            pt.constant(as_float(rng.uniform(size=steps) < 0.85)),
            transition=transition,
            design=pt.constant(as_float([[1, 0, 1, 0, 0, 1]])),
            noise=pt.shape_padaxis(h**2 + as_float(0.01), 0)[:, None],
            state_cov=pt.diag(variances),
            start_cov=pt.constant(as_float(10 * np.eye(6))),
        ),
    )


def as_index(places: list[int]) -> np.ndarray:
    return np.array(places, dtype="int64")


@model(factorises=True, slow=True)
def dynamic_factors(rng):
    """Eight states: two factors with two lags and four errors of their own."""
    steps, series = 30, 4
    lags = pm.Normal("lags", 0.0, 0.2, shape=(2, 4))
    own = pm.Uniform("own", -0.8, 0.8, shape=series)
    loadings = pm.Normal("loadings", 0.0, 1.0, shape=(series, 2))
    zeros = pt.zeros
    companion = pt.concatenate([lags, pt.constant(as_float(np.eye(2, 4)))], axis=0)
    transition = pt.linalg.block_diag(companion, pt.diag(own))
    transition = pt.specify_shape(transition, (8, 8))
    design = pt.concatenate([loadings, zeros((series, 2)), pt.eye(series)], axis=1)
    sd = pm.HalfNormal("sd", 1.0, shape=series)
    variances = pt.concatenate([pt.ones(2), zeros(2), sd**2])
    pm.Potential(
        "y",
        kalman(
            pt.constant(as_float(rng.normal(size=(steps, series)))),
            pt.constant(as_float(np.ones(steps))),
            transition=transition,
            design=design,
            noise=as_float(0.05) * pt.eye(series),
            state_cov=pt.diag(variances),
            start_cov=pt.constant(as_float(np.eye(8) + 0.1 * covariance(rng, 8))),
        ),
    )


@model()
def local_level_scalar(rng):
    """The filter of one state, written with scalars."""
    q, r = pm.HalfNormal("q", 1.0), pm.HalfNormal("r", 1.0)
    y = pt.constant(as_float(rng.normal(size=100).cumsum()))

    def step(y, a, p, q, r):
        f = p + r**2 + as_float(1e-2)
        gain, innovation = p / f, y - a
        return a + gain * innovation, p * (1 - gain) + q**2, pt.log(f) + innovation**2 / f

    _, _, terms = pytensor.scan(
        step,
        sequences=[y],
        outputs_info=[pt.constant(as_float(0.0)), pt.constant(as_float(1.0)), None],
        non_sequences=[q, r],
        strict=True,
        return_updates=False,
    )
    pm.Potential("y", -0.5 * terms.sum())


@model()
def arma(rng):
    """ARMA(2, 1): the errors are a recursion over two lags of the data and one of their own."""
    phi, theta = pm.Normal("phi", 0.0, 0.3, shape=2), pm.Uniform("theta", -0.8, 0.8)
    y = pt.constant(as_float(rng.normal(size=80)))
    errors = pytensor.scan(
        lambda now, once, twice, last, phi, theta: (
            now - phi[0] * once - phi[1] * twice - theta * last
        ),
        sequences=[{"input": y, "taps": [0, -1, -2]}],
        outputs_info=[pt.constant(as_float(0.0))],
        non_sequences=[phi, theta],
        strict=True,
        return_updates=False,
    )
    pm.Potential("y", pm.logp(pm.Normal.dist(0.0, pm.HalfNormal("s", 1.0)), errors).sum())


@model()
def exponential_smoothing(rng):
    """Holt and Winters: level, trend and a season that reaches back four steps."""
    alpha, beta, gamma = (pm.Beta(name, 2.0, 4.0) for name in ("alpha", "beta", "gamma"))
    start = pm.Normal("start", 0.0, 1.0, shape=4)
    y = pt.constant(as_float(rng.normal(size=48)))

    def step(y, level, trend, season, alpha, beta, gamma):
        error = y - level - trend - season
        return level + trend + alpha * error, trend + beta * error, season + gamma * error, error

    zero = pt.constant(as_float(0.0))
    *_, errors = pytensor.scan(
        step,
        sequences=[y],
        outputs_info=[zero, zero, {"initial": start, "taps": [-4]}, None],
        non_sequences=[alpha, beta, gamma],
        strict=True,
        return_updates=False,
    )
    pm.Potential("y", pm.logp(pm.Normal.dist(0.0, pm.HalfNormal("s", 1.0)), errors).sum())


@model()
def hidden_markov(rng):
    """The forward algorithm in logarithms, normal emissions."""
    states = 3
    rows = pm.Dirichlet("rows", as_float(np.ones((states, states)) + 3 * np.eye(states)))
    mu = pm.Normal("mu", as_float([-1.0, 0.0, 1.0]), 1.0)
    sigma = pm.HalfNormal("sigma", 1.0, shape=states)
    y = as_float(rng.normal(size=60))
    emission = pm.logp(pm.Normal.dist(mu, sigma), y[:, None])

    def step(emission, alpha, log_rows):
        return emission + pt.logsumexp(alpha[:, None] + log_rows, axis=0)

    alphas = pytensor.scan(
        step,
        sequences=[emission[1:]],
        outputs_info=[emission[0] - np.log(3.0).astype(emission.dtype)],
        non_sequences=[pt.log(rows)],
        strict=True,
        return_updates=False,
    )
    pm.Potential("y", pt.logsumexp(alphas[-1]))


@model()
def hidden_markov_side_by_side(rng):
    """Probabilities that are scaled in each step; Poisson emissions of six animals."""
    animals, steps, states = 6, 30, 2
    rows = pm.Dirichlet("rows", as_float(np.ones((states, states)) + 3 * np.eye(states)))
    rate = pm.Gamma("rate", as_float([2.0, 6.0]), 1.0, shape=states)
    counts = rng.poisson(3.0, (steps, animals))
    emission = pt.exp(pm.logp(pm.Poisson.dist(rate), counts[:, :, None])).astype(rate.dtype)

    def step(emission, alpha, rows):
        alpha = emission * (alpha @ rows)
        total = alpha.sum(axis=-1, keepdims=True)
        return alpha / total, pt.log(total)

    _, terms = pytensor.scan(
        step,
        sequences=[emission],
        outputs_info=[pt.constant(as_float(np.full((animals, states), 0.5))), None],
        non_sequences=[rows],
        strict=True,
        return_updates=False,
    )
    pm.Potential("y", terms.sum())


@model()
def multivariate_garch(rng):
    """Constant correlation: variances of three series in one loop, by hand."""
    series, steps = 3, 40
    y = rng.normal(size=(steps, series))
    omega = pm.HalfNormal("omega", 1.0, shape=series)
    alpha, beta = pm.Beta("alpha", 2.0, 6.0, shape=3), pm.Beta("beta", 4.0, 4.0, shape=3)
    variances = pytensor.scan(
        lambda square, last, omega, alpha, beta: omega + alpha * square + beta * last,
        sequences=[pt.constant(as_float(y**2))],
        outputs_info=[pt.ones(series)],
        non_sequences=[omega, alpha, beta],
        strict=True,
        return_updates=False,
    )
    spread = pt.sqrt(variances[:-1])
    pm.StudentT("y", nu=6.0, mu=0.0, sigma=spread, observed=as_float(y[1:]))
