"""How far every ROI came from the least to the most of a predictor: two dots and the way between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from algokit.reporting.figures.curves import Axes, Line, short_number
from algokit.reporting.figures.picture import Picture
from algokit.reporting.figures.svg import (
    WIDTH,
    Scale,
    chart,
    element,
    heading,
    line,
    number,
    text,
    text_width,
    tick_text,
)

_TOP, _STEP, _RIGHT = 56.0, 20.0, 40.0
_BAR = "var(--figure-bar,#5b8fc7)"


def gains_picture(name: str, lines: Sequence[Line], axes: Axes, *, title: str) -> Picture:
    """A row per line: its first score, its last, and the difference."""
    left = max(text_width(one.label, 11) for one in lines) + 12
    bottom = _TOP + _STEP * len(lines)
    values = [value for one in lines for value in (one.y[0], one.y[-1])]
    margin = 0.05 * max(max(values) - min(values), 1e-3)
    scale = Scale(min(values) - margin, max(values) + margin, left, WIDTH - _RIGHT)
    body = [
        heading(title),
        text(axes.y, left, 33, class_="s q"),
        text("gain", WIDTH, 33, anchor="end", class_="s q"),
        *_axis(scale, bottom),
        *(part for row, one in enumerate(lines) for part in _row(one, _TOP + _STEP * row + 6, scale)),
    ]
    first, last = (short_number(lines[0].x[index]) for index in (0, -1))
    said = "; ".join(f"{one.label} {one.y[0]:.3f} to {one.y[-1]:.3f}" for one in lines)
    caption = f"{title}: from {first} (small dot) to {last} {axes.x} (large dot), means over everything else."
    alt = f"{title}, from {first} to {last}: {said}."
    return chart(name, (WIDTH, bottom + 6), body, title=title, alt=alt, caption=caption)


def _axis(scale: Scale, bottom: float) -> Iterator[str]:
    for tick in scale.ticks(5):
        yield line((scale(tick), _TOP - 6), (scale(tick), bottom), "grid")
        yield text(tick_text(round(tick, 9)), scale(tick), _TOP - 10, anchor="middle", class_="s n q")


def _row(one: Line, y: float, scale: Scale) -> Iterator[str]:
    first, last = scale(one.y[0]), scale(one.y[-1])
    yield text(one.label, scale.start_px - 8, y + 4, anchor="end", class_="s")
    yield element("path", d=f"M{number(first)} {number(y)}H{number(last)}", stroke=_BAR, stroke_width=2, fill="none")
    yield element("circle", cx=first, cy=y, r=2.6, fill=_BAR)
    yield element("circle", cx=last, cy=y, r=4.6, fill=_BAR)
    yield text(f"{one.y[-1] - one.y[0]:+.3f}", WIDTH, y + 4, anchor="end", class_="s n")
