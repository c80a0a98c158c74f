"""The charts of a study: scores against what was varied, in every ROI, raw and normalized, and their limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

import numpy as np

from algokit.recipe.study_schema import PREDICTORS, Predictor, StudyRecipe
from algokit.reporting.figures.curves import Axes, Line, curves_picture
from algokit.reporting.figures.gains import gains_picture
from algokit.reporting.figures.picture import Picture, kebab, stems
from algokit.reporting.study_words import METRIC_WORDS, PREDICTOR_WORDS
from algokit.scoring.hemisphere import ALL
from algokit.studies.pooling import UNITS, Pooled, pooled, rois_of
from algokit.studies.tidy import StudyRow

_NUMBERS = {"data_size": "1. ", "parameter_size": "2. "}  # the figures of the first seed
Key = Callable[[StudyRow], str]


def study_charts(study: StudyRecipe, rows: Sequence[StudyRow]) -> tuple[Picture, ...]:
    """All of them, in the order of the page."""
    found = [picture for metric in _metrics(study, rows) for picture in _by_roi(study, rows, metric)]
    found += _by_member(study, rows)
    found += _gains(study, rows)
    found += _by_subject(study, rows)
    return tuple(found)


def _metrics(study: StudyRecipe, rows: Sequence[StudyRow]) -> list[str]:
    """The one that is asked for and the raw one, as far as they are there."""
    there = {row.metric for row in rows}
    return [one for one in dict.fromkeys((study.scores.metric, "r2")) if one in there]


def _by_roi(study: StudyRecipe, rows: Sequence[StudyRow], metric: str) -> Iterator[Picture]:
    """Figures 1 and 2 of the first seed: a line per ROI; a chart per member where members are not what is varied."""
    predictor = PREDICTORS[study.study]
    is_one = study.study in ("parameter_size", "compute")
    members = {"": list(rows)} if is_one else _grouped(rows, attrgetter("member"))
    names = stems(members)
    for member, group in members.items():
        number = _NUMBERS.get(study.study, "")
        scale = "raw" if metric == "r2" else "noise-normalized"
        title = f"{number}ROIs against {PREDICTOR_WORDS[predictor].short}, {scale}"
        title += f", {member}" if len(members) > 1 else ""
        most = max(row.n_images for row in group)
        chosen = [row for row in group if study.study != "compute" or row.n_images == most]
        name = kebab("rois", metric, *([names[member]] if len(members) > 1 else []))
        yield _chart(name, chosen, metric, predictor, attrgetter("roi"), rois_of(rows), title)


def _by_member(study: StudyRecipe, rows: Sequence[StudyRow]) -> Iterator[Picture]:
    """Counterparts of the second seed: all vertices against images (a), parameters (b) and compute (c)."""
    metric = study.scores.metric
    everything = [row for row in rows if row.roi == ALL]
    members = list(dict.fromkeys(row.member for row in rows))
    sizes = sorted({row.n_images for row in rows})
    if len(members) == 1:
        return
    if len(sizes) > 1:
        title = "a. All vertices against images"
        yield _chart("a-images", everything, metric, "n_images", attrgetter("member"), members, title)
    if study.study in ("parameter_size", "compute"):
        labels = [f"{size:,} images" for size in sizes]
        title = "b. All vertices against parameters"
        yield _chart("b-parameters", everything, metric, "n_parameters", _n_images, labels, title)
        by_what, names = (attrgetter("member"), members) if len(sizes) > 1 else (attrgetter("roi"), [ALL])
        title = "c. All vertices against compute"
        yield _chart("c-compute", everything, metric, "flops", by_what, names, title)


def _n_images(row: StudyRow) -> str:
    return f"{row.n_images:,} images"


def _gains(study: StudyRecipe, rows: Sequence[StudyRow]) -> Iterator[Picture]:
    """Counterpart of the second seed's last: which areas gain most (d)."""
    metric, predictor = study.scores.metric, PREDICTORS[study.study]
    if study.study in ("depth", "grid") or len({getattr(row, predictor) for row in rows}) < 2:
        return
    lines = [
        _line(label, [row for row in rows if row.roi == roi], metric, predictor, "points", False)
        for roi in rois_of(rows)
        for label in ["all vertices" if roi == ALL else roi]
    ]
    varied = PREDICTOR_WORDS[predictor].short
    title = f"d. What more {varied} bring" + ("s" if predictor == "flops" else "")
    yield gains_picture("d-gains", lines, Axes(varied, METRIC_WORDS[metric].axis, is_log=True), title=title)


