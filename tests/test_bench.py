"""The benchmarks' own code, on tiny cases. Nothing here depends on how fast anything is."""

import json
import sys
from pathlib import Path

import numpy as np
import pytensor.tensor as pt
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import cases, report, timing
from bench.__main__ import main
from bench.timing import Result


def tiny(name="tiny gemm", build=None):
    return cases.Case(name, 8, build or (lambda dtype: cases.gemm(8, dtype)))


def results_of_two_modes():
    return [
        Result("gemm", "float64", "GEMMULE", 0.5, [2.0, 3.0, 4.0], 0.0),
        Result("gemm", "float64", "MLX", 0.25, [8.0, 8.0], 1e-9),
        Result("gemm", "float64", "JAX", failure="NotImplementedError: no such op"),
    ]


def test_a_case_runs_in_every_mode_that_is_given():
    rows = timing.run_case(tiny(), "float64", ["GEMMULE", "MLX"], repeats=2, seconds=0.001)
    assert [row.mode for row in rows] == ["GEMMULE", "MLX"]
    for row in rows:
        assert row.failure == ""
        assert len(row.times_us) == 2 and min(row.times_us) > 0
        assert row.compile_s > 0
        assert row.error < 1e-12


def test_a_mode_that_fails_says_why():
    rows = timing.run_case(tiny(), "float64", ["NO_SUCH_MODE"], repeats=1, seconds=0.001)
    assert rows[0].times_us == []
    assert "NO_SUCH_MODE" in rows[0].failure


def test_wrong_values_are_a_failure(monkeypatch):
    monkeypatch.setitem(timing.TOLERANCE, "float64", -1.0)
    [row] = timing.run_case(tiny(), "float64", ["GEMMULE"], repeats=1, seconds=0.001)
    assert row.failure.startswith("wrong values: relative error")
    assert row.best is None


def test_errors_are_relative_to_the_largest_element():
    assert timing._relative_error(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 0.5
    assert timing._relative_error(np.zeros(3), np.zeros(3)) == 0
    assert timing._relative_error(np.zeros(3), np.zeros(2)) == float("inf")


@pytest.mark.parametrize("case", cases.all_cases(), ids=lambda case: case.name)
def test_every_case_builds(case):
    if case.size > 1000:
        pytest.skip("large")
    built = case.build("float32")
    assert len(built.inputs) == len(built.values)
    for variable, value in zip(built.inputs, built.values, strict=True):
        assert isinstance(variable, pt.TensorVariable)
        assert (variable.type.dtype, variable.type.ndim) == (value.dtype.name, value.ndim)


def test_ratio_and_spread():
    results = results_of_two_modes()
    assert [row.best for row in results] == [2.0, 8.0, None]
    assert results[0].spread == 0.5
    assert [report.ratio(row, results) for row in results] == [1.0, 4.0, None]


def test_table_names_every_mode_and_the_reason_of_a_failure():
    lines = report.table(results_of_two_modes()).splitlines()
    assert lines[0].split()[:3] == ["case", "dtype", "mode"]
    assert lines[1].split() == ["gemm", "float64", "GEMMULE", "2.0", "50%", "1.00", "0.50"]
    assert lines[2].split() == ["MLX", "8.0", "0%", "4.00", "0.25"]
    assert lines[3].split(None, 2) == ["JAX", "fails", "NotImplementedError: no such op"]


def test_data_and_picture_are_saved(tmp_path):
    results = results_of_two_modes()
    report.save_json(results, tmp_path / "deep" / "bench.json")
    saved = json.loads((tmp_path / "deep" / "bench.json").read_text())
    assert saved["machine"]["cores"] >= 1
    assert {"python", "pytensor", "mlx"} <= set(saved["versions"])
    assert [row["ratio"] for row in saved["results"]] == [1.0, 4.0, None]
    assert saved["results"][2]["failure"] == "NotImplementedError: no such op"
    report.save_plot(results, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_line_measures_what_it_is_asked_for(tmp_path, capsys):
    path = tmp_path / "b.json"
    short = ["--modes", "GEMMULE", "--dtypes", "float64", "--repeats", "1", "--seconds", "0.001"]
    status = main(["--match", "gemm 8", *short, "--json", str(path)])
    assert status == 0
    assert {row["case"] for row in json.loads(path.read_text())["results"]} == {
        "gemm 8",
        "gemm 8, scale at run time",
    }
    assert "GEMMULE" in capsys.readouterr().out
    assert main(["--match", "no such case"]) == 1
