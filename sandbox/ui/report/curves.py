"""Learning curves as SVG that lies in the page itself: its colours are those of the page, light or dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup, escape

from sandbox.core.statistics import ENOUGH_SEEDS
from sandbox.ui.chart import readable, short_count
from sandbox.ui.comparison import WIDE_APART, Curve, Line, line_of, middle_and_band, on_one_grid

COLOURS, DASHES = 6, 3
"""classes of the page's style; beyond the colours the lines change"""
MOST_POINTS = 360
"""of a line: of longer ones each stretch keeps its lowest and its highest value"""
FEW_POINTS = 40
"""so many are marked one by one"""
CHARACTER = 5.9
"""width of a digit of the labels, in units of the picture"""

Place = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Size:
    """Of a panel, in units of the picture: about pixels on a wide screen."""

    width: int = 430
    height: int = 250


@dataclass(frozen=True)
class Axis:
    """From values to places."""

    low: float
    high: float
    first: float
    """place of `low`"""
    last: float
    ticks: Sequence[float]
    logarithmic: bool = False

    def place(self, values: np.ndarray | float) -> np.ndarray:
        """Where values are, in units of the picture."""
        low, high, found = self.low, self.high, np.asarray(values, np.float64)
        if self.logarithmic:
            low, high, found = math.log(low), math.log(high), np.log(np.maximum(found, self.low))
        return self.first + (found - low) / (high - low) * (self.last - self.first)


