"""The tables of a study: scores by point and ROI, and what noise allows every subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from algokit.recipe.study_schema import PREDICTORS, StudyRecipe
from algokit.reporting.tables import Cell, Table
from algokit.studies.pooling import UNITS, Pooled, pooled, rois_of
from algokit.studies.tidy import StudyRow

_ALL = "all"


def scores_table(study: StudyRecipe, rows: Sequence[StudyRow]) -> Table:
    """A row per point, a column per ROI; in percent where scores are noise-normalized."""
    metric = study.scores.metric
    percent = metric != "r2"
    found = {(one.point, one.roi): one for one in pooled(rows, metric, ("n_images",), UNITS["points"])}
    rois, points = rois_of(rows), list(dict.fromkeys(row.point for row in rows))
    body = tuple(_row(point, rois, found, 100.0 if percent else 1.0) for point in points)
    version = next(row.version for row in rows if row.metric == metric)
    title = f"{metric} (version {version}), mean over vertices of all subjects and draws{', %' if percent else ''}"
    headers = ("series", "images", *("all vertices" if roi == _ALL else roi for roi in rois))
    n_vertices = ("vertices", None, *(_n_vertices(rows, roi) for roi in rois))
    return Table(title, headers, (*body, n_vertices), dict.fromkeys(headers, 1 if percent else 4))


def ends_table(study: StudyRecipe, rows: Sequence[StudyRow]) -> Table:
    """A row per ROI: the score of the first and the last point of the study's predictor, and the best of all."""
    metric = study.scores.metric
    scale = 1.0 if metric == "r2" else 100.0
    name = PREDICTORS[study.study]
    body: list[tuple[Cell, ...]] = []
    for roi in rois_of(rows):
        scores = pooled([row for row in rows if row.roi == roi], metric, (name,), UNITS["points"])
        ordered = sorted(scores, key=lambda one: one.x[0])
        values = [scale * one.value for one in (ordered[0], ordered[-1], max(scores, key=lambda one: one.value))]
        body.append(("all vertices" if roi == _ALL else roi, _n_vertices(rows, roi), *values))
    ends = sorted({one.x[0] for one in scores})
    headers = ("ROI", "vertices", f"at {ends[0]:.4g}", f"at {ends[-1]:.4g}", "best")
    title = f"{metric} against {name}"
    return Table(title, headers, tuple(body), dict.fromkeys(headers, 4 if metric == "r2" else 1))


def _row(point: str, rois: Sequence[str], found: Mapping[tuple[str, str], Pooled], scale: float) -> tuple[Cell, ...]:
    series, _, size = point.rpartition("/n")
    values = (getattr(found.get((point, roi)), "value", None) for roi in rois)
    return (series, int(size), *(None if value is None else scale * value for value in values))


def _n_vertices(rows: Sequence[StudyRow], roi: str) -> int:
    counts = {(row.subject, row.hemisphere): row.n_vertices for row in rows if row.roi == roi and row.metric == "r2"}
    return sum(counts.values())


def ceilings_table(rows: Sequence[StudyRow]) -> Iterator[Table]:
    """Mean noise ceilings, subject by subject: where raw scores must end. None where they are not known."""
    chosen = [row for row in rows if row.metric == "r2" and row.ceiling is not None]
    if not chosen:
        return
    found = pooled([row for row in chosen if row.point == chosen[0].point], "r2", ("n_images",), UNITS["subjects"])
    cells = {(one.unit, one.roi): one.ceiling for one in found}
    rois = rois_of(chosen)
    subjects = dict.fromkeys(row.subject for row in chosen)
    headers = ("subject", *("all vertices" if roi == _ALL else roi for roi in rois))
    body = tuple((subject, *(cells.get((subject, roi)) for roi in rois)) for subject in subjects)
    yield Table("Mean noise ceiling (r²): where raw scores must end", headers, body, dict.fromkeys(headers, 3))
