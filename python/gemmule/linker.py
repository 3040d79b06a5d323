"""The linker behind ``mode="GEMMULE"``."""

import sys

import mlx.core as mx
import numpy as np
import pytensor
from pytensor.compile.aliasing import Supervisor
from pytensor.compile.mode import Mode, register_linker, register_mode
from pytensor.compile.rewriting import functional_rewrite_ofg_inner_graph, rewrite_ofg_inner_graph
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.basic import Container, JITLinker
from pytensor.link.utils import map_storage
from pytensor.scan.rewriting.inner_graph import (
    functional_rewrite_scan_inner_graph,
    rewrite_scan_inner_graph,
)
from pytensor.tensor.rewriting.optimize import (
    jit_rewrite_optimize_inner_graph,
    rewrite_optimize_inner_graph,
)
from pytensor.tensor.type import TensorType

from gemmule import _core
from gemmule._core import UnsupportedError
from gemmule.compiled import CompiledFunction
from gemmule.config import config


class GemmuleLinker(JITLinker):
    """Compiles a whole `FunctionGraph` with the C++ core.

    The thunk calls the core once where the core has all ops. Nodes that it lacks run in Python in
    between; ``fn.vm.jit_fn.gemmule`` is the `CompiledFunction` that knows which and why.
    """

    required_rewrites = ("minimum_compile",)
    # The core recognises BLAS calls, fuses and works in place by itself.
    incompatible_rewrites = (
        "cxx_only",
        "BlasOpt",
        "fusion",
        "inplace",
        "local_careduce_fusion",
        # The core solves, and has no LU factors to share between solves.
        "reuse_decomposition_multiple_solves",
        "scan_reduce_trace_prealloc",
    )

    #: Of the graph that was accepted. It is pickled with the linker, and so with the function:
    #: where that is loaded nothing is rewritten, translated or optimised again.
    _compiled: CompiledFunction | None = None

    def accept(self, fgraph, no_recycling=None, profile=None):
        linker = super().accept(fgraph, no_recycling, profile)
        if linker._compiled is not None and linker._compiled.fgraph is not fgraph:
            linker._compiled = None
        return linker

    def fgraph_convert(self, fgraph, **kwargs):
        return CompiledFunction(fgraph, _donatable_inputs(fgraph))

    def create_thunk_inputs(self, storage_map):
        return [storage_map[variable] for variable in self.fgraph.inputs]

    def jit_compile(self, compiled):
        def run(*inputs):
            return compiled.run(list(inputs))

        run.gemmule = compiled
        return run

    def make_all(self, input_storage=None, output_storage=None, storage_map=None):
        fgraph = self.fgraph
        nodes = self.schedule(fgraph)
        input_storage, output_storage, storage_map = map_storage(
            fgraph, nodes, input_storage, output_storage, storage_map
        )
        if self._compiled is None:
            self._compiled = self.fgraph_convert(fgraph)
        compiled = self._compiled
        thunk = _thunk(compiled, input_storage)
        thunk.inputs = input_storage
        thunk.outputs = output_storage
        thunk.lazy = False
        thunk.jit_fn = self.jit_compile(compiled)
        thunk.allow_gc = False  # outputs are returned and not stored: nothing to clear
        thunk.storage_map = storage_map
        if config.explain:
            from gemmule.explain import Explanation

            print(Explanation(compiled), file=sys.stderr)
        return (
            thunk,
            [
                _input_container(variable, storage)
                for variable, storage in zip(fgraph.inputs, input_storage, strict=True)
            ],
            [
                Container(variable, storage, readonly=True)
                for variable, storage in zip(fgraph.outputs, output_storage, strict=True)
            ],
            [thunk],
            [variable.owner for variable in fgraph.outputs if variable.owner is not None][:1],
        )


