"""Sampling with nutpie, which calls the program of a PyMC model by its address, without Python.

`compile_model` gives what `nutpie.sample` takes; `sample` does both.
"""

import dataclasses
import inspect
import os
import threading
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from gemmule import _core
from gemmule.config import config
from gemmule.export import program_of

try:
    import nutpie
    from nutpie import _lib
    from nutpie import compile_pymc as _compile_pymc
    from nutpie.compiled_pyfunc import from_pyfunc
    from nutpie.sample import CompiledModel as _CompiledModel
    from pymc.initial_point import make_initial_point_fn
    from pymc.model.core import modelcontext
    from pymc.model.transform.optimization import freeze_dims_and_data
    from pymc.vartypes import continuous_types as _CONTINUOUS

    from gemmule.density import Variables, sampler_model
except ImportError as error:
    raise ImportError(
        f"gemmule.sample and gemmule.compile_model need PyMC and nutpie 0.16 ({error}). "
        "Run: pip install pymc 'nutpie>=0.16.11,<0.17'"
    ) from error


def _check_nutpie() -> None:
    """nutpie's functions that are used here are not public: they may change with any version."""
    wanted = {
        "_make_functions": {
            "mode", "compute_grad", "join_expanded", "pymc_initial_point_fn", "var_names",
        },
        "_prepare_dims_and_coords": {"model", "shape_info", "reparameterized_names"},
    }  # fmt: skip
    for name, arguments in wanted.items():
        function = getattr(_compile_pymc, name, None)
        if function is None or not arguments <= inspect.signature(function).parameters.keys():
            raise ImportError(
                f"nutpie {nutpie.__version__} is installed, whose {name} is not that of nutpie "
                "0.16, which gemmule works with. Run: pip install 'nutpie>=0.16.11,<0.17'"
            )


@dataclass(frozen=True)
class CompiledModel(_CompiledModel):
    """A PyMC model that runs natively, for `nutpie.sample`.

    ``logp_func`` and ``expand_func`` are the PyTensor functions that ``program`` was made of, which
    `gemmule.explain` takes.
    """

    program: _core.Program
    initial_point_func: Any
    shape_info: tuple
    n_expanded: int
    logp_func: Any
    expand_func: Any
    #: Names that several shared variables have.
    ambiguous: frozenset[str]
    _n_dim: int
    _coords: dict[str, Any]
    _transform_adapt_args: dict | None = None

    @property
    def n_dim(self) -> int:
        return self._n_dim

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        names, _, shapes = self.shape_info
        return {name: tuple(shape) for name, shape in zip(names, shapes, strict=True)}

    @property
    def coords(self) -> dict[str, Any]:
        return self._coords

    def with_data(self, **updates) -> "CompiledModel":
        """The same model with other values of shared variables (``pm.Data``), by name.

        Nothing is compiled. Raises ``KeyError`` for a name that none has, ``ValueError`` for values
        of another rank, for sizes that do not fit each other, and for sizes with which the
        variables of the trace would have other shapes.
        """
        values = {}
        known = self.program.data
        for name, value in updates.items():
            if name in self.ambiguous:
                raise ValueError(f"several shared variables are called {name!r}")
            if name not in known:
                names = ", ".join(sorted(known)) or "none"
                raise KeyError(f"no shared variable is called {name!r}; there are: {names}")
            value = np.array(value, dtype=known[name].dtype, order="C")
            if value.ndim != known[name].ndim:
                raise ValueError(
                    f"shared variable {name!r} has rank {known[name].ndim}, not {value.ndim}"
                )
            values[name] = value
        program = self.program.with_data(**values)
        self._prepare(program)
        return dataclasses.replace(self, program=program)

    def _prepare(self, program: _core.Program) -> None:
        program.prepare()
        if program.expanded != self.n_expanded:
            raise ValueError(
                f"with these data the variables of the trace have {program.expanded} elements "
                f"instead of {self.n_expanded}: compile the model with them"
            )

    def __getstate__(self):
        # Of `initial_point_func` only cloudpickle can make something.
        return {**self.__dict__, "program": self.program.to_bytes()}

    def __setstate__(self, state):
        self.__dict__.update(state, program=_core.Program.from_bytes(state["program"]))

    def with_coords(self, **coords) -> "CompiledModel":
        """The same model with other coordinates of dimensions."""
        return dataclasses.replace(self, _coords={**self._coords, **coords})

    def with_transform_adapt(self, **kwargs) -> "CompiledModel":
        return dataclasses.replace(self, _transform_adapt_args=kwargs)

    def _make_sampler(self, settings, init_mean, cores, *arguments):
        chains = settings.as_dict()["settings"].get("num_chains", cores)
        model = self._make_model(init_mean, one_thread=_fill_the_processor(min(cores, chains)))
        return _lib.PySampler.from_pymc(settings, cores, model, *arguments)

    def _make_model(self, init_mean, one_thread=False):
        def make_adapter(*args, **kwargs):
            from nutpie.transform_adapter import make_transform_adapter

            adapter = make_transform_adapter(**(self._transform_adapt_args or {}))
            return adapter(*args, **kwargs, logp_fn=None)

        return sampler_model(
            self.program,
            self.variables,
            self.initial_point_func,
            one_thread=one_thread,
            coords=dict(self._coords),
            adapter=make_adapter,
        )

    @property
    def variables(self) -> Variables:
        """The variables of a draw, as nutpie takes them."""
        names, _, shapes = self.shape_info
        sizes = {name: len(values) for name, values in self._coords.items()}
        return Variables(names, shapes, dict(self.dims or {}), sizes)


