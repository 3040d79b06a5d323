"""look at the installation: versions, device, BLAS, what runs where, a self-test

Exit status 0 when all is well, and 1 otherwise, with what to do about each problem. Optional
packages that are missing are no problem.
"""

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from gemmule.cli import mlx_packages, system

#: Distributions whose versions are told, in this order.
PACKAGES = [
    "gemmule", "mlx", "pytensor", "numpy", "scipy", "scipy-openblas32", "pymc", "nutpie", "jax",
    "numba", "distributed", "matplotlib", "rich",
]  # fmt: skip

#: Without these nothing runs.
REQUIRED = ("mlx", "numpy", "pytensor")

#: Environment variables that change speed or results.
VARIABLES = re.compile(
    r"(GEMMULE|OPENBLAS|MLX|PYTENSOR)_.+|(OMP|MKL|GOTO|VECLIB)_NUM_THREADS|OMP_.+|XLA_FLAGS|JAX_.+"
)

#: OpenBLAS's kernels that use AVX2 or AVX-512, by its names of cores.
FAST_CORES = {
    "haswell", "zen", "skylakex", "cooperlake", "sapphirerapids", "excavator", "graniterapids",
}  # fmt: skip

TIMEOUT = 300  # seconds for the probe


@dataclass
class Problem:
    """What is wrong, and what to do about it."""

    what: str
    advice: str


@dataclass
class Report:
    versions: dict = field(default_factory=dict)
    machine: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    device: dict = field(default_factory=dict)
    blas: dict = field(default_factory=dict)
    #: Rows of name, whether it can be used, detail.
    features: list[dict] = field(default_factory=list)
    self_test: list[dict] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, what: str, advice: str) -> None:
        self.problems.append(Problem(what, advice))

    def to_dict(self) -> dict:
        return {
            "ok": not self.problems,
            **vars(self),
            "problems": [vars(problem) for problem in self.problems],
        }


def add_arguments(parser) -> None:
    parser.add_argument(
        "--no-self-test", action="store_true", help="compile and run nothing: versions only"
    )


def run(options, terminal) -> int:
    with terminal.progress("looking") as begins:
        report = examine(begins, self_test=not options.no_self_test, debug=options.debug)
    from gemmule.cli.doctor_text import text_of

    terminal.show(text_of(report, terminal), report.to_dict())
    return 1 if report.problems else 0


def examine(begins=lambda name: None, *, self_test: bool = True, debug: bool = False) -> Report:
    report = Report()
    begins("versions")
    report.versions = versions()
    level = system.simd_level(platform.machine(), system.cpu_flags())
    report.machine = {
        "system": platform.platform(),
        "cpu": system.cpu_name(),
        "simd": level,
        "cores": system.cores(),
        "cpu_quota": system.cpu_quota(),
    }
    report.environment = {
        name: value for name, value in sorted(os.environ.items()) if VARIABLES.fullmatch(name)
    }
    for name in REQUIRED:
        if report.versions[name] is None:
            only = ": only gemmule.load works without it" if name == "pytensor" else ""
            report.problem(f"{name} is not installed{only}", f"pip install {_requirement(name)}")
    _look_at_requirements(report)
    note = system.load_note()
    if note:
        report.notes.append(note)
    begins("import")
    stages, ending = _probe(self_test, debug, begins)
    _look_at_import(report, stages, ending)
    _look_at_device(report, stages)
    _look_at_blas(report, stages)
    _look_at_features(report, stages)
    _look_at_self_test(report, stages, ending, self_test)
    return report


# -- versions -------------------------------------------------------------------------------------


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def versions() -> dict:
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _requirements() -> list:
    """What the installed Gemmule says that it needs; empty where it is not installed."""
    try:
        from packaging.requirements import Requirement

        return [Requirement(text) for text in metadata.requires("gemmule") or []]
    except (ImportError, metadata.PackageNotFoundError):
        return []


def _requirement(name: str) -> str:
    for requirement in _requirements():
        if requirement.name == name and (
            requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ):
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            wanted = f"{name}{extras}{requirement.specifier}"
            return name if wanted == name else f"'{wanted}'"
    return name


def _look_at_requirements(report: Report) -> None:
    for requirement in _requirements():
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = _version(requirement.name)
        if found is None or requirement.name == "mlx":  # told by the version it was built against
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            report.problem(
                f"{requirement.name} {found} is installed, and Gemmule needs "
                f"{requirement.name}{requirement.specifier}",
                f"pip install '{requirement.name}{requirement.specifier}'",
            )


# -- the probe ------------------------------------------------------------------------------------


