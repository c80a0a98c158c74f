"""From the rows of a study to points: scores pooled over hemispheres, subjects and draws, vertex by vertex."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from algokit.recipe.study_schema import LawSpec, Predictor
from algokit.scoring.hemisphere import ALL
from algokit.studies.observations import Observations
from algokit.studies.selection import Points
from algokit.studies.tidy import StudyRow

UNITS: dict[str, Callable[[StudyRow], str]] = {
    "points": lambda row: "",
    "draws": lambda row: f"draw {row.draw}",
    "subjects": lambda row: row.subject,
    "models": lambda row: row.member,
}


@dataclass(frozen=True)
class Pooled:
    """One score: the mean over all vertices of its rows.

    Attributes
    ----------
    point, series, roi : what it is of; ``unit`` says which draw, subject or model, "" where they are pooled.
    x : the predictors, means over its rows.
    value, ceiling : fractions; the ceiling is the mean over the same vertices, None where not known.
    """

    point: str
    series: str
    roi: str
    unit: str
    x: tuple[float, ...]
    value: float
    ceiling: float | None
    n_vertices: int


def pooled(
    rows: Iterable[StudyRow], metric: str, predictors: Sequence[Predictor], unit: Callable[[StudyRow], str]
) -> list[Pooled]:
    """One score per point, ROI and unit, in the order of the rows; rows without a predictor are left out."""
    groups: dict[tuple[str, str, str], list[StudyRow]] = {}
    for row in rows:
        if row.metric == metric and all(getattr(row, name) is not None for name in predictors):
            groups.setdefault((row.point, row.roi, unit(row)), []).append(row)
    return [_pool(point, roi, name, group, predictors) for (point, roi, name), group in groups.items()]


def rois_of(rows: Iterable[StudyRow]) -> list[str]:
    """The ROIs in order, "all" last."""
    found = dict.fromkeys(row.roi for row in rows)
    return [*(roi for roi in found if roi != ALL), *([ALL] if ALL in found else [])]


def law_points(rows: Sequence[StudyRow], metric: str, law: LawSpec, predictors: Sequence[Predictor]) -> list[Points]:
    """What a law is fitted to, ROI by ROI; a point per fit and unit that is resampled.

    But for a logarithmic law predictors are divided by the power of ten below the smallest, so that constants are of
    the size of scores.
    """
    scores = pooled(rows, metric, (*predictors, "flops"), UNITS[law.resample])
    scales = tuple(
        1.0 if law.form == "log" else 10.0 ** math.floor(math.log10(min(one.x[index] for one in scores)))
        for index in range(len(predictors))
    )
    return [_points(roi, [one for one in scores if one.roi == roi], predictors, scales) for roi in rois_of(rows)]


def _points(roi: str, scores: Sequence[Pooled], predictors: Sequence[Predictor], scales: tuple[float, ...]) -> Points:
    *columns, flops = (np.array(column) for column in zip(*(one.x for one in scores), strict=True))
    observations = Observations(
        predictors=tuple(columns),
        score=np.array([one.value for one in scores]),
        scales=scales,
        names=tuple(predictors),
        units=tuple(one.unit or one.point for one in scores),
    )
    return Points(roi, observations, {"flops": flops})


def _pool(point: str, roi: str, unit: str, rows: Sequence[StudyRow], predictors: Sequence[Predictor]) -> Pooled:
    n_vertices = sum(row.n_vertices for row in rows)
    ceilings = [row.ceiling for row in rows if row.ceiling is not None]
    weights = [row.n_vertices / n_vertices for row in rows]
    return Pooled(
        point=point,
        series=rows[0].series,
        roi=roi,
        unit=unit,
        x=tuple(float(np.mean([getattr(row, name) for row in rows])) for name in predictors),
        value=sum(weight * row.value for weight, row in zip(weights, rows, strict=True)),
        ceiling=sum(w * c for w, c in zip(weights, ceilings, strict=True)) if len(ceilings) == len(rows) else None,
        n_vertices=n_vertices,
    )
