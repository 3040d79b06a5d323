"""Where the time of a call goes: seconds, flops and bytes of every instruction."""

import json
import time
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

import numpy as np

from gemmule import _core
from gemmule.drawing import COLOURS, FONT
from gemmule.explain import (
    KIND_OF_KERNEL,
    aligned,
    compiled_function,
    long_name,
    registers_of_call,
    segments_and_steps,
    shortened,
)


@dataclass(frozen=True)
class Row:
    """One instruction, or one node that Python runs.

    ``kernel`` and ``pattern`` are those of `gemmule.explain`; ``seconds`` the minimum over the
    repeats; ``flops`` and ``bytes`` how much there was to compute and to move (0 where unknown).
    """

    kernel: str
    kind: str
    pattern: str
    results: str
    seconds: float
    flops: int
    bytes: int

    @property
    def gflops(self) -> float:
        """10^9 floating-point operations per second."""
        return self.flops / self.seconds / 1e9 if self.seconds > 0 else 0.0

    @property
    def gigabytes(self) -> float:
        """10^9 bytes per second."""
        return self.bytes / self.seconds / 1e9 if self.seconds > 0 else 0.0


class Profile:
    """What `profile` measured: ``rows`` in the order in which they run.

    ``call`` is the time in seconds of a whole call of the core, with all that is around the
    instructions; clocks between instructions add about 30 ns to each row, and none to ``call``.
    """

    def __init__(self, rows: list[Row], call: float):
        self.rows = rows
        self.call = call

    @property
    def seconds(self) -> float:
        """The sum over all rows."""
        return sum(row.seconds for row in self.rows)

    # -- as text ----------------------------------------------------------------------------------

    def text(self) -> str:
        """A table, in the order of the program; the share is that of all rows."""
        if not self.rows:
            return "nothing to run"
        table = [("us", "share", "kernel", "pattern", "result", "GFLOP/s", "GB/s")]
        total = self.seconds or 1.0
        for row in self.rows:
            table.append(
                (
                    f"{1e6 * row.seconds:.2f}",
                    f"{row.seconds / total:.0%}",
                    row.kernel,
                    shortened(row.pattern, 56),
                    shortened(row.results, 28),
                    f"{row.gflops:.1f}" if row.flops else "",
                    f"{row.gigabytes:.1f}" if row.bytes else "",
                )
            )
        table.append(
            (f"{1e6 * self.seconds:.2f}", "", f"{len(self.rows)} instructions") + ("",) * 4
        )
        return f"{aligned(table, right=(0, 1, 5, 6))}\none call: {1e6 * self.call:.2f} us"

    __str__ = text

    def __repr__(self) -> str:
        return f"<Profile: {len(self.rows)} instructions, {1e6 * self.call:.2f} us>"

    # -- as data ----------------------------------------------------------------------------------

    def to_dict(self) -> dict:
        """All of it as plain Python data."""
        return {"call": self.call, "rows": [asdict(row) for row in self.rows]}

    def to_json(self, indent: int | None = 2) -> str:
        return json.dumps(self.to_dict(), indent=indent)

    # -- as a picture -----------------------------------------------------------------------------

    def svg(self, path=None) -> str:
        """A bar per instruction, in order. Returns the SVG; writes it where ``path`` is given."""
        text = _bars(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _repr_html_(self) -> str:
        return self.svg()


def profile(f, *args, repeats: int = 20) -> Profile:
    """Times the instructions of a function compiled with ``mode="GEMMULE"`` over some calls.

    ``args`` are those of a call. Shared variables stay as they are: the function works on copies.
    The instructions are those of the native executor; what runs through MLX's arrays is one row
    per part of the program. Raises ``TypeError`` for a function of another mode and for arguments
    that a call would not take, ``ValueError`` for ``repeats`` below 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1; got {repeats}")
    compiled = compiled_function(f)
    registers = registers_of_call(compiled, f, args)
    rows: list[Row] = []
    call = 0.0
    names = iter(compiled.fallbacks)
    for segment, step in segments_and_steps(compiled):
        inputs = [registers[index] for index in step.inputs]
        results = step.run(inputs)
        seconds = _time(step.run, inputs, repeats)
        call += seconds
        if segment is None or segment.runs_in_python:
            what = next(names).op if segment is None else "segment"
            rows.append(Row("in Python", "python", what, "", seconds, 0, 0))
        else:
            rows += _rows_of_executable(segment.executable, inputs, repeats, seconds)
        for index, result in zip(step.outputs, results, strict=True):
            registers[index] = result
    return Profile(rows, call)


def profile_executable(executable, inputs: list, repeats: int = 20) -> Profile:
    """The same for a `_core.Executable` and the values of its inputs."""
    call = _time(executable.run, inputs, repeats)
    return Profile(_rows_of_executable(executable, inputs, repeats, call), call)


def _time(run, inputs, repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        results = run(inputs)
        for result in results:  # MLX's arrays are lazy
            np.asarray(result)
        best = min(best, time.perf_counter() - start)
    return best


def _rows_of_executable(executable, inputs, repeats: int, seconds: float) -> list[Row]:
    try:
        graph, timings = executable.profile(inputs, repeats)
    except ValueError:  # MLX's executor: one row for all of it
        graph = executable.specialised(inputs)
        kernels = [row for row in _core.kernels(graph) if row["depth"] == 0]
        flops, moved = (sum(row[what] for row in kernels) for what in ("flops", "bytes"))
        return [Row("mlx", "product", f"{len(kernels)} kernels", "", seconds, flops, moved)]
    kernels = {row["node"]: row for row in _core.kernels(graph) if row["depth"] == 0}
    rows = []
    for node, spent in timings:
        if node not in kernels:
            rows.append(Row("copy", "movement", "", "", spent, 0, 0))
            continue
        row = kernels[node]
        rows.append(
            Row(
                long_name(row["kernel"], row["op"]),
                KIND_OF_KERNEL.get(row["kernel"], "movement"),
                row["equation"],
                ", ".join(text.partition(": ")[2] for text in row["results"]),
                spent,
                row["flops"],
                row["bytes"],
            )
        )
    return rows


# -- picture --------------------------------------------------------------------------------------

_BAR, _LABEL, _HEIGHT = 360, 430, 20  # pixels


def _bars(profile: Profile) -> str:
    longest = max((row.seconds for row in profile.rows), default=0.0) or 1.0
    width, height = _LABEL + _BAR + 190, 44 + _HEIGHT * len(profile.rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="13">one call: {1e6 * profile.call:.2f} us, '
        f"{len(profile.rows)} instructions</text>",
    ]
    for i, row in enumerate(profile.rows):
        y = 36 + _HEIGHT * i
        fill, line = COLOURS[row.kind]
        bar = max(1.0, _BAR * row.seconds / longest)
        label = f"{row.kernel}  {shortened(row.pattern, 60 - len(row.kernel))}"
        number = f"{1e6 * row.seconds:.2f} us"
        if row.flops:
            number += f", {row.gflops:.1f} GFLOP/s"
        parts += [
            f'<text x="{_LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{_LABEL}" y="{y + 2}" width="{bar:.1f}" height="{_HEIGHT - 5}" rx="2" '
            f'fill="{fill}" stroke="{line}"/>',
            f'<text x="{_LABEL + bar + 6:.1f}" y="{y + 13}" fill="#555555">{number}</text>',
        ]
    return "\n".join(parts) + "\n</svg>\n"
