"""What a row of the table asks for: operands, and the settings that depend on them.

Each is a function ``(draft, chosen) -> text``. ``chosen`` holds what was drawn for the operands
before: a `Value`, or None where there was only text.
"""

import numpy as np

from fuzz.program import LAYOUTS, Draft, Input, Refused, Value

FLOATS, INTEGERS, UNSIGNED, COMPLEX, BOOL = (
    ["float64", "float64", "float32"],
    ["int64", "int32", "int16", "int8"],
    ["uint8", "uint16", "uint32", "uint64"],
    ["complex128", "complex64"],
    ["bool"],
)
DTYPES = {"f": FLOATS, "i": INTEGERS, "u": UNSIGNED, "c": COMPLEX, "b": BOOL}
SIZES = [0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 7]

#: Name -> (whether data lies in it already, text that brings it there).
DOMAINS = {
    "any": (lambda x: True, "{}"),
    "small": (lambda x: np.abs(x).max() < 30, "pt.clip({}, -8, 8)"),
    "positive": (
        lambda x: x.min() > 1e-3 and x.max() < 1e3,
        "(pt.abs(pt.clip({}, -9, 9)) + 0.25)",
    ),
    "negative": (lambda x: x.max() < 0, "(-pt.abs(pt.clip({}, -9, 9)) - 0.125)"),
    "unit": (lambda x: x.min() > 0 and x.max() < 1, "pt.sigmoid(pt.clip({}, -5, 5))"),
    "inner": (lambda x: np.abs(x).max() < 1, "pt.tanh({} / 4)"),
    "count": (lambda x: False, 'pt.clip(pt.abs({}), 0, 3).astype("int64")'),
}


def _text(draft: Draft, value: Value, domain: str) -> str:
    """The value within a domain; outside of it now and then, unless the name ends in "!"."""
    fits, around = DOMAINS[domain.rstrip("!")]
    if domain == "any" or (not domain.endswith("!") and draft.random.random() < 0.06):
        return value.name
    data = value.data
    if data.dtype.kind in "biufc" and data.size:
        with np.errstate(all="ignore"):
            if data.dtype.kind != "c" and data.dtype.kind != "b" and fits(data.astype(float)):
                return value.name
    return around.format(value.name)


# -- new inputs ------------------------------------------------------------------------------------


def _label(draft: Draft, size: int) -> str:
    """A label of this size: one that is there, or a new one."""
    same = [label for label, known in draft.sizes.items() if known == size]
    if same and draft.random.random() < 0.8:
        return draft.random.choice(same)
    label = f"n{len(draft.sizes)}"
    draft.sizes[label] = size
    return label


def _elements(random, dtype: str, shape, content: str) -> np.ndarray:
    generator = np.random.default_rng(random.randrange(1 << 30))
    kind = np.dtype(dtype).kind
    if kind == "b":
        return generator.random(shape) < 0.5
    if kind in "iu":
        info = np.iinfo(dtype)
        if content == "extreme":
            return generator.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        return generator.integers(0 if kind == "u" else -6, 7, shape).astype(dtype)
    data = generator.normal(size=shape)
    if kind == "c":
        data = data + 1j * generator.normal(size=shape)
    if content == "whole":
        data = np.round(2 * data)
    elif content == "extreme":
        data = data * 10.0 ** generator.integers(-12, 13, shape)
    elif content == "special" and data.size:
        chosen = generator.random(shape) < 0.25
        some = generator.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0], shape)
        data = np.where(chosen, some, data)
    return np.asarray(data).astype(dtype)


CONTENTS = ["normal"] * 14 + ["whole"] * 2 + ["extreme", "special"]


def new_input(draft: Draft, dtype: str, shape, broadcastable=()) -> Value:
    random = draft.random
    labels = tuple(_label(draft, size) for size in shape)
    mostly_static = random.choice([0.1, 0.5, 0.9])
    static = tuple(
        (size == 1 and axis in broadcastable) or random.random() < mostly_static
        for axis, size in enumerate(shape)
    )
    layout = "rows" if random.random() < 0.6 else random.choice(list(LAYOUTS))
    content = random.choice(CONTENTS)
    data = _elements(random, dtype, tuple(shape), content)
    if layout == "repeated" and data.ndim and data.size:
        data = np.broadcast_to(data[:1], data.shape)
    name = f"x{len(draft.inputs)}"
    return draft.add_input(Input(name, dtype, labels, static, content, layout), data)


# -- operands --------------------------------------------------------------------------------------


def _existing(draft: Draft, accepts) -> Value | None:
    """A value that is there already; the latest are the likeliest."""
    if draft.random.random() < 0.15:
        return None
    found = [value for value in draft.values if accepts(value)]
    if not found:
        return None
    last = len(found) - 1
    return found[max(0, last - int(draft.random.expovariate(0.4)))]


def _dtype(draft: Draft, kinds: str) -> str:
    if draft.only_dtype and np.dtype(draft.only_dtype).kind in kinds:
        return draft.only_dtype
    return draft.random.choice(DTYPES[draft.random.choice(kinds)])


