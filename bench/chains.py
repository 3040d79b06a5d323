"""`python -m bench.chains`: gradients of many chains on MLX's default device, against JAX's `vmap`.

A logistic regression in float32, its log density and gradient, inputs and outputs staying on the
device, the wait for the results included; repeats interleaved. GEMMULE is `gemmule.batched`, which
`gemmule.wait` waits for unless the row says otherwise, MLX the same batched by hand under
`mx.compile`, JAX `jit(vmap(value_and_grad))` on its default device. Rows named NumPy have arrays of
NumPy in and out. The values of each are compared with NumPy in float64. `GEMMULE_TF32=1` chooses
TF32 on CUDA: JAX then computes in its default precision there, which is TF32 too, and otherwise in
full float32.
"""

import argparse
import os
import statistics
import sys
import time

# JAX would take most of the device's memory when it starts.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import mlx.core as mx
import numpy as np
import pytensor
import pytensor.tensor as pt

import gemmule

#: Gradients per second, of JAX's.
BAR = 1.0
BAR_CHAINS = 64


def data(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, columns)).astype("float32")
    return x, rng.integers(0, 2, rows).astype("float32")


def by_numpy(x, y, b):
    x, y, b = x.astype("float64"), y.astype("float64"), b.astype("float64")
    eta = b[:, :-1] @ x.T + b[:, -1:]
    logp = (y * eta - np.logaddexp(eta, 0)).sum(1) - 0.5 * (b**2).sum(1)
    residual = y - 1 / (1 + np.exp(-eta))
    return logp, np.concatenate([residual @ x, residual.sum(1, keepdims=True)], 1) - b


def with_gemmule(x, y, chains: int):
    b = pt.vector("b", shape=(x.shape[1] + 1,), dtype="float32")
    eta = pt.constant(x) @ b[:-1] + b[-1]
    logp = (y * eta - pt.softplus(eta)).sum() - np.float32(0.5) * (b**2).sum()
    f = pytensor.function([b], [logp, pt.grad(logp, b)], mode="GEMMULE")
    many = gemmule.batched(f, chains)
    if many.by_chain is not None:
        sys.exit(f"it runs chain by chain: {many.by_chain}")
    return many


def with_pymc(x, y, chains: int):
    import pymc as pm

    with pytensor.config.change_flags(floatX="float32"), pm.Model() as model:
        beta = pm.Normal("beta", 0, 1, shape=x.shape[1])
        intercept = pm.Normal("intercept", 0, 1)
        pm.Bernoulli("y", logit_p=pt.constant(x) @ beta + intercept, observed=y.astype("int64"))
        many = gemmule.batched(model, chains)
    constant = np.float32(-0.5 * (x.shape[1] + 1) * np.log(2 * np.pi))
    return many, constant


def by_hand(x, y):
    x, y = mx.array(x), mx.array(y)

    def density(b):
        eta = b[:, :-1] @ x.T + b[:, -1:]
        residual = y - mx.sigmoid(eta)
        logp = (y * eta - mx.logaddexp(eta, mx.array(0.0))).sum(1) - 0.5 * (b * b).sum(1)
        intercept = residual.sum(1, keepdims=True)
        return logp, mx.concatenate([residual @ x, intercept], 1) - b

    return mx.compile(density)


def with_jax(x, y, tf32: bool):
    import jax
    import jax.numpy as jnp

    if not tf32:
        jax.config.update("jax_default_matmul_precision", "highest")
    x, y = jnp.array(x), jnp.array(y)

    def density(b):
        eta = x @ b[:-1] + b[-1]
        return (y * eta - jax.nn.softplus(eta)).sum() - 0.5 * (b**2).sum()

    return jax.jit(jax.vmap(jax.value_and_grad(density))), jnp.array, jax.block_until_ready


