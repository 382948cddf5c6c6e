"""The report's drawings: the rate over time as inline SVG, and the phases as one bar. The page's CSS colours them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from wayfare.copy.markup import Markup, tag
from wayfare.copy.report import PhaseTime, Rate
from wayfare.core.amounts import compact, duration

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 30, 36
SLICES_MAX = 80  # more draw a fog, not a line
SLICE_SECONDS_MIN = 0.25
PHASE_SHADES = 8  # how many the CSS defines

Point = tuple[float, float]


def rates_per_second(rates: Sequence[Rate]) -> list[Point]:
    """(seconds, rows/s) for slices of equal length, of which there are at most SLICES_MAX.

    Samples come when chunks end, often several at once. A chunk's rows arrived over the time since the last sample, so
    the amount at a slice's edge is interpolated; the sum of all slices stays the true sum.
    """
    points = sorted({0.0: 0, **{r.seconds: r.rows for r in rates}}.items())
    end = points[-1][0]
    count = min(SLICES_MAX, int(end / SLICE_SECONDS_MIN))
    if not count:
        return []
    edges = [end * i / count for i in range(count + 1)]
    amounts = list(_interpolated(points, edges))
    width = end / count
    return [
        (edge, max(after - before, 0) / width)
        for edge, (before, after) in zip(edges[1:], pairwise(amounts), strict=True)
    ]


def _interpolated(points: Sequence[Point], places: Sequence[float]) -> Iterator[float]:
    """The height of the line through `points` at each of the ascending `places` within it."""
    segment = 0
    for place in places:
        while segment < len(points) - 2 and points[segment + 1][0] < place:
            segment += 1
        (start, before), (end, after) = points[segment], points[segment + 1]
        yield before + (after - before) * (place - start) / (end - start)


def ticks(highest: float, about: int = 4) -> list[float]:
    """Round numbers from 0 to at least `highest`: steps of 1, 2 or 5 times a power of ten."""
    if highest <= 0:
        return [0.0, 1.0]
    raw = highest / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    return [step * i for i in range(math.ceil(highest / step * 0.999) + 1)]


def rate_plot(rates: Sequence[Rate]) -> Markup | None:
    """Rows per second over the seconds of the copy. None where there is too little to draw."""
    slices = rates_per_second(rates)
    if len(slices) < 2:
        return None
    upright = ticks(max(rate for _, rate in slices))
    end = slices[-1][0]

    def place(seconds: float, rate: float) -> Point:
        x = LEFT + (WIDTH - LEFT - RIGHT) * seconds / end
        return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * rate / upright[-1]

    corners = _steps(slices)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*corner) for corner in corners))
    ground = HEIGHT - BOTTOM
    return tag(
        "svg",
        tag("title", "Rows per second over time"),
        [_across(place(0, value)[1], _round(compact(value))) for value in upright],
        [_below(place(value, 0)[0], value) for value in ticks(end, 8) if value <= end * 1.001],
        tag("polygon", points=f"{LEFT},{ground} {line} {WIDTH - RIGHT},{ground}", class_="area"),
        tag("polyline", points=line, class_="line"),
        tag("text", "rows/s", x=LEFT - 8, y=TOP - 14, class_="end"),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="plot",
    )


def _steps(slices: Sequence[Point]) -> list[Point]:
    """A rate holds over its whole slice, so the line is drawn as steps; a slope between them would be invented."""
    corners: list[Point] = []
    start = 0.0
    for end, rate in slices:
        corners += [(start, rate), (end, rate)]
        start = end
    return corners


def _round(label: str) -> str:
    return label.replace(".0", "")


def _across(y: float, label: str) -> Markup:
    return tag(
        "g",
        tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}"),
        tag("text", label, x=LEFT - 8, y=f"{y + 4:.1f}", class_="end"),
    )


def _below(x: float, seconds: float) -> Markup:
    label = _round(duration(seconds)) if seconds else "0"
    return tag("text", label, x=f"{x:.1f}", y=HEIGHT - BOTTOM + 20, class_="middle")


def phase_bar(phases: Sequence[PhaseTime]) -> Markup | None:
    """One bar, each phase as wide as its share of the time, with a legend that also tells the times."""
    total = sum(p.seconds for p in phases)
    if total <= 0:
        return None
    parts = [
        tag(
            "span",
            class_=f"shade{i % PHASE_SHADES}",
            style=f"flex-grow:{p.seconds / total:.5f}",
            title=f"{p.name}: {duration(p.seconds)}",
        )
        for i, p in enumerate(phases)
    ]
    legend = [
        tag("li", tag("i", class_=f"shade{i % PHASE_SHADES}"), p.name, tag("b", duration(p.seconds)))
        for i, p in enumerate(phases)
    ]
    return tag("div", tag("div", parts, class_="bar", aria_hidden="true"), tag("ul", legend, class_="legend"))
