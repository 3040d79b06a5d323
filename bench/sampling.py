"""Sampling with nutpie by Gemmule's programs and by nutpie's Numba backend.

`python -m bench --only nutpie` measures the five models of `tests/posterior_models.py`: each
backend on each model in a process and with caches of its own. A tiny model is compiled and sampled
first and not counted: what a backend loads once per process is no part of the time of a model.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

BACKENDS = ("GEMMULE", "NUMBA")

#: What a row has besides its names: heading, format, whether more is better.
COLUMNS = {
    "compile_s": ("compile s", "{:.2f}", False),
    "first_draw_s": ("first draw s", "{:.2f}", False),
    "call_us": ("by address us", "{:.2f}", False),
    "gradient_us": ("in nutpie us", "{:.2f}", False),
    "draws_one": ("draws/s, 1 thread", "{:.0f}", True),
    "draws_two": ("draws/s, 2 threads", "{:.0f}", True),
}


@dataclass
class Row:
    """One backend on one model."""

    model: str
    backend: str
    #: Seconds to compile, and from there on to the first draw, of one chain.
    compile_s: float | None = None
    first_draw_s: float | None = None
    #: Microseconds of one evaluation of density and gradient, called by its address.
    call_us: float | None = None
    #: Microseconds per gradient while one chain samples: nutpie's own work is part of it.
    gradient_us: float | None = None
    #: Draws per second of four chains in one thread and in two, warm-up included.
    draws_one: float | None = None
    draws_two: float | None = None
    failure: str = ""


def models() -> dict:
    """The functions that build them, by name."""
    folder = str(Path(__file__).parent.parent / "tests")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from posterior_models import MODELS

    return MODELS


def measure(model: str, backend: str, draws: int, repeats: int) -> Row:
    """In a process of its own; what goes wrong there is in ``failure``."""
    from bench.cold import environment

    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "bench.sampling", model, backend, str(draws), str(repeats)],
            cwd=Path(__file__).parent.parent,
            env=environment(dict(os.environ), Path(folder)),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        last = next(reversed(done.stderr.strip().splitlines()), "")
        return Row(model, backend, failure=f"status {done.returncode}: {last}")
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def table(rows: list[Row]) -> str:
    """A line per row, and one for the ratios of each model: how much better GEMMULE is."""
    lines = [["model", "backend", *(heading for heading, _, _ in COLUMNS.values())]]
    for name in dict.fromkeys(row.model for row in rows):
        same = [row for row in rows if row.model == name]
        for row in same:
            cells = [_cell(row, column) for column in COLUMNS]
            lines.append([name, row.backend, *([row.failure[:60]] if row.failure else cells)])
        known = {row.backend: row for row in same if not row.failure}
        if known.keys() >= set(BACKENDS):
            ours, theirs = (known[backend] for backend in BACKENDS)
            ratios = [_ratio(ours, theirs, column) for column in COLUMNS]
            lines.append(["", "times better", *(f"{ratio:.1f}" for ratio in ratios)])
    widths = [max(len(line[i]) for line in lines if i < len(line)) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip()
        for line in lines
    )


def _cell(row: Row, column: str) -> str:
    value = getattr(row, column)
    return "" if value is None else COLUMNS[column][1].format(value)


def _ratio(ours: Row, theirs: Row, column: str) -> float:
    a, b = getattr(ours, column), getattr(theirs, column)
    return a / b if COLUMNS[column][2] else b / a


# -- in a process of its own ----------------------------------------------------------------------


def _compile(model, backend: str):
    if backend == "GEMMULE":
        import gemmule

        return gemmule.compile_model(model)
    import nutpie

    return nutpie.compile_pymc_model(model, backend="numba")


def _address(compiled, backend: str) -> tuple[int, int]:
    """Of the density, and of what it takes last."""
    if backend == "GEMMULE":
        return compiled.program.logp_address, compiled.program.model_address
    return compiled.compiled_logp_func.address, compiled.user_data.ctypes.data


def _call_us(compiled, backend: str, repeats: int) -> float:
    """In a loop that Numba compiles, whatever the backend: ctypes alone takes a microsecond."""
    import ctypes

    import numba

    address, last = _address(compiled, backend)
    x = np.array(compiled.initial_point_func(1), dtype="float64")
    gradient, logp = np.empty(len(x)), np.empty(())
    density = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, *[ctypes.c_void_p] * 4)(address)

    @numba.njit
    def loop(count, x, gradient, logp, last):
        for _ in range(count):
            density(x.size, x.ctypes, gradient.ctypes, logp.ctypes, last)

    def seconds(count: int) -> float:
        begin = time.perf_counter()
        loop(count, x, gradient, logp, last)
        return time.perf_counter() - begin

    loop(1, x, gradient, logp, last)
    count = max(1, int(0.01 / max(seconds(1), 1e-7)))
    return 1e6 * min(seconds(count) for _ in range(10 * repeats)) / count


def _sample(compiled, draws: int, chains: int, cores: int) -> tuple[float, int]:
    """Seconds, and how many gradients were computed."""
    import nutpie

    begin = time.perf_counter()
    raw = nutpie.sample(
        compiled,
        draws=draws,
        tune=draws,
        chains=chains,
        cores=cores,
        seed=1,
        progress_bar=False,
        return_raw_trace=True,
    )
    seconds = time.perf_counter() - begin
    _, statistics = raw.get_arrow_trace()
    return seconds, sum(int(np.sum(batch.column("n_steps"))) for batch in statistics)


def _measure(name: str, backend: str, draws: int, repeats: int) -> Row:
    import pymc as pm

    with pm.Model() as tiny:
        pm.Normal("y", pm.Normal("x"), 1.0, observed=0.0)
    _sample(_compile(tiny, backend), 2, 1, 1)

    row = Row(name, backend)
    begin = time.perf_counter()
    compiled = _compile(models()[name](), backend)
    row.compile_s = time.perf_counter() - begin
    _sample(compiled, 1, 1, 1)
    row.first_draw_s = time.perf_counter() - begin
    row.call_us = _call_us(compiled, backend, repeats)
    runs = [_sample(compiled, draws, 1, 1) for _ in range(repeats)]
    row.gradient_us = min(1e6 * seconds / gradients for seconds, gradients in runs)
    for cores, field in ((1, "draws_one"), (2, "draws_two")):
        runs = [_sample(compiled, draws, 4, cores) for _ in range(repeats)]
        setattr(row, field, max(8 * draws / seconds for seconds, _ in runs))
    return row


def main(arguments: list[str] | None = None) -> int:
    """The worker."""
    import warnings

    warnings.filterwarnings("ignore")
    name, backend, draws, repeats = sys.argv[1:] if arguments is None else arguments
    print(json.dumps(asdict(_measure(name, backend, int(draws), int(repeats)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
