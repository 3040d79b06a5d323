"""The report of ``gemmule doctor`` as text."""

import re

from gemmule.cli import system
from gemmule.cli.terminal import aligned


def text_of(report, terminal) -> str:
    parts = [
        _section("versions", _version_rows(report), terminal),
        _section("machine", _machine_rows(report), terminal),
        _section("BLAS", _blas_rows(report), terminal),
        _section("what runs where", _feature_rows(report), terminal),
        _section("self-test", _test_rows(report), terminal),
        _section("environment", list(report.environment.items()), terminal),
    ]
    text = "\n\n".join(part for part in parts if part)
    for note in report.notes:
        text += f"\n\n{terminal.style('note', 'yellow')}: {note}"
    for problem in report.problems:
        text += f"\n\n{terminal.style('problem', 'red')}: {problem.what}\n  {problem.advice}"
    if not report.problems:
        text += f"\n\n{terminal.style('all is well', 'green')}"
    return text


def _section(title: str, rows: list[tuple], terminal) -> str:
    if not rows:
        return ""
    return "\n".join([terminal.style(title, "bold"), *aligned(rows, indent="  ")])


def _version_rows(report) -> list[tuple]:
    rows = []
    for name, version in report.versions.items():
        if name == "built_against_mlx":
            continue
        text = version or "missing"
        built = report.versions.get("built_against_mlx")
        if name == "mlx" and built and version:
            text += " (Gemmule was built against it)" if built == version else f" (not {built})"
        rows.append((name, text))
    return rows


def _machine_rows(report) -> list[tuple]:
    machine, device = report.machine, report.device
    cores = f"{machine['cores']}"
    if machine["cpu_quota"] is not None:
        cores += f", of which a container's limit leaves {machine['cpu_quota']:g}"
    rows = [
        ("system", machine["system"]),
        ("processor", machine["cpu"]),
        ("cores", cores),
        ("SIMD", system.simd_text(machine["simd"])),
    ]
    if device:
        default = device["mlx_default"].upper()
        chosen = "" if device["device"] == device["mlx_default"] else " (GEMMULE_DEVICE)"
        rows += [
            ("MLX's default device", default),
            ("Gemmule's device", device["device"].upper() + chosen),
            ("executor", f"{device['executor']} (setting: {device['executor_setting']})"),
            ("floatX", device["floatX"]),
            (
                "C++ compiler",
                f"{device['cxx'] or 'none'} (for PyTensor's mode C; Gemmule needs none)",
            ),
        ]
    return rows


def _blas_rows(report) -> list[tuple]:
    facts = report.blas
    if not facts:
        return []
    kind = {"openblas": "OpenBLAS", "accelerate": "Accelerate"}.get(facts["kind"], "unknown")
    rows = [("kind", kind), ("library", facts["library"])]
    if "config" in facts:
        rows += [("build", facts["config"]), ("kernels for", facts["core"])]
        rows.append(("threads", str(facts["threads"])))
    rows.append(("product 384 x 384", f"{facts['gflops']:.1f} GFLOP/s"))
    if facts.get("numpy"):
        rows.append(("NumPy has its own", facts["numpy"]))
    if facts.get("mlx"):
        slow = "" if is_fast(facts["mlx"]) else ", the slow reference: for PyTensor's mode MLX only"
        rows.append(("MLX has its own", facts["mlx"] + slow))
    return rows


def is_fast(library: str) -> bool:
    """Whether a library of this name is more than the reference BLAS."""
    return re.search("openblas|accelerate|veclib|mkl|blis|armpl|nvpl", library, re.I) is not None


def _feature_rows(report) -> list[tuple]:
    return [
        (row["name"], "yes" if row["available"] else "no", row["detail"] or row["use"])
        for row in report.features
    ]


def _test_rows(report) -> list[tuple]:
    titles = {"product": "0.5*(A@B) + C", "density": "MvNormal density, gradient"}
    return [
        (
            titles[row["test"]],
            f"executor {row['executor']}",
            f"ok, error {row['error']:.0e}" if row["ok"] else "fails",
        )
        for row in report.self_test
    ]
