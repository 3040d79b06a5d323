"""Chains of nutpie on the workers of a Dask cluster.

`sample` makes nutpie drive a `_Sampler` in place of its own: what it does with settings, results
and interruptions is what it does on one machine. What runs on workers is in dask_worker.py.
"""

import contextlib
import ctypes
import dataclasses
import hashlib
import queue
import secrets
import sys
import threading
import time
import traceback
import uuid
import warnings
import weakref

import numpy as np
import nutpie
from nutpie import _lib

from gemmule import _core

try:
    import dask
    from distributed import Client
except ImportError as error:
    raise ImportError(
        f"sampling on a cluster needs Dask ({error}). Run: pip install distributed"
    ) from error

from gemmule import dask_worker
from gemmule.dask_progress import Bar, ChainProgress
from gemmule.dask_worker import Chain, Run
from gemmule.density import sampler_model

try:
    from arro3.core import RecordBatch
except ImportError as error:
    raise ImportError(f"sampling on a cluster needs nutpie 0.16 ({error})") from error


def sample(client: Client, model, *, progress_bar=True, seed=None, **options):
    """`nutpie.sample` of a compiled model, with a chain in every task of ``client``."""
    _check_client(client)
    program = getattr(model, "program", None)
    if not isinstance(program, _core.Program):
        raise TypeError(
            "on a cluster only what gemmule.compile_model compiles without Python can be sampled: "
            "the workers get its program"
        )
    if options.get("zarr_store") is not None:
        raise ValueError("zarr_store: the draws of a cluster come back to the client")
    if options.get("adaptation") == "flow" or options.get("transform_adapt"):
        raise ValueError("adaptation='flow' is Python of this process: it cannot run on a cluster")
    if options.get("cores") is not None:
        raise ValueError("cores: a worker runs as many chains at once as it has threads")
    if seed is None:
        seed = secrets.randbits(64)
    return nutpie.sample(
        _OnCluster(model, client, progress_bar), progress_bar=False, seed=seed, **options
    )


def _check_client(client) -> None:
    if not isinstance(client, Client):
        raise TypeError(f"client is a distributed.Client, not {type(client).__name__}")
    if client.asynchronous:
        raise TypeError("client is asynchronous, gemmule.sample is not: use Client(...) without it")
    if client.status != "running":
        raise RuntimeError(f"the client is {client.status}: it is connected to no scheduler")


class _OnCluster:
    """What nutpie asks a model for."""

    def __init__(self, model, client, progress_bar):
        self._model = model
        self._client = client
        self._progress_bar = progress_bar
        self.n_dim = model.n_dim
        self.coords = model.coords
        self.reparameterized_names = model.reparameterized_names

    def _make_sampler(self, settings, init_mean, cores, progress_type, callback, rate, store):
        return _Sampler(self._client, self._model, settings, self._progress_bar, callback, rate)


# -- initial points --------------------------------------------------------------------------------

# gemmule_expand(dim, expanded, x, out, model)
_EXPAND = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_uint64] * 2, *[ctypes.c_void_p] * 3)


def _initial_points(model, description: dict) -> list[dict[int, np.ndarray]]:
    """Initial points of each chain by nutpie's seeds for them; it starts from the last.

    nutpie asks for another point where there is no density, so this is a run of nutpie as short as
    it can be, chain by chain: what expands its draws tells that a chain has started.
    """
    settings = dask_worker.settings_of(description)
    settings.update({"num_tune": 1, "num_draws": 1})
    if description["sampler"] == "nuts":
        settings.update({"maxdepth": 1, "mindepth": 0})
    chains: list[dict[int, np.ndarray]] = []
    next_chain = True

    def initial_point(seed):
        nonlocal next_chain
        if next_chain:
            chains.append({})
            next_chain = False
        chains[-1][seed] = model.initial_point_func(seed)
        return chains[-1][seed]

    @_EXPAND
    def expand(dim, expanded, x, out, program):
        nonlocal next_chain
        next_chain = True
        ctypes.memset(out, 0, expanded * np.dtype("float64").itemsize)
        return 0

    address = ctypes.cast(expand, ctypes.c_void_p).value
    sampler = _lib.PySampler.from_pymc(
        settings,
        1,  # core
        sampler_model(
            model.program, model.variables, initial_point, one_thread=True, expand=address
        ),
        _lib.ProgressType.none(),
        None,
        100,
        _lib.PyStorage.arrow(),
    )
    try:
        sampler.wait()
    except BaseException:
        sampler.abort()
        raise
    return chains


# -- the run ---------------------------------------------------------------------------------------

_ASK_SECONDS = 1.0

# Runs by name: a client has one handler of events, whatever runs on it.
_runs: "weakref.WeakValueDictionary[str, _Sampler]" = weakref.WeakValueDictionary()


def _on_event(event) -> None:
    _, message = event
    run = _runs.get(message["run"])
    if run is not None:
        run.on_progress(message["chain"], ChainProgress(**message["state"]))


