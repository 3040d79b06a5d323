"""A function after compilation: executables, and the nodes between them that Python runs."""

import warnings
from dataclasses import dataclass, field

import mlx.core as mx
import numpy as np
from pytensor.conditional.op import IfElse
from pytensor.graph.basic import Constant, Variable
from pytensor.link.utils import raise_with_op

from gemmule import _core
from gemmule.config import config
from gemmule.fallback import Fallback, PythonNode, to_numpy
from gemmule.frontend import Conversion, HandedOn, Segment, convert
from gemmule.frontend.checks import failure
from gemmule.frontend.convert import name_of, placeholder
from gemmule.frontend.generators import is_generator
from gemmule.frontend.sparse_parts import Sparse, parts_of_value, value_of_parts
from gemmule.generators import Generators, generator_at, is_handle

# Kernels that find an index, a count or a parameter out of range while they run.
_CHECKED = {
    "csr_sample", "csrmm", "gather", "random", "repeat", "scatter", "sddmm", "searchsorted",
}  # fmt: skip


def _fallback(node, reason: str) -> Fallback:
    return Fallback(node=name_of(node), op=str(node.op), reason=reason)


def nodes_in_python(count: int) -> str:
    return f"{count} node runs in Python" if count == 1 else f"{count} nodes run in Python"


def _native_passes() -> set[str]:
    return {name for name, _ in _core.native_passes()}


def disabled_passes(segment: Segment) -> list[str]:
    """The passes that are left out for a segment."""
    disabled = [name for name in config.disable if name not in _native_passes()]
    if any(isinstance(node.op, IfElse) for node in segment.nodes):
        # One pass over elements of both branches would compute both. What is left once the
        # condition is known is fused then.
        disabled.append("fusion")
    return disabled


class CompiledSegment:
    """A segment's executable with donation, checks, and what only turns up at run time.

    Pickled with what the passes made of its graph: they do not run again.
    """

    def __init__(self, segment: Segment, donatable: list[int], owner: "CompiledFunction"):
        self.segment = segment
        self.owner = owner
        self.optimised = _core.optimise(
            segment.graph, disabled=disabled_passes(segment), dump=config.dump
        )
        self._options = {
            "device": "cpu" if config.executor == "cpu" else config.device,
            "executor": config.executor,
            "disabled": [name for name in config.disable if name in _native_passes()],
        }
        # A call that fails must leave all inputs as they were: no donation where one may fail late.
        may_fail = segment.all_hold is not None or _CHECKED & self.optimised.counts.keys()
        self._donatable = [] if may_fail else donatable
        self.executable = self._executable(self.optimised, self._donatable)
        self._python: list[tuple[PythonNode, list[Variable], tuple]] | None = None
        self._conditions = None
        self._generators = [i for i, v in enumerate(segment.inputs) if is_generator(v)]

    def _executable(self, optimised, donatable):
        return _core.Executable(optimised.graph, donatable=donatable, **self._options)

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["executable"]  # it holds the graph of `optimised`
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.executable = self._executable(self.optimised, self._donatable)

    @property
    def runs_in_python(self) -> bool:
        """Whether a call found out that the core cannot run this segment."""
        return self._python is not None

    def run(self, values: list) -> list:
        """The outputs for these inputs; raises what the first check that does not hold asks for."""
        if self._python is not None:
            return self._run_in_python(values)
        if self._generators:
            return self._run_drawing(values)
        try:
            results = self.executable.run(values)
        except _core.UnsupportedError as error:
            self.hand_on(str(error))
            return self._run_in_python(values)
        if self.segment.all_hold is not None and not bool(np.array(results.pop())):
            self._raise_failed_check(values)
        return results

    def _run_drawing(self, values: list) -> list:
        """The same where generators have to be as they were after an error."""
        before = _core.GeneratorSnapshot([values[index] for index in self._generators])
        try:
            results = self.executable.run(values)
        except _core.UnsupportedError as error:
            before.restore()
            self.hand_on(str(error))
            return self._run_in_python(values)
        except BaseException:
            before.restore()
            raise
        if self.segment.all_hold is not None and not bool(np.array(results.pop())):
            before.restore()
            try:
                self._raise_failed_check(values)
            finally:
                before.restore()
        return results

    def _raise_failed_check(self, values: list):
        """Runs once more for every condition by itself, to say which one it was."""
        checks = self.segment.checks
        graph = self.segment.graph
        if self._conditions is None:
            outputs = list(graph.outputs)
            graph.set_outputs([condition for condition, _ in checks])
            self._conditions = self._executable(_core.optimise(graph), [])
            graph.set_outputs(outputs)
        results = self._conditions.run(values)
        for holds, (_, node) in zip(results, checks, strict=True):
            if not bool(np.array(holds)):
                self.owner.raise_at(node, failure(node))
        raise _core.InternalError("a check failed and then held")

    # -- in Python, when the core finds out at run time that it cannot -----------------------------

    def hand_on(self, reason: str) -> None:
        if self.owner.generators is not None:
            self.owner.generators.run_one_by_one()
        nodes = []
        for node in self.segment.nodes:
            fallback = _fallback(node, reason)
            self.owner.fallbacks.append(fallback)
            expanded = self.owner.conversion.expanded
            inputs = [expanded.resolve(variable) for variable in node.inputs]
            nodes.append((PythonNode(node, fallback), inputs, expanded.guards_of(node)))
        self.owner.report(self.owner.fallbacks[-len(nodes) :])
        self._python = nodes

    def _run_in_python(self, values: list) -> list:
        known = dict(zip(self.segment.inputs, values, strict=True))
        for python_node, inputs, guards in self._python:
            if not all(bool(known[condition]) == taken for condition, taken in guards):
                known.update((v, placeholder(v)) for v in python_node.node.outputs)
                continue
            arguments = [v.data if isinstance(v, Constant) else known[v] for v in inputs]
            results = self.owner.run_node(python_node, arguments)
            known.update(zip(python_node.node.outputs, results, strict=True))
        return [known[variable] for variable in self.segment.outputs]


