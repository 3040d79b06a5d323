"""Many chains as one program: `batched`."""

import threading

import mlx.core as mx
import numpy as np
import pytensor
from pytensor.compile.executor import Function
from pytensor.graph.basic import Constant, Variable
from pytensor.tensor.type import TensorType

from gemmule import _core
from gemmule.compiled import CompiledFunction, disabled_passes, nodes_in_python
from gemmule.config import config
from gemmule.explain import _pytensor_function
from gemmule.linker import _InputType

_FAILED = ("raise", "reject")


def batched(f, chains: int | None = None, *, inputs=None, failed: str | None = None) -> "Batched":
    """What ``f`` computes, for many chains in one call.

    Parameters
    ----------
    f
        A PyTensor function compiled with ``mode="GEMMULE"``, or what PyMC wraps around one; a pair
        of inputs and outputs, which are compiled so; or a PyMC model, which stands for its log
        density and the gradient of that, of the raveled point (the order of
        ``model.logp_dlogp_function(ravel_inputs=True)``).
    chains
        How many chains a call has; ``None``: any number, also none.
    inputs
        Which explicit inputs chains have their own of: variables, names or positions. All of them
        by default. The others, shared variables and constants are the same for all chains.
    failed
        What becomes of a chain whose values a check refuses (a parameter that is not allowed) or
        for which a factorisation raises. ``"raise"``: the call raises what ``f`` does, with a note
        that names the chain; the default for functions. ``"reject"``: of that chain, outputs that
        are one number become -inf and others zeros, and the other chains are as always; the default
        for models, as samplers reject such points.

    Returns
    -------
    Batched
        A callable. Batched inputs have the chains as their first axis, and so have all outputs, in
        the order and form of ``f``'s. NaN and infinities stay in their chain.

    Raises
    ------
    UnsupportedError
        For functions that draw random numbers, or that update shared variables.
    TypeError, ValueError
        For functions of another mode, for inputs that ``f`` does not have, for a negative number
        of chains, and for models without continuous free variables. Calls raise them for inputs
        of other dtypes, ranks or numbers of chains.

    """
    model_default, f = _function_of(f)
    if failed is None:
        failed = "reject" if model_default else "raise"
    if failed not in _FAILED:
        raise ValueError(f"failed is one of {', '.join(_FAILED)}; got {failed!r}")
    if chains is not None:
        if isinstance(chains, bool) or not isinstance(chains, int | np.integer):
            raise TypeError(f"chains is an integer or None; got {chains!r}")
        if chains < 0:
            raise ValueError(f"the number of chains cannot be negative; got {chains}")
        chains = int(chains)
    return Batched(f, chains, inputs, failed)


def _function_of(f) -> tuple[bool, Function]:
    """The PyTensor function, and whether it is a model's."""
    if hasattr(f, "logp_dlogp_function"):
        if not f.continuous_value_vars:
            raise ValueError("the model has no continuous free variables: its density has no input")
        made = f.logp_dlogp_function(ravel_inputs=True, mode="GEMMULE")
        return True, _pytensor_function(made)
    if isinstance(f, tuple | list) and len(f) == 2:
        inputs, outputs = f
        inputs = [inputs] if isinstance(inputs, Variable) else list(inputs)
        return False, pytensor.function(inputs, outputs, mode="GEMMULE")
    return False, _pytensor_function(f)


