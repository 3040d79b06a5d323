"""PyMC models on generated data: one function each, listed in `ZOO` with what is known of it.

A function makes its data in float64; `as_float` brings it to PyTensor's floatX.
"""

from zoo import (
    dynamics,
    factors,
    gaussian_process,
    hierarchy,
    mixture,
    multivariate,
    regression,
    spatial,
    state_space,
    survival,
    time_series,
)
from zoo.listing import ZOO, Entry

__all__ = [
    "ZOO",
    "Entry",
    "dynamics",
    "factors",
    "gaussian_process",
    "hierarchy",
    "mixture",
    "multivariate",
    "regression",
    "spatial",
    "state_space",
    "survival",
    "time_series",
]
