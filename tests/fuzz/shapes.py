"""Shapes, views, and putting arrays together and apart."""

import math

from fuzz.operands import array, axis, choice, setting, shaped
from fuzz.table import row

ANY, WITH_AXES = array(), array("ffffiubc", (1, 2, 2, 3))


def _factors(draft, count: int, rank: int) -> list[int]:
    sizes = []
    for _ in range(rank - 1):
        divisors = [d for d in range(1, count + 1) if count % d == 0] or [0]
        sizes.append(draft.random.choice(divisors))
        count = count // sizes[-1] if sizes[-1] else 0
    return [*sizes, count]


def new_shape(of=0):
    def draw(draft, chosen):
        count = math.prod(chosen[of].shape)
        sizes = _factors(draft, count, draft.random.randint(1, 3))
        if draft.random.random() < 0.5 and 0 not in sizes:
            sizes[draft.random.randrange(len(sizes))] = -1
        if draft.random.random() < 0.01:
            sizes[0] += 2
        return tuple(sizes)

    return setting(draw)


def permutation(of=0):
    def draw(draft, chosen):
        order = list(range(chosen[of].data.ndim))
        draft.random.shuffle(order)
        for _ in range(draft.random.choice([0, 0, 1, 2])):
            order.insert(draft.random.randint(0, len(order)), "x")
        return ", ".join(repr(item) for item in order) or '"x"'

    return setting(draw)


def parts(of=0):
    """Sizes that add up to the length of axis 0."""

    def draw(draft, chosen):
        size = chosen[of].shape[0]
        cut = draft.random.randint(0, size)
        return f"[{cut}, {size - cut}]"

    return setting(draw)


def _as_first(draft, chosen):
    return chosen[0].shape


def _joinable(draft, chosen):
    return [draft.random.choice([0, 1, 2]), *chosen[0].shape[1:]]


ROWS = [
    row("{0}.dimshuffle({1})", ANY, permutation()),
    row("{0}.T", ANY),
    row("pt.expand_dims({0}, {1})", ANY, choice("0", "-1")),
    row(
        "pt.squeeze({0}.dimshuffle({1}, 'x'), -1)",
        WITH_AXES,
        setting(lambda draft, chosen: ", ".join(map(str, range(chosen[0].data.ndim)))),
    ),
    row("{0}.reshape({1})", ANY, new_shape()),
    row("{0}.flatten()", ANY),
    row("{0}.ravel()[:{0}.shape[0]]", WITH_AXES),
    row("{0}.reshape(({0}.shape[0], -1))", array("ffi", (1, 2, 3), sizes=(1, 2, 3))),
    row("pt.broadcast_to({0}, (2, *{0}.shape))", ANY),
    row("pt.alloc({0}, 2, 3)", array("ffffiubc", 0)),
    row("pt.alloc({0}, {0}.shape[0], {0}.shape[0])", array("ffi", 1)),
    row("pt.zeros_like({0}) + {1}", ANY, choice("0", "1", "2.5")),
    row("pt.ones(({0}.shape[0],)) * {0}.sum()", array("f", (1, 2))),
    row("pt.full_like({0}, 3)", ANY),
    row("pt.fill({0}, {1})", array("ffi"), choice("0", "1.5")),
    row("{0}.shape", WITH_AXES),
    row("{0}.shape[0] * {0}.size", WITH_AXES),
    row("pt.arange({0}.shape[0]) + {0}.shape[0]", WITH_AXES),
    row(
        "pt.arange({0}, {1}, {2})",
        choice("0", "5", "-2"),
        choice("3", "9", "-4"),
        choice("1", "2", "-1"),
    ),
    row("pt.linspace({0}, 2, {1})", array("f", 0), choice("1", "4")),
    row("pt.join(0, {0}, {1})", WITH_AXES, shaped(_joinable, "fffiubc")),
    row("pt.join({2}, {0}, {1})", WITH_AXES, shaped(_as_first, "fffiubc"), axis()),
    row("pt.concatenate([{0}, {1}, {0}], axis={2})", WITH_AXES, shaped(_as_first, "fffi"), axis()),
    row("pt.stack([{0}, {1}], axis={2})", WITH_AXES, shaped(_as_first, "fffi"), axis()),
    row("pt.stack([{0}, {1}, {2}])", array("ffi", 0), array("ffi", 0), choice("1", "0.5")),
    row("pt.split({0}, {1})", WITH_AXES, parts()),
    row("pt.split({0}, [1, {0}.shape[0] - 1])", WITH_AXES),
    row("pt.tile({0}, {1})", WITH_AXES, choice("2", "(2, 1)", "(1, 3)")),
    row("pt.repeat({0}, {1}, axis=0)", WITH_AXES, choice("2", "0", "3")),
    row(
        "pt.pad({0}, 1, mode='{1}')",
        array("ffi", (1, 2), sizes=(2, 3)),
        choice("constant", "edge", "reflect", "wrap"),
    ),
    row(
        "pt.specify_shape({0}, ({1}, *[None] * ({0}.ndim - 1)))",
        WITH_AXES,
        setting(lambda draft, chosen: chosen[0].shape[0]),
    ),
    row("pt.specify_broadcastable(pt.atleast_2d({0}.sum()), 0)", array("ff")),
    row("pt.moveaxis({0}, 0, -1)", WITH_AXES),
    row("pt.swapaxes({0}, 0, -1)", WITH_AXES),
    row(
        "pt.join_dims({0}, 0, {1})",
        WITH_AXES,
        setting(lambda draft, chosen: draft.random.randint(0, chosen[0].data.ndim)),
    ),
]
