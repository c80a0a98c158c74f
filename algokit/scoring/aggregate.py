"""Per-vertex numbers -> the scores of every subject, hemisphere, ROI class and ROI, and of the pools over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.metrics import Metric
from algokit.scoring.hemisphere import ALL, metrics
from algokit.types import HEMISPHERES, Ints, ScoreRow, VertexScores

Part: TypeAlias = tuple[VertexScores, Ints]
Statistic: TypeAlias = Literal["mean", "median"]
STATISTICS: dict[Statistic, Callable[[NDArray[Any]], Any]] = {"mean": np.mean, "median": np.median}


@dataclass(frozen=True)
class Place:
    """What one row is about: a pool of vertices, never empty.

    Attributes
    ----------
    subject, hemisphere, roi_class, roi : "all" where they are pooled over.
    parts : the hemispheres that have vertices here, and which.
    """

    subject: str
    hemisphere: str
    roi_class: str
    roi: str
    parts: tuple[Part, ...]

    def counted(self, metric: Metric) -> tuple[Part, ...]:
        """The parts that a metric aggregates; empty where one has no ceilings to do so, or nothing remains."""
        if not metric.needs_ceiling:
            return self.parts
        if any(one.ceiling is None for one, _ in self.parts):
            return ()
        if not metric.leaves_out_zero_ceilings:
            return self.parts
        kept = ((one, vertices[one.ceiling[vertices] != 0]) for one, vertices in self.parts if one.ceiling is not None)
        return tuple((one, vertices) for one, vertices in kept if vertices.size)


def places(scored: Sequence[VertexScores]) -> Iterator[Place]:
    """Every subject, hemisphere, ROI class and ROI and the pools over them; an empty ROI is no place."""
    rois = dict.fromkeys(roi for one in scored for roi in one.rois)
    for subject in (ALL, *dict.fromkeys(one.subject for one in scored)):
        for hemisphere in (ALL, *HEMISPHERES):
            group = [one for one in scored if subject in (ALL, one.subject) and hemisphere in (ALL, one.hemisphere)]
            for roi in rois:
                parts = tuple((one, one.rois[roi]) for one in group if roi in one.rois and one.rois[roi].size)
                if parts:
                    yield Place(subject, hemisphere, *roi, parts)


def vertex_values(scored: Iterable[VertexScores]) -> dict[tuple[str, str, str], NDArray[np.float64]]:
    """(metric, subject, hemisphere) -> (n_vertices,) float64; without those that need ceilings that are not there."""
    return {
        (metric.name, one.subject, one.hemisphere): metric.of_r(one.pearson_r, one.ceiling)
        for one in scored
        for metric in metrics().values()
        if not (metric.needs_ceiling and one.ceiling is None)
    }


def place_rows(place: Place, values: Mapping[tuple[str, str, str], NDArray[np.float64]]) -> Iterator[ScoreRow]:
    """The rows of one place, metric by metric, mean first."""
    official = _blank(place, place.parts)
    for metric in metrics().values():
        parts = place.counted(metric)
        if not parts:
            continue
        pooled = np.concatenate([values[metric.name, one.subject, one.hemisphere][vertices] for one, vertices in parts])
        blank = official if parts is place.parts else _blank(place, parts)
        for name, statistic in STATISTICS.items():
            value = metric.scale * float(statistic(pooled))
            yield replace(blank, metric=f"{metric.name}_{name}", version=metric.version, value=value)


def _blank(place: Place, parts: Sequence[Part]) -> ScoreRow:
    """A row with the counts of its vertices and no value."""
    return ScoreRow(
        place.subject,
        place.hemisphere,
        place.roi_class,
        place.roi,
        n_vertices=sum(vertices.size for _, vertices in parts),
        metric="",
        version=0,
        value=0.0,
        n_zero_ceiling=sum(n_zero_ceiling(one, vertices) for one, vertices in parts),
        n_clipped=sum(n_clipped(one, vertices) for one, vertices in parts),
        n_constant=sum(int(np.count_nonzero(one.constant[vertices])) for one, vertices in parts),
        n_nonfinite=sum(int(np.count_nonzero(one.nonfinite[vertices])) for one, vertices in parts),
    )


def n_zero_ceiling(one: VertexScores, vertices: Ints) -> int:
    """How many of the vertices have a ceiling of exactly 0."""
    return 0 if one.ceiling is None else int(np.count_nonzero(one.ceiling[vertices] == 0))


def n_clipped(one: VertexScores, vertices: Ints) -> int:
    """How many of the vertices reach the cap."""
    return 0 if one.normalized is None else int(np.count_nonzero(one.normalized[vertices] >= 1))
