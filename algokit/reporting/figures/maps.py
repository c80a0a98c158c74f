"""Brain maps: scores, ceilings and choices on the inflated fsaverage5, per subject and over subjects."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from algokit.reporting.figures.chosen import Choice, by_member
from algokit.reporting.figures.colours import MAGMA, PLASMA, VIRIDIS
from algokit.reporting.figures.legend import Categories, Key, Numbers
from algokit.reporting.figures.painting import data_uri, paint
from algokit.reporting.figures.picture import Picture, kebab, stems
from algokit.reporting.figures.spreading import Spread, spread
from algokit.reporting.figures.surface import HEIGHT_PX, N_VERTICES, WIDTH_PX, Floats, Surface
from algokit.reporting.figures.svg import WIDTH, chart, element, heading, round_step, text
from algokit.types import HEMISPHERES, Hemisphere, Ints, VertexScores

Quantity: TypeAlias = Literal["noise_normalized", "noise_ceiling", "pearson_r"]

_DENSITY = WIDTH_PX / WIDTH  # pixels of the PNG per pixel of the picture: sharp on fine screens
_HEAD_PX = 54
_SHEET_PX = HEIGHT_PX / _DENSITY
_HEIGHT = _HEAD_PX + _SHEET_PX + 8
_KEY = (184, _HEAD_PX + 376, 174)  # left, top, width: below the view from behind
_VIEW_LABELS = (("lateral", 1, 116), ("medial", 1, 239), ("ventral", 1, 258), ("posterior", 170, 258))

MAPS_NOTE = (
    "Maps show both hemispheres on the inflated fsaverage5 of FreeSurfer: those of the challenge's vertices that it "
    "has, the first 10,242 of fsaverage in each hemisphere. Where they lie far apart, the gaps between them take the "
    "value of the nearest one that is drawn, as many edges of the mesh away as a map's caption says. Grey cortex has "
    "no value and is darker in sulci. The ventral view has the occipital pole at the top. A value beyond the key has "
    "the colour of that end."
)


@dataclass(frozen=True)
class _Part:
    """The numbers of one subject and hemisphere; for categories their places in the order."""

    subject: str
    hemisphere: Hemisphere
    values: Floats
    fsaverage_index: Ints


@dataclass(frozen=True)
class _Look:
    """What is mapped: ``said`` puts the numbers of all vertices of a picture into words."""

    name: str
    title: str
    key: Key
    pooling: Literal["mean", "median"]
    said: Callable[[Floats], str]
    pooled: str = ""  # what the pooling is of the quantity itself, where the numbers here are its logarithms

    @property
    def limits(self) -> tuple[float, float]:
        if isinstance(self.key, Numbers):
            return self.key.low, self.key.high
        return 0.0, float(max(len(self.key.labels) - 1, 1))


def brain_maps(
    surface: Surface, vertices: Sequence[VertexScores], quantity: Quantity = "noise_normalized"
) -> tuple[Picture, ...]:
    """A map of the mean over subjects (of several) and one per subject; none of what no vertex has."""
    parts = [
        _Part(one.subject, one.hemisphere, values, one.fsaverage_index)
        for one in vertices
        if one.fsaverage_index is not None and (values := _quantity(one, quantity)) is not None
    ]
    if not parts:
        return ()
    everything = np.concatenate([part.values for part in parts])
    return _maps(surface, parts, _score_look(quantity, everything))


def _quantity(one: VertexScores, quantity: Quantity) -> Floats | None:
    """In percent, but for r."""
    if quantity == "pearson_r":
        return one.pearson_r
    fractions = one.normalized if quantity == "noise_normalized" else one.ceiling
    return None if fractions is None else 100 * fractions


def _score_look(quantity: Quantity, values: Floats) -> _Look:
    name = quantity.replace("_", "-") + "-map"
    if quantity == "noise_normalized":
        return _Look(name, "Noise-normalized score (%)", Numbers(VIRIDIS, 0, 100), "mean", _mean_words("%"))
    if quantity == "noise_ceiling":
        key = Numbers(VIRIDIS, 0, _rounded_top(values))
        return _Look(name, "Noise ceiling (% of variance)", key, "mean", _mean_words("%"))
    return _Look(name, "Raw Pearson r", Numbers(VIRIDIS, 0, _rounded_top(values)), "mean", _mean_words("", 3))


def _rounded_top(values: Floats) -> float:
    """A round number that 99 vertices in a hundred do not pass."""
    values = values[np.isfinite(values)]
    top = max(float(np.percentile(values, 99)), 0.01) if values.size else 1.0
    step = round_step(top / 5)
    return step * math.ceil(top / step - 1e-9)


def _mean_words(unit: str, digits: int = 1) -> Callable[[Floats], str]:
    def said(values: Floats) -> str:
        return f"mean {values.mean():.{digits}f}{unit and ' ' + unit}, median {np.median(values):.{digits}f}"

    return said


def layer_maps(surface: Surface, choices: Sequence[Choice]) -> tuple[Picture, ...]:
    """The winning layer of every vertex, per member: over subjects (of several) the median, and each subject.

    None of a member with a single layer.
    """
    several = [one for one in choices if len(one.layers) > 1]
    return _choice_maps(surface, several, "layer", "Winning layer", lambda one: (one.layers, one.layer_index))


def grid_maps(surface: Surface, choices: Sequence[Choice]) -> tuple[Picture, ...]:
    """The winning pooling grid of every vertex, likewise; none of a member with a single one."""
    several = [one for one in choices if len(one.grids) > 1]
    return _choice_maps(surface, several, "grid", "Winning pooling grid", lambda one: (one.grids, one.grid_index))


def _choice_maps(
    surface: Surface,
    choices: Sequence[Choice],
    name: str,
    title: str,
    chosen: Callable[[Choice], tuple[tuple[str, ...], Ints]],
) -> tuple[Picture, ...]:
    pictures: list[Picture] = []
    members = by_member(choices)
    for member, group in members.items():
        labels = chosen(group[0])[0]
        key = Categories(PLASMA, labels)
        look = _Look(f"{name}-map-{stems(members)[member]}", f"{title}, {member}", key, "median", _share_words(labels))
        pictures += _maps(surface, _parts(group, lambda one: chosen(one)[1].astype(np.float64)), look)
    return tuple(pictures)


def _share_words(labels: Sequence[str]) -> Callable[[Floats], str]:
    def said(values: Floats) -> str:
        counts = np.bincount(values.astype(np.int64), minlength=len(labels))
        first = sorted(range(len(labels)), key=lambda index: -counts[index])[:3]
        shares = (f"{labels[index]} at {100 * counts[index] / len(values):.0f} %" for index in first if counts[index])
        return "most often " + ", ".join(shares)

    return said


def alpha_maps(surface: Surface, choices: Sequence[Choice]) -> tuple[Picture, ...]:
    """The penalty of every vertex on a logarithmic scale, per member; none where no vertex has one."""
    pictures: list[Picture] = []
    members = by_member(choices)
    for member, group in members.items():
        parts = _parts(group, _log_alpha)
        powers = np.concatenate([part.values for part in parts]) if parts else np.empty(0)
        powers = powers[np.isfinite(powers)]
        if powers.size:
            name, title = f"alpha-map-{stems(members)[member]}", f"Penalty (alpha), {member}"
            look = _Look(name, title, _powers_key(powers), "mean", _power_words, pooled="geometric mean")
            pictures += _maps(surface, parts, look)
    return tuple(pictures)


def _log_alpha(one: Choice) -> Floats:
    """log10, NaN where there is no penalty."""
    return np.log10(one.alpha, out=np.full(one.alpha.shape, np.nan), where=np.isfinite(one.alpha) & (one.alpha > 0))


def _powers_key(powers: Floats) -> Numbers:
    low, high = math.floor(powers.min()), math.ceil(powers.max())
    high += low == high
    step = max(1, math.ceil((high - low) / 6))
    ticks = tuple((float(power), f"1e{power}") for power in range(low, high + 1, step))
    return Numbers(MAGMA, low, high, ticks)


def _power_words(powers: Floats) -> str:
    return f"median {10 ** np.median(powers):.3g}, from {10 ** powers.min():.3g} to {10 ** powers.max():.3g}"


def _parts(choices: Iterable[Choice], values: Callable[[Choice], Floats]) -> list[_Part]:
    return [
        _Part(one.subject, one.hemisphere, values(one), one.fsaverage_index)
        for one in choices
        if one.fsaverage_index is not None
    ]


def _maps(surface: Surface, parts: Sequence[_Part], look: _Look) -> tuple[Picture, ...]:
    subjects = list(dict.fromkeys(part.subject for part in parts))
    pictures = []
    if len(subjects) > 1:
        pooled = [_over_subjects(parts, hemisphere, look.pooling) for hemisphere in HEMISPHERES]
        words = f"{look.pooled or look.pooling} of {len(subjects)} subjects"
        pictures.append(_map(surface, [part for part in pooled if part.values.size], look, words, look.pooling))
    for subject in subjects:
        pictures.append(_map(surface, [part for part in parts if part.subject == subject], look, subject, subject))
    return tuple(pictures)


def _over_subjects(parts: Sequence[_Part], hemisphere: Hemisphere, pooling: str) -> _Part:
    """Every fsaverage vertex that some subject has: the mean, or the lower median, over those that have it."""
    here = [part for part in parts if part.hemisphere == hemisphere]
    values = np.concatenate([part.values for part in here]) if here else np.empty(0)
    index = np.concatenate([part.fsaverage_index for part in here]) if here else np.empty(0, np.int64)
    values, index = values[np.isfinite(values)], index[np.isfinite(values)]
    order = np.lexsort((values, index))
    values, index = values[order], index[order]
    vertices, first, count = np.unique(index, return_index=True, return_counts=True)
    if pooling == "median":
        return _Part("", hemisphere, values[first + (count - 1) // 2], vertices)
    sums = np.add.reduceat(values, first) if first.size else np.empty(0)
    return _Part("", hemisphere, sums / count, vertices)


def _map(surface: Surface, parts: Sequence[_Part], look: _Look, of: str, name: str) -> Picture:
    spreads = {
        part.hemisphere: spread(surface.meshes[part.hemisphere], part.values, part.fsaverage_index) for part in parts
    }
    empty = np.full(N_VERTICES, np.nan)
    values = np.concatenate([spreads[one].values if one in spreads else empty for one in HEMISPHERES])
    low, high = look.limits
    colours = look.key.colours.rgb(np.linspace(0, 1, look.key.n_colours))
    png = paint(surface, (values - low) / (high - low), colours, blend=isinstance(look.key, Numbers))
    title = f"{look.title}: {of}"
    body = [
        heading(look.title),
        text(of, 0, 30, class_="s q"),
        text("left hemisphere", 89, _HEAD_PX - 5, anchor="middle", class_="s q"),
        text("right hemisphere", 271, _HEAD_PX - 5, anchor="middle", class_="s q"),
        element("image", href=data_uri(png), x=0, y=_HEAD_PX, width=WIDTH, height=_SHEET_PX),
        *(text(view, x, _HEAD_PX + y, class_="s q") for view, x, y in _VIEW_LABELS),
        *look.key.draw(*_KEY),
    ]
    alt = f"{title}, on the inflated cortex seen from the side, the middle, below and behind. {_said(parts, look)}"
    caption = f"{title}. {_pooling_words(look, name)}{_drawn_words(spreads)}"
    return chart(f"{look.name}-{kebab(name)}", (WIDTH, _HEIGHT), body, title=title, alt=alt, caption=caption)


def _said(parts: Sequence[_Part], look: _Look) -> str:
    sides = {"lh": "Left", "rh": "Right"}
    finite = [(sides[part.hemisphere], part.values[np.isfinite(part.values)]) for part in parts]
    return " ".join(f"{side} hemisphere: {look.said(values)}." for side, values in finite if values.size)


def _pooling_words(look: _Look, name: str) -> str:
    if name != look.pooling:
        return ""
    return f"Every vertex shows the {look.pooled or look.pooling} over the subjects that have it. "


def _drawn_words(spreads: Mapping[Hemisphere, Spread]) -> str:
    n_given, n_drawn = (sum(getattr(one, name) for one in spreads.values()) for name in ("n_given", "n_drawn"))
    words = f"{n_drawn} of {n_given} vertices with a value are drawn"
    rings = max((one.rings for one in spreads.values()), default=0.0)
    if rings:
        words += f", gaps filled within {rings:g} edges"
    return words + "."