def _by_subject(study: StudyRecipe, rows: Sequence[StudyRow]) -> Iterator[Picture]:
    """Every subject's raw scores, and the noise ceiling that they cannot rise above."""
    first = rows[0].member
    chosen = [row for row in rows if row.roi == ALL and (row.member == first or study.study == "parameter_size")]
    subjects = list(dict.fromkeys(row.subject for row in chosen))
    predictor: Predictor = "n_images" if study.study == "compute" else PREDICTORS[study.study]
    title = "Subjects and their noise ceilings" + ("" if study.study == "parameter_size" else f", {first}")
    by_subject = attrgetter("subject")
    yield _chart("subjects-r2", chosen, "r2", predictor, by_subject, subjects, title, has_limit=True)


def _chart(
    name: str,
    rows: Sequence[StudyRow],
    metric: str,
    predictor: Predictor,
    key: Key,
    labels: Sequence[str],
    title: str,
    *,
    has_limit: bool = False,
) -> Picture:
    unit, words = _spread(rows)
    if has_limit and unit == "subjects":  # a line each
        unit, words = "points", ""
    groups = _grouped(rows, key)
    lines = [
        _line("all vertices" if label == ALL else label, groups[label], metric, predictor, unit, has_limit)
        for label in labels
        if label in groups
    ]
    axes = Axes(PREDICTOR_WORDS[predictor].axis, METRIC_WORDS[metric].axis, is_log=predictor not in ("depth", "grid"))
    if predictor == "n_parameters":
        sizes = {row.member: row.n_parameters for row in rows}
        words += f" From left to right: {', '.join(sorted(sizes, key=lambda name: sizes[name]))}."
    limits = " Dashed level lines are mean noise ceilings: no model can do better on average." if has_limit else ""
    if has_limit and all(one.limit is None for one in lines):
        limits = ""
    return curves_picture(name, lines, axes, title=title, how=f"{words}{limits}".strip())


def _line(label: str, rows: Sequence[StudyRow], metric: str, predictor: Predictor, unit: str, has_limit: bool) -> Line:
    """Means over everything but the predictor, and from the least to the most over units."""
    at = [(one.x[0], one) for one in pooled(rows, metric, (predictor,), lambda row: "")]
    each = pooled(rows, metric, (predictor,), UNITS[unit])
    places = sorted({x for x, _ in at})
    means = [_mean([one for x, one in at if x == place]) for place in places]
    spread = [_by_unit([one for one in each if one.x[0] == place]) for place in places]
    ceilings = [one.ceiling for _, one in at if one.ceiling is not None]
    return Line(
        label=label,
        x=tuple(places),
        y=tuple(means),
        low=tuple(min([mean, *some]) for mean, some in zip(means, spread, strict=True)),
        high=tuple(max([mean, *some]) for mean, some in zip(means, spread, strict=True)),
        limit=float(np.mean(ceilings)) if has_limit and ceilings else None,
    )


def _mean(scores: Sequence[Pooled]) -> float:
    return sum(one.value * one.n_vertices for one in scores) / sum(one.n_vertices for one in scores)


def _by_unit(scores: Sequence[Pooled]) -> list[float]:
    units = dict.fromkeys(one.unit for one in scores)
    return [_mean([one for one in scores if one.unit == unit]) for unit in units]


def _spread(rows: Sequence[StudyRow]) -> tuple[str, str]:
    """What the bars are over, and how that is said."""
    n_draws, n_subjects = len({row.draw for row in rows}), len({row.subject for row in rows})
    if n_draws > 1:
        return "draws", f"Bars: from the least to the greatest of {n_draws} draws of the images."
    if n_subjects > 1:
        return "subjects", f"Bars: from the least to the greatest of {n_subjects} subjects."
    return "points", ""


def _grouped(rows: Sequence[StudyRow], key: Key) -> dict[str, list[StudyRow]]:
    found: dict[str, list[StudyRow]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
