"""`python -m bench`: before and after, against PyTensor's MLX, JAX and NUMBA modes in one run."""

import argparse
import os
import sys
import warnings
from pathlib import Path

# These make OpenBLAS choose other kernels, for NumPy as for Gemmule; it reads them when loaded.
_FOREIGN = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)

    import gemmule  # noqa: F401  (registers the modes)
    from bench.cases import all_cases
    from bench.report import save_json, save_plot, table
    from bench.timing import run_case

    cases = [
        case
        for case in all_cases()
        if (not options.quick or case.quick)
        and (options.sizes is None or case.size in options.sizes)
        and options.match in case.name
    ]
    modes = [mode for mode in options.modes if _installed(mode)]
    # MLX and JAX modes leave out the checks of parameters.
    warnings.filterwarnings("ignore", message="Skipping .?Check")
    results = []
    for case in cases:
        for dtype in options.dtypes:
            rows = run_case(case, dtype, modes, options.repeats, options.seconds)
            results += rows
            print(table(rows), flush=True)
            print()
    if not results:
        print("no case matches", file=sys.stderr)
        return 1
    save_json(results, options.json)
    picture = options.json.with_suffix(".png")
    save_plot(results, picture)
    print(f"saved {options.json} and {picture}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few cases, float64, short runs")
    parser.add_argument("--sizes", type=_integers, help="only cases of these sizes: 8,64")
    parser.add_argument("--match", default="", help="only cases with this in their name")
    parser.add_argument("--repeats", type=int, help="how often each mode is measured (7; 3 quick)")
    parser.add_argument("--modes", type=_names, default="GEMMULE,MLX_BLAS,MLX,JAX,NUMBA")
    parser.add_argument("--dtypes", type=_names, help="float32,float64")
    parser.add_argument("--seconds", type=float, help="time per mode and repeat")
    parser.add_argument("--json", type=Path, default=Path("build/bench/bench.json"))
    options = parser.parse_args(arguments)
    options.repeats = options.repeats or (3 if options.quick else 7)
    options.seconds = options.seconds or (0.02 if options.quick else 0.1)
    options.dtypes = options.dtypes or (["float64"] if options.quick else ["float32", "float64"])
    return options


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _integers(text: str) -> list[int]:
    return [int(name) for name in _names(text)]


def _installed(mode: str) -> bool:
    from importlib.util import find_spec

    package = {"JAX": "jax", "NUMBA": "numba"}.get(mode)
    if package is None or find_spec(package) is not None:
        return True
    print(f"{mode} is left out: {package} is not installed", file=sys.stderr)
    return False


if __name__ == "__main__":
    if any(name in os.environ for name in _FOREIGN):
        kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        os.execve(sys.executable, [sys.executable, "-m", "bench", *sys.argv[1:]], kept)
    sys.exit(main())