class Batched:
    """A function of many chains: see `batched`.

    ``chains`` is their number or None. ``by_chain`` is None where one program computes all chains;
    otherwise the reason why ``f`` is called for one chain after another.
    """

    def __init__(self, f: Function, chains: int | None, inputs, failed: str):
        self.f = f
        self.chains = chains
        self.failed = failed
        self.by_chain: str | None = None
        compiled: CompiledFunction = f.vm.jit_fn.gemmule
        self._refuse(compiled)
        given = f.maker.inputs
        self._explicit = [i for i, item in enumerate(given) if not item.implicit]
        self._batched = self._chosen(inputs)
        if not self._batched:
            raise ValueError("no input is batched: chains would not differ")
        self._types = {}
        for index in self._explicit:
            type_ = compiled.fgraph.inputs[index].type
            if index in self._batched:
                if not isinstance(type_, TensorType):
                    raise TypeError(f"input {index} is of type {type_}: only tensors are batched")
                type_ = TensorType(type_.dtype, (chains, *type_.shape))
            self._types[index] = _InputType(type_) if isinstance(type_, TensorType) else type_
        self._executable = None
        self._one_by_one = threading.Lock()
        self.optimised = None
        try:
            self._build(compiled)
        except _core.UnsupportedError as error:
            self._give_up(str(error))

    # -- building ----------------------------------------------------------------------------------

    def _refuse(self, compiled: CompiledFunction) -> None:
        if compiled.generators is not None:
            raise _core.UnsupportedError(
                "a function that draws random numbers cannot be batched: chains would share a "
                "generator"
            )
        if getattr(compiled.fgraph, "update_mapping", None):
            raise _core.UnsupportedError(
                "a function that updates shared variables cannot be batched: chains would share "
                "them"
            )

    def _chosen(self, inputs) -> list[int]:
        """Positions in the function's inputs, shared variables included."""
        if inputs is None:
            return list(self._explicit)
        if isinstance(inputs, str | Variable | int):
            inputs = [inputs]
        items = [self.f.maker.inputs[index] for index in self._explicit]
        chosen = []
        for wanted in inputs:
            for position, (index, item) in enumerate(zip(self._explicit, items, strict=True)):
                if wanted is item.variable or (
                    isinstance(wanted, str | int | np.integer) and wanted in (item.name, position)
                ):
                    chosen.append(index)
                    break
            else:
                raise ValueError(f"{wanted!r} is not an explicit input of the function")
        return sorted(set(chosen))

    def _build(self, compiled: CompiledFunction) -> None:
        conversion = compiled.conversion
        if compiled.fallbacks:
            self._give_up(nodes_in_python(len(compiled.fallbacks)))
            return
        if len(compiled.steps) != 1 or len(compiled.segments) != 1:
            self._give_up("it is not one program: a size depends on computed data")
            return
        segment = compiled.segments[0].segment
        self._arguments = [conversion.inputs.index(variable) for variable in segment.inputs]
        which = [i for i, index in enumerate(self._arguments) if index in self._batched]
        if not which:
            self._give_up("its outputs do not depend on what chains have their own of")
            return
        self._has_checks = segment.all_hold is not None
        reject = self._has_checks and self.failed == "reject"
        graph = _core.batched(segment.graph, which, self.chains, reject)
        self.optimised = _core.optimise(graph, disabled=disabled_passes(segment), dump=config.dump)
        self._outputs = [
            segment.outputs.index(v) if v in segment.outputs else v for v in conversion.outputs
        ]
        self._inputs = {v: index for index, v in enumerate(conversion.inputs)}
        native = {name for name, _ in _core.native_passes()}
        self._options = {
            "device": "cpu" if config.executor == "cpu" else config.device,
            "executor": config.executor,
            "disabled": [name for name in config.disable if name in native],
        }
        self._executable = self._made()

    def _made(self) -> _core.Executable:
        return _core.Executable(self.optimised.graph, donatable=[], **self._options)

    def __getstate__(self):
        state = self.__dict__ | {"_executable": self._executable is not None}
        del state["_one_by_one"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._one_by_one = threading.Lock()
        self._executable = self._made() if self._executable else None

    def _give_up(self, reason: str) -> None:
        self.by_chain = reason
        self._executable = None

    # -- calls -------------------------------------------------------------------------------------

    def __call__(self, *inputs):
        values, count = self._values(inputs)
        executable = self._executable
        if executable is None:
            return self._returned(self._by_chain(inputs, count))
        arguments = [values[index] for index in self._arguments]
        try:
            results = executable.run(arguments)
        except _core.UnsupportedError as error:
            self._give_up(str(error))
            return self._returned(self._by_chain(inputs, count))
        except (ValueError, IndexError, np.linalg.LinAlgError, TypeError):
            # Which chain it was; also what else there is to say about the node.
            shapes = self._shapes(executable, arguments)
            return self._returned(self._by_chain(inputs, count, shapes))
        if self._has_checks:
            holds = np.array(results.pop())
            if self.failed == "raise" and not holds.all():
                self._by_chain(inputs, count)
                raise _core.InternalError("a check failed and then held")
        seen = set()
        outputs = []
        for output in self._outputs:
            if isinstance(output, int):
                result = results[output]
                # A variable that is returned twice is returned in two arrays.
                outputs.append(np.array(result) if output in seen else result)
                seen.add(output)
            else:
                outputs.append(self._as_it_is(output, values, count))
        return self._returned(outputs)

    def _values(self, inputs: tuple) -> tuple[list, int]:
        """The values of all inputs of the function, and how many chains there are."""
        if len(inputs) != len(self._explicit):
            raise TypeError(f"{len(self._explicit)} inputs expected, {len(inputs)} given")
        values = [container.storage[0] for container in self.f.input_storage]
        count = None
        for position, index in enumerate(self._explicit):
            try:
                value = self._types[index].filter(inputs[position], allow_downcast=None)
            except (TypeError, ValueError) as error:
                error.add_note(f"in input {position} of a function of many chains")
                raise
            values[index] = value
            if index in self._batched:
                if count is not None and value.shape[0] != count:
                    raise ValueError(
                        f"input {position} has {value.shape[0]} chains, others have {count}"
                    )
                count = value.shape[0]
        return values, count

    def _as_it_is(self, variable: Variable, values: list, count: int):
        """An output that is an input or a constant."""
        if isinstance(variable, Constant):
            value, is_batched = variable.data, False
        else:
            index = self._inputs[variable]
            value, is_batched = values[index], index in self._batched
        value = np.array(value)
        return value if is_batched else np.repeat(value[None], count, axis=0)

    def _returned(self, outputs: list):
        if self.f.unpack_single:
            return outputs[0]
        return None if self.f.return_none else outputs

    # -- chain by chain ----------------------------------------------------------------------------

    def _shapes(self, executable: _core.Executable, arguments: list) -> list[tuple]:
        """The shapes of the outputs of one chain, as the program for many knows them."""
        try:
            graph = executable.specialised(arguments)
        except (ValueError, IndexError, TypeError):  # sizes do not fit: `f` says so
            return []
        shapes = [tuple(graph.shape(value))[1:] for value in graph.outputs]
        return [
            shapes[output] if isinstance(output, int) else self._types_of_outputs[position].shape
            for position, output in enumerate(self._outputs)
        ]

    @property
    def _types_of_outputs(self) -> list:
        return [variable.type for variable in self.f.maker.fgraph.outputs]

    def _by_chain(self, inputs: tuple, count: int, shapes=()) -> list:
        """``shapes`` are those of the outputs of a chain, if they are known."""
        with self._one_by_one:  # a PyTensor function keeps its inputs while it runs
            rows = [self._chain(inputs, chain) for chain in range(count)]
        types = self._types_of_outputs
        outputs = []
        for position, type_ in enumerate(types):
            found = [row[position] for row in rows if row is not None]
            known = shapes[position] if shapes else type_.shape
            shape = found[0].shape if found else tuple(size or 0 for size in known)
            lost = np.full(shape, self._rejected(type_), dtype=type_.dtype)
            results = [lost if row is None else row[position] for row in rows]
            if not results:
                outputs.append(np.zeros((0, *shape), type_.dtype))
            elif any(result.shape != shape for result in results):
                raise ValueError(f"output {position} has another shape in each chain")
            else:
                outputs.append(np.stack([np.asarray(result) for result in results]))
        if any(isinstance(value, mx.array) for value in inputs):
            outputs = [
                value if value.dtype == np.complex128 else mx.array(value) for value in outputs
            ]
        return outputs

    def _rejected(self, type_):
        return -np.inf if type_.ndim == 0 and type_.dtype.startswith("float") else 0

    def _chain(self, inputs: tuple, chain: int) -> list | None:
        """The outputs of one chain; None where it is rejected."""
        rows = [
            np.asarray(value)[chain] if index in self._batched else value
            for index, value in zip(self._explicit, inputs, strict=True)
        ]
        try:
            outputs = self.f(*rows)
        except Exception as error:
            refused = isinstance(error, AssertionError | np.linalg.LinAlgError)
            if self.failed == "reject" and refused:
                return None
            error.add_note(f"in chain {chain}")
            raise
        if self.f.return_none:
            return []
        return [outputs] if self.f.unpack_single else outputs

    # -- looking at it -----------------------------------------------------------------------------

    @property
    def counts(self) -> dict[str, int]:
        """Kernels of the program by name; empty where there is none."""
        return {} if self.optimised is None else self.optimised.counts

    def __repr__(self) -> str:
        chains = "any number of" if self.chains is None else self.chains
        how = "one program" if self.by_chain is None else f"chain by chain: {self.by_chain}"
        return f"Batched({chains} chains, {how})"
