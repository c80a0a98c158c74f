"""How close the predictions come to what the noise lets anyone explain: vertices by ceiling and explained variance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from algokit.reporting.figures.colours import VIRIDIS
from algokit.reporting.figures.legend import Numbers
from algokit.reporting.figures.picture import Picture
from algokit.reporting.figures.surface import Floats
from algokit.reporting.figures.svg import (
    WIDTH,
    Scale,
    chart,
    element,
    halo,
    heading,
    line,
    number,
    round_step,
    text,
    tick_text,
)
from algokit.types import Ints, VertexScores

_HEIGHT = 402
_LEFT, _RIGHT, _TOP, _BOTTOM = 42.0, 350.0, 24.0, 332.0
_N_BINS = 56
_N_COLOURS = 12


def ceiling_versus_score(vertices: Sequence[VertexScores]) -> tuple[Picture, ...]:
    """One chart: how many vertices have each noise ceiling and squared r; none without ceilings.

    On the line predictions explain all that can be explained; above it they are lucky on these images.
    """
    known = [100 * np.stack([one.ceiling, one.r2]) for one in vertices if one.ceiling is not None]
    ceiling, explained = np.concatenate(known, axis=1) if known else np.empty((2, 0))
    finite = np.isfinite(ceiling)
    ceiling, explained = ceiling[finite], explained[finite]
    if not ceiling.size:
        return ()
    top = _top(ceiling, explained)
    counts, _, _ = np.histogram2d(
        np.minimum(ceiling, top), np.minimum(explained, top), bins=_N_BINS, range=((0, top), (0, top))
    )
    across, up = Scale(0, top, _LEFT, _RIGHT), Scale(0, top, _BOTTOM, _TOP)
    title = "Explained variance against the noise ceiling"
    body = [
        heading(title),
        *_axes(across, up),
        *_cells(counts.astype(np.int64)),
        *(line((across(0), up(0)), (across(top), up(top)), style) for style in ("casing", "whisker")),
        text("all that can be explained", across(top) - 22, up(top) + 13, anchor="end", class_="s"),
        *_key(counts),
    ]
    n_capped = sum(int((one.normalized >= 1).sum()) for one in vertices if one.normalized is not None)
    return (_described(title, body, ceiling, explained, n_capped),)


def _top(ceiling: Floats, explained: Floats) -> float:
    """The end of both axes, in percent: a round number that all but one vertex in a thousand stay below."""
    highest = max(float(np.percentile(ceiling, 99.9)), float(np.percentile(explained, 99.9)), 1.0)
    step = round_step(highest / 8)
    return min(100.0, step * math.ceil(highest / step - 1e-9))


def _axes(across: Scale, up: Scale) -> Iterator[str]:
    for tick in across.ticks():
        style = "axis" if tick == 0 else "grid"
        yield line((across(tick), _TOP), (across(tick), _BOTTOM), style)
        yield line((_LEFT, up(tick)), (_RIGHT, up(tick)), style)
        yield text(tick_text(tick), across(tick), _BOTTOM + 15, anchor="middle", class_="s n q")
        yield text(tick_text(tick), _LEFT - 6, up(tick) + 4, anchor="end", class_="s n q")
    yield text("noise ceiling (% of variance)", _RIGHT, _BOTTOM + 31, anchor="end", class_="s")
    turned = f"translate(11 {number(_TOP)}) rotate(-90)"
    yield element("g", text("squared Pearson r (%)", 0, 0, anchor="end", class_="s"), transform=turned)


def _cells(counts: Ints) -> Iterator[str]:
    """One path per colour; counts are shown on a logarithmic scale from 1 to the fullest cell."""
    shares = np.log(np.maximum(counts, 1)) / np.log(max(int(counts.max()), 2))
    shade = np.rint(shares * (_N_COLOURS - 1)).astype(np.int64)
    size = (_RIGHT - _LEFT) / _N_BINS
    yield halo(
        (_LEFT + start * size, _BOTTOM - (row + 1) * size, n * size, size) for row, start, n in _runs(counts > 0)
    )
    for index, colour in enumerate(VIRIDIS.hexes(_N_COLOURS)):
        cells = np.argwhere((counts > 0) & (shade == index))
        path = "".join(
            f"M{number(_LEFT + column * size)} {number(_BOTTOM - (row + 1) * size)}h{size:g}v{size:g}h-{size:g}z"
            for column, row in cells
        )
        if path:
            yield element("path", d=path, fill=colour, shape_rendering="crispEdges")


def _runs(filled: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Row, first column and length of every run of filled cells; ``filled`` is (n_columns, n_rows)."""
    for row, cells in enumerate(filled.T):
        (edges,) = np.diff(np.pad(cells.astype(np.int8), 1)).nonzero()
        for start, end in edges.reshape(-1, 2).tolist():
            yield row, start, end - start


def _key(counts: Floats) -> Iterator[str]:
    most = max(int(counts.max()), 2)
    powers = [10**power for power in range(8) if 10**power <= most]
    ticks = tuple((float(np.log(value)), str(value)) for value in powers if np.log(value) < 0.8 * np.log(most))
    ticks += ((float(np.log(most)), str(most)),)
    yield text("vertices per cell", _LEFT, _HEIGHT - 19, class_="s q")
    yield from Numbers(VIRIDIS, 0, float(np.log(most)), ticks, _N_COLOURS).draw(154, _HEIGHT - 28, WIDTH - 156)


def _described(title: str, body: Sequence[str], ceiling: Floats, explained: Floats, n_capped: int) -> Picture:
    n_zero = int((ceiling == 0).sum())
    words = (
        f"{len(ceiling)} vertices; median ceiling {np.median(ceiling):.1f} %, median squared r "
        f"{np.median(explained):.1f} %; {n_capped} vertices reach their ceiling, {n_zero} have a ceiling of exactly 0."
    )
    caption = (
        f"{title}, all subjects and hemispheres: {words} A vertex on the line scores 100, "
        "one above it is capped there, one with a squared r of 0 scores 0."
    )
    return chart("ceiling-versus-score", (WIDTH, _HEIGHT), body, title=title, alt=f"{title}. {words}", caption=caption)
