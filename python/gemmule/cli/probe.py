"""What only an import can tell, in a process of its own: it may fail, crash or hang.

``python -m gemmule.cli.probe`` prints one JSON document per stage and line, so that what ended the
process in a later stage leaves the earlier ones.
"""

import ctypes
import json
import os
import sys
import time

#: What a line that is a stage begins with.
MARK = "gemmule-probe: "


def say(stage: str, **facts) -> None:
    print(MARK + json.dumps({"stage": stage, **facts}), flush=True)


def begin(stage: str) -> None:
    print(MARK + json.dumps({"begins": stage}), flush=True)


def main() -> int:
    stages = {
        "import": imported,
        "device": device,
        "blas": blas,
        "self_test": self_test,
        "sampling": sampling,
    }
    if "--short" in sys.argv:
        del stages["self_test"]
    for name, stage in stages.items():
        begin(name)
        try:
            facts = stage()
        except Exception as error:
            if os.environ.get("GEMMULE_DOCTOR_DEBUG"):
                raise
            from gemmule.cli.errors import first_line

            say(name, error=first_line(error))
            if name == "import":
                return 1
        else:
            say(name, **facts)
    return 0


def imported() -> dict:
    import gemmule
    from gemmule import _core

    return {
        "version": _core.__version__,
        "built_against_mlx": _core.built_against_mlx,
        "folder": os.path.dirname(gemmule.__file__),
        "has_load": hasattr(gemmule, "load"),
    }


def device() -> dict:
    import mlx.core as mx

    from gemmule.config import config

    default = "gpu" if mx.default_device().type == mx.gpu else "cpu"
    used = config.device or default
    chosen = config.executor
    if chosen == "auto":
        chosen = "cpu" if used == "cpu" else "mlx"
    try:
        from pytensor import config as of_pytensor
    except ModuleNotFoundError:
        of_pytensor = None
    return {
        "mlx_default": default,
        "device": used,
        "has_device": mx.is_available(mx.gpu if used == "gpu" else mx.cpu),
        "executor": chosen,
        "executor_setting": config.executor,
        "disabled": list(config.disable),
        "fallback": config.fallback,
        "floatX": getattr(of_pytensor, "floatX", ""),
        "cxx": getattr(of_pytensor, "cxx", ""),
    }


# -- BLAS -----------------------------------------------------------------------------------------


class _Symbol(ctypes.Structure):
    """Dl_info of <dlfcn.h>."""

    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


def _library_of(function) -> str:
    found = _Symbol()
    try:
        ctypes.CDLL(None).dladdr(ctypes.cast(function, ctypes.c_void_p), ctypes.byref(found))
    except (AttributeError, OSError, TypeError):
        return ""
    return (found.file or b"").decode(errors="replace")


def blas() -> dict:
    """The library that the core's kernels call, and how fast it is here."""
    from gemmule import _core

    facts = {"gflops": _gflops(), "numpy": _blas_of_numpy(), "mlx": _blas_of_mlx()}
    if sys.platform == "darwin":
        return {**facts, "library": "Accelerate", "kind": "accelerate"}
    # A symbol of the core's library, or of one that it is linked to.
    library = ctypes.CDLL(_core.__file__)
    for prefix in ("scipy_", ""):
        config = getattr(library, f"{prefix}openblas_get_config", None)
        if config is None:
            continue
        core = getattr(library, f"{prefix}openblas_get_corename")
        config.restype = core.restype = ctypes.c_char_p
        return {
            **facts,
            "kind": "openblas",
            "library": os.path.basename(_library_of(config)),
            "config": config().decode(errors="replace").strip(),
            "core": core().decode(errors="replace").strip(),
            "threads": getattr(library, f"{prefix}openblas_get_num_threads")(),
        }
    product = getattr(library, "cblas_dgemm", None)
    name = os.path.basename(_library_of(product)) if product is not None else ""
    return {**facts, "kind": "unknown", "library": name}


def _blas_of_numpy() -> str:
    """What NumPy was built with: mode C's and PyTensor's own products use it."""
    import numpy as np

    try:
        found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{found['name']} {found['version']}"
    except (KeyError, TypeError):
        return ""


