"""Programs as functions of JAX: `as_jax`."""

import threading

import numpy as np

from gemmule import _core
from gemmule.batched import _FAILED, _function_of
from gemmule.compiled import disabled_passes
from gemmule.export import _check, _compiled, _Data, _name_inputs, _outputs, _reorder_inputs
from gemmule.frontend.checks import failure

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise ImportError(f"gemmule.as_jax needs JAX ({error}). Run: pip install jax") from error

_TARGET = "gemmule"
_lock = threading.RLock()
_registered = False


def as_jax(f, *, gradient: bool | None = None, failed: str | None = None):
    """A function of JAX that runs ``f`` on the CPU, for `jax.jit`, `jax.grad` and `jax.vmap`.

    Parameters
    ----------
    f
        A PyTensor function compiled with ``mode="GEMMULE"``, or what PyMC wraps around one; a pair
        of inputs and outputs, which are compiled so; or a PyMC model, which stands for its log
        density, of the raveled point, as ``model.logp_dlogp_function(ravel_inputs=True)`` has it.
    gradient
        With ``True`` ``f`` returns a number and its gradient with respect to each input. The
        function returns the number, and `jax.grad` takes the gradients from ``f``. The default for
        models; ``False`` for functions, of which JAX then has no derivatives.
    failed
        What becomes of values that a check of ``f`` refuses, or for which a factorisation raises.
        ``"raise"``, the default for functions: JAX raises an error with the message. ``"reject"``,
        the default for models: outputs that are one number become -inf and others zeros.

    Returns
    -------
    A function of JAX arrays, with the inputs and outputs of ``f``. Under `jax.vmap` it is the
    program for many chains that `gemmule.batched` makes. Values of shared variables are those of
    now. XLA may call it from several threads at once; nothing of it takes the interpreter's lock.

    Raises
    ------
    UnsupportedError
        For what only Python runs, random draws, updates of shared variables, sizes that are made
        of the values of inputs or of computed data, and models with discrete variables.
    TypeError, ValueError
        For functions of another mode, and where ``gradient`` does not fit the outputs. The function
        raises TypeError for inputs that JAX cannot bring to the dtype of ``f``: float64 needs
        ``jax.config.update("jax_enable_x64", True)``.

    """
    _register()
    discrete = [variable.name for variable in getattr(f, "discrete_value_vars", ())]
    if discrete:
        raise _core.UnsupportedError(
            f"the model has discrete variables ({', '.join(discrete)}), whose values would be "
            "constants of the program: pass a function that has them as inputs"
        )
    is_model, function = _function_of(f)
    if failed is None:
        failed = "reject" if is_model else "raise"
    if failed not in _FAILED:
        raise ValueError(f"failed is one of {', '.join(_FAILED)}; got {failed!r}")
    source = _Source(function, failed == "reject")
    if is_model if gradient is None else gradient:
        return _with_gradient(source)
    return _without_gradient(source)


def _register() -> None:
    global _registered
    if _core.xla_handler is None:
        raise _core.UnsupportedError(
            "this build of Gemmule has no handler for JAX: build it where jaxlib is installed"
        )
    with _lock:
        if not _registered:
            jax.ffi.register_ffi_target(_TARGET, _core.xla_handler, platform="cpu")
            _registered = True


def _without_gradient(source: "_Source"):
    every = tuple(range(source.output_count))

    def call(*inputs):
        outputs = source.call(every)(*source.converted(inputs))
        if source.function.unpack_single:
            return outputs[0]
        return None if source.function.return_none else list(outputs)

    return call


def _with_gradient(source: "_Source"):
    wanted = len(source.inputs) + 1
    if source.output_count != wanted:
        raise ValueError(
            "gradient=True is for functions that return a number and its gradient with respect to "
            f"each input: {wanted} outputs for {wanted - 1} inputs, not {source.output_count}"
        )
    dtype, shape = source.output_type(0)
    if shape != () or not dtype.startswith("float"):
        raise ValueError(f"the first output is {dtype}{list(shape)}: it has to be one number")
    floats = [np.dtype(dtype).kind == "f" for _, dtype, _ in source.inputs]

    @jax.custom_vjp
    def density(*inputs):
        return source.call((0,))(*inputs)[0]

    def forward(*inputs):
        value, *gradients = source.call(tuple(range(wanted)))(*inputs)
        for position, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
            if gradient.shape != x.shape:
                raise ValueError(
                    f"output {position + 1} has shape {gradient.shape}: no gradient with respect "
                    f"to input {position}, of shape {x.shape}"
                )
        return value, (gradients, [jnp.zeros((), x.dtype) for x in inputs])

    def backward(kept, cotangent):
        # Of what is no floating-point number there is no gradient.
        return tuple(
            (cotangent * gradient).astype(like.dtype) if is_float else None
            for gradient, like, is_float in zip(*kept, floats, strict=True)
        )

    density.defvjp(forward, backward)

    def call(*inputs):
        return density(*source.converted(inputs))

    return call


