"""Line charts as SVG, small enough to be read on a phone. Colours come from the page's style, by class."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 360, 232
LEFT, RIGHT, TOP, BOTTOM = 48, 24, 14, 40
TICKS = 5

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One line. style: a class of the style sheet ("gain", "oracle", "waste", "even"). dots: also mark the points."""

    name: str
    points: tuple[Point, ...]
    style: str
    dots: bool = False
    sizes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis. `write` gives a tick's text. low, high: fixed ends; None: from the points."""

    title: str
    write: Callable[[float], str]
    low: float | None = None
    high: float | None = None
    ticks: tuple[float, ...] = ()
    is_log: bool = False


def nice_step(span: float, count: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts `span` into about `count` parts."""
    rough = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((step * power for step in (1, 2, 5) if rough <= step * power), 10 * power)


def ticks(low: float, high: float) -> list[float]:
    """Round values from `low` to `high`."""
    step = nice_step(high - low, TICKS)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


class _Scale:
    """Places of values along one side of the drawing."""

    def __init__(self, axis: Axis, values: Sequence[float], start: float, end: float) -> None:
        low = axis.low if axis.low is not None else min(values, default=0.0)
        high = axis.high if axis.high is not None else max(values, default=1.0)
        if high <= low:
            high = low + (abs(low) or 1.0)
        self._is_log = axis.is_log
        if not axis.is_log and axis.high is None:
            step = nice_step(high - low, TICKS)
            high = math.ceil(high / step - 1e-9) * step
        self._low, self._high = self._of(low), self._of(high)
        self._start, self._end = start, end
        self.ticks = list(axis.ticks) or ticks(low, high)

    def _of(self, value: float) -> float:
        return math.log2(value) if self._is_log else value

    def __call__(self, value: float) -> float:
        share = (self._of(value) - self._low) / (self._high - self._low)
        return round(self._start + min(max(share, 0.0), 1.0) * (self._end - self._start), 1)


def line_chart(
    label: str, x: Axis, y: Axis, series: Sequence[Series], marks: Sequence[tuple[float, str]] = ()
) -> Markup:
    """The chart. `label` says to those who cannot see it what it shows; `marks` are upright lines with a text."""
    points = [point for one in series for point in one.points]
    across = _Scale(x, [point[0] for point in points], LEFT, WIDTH - RIGHT)
    up = _Scale(y, [point[1] for point in points], HEIGHT - BOTTOM, TOP)
    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, label),
    ]
    for tick in up.ticks:
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                LEFT, WIDTH - RIGHT, up(tick), up(tick)
            )
        )
        parts.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
                LEFT - 6, up(tick) + 4, y.write(tick)
            )
        )
    parts += [
        Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            across(tick), HEIGHT - BOTTOM + 16, x.write(tick)
        )
        for tick in across.ticks
    ]
    parts.append(
        Markup('<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x.title
        )
    )
    for value, text in marks:
        place = across(value)
        anchor = "end" if place > WIDTH * 0.6 else "start"
        parts.append(
            Markup('<line class="mark" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(place, place, TOP, HEIGHT - BOTTOM)
        )
        parts.append(
            Markup('<text class="marktext" x="{}" y="{}" text-anchor="{}">{}</text>').format(
                place + (-5 if anchor == "end" else 5), HEIGHT - BOTTOM - 8, anchor, text
            )
        )
    for one in series:
        parts.extend(_drawn(one, across, up, x, y))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _drawn(one: Series, across: _Scale, up: _Scale, x: Axis, y: Axis) -> list[Markup]:
    parts: list[Markup] = []
    if len(one.points) > 1:
        path = " ".join(f"{across(a)},{up(b)}" for a, b in one.points)
        parts.append(Markup('<polyline class="line {}" points="{}"/>').format(one.style, path))
    if one.dots or len(one.points) == 1:
        sizes = one.sizes or (3.5,) * len(one.points)
        for (a, b), size in zip(one.points, sizes, strict=True):
            parts.append(
                Markup('<circle class="dot {}" cx="{}" cy="{}" r="{}"><title>{}: {}, {}</title></circle>').format(
                    one.style, across(a), up(b), round(size, 1), one.name, x.write(a), y.write(b)
                )
            )
    return parts


def legend(series: Sequence[Series]) -> Markup:
    """The names of the lines with their colours."""
    items = [Markup('<li><i class="key {}"></i>{}</li>').format(one.style, one.name) for one in series]
    return Markup('<ul class="legend">') + Markup("").join(items) + Markup("</ul>")
