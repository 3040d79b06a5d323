"""Groups that share a distribution, and answers to tests."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from zoo.listing import as_float, model


@model()
def eight_schools(rng):
    effect = as_float([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    error = as_float([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    mu = pm.Normal("mu", 0.0, 5.0)
    tau = pm.HalfCauchy("tau", 5.0)
    theta = pm.Normal("theta", 0.0, 1.0, shape=8)
    pm.Normal("y", mu + tau * theta, error, observed=effect)


@model()
def radon(rng):
    counties, houses = 20, 300
    county = rng.integers(0, counties, houses)
    floor = as_float(rng.integers(0, 2, houses))
    mu_a, mu_b = pm.Normal("mu_a", 0.0, 1.0), pm.Normal("mu_b", 0.0, 1.0)
    sigma_a, sigma_b = pm.HalfNormal("sigma_a", 1.0), pm.HalfNormal("sigma_b", 1.0)
    a = pm.Normal("a", mu_a, sigma_a, shape=counties)
    b = pm.Normal("b", mu_b, sigma_b, shape=counties)
    sigma = pm.HalfNormal("sigma", 1.0)
    observed = as_float(rng.normal(1.0, 1.0, houses))
    pm.Normal("y", a[county] + b[county] * floor, sigma, observed=observed)


@model(factorises=True)
def lkj_random_effects(rng):
    groups, rows = 8, 200
    group = rng.integers(0, groups, rows)
    x = as_float(rng.normal(size=rows))
    chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0, shape=2))
    mean = pm.Normal("mean", 0.0, 2.0, shape=2)
    z = pm.Normal("z", 0.0, 1.0, shape=(groups, 2))
    effects = mean + z @ chol.T
    sigma = pm.HalfNormal("sigma", 1.0)
    mu = effects[group, 0] + effects[group, 1] * x
    pm.Normal("y", mu, sigma, observed=as_float(rng.normal(size=rows)))


@model()
def zero_sum_effects(rng):
    group = rng.integers(0, 5, 100)
    effect = pm.ZeroSumNormal("effect", sigma=1.0, shape=5)
    pm.Normal("y", effect[group], 1.0, observed=as_float(rng.normal(size=100)))


@model()
def item_response(rng):
    people, items = 30, 12
    ability = pm.Normal("ability", 0.0, 1.0, shape=people)
    difficulty = pm.Normal("difficulty", 0.0, 1.0, shape=items)
    discrimination = pm.LogNormal("discrimination", 0.0, 0.3, shape=items)
    logit = discrimination * (ability[:, None] - difficulty)
    pm.Bernoulli("y", logit_p=logit, observed=rng.integers(0, 2, (people, items)))


@model()
def missing_observations(rng):
    y = rng.normal(size=30)
    y[[3, 17]] = np.nan
    mu = pm.Normal("mu", 0.0, 1.0)
    pm.Normal("y", mu, 1.0, observed=np.ma.masked_invalid(as_float(y)))


@model()
def eight_schools_centred(rng):
    effect = as_float([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    error = as_float([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    theta = pm.Normal("theta", pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0), shape=8)
    pm.Normal("y", theta, error, observed=effect)


@model()
def radon_with_group_predictor(rng):
    counties, houses = 30, 400
    county, floor = rng.integers(0, counties, houses), as_float(rng.integers(0, 2, houses))
    uranium = as_float(rng.normal(size=counties))
    g = pm.Normal("g", 0.0, 1.0, shape=2)
    spread = pm.HalfNormal("spread", 1.0, shape=2)
    z = pm.Normal("z", 0.0, 1.0, shape=(2, counties))
    a = g[0] + g[1] * uranium + spread[0] * z[0]
    b = pm.Normal("b", 0.0, 1.0) + spread[1] * z[1]
    y = as_float(rng.normal(1.0, 1.0, houses))
    pm.Normal("y", a[county] + b[county] * floor, pm.HalfCauchy("sigma", 1.0), observed=y)


@model()
def batting_averages(rng):
    """Binomial counts of players; the prior's sample size has a Pareto prior."""
    at_bats = rng.integers(20, 400, 60)
    phi = pm.Uniform("phi", 0.0, 1.0)
    kappa = pm.Pareto("kappa", m=1.0, alpha=1.5)
    theta = pm.Beta("theta", alpha=phi * kappa, beta=(1 - phi) * kappa, shape=60)
    pm.Binomial("y", n=at_bats, p=theta, observed=rng.binomial(at_bats, 0.26))


