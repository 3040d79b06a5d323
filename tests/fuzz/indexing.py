"""Reading and writing what slices, integers, integer arrays and masks select."""

import numpy as np

from fuzz.operands import array, choice, new_input, setting
from fuzz.table import row

ANY = array("ffffiubc", (1, 1, 2, 2, 3))


def _position(draft, size: int) -> int:
    if draft.random.random() < 0.01:
        return size  # out of bounds
    return draft.random.randrange(-size, size) if size else 0


def _slice(draft, size: int) -> str:
    def bound():
        return draft.random.choice(["", draft.random.randint(-size - 1, size + 1)])

    step = draft.random.choice(["", "", "1", "2", "-1", "-2"])
    return f"{bound()}:{bound()}:{step}"


def _computed(draft, position: int) -> str:
    """The position as an integer input."""
    value = new_input(draft, draft.random.choice(["int64", "int32", "int8", "uint8"]), ())
    value.data = np.asarray(position).astype(value.dtype)
    draft.set_data(value)
    return value.name


def basic(of=0):
    """Slices and integers, some of them computed, as text of an index."""

    def draw(draft, chosen):
        parts = []
        for size in chosen[of].shape[: draft.random.randint(1, chosen[of].data.ndim)]:
            way = draft.random.random()
            if way < 0.35:
                position = _position(draft, size)
                computed = draft.random.random() < 0.3
                parts.append(_computed(draft, position) if computed else str(position))
            elif way < 0.45:
                start = draft.random.randint(0, size)
                parts.append(f"{_computed(draft, start)}:")
            else:
                parts.append(_slice(draft, size))
        if draft.random.random() < 0.1:
            parts.insert(draft.random.randint(0, len(parts)), "None")
        return ", ".join(parts)

    return setting(draw)


def _positions(draft, size: int, shape) -> str | None:
    if not size and 0 not in shape:
        return None
    generator = np.random.default_rng(draft.random.randrange(1 << 30))
    data = generator.integers(-size, max(size, 1 - size), shape)
    if draft.random.random() < 0.01:
        data = data + size
    if draft.random.random() < 0.4:
        return f'np.array({data.tolist()}, "int64").reshape({tuple(shape)})'
    value = new_input(draft, draft.random.choice(["int64", "int32", "int16"]), shape)
    value.data = data.astype(value.dtype)
    draft.set_data(value)
    return value.name


def advanced(of=0):
    """Integer arrays, with slices and integers beside them."""

    def draw(draft, chosen):
        first = chosen[of]
        rank = first.data.ndim
        shape = [draft.random.choice([0, 1, 2, 3]) for _ in range(draft.random.choice([1, 1, 2]))]
        arrays = sorted(draft.random.sample(range(rank), draft.random.randint(1, min(2, rank))))
        parts = []
        for axis in range(arrays[-1] + 1):
            if axis in arrays:
                text = _positions(draft, first.shape[axis], shape)
                if text is None:
                    return None
                parts.append(text)
            else:
                way = draft.random.random()
                size = first.shape[axis]
                parts.append(
                    ":"
                    if way < 0.6
                    else _slice(draft, size)
                    if way < 0.9 or not size
                    else str(_position(draft, size))
                )
        return ", ".join(parts)

    return setting(draw)


def mask(of=0, whole=False, constant=False):
    """A boolean array over all axes, or over the first."""

    def draw(draft, chosen):
        first = chosen[of]
        shape = first.shape if whole else first.shape[:1]
        generator = np.random.default_rng(draft.random.randrange(1 << 30))
        data = generator.random(shape) < draft.random.choice([0, 0.5, 0.5, 1])
        if constant:
            return f'np.array({data.tolist()}, "bool").reshape({data.shape})'
        value = new_input(draft, "bool", shape)
        value.data = data
        draft.set_data(value)
        return value.name

    return setting(draw)


NEW = choice("1", "0", "{0}.sum().astype({0}.dtype)")
UPDATES = ("set", "inc")

ROWS = [
    *[row("{0}[{1}]", ANY, basic())] * 3,
    *[row("{0}[{1}]", ANY, advanced())] * 2,
    row("{0}[{1}]", ANY, mask(constant=True)),
    row("{0}[{1}]", ANY, mask(whole=True, constant=True)),
    row("{0}[{1}]", ANY, mask()),
    row("{0}[{1}]", ANY, mask(whole=True)),
    row("{0}[{0} > 0]", array("ffi", (1, 2))),
    *[row(f"{{0}}[{{1}}].{way}(1)", ANY, basic()) for way in UPDATES],
    *[row(f"{{0}}[{{1}}].{way}({{0}}[{{1}}] * 2)", ANY, basic()) for way in UPDATES],
    *[
        row(f"{{0}}[{{1}}].{way}({{0}}[{{1}}].sum())", array("f", (1, 2)), basic())
        for way in UPDATES
    ],
    *[row(f"{{0}}[{{1}}].{way}(3)", ANY, advanced()) for way in UPDATES],
    row("{0}[{1}].inc({0}[{1}] * 2)", ANY, advanced()),
    row("pt.inc_subtensor({0}[{1}], 2, ignore_duplicates=True)", ANY, advanced()),
    *[row(f"{{0}}[{{1}}].{way}(2)", ANY, mask()) for way in UPDATES],
    *[row(f"{{0}}[{{1}}].{way}(2)", ANY, mask(whole=True)) for way in UPDATES],
    *[row(f"{{0}}[{{1}}].{way}(2)", ANY, mask(constant=True)) for way in UPDATES],
    *[row("pt.set_subtensor({0}[{1}], -{0}[{1}])", array("ffi", (1, 2)), mask())],
    row("pt.take({0}, {1}, axis=0)", ANY, choice("[0, 0]", "[[0], [-1]]", "-1")),
    row("pt.take_along_axis({0}, pt.argsort({0}, axis=-1), axis=-1)", array("ffi", (1, 2))),
    row("pt.flip({0}, axis=0)", ANY),
    row("pt.roll({0}, {1})", array("ffi", 1), choice("1", "-2")),
]
