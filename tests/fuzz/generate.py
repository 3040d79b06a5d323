"""Random programs."""

import contextlib
from random import Random

import numpy as np

from fuzz import operands
from fuzz.program import Draft, Input, Refused, Source, argument_text, declaration
from fuzz.table import families

#: How often a statement is drawn from a family, relative to the others.
WEIGHTS = {
    "elementwise": 6,
    "reductions": 3,
    "products": 4,
    "linalg": 1,
    "indexing": 3,
    "shapes": 3,
    "loops": 0.4,
    "randoms": 0.4,
    "decompositions": 0.7,
    "data": 1.5,
    "signals": 0.4,
    "sparse": 0.7,
}
LONGEST = 10


def generate(random: Random) -> Source:
    """A program of a few statements, with arguments for one to three calls."""
    draft = Draft(random)
    rows = families()
    names = list(rows)
    weights = [WEIGHTS.get(name, 2) for name in names]
    length, refused = random.randint(1, LONGEST), 0
    while len(draft.statements) < length and refused < 3 * LONGEST:
        [family] = random.choices(names, weights)
        try:
            random.choice(rows[family]).add(draft)
        except Refused:
            refused += 1
    if not draft.statements:
        return generate(random)
    if random.random() < 0.3:
        _add_gradient(draft)
    outputs = _outputs(draft)
    source = Source(
        [(item.name, declaration(item, draft.sizes)) for item in draft.inputs],
        list(draft.statements),
        outputs,
        _calls(draft),
    )
    return without_unused(source)


def _outputs(draft: Draft) -> list[str]:
    """What no other statement reads, and some of the others."""
    texts = " ".join(code for _, code in draft.statements)
    words = set("".join(c if c.isalnum() else " " for c in texts).split())
    made = [name for names, _ in draft.statements for name in names]
    last = [name for name in made if name not in words]
    others = [name for name in made if name in words and draft.random.random() < 0.15]
    return last + others


def _add_gradient(draft: Draft) -> None:
    """The gradient of the sum of a float value with respect to float inputs."""
    floats = [v for v in draft.values if v.dtype.kind == "f" and v.name.startswith("v")]
    inputs = [v for v in draft.values if v.dtype.kind == "f" and v.name.startswith("x")]
    if not floats or not inputs:
        return
    cost = draft.random.choice(floats).name
    some = draft.random.sample(inputs, draft.random.randint(1, min(3, len(inputs))))
    wrt = ", ".join(value.name for value in some)
    with contextlib.suppress(Refused):
        draft.add(f'pt.grad({cost}.sum(), [{wrt}], disconnected_inputs="ignore")')


# -- arguments -------------------------------------------------------------------------------------


def _calls(draft: Draft) -> list[list[str]]:
    random = draft.random
    data = {value.name: value.data for value in draft.values}
    calls = [[argument_text(data[item.name], item.layout) for item in draft.inputs]]
    if random.random() < 0.5:
        sizes = dict(draft.sizes)
        fixed = {
            label
            for item in draft.inputs
            for label, static in zip(item.labels, item.static, strict=True)
            if static or item.name in draft.exact
        }
        for label in sizes:
            if label not in fixed:
                sizes[label] = random.choice(operands.SIZES)
        calls.append([_argument(draft, item, sizes, data) for item in draft.inputs])
    if random.random() < 0.2:
        calls.append([_argument(draft, item, draft.sizes, data) for item in draft.inputs])
    if random.random() < 0.03:  # sizes that do not fit each other
        sizes = {label: random.choice(operands.SIZES) for label in draft.sizes}
        broken = [
            item
            if any(item.static)
            else Input(
                item.name,
                item.dtype,
                tuple(random.choices(list(sizes), k=len(item.labels))),
                item.static,
                item.content,
                item.layout,
            )
            for item in draft.inputs
        ]
        calls.append(
            [
                _argument(draft, item, draft.sizes if any(item.static) else sizes, data)
                for item in broken
            ]
        )
    return calls


def _argument(draft: Draft, item: Input, sizes: dict[str, int], data) -> str:
    if item.name in draft.exact:
        return argument_text(data[item.name], item.layout)
    shape = tuple(sizes[label] for label in item.labels)
    return argument_text(
        np.asarray(operands._elements(draft.random, item.dtype, shape, item.content)), item.layout
    )


# -- without what nothing reads --------------------------------------------------------------------


def words(text: str) -> set[str]:
    return set("".join(c if c.isalnum() or c == "_" else " " for c in text).split())


def without_unused(source: Source) -> Source:
    needed = set(source.outputs)
    statements = []
    for names, code in reversed(source.statements):
        if needed & set(names):
            statements.insert(0, (names, code))
            needed |= words(code)
    kept = [i for i, (name, _) in enumerate(source.inputs) if name in needed]
    return Source(
        [source.inputs[i] for i in kept],
        statements,
        source.outputs,
        [[call[i] for i in kept] for call in source.calls],
    )
