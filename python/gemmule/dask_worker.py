"""One chain of a run of nutpie, on a worker of Dask. Neither PyMC nor PyTensor is needed here.

nutpie gives chain k stream k + 1 of the generator that the seed of the run starts (`ChainProcess`
in nuts-rs), and has no way to run it alone. So chains 0 to k are started, and all but k wait where
they ask for an initial point until k is done: its draws are those that it has in the whole run.
"""

import contextlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import nutpie
import pyarrow
from distributed import get_worker
from nutpie import _lib

from gemmule import _core
from gemmule.density import Variables, sampler_model

# What `nutpie.ChainProgress` tells.
PROGRESS = (
    "finished_draws", "total_draws", "divergences", "tuning", "started", "latest_num_steps",
    "total_num_steps", "step_size", "runtime_ms", "divergent_draws",
)  # fmt: skip

_DONE_MS = 20  # how often a chain is asked whether it is done
_REPORT_SECONDS = 0.25


def versions() -> dict[str, str]:
    """What has to be the same everywhere, or the draws are not."""
    return {"gemmule": _core.__version__, "nutpie": nutpie.__version__}


@dataclass(frozen=True)
class Run:
    """What all chains of a run share, besides the program."""

    name: str
    #: The topic of the events that tell the progress.
    topic: str
    #: Of the program.
    digest: str
    variables: Variables
    #: `as_dict()` of nutpie's settings.
    settings: dict


@dataclass(frozen=True)
class Chain:
    number: int
    #: Initial points by the seeds with which nutpie asks for them, until one has a density.
    points: dict[int, np.ndarray]
    #: The first such seeds of the chains before.
    others: frozenset[int]


def settings_of(description: dict):
    """nutpie's settings from what their `as_dict()` gave."""
    samplers = {"nuts": _lib.PyNutsSettings, "mclmc": _lib.PyMclmcSettings}
    sampler = samplers[description["sampler"]]
    adaptations = {"diag": sampler.Diag, "low_rank": sampler.LowRank}
    settings = adaptations[description["adaptation"]](0)
    settings.update_settings(description["settings"])
    return settings


def run_chain(wanted: dict[str, str], program: bytes, run: Run, chain: Chain):
    """The draws and statistics of one chain; None if `stop` was called before it was done.

    ``wanted`` are the versions of the client.
    """
    found = versions()
    if found != wanted:
        raise RuntimeError(
            f"the client has {_written(wanted)}, this worker {_written(found)}: "
            "draws are the same only where the versions are"
        )
    try:
        return _run_chain(_program(program, run.digest), run, chain)
    except Exception:
        raise
    except BaseException as error:
        # A panic of nutpie's, which could not be sent.
        raise RuntimeError(str(error)) from None


def _written(found: dict[str, str]) -> str:
    return " and ".join(f"{name} {version}" for name, version in found.items())


def _run_chain(program: _core.Program, run: Run, chain: Chain):
    number = chain.number
    settings = settings_of(run.settings)
    settings.num_chains = number + 1
    done, release = threading.Event(), threading.Event()

    def initial_point(seed):
        if seed in chain.points:
            return chain.points[seed]
        if seed not in chain.others:
            raise RuntimeError(f"no initial point was drawn for the seed {seed} of chain {number}")
        release.wait()
        raise RuntimeError("this chain runs elsewhere")

    report = _Report(run, number)

    def progress(chains):
        report(chains[number])
        if chains[number].finished_draws == chains[number].total_draws:
            done.set()

    sampler = _lib.PySampler.from_pymc(
        settings,
        number + 1,  # threads
        # Other chains have the other cores.
        sampler_model(program, run.variables, initial_point, one_thread=True),
        _lib.ProgressType.none(),
        progress,
        _DONE_MS,
        _lib.PyStorage.arrow(),
    )
    try:
        stopped = _wait(sampler, done, run.name)
    except BaseException:
        release.set()
        with contextlib.suppress(BaseException):  # after a panic this is another one
            sampler.abort()
        raise
    release.set()
    sampler.abort()
    if stopped:
        return None
    draws, stats = (chains[number] for chains in sampler.take_results().get_arrow_trace())
    wanted = run.settings["settings"]
    if draws.num_rows != wanted["num_tune"] + wanted["num_draws"]:
        raise RuntimeError(f"nutpie {nutpie.__version__} starts chains in another way than 0.16")
    return pyarrow.record_batch(draws), pyarrow.record_batch(stats)


def _wait(sampler, done, name: str) -> bool:
    """Returns when the chain is done: whether it was stopped. Raises its error."""
    while not done.is_set():
        if name in _stopped:
            return True
        try:
            sampler.wait(_DONE_MS / 1000)
        except TimeoutError:
            continue
        break
    return False


class _Report:
    """Sends the progress of the chain, not too often."""

    def __init__(self, run: Run, chain: int):
        self._worker = get_worker()
        self._topic = run.topic
        self._message = {"run": run.name, "chain": chain}
        self._last = 0.0

    def __call__(self, progress) -> None:
        now = time.monotonic()
        done = progress.finished_draws == progress.total_draws
        if done or now - self._last >= _REPORT_SECONDS:
            self._last = now
            state = {name: getattr(progress, name) for name in PROGRESS}
            self._worker.log_event(self._topic, {**self._message, "state": state})


# -- what a worker keeps ---------------------------------------------------------------------------

_KEPT = 4

_lock = threading.Lock()
_programs: OrderedDict[str, _core.Program] = OrderedDict()
_stopped: set[str] = set()


def _program(data: bytes, digest: str) -> _core.Program:
    """The program in these bytes, which a worker reads once."""
    with _lock:
        program = _programs.pop(digest, None)
        if program is None:
            program = _core.Program.from_bytes(data)
            program.prepare()
        _programs[digest] = program
        while len(_programs) > _KEPT:
            _programs.popitem(last=False)
    return program


def stop(name: str) -> None:
    """Ends the chains of a run on this worker."""
    _stopped.add(name)
