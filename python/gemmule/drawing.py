"""Pictures of layered graphs as SVG, without a library.

A drawing has boxes in layers from top to bottom and arrows between them. Where things go is found
in the classical steps: layers by the longest path, invisible boxes where an arrow passes a layer,
an order in each layer that follows the neighbours (barycentres), and positions as close to the
neighbours as the order allows (isotonic regression).
"""

import itertools
from dataclasses import dataclass, field
from html import escape

#: Fill and line of a box by its kind.
COLOURS = {
    "product": ("#fde3c8", "#c2621b"),
    "factorisation": ("#e6dcf5", "#7146ad"),
    "elementwise": ("#d9ecd9", "#3c7d3c"),
    "reduction": ("#d6e8f7", "#2b6ca8"),
    "loop": ("#fbf3c4", "#94820f"),
    "movement": ("#eeeeee", "#777777"),
    "python": ("#fbd9dd", "#b3273b"),
    "input": ("#ffffff", "#444444"),
    "output": ("#444444", "#444444"),
}

FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_CHARACTER = {13: 7.9, 11: 6.7, 10: 6.1}  # width by font size
_GAP = 26  # between boxes of a layer
_LAYER_GAP = 52
_MARGIN = 20


@dataclass
class Box:
    """What is drawn at one place: a title and lines below it."""

    kind: str
    title: str
    lines: list[str] = field(default_factory=list)

    @property
    def rounded(self) -> bool:
        return self.kind in ("input", "output")

    @property
    def width(self) -> float:
        widths = [len(self.title) * _CHARACTER[13]]
        widths += [len(line) * _CHARACTER[11] for line in self.lines]
        return max(widths) + 26

    @property
    def height(self) -> float:
        return 26 + 16 * len(self.lines)


@dataclass
class Arrow:
    """From the box at index ``source`` to the one at ``target``."""

    source: int
    target: int
    label: str = ""


@dataclass
class _Place:
    """A box, or a point (width 0) that an arrow passes on its way through a layer."""

    layer: int
    width: float
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)


def draw(boxes: list[Box], arrows: list[Arrow], title: str = "") -> str:
    """The SVG text. Arrows must not form a cycle."""
    layers = _layers(boxes, arrows)
    places = [
        _Place(layer, box.width, box.height) for layer, box in zip(layers, boxes, strict=True)
    ]
    for arrow in arrows:  # room for the label below its source
        source = places[arrow.source]
        source.width = max(source.width, len(arrow.label) * _CHARACTER[10])
    paths = [_path(places, arrow) for arrow in arrows]
    rows = [[] for _ in range(max(layers, default=0) + 1)]
    for index, place in enumerate(places):
        rows[place.layer].append(index)
    _order(places, rows)
    _position(places, rows)
    return _svg(boxes, arrows, places, paths, rows, title)


# -- layout ----------------------------------------------------------------------------------------