class _Source:
    """The graph of a function before the passes, and the programs that were made of it so far."""

    def __init__(self, function, reject: bool):
        name = "the function"
        compiled = _compiled(name, function)
        _check(name, function, compiled)
        self.function = function
        self.reject = reject
        conversion = compiled.conversion
        data = _Data()
        given, free = _name_inputs(function, compiled, data)
        segment = compiled.segments[0].segment if conversion.stages else None
        self.graph = segment.graph.copy() if segment is not None else _core.Graph()
        had = segment.inputs if segment is not None else []
        order = free + [variable for variable in had if variable not in set(free)]
        values = dict(zip(segment.outputs, self.graph.outputs, strict=False)) if segment else {}
        self.has_checks = segment is not None and segment.all_hold is not None
        holds = [self.graph.outputs[-1]] if self.has_checks else []
        conditions = [condition for condition, _ in segment.checks] if self.has_checks else []
        values.update(_reorder_inputs(self.graph, had, order))
        outputs = _outputs(self.graph, conversion.outputs, values)
        self.output_count = len(outputs)
        self.graph.set_outputs(outputs + holds)
        self._conditions = self.graph.copy()
        self._conditions.set_outputs(conditions)
        self._messages = [str(failure(node)) for _, node in segment.checks] if conditions else []
        self._names = [given[variable] for variable in order]
        self._data = data.values
        self._disabled = disabled_passes(segment) if segment is not None else []
        #: (name, dtype, rank) of what a call gives: the first inputs of the graph.
        self.inputs = [(given[v], v.type.dtype, v.type.ndim) for v in free]
        sizes = [i for i in self.graph.static_value_inputs() if i < len(free)]
        if sizes:
            raise _core.UnsupportedError(
                f"a size is made of the value of {given[free[sizes[0]]]!r}, which JAX does not "
                "know before the call"
            )
        self._numbers: dict = {}
        self._calls: dict = {}

    def output_type(self, position: int) -> tuple[str, tuple]:
        value = self.graph.outputs[position]
        return self.graph.dtype(value), self.graph.shape(value)

    def converted(self, inputs: tuple) -> list:
        """JAX arrays of the dtypes of the function."""
        if len(inputs) != len(self.inputs):
            raise TypeError(f"{len(self.inputs)} inputs expected, {len(inputs)} given")
        return [_converted(x, *wanted) for x, wanted in zip(inputs, self.inputs, strict=True)]

    def call(self, outputs: tuple, batched: frozenset = frozenset()):
        """What computes these outputs; inputs that are batched have one more axis, the first."""
        with _lock:
            if (outputs, batched) not in self._calls:
                self._calls[outputs, batched] = _vmapped(self, outputs, batched)
            return self._calls[outputs, batched]

    # -- programs ----------------------------------------------------------------------------------

    def number(self, outputs: tuple, batched: frozenset) -> int:
        """The number by which the handler finds the program."""
        with _lock:
            if (outputs, batched) not in self._numbers:
                functions = [self._one(outputs)]
                if batched:
                    functions.append(self._many(outputs, batched))
                program = _core.Program(functions, self._data)
                flags = [position in batched for position in range(len(self.inputs))]
                number = _core.register_chain_call(program, flags, self.reject)
                self._numbers[outputs, batched] = number
            return self._numbers[outputs, batched]

    def _with_outputs(self, outputs: tuple):
        graph = self.graph.copy()
        every = graph.outputs
        graph.set_outputs([every[i] for i in outputs] + every[self.output_count :])
        return graph

    def _one(self, outputs: tuple) -> _core.ProgramFunction:
        graph = self._with_outputs(outputs)
        if self.has_checks and self.reject:
            _core.reject_failed(graph)
            graph.set_outputs(graph.outputs[:-1])
        conditions = self._conditions if self.has_checks and not self.reject else None
        return self._packed("one", graph, outputs, conditions, self._messages)

    def _many(self, outputs: tuple, batched: frozenset) -> _core.ProgramFunction:
        rejects = self.has_checks and self.reject
        graph = _core.batched(self._with_outputs(outputs), sorted(batched), None, rejects)
        if not self.has_checks:
            return self._packed("many", graph, outputs)
        *values, holds = graph.outputs
        if rejects:
            graph.set_outputs(values)
            return self._packed("many", graph, outputs)
        [all_hold] = graph.add("reduce_all", [holds], {"axes": [0]})
        graph.set_outputs([*values, all_hold])
        conditions = graph.copy()
        conditions.set_outputs([all_hold])
        return self._packed("many", graph, outputs, conditions, ["a check does not hold"])

    def _packed(self, name, graph, outputs, conditions=None, messages=()):
        def optimised(graph):
            return _core.optimise(graph, disabled=self._disabled).graph

        return _core.ProgramFunction(
            name,
            optimised(graph),
            self._names,
            [f"output_{i}" for i in outputs],
            None if conditions is None else optimised(conditions),
            [] if conditions is None else list(messages),
        )