def _thunk(compiled: CompiledFunction, input_storage):
    """The function that PyTensor calls. It returns the outputs: storing them is not needed then."""
    every = tuple(input_storage)
    direct = compiled.direct()
    updated = _storages_of_updates(compiled.fgraph, input_storage)

    def through_steps():
        return _keep_numpy(compiled.run([storage[0] for storage in every]), updated)

    if direct is None:
        return through_steps
    segment, indices = direct
    executable = segment.executable
    storages = tuple(input_storage[index] for index in indices)

    if segment.segment.all_hold is not None:
        # Which check does not hold is for Python to find out.
        return _core.thunk(executable, storages, through_steps, is_checked=True)

    def at_once():
        try:
            outputs = executable.run([storage[0] for storage in storages])
        except UnsupportedError:  # `CompiledFunction.run` meets it too, and hands on
            return through_steps()
        return _keep_numpy(outputs, updated) if updated else outputs

    return _core.thunk(executable, storages, at_once)


def _keep_numpy(outputs: list, updated) -> list:
    """A variable that holds NumPy keeps holding it, whatever the other inputs are."""
    for index, storage in updated:
        if type(outputs[index]) is mx.array and isinstance(storage[0], np.ndarray):
            outputs[index] = np.array(outputs[index])
    return outputs


def _storages_of_updates(fgraph, input_storage) -> list:
    """(output, storage of the input that it replaces) for every update."""
    mapping = getattr(fgraph, "update_mapping", None) or {}
    return [(output, input_storage[index]) for output, index in mapping.items()]


def _donatable_inputs(fgraph) -> list[int]:
    """Inputs whose memory may be reused: updates replace them, or they are marked mutable.

    In the order of the outputs that replace them: each takes the memory of its own variable then.
    """
    mapping = getattr(fgraph, "update_mapping", None) or {}
    replaced = [mapping[output] for output in sorted(mapping)]
    supervisors = [feature for feature in fgraph._features if isinstance(feature, Supervisor)]
    if supervisors:
        protected = {variable for feature in supervisors for variable in feature.protected}
        replaced += [i for i, variable in enumerate(fgraph.inputs) if variable not in protected]
    outputs = set(fgraph.outputs)
    return [index for index in dict.fromkeys(replaced) if fgraph.inputs[index] not in outputs]


# -- inputs ----------------------------------------------------------------------------------------


class _InputType:
    """A tensor type whose `filter` lets an `mx.array` of the right dtype and rank pass as it is.

    PyTensor's own would turn it into a NumPy array, and the results of the function with it.
    """

    def __init__(self, type_):
        self._type = type_
        dtype, rank = type_.numpy_dtype, type_.ndim
        mlx_dtype = getattr(mx, "bool_" if type_.dtype == "bool" else type_.dtype, None)
        shape = tuple(type_.shape)
        free = not any(size is not None for size in shape)

        def filter(data, strict=False, allow_downcast=None):
            kind = type(data)
            if kind is np.ndarray:
                if data.dtype == dtype and data.ndim == rank and free and data.flags.aligned:
                    return data
            elif (
                kind is mx.array
                and data.dtype == mlx_dtype
                and data.ndim == rank
                and all(size in (None, n) for size, n in zip(shape, data.shape, strict=True))
            ):
                return data
            return type_.filter(data, strict=strict, allow_downcast=allow_downcast)

        self.filter = filter

    def __reduce__(self):
        return _InputType, (self._type,)

    def __getattr__(self, name):
        return getattr(self._type, name)


def _input_container(variable, storage) -> Container:
    container = Container(variable, storage)
    if type(variable.type) is TensorType:
        container.type = _InputType(variable.type)
    return container


# -- registration ---------------------------------------------------------------------------------


def register() -> None:
    """Makes ``mode="GEMMULE"`` and ``linker="gemmule"`` known to PyTensor."""
    rewrite_ofg_inner_graph.register(GemmuleLinker, functional_rewrite_ofg_inner_graph)
    rewrite_scan_inner_graph.register(GemmuleLinker, functional_rewrite_scan_inner_graph)
    rewrite_optimize_inner_graph.register(GemmuleLinker, jit_rewrite_optimize_inner_graph)
    register_linker("gemmule", GemmuleLinker())
    # pytensor.config.mode takes the names of PyTensor's own modes only.
    setting = pytensor.config._config_var_dict["mode"]
    accept = setting._apply
    setting._apply = lambda value: value if value == "GEMMULE" else accept(value)
    register_mode(
        "GEMMULE",
        Mode(
            GemmuleLinker(),
            RewriteDatabaseQuery(include=["fast_run"], exclude=["fusion", "inplace"]),
        ),
    )
