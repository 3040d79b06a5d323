"""measure mode GEMMULE against PyTensor's other modes, on this machine

Times of one call: NumPy arrays in and out, all modes in turn, the least of several repeats. Without
FILE some typical graphs; with it that model or function. Modes whose packages are missing are left
out; what gives wrong values has no time.
"""

import argparse
import math
import warnings

from gemmule.cli.arguments import add_inputs, add_name, positive, seconds
from gemmule.cli.bench_timing import Measured, mean_ratios, measure, ratio

#: Modes in the order of the table: what each needs beyond PyTensor.
MODES = {
    "GEMMULE": None,
    "MLX": "mlx",
    "MLX_BLAS": "mlx",
    "NUMBA": "numba",
    "JAX": "jax",
    "C": None,
}
DEFAULT = ["GEMMULE", "MLX", "NUMBA", "JAX", "C"]


def _modes(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip().upper() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in MODES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"choose from {', '.join(MODES)}")
    return names


def add_arguments(parser) -> None:
    add_name(parser, optional=True)
    add_inputs(parser)
    parser.add_argument(
        "--modes",
        type=_modes,
        default=DEFAULT,
        metavar="A,B",
        help=f"of {', '.join(MODES)} (default: {','.join(DEFAULT)})",
    )
    parser.add_argument(
        "--match", default="", metavar="TEXT", help="cases whose name has this part"
    )
    parser.add_argument(
        "--dtype",
        choices=["float32", "float64"],
        help="(default: float64; float32 on a GPU; PyTensor's floatX with FILE)",
    )
    parser.add_argument("--repeats", type=positive, default=7, help="(default: 7)")
    parser.add_argument(
        "--seconds", type=seconds, default=0.1, help="of each repeat and mode (default: 0.1)"
    )
    parser.add_argument("--quick", action="store_true", help="3 repeats of 0.02 seconds")
    parser.add_argument("--plot", metavar="FILE", help="write a picture (.png, .svg, .pdf) too")


