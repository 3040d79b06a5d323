"""NumPy's generators at the boundary of a call: the core takes handles, numbers (uint64)."""

import threading
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator
from pytensor.tensor.random.type import random_generator_type

from gemmule import _core

_TYPES = frozenset({"PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"})


def _handle_of(generator: Generator):
    """Raises ``UnsupportedError`` for a bit generator whose state the core does not know."""
    if not isinstance(generator, Generator):
        raise TypeError(f"a numpy.random.Generator is needed, not {type(generator).__name__}")
    bit_generator = generator.bit_generator
    kind = type(bit_generator)
    known = kind.__module__.startswith("numpy.random.") and kind.__name__ in _TYPES
    if not known or not _is_understood(kind):
        raise _core.UnsupportedError(
            f"the bit generator '{kind.__name__}' is not one of NumPy's that the core knows"
        )
    return _core.GeneratorHandle(bit_generator, kind.__name__)


@cache
def _is_understood(kind: type) -> bool:
    """Whether the state of this class of NumPy's lies where the core looks for it."""
    source, target = kind(1), kind(2)
    Generator(source).integers(9, dtype="uint32")  # leaves half of a draw, where there are halves
    handles = [_core.GeneratorHandle(bits, kind.__name__) for bits in (source, target)]
    _core.copy_generator(*(handle.address for handle in handles))
    return random_generator_type.values_eq(Generator(source), Generator(target))


def copy_of(generator: Generator) -> Generator:
    """Another generator in the same state, with the same seed sequence."""
    bit_generator = generator.bit_generator
    copy = type(bit_generator)(deepcopy(bit_generator._seed_seq))
    copy.state = bit_generator.state
    return Generator(copy)


def generator_at(address: int) -> Generator:
    """A new generator in the state of the one at this address."""
    origin = _core.generator_origin(address)
    generator = Generator(type(origin)(deepcopy(origin._seed_seq)))
    _core.copy_generator(address, _handle_of(generator).address)
    return generator


def is_handle(value) -> bool:
    return not isinstance(value, Generator)


@dataclass
class _Call:
    """What calls with the same generators have in common."""

    generators: list[Generator]
    handles: list  # kept alive
    values: list  # uint64[] of each
    moved: list  # the values of those that are moved on
    acquire: list  # functions that take their locks
    release: list
    by_address: dict[int, Generator]


class Generators:
    """The generators among the inputs and outputs of a function: positions in its lists.

    ``moved`` are the inputs whose generators a call moves on; all others stay as they were. With
    ``alone`` calls do not overlap in time: copies that the core works on belong to the function.
    """

    def __init__(self, inputs: list[int], moved: list[int], outputs: list[int], alone: bool):
        self.inputs = inputs
        self._moved = [slot for slot, index in enumerate(inputs) if index in set(moved)]
        self._outputs = tuple(outputs)
        self._lock = threading.RLock() if alone else None
        self._call: _Call | None = None
        #: Generators that nodes in Python made during the call.
        self._made: list = []

    def __getstate__(self):
        return self.inputs, self._moved, self._outputs, self._lock is not None

    def __setstate__(self, state):
        self.inputs, self._moved, self._outputs, alone = state
        self._lock = threading.RLock() if alone else None
        self._call = None
        self._made = []

    def _prepare(self, generators: list) -> _Call:
        call = self._call
        if call is not None and call.generators == generators:
            return call
        own = list(generators)
        bits = [getattr(generator, "bit_generator", None) for generator in generators]
        repeated = len({id(bit) for bit in bits}) != len(bits)
        if repeated:  # each of them is moved on by itself
            for slot in self._moved:
                own[slot] = copy_of(generators[slot])
        handles = [_handle_of(generator) for generator in own]
        addresses = [handle.address for handle in handles]
        locks = {id(g.bit_generator): g.bit_generator.lock for g in (*generators, *own)}
        values = [np.array(address, dtype=np.uint64) for address in addresses]
        # In one order, so that no two threads wait for each other.
        locks = [lock for _, lock in sorted(locks.items())]
        call = _Call(
            generators=list(generators),
            handles=[handles, own],
            values=values,
            moved=[values[slot] for slot in self._moved],
            acquire=[lock.acquire for lock in locks],
            release=[lock.release for lock in locks],
            by_address={addresses[slot]: own[slot] for slot in self._moved},
        )
        if not repeated:
            self._call = call
        return call

    def as_values(self, inputs: list) -> list:
        """The inputs with handles for generators, which are valid until the next call."""
        call = self._prepare([inputs[index] for index in self.inputs])
        inputs = list(inputs)
        for index, value in zip(self.inputs, call.values, strict=True):
            inputs[index] = value
        return inputs

    def run(self, run, inputs: list, keep: bool) -> list:
        """``run(inputs)`` with handles for generators.

        With ``keep`` the generators are as they were before after an error.
        """
        if self._lock is None:
            return self._run(run, inputs, keep)
        with self._lock:
            self._made.clear()
            return self._run(run, inputs, keep)

    def _run(self, run, inputs: list, keep: bool) -> list:
        call = self._prepare([inputs[index] for index in self.inputs])
        inputs = list(inputs)
        for index, value in zip(self.inputs, call.values, strict=True):
            inputs[index] = value
        held = 0
        try:
            for acquire in call.acquire:
                acquire()
                held += 1
            if not keep:
                outputs = run(inputs)
            else:
                before = _core.GeneratorSnapshot(call.moved)
                try:
                    outputs = run(inputs)
                except BaseException:
                    before.restore()
                    raise
            if _core.settle_generators(outputs, self._outputs, call.by_address):
                for index in self._outputs:
                    outputs[index] = self._object(outputs[index], call)
        finally:
            for release in call.release[:held]:
                release()
        return outputs

    @staticmethod
    def _object(value, call: _Call) -> Generator:
        if isinstance(value, Generator):
            return value
        address = value.item()
        generator = call.by_address.get(address)
        return generator_at(address) if generator is None else generator

    def value_of(self, generator: Generator):
        """The handle of a generator that a node in Python gave."""
        try:
            handle = _handle_of(generator)
        except _core.UnsupportedError:  # Python runs all that draws then
            return generator
        self._made.append((handle, generator))
        return np.array(handle.address, dtype=np.uint64)

    def run_one_by_one(self) -> None:
        """From now on calls do not overlap in time."""
        self._lock = self._lock or threading.RLock()
