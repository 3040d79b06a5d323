"""Sampling with nutpie, which calls the program of a PyMC model by its address, without Python.

`compile_model` gives what `nutpie.sample` takes; `sample` does both.
"""

import dataclasses
import functools
import inspect
import os
import threading
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph import clone_replace

from gemmule import _core
from gemmule.config import config
from gemmule.export import program_of
from gemmule.frontend.generators import is_generator

try:
    import nutpie
    import pandas as pd
    from nutpie import _lib
    from nutpie import compile_pymc as _compile_pymc
    from nutpie.compiled_pyfunc import from_pyfunc
    from nutpie.sample import CompiledModel as _CompiledModel
    from pymc.initial_point import make_initial_point_fn
    from pymc.model.core import Model, modelcontext
    from pymc.model.transform.optimization import freeze_dims_and_data
    from pymc.pytensorf import compile
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

    def __repr__(self) -> str:
        names = ", ".join(self.shape_info[0])
        data = ", ".join(self.program.data) or "none"
        return f"<gemmule CompiledModel: {names}; data: {data}>"

    @property
    def n_dim(self) -> int:
        return self._n_dim

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        names, _, shapes = self.shape_info
        return {
            name: tuple(int(size) for size in shape)
            for name, shape in zip(names, shapes, strict=True)
        }

    @property
    def coords(self) -> dict[str, Any]:
        return self._coords

    def with_data(self, **updates) -> "CompiledModel":
        """The same model with other values of shared variables (``pm.Data``), by name.

        Nothing is compiled. Raises ``KeyError`` for a name that none has, ``TypeError`` for values
        that the dtype of the variable cannot hold (fractions for integers), ``ValueError`` for
        values of another rank, for sizes that do not fit each other, and for sizes with which the
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
            value = _of_dtype(name, value, known[name].dtype)
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
        for name, now in program.parts("expand"):
            before = self.shapes[name]
            if now != before:
                raise ValueError(
                    f"with these data {name!r} has the shape {now} instead of {before}: "
                    "compile the model with them"
                )

    def __getstate__(self):
        # Of `initial_point_func` only cloudpickle can make something.
        return {**self.__dict__, "program": self.program.to_bytes()}

    def __setstate__(self, state):
        self.__dict__.update(state, program=_core.Program.from_bytes(state["program"]))

    def with_coords(self, **coords) -> "CompiledModel":
        """The same model with other coordinates of dimensions.

        Raises ``KeyError`` for a dimension that the model does not have, ``ValueError`` for another
        number of coordinates: sizes are those that the model was compiled with.
        """
        changed = dict(self._coords)
        for name, values in coords.items():
            if name not in changed:
                names = ", ".join(map(str, self._coords)) or "none"
                raise KeyError(f"the model has no dimension {name!r}; it has: {names}")
            values = pd.Index(values)
            if len(values) != len(changed[name]):
                raise ValueError(
                    f"dimension {name!r} has {len(changed[name])} coordinates, not {len(values)}"
                )
            changed[name] = values
        return dataclasses.replace(self, _coords=changed)

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

    Raises TypeError for what is no model; ValueError for a model without free variables, with
    discrete ones or with draws in its density (`pm.Minibatch`), and for names that it has not.
    """
    _check_nutpie()
    model = _model_of(model)
    var_names = _names_in(model, var_names)
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
    # By name: a frozen model has variables of its own.
    if jitter_rvs is not None:
        jitter_rvs = {model[_free_name(model, "jitter_rvs", each)] for each in jitter_rvs}
    if initial_points is not None:
        initial_points = {
            _free_name(model, "initial_points", each, transformed=True): value
            for each, value in initial_points.items()
        }
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
    if _draws(logp) or _draws(expand):
        raise ValueError(
            "the model draws random numbers in its density (pm.Minibatch) or deterministics: NUTS "
            "needs what is the same at each call. pm.fit takes a pm.Minibatch"
        )
    dims, coords = _compile_pymc._prepare_dims_and_coords(model, shape_info, reparameterized)
    shared = _shared_variables(logp, expand)
    counts = Counter(variable.name for variable in shared)
    try:
        functions = {"logp": logp, "expand": expand}
        shapes_of_data = _shapes_of_data(model, n_dim, shape_info)
        if shapes_of_data is not None:
            functions["expand_shapes"] = shapes_of_data
        names, _, shapes = shape_info
        parts = [(name, [int(n) for n in shape]) for name, shape in zip(names, shapes, strict=True)]
        compiled = CompiledModel(
            dims=dims,
            reparameterized_names=reparameterized,
            program=program_of(functions, parts={"expand": parts}),
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


def _model_of(model):
    if model is not None and not isinstance(model, Model):
        hint = ": draws=... has a name" if isinstance(model, int | np.integer) else ""
        raise TypeError(f"a pymc.Model is needed, not {type(model).__name__}{hint}")
    return modelcontext(model)


def _names_in(model, var_names):
    """The names of the variables to keep, which nutpie does not look at."""
    if var_names is None:
        return None
    if isinstance(var_names, str):
        raise TypeError(f"var_names is a list of names: write [{var_names!r}]")
    names = [getattr(each, "name", each) for each in var_names]
    known = {v.name for v in (*model.unobserved_value_vars, *model.free_RVs)}
    for name in names:
        if name not in known:
            raise ValueError(
                f"var_names: the model has no unobserved variable {name!r}; it has: "
                f"{', '.join(v.name for v in model.unobserved_RVs)}"
            )
    return names


def _free_name(model, argument: str, variable, transformed: bool = False) -> str:
    """The name of a free variable that is given by itself or by name."""
    name = getattr(variable, "name", variable)
    known = [found.name for found in model.free_RVs]
    others = [value.name for value in model.value_vars] if transformed else []
    if name not in (*known, *others):
        raise ValueError(
            f"{argument}: the model has no free variable {name!r}; it has: {', '.join(known)}"
        )
    return name


def _of_dtype(name: str, value, dtype: np.dtype) -> np.ndarray:
    """A copy in this dtype. A list of whole numbers is fine for floats, but not the other way."""
    value = np.asarray(value)
    if not np.can_cast(value.dtype, dtype, "same_kind") and not (
        value.dtype.kind in "iu" and dtype.kind in "iu"
    ):
        raise TypeError(f"shared variable {name!r} is {dtype}, {value.dtype} cannot become that")
    converted = np.array(value, dtype=dtype, order="C")
    if dtype.kind in "iu" and not np.array_equal(converted, value):
        raise TypeError(f"shared variable {name!r} is {dtype}, which does not hold these values")
    return converted


def _draws(function) -> bool:
    return any(is_generator(variable) for variable in function.maker.fgraph.inputs)


def _shapes_of_data(model, n_dim: int, shape_info):
    """The function for the shapes of the variables of the trace; None where data have no part."""
    names, slices, shapes = shape_info
    x = pt.tensor("_unconstrained_point", dtype="float64", shape=(n_dim,))
    free = len(model.free_RVs)
    variables, replace = [], {}
    for rv, part, shape in zip(model.free_RVs, slices[:free], shapes[:free], strict=True):
        value = model.rvs_to_values[rv]
        given = x[part].reshape([int(size) for size in shape]).astype(value.dtype)
        replace[value] = value.type.filter_variable(given)
        variables.append(replace[value])
    by_name = {variable.name: variable for variable in model.unobserved_value_vars}
    computed = [by_name[name] for name in names[free:]]
    variables += clone_replace(computed, replace, rebuild_strict=False)
    if not any(None in variable.type.shape for variable in variables):
        return None
    shapes = [pt.as_tensor(variable.shape, dtype="int64") for variable in variables]
    with model:
        f = compile([x], shapes, mode="GEMMULE", on_unused_input="ignore")
    return f if f.get_shared() else None


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


# The least that nutpie samples with: it hangs without a thread, and panics without tuning.
_LEAST = {"draws": 0, "tune": 1, "chains": 1, "cores": 1, "seed": 0}


def _checked(options: dict) -> dict:
    """The options of `sample`, with numbers of NumPy as Python's."""
    checked = dict(options)
    for name, value in options.items():
        if name in _NUTPIE_NAMES:
            raise TypeError(f"sample() has no argument {name!r}: it is {_NUTPIE_NAMES[name]}")
        if name not in _LEAST or value is None:
            continue
        if not isinstance(value, int | np.integer):
            hint = ": int(rng.integers(2**63)) makes one" if name == "seed" else ""
            raise TypeError(f"{name} is an integer or None, not {type(value).__name__}{hint}")
        checked[name] = int(value)
        if checked[name] < _LEAST[name]:
            raise ValueError(f"{name} is at least {_LEAST[name]}; got {value}")
        if checked[name] >= 2**64:
            raise ValueError(f"{name} is below 2**64; got {value}")
    return checked


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
    are those of ``nutpie.sample``: ``draws``, ``tune`` (at least 1), ``chains``, ``cores``,
    ``seed`` (an integer, or ``None`` for another one in each run), ``target_accept``,
    ``progress_bar``, ``blocking`` and others. Returns what it returns: an `xarray.DataTree` with
    variables of float64[chain, draw, ...]. Raises what `compile_model` does, TypeError for unknown
    options and ValueError for numbers out of range.

    With a ``client`` of ``dask.distributed`` the workers of its cluster run the chains, a chain a
    thread. They need neither PyMC nor PyTensor, and draw for a seed what this machine draws.
    """
    options = _checked(options)
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
            default = inspect.signature(sample).parameters[name].default
            if value is not default and (default is None or value != default):
                raise TypeError(f"{name!r} is an argument of compile_model: this model is compiled")
    if client is not None:
        from gemmule.dask import sample as draw

        draw = functools.partial(draw, client)
    else:
        draw = nutpie.sample
    try:
        return draw(model, **options)
    except AttributeError as error:
        _, found, name = str(error).partition("Unknown settings attribute: ")
        if not found:
            raise
        raise TypeError(f"sample() has no argument {name!r}: see nutpie.sample") from None
