"""The tables of a study: scores by point and ROI, and what noise allows every subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from algokit.recipe.study_schema import PREDICTORS, StudyRecipe
from algokit.reporting.tables import Cell, Estimate, Table
from algokit.studies.fit import Fit
from algokit.studies.pooling import UNITS, Pooled, pooled, rois_of
from algokit.studies.results import GroupStudy
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
    headers = ("series", "images", *(roi_words(roi) for roi in rois))
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
        body.append((roi_words(roi), _n_vertices(rows, roi), *values))
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
    headers = ("subject", *(roi_words(roi) for roi in rois))
    body = tuple((subject, *(cells.get((subject, roi)) for roi in rois)) for subject in subjects)
    yield Table("Mean noise ceiling (r²): where raw scores must end", headers, body, dict.fromkeys(headers, 3))


def law_tables(groups: Sequence[GroupStudy]) -> list[Table]:
    """Constants with their intervals, predictions, and how the law did on the largest points; as far as there are."""
    found = [_constants(groups), _predictions(groups), _held_out(groups)]
    return [table for table in found if table.rows]


def _constants(groups: Sequence[GroupStudy]) -> Table:
    names = next((list(one.fit.constants) for one in groups if one.fit), [])
    rows = tuple(
        (roi_words(one.group), one.n_points, one.n_units, *(_constant(one.fit, name) for name in names), one.reach)
        for one in groups
        if one.fit
    )
    headers = ("ROI", "points", "units", *names, "times beyond")
    title = "Constants, with 95 % intervals; predictions are given so many times beyond the data as could be tested"
    return Table(title, headers, rows, {**dict.fromkeys(names, 4), "times beyond": 1})


def _constant(fit: Fit, name: str) -> Cell:
    value, interval = fit.constants[name], fit.intervals.get(name)
    return Estimate(value, interval.low, interval.high) if interval else value


def _predictions(groups: Sequence[GroupStudy]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        for one in group.predictions:
            place = ", ".join(f"{value:g}" for value in one.at)
            if one.score is None:
                score: Cell = None
            else:
                score = one.score if one.low is None or one.high is None else Estimate(one.score, one.low, one.high)
            why = "; ".join(finding.what for finding in one.findings)
            rows.append((roi_words(group.group), place, why or "given", score))
    return Table("Predictions", ("ROI", "at", "", "score"), tuple(rows), {"score": 4})


def _held_out(groups: Sequence[GroupStudy]) -> Table:
    rows = tuple(
        (roi_words(group.group), one.law, one.n_small, one.n_large, one.factor, one.mean_error, one.bias)
        for group in groups
        for one in group.held_out
    )
    headers = ("ROI", "law", "fitted", "tested", "times beyond", "mean error", "bias")
    digits = {"times beyond": 1, "mean error": 4, "bias": 4}
    return Table("Fitted to the small, tested on the large", headers, rows, digits)


def roi_words(roi: str) -> str:
    """The name of an ROI; "all vertices" for the pool of all."""
    return "all vertices" if roi == _ALL else roi