def panel(
    groups: Mapping[str, Sequence[Curve]],
    *,
    over: str,
    horizontal: str,
    alt: str,
    threshold: float | None = None,
    most: float | None = None,
    size: Size | None = None,
) -> Markup:
    """Draw groups of curves over "steps" or "seconds"; what lines and bands are is as in `compare`'s picture.

    Args:
        groups: a label -> a curve for each run; the group's number decides colour and dashes.
        horizontal: what is counted from left to right.
        alt: what the picture says, in words.
        threshold: drawn as a dashed line.
        most: what no value can be above, such as 1 of an accuracy: the axis ends there.
    """
    size = size or Size()
    enough = all(_seeds(curves) >= ENOUGH_SEEDS for curves in groups.values() if len(curves) > 1)
    lines = [[line_of(curve, over) for curve in curves] for curves in groups.values()]
    lines = [[line for line in group if line[0].size] for group in lines]
    if not any(lines):
        return _svg(size, alt, [_text(size.width / 2, size.height / 2, "nothing was logged", "middle")])
    y = _vertical(lines, threshold, most, size)
    x = _horizontal(lines, y, size)
    parts = [*_frame(x, y, horizontal, size)]
    if threshold is not None:
        height = float(y.place(threshold))
        parts.append(f'<line class="goal" x1="{x.first}" x2="{x.last}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(_text(x.first + 4, height - 4, f"threshold {readable(threshold)}", "start"))
    for index, group in enumerate(lines):
        parts += _group(group, index, x, y, enough)
    return _svg(size, alt, parts)


def look_of(index: int) -> str:
    """The classes of a group's lines."""
    return f"c{index % COLOURS} d{index // COLOURS % DASHES}"


def _seeds(curves: Sequence[Curve]) -> int:
    return len({curve.seed for curve in curves})


def _vertical(
    lines: Sequence[Sequence[Line]], threshold: float | None, most: float | None, size: Size
) -> Axis:
    values = np.concatenate([y for group in lines for _, y, _ in group])
    low, high = float(values.min()), float(values.max())
    if threshold is not None:
        low, high = min(low, threshold), max(high, threshold)
    room = (high - low or abs(high) or 1.0) * 0.06
    top = high + room if most is None or high > most else min(high + room, most)
    low, high = low - room, top
    return Axis(low, high, size.height - 38, 12, _ticks(low, high, 5))


def _horizontal(lines: Sequence[Sequence[Line]], y: Axis, size: Size) -> Axis:
    """From 0 on; where groups are of very different lengths, logarithmic."""
    left = 12 + CHARACTER * max((len(readable(tick)) for tick in y.ticks), default=1)
    ends = [max(x[-1] for x, _, _ in group) for group in lines if group]
    last = max([*ends, 1e-3])
    if min(ends) <= 0 or last <= WIDE_APART * min(ends):
        return Axis(0, last * 1.02, left, size.width - 10, _ticks(0, last * 1.02, size.width // 75))
    first = min(float(x[x > 0][0]) for group in lines for x, _, _ in group if (x > 0).any()) * 0.9
    powers = range(math.floor(math.log10(first)), math.ceil(math.log10(last)) + 1)
    digits = (1, 3) if len(powers) < 4 else (1,)
    ticks = [d * 10.0**power for power in powers for d in digits if first <= d * 10.0**power <= last * 1.1]
    return Axis(first, last * 1.1, left, size.width - 10, ticks, logarithmic=True)


def _ticks(low: float, high: float, most: int) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in found if low <= tick <= high]


def _frame(x: Axis, y: Axis, horizontal: str, size: Size) -> list[str]:
    """Grid, labels and the name of what is counted."""
    parts = []
    for tick in y.ticks:
        height = float(y.place(tick))
        parts.append(
            f'<line class="grid" x1="{x.first:.1f}" x2="{x.last}" y1="{height:.1f}" y2="{height:.1f}"/>'
        )
        parts.append(_text(x.first - 6, height + 3.5, readable(tick), "end"))
    parts.append(f'<line class="axis" x1="{x.first:.1f}" x2="{x.last}" y1="{y.first}" y2="{y.first}"/>')
    for tick in x.ticks:
        anchor = "end" if float(x.place(tick)) > x.last - 8 else "middle"
        parts.append(_text(float(x.place(tick)), y.first + 14, short_count(tick), anchor))
    name = f"{horizontal} (logarithmic)" if x.logarithmic else horizontal
    parts.append(_text((x.first + x.last) / 2, size.height - 6, name, "middle"))
    return parts


def _group(group: Sequence[Line], index: int, x: Axis, y: Axis, enough: bool) -> list[str]:
    """The runs, and over several of them what they have in common and how far they spread."""
    look = look_of(index)
    if len(group) == 1:
        return [_path(*group[0][:2], x, y, f"line {look}"), *_dots(*group[0][:2], x, y, look)]
    parts = [_path(steps, values, x, y, f"run {look}") for steps, values, _ in group]
    grid, table = on_one_grid(group, x.logarithmic)
    if grid.size:
        middle, lower, upper = middle_and_band(table, enough)
        around = np.concatenate([grid, grid[::-1]]), np.concatenate([upper, lower[::-1]])
        parts.insert(0, f'<polygon class="band {look}" points="{_points(*around, x, y)}"/>')
        parts.append(_path(grid, middle, x, y, f"line {look}"))
    return parts


def _path(steps: np.ndarray, values: np.ndarray, x: Axis, y: Axis, look: str) -> str:
    return f'<polyline class="{look}" points="{_points(*_thinned(steps, values), x, y)}"/>'


def _points(steps: np.ndarray, values: np.ndarray, x: Axis, y: Axis) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.place(steps), y.place(values), strict=True))


def _dots(steps: np.ndarray, values: np.ndarray, x: Axis, y: Axis, look: str) -> list[str]:
    """A mark at each of a few values, which tells the value to who points at it."""
    if steps.size > FEW_POINTS:
        return []
    marks = zip(x.place(steps), y.place(values), steps, values, strict=True)
    return [
        f'<circle class="dot {look}" cx="{a:.1f}" cy="{b:.1f}" r="2.6">'
        f"<title>{readable(value)} at {short_count(step)}</title></circle>"
        for a, b, step, value in marks
    ]


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """No more points than can be seen: of each stretch the lowest and the highest value."""
    if steps.size <= MOST_POINTS:
        return steps, values
    edges = np.linspace(0, steps.size, MOST_POINTS // 2 + 1).astype(int)
    kept = {0, steps.size - 1}
    for start, end in pairwise(edges.tolist()):
        kept |= {start + int(values[start:end].argmin()), start + int(values[start:end].argmax())}
    order = sorted(kept)
    return steps[order], values[order]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(size: Size, alt: str, parts: Sequence[str]) -> Markup:
    start = f'<svg role="img" viewBox="0 0 {size.width} {size.height}" aria-label="{escape(alt)}">'
    return Markup("\n".join([start, *parts, "</svg>"]))
