"""A function that ran in the parent runs in a forked child."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing
import numpy as np, pytensor, pytensor.tensor as pt
import gemmule

x = pt.matrix()
f = pytensor.function([x], [pt.tanh(x @ x).sum(), pt.sort(x), pt.cumsum(x)], mode="GEMMULE")
value = np.arange(9.0).reshape(3, 3)

def work(queue):
    queue.put([np.asarray(result) for result in f(value)])

f(value)
context = multiprocessing.get_context("fork")
queue = context.Queue()
child = context.Process(target=work, args=(queue,))
child.start()
for got, want in zip(queue.get(timeout=60), f(value)):
    np.testing.assert_array_equal(got, want)
child.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_runs_what_its_parent_compiled(executor):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "GEMMULE_EXECUTOR": executor},
    )
    assert run.returncode == 0, run.stderr


LARGE = """
import os, sys
import numpy as np, pytensor, pytensor.tensor as pt
import gemmule

x = pt.matrix()
f = pytensor.function([x], pt.tanh(pt.exp(x) + pt.log1p(pt.exp(-x))), mode="GEMMULE")
value = np.random.default_rng(1).normal(size=(1000, 800))
want = f(value)
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(f(value), want) else 3)
np.testing.assert_array_equal(f(value), want)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_threads_of_its_own():
    """A pass that threads share, in the parent and then in the child, which has none of them."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LARGE],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "GEMMULE_EXECUTOR": "cpu", "OPENBLAS_NUM_THREADS": "2"},
    )
    assert run.returncode == 0, run.stderr