def measure(rows: int, columns: int, chains: int, repeats: int, tf32: bool, pymc: bool) -> bool:
    x, y = data(rows, columns)
    b = (0.1 * np.random.default_rng(2).normal(size=(chains, columns + 1))).astype("float32")
    want = by_numpy(x, y, b)
    on_device = mx.array(b)
    ways = {}

    many = with_gemmule(x, y, chains)
    ways["GEMMULE"] = lambda: there(many(on_device))
    ways["GEMMULE, mx.eval"] = lambda: wait(many(on_device))
    ways["GEMMULE, NumPy"] = lambda: many(b)
    hand = by_hand(x, y)
    ways["MLX by hand"] = lambda: wait(hand(on_device))
    ways["MLX, gemmule.wait"] = lambda: there(hand(on_device))
    try:
        compiled, to_jax, block = with_jax(x, y, tf32)
    except ModuleNotFoundError:
        print("JAX is not installed", file=sys.stderr)
    else:
        for_jax = to_jax(b)
        ways["JAX vmap"] = lambda: block(compiled(for_jax))
        ways["JAX vmap, NumPy"] = lambda: [np.asarray(value) for value in compiled(b)]
    offset = {}
    if pymc:
        model, offset["GEMMULE, PyMC"] = with_pymc(x, y, chains)
        ways["GEMMULE, PyMC"] = lambda: there(model(on_device))

    times = {way: [] for way in ways}
    errors = {}
    for way, call in ways.items():
        found = [np.asarray(value) for value in call()]
        found[0] = found[0] - offset.get(way, 0)
        errors[way] = max(
            np.abs(got - value).max() / np.abs(value).max()
            for got, value in zip(found, want, strict=True)
        )
        for _ in range(5):
            call()
    for _ in range(repeats):
        for way, call in ways.items():
            times[way].append(seconds(call))
    for way, found in times.items():
        cells = f"{1e6 * min(found):9.1f} {1e6 * statistics.median(found):9.1f}"
        rate = f"{chains / min(found):12.0f} {errors[way]:9.0e}"
        ratio = ""
        if "JAX vmap" in times:
            against = "JAX vmap, NumPy" if way.endswith("NumPy") else "JAX vmap"
            ratio = f"{min(times[against]) / min(found):8.2f}"
        print(f"{chains:>7} {way:<18} {cells} {rate} {ratio}", flush=True)
    limit = 3e-3 if tf32 else 1e-4
    for way, error in errors.items():
        if not error < limit:
            print(f"{way}: the values differ by {error:.1e} of the largest", file=sys.stderr)
            return False
    if "JAX vmap" in times and chains == BAR_CHAINS:
        ratio = min(times["JAX vmap"]) / min(times["GEMMULE"])
        print(f"bar {BAR} {'met' if ratio >= BAR else 'NOT met'} at {chains} chains: {ratio:.2f}")
    return True


def wait(results):
    mx.eval(results)
    return results


def there(results):
    gemmule.wait(results)
    return results


def seconds(call, least: float = 0.01) -> float:
    """The time of one call, over as many as take `least` seconds."""
    count, elapsed = 0, 0.0
    start = time.perf_counter()
    while elapsed < least:
        call()
        count += 1
        elapsed = time.perf_counter() - start
    return elapsed / count


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.chains", description=__doc__)
    parser.add_argument("--chains", default="1,64,1024")
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--pymc", action="store_true", help="also the model as PyMC writes it")
    options = parser.parse_args()
    tf32 = "1" in (os.environ.get("GEMMULE_TF32"), os.environ.get("MLX_ENABLE_TF32"))
    print(f"device {mx.default_device()}, products in {'TF32' if tf32 else 'float32'}")
    print(f"{'chains':>7} {'':<18} {'min us':>9} {'median us':>9} ", end="")
    print(f"{'gradients/s':>12} {'error':>9}   of JAX")
    good = True
    for chains in map(int, options.chains.split(",")):
        sizes = (options.rows, options.columns, chains, options.repeats)
        good = measure(*sizes, tf32, options.pymc) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
