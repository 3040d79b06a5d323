"""The models of `tests/models/zoo`: density and gradient against every other mode, with bars.

`python -m bench --only zoo` measures them; `--compile` the compile times too.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np

from bench.bars import Bar
from bench.case import Built, Case
from bench.models import model_case

#: The peers whose fastest counts, in each model.
COMPILERS = "C/NUMBA/JAX"
MODES = ("GEMMULE", "C", "NUMBA", "JAX", "MLX")

#: Of which compile times are taken.
COLD_MODES = ("GEMMULE", "NUMBA", "JAX")

DEFAULT, ONE_THREAD, COMPILE = "zoo", "zoo one thread", "zoo compile"
GROUPS = (DEFAULT, ONE_THREAD, COMPILE)
_TIMED = (DEFAULT, ONE_THREAD)

BARS = [
    *(Bar(group, COMPILERS, (group,), mean=0.75, each=1.15) for group in _TIMED),
    Bar("Kalman filter", "NUMBA", _TIMED, case="kalman_filter", each=0.1),
    Bar("Kalman filter", "JAX", _TIMED, case="kalman_filter", each=1.0),
    *(Bar(group, "MLX", (group,), mean=0.05) for group in _TIMED),
    # pytensor.function and the first call, PyTensor's rewriting included, with cold caches.
    Bar("compile", "JAX", (COMPILE,), each=0.5),
    Bar("compile", "NUMBA", (COMPILE,), each=0.15),
]

#: What `--quick` measures without a `--match`.
_QUICK = {"eight_schools", "radon", "gp_marginal", "kalman_filter", "hidden_markov", "ppca"}


def models() -> dict:
    """`ZOO` of the tests."""
    folder = str(Path(__file__).parent.parent / "tests" / "models")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from zoo import ZOO

    return ZOO


def cases() -> list[Case]:
    """Each model once for every group."""
    return [
        Case(
            name,
            0,
            partial(_build, entry),
            quick=name in _QUICK,
            group=group,
            dtypes=("float64",),
            threads=1 if group == ONE_THREAD else None,
        )
        for group in GROUPS
        for name, entry in models().items()
    ]


def _build(entry, dtype: str) -> Built:
    built = model_case(lambda _: entry.build(), dtype)
    assert all(np.isfinite(value).all() for value in built.values)
    return built
