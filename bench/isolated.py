"""Cases measured in processes of their own, so that a mode may crash, hang or run out of memory.

A worker measures some cases, all modes in turn, and says on its standard output what it begins. One
that dies, or is silent for too long, fails in the mode that it had begun; another worker measures
the rest, and the case again without that mode.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.case import Case
from bench.timing import Result

_MARK = "bench: "


@dataclass
class Limits:
    """How it is measured, and how long a worker may be silent or live."""

    repeats: int
    seconds: float
    #: Seconds without a sign: one mode compiles, or is measured once.
    silence: float = 900.0
    #: Cases that a worker measures before another takes over: what modes keep in memory goes.
    cases: int = 10


def run(
    cases: list[Case],
    dtypes: list[str],
    modes: list[str],
    limits: Limits,
    environment: dict[str, str],
    report: Callable[[list[Result]], None] = lambda rows: None,
) -> list[Result]:
    """Measures all cases; ``report`` gets the rows of each case as soon as they are there."""
    tasks = [_Task(case.group, case.name, dtype, list(modes)) for case in cases for dtype in dtypes]
    results: list[Result] = []

    def finish(task: _Task, rows: list[Result]) -> None:
        rows = sorted(rows + task.lost, key=lambda row: modes.index(row.mode))
        report(rows)
        results.extend(rows)

    while tasks:
        batch = tasks[: limits.cases]
        done, failure = _work(batch, limits, environment)
        for task, rows in zip(batch, done, strict=False):
            finish(task, rows)
        tasks = tasks[len(done) :]
        if failure is not None:
            tasks[0].lose(*failure)
            if not tasks[0].modes:
                finish(tasks.pop(0), [])
    return results


@dataclass
class _Task:
    """A case and the modes in which it is still to be measured."""

    group: str
    case: str
    dtype: str
    modes: list[str]
    #: Failures of modes that took their worker with them.
    lost: list[Result] = field(default_factory=list)

    def lose(self, mode: str, reason: str) -> None:
        """A worker ended in this mode, or (an empty name) before any."""
        for name in [mode] if mode else self.modes:
            result = Result(self.case, self.dtype, name, failure=reason, group=self.group)
            self.lost.append(result)
        self.modes = [name for name in self.modes if mode not in ("", name)]


def _work(
    tasks: list[_Task], limits: Limits, environment: dict[str, str]
) -> tuple[list[list[Result]], tuple[str, str] | None]:
    """Rows of the tasks that were finished; the mode and the reason that ended the worker."""
    wanted = [(task.group, task.case, task.dtype, task.modes) for task in tasks]
    options = {"tasks": wanted, "repeats": limits.repeats, "seconds": limits.seconds}
    done: list[list[Result]] = []
    begun = reason = ""
    with tempfile.TemporaryFile("w+") as errors:
        worker = subprocess.Popen(
            [sys.executable, "-m", "bench.isolated", json.dumps(options)],
            cwd=Path(__file__).parent.parent,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(worker, lines), daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=limits.silence)
            except queue.Empty:
                worker.kill()
                reason = f"nothing after {limits.silence:.0f} s"
                break
            if line is None:
                break
            if not line.startswith(_MARK):
                continue
            message = json.loads(line.removeprefix(_MARK))
            if "begins" in message:
                begun = message["begins"]
            else:
                done.append([Result(**row) for row in message["rows"]])
                begun = ""
        status = worker.wait()
        if len(done) == len(tasks):
            return done, None
        errors.seek(0)
        last = next(reversed(errors.read().strip().splitlines()), "")
    return done, (begun, reason or _ending(status, last))


def _read(worker: subprocess.Popen, lines: queue.Queue) -> None:
    for line in worker.stdout:
        lines.put(line)
    lines.put(None)


def _ending(status: int, last: str) -> str:
    if status < 0:
        return f"the process ended with {signal.Signals(-status).name}"
    return f"the process ended with status {status}: {last}"


def main(arguments: list[str] | None = None) -> int:
    """The worker; its argument is what `_work` makes."""
    [text] = sys.argv[1:] if arguments is None else arguments
    options = json.loads(text)

    import warnings

    import gemmule  # noqa: F401  (registers the modes)
    from bench.known import find
    from bench.timing import run_case

    warnings.filterwarnings("ignore")
    for group, case, dtype, modes in options["tasks"]:
        rows = run_case(
            find(group, case),
            dtype,
            modes,
            options["repeats"],
            options["seconds"],
            compilations=3,
            begins=lambda mode: _say(begins=mode),
        )
        _say(rows=[asdict(row) for row in rows])
    return 0


def _say(**message) -> None:
    print(f"{_MARK}{json.dumps(message)}", flush=True)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # threads of a backend that hangs at its end wait for nobody
