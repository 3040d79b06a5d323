"""Chains on the workers of a Dask cluster, which is one of real processes here."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time

import dask
import numpy as np
import nutpie
import pymc as pm
import pytensor.tensor as pt
import pytest
import xarray as xr
from distributed import Client, LocalCluster
from nutpie import _lib
from nutpie.compiled_pyfunc import from_pyfunc

import gemmule
from gemmule import dask_worker
from gemmule.dask import _initial_points
from gemmule.dask import sample as on_cluster

# The workers of the cluster take long to start.
pytestmark = pytest.mark.slow

SHORT = {"draws": 60, "tune": 80, "seed": 11, "progress_bar": False}

rng = np.random.default_rng(3)
X = rng.normal(size=(4000, 15))
Y = X @ rng.normal(size=15) + rng.normal(size=4000)


@pytest.fixture(scope="module")
def compiled():
    with pm.Model(coords={"feature": [f"f{i}" for i in range(15)]}) as model:
        data = pm.Data("X", X)
        beta = pm.Normal("beta", dims="feature")
        sigma = pm.HalfNormal("sigma")
        pm.Deterministic("outer", beta[:3, None] * beta[:2])
        pm.Normal("obs", data @ beta, sigma, observed=Y)
    return gemmule.compile_model(model)


class Cluster:
    """A cluster of worker processes without nannies that import neither PyMC nor PyTensor."""

    def __init__(self, client, address, folder):
        self.client = client
        self.address = address
        self.folder = folder
        self.workers = []
        (folder / "sitecustomize.py").write_text(
            "import sys\n"
            "class Blocked:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if name.partition('.')[0] in ('pymc', 'pytensor'):\n"
            "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
            "sys.meta_path.insert(0, Blocked())\n"
        )

    def start(self) -> None:
        paths = [str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        command = [
            *(sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--no-nanny"),
            *("--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder)),
        ]
        path = os.pathsep.join(paths)
        environment = {**os.environ, "PYTHONPATH": path, "RUST_BACKTRACE": "0"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.workers.append(subprocess.Popen(command, env=environment, **quiet))

    def have(self, count: int) -> None:
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < count:
            self.start()
        self.client.wait_for_workers(count, timeout=120)

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    options = {"n_workers": 0, "processes": True, "dashboard_address": None}
    with LocalCluster(**options) as local, Client(local) as client:
        cluster = Cluster(client, local.scheduler_address, tmp_path_factory.mktemp("worker"))
        try:
            yield cluster
        finally:
            cluster.close()


@pytest.fixture
def client(cluster):
    cluster.have(2)
    return cluster.client


def assert_identical(left, right):
    """Draws, statistics, warmup, coordinates and attributes."""

    def without_time(tree):
        tree = tree.copy()
        for node in tree.subtree:
            node.attrs.pop("created_at", None)
        return tree

    assert list(left.children) == list(right.children)
    xr.testing.assert_identical(without_time(left), without_time(right))


# -- draws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"chains": 4},
        {"chains": 3, "save_warmup": False, "adaptation": "low_rank", "store_unconstrained": True},
        {"chains": 3, "adaptation": "draw_diag", "target_accept": 0.9, "store_divergences": True},
        {"chains": 2, "sampler": "mclmc"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_draws_are_those_of_one_machine(compiled, client, options):
    options = {**SHORT, **options}
    assert_identical(
        gemmule.sample(compiled, client=client, **options), gemmule.sample(compiled, **options)
    )


def test_a_model_is_compiled_and_shared_data_travel_with_it(compiled, client):
    other = compiled.with_data(X=X[::-1])
    options = {**SHORT, "chains": 2}
    trace = gemmule.sample(other, client=client, **options)
    assert_identical(trace, gemmule.sample(other, **options))
    with pm.Model() as model:
        pm.Normal("x")
        trace = gemmule.sample(client=client, **options)
    assert_identical(trace, gemmule.sample(model, **options))


def test_runs_at_once_do_not_mix(compiled, client):
    seeds, traces = (1, 2), {}

    def run(seed):
        options = {**SHORT, "seed": seed, "chains": 2}
        traces[seed] = gemmule.sample(compiled, client=client, **options)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in seeds:
        want = gemmule.sample(compiled, **{**SHORT, "seed": seed, "chains": 2})
        assert_identical(traces[seed], want)


def test_a_worker_reads_a_program_once(compiled, client):
    def read():
        from gemmule import dask_worker

        return dict(dask_worker._programs)

    options = {**SHORT, "chains": 4, "draws": 5}
    kept = []
    for _ in range(2):
        gemmule.sample(compiled, client=client, **options)
        kept.append(client.run(lambda: {k: id(v) for k, v in read().items()}))
    assert kept[0] == kept[1]
    assert all(0 < len(programs) <= 4 for programs in kept[0].values())


def test_without_a_seed_runs_differ(compiled, client):
    options = {**SHORT, "seed": None, "chains": 1, "draws": 5}
    first, second = (gemmule.sample(compiled, client=client, **options) for _ in range(2))
    assert not np.array_equal(first.posterior.beta, second.posterior.beta)


def test_initial_points_without_a_density_are_drawn_again(client):
    """From most points that the prior gives nothing can be sampled."""
    with pm.Model() as model:
        x = pm.Normal("x", 0, 1)
        pm.Potential("narrow", pt.switch(pt.gt(x, 0.5), 0.0, -np.inf))
    compiled = gemmule.compile_model(model, default_initialization_strategy="prior")
    settings = _lib.PyNutsSettings.Diag(5)
    settings.num_chains = 4
    starts = _initial_points(compiled, settings.as_dict())
    assert len(starts) == 4
    assert max(map(len, starts)) > 1
    assert all(list(points.values())[-1] > 0.5 for points in starts)
    options = {**SHORT, "seed": 5, "chains": 4}
    assert_identical(
        gemmule.sample(compiled, client=client, **options), gemmule.sample(compiled, **options)
    )


# -- while it runs --------------------------------------------------------------------------------


def test_progress_comes_while_chains_run(compiled, client):
    seen = []
    options = {**SHORT, "draws": 8_000, "chains": 2}  # longer than the time between two signs
    gemmule.sample(compiled, client=client, progress_callback=seen.append, **options)
    states = [state for chains in seen for state in chains]
    assert any(0 < state.finished_draws < state.total_draws for state in states)
    assert {len(chains) for chains in seen} == {2}
    assert [state.finished_draws for state in seen[-1]] == [SHORT["tune"] + 8_000] * 2
    fields = {name for name in dir(nutpie.ChainProgress) if not name.startswith("_")}
    assert fields <= set(dir(states[0]))
    running = max(states, key=lambda state: state.finished_draws)
    assert running.step_size > 0
    assert running.total_num_steps > running.finished_draws


def test_one_bar_for_all_chains(compiled, client, capsys):
    gemmule.sample(compiled, client=client, **{**SHORT, "progress_bar": True}, chains=2)
    [line] = capsys.readouterr().out.strip().splitlines()
    assert line.startswith("2 chains")
    assert "280/280 draws" in line
    gemmule.sample(compiled, client=client, **SHORT, chains=2)
    assert capsys.readouterr() == ("", "")


def test_without_blocking(compiled, client):
    sampler = gemmule.sample(
        compiled, client=client, **{**SHORT, "draws": 2000}, chains=2, blocking=False
    )
    assert not sampler.is_finished
    with pytest.raises(TimeoutError):
        sampler.wait(timeout=0.01)
    with pytest.raises(NotImplementedError, match="cannot be paused"):
        sampler.pause()
    sampler.cancel()
    assert sampler.is_finished
    _wait_until_idle(client)


def _wait_until_idle(client):
    """No worker still runs a chain."""

    def running(dask_worker):
        return len(dask_worker.active_threads)

    limit = time.monotonic() + 20
    while any(client.run(running).values()):
        assert time.monotonic() < limit
        time.sleep(0.1)


@pytest.fixture
def interruptible():
    """What a job in the background of a shell is not: SIGINT raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_keeps_the_chains_that_are_done(compiled, client):
    draws = SHORT["tune"] + 1_000
    interrupted = []

    def interrupt(chains):
        done = sum(chain.finished_draws == draws for chain in chains)
        if 4 <= done < len(chains) and not interrupted:
            interrupted.append(done)
            os.kill(os.getpid(), signal.SIGINT)

    options = {**SHORT, "draws": 1_000, "chains": 16}
    with pytest.warns(UserWarning, match="interrupted: without the chains"):
        trace = gemmule.sample(compiled, client=client, progress_callback=interrupt, **options)
    _wait_until_idle(client)
    found = trace.posterior.sizes["chain"]
    assert 1 <= found < 16
    want = gemmule.sample(compiled, **options)
    for chain in trace.posterior.beta.values:
        assert sum(np.array_equal(chain, other) for other in want.posterior.beta.values) == 1