def compile_model(
    model=None,
    *,
    var_names=None,
    initial_points=None,
    jitter_rvs=None,
    default_initialization_strategy="support_point",
    freeze_model=False,
):
    """A PyMC model for `nutpie.sample`.

    The arguments are those of ``nutpie.compile_pymc_model``; ``model`` may be left out in the
    context of one. The sampler calls the program by its address: no Python runs, and no lock is
    held, in its loop. Always on the CPU.

    A density that is not finite, a check that fails, a matrix that is not positive definite and an
    index out of bounds reject the step: a divergence. Where a deterministic variable cannot be
    computed from a draw, all variables of the trace are NaN in that draw.

    Where a node of the model has to run in Python, or a size depends on computed data, the sampler
    calls Python, one chain at a time: with a ``UserWarning`` that names the reason. With
    ``gemmule.config.fallback = "error"`` that is an error.
    """
    _check_nutpie()
    model = modelcontext(model)
    if not model.free_RVs:
        raise ValueError("the model has no free variables: there is nothing to sample")
    if model.discrete_value_vars:
        names = ", ".join(rv.name for rv in model.free_RVs if rv.type.dtype not in _CONTINUOUS)
        raise ValueError(
            f"nutpie samples continuous variables only; discrete are: {names}. pm.sample combines "
            "steps for both"
        )
    if freeze_model:
        model = freeze_dims_and_data(model)
    if default_initialization_strategy == "support_point" and jitter_rvs is None:
        jitter_rvs = set(model.free_RVs)
    initial_point = make_initial_point_fn(
        model=model,
        overrides=initial_points,
        default_strategy=default_initialization_strategy,
        jitter_rvs=jitter_rvs,
        return_transformed=True,
    )
    n_dim, n_expanded, logp, expand, initial_point, shape_info, reparameterized = (
        _compile_pymc._make_functions(
            model,
            mode="GEMMULE",
            compute_grad=True,
            join_expanded=True,
            pymc_initial_point_fn=_OneByOne(initial_point),
            var_names=var_names,
        )
    )
    dims, coords = _compile_pymc._prepare_dims_and_coords(model, shape_info, reparameterized)
    shared = _shared_variables(logp, expand)
    counts = Counter(variable.name for variable in shared)
    try:
        compiled = CompiledModel(
            dims=dims,
            reparameterized_names=reparameterized,
            program=program_of({"logp": logp, "expand": expand}),
            initial_point_func=initial_point,
            shape_info=shape_info,
            n_expanded=n_expanded,
            logp_func=logp,
            expand_func=expand,
            ambiguous=frozenset(name for name, count in counts.items() if count > 1),
            _n_dim=n_dim,
            _coords=coords,
        )
        compiled._prepare(compiled.program)
    except _core.UnsupportedError as error:
        if config.fallback == "error":
            raise
        warnings.warn(
            f"nutpie calls the model through Python, one chain at a time: {error}", stacklevel=2
        )
        return _through_python(
            n_dim, logp, expand, initial_point, shape_info, reparameterized, dims, coords
        )
    return compiled


def _fill_the_processor(chains: int) -> bool:
    """Whether chains at once leave no second core for each: a density stays on its thread then."""
    cores = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    return chains > 1 and cores < 2 * chains