def _converted(x, name: str, dtype: str, rank: int):
    x = jnp.asarray(x)
    if x.ndim != rank:
        raise ValueError(f"input {name!r} has {rank} dimensions, {x.ndim} are given")
    if x.dtype == dtype:
        return x
    if jax.dtypes.canonicalize_dtype(dtype) != dtype:
        raise TypeError(
            f"input {name!r} is {dtype}, of which JAX makes {jax.dtypes.canonicalize_dtype(dtype)}:"
            ' call jax.config.update("jax_enable_x64", True) first'
        )
    if not np.can_cast(x.dtype, dtype, "same_kind"):
        raise TypeError(f"input {name!r} is {dtype}, {x.dtype} is given")
    return x.astype(dtype)


def _vmapped(source: _Source, outputs: tuple, batched: frozenset):
    """One call of the handler, and what `jax.vmap` makes of it: a call for more chains."""

    @jax.custom_batching.custom_vmap
    def call(*inputs):
        number = source.number(outputs, batched)
        described = [(str(x.dtype), list(x.shape)) for x in inputs]
        types = _core.chain_call_outputs(number, described)
        for dtype, _ in types:
            if jax.dtypes.canonicalize_dtype(dtype) != dtype:
                raise TypeError(
                    f'an output is {dtype}: call jax.config.update("jax_enable_x64", True) first'
                )
        results = [jax.ShapeDtypeStruct(shape, dtype) for dtype, shape in types]
        return tuple(jax.ffi.ffi_call(_TARGET, results)(*inputs, function=np.int64(number)))

    @call.def_vmap
    def more(size, is_mapped, *inputs):
        mapped = frozenset(i for i, m in enumerate(is_mapped) if m)
        every = batched | mapped
        try:
            source.number(outputs, every)
        except _core.UnsupportedError:
            return _one_after_another(call, mapped, inputs), (True,) * len(outputs)
        if not batched:
            return source.call(outputs, every)(*inputs), (True,) * len(outputs)
        # Chains of chains are chains: [size, chains, ...] -> [size * chains, ...]
        first = min(batched)
        chains = inputs[first].shape[1 if first in mapped else 0]
        flat = []
        for index, x in enumerate(inputs):
            if index in every:
                x = x if index in mapped else x[None]
                x = x if index in batched else x[:, None]
                shape = x.shape[2:]
                x = jnp.broadcast_to(x, (size, chains, *shape)).reshape(size * chains, *shape)
            flat.append(x)
        results = source.call(outputs, every)(*flat)
        results = tuple(r.reshape(size, chains, *r.shape[1:]) for r in results)
        return results, (True,) * len(outputs)

    return call


def _one_after_another(call, mapped: frozenset, inputs: tuple) -> tuple:
    def one(own):
        rows = iter(own)
        return call(*(next(rows) if i in mapped else x for i, x in enumerate(inputs)))

    return jax.lax.map(one, tuple(x for i, x in enumerate(inputs) if i in mapped))
