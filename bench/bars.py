"""Bars: how much of a peer's time GEMMULE may take, and whether it does."""

import math
from dataclasses import dataclass

from bench.timing import Result


@dataclass(frozen=True)
class Bar:
    """GEMMULE's time divided by the peer's: at most ``each`` in every case, ``mean`` on average.

    The average is the geometric mean. ``case`` is a name, ``match`` a part of names. Of several
    peers, as in "C/NUMBA", the fastest counts in each case.
    """

    title: str
    peer: str
    groups: tuple[str, ...]
    case: str = ""
    match: str = ""
    each: float | None = None
    mean: float | None = None

    def covers(self, result: Result) -> bool:
        return (
            result.group in self.groups
            and self.case in ("", result.case)
            and self.match in result.case
        )


@dataclass(frozen=True)
class Verdict:
    """What became of one of a bar's limits for one dtype."""

    bar: Bar
    dtype: str
    #: "each" or "mean".
    kind: str
    limit: float
    #: The largest ratio, or the geometric mean of all; infinite where GEMMULE has no time.
    ratio: float
    #: The case with the largest ratio, or how many cases there are.
    where: str

    @property
    def met(self) -> bool:
        return self.ratio <= self.limit


def ratio_to(peer: str, result: Result, results: list[Result]) -> float | None:
    """GEMMULE's time divided by the peer's; None without the peer's, infinite without ours."""
    same = [r for r in results if _same(r, result)]
    ours = next((r for r in same if r.mode == "GEMMULE"), None)
    theirs = [r.best for r in same if r.mode in peer.split("/") and r.best is not None]
    if ours is None or not theirs:
        return None
    return math.inf if ours.best is None else ours.best / min(theirs)


def ratio_to_fastest(result: Result, results: list[Result]) -> float | None:
    """GEMMULE's time divided by that of the peer that is fastest in this case."""
    peers = {r.mode for r in results if _same(r, result)} - {"GEMMULE"}
    ratios = [ratio_to(peer, result, results) for peer in peers]
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def geometric_mean(ratios: list[float]) -> float | None:
    if not ratios:
        return None
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def verdicts(bars: list[Bar], results: list[Result]) -> list[Verdict]:
    """Each limit and dtype of which something was measured."""
    found = []
    dtypes = list(dict.fromkeys(result.dtype for result in results))
    ours = [result for result in results if result.mode == "GEMMULE"]
    for bar in bars:
        for dtype in dtypes:
            ratios = {}
            for result in ours:
                if result.dtype == dtype and bar.covers(result):
                    ratio = ratio_to(bar.peer, result, results)
                    if ratio is not None:
                        ratios[result.group, result.case] = ratio
            if not ratios:
                continue
            worst = max(ratios, key=ratios.get)
            if bar.each is not None:
                found.append(Verdict(bar, dtype, "each", bar.each, ratios[worst], worst[1]))
            if bar.mean is not None:
                mean = geometric_mean(list(ratios.values()))
                found.append(Verdict(bar, dtype, "mean", bar.mean, mean, f"{len(ratios)} cases"))
    return found


def limit_of_fastest(bars: list[Bar], result: Result) -> float | None:
    """The lowest limit that this case has to keep against the fastest of several peers."""
    found = [bar.each for bar in bars if "/" in bar.peer and bar.each and bar.covers(result)]
    return min(found, default=None)


def limit_of(bars: list[Bar], result: Result, peer: str) -> float | None:
    """The lowest limit that this case has to keep against the peer."""
    limits = [bar.each for bar in bars if bar.peer == peer and bar.each and bar.covers(result)]
    return min(limits, default=None)


def _same(one: Result, other: Result) -> bool:
    return (one.case, one.dtype, one.group) == (other.case, other.dtype, other.group)
