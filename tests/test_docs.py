"""The documents: their code runs, prints what they show, and what they list is what there is."""

import ast
import contextlib
import functools
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pymc as pm
import pytest

import gemmule
from gemmule.cli.command_line import main

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

#: Written by tools, which the tests at the end of this file run.
GENERATED = {"how-it-works.md", "coverage.md"}
#: tests/test_export.py builds and runs these.
BUILT_ELSEWHERE = {("c-and-cpp.md", language) for language in ("c", "cpp", "cmake")}

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


@dataclass
class Block:
    """A block of code, and the comment before it: why nothing checks it, or where it is from."""

    language: str
    text: str
    unchecked: str = ""
    source: str = ""


def all_blocks(path) -> list[Block]:
    comment = r"(?:^<!-- (not checked|from): ([^\n]+) -->\n\n)?"
    found = re.findall(comment + r"^```(\w*)\n(.*?)^```$", path.read_text(), re.M | re.S)
    return [
        Block(language, text, why if kind == "not checked" else "", why if kind == "from" else "")
        for kind, why, language, text in found
    ]


def blocks(path, language) -> list[str]:
    return [block.text for block in all_blocks(path) if block.language == language]


def values_in_comments(code: str) -> list[tuple]:
    """Of lines such as `explain(f).counts  # {"gemm": 1}: what it is`."""
    found = re.findall(r"^(\S[^#\n]*)  # ([{\[][^\n]*?[}\]])(?::[^\n]*)?$", code, re.M)
    return [(line, ast.literal_eval(value)) for line, value in found if "..." not in value]


def squeezed(text: str) -> str:
    return " ".join(text.split())


@every_document
def test_every_block_is_checked_or_says_why_not(path):
    text = path.read_text()
    assert text.count("```") == 2 * len(all_blocks(path)), "a block that is indented or not closed"
    for block in all_blocks(path):
        if block.unchecked or path.name in GENERATED:
            continue
        if block.source:
            source = (ROOT / block.source).read_text(encoding="utf-8")
            assert squeezed(block.text) in squeezed(source), f"not in {block.source}"
        elif block.language == "sh":
            assert all(line.startswith("gemmule ") for line in block.text.splitlines())
        elif block.language not in ("python", "text"):
            assert (path.name, block.language) in BUILT_ELSEWHERE, block


@every_document
def test_python_in_documents_runs_and_prints_what_is_shown(path, tmp_path, monkeypatch):
    todo = [block for block in all_blocks(path) if not (block.unchecked or block.source)]
    if not any(block.language == "python" for block in todo):
        pytest.skip("no Python in it")
    short = functools.partial(
        pm.sample, draws=5, tune=5, chains=1, cores=1, progressbar=False, random_seed=1
    )
    monkeypatch.setattr(pm, "sample", short)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gemmule.config, "disable", [])
    names = {"__name__": "document"}  # blocks build on each other
    printed = io.StringIO()
    for block in todo:
        if block.language == "python":
            with contextlib.redirect_stdout(printed):
                exec(compile(block.text, path.name, "exec"), names)
                for expression, value in values_in_comments(block.text):
                    assert eval(expression, names) == value, expression
        elif block.language == "text" and path.name not in GENERATED:
            assert block.text in printed.getvalue()


@every_document
def test_commands_in_documents_run(path, tmp_path, monkeypatch, capsys):
    """The files that they name are the first Python of the document, and what is exported."""
    commands = [
        line
        for block in all_blocks(path)
        if block.language == "sh" and not block.unchecked
        for line in block.text.splitlines()
    ]
    if not commands:
        pytest.skip("no commands in it")
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(blocks(path, "python")[0])
    commands.sort(key=lambda line: not line.startswith("gemmule export"))  # others read its file
    for line in commands:
        status = main(shlex.split(line, comments=True)[1:])
        captured = capsys.readouterr()
        assert (status, captured.err) == (0, ""), line
        assert captured.out, line


@every_document
def test_links_between_documents_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:\s]+)[)#]", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_site_is_built_without_warnings(tmp_path):
    """All pages are in its navigation; links, also to headings and to sources, lead somewhere."""
    pytest.importorskip("material")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0 and "WARNING" not in run.stderr, run.stderr
    pages = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")}
    documents = {path.stem + ".html" for path in (ROOT / "docs").glob("*.md")}
    assert documents <= pages
    assert {"repository/CONTRIBUTING.html", "repository/examples/cpp/sample.cpp.html"} <= pages
    for page in pages:  # nothing is loaded from other hosts
        html = (tmp_path / page).read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]* src="?(?:https?:)?//', html)
        assert not re.findall(r'<link[^>]* rel="?(?:stylesheet|preconnect)[^>]*https?://', html)


def test_how_it_works_lists_all_passes_and_rules():
    """After a change of either, run tools/how_it_works.py."""
    text = (ROOT / "docs" / "how-it-works.md").read_text()
    rows = [f"| `{name}` | {summary} |" for name, summary in gemmule._core.passes()]
    assert "\n".join(rows) in text
    rules = "\n".join(equation for _, equation in gemmule._core.rules())
    assert rules in blocks(ROOT / "docs" / "how-it-works.md", "text")[-1]


def test_how_it_works_is_what_its_tool_writes(tmp_path):
    """After a change of the graphs, run tools/how_it_works.py."""
    tool = runpy.run_path(str(ROOT / "tools" / "how_it_works.py"), run_name="how_it_works")
    assert tool["document"]() == (ROOT / "docs" / "how-it-works.md").read_text()
    pictures = tool["pictures"]()
    assert pictures
    for name, picture in pictures.items():
        assert picture == (ROOT / "docs" / "images" / name).read_text(), name


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
