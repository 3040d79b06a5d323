"""The demo runs and saves its pictures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_demo_runs_quickly(tmp_path):
    run = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py", "--quick", "--folder", tmp_path],
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "0.5*A@B + C" in run.stdout
    assert "potrf" in run.stdout
    assert "== before (PyTensor's MLX mode) and after (mode GEMMULE)" in run.stdout
    saved = {path.name for path in tmp_path.iterdir()}
    assert {"before_after.png", "product.svg", "mvnormal.svg", "logistic.svg"} <= saved
    assert (tmp_path / "before_after.png").read_bytes().startswith(b"\x89PNG")