_VERSION = re.escape(gemmule._core.__version__)

# -- errors ---------------------------------------------------------------------------------------


def test_what_a_worker_raises_comes_back(compiled, client):
    with pytest.raises(RuntimeError, match="early_end < num_tune") as caught:
        on_cluster(client, compiled, **{**SHORT, "tune": 0}, chains=2)
    assert any("of 2" in note for note in caught.value.__notes__)
    _wait_until_idle(client)


def test_other_versions_are_refused(compiled, client, monkeypatch):
    versions = {"gemmule": "0.0.7", "nutpie": "0.16"}
    monkeypatch.setattr(dask_worker, "versions", lambda: versions)
    with pytest.raises(
        RuntimeError,
        match=rf"client has gemmule 0\.0\.7 and nutpie 0\.16, this worker gemmule {_VERSION}",
    ):
        gemmule.sample(compiled, client=client, **SHORT, chains=2)


def test_no_point_has_a_density(client):
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Potential("never", pt.switch(pt.gt(x, 1e9), 0.0, -np.inf))
    with pytest.raises(RuntimeError, match="initialization points failed"):
        gemmule.sample(model, client=client, **SHORT)


def test_without_dask_the_error_says_what_to_install(compiled, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "gemmule.dask")
    with pytest.raises(ImportError, match=r"needs Dask .*Run: pip install distributed"):
        gemmule.sample(compiled, client=object(), **SHORT)