def _probe(self_test: bool, debug: bool, begins) -> tuple[dict, str]:
    """The stages of gemmule.cli.probe by name, and the one that ended it ("" where none did)."""
    folder = str(Path(__file__).parents[2])
    environment = dict(os.environ)
    paths = [folder, *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    # Its own output is all that it may write.
    environment.pop("GEMMULE_EXPLAIN", None)
    environment.pop("GEMMULE_DUMP", None)
    if debug:
        environment["GEMMULE_DOCTOR_DEBUG"] = "1"
    command = [sys.executable, "-m", "gemmule.cli.probe", *([] if self_test else ["--short"])]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        output, errors, status = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired as error:
        output, errors, status = error.stdout or "", error.stderr or "", None
        output, errors = (
            text.decode(errors="replace") if isinstance(text, bytes) else text
            for text in (output, errors)
        )
    if debug and errors:
        print(errors, file=sys.stderr)
    return _read_stages(output, errors, status)


def _read_stages(output: str, errors: str, status: int | None) -> tuple[dict, str]:
    from gemmule.cli.probe import MARK

    stages, begun = {}, "import"
    for line in output.splitlines():
        if not line.startswith(MARK):
            continue
        message = json.loads(line.removeprefix(MARK))
        if "begins" in message:
            begun = message["begins"]
        else:
            stages[message.pop("stage")] = message
    if status == 0 or begun in stages:
        return stages, ""
    if status is None:
        ending = f"nothing after {TIMEOUT} s"
    elif status < 0:
        ending = f"the process ended with signal {-status}"
    else:
        lines = [line.strip() for line in errors.strip().splitlines() if line.strip()]
        ending = re.sub(r"^(\w+\.)*(\w*Error): ", "", lines[-1]) if lines else f"status {status}"
    stages[begun] = {"error": ending}
    return stages, begun


def _look_at_import(report: Report, stages: dict, ending: str) -> None:
    facts = stages.get("import", {})
    report.versions["gemmule"] = facts.get("version") or report.versions["gemmule"]
    built = facts.get("built_against_mlx") or _mlx_of_metadata(facts.get("error", ""))
    report.versions["built_against_mlx"] = built
    packages = mlx_packages.installed().items()
    differs = [f"{name} {found}" for name, found in packages if built not in (None, found)]
    if differs:
        are = "is" if len(differs) == 1 else "are"
        report.problem(
            f"Gemmule was built against mlx {built}, and {' and '.join(differs)} {are} installed: "
            "they share C++ types and do not work together",
            mlx_packages.command(built),
        )
    if facts.get("error") and not differs and not report.problems:
        error = facts["error"]
        report.problem(f"gemmule cannot be imported: {error}", _advice_for_import(error))


def _mlx_of_metadata(error: str) -> str | None:
    """The version of MLX that the extension was built against, where it does not load."""
    said = re.search(r"built against mlx ([\w.]+)", error)
    if said:
        return said[1]
    return _requirement("mlx").strip("'").partition("==")[2] or None


def _advice_for_import(error: str) -> str:
    missing = re.search(r"No module named '([\w]+)'", error)
    if missing:
        return f"pip install {missing[1]}"
    if "gemmule.config." in error:
        return "unset or correct the variable of that switch, such as GEMMULE_EXECUTOR"
    if "_core" in error:
        return "build the extension: pip install . (or make build in a checkout)"
    if "undefined symbol" in error or "Symbol not found" in error:
        return "the extension and a library do not fit: pip install --force-reinstall gemmule"
    if "cannot open shared object" in error or "Library not loaded" in error:
        packages = f"{_requirement('mlx')} {_requirement('scipy-openblas32')}"
        return f"a library is missing: pip install --force-reinstall {packages}"
    return "run `gemmule doctor --debug` for the traceback"


# -- device and BLAS ------------------------------------------------------------------------------


def _look_at_device(report: Report, stages: dict) -> None:
    facts = stages.get("device", {})
    if "error" in facts:
        report.problem(
            f"the device cannot be used: {facts['error']}",
            "GEMMULE_DEVICE is cpu, gpu or empty; GEMMULE_EXECUTOR is auto, cpu or mlx",
        )
        return
    report.device = facts
    if not facts.get("has_device", True):
        report.problem(
            f"GEMMULE_DEVICE is {facts['device']}, and MLX has none here", "unset GEMMULE_DEVICE"
        )
    if facts.get("disabled"):
        names = ", ".join(facts["disabled"])
        report.notes.append(f"left out by GEMMULE_DISABLE: {names}")


def _look_at_blas(report: Report, stages: dict) -> None:
    facts = stages.get("blas", {})
    if "error" in facts:
        report.problem(f"BLAS does not work: {facts['error']}", "pip install scipy-openblas32")
        return
    if not facts:
        return
    report.blas = facts
    cores = report.machine["cores"]
    if facts["kind"] == "unknown":
        report.problem(
            f"the BLAS library is neither OpenBLAS nor Accelerate: {facts['library'] or '?'}",
            "the reference library is many times slower: install Gemmule with scipy-openblas32",
        )
    if facts["kind"] != "openblas":
        return
    level, core = report.machine["simd"], facts["core"]
    if level in ("x86-64-v3", "x86-64-v4") and core.lower() not in FAST_CORES:
        advice = "install a newer scipy-openblas32"
        if "OPENBLAS_CORETYPE" in os.environ:
            advice = "unset OPENBLAS_CORETYPE"
        report.problem(
            f"OpenBLAS uses its kernels for {core}, and this machine has {system.simd_text(level)}",
            advice,
        )
    quota = report.machine["cpu_quota"]
    may = cores if quota is None else max(1, min(cores, round(quota)))
    if facts["threads"] > may:
        why = f"{cores} cores" if quota is None else f"a limit of {quota:g} of {cores} cores"
        report.problem(
            f"OpenBLAS uses {facts['threads']} threads with {why}: they wait for each other",
            f"export OPENBLAS_NUM_THREADS={may}",
        )
    elif facts["threads"] < may:
        report.notes.append(
            f"OpenBLAS uses {facts['threads']} of {may} cores (OPENBLAS_NUM_THREADS); right where "
            "several processes run at once"
        )


# -- what runs where ------------------------------------------------------------------------------


def _look_at_features(report: Report, stages: dict) -> None:
    device = report.device
    imported = "error" not in stages.get("import", {"error": ""})

    def add(name: str, use: str, needs: list[str], extra: str = "", problem: str = "") -> None:
        missing = [package for package in needs if report.versions.get(package) is None]
        row = {"name": name, "use": use, "available": imported and not missing and not problem}
        row["missing"] = missing
        if not imported:
            row["detail"] = "gemmule cannot be imported"
        elif missing:
            install = f"'gemmule[{extra}]'" if extra else " ".join(missing)
            row["detail"] = f"needs {', '.join(missing)}: pip install {install}"
        else:
            row["detail"] = problem
        report.features.append(row)

    where = "Gemmule's own executor, on the CPU"
    if device.get("executor") == "mlx":
        where = f"MLX, on the {device['device'].upper()}"
    add("mode GEMMULE", where, ["pytensor", "mlx"])
    add("mode MLX_BLAS", "PyTensor's MLX backend with Gemmule's kernels", ["pytensor", "mlx"])
    if stages.get("import", {}).get("has_load"):
        add("programs in files", "gemmule.load, gemmule.export, gemmule run", [])
    add("PyMC", 'pm.sample(compile_kwargs={"mode": "GEMMULE"})', ["pytensor", "pymc"], "pymc")
    sampling = ""
    if all(report.versions[name] for name in ("pytensor", "pymc", "nutpie")):
        sampling = stages.get("sampling", {}).get("error", "")
    add(
        "nutpie",
        "gemmule.sample: no Python in the loop",
        ["pytensor", "pymc", "nutpie"],
        "nutpie",
        sampling,
    )
    if sampling:
        report.problem(f"gemmule.sample does not work: {sampling}", _after_run(sampling))
    # These parts have a module of their own, and may not be in this version.
    for module, name, use, needs in (
        ("jax", "JAX", "gemmule.as_jax: programs in functions of JAX, by jax.ffi", ["jax"]),
        ("dask", "Dask", "chains on a cluster", ["distributed", "pymc", "nutpie"]),
    ):
        if Path(__file__).parents[1].joinpath(f"{module}.py").exists():
            add(name, use, ["pytensor", *needs], "nutpie,dask" if module == "dask" else module)
    add("plots", "gemmule bench --plot", ["matplotlib"])


def _after_run(message: str) -> str:
    """The advice in a message that gives one."""
    _, found, command = message.partition("Run: ")
    return command if found else "pip install --upgrade 'gemmule[nutpie]'"


def _look_at_self_test(report: Report, stages: dict, ending: str, wanted: bool) -> None:
    if report.versions["pytensor"] is None or not report.device.get("has_device", True):
        return  # told already
    facts = stages.get("self_test", {})
    report.self_test = facts.get("tests", [])
    for row in report.self_test:
        if not row["ok"]:
            report.problem(
                f"the self-test {row['test']} on the executor {row['executor']} fails: "
                f"{row['problem']}",
                "unset the variables GEMMULE_*, PYTENSOR_FLAGS and MLX_*; if it fails still, "
                "report it with the output of `gemmule doctor --json`",
            )
    if "error" in facts:
        report.problem(
            f"the self-test does not run: {facts['error']}", "gemmule doctor --debug says more"
        )
    elif ending not in ("", "import") and "error" in stages[ending]:
        pass  # told where that stage is looked at
    elif wanted and not facts and not report.problems:
        report.problem("the self-test did not run", "gemmule doctor --debug says more")
