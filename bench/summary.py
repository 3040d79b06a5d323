"""The end of a run for the native executor: ratios to each peer, means, and the bars."""

from dataclasses import asdict

from bench.bars import (
    Bar,
    Verdict,
    geometric_mean,
    limit_of,
    limit_of_fastest,
    ratio_to,
    ratio_to_fastest,
    verdicts,
)
from bench.timing import Result
from gemmule.explain import aligned

MISSED = "!"

#: Above that a process that should use one thread uses more.
_ONE_CORE = 1.2


def summary(results: list[Result], bars: list[Bar], compile_ms: float | None) -> str:
    """A table per dtype: GEMMULE's time, and this divided by the time of each peer.

    Compilations of models that take longer than ``compile_ms`` are marked.
    """
    parts = []
    for dtype in dict.fromkeys(result.dtype for result in results):
        chosen = [result for result in results if result.dtype == dtype]
        parts.append(_table(dtype, chosen, bars, compile_ms))
    parts.append(f"Ratios: GEMMULE's time over the peer's. {MISSED} misses a bar.")
    return "\n\n".join([*parts, *_notes(results)])


def _table(dtype: str, results: list[Result], bars: list[Bar], compile_ms: float | None) -> str:
    peers = [mode for mode in dict.fromkeys(r.mode for r in results) if mode != "GEMMULE"]
    fastest = ["fastest"] if len(peers) > 1 else []
    rows = [(dtype, "us", "spread", *peers, *fastest, "compile ms")]
    ours = [result for result in results if result.mode == "GEMMULE"]
    for group in dict.fromkeys(result.group for result in ours):
        rows.append((group, *[""] * (len(rows[0]) - 1)))
        members = [result for result in ours if result.group == group]
        for result in members:
            cells = [_peer_cell(peer, result, results, bars) for peer in peers]
            if fastest:
                cells.append(_fastest_cell(result, results, bars))
            rows.append(
                (
                    "  " + result.case + (f" (+{result.fallbacks})" if result.fallbacks else ""),
                    f"{result.best:,.2f}" if result.best else "fails",
                    f"{result.spread:.0%}" if result.best else "",
                    *cells,
                    _compile_cell(result, group, compile_ms),
                )
            )
        if len(members) > 1 and peers:
            means = [
                geometric_mean(_known(ratio_to(peer, r, results) for r in members))
                for peer in peers
            ]
            if fastest:
                means.append(geometric_mean(_known(ratio_to_fastest(r, results) for r in members)))
            rows.append(("  geometric mean", "", "", *map(_number, means), ""))
    return columns(rows)


def _peer_cell(peer: str, result: Result, results: list[Result], bars: list[Bar]) -> str:
    ratio = ratio_to(peer, result, results)
    if ratio is None:
        key = (result.case, result.dtype, result.group, peer)
        failed = any((r.case, r.dtype, r.group, r.mode) == key and r.failure for r in results)
        return "fails" if failed else ""
    limit = limit_of(bars, result, peer)
    return _number(ratio) + _mark(limit is not None and ratio > limit)


def _fastest_cell(result: Result, results: list[Result], bars: list[Bar]) -> str:
    ratio, limit = ratio_to_fastest(result, results), limit_of_fastest(bars, result)
    missed = None not in (ratio, limit) and ratio > limit
    return _number(ratio) + _mark(missed)


def _compile_cell(result: Result, group: str, compile_ms: float | None) -> str:
    if result.backend_ms is None:
        return ""
    judged = compile_ms is not None and group in ("models", "one thread")
    missed = judged and result.backend_ms > compile_ms
    return f"{result.backend_ms:.0f}" + _mark(missed)


def _mark(missed: bool) -> str:
    return MISSED if missed else " "


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _known(values) -> list:
    return [value for value in values if value is not None]


def _notes(results: list[Result]) -> list[str]:
    lines = [
        f"{r.mode} fails on {r.case}, {r.dtype}: {r.failure[:100]}" for r in results if r.failure
    ]
    lines += [
        f"{r.mode} uses {r.cores:.1f} cores on {r.case}, {r.dtype}, where it should use one"
        for r in results
        if r.group.endswith("one thread") and r.cores and r.cores > _ONE_CORE
    ]
    handed_on = sorted({(r.case, r.fallbacks) for r in results if r.fallbacks})
    if handed_on:
        lines.append("(+n) hands n nodes on to Python.")
    return ["\n".join(lines)] if lines else []


def times(results: list[Result]) -> str:
    """Microseconds of every mode, without a judgement."""
    modes = list(dict.fromkeys(result.mode for result in results))
    best = {(r.group, r.case, r.dtype, r.mode): r.best for r in results}
    rows = [("us", "dtype", *modes)]
    for group, case, dtype in dict.fromkeys((r.group, r.case, r.dtype) for r in results):
        values = [best.get((group, case, dtype, mode)) for mode in modes]
        name = f"{case} ({group})" if " " in group else case
        rows.append((name, dtype, *("" if value is None else f"{value:,.2f}" for value in values)))
    return columns(rows)


def bars_table(found: list[Verdict]) -> str:
    """One line per limit and dtype."""
    if not found:
        return "no bar is measured"
    rows = [("bar", "peer", "dtype", "limit", "ratio", "", "where")]
    for verdict in found:
        rows.append(
            (
                f"{verdict.bar.title}, {verdict.kind}",
                verdict.bar.peer,
                verdict.dtype,
                _number(verdict.limit),
                _number(verdict.ratio),
                "met" if verdict.met else "MISSED",
                verdict.where,
            )
        )
    return columns(rows, left=(0, 1, 2, 5, 6))


def compile_bar(results: list[Result], limit_ms: float) -> str:
    """The slowest of GEMMULE's compilations of models against its limit."""
    ours = [
        result
        for result in results
        if result.mode == "GEMMULE" and result.group in ("models", "one thread")
    ]
    known = [result for result in ours if result.backend_ms is not None]
    if not known:
        return ""
    worst = max(known, key=lambda result: result.backend_ms)
    verdict = "met" if worst.backend_ms <= limit_ms else "MISSED"
    return (
        f"compiling a model, PyTensor's rewriting apart: at most {limit_ms:.0f} ms, "
        f"{worst.backend_ms:.0f} ms for {worst.case}, {worst.dtype}: {verdict}"
    )


def columns(rows: list[tuple], left: tuple[int, ...] = (0,)) -> str:
    """Aligned text; the columns in ``left`` to the left, the others to the right."""
    return aligned(rows, right=tuple(i for i in range(len(rows[0])) if i not in left))


def data(results: list[Result], bars: list[Bar]) -> dict:
    """For the JSON file."""
    return {
        "results": [
            asdict(r) | {"best_us": r.best, "spread": r.spread, "backend_ms": r.backend_ms}
            for r in results
        ],
        "bars": [
            asdict(verdict) | {"met": verdict.met, "ratio": _finite(verdict.ratio)}
            for verdict in verdicts(bars, results)
        ],
    }


def _finite(value: float) -> float | None:
    """JSON has no infinity."""
    return value if value < float("inf") else None
