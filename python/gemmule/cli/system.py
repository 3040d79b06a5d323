"""The machine, without importing more than Python's own library."""

import os
import platform
import subprocess
import sys
from pathlib import Path

# What the levels of x86-64 ask for beyond the one before, in Linux's names.
_LEVELS = [
    ("x86-64-v2", {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
    ("x86-64-v3", {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}),
    ("x86-64-v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
]
_NAMES = {"x86-64-v3": "AVX2", "x86-64-v4": "AVX-512"}


def cpu_flags() -> set[str]:
    """Linux's flags of the first core; empty where it cannot be read."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return set()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(value.split())
    return set()


def simd_level(machine: str, flags: set[str]) -> str:
    """The level that kernels are chosen by: ``"x86-64-v3"``; the machine's name for others."""
    if machine not in ("x86_64", "AMD64"):
        return {"arm64": "NEON", "aarch64": "NEON"}.get(machine, machine)
    level = "x86-64"
    for name, wanted in _LEVELS:
        if not wanted <= flags:
            break
        level = name
    return level


def simd_text(level: str) -> str:
    return f"{level} ({_NAMES[level]})" if level in _NAMES else level


def cpu_name() -> str:
    if sys.platform == "darwin":
        try:
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=5).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return platform.processor()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor()


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota() -> float | None:
    """Cores' worth of time that a container may use; None without a limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) / int(period)


def load() -> float:
    """How many cores other processes kept busy in the last minute, about."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0


def load_note() -> str:
    """Why figures that are measured now are not to be trusted; "" where they are."""
    if load() < 0.5 * cores():
        return ""
    return f"the machine is busy (load {load():.1f} on {cores()} cores): times are too long"
