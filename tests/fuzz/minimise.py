"""A failing program with less in it."""

import re
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytensor

from fuzz.compare import REFERENCE
from fuzz.generate import without_unused, words
from fuzz.program import Source, array_text


def minimise(source: Source, fails: Callable[[Source], bool], seconds: float = 30) -> Source:
    """Tries what is smaller as long as it still fails, for so many seconds."""
    until = time.monotonic() + seconds
    changed = True
    while changed and time.monotonic() < until:
        changed = False
        for smaller in _smaller(source):
            if time.monotonic() > until:
                break
            try:
                failed = fails(smaller)
            except Exception:
                failed = False
            if failed:
                source, changed = smaller, True
                break
    return source


def _smaller(source: Source) -> Iterator[Source]:
    for call in source.calls:
        if len(source.calls) > 1:
            yield replace(source, calls=[call])
    for output in source.outputs:
        if len(source.outputs) > 1:
            yield without_unused(replace(source, outputs=[output]))
    yield from _with_fewer_statements(source)
    yield from _with_plainer_arguments(source)


def _with_fewer_statements(source: Source) -> Iterator[Source]:
    for position, (names, _) in enumerate(source.statements):
        for name in names:
            if name.startswith("_"):
                continue
            smaller = _as_input(source, position, name)
            if smaller is not None:
                yield smaller
    for position, (names, code) in enumerate(source.statements):
        for operand in sorted(words(code)):
            if len(names) == 1 and re.fullmatch(r"[xv]\d+", operand):
                rest = source.statements[:position] + [
                    (targets, re.sub(rf"\b{names[0]}\b", operand, later))
                    for targets, later in source.statements[position + 1 :]
                ]
                outputs = [operand if name == names[0] else name for name in source.outputs]
                if all(output.startswith("v") for output in outputs):
                    yield without_unused(replace(source, statements=rest, outputs=outputs))


def _as_input(source: Source, position: int, name: str) -> Source | None:
    """The program that gets a computed value as an argument."""
    if name in source.outputs:
        return None
    probe = without_unused(replace(source, outputs=[name]))
    try:
        inputs, [variable], calls = probe.build()
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            f = pytensor.function(inputs, variable, mode=REFERENCE, on_unused_input="ignore")
            values = [f(*arguments) for arguments in calls]
    except Exception:
        return None
    type_ = variable.type
    declared = f'pt.tensor("{name}", dtype="{type_.dtype}", shape={type_.shape})'
    names, code = source.statements[position]
    if len(names) > 1:
        names = tuple("_" + other if other == name else other for other in names)
        kept = [(names, code)]
    else:
        kept = []
    statements = source.statements[:position] + kept + source.statements[position + 1 :]
    return without_unused(
        Source(
            [*source.inputs, (name, declared)],
            statements,
            source.outputs,
            [
                [*texts, array_text(np.asarray(value))]
                for texts, value in zip(source.calls, values, strict=True)
            ],
        )
    )


def _with_plainer_arguments(source: Source) -> Iterator[Source]:
    _, _, calls = source.build()
    for i, arguments in enumerate(calls):
        for j, value in enumerate(arguments):
            now = source.calls[i][j]
            for plainer in _plainer(value):
                text = array_text(plainer)
                if len(text) < len(now):
                    smaller = [list(call) for call in source.calls]
                    smaller[i][j] = text
                    yield replace(source, calls=smaller)


def _plainer(value: np.ndarray) -> Iterator[np.ndarray]:
    yield np.ones(value.shape, value.dtype)
    yield np.zeros(value.shape, value.dtype)
    if value.dtype.kind in "fc":
        yield np.round(value, 0)
        yield np.round(value, 1)
    yield value
