"""The benchmarks' own code, on tiny cases. Nothing here depends on how fast anything is."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import gemmule  # noqa: F401  (registers the modes)

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import (
    bars,
    cases,
    cold,
    executor,
    isolated,
    models_extra,
    report,
    sampling,
    summary,
    timing,
    zoo,
)
from bench.__main__ import environment, main
from bench.case import Case
from bench.timing import Result


def tiny(name="tiny gemm", build=None):
    return Case(name, 8, build or (lambda dtype: cases.gemm(8, dtype)))


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


def test_what_is_not_compiled_has_no_compile_time_in_the_table():
    blas = Result("gemm", "float64", timing.DIRECT, None, [1.0], 0.0)
    assert report.table([blas]).splitlines()[1].split() == ["gemm", "float64", "cblas", "1.0", "0%"]


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
    short += ["--only", "modes"]
    status = main(["--match", "gemm 8", *short, "--json", str(path)])
    assert status == 0
    assert {row["case"] for row in json.loads(path.read_text())["results"]} == {
        "gemm 8",
        "gemm 8, scale at run time",
    }
    assert "GEMMULE" in capsys.readouterr().out
    assert main(["--match", "no such case"]) == 1


# -- the native executor and its bars -------------------------------------------------------------


def executor_results():
    """Two products for one dtype; JAX lacks one, GEMMULE is slower than NUMBA in the other."""
    return [
        Result("a", "float64", "GEMMULE", 0.5, [2.0, 3.0], group="products", rewriting_s=0.49),
        Result("a", "float64", "NUMBA", 9.0, [4.0, 4.0], group="products", rewriting_s=1.0),
        Result("a", "float64", "JAX", failure="NotImplementedError: no", group="products"),
        Result("b", "float64", "GEMMULE", 0.5, [4.0], group="products", rewriting_s=0.4),
        Result("b", "float64", "NUMBA", 9.0, [2.0], group="products", rewriting_s=1.0),
        Result("b", "float64", "JAX", 1.0, [40.0], group="products", rewriting_s=0.5),
    ]


PRODUCTS = bars.Bar("all", "NUMBA", ("products",), mean=1.0, each=1.05)


def test_ratios_divide_our_time_by_the_peers():
    a, *_, b, _, _ = results = executor_results()
    assert bars.ratio_to("NUMBA", a, results) == 0.5
    assert bars.ratio_to("JAX", a, results) is None
    assert bars.ratio_to("JAX", b, results) == 0.1
    assert bars.ratio_to_fastest(b, results) == 2.0
    results[0].times_us = []
    assert bars.ratio_to("NUMBA", a, results) == float("inf")


def test_ratios_do_not_mix_groups():
    results = executor_results()
    other = Result("a", "float64", "NUMBA", 9.0, [1.0], group="one thread")
    assert bars.ratio_to("NUMBA", other, [other, *results]) is None


def test_geometric_mean():
    assert bars.geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    assert bars.geometric_mean([]) is None


def test_a_bar_has_a_verdict_for_each_limit():
    each, mean = bars.verdicts([PRODUCTS], executor_results())
    assert (each.kind, each.ratio, each.where, each.met) == ("each", 2.0, "b", False)
    assert (mean.kind, mean.where, mean.met) == ("mean", "2 cases", True)


def test_a_bar_covers_what_it_names():
    results = executor_results()
    only = bars.Bar("a", "NUMBA", ("products",), case="a", each=0.6)
    [verdict] = bars.verdicts([only], results)
    assert verdict.met and verdict.where == "a"
    assert bars.limit_of([PRODUCTS, only], results[0], "NUMBA") == 0.6
    assert bars.limit_of([PRODUCTS, only], results[3], "NUMBA") == 1.05
    assert bars.limit_of([PRODUCTS, only], results[0], "JAX") is None


def test_without_a_time_of_ours_a_bar_is_missed_and_without_the_peers_there_is_none():
    results = executor_results()
    results[0].times_us = []
    assert [verdict.met for verdict in bars.verdicts([PRODUCTS], results)] == [False, False]
    c = bars.Bar("all", "C", ("products",), each=1.1)
    assert bars.verdicts([c], results) == []


def test_the_summary_has_a_column_per_peer_and_marks_what_misses_a_bar():
    text = summary.summary(executor_results(), [PRODUCTS], compile_ms=50)
    lines = text.splitlines()
    assert lines[0].split() == [
        *["float64", "us", "spread", "NUMBA", "JAX", "fastest", "compile", "ms"]
    ]
    assert lines[1] == "products"
    assert lines[2].split() == ["a", "2.00", "25%", "0.50", "fails", "0.50", "10"]
    assert lines[3].split() == ["b", "4.00", "0%", "2.00!", "0.10", "2.00", "100"]
    assert lines[4].split() == ["geometric", "mean", "1.00", "0.10", "1.00"]
    assert "JAX fails on a, float64: NotImplementedError: no" in text


def test_the_summary_tells_what_is_handed_on_and_who_uses_more_than_one_core():
    result = Result(
        "m", "float64", "GEMMULE", 0.5, [2.0], fallbacks=2, cores=1.9, group="one thread"
    )
    text = summary.summary([result], [], compile_ms=50)
    assert "m (+2)" in text and "hands n nodes on to Python" in text
    assert "GEMMULE uses 1.9 cores on m, float64, where it should use one" in text


def test_the_slowest_compilation_is_held_against_its_limit():
    results = executor_results()
    assert summary.compile_bar(results, 50) == ""
    for result in results:
        result.group = "models"
    assert summary.compile_bar(results, 50).endswith("at most 50 ms, 100 ms for b, float64: MISSED")
    assert summary.compile_bar(results, 200).endswith("met")


def test_bars_and_times_as_tables():
    results = executor_results()
    header, each, mean = summary.bars_table(bars.verdicts([PRODUCTS], results)).splitlines()
    assert header.split() == ["bar", "peer", "dtype", "limit", "ratio", "where"]
    assert each.split() == ["all,", "each", "NUMBA", "float64", "1.05", "2.00", "MISSED", "b"]
    assert mean.split()[-3:] == ["met", "2", "cases"]
    assert summary.times(results).splitlines()[1].split() == ["a", "float64", "2.00", "4.00"]


def test_executor_data_are_json_even_without_a_time():
    results = executor_results()
    results[0].times_us = []
    saved = json.loads(json.dumps(summary.data(results, [PRODUCTS]), allow_nan=False))
    assert saved["bars"][0]["ratio"] is None and saved["bars"][0]["met"] is False
    assert saved["results"][3]["backend_ms"] == pytest.approx(100)


def test_every_bar_has_cases():
    known = executor.cases()
    for bar in executor.BARS:
        assert any(bar.covers(Result(c.name, "float64", "GEMMULE", group=c.group)) for c in known)
    names = [(case.group, case.name) for case in known + models_extra.cases()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["gemm 8", "gemm into C 256", "normal terms 4096", "x + 1"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_executor_cases_are_right_and_blas_agrees(name, dtype):
    case = next(case for case in executor.cases() if case.name.startswith(name))
    modes = ["GEMMULE", timing.DIRECT]
    rows = timing.run_case(case, dtype, modes, repeats=1, seconds=0.0001)
    assert [row.mode for row in rows] == (modes if case.direct else modes[:1])
    assert [row.failure for row in rows] == [""] * len(rows)
    assert rows[0].group == case.group


def test_a_model_and_its_gradient_are_a_case_for_each_dtype():
    case = models_extra.cases()[[c.name for c in models_extra.cases()].index("eight schools")]
    with pytensor.config.change_flags(cxx="", mode="FAST_COMPILE"):
        for dtype in case.dtypes:
            [row] = timing.run_case(case, dtype, ["GEMMULE"], repeats=1, seconds=0.0001)
            assert row.failure == "" and row.backend_ms > 0


# -- the zoo --------------------------------------------------------------------------------------


def test_the_zoo_is_a_list_of_cases_in_each_group():
    names = {(case.group, case.name) for case in zoo.cases()}
    assert {(group, "eight_schools") for group in zoo.GROUPS} <= names
    assert len(names) == len(zoo.cases())


def test_every_bar_of_the_zoo_has_cases():
    for bar in zoo.BARS:
        assert any(
            bar.covers(Result(c.name, "float64", "GEMMULE", group=c.group)) for c in zoo.cases()
        )


def test_of_several_peers_the_fastest_counts():
    results = executor_results()
    assert bars.ratio_to("NUMBA/JAX", results[3], results) == 2.0
    assert bars.ratio_to("C/JAX", results[3], results) == 0.1
    assert bars.ratio_to("C/JAX", results[0], results) is None
    both = bars.Bar("all", "NUMBA/JAX", ("products",), each=1.05)
    assert bars.limit_of_fastest([PRODUCTS, both], results[0]) == 1.05
    assert bars.limit_of_fastest([PRODUCTS], results[0]) is None
    assert "2.00!" in summary.summary(results, [both], None)


def zoo_case(name):
    return next(case for case in zoo.cases() if case.name == name)


def test_a_mode_without_the_model_fails_alone_in_its_process():
    shown = []
    rows = isolated.run(
        [zoo_case("eight_schools")],
        ["float64"],
        ["GEMMULE", "NO_SUCH_MODE"],
        isolated.Limits(1, 0.001),
        dict(os.environ),
        shown.append,
    )
    assert shown == [rows]
    assert [row.mode for row in rows] == ["GEMMULE", "NO_SUCH_MODE"]
    assert rows[0].failure == "" and rows[0].best > 0
    assert "NO_SUCH_MODE" in rows[1].failure


def test_a_mode_that_ends_its_process_is_left_out(monkeypatch):
    """The worker dies in JAX for one case, says nothing for another, fails before for a third."""
    endings = {
        ("a", "JAX"): "the process ended with SIGSEGV",
        ("b", "NUMBA"): "nothing after 5 s",
        ("c", ""): "the process ended with status 1: no such model",
    }

    def work(tasks, limits, environment):
        done = []
        for task in tasks:
            for mode in ["", *task.modes]:
                if (task.case, mode) in endings:
                    return done, (mode, endings[task.case, mode])
            rows = [
                Result(task.case, task.dtype, m, times_us=[1.0], group="zoo") for m in task.modes
            ]
            done.append(rows)
        return done, None

    monkeypatch.setattr(isolated, "_work", work)
    modes = ["GEMMULE", "NUMBA", "JAX"]
    rows = isolated.run(
        [Case(name, 0, None, group="zoo") for name in "abcd"],
        ["float64"],
        modes,
        isolated.Limits(1, 1.0, cases=3),
        {},
    )
    assert [(row.case, row.mode) for row in rows] == [(c, m) for c in "abcd" for m in modes]
    failed = {(row.case, row.mode): row.failure for row in rows if row.failure}
    assert failed == {
        ("a", "JAX"): endings["a", "JAX"],
        ("b", "NUMBA"): endings["b", "NUMBA"],
        **{("c", mode): endings["c", ""] for mode in modes},
    }


def test_a_worker_that_dies_says_in_which_mode(monkeypatch, tmp_path):
    script = tmp_path / "python"
    script.write_text('#!/bin/sh\necho \'bench: {"begins": "JAX"}\'\nkill -SEGV $$\n')
    script.chmod(0o755)
    monkeypatch.setattr(isolated.sys, "executable", str(script))
    tasks = [isolated._Task("zoo", "a", "float64", ["JAX"])]
    found = isolated._work(tasks, isolated.Limits(1, 1.0), dict(os.environ))
    assert found == ([], ("JAX", "the process ended with SIGSEGV"))
    script.write_text("#!/bin/sh\necho oops >&2; exit 3\n")
    found = isolated._work(tasks, isolated.Limits(1, 1.0), dict(os.environ))
    assert found == ([], ("", "the process ended with status 3: oops"))
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    found = isolated._work(tasks, isolated.Limits(1, 1.0, silence=0.2), dict(os.environ))
    assert found == ([], ("", "nothing after 0 s"))


def test_the_zoo_part_of_the_command_line(tmp_path, capsys):
    path = tmp_path / "b.json"
    arguments = ["--only", "zoo", "--quick", "--match", "eight_schools_centred", "--repeats", "1"]
    arguments += ["--modes", "GEMMULE,MLX", "--seconds", "0.001", "--compile"]
    assert main([*arguments, "--json", str(path)]) == 0
    saved = json.loads(path.read_text())["zoo"]["results"]
    assert [(row["group"], row["mode"]) for row in saved] == [
        ("zoo", "GEMMULE"),
        ("zoo", "MLX"),
        ("zoo one thread", "GEMMULE"),
        ("zoo one thread", "MLX"),
        ("zoo compile", "GEMMULE"),
    ]
    assert all(row["best_us"] > 0 for row in saved)
    assert "zoo, mean" in capsys.readouterr().out


def test_nan_is_no_small_error():
    assert timing._relative_error(np.array([np.nan]), np.array([1.0])) == float("inf")


def test_libraries_find_the_number_of_threads_and_no_foreign_kernels():
    found = environment({"OPENBLAS_CORETYPE": "HASWELL", "HOME": "x"}, None)
    assert found == {"HOME": "x"}
    found = environment({"XLA_FLAGS": "--a"}, 1)
    assert found["OPENBLAS_NUM_THREADS"] == found["MKL_NUM_THREADS"] == found["NPROC"] == "1"
    assert found["XLA_FLAGS"] == "--a --xla_cpu_multi_thread_eigen=false"
    assert environment(found, 1) == found


def test_cold_caches_are_apart_and_other_flags_stay(tmp_path):
    found = cold.environment({"PYTENSOR_FLAGS": "cxx="}, tmp_path)
    assert found["PYTENSOR_FLAGS"] == f"cxx=,base_compiledir={tmp_path / 'pytensor'}"
    assert found["NUMBA_CACHE_DIR"].startswith(str(tmp_path))


def test_cold_compile_times_as_a_table():
    results = [
        Result("m", "float64", "GEMMULE", 1.0, rewriting_s=0.96, group="models"),
        Result("m", "float64", "NUMBA", 2.0, rewriting_s=0.9, group="models"),
    ]
    assert cold.table(results).splitlines()[1].split() == [
        *["m", "float64", "1.00", "2.00", "0.50!", "40"]
    ]


def test_the_executor_part_of_the_command_line(tmp_path, capsys):
    path = tmp_path / "b.json"
    arguments = ["--only", "executor", "--quick", "--match", "gemm 8", "--modes", "GEMMULE,cblas"]
    assert main([*arguments, "--repeats", "1", "--seconds", "0.001", "--json", str(path)]) == 0
    saved = json.loads(path.read_text())
    assert [row["case"] for row in saved["executor"]["results"]] == ["gemm 8"]
    assert saved["executor"]["results"][0]["backend_ms"] > 0
    assert "Ratios: GEMMULE's time over the peer's." in capsys.readouterr().out


def test_the_batched_part_of_the_command_line(tmp_path, capsys):
    path = tmp_path / "b.json"
    arguments = ["--only", "batched", "--match", "eight schools", "--repeats", "1"]
    assert main([*arguments, "--json", str(path)]) == 0
    [row] = json.loads(path.read_text())["batched"]
    assert (row["case"], row["chains"]) == ("eight schools", 64)
    assert row["error"] < 1e-10
    assert row["ratio"] == row["separate"] / row["batched"]
    assert "eight schools" in capsys.readouterr().out


# -- nutpie ---------------------------------------------------------------------------------------


def test_rows_of_sampling_as_a_table():
    numbers = dict.fromkeys(sampling.COLUMNS, 2.0)
    rows = [
        sampling.Row("a", "GEMMULE", **numbers | {"draws_two": 8.0}),
        sampling.Row("a", "NUMBA", **numbers | {"call_us": 5.0}),
        sampling.Row("b", "GEMMULE", **numbers),
        sampling.Row("b", "NUMBA", failure="status 1: no"),
    ]
    lines = sampling.table(rows).splitlines()
    assert [line.split()[0] for line in lines] == ["model", "a", "a", "times", "b", "b"]
    assert lines[3].split()[2:] == ["1.0", "1.0", "2.5", "1.0", "1.0", "4.0"]
    assert lines[5].endswith("status 1: no")


def test_what_goes_wrong_while_sampling_is_in_the_row():
    row = sampling.measure("no_such_model", "GEMMULE", 1, 1)
    assert "KeyError: 'no_such_model'" in row.failure


@pytest.mark.slow
def test_the_nutpie_part_of_the_command_line(tmp_path, capsys):
    path = tmp_path / "bench.json"
    options = ["--only", "nutpie", "--quick", "--modes", "GEMMULE", "--json", str(path)]
    assert main(options) == 0
    [row] = json.loads(path.read_text())["nutpie"]
    assert (row["model"], row["failure"]) == ("eight_schools", "")
    assert all(row[column] > 0 for column in sampling.COLUMNS)
    assert "eight_schools" in capsys.readouterr().out
