"""``python -m fuzz``: many graphs in worker processes. ``make fuzz`` runs it.

    make fuzz ARGS="--graphs 10000 --seed 1"    this many graphs, from this seed on
    make fuzz ARGS="--seed 4711 --graphs 1"     one graph again
    make fuzz ARGS="--file reproducer.py"       the program in a file

A worker writes each program to a file before it runs it: one that dies or hangs leaves it behind.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: A worker that takes longer over one graph hangs.
SECONDS_PER_GRAPH = 180
#: Graphs per life of a worker: a fresh process now and then.
LIFE = 500
MLX_SHARE, OWN_REWRITES_SHARE = 5, 4


def how(seed: int) -> dict:
    """On which executor the graph of a seed runs, and whether the reference rewrites by itself."""
    return {
        "executor": "mlx" if seed % MLX_SHARE == 0 else "cpu",
        "own_rewrites": seed % OWN_REWRITES_SHARE == 0,
    }


# -- in a worker -----------------------------------------------------------------------------------


def run_seed(seed: int, directory: Path, name: str) -> dict:
    from random import Random

    from fuzz.compare import Failure, check
    from fuzz.generate import generate
    from fuzz.minimise import minimise

    source = generate(Random(seed))
    heading = f"# seed {seed}: {how(seed)}\n"
    (directory / f"{name}.py").write_text(heading + source.text())
    try:
        report = check(source, **how(seed))
    except Failure as error:
        failure, kind = error, error.kind
    except Exception as error:  # the comparison itself failed
        failure, kind = error, f"exception {type(error).__name__}"
    else:
        return {
            "seed": seed,
            "ops": report.ops,
            "fallbacks": report.fallbacks,
            "errors": report.errors,
        }

    def fails(smaller) -> bool:
        try:
            check(smaller, **how(seed))
        except Failure as other:
            return other.kind == kind
        return False

    if isinstance(failure, Failure):
        source = minimise(source, fails)
    path = directory / f"failure-{seed}.py"
    described = "\n".join(f"# {line}" for line in str(failure).splitlines())
    path.write_text(heading + described + "\n" + source.text())
    return {"seed": seed, "failure": kind, "detail": str(failure)[:1500], "file": str(path)}


def work(seeds: range, directory: Path, name: str) -> None:
    """One line of JSON per graph on standard output."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # PyTensor's warnings and the like
    for seed in seeds:
        print(json.dumps(run_seed(seed, directory, name)), file=out, flush=True)


# -- the workers -----------------------------------------------------------------------------------


class Worker:
    def __init__(self, name: str, directory: Path, todo: list[range]):
        self.name, self.directory, self.todo = name, directory, todo
        self.process = None

    def start(self) -> bool:
        """Takes the next seeds. False when there are none."""
        if not self.todo:
            return False
        self.seeds = self.todo.pop(0)
        flags = [f"--work={self.seeds.start}:{self.seeds.stop}:{self.name}"]
        # Without a C compiler PyTensor's Python linker is Python all the way.
        environment = dict(os.environ, PYTENSOR_FLAGS="cxx=")
        self.log = self.directory / f"{self.name}.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fuzz", *flags, f"--directory={self.directory}"],
            stdout=subprocess.PIPE,
            stderr=self.log.open("w"),
            env=environment,
            cwd=Path(__file__).parents[1],
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        self.pending, self.next, self.since = b"", self.seeds.start, time.monotonic()
        return True

    def poll(self) -> list[dict]:
        """What the worker has finished; a failure when it died or hangs."""
        status = self.process.poll()
        self.pending += self.process.stdout.read() or b""
        *lines, self.pending = self.pending.split(b"\n")
        results = [json.loads(line) for line in lines]
        if results:
            self.next, self.since = results[-1]["seed"] + 1, time.monotonic()
        hangs = status is None and time.monotonic() - self.since > SECONDS_PER_GRAPH
        if hangs:
            self.process.kill()
            self.process.wait()
        if hangs or (status is not None and self.next < self.seeds.stop):
            results.append(self._crashed("hang" if hangs else f"crash (exit status {status})"))
            self.todo.insert(0, range(self.next + 1, self.seeds.stop))
            self.process = None
        elif status is not None:
            self.process = None
        return results

    def _crashed(self, kind: str) -> dict:
        path = self.directory / f"failure-{self.next}.py"
        program = self.directory / f"{self.name}.py"
        path.write_text(f"# {kind}\n" + (program.read_text() if program.exists() else ""))
        tail = self.log.read_text(errors="replace")[-600:]
        return {"seed": self.next, "failure": kind, "detail": tail, "file": str(path)}


def campaign(graphs: int, seed: int, workers: int, directory: Path) -> int:
    """Runs the graphs and prints what came of them. Returns the number of failures."""
    directory.mkdir(parents=True, exist_ok=True)
    step = min(LIFE, max(1, -(-graphs // workers)))
    todo = [range(s, min(s + step, seed + graphs)) for s in range(seed, seed + graphs, step)]
    running = [Worker(f"worker-{i}", directory, todo) for i in range(workers)]
    ops, fallbacks, errors, failures = Counter(), Counter(), Counter(), []
    done, start, shown = 0, time.monotonic(), 0.0
    while True:
        running = [w for w in running if w.process is not None or w.start()]
        if not running:
            break
        for worker in running:
            for result in worker.poll():
                done += 1
                if "failure" in result:
                    failures.append(result)
                    print(f"\nseed {result['seed']}: {result['detail']}")
                    print(Path(result["file"]).read_text())
                else:
                    ops.update(result["ops"])
                    fallbacks.update(result["fallbacks"])
                    errors.update(result["errors"])
        seconds = time.monotonic() - start
        if seconds - shown > (1 if sys.stdout.isatty() else 30):
            shown = seconds
            line = f"{done}/{graphs} graphs, {done / seconds:.1f}/s, {len(failures)} failures"
            print(line, end="\r" if sys.stdout.isatty() else "\n", flush=True)
        time.sleep(0.05)
    _summary(done, time.monotonic() - start, ops, fallbacks, errors, failures)
    return len(failures)


def _summary(done, seconds, ops, fallbacks, errors, failures) -> None:
    print(f"\n{done} graphs in {seconds:.0f} s, {len(ops)} ops:")
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(ops.items())))
    for title, counts in ("handed on", fallbacks), ("errors on both sides", errors):
        print(f"{title}:")
        for text, count in counts.most_common():
            print(f"  {count:6} {text}")
    print(f"{len(failures)} failures")
    for result in failures:
        print(f"  seed {result['seed']}: {result['failure']}, {result['file']}")


def run_file(path: Path, executor: str) -> None:
    """Runs a reproducer, or any file that defines inputs, outputs and calls."""
    from fuzz.compare import check

    names: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), names)

    class Program:
        def build(self):
            return names["inputs"], names["outputs"], names["calls"]

    check(Program(), executor)
    print("both agree")


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "fuzz-graphs")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--executor", default="cpu", help="for --file")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        run_file(options.file, options.executor)
        return 0
    if options.work:
        start, stop, name = options.work.split(":")
        work(range(int(start), int(stop)), options.directory, name)
        return 0
    return min(1, campaign(options.graphs, options.seed, options.workers, options.directory))


if __name__ == "__main__":
    sys.exit(main())
