"""The picture of ``gemmule bench``: needs matplotlib."""

from gemmule.cli.bench_timing import Measured, ratio
from gemmule.cli.errors import CommandError, UsageError


def check_plot(path: str) -> None:
    """Before minutes of measuring. Raises what writing would."""
    try:
        import matplotlib.backend_bases as backends
    except ImportError as error:
        raise CommandError("--plot needs matplotlib: pip install matplotlib") from error
    kind = path.rpartition(".")[2].lower()
    if kind not in backends.FigureCanvasBase.get_supported_filetypes():
        raise UsageError(f"--plot {path}: the name has to end with .png, .svg or .pdf")


_COLOURS = {
    "GEMMULE": "#c2621b", "MLX": "#8a8a8a", "MLX_BLAS": "#5b5b5b", "NUMBA": "#4c78a8",
    "JAX": "#54a24b", "C": "#b8a1cf",
}  # fmt: skip


def plot(rows: list[Measured], modes: list[str], document: dict, path: str) -> None:
    """Bars of all modes, case by case."""
    from matplotlib.figure import Figure

    names = [case["case"] for case in document["cases"]]
    height = 0.8 / len(modes)
    size = (8, 1.2 + (0.25 + 0.18 * len(modes)) * len(names))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    for number, mode in enumerate(modes):
        found = {row.case: row.best for row in rows if row.mode == mode and row.best is not None}
        places = [names.index(name) - 0.4 + (number + 0.5) * height for name in found]
        axes.barh(places, list(found.values()), 0.9 * height, color=_COLOURS[mode], label=mode)
        for place, (name, best) in zip(places, found.items(), strict=True):
            times = ratio(rows, name, mode)
            note = "" if times is None or mode == "GEMMULE" else f"  ({times:.2f} times)"
            axes.text(best, place, f" {best:,.1f}{note}", va="center", fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel=f"microseconds per call, {document['dtype']}")
    low, high = axes.get_xlim()
    axes.set_xlim(low / 1.5, high * 8)
    figure.legend(loc="outside upper right", ncols=len(modes), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)
