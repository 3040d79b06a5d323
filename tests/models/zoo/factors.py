"""Latent factors and networks."""

from itertools import pairwise

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from zoo.listing import as_float, model


@model()
def matrix_factorisation(rng):
    u = pm.Normal("u", 0.0, 1.0, shape=(20, 4))
    v = pm.Normal("v", 0.0, 1.0, shape=(15, 4))
    pm.Normal("y", u @ v.T, 0.5, observed=as_float(rng.normal(size=(20, 15))))


@model()
def matrix_factorisation_sparse(rng):
    """Only some of the entries are observed."""
    rows, columns = rng.integers(0, 20, 80), rng.integers(0, 15, 80)
    u = pm.Normal("u", 0.0, 1.0, shape=(20, 4))
    v = pm.Normal("v", 0.0, 1.0, shape=(15, 4))
    mu = (u[rows] * v[columns]).sum(axis=-1)
    pm.Normal("y", mu, 0.5, observed=as_float(rng.normal(size=80)))


@model()
def factor_analysis(rng):
    """Loadings with a triangle of zeros above a positive diagonal."""
    size, factors, rows = 8, 3, 60
    free = np.tril_indices(size, -1, factors)
    diagonal = pm.HalfNormal("diagonal", 1.0, shape=factors)
    below = pm.Normal("below", 0.0, 1.0, shape=len(free[0]))
    loadings = pt.zeros((size, factors))
    loadings = pt.set_subtensor(loadings[np.arange(factors), np.arange(factors)], diagonal)
    loadings = pt.set_subtensor(loadings[free], below)
    scores = pm.Normal("scores", 0.0, 1.0, shape=(factors, rows))
    sigma = pm.HalfNormal("sigma", 1.0, shape=(size, 1))
    pm.Normal("y", loadings @ scores, sigma, observed=as_float(rng.normal(size=(size, rows))))


@model(factorises=True)
def ppca(rng):
    """Probabilistic PCA with the scores integrated out."""
    size, factors = 6, 2
    loadings = pm.Normal("loadings", 0.0, 1.0, shape=(size, factors))
    sigma = pm.HalfNormal("sigma", 1.0)
    cov = loadings @ loadings.T + sigma**2 * pt.eye(size)
    pm.MvNormal(
        "y", mu=as_float(np.zeros(size)), cov=cov, observed=as_float(rng.normal(size=(50, size)))
    )


@model()
def two_layer_network(rng):
    x = as_float(rng.normal(size=(100, 3)))
    first = pm.Normal("first", 0.0, 1.0, shape=(3, 8))
    second = pm.Normal("second", 0.0, 1.0, shape=(8, 8))
    last = pm.Normal("last", 0.0, 1.0, shape=8)
    hidden = pt.tanh(pt.tanh(x @ first) @ second)
    pm.Bernoulli("y", logit_p=hidden @ last, observed=rng.integers(0, 2, 100))


@model()
def radial_basis_network(rng):
    x = as_float(rng.uniform(-1, 1, size=(80, 2)))
    centres = pm.Normal("centres", 0.0, 1.0, shape=(6, 2))
    width = pm.LogNormal("width", 0.0, 0.5, shape=6)
    squares = ((x[:, None, :] - centres) ** 2).sum(axis=-1)
    basis = pt.exp(-0.5 * squares / width**2)
    mu = basis @ pm.Normal("weights", 0.0, 1.0, shape=6)
    pm.Normal("y", mu, pm.HalfNormal("sigma", 1.0), observed=as_float(rng.normal(size=80)))


@model()
def deep_network(rng):
    """Three layers with biases, ReLU, GELU and softmax, a prior scale per layer."""
    x, sizes = as_float(rng.normal(size=(60, 5))), (5, 10, 10, 3)
    hidden = x
    for layer, (inside, outside) in enumerate(pairwise(sizes)):
        scale = pm.HalfNormal(f"scale{layer}", 1.0)
        weights = scale * pm.Normal(f"w{layer}", 0.0, 1.0, shape=(inside, outside))
        hidden = hidden @ weights + pm.Normal(f"b{layer}", 0.0, 1.0, shape=outside)
        if layer == 0:
            hidden = pt.maximum(hidden, 0)
        elif layer == 1:
            hidden = 0.5 * hidden * (1 + pt.erf(hidden / np.sqrt(2.0).astype(hidden.dtype)))
    pm.Categorical("y", logit_p=hidden, observed=rng.integers(0, 3, 60))


@model()
def convolutional_network(rng):
    """Sequences through a convolution with four filters, the largest of each, and a line."""
    x = as_float(rng.normal(size=(20, 1, 30)))
    filters = pm.Normal("filters", 0.0, 1.0, shape=(4, 5))
    hidden = pt.tanh(pt.signal.convolve1d(pt.as_tensor(x), filters[None], mode="valid"))
    logit = hidden.max(axis=-1) @ pm.Normal("last", 0.0, 1.0, shape=4)
    pm.Bernoulli("y", logit_p=logit, observed=rng.integers(0, 2, 20))


@model()
def attention(rng):
    """One head over twelve tokens."""
    x = as_float(rng.normal(size=(12, 6)))
    query, key, value = (pm.Normal(name, 0.0, 0.5, shape=(6, 4)) for name in ("q", "k", "v"))
    scores = (x @ query) @ (x @ key).T / 2
    mixed = pm.math.softmax(scores, axis=-1) @ (x @ value)
    mu = mixed @ pm.Normal("last", 0.0, 1.0, shape=4)
    pm.Normal("y", mu, pm.HalfNormal("sigma", 1.0), observed=as_float(rng.normal(size=12)))


@model()
def latent_space_network(rng):
    """Ties between people are likelier when they are close."""
    nodes = 12
    place = pm.Normal("place", 0.0, 1.0, shape=(nodes, 2))
    i, j = np.triu_indices(nodes, 1)
    distance = pt.sqrt(((place[i] - place[j]) ** 2).sum(axis=1) + as_float(1e-2))
    logit = pm.Normal("level", 0.0, 1.0) - distance
    pm.Bernoulli("y", logit_p=logit, observed=rng.integers(0, 2, len(i)))


@model()
def tensor_factorisation(rng):
    """Three factors, weights, and an einsum."""
    shape, rank = (6, 5, 4), 3
    factors = [pm.Normal(f"f{k}", 0.0, 1.0, shape=(n, rank)) for k, n in enumerate(shape)]
    weights = pm.Exponential("weights", 1.0, shape=rank)
    mu = pt.einsum("ir,jr,kr,r->ijk", *factors, weights)
    pm.Normal("y", mu, 0.5, observed=as_float(rng.normal(size=shape)))


@model()
def sparse_loadings(rng):
    """A factor model with Dirichlet-Laplace loadings and missing entries."""
    size, factors, rows = 8, 2, 40
    y = rng.normal(size=(rows, size))
    seen = np.nonzero(rng.uniform(size=y.shape) < 0.8)
    phi = pm.Dirichlet("phi", as_float(np.ones((factors, size))))
    loadings = pm.Laplace("loadings", 0.0, pm.HalfNormal("tau", 1.0) * phi * size)
    scores = pm.Normal("scores", 0.0, 1.0, shape=(rows, factors))
    mu = (scores @ loadings)[seen]
    pm.StudentT("y", nu=4.0, mu=mu, sigma=0.5, observed=as_float(y[seen]))
