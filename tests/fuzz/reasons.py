"""Reasons for handing a node on that the frontend states: what it raises as `unsupported`."""

import ast
import re
from functools import cache
from pathlib import Path

import gemmule.frontend


@cache
def patterns() -> list[re.Pattern]:
    found = []
    for path in Path(gemmule.frontend.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "unsupported":
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.JoinedStr | ast.Constant):
                        found.append(_pattern(part))
    return [pattern for pattern in found if pattern is not None]


def _pattern(text) -> re.Pattern | None:
    if isinstance(text, ast.Constant):
        return re.compile(re.escape(text.value)) if isinstance(text.value, str) else None
    parts = [
        re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in text.values
    ]
    return re.compile("".join(parts))


def is_documented(reason: str) -> bool:
    return any(pattern.fullmatch(reason.split("\n")[0]) for pattern in patterns())
