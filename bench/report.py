"""What is printed and saved."""

import datetime
import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.timing import Result

YARDSTICK = "GEMMULE"
COLOURS = {
    "GEMMULE": "#c2621b",
    "MLX_BLAS": "#e3b27f",
    "MLX": "#8a8a8a",
    "JAX": "#2b6ca8",
    "NUMBA": "#3c7d3c",
}


def machine() -> dict:
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")


def versions() -> dict:
    found = {"python": platform.python_version()}
    for package in ("gemmule", "pytensor", "pymc", "mlx", "jax", "numba", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def table(results: list[Result]) -> str:
    """One line per mode of each case: time, spread, ratio to GEMMULE, compile time."""
    header = ("case", "dtype", "mode", "best us", "spread", "of GEMMULE", "compile s")
    rows = [header]
    previous = None
    for result in results:
        case = (result.case, result.dtype)
        shown = case if case != previous else ("", "")
        previous = case
        if result.failure:
            rows.append((*shown, result.mode, "fails", result.failure[:70], "", ""))
            continue
        rows.append(
            (
                *shown,
                result.mode,
                f"{result.best:,.1f}",
                f"{result.spread:.0%}",
                _number(ratio(result, results)),
                _number(result.compile_s),
            )
        )
    return aligned(rows)


def ratio(result: Result, results: list[Result]) -> float | None:
    """How many times as long as GEMMULE; None where one of the two has no time."""
    for other in results:
        same = (other.case, other.dtype) == (result.case, result.dtype)
        if same and other.mode == YARDSTICK and other.best and result.best:
            return result.best / other.best
    return None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def aligned(rows: list[tuple]) -> str:
    """Columns of text: three at the left, numbers at the right; messages run over the end."""
    measured = [row for row in rows if row[3] != "fails"]
    widths = [
        max(len(row[i]) for row in (rows if i < 4 else measured)) for i in range(len(rows[0]))
    ]
    lines = []
    for row in rows:
        cells = [row[i].ljust(widths[i]) for i in range(3)] + [row[3].rjust(widths[3])]
        if row[3] == "fails":
            cells.append(row[4])
        else:
            cells += [row[i].rjust(widths[i]) for i in range(4, len(row))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def data(results: list[Result], **more) -> dict:
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "results": [
            asdict(result) | {"best_us": result.best, "ratio": ratio(result, results)}
            for result in results
        ],
    } | more


def save_json(results: list[Result], path: Path, **more) -> None:
    """``more`` becomes further entries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data(results, **more), indent=1) + "\n")


def save_plot(results: list[Result], path: Path) -> None:
    """Bars: time per call of each mode as a multiple of GEMMULE's, one panel per dtype."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    dtypes = list(dict.fromkeys(result.dtype for result in results))
    modes = list(dict.fromkeys(result.mode for result in results))
    cases = list(dict.fromkeys(result.case for result in results))
    figure, panels = plt.subplots(
        1,
        len(dtypes),
        figsize=(3.5 + 4.5 * len(dtypes), 1.2 + 0.16 * (len(modes) + 1) * len(cases)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    height = 0.8 / len(modes)
    for panel, dtype in zip(panels[0], dtypes, strict=True):
        for number, mode in enumerate(modes):
            for place, case in enumerate(cases):
                found = [r for r in results if (r.case, r.dtype, r.mode) == (case, dtype, mode)]
                value = ratio(found[0], results) if found else None
                y = place + (number - (len(modes) - 1) / 2) * height
                if value is not None:
                    panel.barh(y, value - 0.1, height, left=0.1, color=COLOURS.get(mode, "#999999"))
                    label = f" {found[0].best:,.1f} us"
                    panel.text(value, y, label, va="center", fontsize=6, color="#333333")
                elif found:
                    panel.text(0.11, y, f"{mode} fails", va="center", fontsize=6, color="#b3273b")
        panel.axvline(1, color="#444444", linewidth=0.8)
        panel.set(xscale="log", xlabel="time per call / GEMMULE's", title=dtype, xlim=(0.1, None))
        panel.set_yticks(range(len(cases)), cases)
        panel.margins(x=0.15)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0][0].invert_yaxis()
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLOURS.get(mode, "#999999")) for mode in modes]
    figure.legend(handles, modes, loc="outside upper center", ncols=len(modes), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=140)
    plt.close(figure)
