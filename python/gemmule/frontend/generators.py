"""Random generators as values of the IR: who may move one on, and who works on a copy.

A PyTensor op that draws leaves its generator as it was and gives another. In the IR drawing moves
the state on (kernels/generator.h), so that a generator is read by one node: by the only node that
reads the variable, or by a copy of the generator for each of several.
"""

from collections import Counter
from dataclasses import dataclass, field

from pytensor.graph.basic import Variable
from pytensor.tensor.random.type import AbstractRandomGeneratorType

DTYPE = "uint64"


def is_generator(variable: Variable) -> bool:
    return isinstance(variable.type, AbstractRandomGeneratorType)


@dataclass
class GeneratorUses:
    """How often a graph reads each generator; ``kept`` are those that must stay as they are."""

    counts: Counter = field(default_factory=Counter)
    kept: set[Variable] = field(default_factory=set)

    def may_move(self, variable: Variable) -> bool:
        return self.counts[variable] == 1 and variable not in self.kept


def generator_uses(nodes, inputs, outputs, moved, resolve=lambda variable: variable):
    """The uses in a graph of these nodes.

    ``moved`` are the inputs that may be moved on; ``resolve`` gives what computes a variable.
    """
    counts = Counter()
    for node in nodes:
        counts.update(v for v in map(resolve, node.inputs) if is_generator(v))
    counts.update(v for v in map(resolve, outputs) if is_generator(v))
    kept = {v for v in inputs if is_generator(v)} - set(moved)
    return GeneratorUses(counts, kept)


def copied(generator: int, builder) -> int:
    """Another generator in the same state; nobody may move on the one that is given."""
    return split(generator, builder)[1]


def split(generator: int, builder) -> list[int]:
    """The generator, to be moved on after it has been copied, and the copy."""
    # No two copies are one, whatever passes think of equal nodes.
    serial = len(builder.graph.nodes)
    attributes = {"distribution": "copy", "copy": serial}
    return builder.add_all("random", [generator], attributes)
