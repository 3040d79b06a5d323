"""`python -m bench`: mode GEMMULE against PyTensor's other modes in one run, in parts.

modes: products, densities and models before and after, with MLX_BLAS and PyTensor's MLX mode.
executor: the native executor for the CPU against NUMBA, JAX, C and BLAS itself, with its bars.
zoo: the models of the tests against C, NUMBA, JAX and MLX, with bars; only when asked for (hours).
batched: gradients of many chains in one call and in one for each; only when asked for.
nutpie: sampling with nutpie against nutpie's own Numba backend; only when asked for (minutes).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

# These make OpenBLAS choose other kernels, for NumPy as for Gemmule; it reads them when loaded.
_FOREIGN = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# Where libraries read how many threads they may use. NPROC: XLA's pool.
_THREADS = (
    *("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"),
    *("NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NPROC"),
)

# Load average from which others take part in what is measured.
_BUSY = 0.7


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)

    import gemmule  # noqa: F401  (registers the modes)
    from bench.report import save_json, save_plot

    busy = os.getloadavg()[0]
    if busy > _BUSY:
        print(
            f"the machine is busy (load {busy:.1f}): libraries that share work between threads "
            "wait for each other, and their times say little. --threads 1 suffers less.",
            file=sys.stderr,
        )
    # MLX and JAX modes leave out the checks of parameters.
    warnings.filterwarnings("ignore", message="Skipping .?Check")
    results = _run_modes(options) if options.only in (None, "modes") else []
    more = _run_executor(options, arguments) if options.only in (None, "executor") else {}
    if options.only == "zoo":
        more |= _run_zoo(options)
    if options.only == "batched":
        from bench import batched

        rows = batched.run(options.match, options.repeats or (3 if options.quick else 30))
        more |= {"batched": rows} if rows else {}
    if options.only == "nutpie":
        more |= _run_nutpie(options)
    if not results and not more:
        print("no case matches", file=sys.stderr)
        return 1
    save_json(results, options.json, load=busy, **more)
    saved = [options.json]
    if results:
        saved.append(options.json.with_suffix(".png"))
        save_plot(results, saved[-1])
    print(f"saved {' and '.join(map(str, saved))}")
    return 0


def _run_modes(options: argparse.Namespace) -> list:
    from bench.cases import all_cases

    return _measure(options, all_cases(), "GEMMULE,MLX_BLAS,MLX,JAX,NUMBA", repeats=7, seconds=0.1)


def _run_executor(options: argparse.Namespace, arguments: list[str]) -> dict:
    """What goes into the JSON file; cases with a number of threads run in a process of theirs."""
    from bench import summary
    from bench.executor import BARS, COMPILE_MS, PEERS, cases
    from bench.timing import DIRECT, Result

    known = cases()
    if options.extra:
        from bench import models_extra

        known += models_extra.cases()
    if options.group:
        known = [case for case in known if case.group in options.group]
    # With --threads everything runs here, as the libraries were loaded with this number.
    apart = [case for case in known if case.threads] if options.threads is None else []
    here = [case for case in known if case not in apart]
    modes = ",".join(("GEMMULE", *PEERS, DIRECT))
    measure = {"reference": "C", "compilations": 3}
    results = _measure(options, here, modes, repeats=12, seconds=0.06, **measure)
    for threads in dict.fromkeys(case.threads for case in _selected(options, apart)):
        groups = {case.group for case in apart if case.threads == threads}
        results += [Result(**row) for row in _in_process_of(threads, groups, arguments)]
    more = {}
    if results and not options.rows_only:
        print(summary.times(results), end="\n\n")
        print(summary.summary(results, BARS, COMPILE_MS), end="\n\n")
        print(summary.bars_table(summary.verdicts(BARS, results)), end="\n\n")
        print(summary.compile_bar(results, COMPILE_MS), end="\n\n")
    if results:
        more["executor"] = summary.data(results, BARS)
    if options.compile and not options.rows_only:
        more["compile"] = _run_compile(options, known)
    return more


def _run_compile(options: argparse.Namespace, known: list) -> list[dict]:
    from bench import cold

    results = []
    for case in _selected(options, known):
        if case.group not in ("models", "one thread"):
            continue
        for dtype in _dtypes(options, case):
            results += [cold.measure(case, dtype, mode) for mode in cold.MODES]
            print(cold.table(results[-len(cold.MODES) :]), flush=True)
    if results:
        print()
        print(cold.table(results), end="\n\n")
    return [vars(result) for result in results]


def _run_zoo(options: argparse.Namespace) -> dict:
    """Default threads, one thread, compile times: what goes into the JSON file."""
    from bench import isolated, summary, zoo
    from bench.report import table

    def show(rows: list) -> None:
        print(table(rows), end="\n\n", flush=True)

    wanted = [case for case in zoo.cases() if _matches(options, case)]
    if options.quick and not options.match:
        wanted = [case for case in wanted if case.quick]
    if options.group:
        wanted = [case for case in wanted if case.group in options.group]
    modes = [mode for mode in options.modes or zoo.MODES if _installed(mode)]
    limits = isolated.Limits(
        repeats=options.repeats or (3 if options.quick else 7),
        seconds=options.seconds or (0.02 if options.quick else 0.06),
    )
    results = []
    for group in (zoo.DEFAULT, zoo.ONE_THREAD):
        cases = [case for case in wanted if case.group == group]
        threads = options.threads or (1 if group == zoo.ONE_THREAD else None)
        variables = environment(dict(os.environ), threads)
        results += isolated.run(cases, ["float64"], modes, limits, variables, show)
    if options.compile:
        cases = [case for case in wanted if case.group == zoo.COMPILE]
        results += _compile_zoo(cases, [mode for mode in modes if mode in zoo.COLD_MODES], show)
    if not results:
        return {}
    print(summary.times(results), end="\n\n")
    print(summary.summary(results, zoo.BARS, None), end="\n\n")
    print(summary.bars_table(summary.verdicts(zoo.BARS, results)), end="\n\n")
    return {"zoo": summary.data(results, zoo.BARS)}


def _run_nutpie(options: argparse.Namespace) -> dict:
    """What goes into the JSON file."""
    from bench import sampling

    names = [name for name in sampling.models() if any(m in name for m in options.match.split(","))]
    backends = options.modes or sampling.BACKENDS
    draws, repeats = (100, 1) if options.quick else (1000, 3)
    rows = []
    for name in names[:1] if options.quick and not options.match else names:
        same = [
            sampling.measure(name, backend, draws, options.repeats or repeats)
            for backend in backends
        ]
        print(sampling.table(same), end="\n\n", flush=True)
        rows += same
    return {"nutpie": [vars(row) for row in rows]} if rows else {}


def _compile_zoo(cases: list, modes: list[str], show) -> list:
    """Compile times as times, each the only one of its process."""
    from bench import cold

    results = []
    for case in cases:
        rows = [cold.measure(case, "float64", mode) for mode in modes]
        for row in rows:
            row.times_us = [] if row.failure else [1e6 * row.compile_s]
        show(rows)
        results += rows
    return results


def _in_process_of(threads: int, groups: set[str], arguments: list[str]) -> list[dict]:
    """The rows of these groups, from a run whose libraries were loaded with so many threads."""
    from dataclasses import fields

    from bench.timing import Result

    names = {field.name for field in fields(Result)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.json"
        more = ["--only", "executor", "--group", ",".join(groups), "--rows-only"]
        more += ["--threads", str(threads), "--json", str(path)]
        subprocess.run(
            [sys.executable, "-m", "bench", *arguments, *more],
            cwd=Path(__file__).parent.parent,
            check=True,
        )
        rows = json.loads(path.read_text())["executor"]["results"]
    return [{name: value for name, value in row.items() if name in names} for row in rows]


def _measure(options, cases: list, modes: str, repeats: int, seconds: float, **more) -> list:
    from bench.report import table
    from bench.timing import run_case

    chosen = [mode for mode in options.modes or _names(modes) if _installed(mode)]
    repeats = options.repeats or (3 if options.quick else repeats)
    seconds = options.seconds or (0.02 if options.quick else seconds)
    results = []
    for case in _selected(options, cases):
        for dtype in _dtypes(options, case):
            rows = run_case(case, dtype, chosen, repeats, seconds, **more)
            results += rows
            print(table(rows), flush=True)
            print()
    return results


def _selected(options: argparse.Namespace, cases: list) -> list:
    return [
        case
        for case in cases
        if (not options.quick or case.quick)
        and (options.sizes is None or case.size in options.sizes)
        and _matches(options, case)
    ]


def _matches(options: argparse.Namespace, case) -> bool:
    return any(part in case.name for part in options.match.split(","))


def _dtypes(options: argparse.Namespace, case) -> list[str]:
    wanted = options.dtypes or (["float64"] if options.quick else case.dtypes)
    return [dtype for dtype in wanted if dtype in case.dtypes]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", choices=("modes", "executor", "zoo", "batched", "nutpie"), help="one part"
    )
    parser.add_argument("--quick", action="store_true", help="few cases, float64, short runs")
    parser.add_argument("--sizes", type=_integers, help="only cases of these sizes: 8,64")
    parser.add_argument(
        "--match", default="", help="only cases with one of these in their name: gp,radon"
    )
    parser.add_argument("--repeats", type=int, help="how often each mode is measured")
    parser.add_argument("--modes", type=_names, help="which modes: GEMMULE,NUMBA")
    parser.add_argument("--dtypes", type=_names, help="float32,float64")
    parser.add_argument("--seconds", type=float, help="time per mode and repeat")
    parser.add_argument("--json", type=Path, default=Path("build/bench/bench.json"))
    executor = parser.add_argument_group("executor")
    executor.add_argument("--group", type=_names, help="only these groups: products,models")
    executor.add_argument("--extra", action="store_true", help="more models, without bars")
    executor.add_argument(
        "--compile", action="store_true", help="compile times with cold caches, too (an hour)"
    )
    executor.add_argument(
        "--threads", type=int, help="libraries may use so many; otherwise as a case has it"
    )
    executor.add_argument("--rows-only", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


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


def environment(variables: dict[str, str], threads: int | None) -> dict[str, str]:
    """The variables as libraries should find them when they are loaded."""
    kept = {name: value for name, value in variables.items() if name not in _FOREIGN}
    if threads is None:
        return kept
    kept |= dict.fromkeys(_THREADS, str(threads))
    flag = "--xla_cpu_multi_thread_eigen=false"
    if threads == 1 and flag not in kept.get("XLA_FLAGS", ""):
        kept["XLA_FLAGS"] = f"{kept.get('XLA_FLAGS', '')} {flag}".strip()
    return kept


if __name__ == "__main__":
    wanted = environment(dict(os.environ), _options(sys.argv[1:]).threads)
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, "-m", "bench", *sys.argv[1:]], wanted)
    sys.exit(main())
