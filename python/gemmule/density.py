"""The density of a program as nutpie samples it. Neither PyMC nor PyTensor is needed here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from nutpie import _lib

from gemmule import _core


@dataclass(frozen=True)
class Variables:
    """The variables of a draw."""

    names: list[str]
    shapes: list[tuple[int, ...]]
    dims: dict[str, tuple]
    #: Lengths of dimensions.
    sizes: dict[str, int]


def sampler_model(
    program: _core.Program,
    variables: Variables,
    initial_point: Callable[[int], np.ndarray],
    *,
    one_thread: bool,
    coords: dict[str, Any] | None = None,
    adapter=None,
    expand: int | None = None,
):
    """What `nutpie._lib.PySampler` takes: the program is called by its address.

    ``initial_point`` gives float64[dim] for a seed. With ``one_thread`` a call stays on its thread.
    ``expand`` is the address of what is called in place of the program's function.
    """
    model = _core.SamplerModel(program, one_thread)
    address = model.model_address
    names = variables.names
    return _lib.PyMcModel(
        _lib.LogpFunc(model.logp_address, address, model),
        _lib.ExpandFunc(
            program.dim, program.expanded, expand or model.expand_address, address, model
        ),
        _lib.PyVariable.new_variables(
            names, ["float64"] * len(names), variables.shapes, variables.sizes, variables.dims
        ),
        program.dim,
        variables.sizes,
        coords or {},
        initial_point,
        adapter,
    )