@dataclass
class Step:
    """Something that runs, from registers to registers."""

    run: object
    inputs: list[int]
    outputs: list[int]


# What steps run besides segments: classes and not closures, which cannot be pickled.


@dataclass
class _Split:
    """The parts of a sparse matrix."""

    def __call__(self, values: list) -> list:
        return parts_of_value(values[0])


@dataclass
class _Join:
    """The sparse matrix with these parts."""

    format: str

    def __call__(self, values: list) -> list:
        return [value_of_parts(self.format, values)]


@dataclass
class _RunNode:
    """A node in Python. With ``taken`` the last values are conditions, which have to be these."""

    owner: "CompiledFunction"
    node: PythonNode
    taken: tuple[bool, ...] = ()

    def __call__(self, values: list) -> list:
        if not self.taken:
            return self.owner.run_node(self.node, values)
        count = len(values) - len(self.taken)
        for value, taken in zip(values[count:], self.taken, strict=True):
            if bool(to_numpy(value)) != taken:
                return [placeholder(variable) for variable in self.node.node.outputs]
        return self.owner.run_node(self.node, values[:count])


@dataclass
class CompiledFunction:
    """What `explain` reads: see its properties.

    ``fgraph`` is the rewritten PyTensor graph, ``donatable`` the indices of its inputs that may be
    overwritten because an update replaces them.
    """

    fgraph: object
    donatable: list[int] = field(default_factory=list)

    def __post_init__(self):
        given = self.fgraph.inputs
        moved = [given[index] for index in self.donatable if is_generator(given[index])]
        self.conversion: Conversion = convert(self.fgraph, moved)
        handed_on = self.conversion.handed_on
        self.fallbacks = [_fallback(handed.node, handed.reason) for handed in handed_on]
        self.report(self.fallbacks)
        self._registers: dict[Variable, int] = {}
        self._template: list = []
        for variable in self.conversion.inputs:
            self._register(variable)
        self.segments: list[CompiledSegment] = []
        self.steps = self._steps()
        self._outputs = [self._register(variable) for variable in self.conversion.outputs]
        # A variable that is returned twice is returned in two arrays.
        self._copies = [
            index
            for index, register in enumerate(self._outputs)
            if register in self._outputs[:index]
        ]
        self.generators = self._generators()
        self._only = self.steps[0] if self._is_one_segment() else None

    def report(self, fallbacks: list[Fallback]) -> None:
        """Warns about nodes handed on, or refuses them, as `gemmule.config.fallback` says."""
        if not fallbacks or config.fallback == "allow":
            return
        lines = [f"  {item.op} ({item.node}): {item.reason}" for item in fallbacks]
        text = f"{nodes_in_python(len(lines))}:\n" + "\n".join(lines)
        if config.fallback == "error":
            raise _core.UnsupportedError(
                text + "\nSet gemmule.config.fallback = 'allow' to run them there."
            )
        warnings.warn(text, stacklevel=2)

    # -- building ----------------------------------------------------------------------------------

    def _register(self, variable: Variable) -> int:
        if variable not in self._registers:
            self._registers[variable] = len(self._template)
            self._template.append(variable.data if isinstance(variable, Constant) else None)
        return self._registers[variable]

    def _steps(self) -> list[Step]:
        fallbacks = iter(self.fallbacks)
        steps = [self._split_step(variable, parts) for variable, parts in self.conversion.split]
        for stage in self.conversion.stages:
            if stage.segment is not None:
                steps.append(self._segment_step(stage.segment))
            for handed in stage.nodes:
                steps.append(self._node_step(handed, next(fallbacks)))
        return steps + [self._join_step(v, parts) for v, parts in self.conversion.joined]

    def _split_step(self, variable: Variable, parts: Sparse) -> Step:
        return Step(
            _Split(),
            [self._register(variable)],
            [self._register(part) for part in parts.variables],
        )

    def _join_step(self, variable: Variable, parts: Sparse) -> Step:
        resolve = self.conversion.expanded.resolve
        return Step(
            _Join(parts.format),
            [self._register(resolve(part)) for part in parts.variables],
            [self._register(variable)],
        )

    def _segment_step(self, segment: Segment) -> Step:
        # Between segments registers may share memory: donate only where there is one segment.
        donatable = []
        if len(self.conversion.stages) == 1 and not self.fallbacks:
            given = [self.conversion.inputs[index] for index in self.donatable]
            donatable = [
                segment.inputs.index(v)
                for v in given
                if v in segment.inputs and not is_generator(v)
            ]
        compiled = CompiledSegment(segment, donatable, self)
        self.segments.append(compiled)
        return Step(
            compiled.run,
            [self._register(variable) for variable in segment.inputs],
            [self._register(variable) for variable in segment.outputs],
        )

    def _node_step(self, handed: HandedOn, fallback: Fallback) -> Step:
        python_node = PythonNode(handed.node, fallback)
        resolve = self.conversion.expanded.resolve
        inputs = [self._register(resolve(variable)) for variable in handed.node.inputs]
        outputs = [self._register(variable) for variable in handed.node.outputs]
        conditions = [self._register(condition) for condition, _ in handed.guards]
        taken = tuple(taken for _, taken in handed.guards)
        return Step(_RunNode(self, python_node, taken), inputs + conditions, outputs)

    def _generators(self) -> Generators | None:
        inputs = [i for i, variable in enumerate(self.fgraph.inputs) if is_generator(variable)]
        outputs = [i for i, variable in enumerate(self.fgraph.outputs) if is_generator(variable)]
        uses = self.conversion.uses
        if not inputs and not uses.counts:
            return None
        copies = uses.kept or any(count > 1 for count in uses.counts.values())
        return Generators(inputs, self.donatable, outputs, bool(copies or self.fallbacks))

    # -- running -----------------------------------------------------------------------------------

    def direct(self):
        """``(segment, indices of the inputs)`` when one call of the core is all, else None."""
        if self.generators is not None or self._only is None:
            return None
        [step], [segment] = self.steps, self.segments
        return segment, step.inputs

    def _is_one_segment(self) -> bool:
        """Whether the outputs are those of one segment for inputs of the function."""
        if len(self.steps) != 1 or len(self.segments) != 1 or self.fallbacks or self._copies:
            return False
        [step] = self.steps
        known = len(self.conversion.inputs)
        return step.outputs == self._outputs and max(step.inputs, default=-1) < known

    def run(self, inputs: list) -> list:
        """Outputs, updates included, for the values of all inputs in the order of the graph's."""
        if self.generators is None:
            return self._run_steps(inputs)
        try:
            return self.generators.run(self._run_steps, inputs, keep=len(self.steps) > 1)
        except _core.UnsupportedError as error:
            self._hand_on_draws(inputs, str(error))
            return self._run_steps(inputs)

    def _hand_on_draws(self, inputs: list, reason: str) -> None:
        """What Python runs when it is given a generator that the core does not know."""
        for segment in self.segments:
            if not segment.runs_in_python and any(map(is_generator, segment.segment.values)):
                segment.hand_on(reason)

    def _run_steps(self, inputs: list) -> list:
        if self._only is not None:
            return self._only.run([inputs[index] for index in self._only.inputs])
        registers = self._template.copy()
        registers[: len(inputs)] = inputs
        for step in self.steps:
            results = step.run([registers[index] for index in step.inputs])
            for index, result in zip(step.outputs, results, strict=True):
                registers[index] = result
        outputs = [registers[index] for index in self._outputs]
        for index in self._copies:
            outputs[index] = (
                np.array(outputs[index])
                if isinstance(outputs[index], np.ndarray)
                else outputs[index]
            )
        if self.fallbacks and any(isinstance(value, mx.array) for value in inputs):
            outputs = [_to_mlx(value) for value in outputs]
        return outputs

    def run_node(self, python_node: PythonNode, values: list) -> list:
        node = python_node.node
        try:
            if self.generators is None:
                return python_node(values)
            return self._run_drawing(python_node, values)
        except Exception:
            raise_with_op(self.fgraph, node)

    def _run_drawing(self, python_node: PythonNode, values: list) -> list:
        """The same with generators for handles and back."""
        node = python_node.node
        values = [
            generator_at(value.item()) if is_generator(v) and is_handle(value) else value
            for v, value in zip(node.inputs, values, strict=True)
        ]
        results = python_node(values)
        return [
            self.generators.value_of(result) if is_generator(v) else result
            for v, result in zip(node.outputs, results, strict=True)
        ]

    def raise_at(self, node, error: Exception):
        """Raises an error as PyTensor's own backends do, with the node that it comes from."""
        try:
            raise error
        except Exception:
            raise_with_op(self.fgraph, node)

    # -- for explain ------------------------------------------------------------------------------

    @property
    def optimised(self) -> list:
        """What the passes made of each segment."""
        return [segment.optimised for segment in self.segments]

    @property
    def graphs(self) -> list:
        return [optimised.graph for optimised in self.optimised]


def _to_mlx(value):
    """NumPy results as mx.array where MLX has the dtype."""
    if isinstance(value, np.ndarray) and value.dtype != np.complex128:
        return mx.array(value)
    return value
