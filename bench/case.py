"""A case: a graph in PyTensor and values for its inputs."""

from collections.abc import Callable
from dataclasses import dataclass

DTYPES = ("float64", "float32")


@dataclass
class Built:
    """A case for one dtype: inputs and outputs of the function, and values to call it with."""

    inputs: list
    outputs: list
    values: list


@dataclass(frozen=True)
class Case:
    """``build(dtype)`` makes the graph; ``size`` is what ``--sizes`` selects by."""

    name: str
    size: int
    build: Callable[[str], Built]
    quick: bool = False
    #: Which bars it counts for.
    group: str = ""
    dtypes: tuple[str, ...] = DTYPES
    #: Measured in a process whose libraries use so many threads; None: as many as they like.
    threads: int | None = None
    #: ``direct(values)`` is a function without arguments that computes the same by calling BLAS.
    direct: Callable | None = None
    #: The function may write into its arguments: every mode has its own.
    donates: bool = False
