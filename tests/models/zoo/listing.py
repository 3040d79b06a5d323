"""How a model is listed, and what models share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor


@dataclass(frozen=True)
class Entry:
    """A model: what builds it, and how exactly two backends can agree on it."""

    build: Callable[[], pm.Model]
    #: Its density goes through a matrix factorisation: the condition number amplifies rounding.
    factorises: bool = False
    #: Nodes that the core hands on, with the reason.
    fallbacks: str = ""
    #: False where rounding in float32 leaves nothing to compare.
    float32: bool = True
    #: Takes more than a few seconds to compile or to call.
    slow: bool = False

    @property
    def name(self) -> str:
        return self.build.__name__


ZOO: dict[str, Entry] = {}


def model(**properties):
    """Lists the decorated function, which fills a model, as an `Entry` of `ZOO`."""

    def register(fill):
        def build() -> pm.Model:
            with pm.Model() as result:
                fill(np.random.default_rng(2026))
            return result

        name = fill.__name__
        if name in ZOO:
            raise ValueError(f"two models are called {name}")
        build.__name__ = name
        ZOO[name] = Entry(build, **properties)
        return build

    return register


def as_float(array) -> np.ndarray:
    return np.asarray(array, dtype=pytensor.config.floatX)


def covariance(rng, size: int) -> np.ndarray:
    """A random covariance matrix with a condition number of about 100."""
    factor = rng.normal(size=(size, 2 * size)) / np.sqrt(2 * size)
    return factor @ factor.T + 0.05 * np.eye(size)


def ring(size: int, *edges: tuple[int, int]) -> np.ndarray:
    """The adjacency matrix of a ring with some more edges."""
    found = np.roll(np.eye(size, dtype=int), 1, axis=1)
    for i, j in edges:
        found[i, j] = 1
    return found | found.T