def test_clients_that_do_not_work(compiled, client):
    with pytest.raises(TypeError, match=r"client is a distributed\.Client, not str"):
        gemmule.sample(compiled, client=client.scheduler.address, **SHORT)
    closed = Client(client.scheduler.address)
    closed.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        gemmule.sample(compiled, client=closed, **SHORT)

    async def asynchronous():
        async with Client(client.scheduler.address, asynchronous=True) as other:
            gemmule.sample(compiled, client=other, **SHORT)

    with pytest.raises(TypeError, match="client is asynchronous"):
        asyncio.run(asynchronous())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"zarr_store": object()}, "come back to the client"),
        ({"adaptation": "flow"}, "cannot run on a cluster"),
        ({"cores": 2}, "as many chains at once as it has threads"),
    ],
    ids=["zarr_store", "flow", "cores"],
)
def test_options_that_a_cluster_does_not_have(compiled, client, options, message):
    with pytest.raises(ValueError, match=message):
        gemmule.sample(compiled, client=client, **{**SHORT, **options})


def test_only_programs_travel(client):
    """What calls Python stays where the model is."""
    model = from_pyfunc(
        ndim=1,
        make_logp_fn=lambda: lambda x: (-(x[0] ** 2), -2 * x),
        make_expand_fn=lambda *seeds: lambda x: {"x": x},
        expanded_dtypes=[np.dtype("float64")],
        expanded_shapes=[(1,)],
        expanded_names=["x"],
    )
    assert gemmule.sample(model, **SHORT, chains=1).posterior.sizes["draw"] == SHORT["draws"]
    with pytest.raises(
        TypeError, match=r"only what gemmule\.compile_model compiles without Python"
    ):
        gemmule.sample(model, client=client, **SHORT)


# -- workers that die -----------------------------------------------------------------------------


class HalfWay:
    """Does something once: when half of all draws are there and so many chains are under way."""

    def __init__(self, action, running):
        self.action = action
        self.running = running
        self.seen = []
        self.done = False

    def __call__(self, chains):
        draws = [chain.finished_draws for chain in chains]
        total = chains[0].total_draws
        self.seen.append(draws)
        running = sum(0 < finished < total for finished in draws)
        if not self.done and 2 * sum(draws) >= total * len(draws) and running >= self.running:
            self.done = True
            self.action()

    @property
    def began_again(self) -> bool:
        """Chains that were under way."""
        return bool((np.diff(np.array(self.seen), axis=0) < 0).any())


LONG = {**SHORT, "draws": 1200}


def test_chains_of_a_worker_that_is_killed_run_elsewhere(compiled, cluster):
    cluster.have(2)

    def imported():
        import gemmule

        assert gemmule.load
        return {"pymc", "pytensor"} & set(sys.modules)

    assert list(cluster.client.run(imported).values()) == [set(), set()]
    killed = cluster.workers[0]
    half_way = HalfWay(lambda: killed.send_signal(signal.SIGKILL), running=2)
    trace = gemmule.sample(
        compiled, client=cluster.client, chains=8, progress_callback=half_way, **LONG
    )
    assert killed.wait(10) == -signal.SIGKILL
    assert len(cluster.client.nthreads()) == 1
    assert half_way.began_again
    assert_identical(trace, gemmule.sample(compiled, chains=8, **LONG))


def test_a_new_worker_goes_on_where_all_others_died(compiled, cluster):
    """With the last worker the program is lost."""
    cluster.have(1)
    [killed] = cluster.workers

    def replace():
        killed.send_signal(signal.SIGKILL)
        cluster.start()

    half_way = HalfWay(replace, running=1)
    trace = gemmule.sample(
        compiled, client=cluster.client, chains=3, progress_callback=half_way, **LONG
    )
    assert killed.wait(10) == -signal.SIGKILL
    assert half_way.began_again
    assert_identical(trace, gemmule.sample(compiled, chains=3, **LONG))


def test_no_workers(compiled, cluster):
    cluster.have(1)
    [killed] = cluster.workers
    half_way = HalfWay(lambda: killed.send_signal(signal.SIGKILL), running=1)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "2s"}),
        pytest.raises(TimeoutError, match="has had no worker for 2 seconds"),
    ):
        gemmule.sample(
            compiled, client=cluster.client, chains=3, progress_callback=half_way, **LONG
        )
    assert half_way.done
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "100ms"}),
        pytest.raises(TimeoutError, match=r"has had no worker for 0\.1 seconds"),
    ):
        gemmule.sample(compiled, client=cluster.client, **SHORT)