class _Sampler:
    """Runs the chains of a model, one a task. It has the methods of `nutpie._lib.PySampler`."""

    def __init__(self, client, model, settings, progress_bar, callback, rate):
        description = settings.as_dict()
        wanted = description["settings"]
        draws = wanted["num_tune"] + wanted["num_draws"]
        self._client = client
        self._chains = wanted["num_chains"]
        starts = _initial_points(model, description)
        if len(starts) != self._chains:
            raise RuntimeError(
                f"nutpie {nutpie.__version__} starts chains in another way than 0.16"
            )
        firsts = [next(iter(points)) for points in starts]
        self._starts = [
            Chain(number, points, frozenset(firsts[:number]))
            for number, points in enumerate(starts)
        ]
        self._program = model.program.to_bytes()
        self._run = Run(
            name=uuid.uuid4().hex,
            topic=f"gemmule-{client.id}",
            digest=hashlib.sha256(self._program).hexdigest(),
            variables=model.variables,
            settings=description,
        )
        self._callback = callback
        self._rate = rate / 1000
        self._progress = [ChainProgress(draws) for _ in range(self._chains)]
        self._results: dict[int, tuple] = {}
        self._futures: dict = {}  # of chains that are not done
        self._done: queue.SimpleQueue = queue.SimpleQueue()  # futures, and None to look up
        self._aborted = False
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._taken = False
        self._asked = time.monotonic()  # for workers
        self._alone_since: float | None = None
        _runs[self._run.name] = self
        client.subscribe_topic(self._run.topic, _on_event)
        self._submit()
        self._bar = Bar(self._chains, draws) if progress_bar else None
        threading.Thread(target=self._collect, name="gemmule-dask", daemon=True).start()

    def _submit(self) -> None:
        # As a task, which travels to a worker when that needs it; scattered data would be lost with
        # the workers that have them.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            program = self._client.submit(
                bytes, self._program, key=f"gemmule-program-{self._run.name}", pure=False
            )
        for start in self._starts:
            future = self._client.submit(
                dask_worker.run_chain,
                dask_worker.versions(),
                program,
                self._run,
                start,
                key=f"gemmule-chain-{self._run.name}-{start.number}",
                pure=False,
            )
            self._futures[future] = start.number
            future.add_done_callback(self._done.put)

    # -- in its thread --

    def _collect(self) -> None:
        try:
            while self._futures and not self._aborted:
                with contextlib.suppress(queue.Empty):
                    self._take(self._done.get(timeout=self._rate))
                self._show()
                self._check_workers()
        except BaseException as error:
            self._error = error
        try:
            self._end()
        finally:
            self._over.set()

    def _take(self, future) -> None:
        """Keeps what a task gave."""
        chain = self._futures.pop(future, None)
        if chain is None:
            return
        try:
            result = future.result()
        except Exception as error:
            error.add_note(f"in chain {chain} of {self._chains}")
            if isinstance(error, ImportError):
                wanted = " and ".join(f"{n} {v}" for n, v in dask_worker.versions().items())
                error.add_note(f"a worker needs {wanted}")
            raise
        else:
            if result is not None:
                self._results[chain] = result
                draws = self._progress[chain].total_draws
                self._progress[chain] = dataclasses.replace(
                    self._progress[chain], finished_draws=draws, started=True
                )

    def _show(self) -> None:
        chains = list(self._progress)
        if self._bar is not None:
            self._bar.update(chains)
        if self._callback is not None:
            try:
                self._callback(chains)
            except Exception:
                traceback.print_exc(file=sys.stderr)

    def _check_workers(self) -> None:
        """Raises where there has been no worker for long."""
        now = time.monotonic()
        if now - self._asked < _ASK_SECONDS:
            return
        self._asked = now
        if self._client.nthreads():
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        elif now - self._alone_since > _patience():
            raise TimeoutError(_no_worker(_patience()))

    def _end(self) -> None:
        """Cancels what is not done, after what is done was taken."""
        if self._error is None:
            for future in [f for f in self._futures if f.status == "finished"]:
                with contextlib.suppress(Exception):
                    self._take(future)
        if self._futures:
            with contextlib.suppress(Exception):
                self._client.cancel(list(self._futures))
                self._client.run(dask_worker.stop, self._run.name, on_error="ignore")
        if self._bar is not None:
            self._bar.close()

    def on_progress(self, chain: int, progress: ChainProgress) -> None:
        if chain not in self._results:
            self._progress[chain] = progress

    # -- what nutpie calls --

    def wait(self, timeout: float | None = None) -> None:
        if not self._over.wait(timeout):
            raise TimeoutError("Timeout while waiting for sampler to finish")
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        self._aborted = True
        self._done.put(None)
        self._over.wait()

    def is_finished(self) -> bool:
        return self._over.is_set()

    def is_empty(self, ignore_error: bool = False) -> bool:
        return self._taken

    def inspect(self) -> "_Trace":
        """The chains that are done."""
        return _Trace(self._results)

    def take_results(self) -> "_Trace":
        if not self._over.is_set():
            raise ValueError("the chains are still running")
        self._taken = True
        missing = sorted(set(range(self._chains)) - set(self._results))
        if missing:
            warnings.warn(
                f"interrupted: without the chains {missing} of {self._chains}", stacklevel=3
            )
        return _Trace(self._results)

    def pause(self):
        raise NotImplementedError("chains on a cluster cannot be paused")

    resume = pause


def _patience() -> float:
    """Seconds without a worker until that is an error."""
    wait = dask.config.get("distributed.comm.timeouts.connect")
    return dask.utils.parse_timedelta(wait, default="s")


def _no_worker(seconds: float) -> str:
    return (
        f"the cluster has had no worker for {seconds:g} seconds "
        "(Dask's setting distributed.comm.timeouts.connect)"
    )


class _Trace:
    """Chains in their order, as `nutpie._lib.PyTrace` gives them."""

    def __init__(self, results: dict[int, tuple]):
        self._chains = [results[chain] for chain in sorted(results)]
        if not self._chains:
            raise RuntimeError("no chain is done yet")

    def is_zarr(self) -> bool:
        return False

    def is_arrow(self) -> bool:
        return True

    def get_arrow_trace(self):
        draws, stats = zip(*self._chains, strict=True)
        return _batches(draws), _batches(stats)


def _batches(batches) -> list[RecordBatch]:
    return [RecordBatch.from_arrow(batch) for batch in batches]