class _OneByOne:
    """PyTensor functions keep their inputs while they run, and chains start in threads."""

    __slots__ = ("function", "lock")

    def __init__(self, function):
        self.function = function
        self.lock = threading.Lock()

    def __call__(self, *args):
        with self.lock:
            return self.function(*args)

    def __reduce__(self):
        return _OneByOne, (self.function,)


def _shared_variables(*functions) -> list:
    return list(dict.fromkeys(v for function in functions for v in function.get_shared()))


# -- what the core cannot run alone ---------------------------------------------------------------


# What says that there is no result for these values.
_NO_RESULT = (ValueError, ArithmeticError, AssertionError, IndexError)


class _Rejected(Exception):
    """There is no density here: nutpie rejects the step."""

    is_recoverable = True


def _through_python(n_dim, logp, expand, initial_point, shape_info, reparameterized, dims, coords):
    """The same model for nutpie's samplers of Python functions."""
    shared = {variable: variable.name for variable in _shared_variables(logp, expand)}
    if len(set(shared.values())) < len(shared):
        raise ValueError("shared variables must have different names")
    names, slices, shapes = shape_info
    run_logp, run_expand = logp.vm.jit_fn, expand.vm.jit_fn
    logp_data = [shared[variable] for variable in logp.get_shared()]
    expand_data = [shared[variable] for variable in expand.get_shared()]

    def make_logp():
        def density(x, **data):
            try:
                value, gradient = run_logp(x, *(data[name] for name in logp_data))
            except _NO_RESULT as error:
                raise _Rejected(str(error)) from error
            gradient = np.asarray(gradient, dtype="float64", order="C")
            if not np.isfinite(gradient).all():
                raise _Rejected("the gradient is not finite")
            return float(value), gradient

        return density

    def make_expand(seed1, seed2, chain):
        def expanded(x, **data):
            try:
                [flat] = run_expand(x, *(data[name] for name in expand_data))
            except _NO_RESULT:
                flat = np.concatenate([x, np.full(slices[-1].stop - len(x), np.nan)])
            flat = np.asarray(flat, dtype="float64")
            return {
                name: np.ascontiguousarray(flat[part]).reshape(shape)
                for name, part, shape in zip(names, slices, shapes, strict=True)
            }

        return expanded

    return from_pyfunc(
        ndim=n_dim,
        make_logp_fn=make_logp,
        make_expand_fn=make_expand,
        make_initial_point_fn=initial_point,
        expanded_dtypes=[np.dtype("float64")] * len(names),
        expanded_shapes=shapes,
        expanded_names=names,
        shared_data={name: np.array(v.get_value()) for v, name in shared.items()},
        dims=dims,
        coords=coords,
        reparameterized_names=reparameterized,
    )


# -- one line --------------------------------------------------------------------------------------

# What users of pm.sample write: what nutpie calls it.
_NUTPIE_NAMES = {
    "random_seed": "seed",
    "progressbar": "progress_bar",
    "max_treedepth": "maxdepth",
    "discard_tuned_samples": "save_warmup (its opposite)",
    "initvals": "initial_points",
}


def sample(
    model=None,
    *,
    var_names=None,
    initial_points=None,
    jitter_rvs=None,
    default_initialization_strategy="support_point",
    freeze_model=False,
    client=None,
    **options,
):
    """Draws from the posterior of a PyMC model with nutpie: `compile_model`, then `nutpie.sample`.

    ``model`` may be left out in the context of one, or be what `compile_model` gave. ``options``
    are those of ``nutpie.sample``: ``draws``, ``tune``, ``chains``, ``cores``, ``seed``,
    ``target_accept``, ``progress_bar``, ``blocking`` and others. Returns what it returns.

    With a ``client`` of ``dask.distributed`` the workers of its cluster run the chains, a chain a
    thread. They need neither PyMC nor PyTensor, and draw for a seed what this machine draws.
    """
    for name in options:
        if name in _NUTPIE_NAMES:
            raise TypeError(f"sample() has no argument {name!r}: it is {_NUTPIE_NAMES[name]}")
    how = {
        "var_names": var_names,
        "initial_points": initial_points,
        "jitter_rvs": jitter_rvs,
        "default_initialization_strategy": default_initialization_strategy,
        "freeze_model": freeze_model,
    }
    if not isinstance(model, _CompiledModel):
        model = compile_model(model, **how)
    else:
        for name, value in how.items():
            if value != inspect.signature(sample).parameters[name].default:
                raise TypeError(f"{name!r} is an argument of compile_model: this model is compiled")
    if client is not None:
        from gemmule import dask

        return dask.sample(client, model, **options)
    return nutpie.sample(model, **options)
