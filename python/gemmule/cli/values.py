"""Inputs as the command line gives them, and arrays for JSON."""

import ast
import json
from pathlib import Path

import numpy as np

from gemmule.cli.errors import UsageError

#: (name, dtype, shape) of an input; None is a size that a call decides.
Input = tuple[str, str, tuple]


def read_inputs(options, inputs: list[Input], others: tuple[str, ...] = ()) -> dict:
    """The arrays of ``--input`` and ``--shape`` by name; ``others`` may be given too.

    Raises UsageError for what cannot be read and names that there are not, OSError for files.
    """
    known = {name: (dtype, shape) for name, dtype, shape in inputs}
    values = {}
    for text in options.input:
        for name, value in _arrays(text, inputs).items():
            if name not in known and name not in others:
                raise UsageError(
                    f"no input is called {name!r}; there are: {_names(inputs, others)}"
                )
            if name in values:
                raise UsageError(f"input {name!r} is given twice")
            values[name] = fitting(name, value, *known[name]) if name in known else value
    for text in options.shape:
        name, separator, shape = text.partition("=")
        if not separator or name not in known:
            names = _names(inputs)
            raise UsageError(f"--shape {text}: write NAME=3x4; the inputs are: {names}")
        if name in values:
            raise UsageError(f"input {name!r} is given twice")
        dtype, declared = known[name]
        values[name] = fitting(name, random_values(dtype, _shape(text, shape)), dtype, declared)
    return values


def _names(inputs, others=()) -> str:
    return ", ".join([name for name, *_ in inputs] + list(others)) or "none"


def _arrays(text: str, inputs) -> dict:
    name, separator, value = text.partition("=")
    if not separator:
        if text.endswith(".npz"):
            with np.load(text, allow_pickle=False) as file:
                return dict(file)
        if text.endswith(".npy") and len(inputs) == 1:
            return {inputs[0][0]: np.load(text, allow_pickle=False)}
        raise UsageError(f"--input {text}: write NAME=VALUE, NAME=FILE.npy or FILE.npz")
    if value.endswith(".npy"):
        return {name: np.load(value, allow_pickle=False)}
    if value.endswith(".npz"):
        with np.load(value, allow_pickle=False) as file:
            if name not in file:
                raise UsageError(f"{value} has no array {name!r}; it has: {', '.join(file)}")
            return {name: file[name]}
    return {name: _literal(text, value)}


def _literal(text: str, value: str) -> np.ndarray:
    for read in (json.loads, ast.literal_eval, float):
        try:
            array = np.asarray(read(value))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if array.dtype.kind in "biufc":
            return array
    raise UsageError(
        f"--input {text}: {value!r} is no number, no list of numbers, and no .npy file"
    )


def _shape(text: str, shape: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(size) for size in shape.replace(",", "x").split("x") if size)
    except ValueError:
        sizes = (-1,)
    if any(size < 0 for size in sizes):
        raise UsageError(f"--shape {text}: sizes are written as 3x4; nothing for a number")
    return sizes


def fitting(name: str, value, dtype: str, shape: tuple) -> np.ndarray:
    """The value in the dtype of the input. Raises UsageError where it is none of that input's."""
    array = np.asarray(value)
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise UsageError(f"input {name!r} is {dtype}, and not {array.dtype}")
    if array.ndim != len(shape):
        raise UsageError(
            f"input {name!r} has {len(shape)} dimensions, and not {array.ndim}: {array.shape}"
        )
    if any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        raise UsageError(f"input {name!r} has the shape {shape_text(shape)}, and not {array.shape}")
    return array.astype(dtype)


def random_values(dtype: str, shape: tuple) -> np.ndarray:
    """Normal floats, zeros and ones otherwise; the same for the same shape."""
    rng = np.random.default_rng(0)
    kind = np.dtype(dtype).kind
    if kind == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    values = rng.normal(size=shape) if kind == "f" else rng.integers(0, 2, size=shape)
    return np.asarray(values).astype(dtype)


def type_text(dtype: str, shape: tuple) -> str:
    return f"{dtype}{shape_text(shape)}"


def shape_text(shape: tuple) -> str:
    return f"[{','.join('?' if size is None else str(size) for size in shape)}]"


def for_json(array: np.ndarray):
    """Nested lists. NaN and infinities are strings, complex numbers [real, imaginary]."""
    array = np.asarray(array)
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag], axis=-1)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return _with_words(array.tolist())
    return array.tolist()


def _with_words(value):
    if isinstance(value, list):
        return [_with_words(item) for item in value]
    if value != value:
        return "nan"
    return {float("inf"): "inf", float("-inf"): "-inf"}.get(value, value)


def is_program(path: Path) -> bool:
    """Whether the file begins as programs do."""
    with path.open("rb") as file:
        return file.read(8) == b"\x93GEMMULE"