def _layers(boxes: list[Box], arrows: list[Arrow]) -> list[int]:
    """The longest path from above; boxes that nothing feeds go right above their first reader."""
    sources = [[] for _ in boxes]
    targets = [[] for _ in boxes]
    for arrow in arrows:
        sources[arrow.target].append(arrow.source)
        targets[arrow.source].append(arrow.target)
    layers = [0] * len(boxes)
    waiting = [len(above) for above in sources]
    ready = [index for index, count in enumerate(waiting) if count == 0]
    while ready:
        index = ready.pop()
        for target in targets[index]:
            layers[target] = max(layers[target], layers[index] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    for index in range(len(boxes)):
        if not sources[index] and targets[index]:
            layers[index] = min(layers[target] for target in targets[index]) - 1
    return layers


def _path(places: list[_Place], arrow: Arrow) -> list[int]:
    """The places from source to target, one per layer; new points where there is no box."""
    path = [arrow.source]
    for layer in range(places[arrow.source].layer + 1, places[arrow.target].layer):
        places.append(_Place(layer, width=4))
        path.append(len(places) - 1)
    path.append(arrow.target)
    for above, below in itertools.pairwise(path):
        places[above].below.append(below)
        places[below].above.append(above)
    return path


def _order(places: list[_Place], rows: list[list[int]]) -> None:
    """Sorts rows by the mean position of their neighbours, down and up in turn; keeps the best."""
    best, crossings = [list(row) for row in rows], _crossings(places, rows)
    for sweep in range(12):
        downwards = sweep % 2 == 0
        rank = {}
        for row in rows if downwards else rows[::-1]:
            for position, index in enumerate(row):
                near = places[index].above if downwards else places[index].below
                known = [rank[other] for other in near if other in rank]
                rank[index] = sum(known) / len(known) if known else position
            row.sort(key=rank.get)
            rank.update((index, position) for position, index in enumerate(row))
        count = _crossings(places, rows)
        if count < crossings:
            best, crossings = [list(row) for row in rows], count
    rows[:] = best


def _crossings(places: list[_Place], rows: list[list[int]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(rows):
        rank = {index: position for position, index in enumerate(lower)}
        ends = [rank[t] for s in upper for t in sorted(places[s].below, key=rank.get)]
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


def _position(places: list[_Place], rows: list[list[int]]) -> None:
    for row in rows:
        _settle(places, row, [0.0] * len(row))
    for sweep in range(30):
        downwards = sweep % 2 == 0
        for row in rows if downwards else rows[::-1]:
            wanted = []
            for index in row:
                place = places[index]
                near = (place.above if downwards else place.below) or place.above or place.below
                wanted.append(sum(places[i].x for i in near) / len(near) if near else place.x)
            _settle(places, row, wanted)
    left = min((place.x - place.width / 2 for place in places), default=0)
    y = _MARGIN
    for row in rows:
        height = max((places[index].height for index in row), default=0)
        for index in row:
            places[index].x += _MARGIN - left
            places[index].y = y + height / 2
        y += height + _LAYER_GAP


def _settle(places: list[_Place], row: list[int], wanted: list[float]) -> None:
    """Positions nearest to the wanted ones (least squares) that keep order and distance."""
    offsets, blocks = [], []
    offset = 0.0
    for i, (index, goal) in enumerate(zip(row, wanted, strict=True)):
        if i > 0:
            offset += (places[row[i - 1]].width + places[index].width) / 2 + _GAP
        offsets.append(offset)
        blocks.append([goal - offset, 1])  # mean and size: pool adjacent violators
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + mean * size) / (before[1] + size)
            before[1] += size
    means = [mean for mean, size in blocks for _ in range(size)]
    for index, mean, offset in zip(row, means, offsets, strict=True):
        places[index].x = mean + offset


# -- SVG -------------------------------------------------------------------------------------------


def _svg(boxes, arrows, places, paths, rows, title) -> str:
    width = max((place.x + place.width / 2 for place in places), default=0) + _MARGIN
    height = max((place.y + place.height / 2 for place in places), default=0) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" role="img">',
        f"<title>{escape(title)}</title>" if title else "",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#888"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    parts += [_arrow(places, path, boxes) for path in paths]
    parts += _labels(arrows, places, paths)
    parts += [_box(box, place) for box, place in zip(boxes, places, strict=False)]
    return "\n".join(part for part in parts if part) + "\n</svg>\n"


def _arrow(places, path, boxes) -> str:
    """A smooth line through the path, straight down where it leaves and arrives."""
    first, last = places[path[0]], places[path[-1]]
    points = [(first.x, first.y + first.height / 2)]
    points += [(places[index].x, places[index].y) for index in path[1:-1]]
    points.append((last.x + _landing(places, path), last.y - last.height / 2 - 1))
    text = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (y0 + y1) / 2
        text += f" C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"
    return f'<path d="{text}" fill="none" stroke="#888" marker-end="url(#tip)"/>'


def _landing(places, path) -> float:
    """Where on the top of its box an arrow arrives: arrows that come from the left, left."""
    target = places[path[-1]]
    above = sorted(target.above, key=lambda index: places[index].x)
    if len(above) < 2:
        return 0.0
    rank = above.index(path[-2])
    return (rank / (len(above) - 1) - 0.5) * min(target.width * 0.6, 40 * (len(above) - 1))


def _labels(arrows, places, paths) -> list[str]:
    """What an arrow carries stands below its source, once per source and label."""
    seen = {}
    for arrow, path in zip(arrows, paths, strict=True):
        if arrow.label:
            seen.setdefault((arrow.source, arrow.label), path)
    lines = {}
    parts = []
    for (source, label), _ in seen.items():
        line = lines[source] = lines.get(source, -1) + 1
        place = places[source]
        parts.append(
            f'<text x="{place.x:.1f}" y="{place.y + place.height / 2 + 13 + 12 * line:.1f}" '
            'font-size="10" fill="#555" text-anchor="middle" stroke="#fff" stroke-width="4" '
            f'paint-order="stroke">{escape(label)}</text>'
        )
    return parts


def _box(box: Box, place: _Place) -> str:
    fill, line = COLOURS[box.kind]
    dark = box.kind == "output"
    top = place.y - box.height / 2
    dashes = ' stroke-dasharray="5 3"' if box.kind == "python" else ""
    parts = [
        f'<rect x="{place.x - box.width / 2:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{13 if box.rounded else 4}" fill="{fill}" '
        f'stroke="{line}"{dashes}/>',
        f'<text x="{place.x:.1f}" y="{top + 17.5:.1f}" font-size="13" text-anchor="middle" '
        f'font-weight="{"normal" if box.rounded else "bold"}" '
        f'fill="{"#fff" if dark else line}">{escape(box.title)}</text>',
    ]
    for number, text in enumerate(box.lines):
        parts.append(
            f'<text x="{place.x:.1f}" y="{top + 34.5 + 16 * number:.1f}" font-size="11" '
            f'text-anchor="middle" fill="#333">{escape(text)}</text>'
        )
    return "".join(parts)