def array(kinds="ffffiubc", ndim=(0, 1, 2, 2, 3), domain="any", sizes=SIZES):
    """Any array of these kinds of dtype and one of these ranks."""
    ranks = (ndim,) if isinstance(ndim, int) else ndim

    def operand(draft, chosen):
        value = _existing(
            draft,
            lambda v: (
                v.dtype.kind in kinds
                and v.data.ndim in ranks
                and (sizes is SIZES or all(size in sizes for size in v.shape))
            ),
        )
        if value is None:
            rank = draft.random.choice(ranks)
            shape = [draft.random.choice(sizes) for _ in range(rank)]
            value = new_input(draft, _dtype(draft, kinds), shape, range(rank))
        chosen.append(value)
        return _text(draft, value, domain)

    return operand


def real(domain="any", ndim=(0, 1, 2, 2, 3)):
    return array("ffffi", ndim, domain)


def partner(of=0, kinds="ffffiubc", domain="any"):
    """An array that broadcasts with operand ``of``: as large, a row, a column or a scalar."""

    def operand(draft, chosen):
        first = chosen[of]
        static = first.variable.type.shape

        def fits(v):
            if v.dtype.kind not in kinds or v.data.ndim > first.data.ndim:
                return False
            ours = v.variable.type.shape
            offset = len(static) - len(ours)
            for axis, size in enumerate(v.shape):
                other = first.shape[offset + axis]
                if size != other and ours[axis] != 1 and static[offset + axis] != 1:
                    return False
            return True

        value = _existing(draft, fits)
        if value is None:
            way = draft.random.random()
            shape = list(first.shape)
            broadcastable = []
            if way < 0.15:
                shape = []
            elif way < 0.4 and shape:
                axis = draft.random.randrange(len(shape))
                shape[axis] = 1
                broadcastable = [axis]
            elif way < 0.5 and shape:
                shape = shape[1:]
            broadcastable += [i for i, size in enumerate(static[-len(shape) :]) if size == 1]
            if draft.random.random() < 0.02:  # does not fit: an error on both sides
                shape = [size + 1 for size in shape]
            dtype = str(first.dtype) if first.dtype.kind in kinds else _dtype(draft, kinds)
            if draft.random.random() < 0.25:
                dtype = _dtype(draft, kinds)
            value = new_input(draft, dtype, shape, broadcastable)
        chosen.append(value)
        return _text(draft, value, domain)

    return operand


def shaped(shape_of, kinds="fffc", domain="any"):
    """An array whose shape follows from the operands before: ``shape_of(draft, chosen)``."""

    def operand(draft, chosen):
        shape = tuple(shape_of(draft, chosen))
        value = _existing(draft, lambda v: v.shape == shape and v.dtype.kind in kinds)
        if value is None:
            first = next((v for v in chosen if v is not None), None)
            same = first is not None and first.dtype.kind in kinds
            dtype = str(first.dtype) if same and draft.random.random() < 0.8 else None
            value = new_input(draft, dtype or _dtype(draft, kinds), shape, range(len(shape)))
        chosen.append(value)
        return _text(draft, value, domain)

    return operand


def square(kinds="fffffc", sizes=(0, 1, 2, 3, 3, 4, 5), batch=(0, 0, 0, 1)):
    """A square matrix, or a batch of them."""

    def operand(draft, chosen):
        value = _existing(
            draft,
            lambda v: (
                v.dtype.kind in kinds
                and v.data.ndim in (2, 3)
                and v.data.ndim - 2 in batch
                and v.shape[-1] == v.shape[-2]
            ),
        )
        if value is None:
            n = draft.random.choice(sizes)
            lead = [draft.random.choice([0, 1, 2, 3]) for _ in range(draft.random.choice(batch))]
            value = new_input(draft, _dtype(draft, kinds), [*lead, n, n], range(len(lead)))
        chosen.append(value)
        return value.name

    return operand


# -- settings --------------------------------------------------------------------------------------


def setting(function):
    """Text that ``function(draft, chosen)`` gives."""

    def operand(draft, chosen):
        chosen.append(None)
        text = function(draft, chosen)
        if text is None:
            raise Refused("no setting fits")
        return str(text)

    return operand


def choice(*texts):
    return setting(lambda draft, chosen: draft.random.choice(texts))


def axis(of=0):
    def draw(draft, chosen):
        rank = chosen[of].data.ndim
        return draft.random.randrange(-rank, rank) if rank else None

    return setting(draw)


def axes(of=0):
    """None, one axis or several."""

    def draw(draft, chosen):
        rank = chosen[of].data.ndim
        if not rank or draft.random.random() < 0.3:
            return None if draft.random.random() < 0.5 or not rank else 0
        if draft.random.random() < 0.6:
            return draft.random.randrange(-rank, rank)
        several = draft.random.sample(range(rank), draft.random.randint(1, rank))
        return tuple(sorted(several))

    return setting(lambda draft, chosen: str(draw(draft, chosen)))
