"""Compile time with cold caches: each mode compiles each model in a process and a cache of its own.

`python -m bench --only executor --compile` calls it for every model, `--only zoo --compile` too. A
small function is compiled first and not counted: what a mode loads once per process is no part of
the time of a model.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.case import Case
from bench.timing import Result

#: All in: GEMMULE's time divided by NUMBA's.
LIMIT = 0.3
MODES = ("GEMMULE", "NUMBA")


def environment(variables: dict[str, str], cache: Path) -> dict[str, str]:
    """The variables with caches that are empty."""
    flags = [variables.get("PYTENSOR_FLAGS", ""), f"base_compiledir={cache / 'pytensor'}"]
    return variables | {
        "PYTENSOR_FLAGS": ",".join(flag for flag in flags if flag),
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        "JAX_COMPILATION_CACHE_DIR": "",
    }


def measure(case: Case, dtype: str, mode: str) -> Result:
    """In a process of its own; what goes wrong there is in ``failure``."""
    result = Result(case.name, dtype, mode, group=case.group)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "bench.cold", case.group, case.name, dtype, mode],
            cwd=Path(__file__).parent.parent,
            env=environment(dict(os.environ), Path(folder)),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        result.failure = next(reversed(done.stderr.strip().splitlines()), "no message")
        return result
    answer = json.loads(done.stdout.splitlines()[-1])
    result.compile_s, result.rewriting_s = answer["compile_s"], answer["rewriting_s"]
    return result


def table(results: list[Result]) -> str:
    """Seconds of both modes, all in, and of GEMMULE without rewriting."""
    from bench.summary import MISSED, columns

    by_case = {(r.case, r.group, r.dtype): {} for r in results}
    for r in results:
        by_case[r.case, r.group, r.dtype][r.mode] = r
    rows = [("cold caches, s", "dtype", *MODES, "ratio", "GEMMULE without rewriting, ms")]
    for (case, group, dtype), modes in by_case.items():
        times = [getattr(modes.get(mode), "compile_s", None) for mode in MODES]
        ratio = times[0] / times[1] if all(times) else None
        ours = getattr(modes.get("GEMMULE"), "backend_ms", None)
        rows.append(
            (
                f"{case} ({group})" if group == "one thread" else case,
                dtype,
                *("fails" if time is None else f"{time:.2f}" for time in times),
                "" if ratio is None else f"{ratio:.2f}{MISSED if ratio > LIMIT else ' '}",
                "" if ours is None else f"{ours:.0f}",
            )
        )
    return columns(rows)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cold", description=__doc__)
    for name in ("group", "case", "dtype", "mode"):
        parser.add_argument(name)
    options = parser.parse_args(arguments)

    import pytensor
    import pytensor.tensor as pt

    import gemmule  # noqa: F401  (registers the mode)
    from bench.case import Built
    from bench.known import find
    from bench.timing import compile_and_call

    case = find(options.group, options.case)
    with pytensor.config.change_flags(floatX=options.dtype):
        x = pt.vector("x")
        compile_and_call(Built([x], [x + 1], [x.type.filter([1.0])]), options.mode)
        # PyMC compiles functions of its own while it builds a model: not into the caches.
        with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""):
            built = case.build(options.dtype)
        _, _, compile_s, rewriting_s = compile_and_call(built, options.mode)
    print(json.dumps({"compile_s": compile_s, "rewriting_s": rewriting_s}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
