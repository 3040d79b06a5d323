"""Systems that are stepped by Scan."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from zoo.listing import as_float, model


@model()
def sir_epidemic(rng):
    """A discrete SIR model stepped by Scan."""
    transmission = pm.LogNormal("transmission", -1.0, 0.3)
    recovery = pm.LogNormal("recovery", -2.0, 0.3)

    def step(s, i, transmission, recovery):
        infected = transmission * s * i
        return s - infected, i + infected - recovery * i

    start = [pt.constant(as_float(0.99)), pt.constant(as_float(0.01))]
    _, sick = pytensor.scan(
        step,
        outputs_info=start,
        non_sequences=[transmission, recovery],
        n_steps=30,
        strict=True,
        return_updates=False,
    )
    pm.Poisson("y", mu=500 * sick, observed=rng.poisson(50.0, 30))


def euler(step, start, parameters, steps):
    """The states after each step: one vector each for every state."""
    return pytensor.scan(
        step,
        outputs_info=[pt.constant(as_float(value)) for value in start],
        non_sequences=list(parameters),
        n_steps=steps,
        strict=True,
        return_updates=False,
    )


@model()
def lotka_volterra(rng):
    """Predator and prey by Euler steps, of which some are seen."""
    a, b, c, d = (pm.LogNormal(name, -0.5, 0.3) for name in "abcd")

    def step(x, y, a, b, c, d):
        h = as_float(0.05)
        return x + h * (a * x - b * x * y), y + h * (c * x * y - d * y)

    x, y = euler(step, (1.0, 0.5), (a, b, c, d), 100)
    sigma = pm.HalfNormal("sigma", 0.5)
    for name, curve in (("prey", x), ("predator", y)):
        seen = as_float(rng.lognormal(0.0, 0.3, 20))
        pm.LogNormal(name, pt.log(curve[4::5]), sigma, observed=seen)


@model()
def pendulum(rng):
    """Runge-Kutta of fourth order for a damped pendulum: a vector as state."""
    damping, pull = pm.HalfNormal("damping", 0.5), pm.LogNormal("pull", 0.0, 0.3)
    h = as_float(0.1)

    def slope(state, damping, pull):
        return pt.stack([state[1], -damping * state[1] - pull * pt.sin(state[0])])

    def step(state, *parameters):
        k1 = slope(state, *parameters)
        k2 = slope(state + h / 2 * k1, *parameters)
        k3 = slope(state + h / 2 * k2, *parameters)
        k4 = slope(state + h * k3, *parameters)
        return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    path = euler(step, ([1.0, 0.0],), (damping, pull), 50)
    y = as_float(rng.normal(size=50))
    pm.Normal("y", path[:, 0], pm.HalfNormal("sigma", 1.0), observed=y)


@model()
def seir_with_contacts(rng):
    """Age groups, a contact rate that walks: a sequence, and matrices in each step."""
    groups, days = 3, 25
    contact = as_float(rng.uniform(0.1, 0.5, (groups, groups)))
    rate = pt.exp(pt.cumsum(pm.Normal("walk", 0.0, 0.1, shape=days)))
    onset, recovery = pm.Beta("onset", 2.0, 5.0), pm.Beta("recovery", 2.0, 5.0)

    def step(rate, s, e, i, contact, onset, recovery):
        infected = rate * s * (contact @ i)
        return s - infected, e + infected - onset * e, i + onset * e - recovery * i

    start = [pt.constant(as_float(np.full(groups, value))) for value in (0.97, 0.02, 0.01)]
    _, exposed, _ = pytensor.scan(
        step,
        sequences=[rate],
        outputs_info=start,
        non_sequences=[pt.constant(contact), onset, recovery],
        strict=True,
        return_updates=False,
    )
    cases = rng.poisson(20.0, (days, groups))
    pm.NegativeBinomial("y", mu=1000 * onset * exposed, alpha=10.0, observed=cases)


@model()
def adstock_by_recursion(rng):
    """Spending carried over by a recursion with channels side by side."""
    weeks, channels = 80, 4
    spend = pt.constant(as_float(rng.gamma(2.0, 1.0, (weeks, channels))))
    decay, weight = pm.Beta("decay", 2.0, 2.0, shape=channels), pm.HalfNormal("w", 1.0, shape=4)
    carried = pytensor.scan(
        lambda x, last, decay: x + decay * last,
        sequences=[spend],
        outputs_info=[pt.zeros(channels)],
        non_sequences=[decay],
        strict=True,
        return_updates=False,
    )
    saturation = pm.Gamma("saturation", 3.0, 1.0, shape=channels)
    mu = (1 - pt.exp(-carried / saturation)) @ weight
    y = as_float(rng.normal(2.0, 1.0, weeks))
    pm.Normal("y", mu, pm.HalfNormal("sigma", 1.0), observed=y)


@model()
def recurrent_network(rng):
    """A gated cell with four hidden units over sequences side by side."""
    x = pt.constant(as_float(rng.normal(size=(15, 8, 2))))
    inside = pm.Normal("inside", 0.0, 0.5, shape=(2, 8))
    around = pm.Normal("around", 0.0, 0.5, shape=(4, 8))

    def step(x, hidden, inside, around):
        drive = x @ inside + hidden @ around
        gate = pt.sigmoid(drive[:, :4])
        return gate * hidden + (1 - gate) * pt.tanh(drive[:, 4:])

    hidden = pytensor.scan(
        step,
        sequences=[x],
        outputs_info=[pt.zeros((8, 4))],
        non_sequences=[inside, around],
        strict=True,
        return_updates=False,
    )
    logit = hidden[-1] @ pm.Normal("last", 0.0, 1.0, shape=4)
    pm.Bernoulli("y", logit_p=logit, observed=rng.integers(0, 2, 8))
