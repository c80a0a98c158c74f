"""How deep in the network every ROI is predicted best: its vertices shared out over the layers they chose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from algokit.reporting.figures.chosen import Choice, by_member
from algokit.reporting.figures.colours import PLASMA
from algokit.reporting.figures.legend import Categories
from algokit.reporting.figures.picture import Picture, stems
from algokit.reporting.figures.svg import (
    LABEL_CHARS,
    WIDTH,
    Scale,
    chart,
    element,
    halo,
    heading,
    line,
    number,
    shortened,
    text,
    text_width,
    tick_text,
)
from algokit.types import Ints

_ALL = "all"
_TOP = 38
_ROW = 14
_STEP = 18
_HEADING = 22
_END = 40


@dataclass(frozen=True)
class _Row:
    """One ROI: how many of its vertices chose each layer."""

    roi_class: str
    roi: str
    counts: Ints

    @property
    def depth(self) -> float:
        """Mean place of the chosen layer, 0 the first, 1 the last."""
        places = np.linspace(0, 1, len(self.counts))
        return float(places @ self.counts / self.counts.sum())


def depth_histogram(choices: Sequence[Choice]) -> tuple[Picture, ...]:
    """One chart per member: a bar per ROI, split by the share of its vertices (all subjects) that chose each layer."""
    members = by_member(choices)
    names = stems(members)
    return tuple(
        _histogram(f"depth-{names[member]}", member, group)
        for member, group in members.items()
        if len(group[0].layers) > 1
    )


def _rows(choices: Sequence[Choice]) -> list[_Row]:
    """Every ROI with vertices, class after class; all vertices first."""
    n_layers = len(choices[0].layers)
    counts: dict[tuple[str, str], Ints] = {}
    for one in choices:
        every = np.arange(len(one.layer_index))
        for place, vertices in {(_ALL, _ALL): every, **one.rois}.items():
            if len(vertices) and (place == (_ALL, _ALL) or place[1] != _ALL):
                here = np.bincount(one.layer_index[vertices], minlength=n_layers)
                counts[place] = counts.get(place, np.zeros(n_layers, np.int64)) + here
    classes = list(dict.fromkeys(roi_class for one in choices for roi_class, _ in ((_ALL, _ALL), *one.rois)))
    order = {place: index for index, place in enumerate(dict.fromkeys(place for one in choices for place in one.rois))}
    places = sorted(counts, key=lambda place: (classes.index(place[0]), order.get(place, -1)))
    return [_Row(*place, counts[place]) for place in places]


def _histogram(name: str, member: str, choices: Sequence[Choice]) -> Picture:
    rows, layers = _rows(choices), choices[0].layers
    tops = _tops(rows)
    bottom = max(tops.values()) + _STEP
    left = max(text_width(_label(row), 11) for row in rows) + 12
    scale = Scale(0, 100, left, WIDTH - _END)
    title = f"Winning layer per ROI, {member}"
    key = Categories(PLASMA, layers)
    body = [
        heading(title),
        text("share of vertices (%)", left, 31, class_="s q"),
        text("depth", WIDTH, 31, anchor="end", class_="s q"),
        *_axis(scale, bottom),
        *_headings(rows, tops, left),
        *_bars(rows, tops, scale, len(layers)),
        *key.draw(1, bottom + 28, WIDTH - 2),
    ]
    alt = f"{title}; mean depth from 0, {layers[0]}, to 1, {layers[-1]}: "
    alt += "; ".join(f"{_label(row)} {row.depth:.2f}, most often {layers[row.counts.argmax()]}" for row in rows) + "."
    caption = (
        f"{title}: the share of an ROI's vertices that each layer predicts best in cross-validation, all subjects and "
        f"both hemispheres pooled, from the first layer ({layers[0]}) to the last ({layers[-1]}) of {len(layers)}. "
        "Depth: the mean, 0 the first layer and 1 the last. An ROI that no subject has is absent."
    )
    return chart(name, (WIDTH, bottom + 28 + key.height(WIDTH - 2) + 2), body, title=title, alt=alt, caption=caption)


def _label(row: _Row) -> str:
    return "all vertices" if row.roi == _ALL else shortened(row.roi, LABEL_CHARS)


def _tops(rows: Sequence[_Row]) -> Mapping[tuple[str, str], float]:
    """Where every row starts; a new class leaves room for its name."""
    heights = [
        _STEP + _HEADING * (row.roi_class != before) for row, before in zip(rows[1:], _classes(rows), strict=False)
    ]
    return {(row.roi_class, row.roi): top for row, top in zip(rows, accumulate(heights, initial=_TOP + 4), strict=True)}


def _classes(rows: Sequence[_Row]) -> list[str]:
    return [row.roi_class for row in rows]


def _headings(rows: Sequence[_Row], tops: Mapping[tuple[str, str], float], left: float) -> Iterator[str]:
    for row, before in zip(rows[1:], _classes(rows), strict=False):
        if row.roi_class != before:
            yield text(row.roi_class, left, tops[row.roi_class, row.roi] - 5, class_="s q")


def _axis(scale: Scale, bottom: float) -> Iterator[str]:
    for tick in scale.ticks():
        yield line((scale(tick), _TOP), (scale(tick), bottom), "grid")
        yield text(tick_text(tick), scale(tick), bottom + 13, anchor="middle", class_="s n q")


def _bars(rows: Sequence[_Row], tops: Mapping[tuple[str, str], float], scale: Scale, n_layers: int) -> Iterator[str]:
    """One path per layer through all rows: sixty layers in forty ROIs stay small."""
    full = scale.end_px - scale.start_px
    yield halo((scale.start_px, top, full, _ROW) for top in tops.values())
    edges = {(row.roi_class, row.roi): np.append(0, row.counts.cumsum()) * 100 / row.counts.sum() for row in rows}
    for layer, colour in enumerate(PLASMA.hexes(n_layers)):
        boxes = [
            f"M{number(scale(share[layer]))} {number(tops[place])}H{number(scale(share[layer + 1]))}"
            f"v{_ROW}H{number(scale(share[layer]))}z"
            for place, share in edges.items()
            if share[layer + 1] > share[layer]
        ]
        if boxes:
            yield element("path", d="".join(boxes), fill=colour, shape_rendering="crispEdges")
    for row in rows:
        top = tops[row.roi_class, row.roi]
        yield text(_label(row), scale.start_px - 8, top + 11, anchor="end", class_="s")
        yield text(f"{row.depth:.2f}", WIDTH, top + 11, anchor="end", class_="s n")