@model()
def crossed_effects(rng):
    """Nested and crossed groups, one of them with its own variance per group."""
    rows = 300
    school, teacher = rng.integers(0, 10, rows), rng.integers(0, 25, rows)
    x = as_float(rng.normal(size=rows))
    sigma = pm.HalfNormal("sigma", 1.0, shape=4)
    of_school = pm.Normal("of_school", 0.0, sigma[0], shape=10)
    of_teacher = pm.Normal("of_teacher", of_school[np.arange(25) % 10], sigma[1], shape=25)
    slope = pm.Normal("slope", 0.0, sigma[2], shape=25)
    noise = pm.Gamma("noise", 2.0, 2.0, shape=10)
    mu = of_school[school] + of_teacher[teacher] + slope[teacher] * x
    y = as_float(rng.normal(size=rows))
    pm.StudentT("y", nu=5.0, mu=mu, sigma=sigma[3] + noise[school], observed=y)


@model()
def rugby(rng):
    """Strength in attack and defence of teams, centred in the graph."""
    teams, games = 6, 60
    home, away = rng.integers(0, teams, games), rng.integers(0, teams, games)
    attack = pm.Normal("attack", 0.0, pm.HalfStudentT("sa", nu=3.0, sigma=2.5), shape=teams)
    defence = pm.Normal("defence", 0.0, pm.HalfStudentT("sd", nu=3.0, sigma=2.5), shape=teams)
    attack, defence = attack - attack.mean(), defence - defence.mean()
    intercept, at_home = pm.Normal("intercept", 1.0, 0.3), pm.Normal("at_home", 0.0, 0.3)
    pm.Poisson(
        "home",
        pt.exp(intercept + at_home + attack[home] + defence[away]),
        observed=rng.poisson(4.0, games),
    )
    pm.Poisson(
        "away", pt.exp(intercept + attack[away] + defence[home]), observed=rng.poisson(3.0, games)
    )


@model()
def bradley_terry(rng):
    players, games = 15, 150
    first = rng.integers(0, players, games)
    second = (first + rng.integers(1, players, games)) % players
    skill = pm.ZeroSumNormal("skill", sigma=pm.HalfNormal("spread", 1.0), shape=players)
    advantage = pm.Normal("advantage", 0.0, 0.5)
    logit = skill[first] - skill[second] + advantage
    pm.Bernoulli("y", logit_p=logit, observed=rng.integers(0, 2, games))


@model()
def plackett_luce(rng):
    """Rankings: each place goes to one of those that are left."""
    items, rankings = 6, 30
    order = np.stack([rng.permutation(items) for _ in range(rankings)])
    worth = pm.Normal("worth", 0.0, 1.0, shape=items)
    chosen = worth[order]
    left = pt.stack([pt.logsumexp(chosen[:, k:], axis=1) for k in range(items)], axis=1)
    pm.Potential("y", (chosen - left).sum())


@model()
def item_response_3pl(rng):
    """With guessing; people answer some of the items, in long format."""
    people, items, answers = 40, 10, 250
    person, item = rng.integers(0, people, answers), rng.integers(0, items, answers)
    ability = pm.Normal("ability", 0.0, 1.0, shape=people)
    difficulty = pm.Normal("difficulty", 0.0, pm.HalfCauchy("s", 2.0), shape=items)
    slope = pm.LogNormal("slope", 0.0, 0.5, shape=items)
    guess = pm.Beta("guess", 5.0, 17.0, shape=items)
    p = pm.math.sigmoid(slope[item] * (ability[person] - difficulty[item]))
    p = guess[item] + (1 - guess[item]) * p
    pm.Bernoulli("y", p=p, observed=rng.integers(0, 2, answers))