def run(options, terminal) -> int:
    import pytensor

    from gemmule.cli import system
    from gemmule.cli.bench_plot import check_plot, plot
    from gemmule.cli.errors import UsageError

    if options.quick:
        options.repeats, options.seconds = 3, 0.02
    if options.plot:
        check_plot(options.plot)
    if (options.input or options.shape) and options.file is None:
        raise UsageError("--input and --shape are for the inputs of FILE")
    on_gpu = _on_gpu()
    usual = "float32" if on_gpu else "float64"
    # A file of the user's own has the types that it has.
    dtype = options.dtype or (usual if options.file is None else pytensor.config.floatX)
    modes, left_out = available(options.modes)
    note = system.load_note()  # before this process loads it
    with pytensor.config.change_flags(floatX=dtype):
        chosen = _cases(options, terminal, dtype)
        rows: list[Measured] = []
        with (
            terminal.progress("measuring", len(chosen) * len(modes)) as begins,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # of modes about themselves
            for case in chosen:
                rows += measure(case, modes, options.repeats, options.seconds, begins)
    document = document_of(rows, modes, left_out, dtype, on_gpu, options)
    document["note"] = note
    text = text_of(rows, modes, left_out, document, terminal)
    if options.plot:
        plot(rows, modes, document, options.plot)
        document["plot"] = options.plot
        text += f"\n\nsaved {options.plot}"
    terminal.show(text, document)
    failed = [row for row in rows if row.mode == "GEMMULE" and row.failure]
    return 1 if failed else 0


def _on_gpu() -> bool:
    import mlx.core as mx

    from gemmule import config

    return (config.device or ("gpu" if mx.default_device().type == mx.gpu else "cpu")) == "gpu"


def available(wanted: list[str]) -> tuple[list[str], dict[str, str]]:
    """The modes that can be measured, and why others cannot."""
    from importlib.util import find_spec

    import pytensor

    modes, left_out = [], {}
    for mode in wanted:
        package = MODES[mode]
        if package is not None and find_spec(package) is None:
            left_out[mode] = f"needs {package}: pip install {package}"
        elif mode == "C" and not pytensor.config.cxx:
            left_out[mode] = "needs a C++ compiler"
        else:
            modes.append(mode)
    return modes, left_out


def _cases(options, terminal, dtype: str) -> list:
    from gemmule.cli.bench_cases import Case, cases
    from gemmule.cli.errors import CommandError, UsageError

    if options.file is None:
        chosen = [case for case in cases(dtype) if options.match.lower() in case.name.lower()]
        if not chosen:
            names = ", ".join(case.name for case in cases(dtype))
            raise UsageError(f"no case has {options.match!r} in its name; there are: {names}")
        return chosen
    from gemmule.cli.target import complete_or_random, open_target, take_values

    target = open_target(options, terminal)
    if target.graph is None:
        raise CommandError("bench compiles in every mode: it takes a Python file, and no program")
    values = complete_or_random(target, take_values(target, options))
    graph = target.graph
    name = options.name or options.file.rpartition("/")[2]
    return [Case(name, graph.inputs, graph.outputs, values, graph.compiler)]


# -- what is told ---------------------------------------------------------------------------------


def document_of(rows, modes, left_out, dtype: str, on_gpu: bool, options) -> dict:
    import platform

    from gemmule.cli import system
    from gemmule.cli.doctor import versions

    names = list(dict.fromkeys(row.case for row in rows))
    return {
        "dtype": dtype,
        "device": "gpu" if on_gpu else "cpu",
        "machine": {
            "system": platform.platform(),
            "cpu": system.cpu_name(),
            "cores": system.cores(),
        },
        "versions": versions(),
        "repeats": options.repeats,
        "modes": modes,
        "left_out": left_out,
        "cases": [
            {
                "case": name,
                "modes": [
                    {
                        "mode": row.mode,
                        "best_us": row.best,
                        "spread": row.spread,
                        "times_us": row.times_us,
                        "ratio": ratio(rows, name, row.mode),
                        "compile_s": row.compile_s,
                        "error": row.error if row.error != math.inf else None,
                        "failure": row.failure,
                    }
                    for row in rows
                    if row.case == name
                ],
            }
            for name in names
        ],
        "mean_ratios": mean_ratios(rows, modes),
    }


def text_of(rows, modes, left_out, document, terminal) -> str:
    from gemmule.cli.terminal import aligned

    others = [mode for mode in modes if mode != "GEMMULE"]
    table = [("us per call (spread)", *modes, *(f"{mode}/GEMMULE" for mode in others))]
    if "GEMMULE" not in modes:
        table = [("us per call (spread)", *modes)]
    for name in dict.fromkeys(row.case for row in rows):
        found = {row.mode: row for row in rows if row.case == name}
        cells = [name, *(_cell(found[mode]) for mode in modes)]
        if "GEMMULE" in modes:
            cells += [_ratio_text(ratio(rows, name, mode)) for mode in others]
        table.append(tuple(cells))
    means = document["mean_ratios"]
    if means and len(document["cases"]) > 1:
        cells = [_ratio_text(means.get(mode)) for mode in others]
        table.append(("geometric mean", *("" for _ in modes), *cells))
    head, *lines = aligned(table, right=True)
    machine = document["machine"]
    title = (
        f"{document['dtype']} on the {document['device'].upper()}: {machine['cpu']}, "
        f"{machine['cores']} cores, minimum of {document['repeats']} repeats"
    )
    parts = [title, "\n".join([terminal.style(head, "bold"), *lines])]
    remarks = [f"{row.case}, {row.mode} fails: {row.failure}" for row in rows if row.failure]
    remarks += [f"left out: {mode} {why}" for mode, why in left_out.items()]
    if document["note"]:
        remarks.append(f"{terminal.style('note', 'yellow')}: {document['note']}")
    return "\n\n".join([*parts, "\n".join(remarks)] if remarks else parts)


def _cell(row: Measured) -> str:
    if row.best is None:
        return "fails"
    return f"{row.best:,.1f} ({row.spread:.0%})"


def _ratio_text(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
