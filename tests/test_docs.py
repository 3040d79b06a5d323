"""The documents: their Python runs, and what they list is what there is."""

import functools
import re
import runpy
from pathlib import Path

import pymc as pm
import pytest

import gemmule

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.M | re.S)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_python_in_documents_runs(path, tmp_path, monkeypatch):
    code = blocks(path, "python")
    if not code:
        pytest.skip("no Python in it")
    short = functools.partial(
        pm.sample, draws=5, tune=5, chains=1, cores=1, progressbar=False, random_seed=1
    )
    monkeypatch.setattr(pm, "sample", short)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gemmule.config, "disable", [])
    # One namespace per document: blocks build on each other.
    exec(compile("\n".join(code), path.name, "exec"), {"__name__": "document"})


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        if target == "docs/cuda.md" and not (ROOT / target).exists():
            continue
        assert (path.parent / target).exists(), target


def test_how_it_works_lists_all_passes_and_rules():
    """After a change of either, run tools/how_it_works.py."""
    text = (ROOT / "docs" / "how-it-works.md").read_text()
    rows = [f"| `{name}` | {summary} |" for name, summary in gemmule._core.passes()]
    assert "\n".join(rows) in text
    rules = "\n".join(equation for _, equation in gemmule._core.rules())
    assert rules in blocks(ROOT / "docs" / "how-it-works.md", "text")[-1]


def test_native_executor_lists_all_its_passes():
    text = (ROOT / "docs" / "native-executor.md").read_text()
    rows = [f"| `{name}` | {summary} |" for name, summary in gemmule._core.native_passes()]
    assert "\n".join(rows) in text


@pytest.mark.slow
def test_coverage_is_what_runs_where():
    """After ops were added, run `make coverage`."""
    path = ROOT / "tools" / "coverage.py"
    names = runpy.run_path(str(path), run_name="coverage")
    assert names["document"]() == (ROOT / "docs" / "coverage.md").read_text()