@model()
def graded_response(rng):
    """Ordered answers: cutpoints of each item from positive steps."""
    people, items, grades = 30, 6, 4
    ability = pm.Normal("ability", 0.0, 1.0, shape=(people, 1, 1))
    first = pm.Normal("first", -1.0, 1.0, shape=(items, 1))
    steps = pm.Gamma("steps", 2.0, 2.0, shape=(items, grades - 2))
    cutpoints = pt.concatenate([first, first + pt.cumsum(steps, axis=1)], axis=1)
    above = pm.math.sigmoid(ability - cutpoints)
    ends = pt.ones((people, items, 1)), pt.zeros((people, items, 1))
    above = pt.concatenate([ends[0], above, ends[1]], axis=-1)
    p = above[..., :-1] - above[..., 1:]
    pm.Categorical("y", p=p, observed=rng.integers(0, grades, (people, items)))


@model()
def meta_analysis(rng):
    """Deaths of the treated and of the controls in 22 trials."""
    size = rng.integers(30, 600, (2, 22))
    control = pm.Normal("control", 0.0, 2.0, shape=22)
    mean, tau = pm.Normal("mean", 0.0, 1.0), pm.InverseGamma("tau", 3.0, 1.0)
    effect = pm.StudentT("effect", nu=4.0, mu=mean, sigma=tau, shape=22)
    logit = pt.stack([control, control + effect])
    pm.Binomial("y", n=size, logit_p=logit, observed=rng.binomial(size, 0.1))


@model()
def dose_response(rng):
    """A sigmoid curve of concentration with parameters that vary between experiments."""
    experiments, doses = 7, 9
    dose = as_float(np.logspace(-2, 2, doses))
    top = pm.LogNormal("top", 0.0, 0.3, shape=(experiments, 1))
    middle = pm.Normal("middle", 0.0, 1.0, shape=(experiments, 1))
    hill = pm.TruncatedNormal("hill", 1.0, 0.5, lower=0.1, shape=(experiments, 1))
    mu = top / (1 + (pt.exp(middle) / dose) ** hill)
    y = as_float(rng.uniform(0.0, 1.0, (experiments, doses)))
    pm.Normal("y", mu, pm.HalfNormal("sigma", 0.3), observed=y)


@model()
def capture_recapture(rng):
    """Cormack-Jolly-Seber: survival and detection, never seen again by a recursion unrolled."""
    occasions = 7
    first = rng.integers(0, occasions - 2, 40)
    last = first + rng.integers(0, 3, 40)
    survive = pm.Beta("survive", 2.0, 2.0, shape=occasions - 1)
    detect = pm.Beta("detect", 2.0, 2.0, shape=occasions - 1)
    never = [pt.ones(())]
    for t in reversed(range(occasions - 1)):
        never.insert(0, 1 - survive[t] + survive[t] * (1 - detect[t]) * never[0])
    terms = pt.log(pt.stack(never))[last]
    alive = (np.arange(occasions - 1) >= first[:, None]) & (
        np.arange(occasions - 1) < last[:, None]
    )
    seen = rng.integers(0, 2, alive.shape) * alive
    seen[np.arange(40), np.maximum(last - 1, 0)] |= last > first
    missed = alive.astype(int) - seen
    terms = terms + (alive * pt.log(survive)).sum(axis=1)
    terms = terms + (seen * pt.log(detect) + missed * pt.log1p(-detect)).sum(axis=1)
    pm.Potential("y", terms.sum())


@model()
def occupancy(rng):
    """Sites are occupied or never seen: the state is summed out."""
    sites, visits = 50, 4
    x = as_float(rng.normal(size=(sites, 2)))
    counts = rng.binomial(visits, 0.4, sites) * rng.integers(0, 2, sites)
    psi = pm.math.sigmoid(x @ pm.Normal("b", 0.0, 1.0, shape=2))
    p = pm.Beta("p", 1.0, 1.0)
    pm.ZeroInflatedBinomial("y", psi=psi, n=visits, p=p, observed=counts)


@model()
def bayesian_bootstrap(rng):
    """Weights on the simplex of the observations, and moments of them."""
    y = as_float(rng.normal(size=50))
    weights = pm.Dirichlet("weights", as_float(np.ones(50)))
    mean = pm.Deterministic("mean", (weights * y).sum())
    variance = (weights * (y - mean) ** 2).sum()
    pm.Normal("seen", mean, pt.sqrt(variance / 50 + as_float(0.1)), observed=as_float(0.1))