def _blas_of_mlx() -> str:
    """The library of the products of MLX itself, on the CPU."""
    import mlx.core as mx

    folder = os.path.join(os.path.dirname(mx.__file__), "lib")
    for name in ("libmlx.so", "libmlx.dylib"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            product = getattr(ctypes.CDLL(path), "cblas_sgemm", None)
            return os.path.basename(_library_of(product)) if product is not None else ""
    return ""


def _gflops(n: int = 384) -> float:
    """10^9 operations per second of a product of two float64 matrices, the best of five."""
    import numpy as np

    from gemmule import _core

    graph = _core.Graph.parse(
        "graph(%a: f64[m,k], %b: f64[k,n]) {\n  %c: f64[m,n] = matmul(%a, %b)\n  return %c\n}\n"
    )
    executable = _core.Executable(graph, [], "cpu", "cpu")
    values = [np.random.default_rng(0).normal(size=(n, n)) for _ in range(2)]
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        executable.run(values)
        best = min(best, time.perf_counter() - start)
    return 2 * n**3 / best / 1e9


# -- the self-test --------------------------------------------------------------------------------


def self_test() -> dict:
    """Two functions on each executor, compared with NumPy."""
    from gemmule.config import config

    chosen = config.executor
    on_gpu = device()["device"] == "gpu"
    rows = []
    try:
        for executor in ("mlx",) if on_gpu else ("cpu", "mlx"):
            config.executor = executor
            for name, test in {"product": _product, "density": _density}.items():
                rows.append(_tested(name, executor, test, "float32" if on_gpu else "float64"))
    finally:
        config.executor = chosen
    return {"tests": rows}


def _tested(name: str, executor: str, test, dtype: str) -> dict:
    row = {"test": name, "executor": executor, "dtype": dtype, "ok": False}
    start = time.perf_counter()
    try:
        error, problem = test(dtype)
    except Exception as failure:
        return {**row, "problem": f"{type(failure).__name__}: {str(failure).splitlines()[0]}"}
    limit = 1e-4 if dtype == "float32" else 1e-10
    if not problem and not error < limit:
        problem = f"wrong values: the relative error is {error:.1e}"
    seconds = time.perf_counter() - start
    row |= {"seconds": round(seconds, 3), "ok": not problem}
    return {**row, "problem": problem} if problem else {**row, "error": float(error)}


def _product(dtype: str) -> tuple[float, str]:
    """0.5*(A@B) + C: one kernel."""
    import numpy as np
    import pytensor
    import pytensor.tensor as pt

    import gemmule

    A, B, C = (pt.matrix(name, dtype=dtype) for name in "ABC")
    half = np.asarray(0.5, dtype=dtype)
    f = pytensor.function([A, B, C], half * (A @ B) + C, mode="GEMMULE")
    rng = np.random.default_rng(1)
    a, b, c = (rng.normal(size=shape).astype(dtype) for shape in ((40, 30), (30, 50), (40, 50)))
    problem = _not_native(f)
    counts = gemmule.explain(f).counts
    if not problem and counts != {"gemm": 1} and not gemmule.config.disable:
        problem = f"0.5*(A@B) + C is not one kernel: {counts}"
    return _error(f(a, b, c), 0.5 * (a @ b) + c), problem


def _density(dtype: str) -> tuple[float, str]:
    """The log density of a multivariate normal and its gradient in the mean."""
    import numpy as np
    import pytensor
    import pytensor.tensor as pt
    from pytensor.tensor.linalg import cholesky, solve_triangular

    x, mu = (pt.vector(name, dtype=dtype) for name in ("x", "mu"))
    cov = pt.matrix("cov", dtype=dtype)
    chol = cholesky(cov)
    z = solve_triangular(chol, x - mu, lower=True)
    n = x.shape[0]
    logp = -0.5 * (z @ z) - pt.log(pt.diagonal(chol)).sum() - 0.5 * n * np.log(2 * np.pi)
    f = pytensor.function([x, mu, cov], [logp, pytensor.grad(logp, mu)], mode="GEMMULE")
    rng = np.random.default_rng(2)
    root = rng.normal(size=(20, 20))
    values = [rng.normal(size=20), rng.normal(size=20), root @ root.T / 20 + np.eye(20)]
    got = f(*(value.astype(dtype) for value in values))
    point, mean, matrix = values
    solved = np.linalg.solve(matrix, point - mean)
    _, log_det = np.linalg.slogdet(matrix)
    expected = -0.5 * ((point - mean) @ solved + log_det + 20 * np.log(2 * np.pi))
    return max(_error(got[0], expected), _error(got[1], solved)), _not_native(f)


def _not_native(f) -> str:
    import gemmule

    nodes = [item.op for item in gemmule.explain(f).fallbacks]
    return f"nodes run in Python: {', '.join(nodes)}" if nodes else ""


def _error(got, expected) -> float:
    import numpy as np

    error = float(np.max(np.abs(np.asarray(got) - expected)) / np.max(np.abs(expected)))
    return error if error == error else float("inf")


# -- what samples ---------------------------------------------------------------------------------


def sampling() -> dict:
    """Whether gemmule.sample can be imported with the nutpie that is installed."""
    from importlib.util import find_spec

    if find_spec("pymc") is None or find_spec("nutpie") is None:
        return {"nutpie": "missing"}
    from gemmule import nutpie

    nutpie._check_nutpie()
    return {"nutpie": "ok"}


if __name__ == "__main__":
    # Threads of what was imported wait for nobody.
    status = main()
    sys.stdout.flush()
    os._exit(status)
