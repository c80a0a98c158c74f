"""Scores against a predictor: one line per ROI, member or subject, named at its end, with the spread of every point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from algokit.reporting.figures.picture import Picture
from algokit.reporting.figures.svg import (
    WIDTH,
    Scale,
    chart,
    element,
    heading,
    line,
    number,
    shortened,
    text,
    text_width,
    tick_text,
)

_HEIGHT = 320
_LEFT, _TOP, _BOTTOM = 44.0, 34.0, 270.0
_LABEL_STEP = 12.0
_LABEL_CHARS = 15
_MOST_TICKS = 6
_DASHES = (None, "7 3", "2 3", "9 3 2 3")
# Told apart by colour-blind eyes and read on white and on black; its yellow is left out.
# Source: Okabe and Ito 2008, Color Universal Design; the blue is lighter than theirs, for black paper.
_COLOURS = ("#2f86c5", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c")
_POOL = "all vertices"  # has the ink of the page


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes
    ----------
    x, y : of its points, x ascending; y is a fraction.
    low, high : of the spread at every point; the same as y where there is none.
    limit : what it cannot rise above, drawn dashed; None where there is none.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    limit: float | None = None


@dataclass(frozen=True)
class Axes:
    """What is drawn against what; ``is_log`` of the predictor, whose unit is part of its name."""

    x: str
    y: str
    is_log: bool


def curves_picture(name: str, lines: Sequence[Line], axes: Axes, *, title: str, how: str) -> Picture:
    """The chart.

    Parameters
    ----------
    how : what the spread and the dashes are, for the caption.
    """
    right = WIDTH - 12 - max(text_width(shortened(one.label, _LABEL_CHARS), 11) for one in lines)
    across, up = _across(lines, axes, right), _up(lines)
    colours = ["currentColor" if one.label == _POOL else _COLOURS[i % len(_COLOURS)] for i, one in enumerate(lines)]
    body = [
        heading(title),
        *_x_axis(across, axes),
        *_y_axis(up, axes, right),
        *(part for index, one in enumerate(lines) for part in _line(one, across, up, axes, colours[index], index)),
        *_labels(lines, [across(_place(one.x[-1], axes)) for one in lines], up, right, colours),
    ]
    said = "; ".join(f"{one.label} {one.y[0]:.3f} to {one.y[-1]:.3f}" for one in lines)
    alt = f"{title}. From the least {axes.x} to the most: {said}."
    caption = f"{title}. {how}".strip()
    return chart(name, (WIDTH, _HEIGHT), body, title=title, alt=alt, caption=caption)


def _place(value: float, axes: Axes) -> float:
    return math.log10(value) if axes.is_log else value


def _across(lines: Sequence[Line], axes: Axes, right: float) -> Scale:
    places = [_place(value, axes) for one in lines for value in one.x]
    low, high = min(places), max(places)
    margin = 0.03 * (high - low) or 0.1
    return Scale(low - margin, high + margin, _LEFT, right)


def _up(lines: Sequence[Line]) -> Scale:
    values = [
        value for one in lines for value in (*one.low, *one.high, *([one.limit] if one.limit is not None else []))
    ]
    low, high = min(values), max(values)
    margin = 0.06 * max(high - low, 1e-3)
    return Scale(0.0 if 0 <= low < 0.5 * high else low - margin, high + margin, _BOTTOM, _TOP)


def _x_axis(across: Scale, axes: Axes) -> Iterator[str]:
    for place in _ticks(across, axes):
        words = short_number(10**place) if axes.is_log else tick_text(round(place, 6))
        yield line((across(place), _TOP), (across(place), _BOTTOM), "grid")
        yield text(words, across(place), _BOTTOM + 15, anchor="middle", class_="s n q")
    name = f"{axes.x}, logarithmic" if axes.is_log else axes.x
    yield text(name, _LEFT, _BOTTOM + 34, class_="s")


def _ticks(across: Scale, axes: Axes) -> list[float]:
    """Round numbers; on a logarithmic axis 1, 2 and 5 times powers of ten, or fewer of them."""
    if not axes.is_log:
        return across.ticks()
    powers = range(math.floor(across.low), math.ceil(across.high) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [math.log10(factor) + power for power in powers for factor in factors]
        inside = [place for place in found if across.low <= place <= across.high]
        if len(inside) <= _MOST_TICKS:
            break
    return inside[:: -(-len(inside) // _MOST_TICKS)] if len(inside) > 1 else [across.low, across.high]


def short_number(value: float) -> str:
    """``850``, ``12k``, ``86.3M``."""
    for limit, unit in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit * 0.9995:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def _y_axis(up: Scale, axes: Axes, right: float) -> Iterator[str]:
    for tick in up.ticks():
        yield line((_LEFT, up(tick)), (right, up(tick)), "grid")
        yield text(tick_text(round(tick, 9)), _LEFT - 6, up(tick) + 4, anchor="end", class_="s n q")
    yield text(axes.y, 0, _TOP - 6, class_="s")


def _line(one: Line, across: Scale, up: Scale, axes: Axes, colour: str, index: int) -> Iterator[str]:
    places = [(across(_place(x, axes)), up(y)) for x, y in zip(one.x, one.y, strict=True)]
    path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)
    yield _stroke(path, colour, 2.2, dashes=None if one.label == _POOL else _dashes(index))
    bars = "".join(
        f"M{number(x)} {number(up(low))}V{number(up(high))}"
        for (x, _), low, high in zip(places, one.low, one.high, strict=True)
        if high > low
    )
    if bars:
        yield _stroke(bars, "currentColor", 1.1, opacity=0.6)
    dots = "".join(f"M{number(x)} {number(y)}h0" for x, y in places)
    yield _stroke(dots, colour, 5)
    if one.limit is not None:
        at = number(up(one.limit))
        ends = f"M{number(across.start_px)} {at}H{number(across.end_px)}"
        yield _stroke(ends, colour, 1.4, dashes="4 4")


def _stroke(path: str, colour: str, width: float, *, dashes: str | None = None, opacity: float | None = None) -> str:
    """A path without filling, round at its ends and corners."""
    return element(
        "path",
        d=path,
        fill="none",
        stroke=colour,
        stroke_width=width,
        stroke_dasharray=dashes,
        opacity=opacity,
        stroke_linejoin="round",
        stroke_linecap="round",
    )


def _dashes(index: int) -> str | None:
    """Lines that share a colour differ in their dashes."""
    return _DASHES[index // len(_COLOURS) % len(_DASHES)]


def _labels(
    lines: Sequence[Line], ends: Sequence[float], up: Scale, right: float, colours: Sequence[str]
) -> Iterator[str]:
    """Names level with the ends of their lines, moved apart where they would overlap."""
    order = sorted(range(len(lines)), key=lambda index: up(lines[index].y[-1]))
    heights: list[float] = []
    for index in order:
        wanted = up(lines[index].y[-1])
        heights.append(max(wanted, heights[-1] + _LABEL_STEP) if heights else wanted)
    over = max(0.0, heights[-1] - (_BOTTOM + 2))
    heights = [height - over for height in heights]
    for position in range(len(heights) - 1, 0, -1):
        heights[position - 1] = min(heights[position - 1], heights[position] - _LABEL_STEP)
    for index, height in zip(order, heights, strict=True):
        one, y = lines[index], up(lines[index].y[-1])
        leader = f"M{number(ends[index] + 4)} {number(y)}H{number(right)}L{number(right + 7)} {number(height)}"
        yield _stroke(leader, colours[index], 1, opacity=0.7)
        yield text(shortened(one.label, _LABEL_CHARS), right + 10, height + 4, class_="s")
