"""Is this submission valid, and how good is it? Findings, then scores: the challenge's own verdict, computed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.challenge import Challenge
from algokit.challenge.submission import SubmissionSource, open_submission
from algokit.challenge.submission_check import (
    PredictionFile,
    file_findings,
    flat_columns,
    locate,
    validate_submission,
)
from algokit.challenge.submission_geometry import submission_geometry
from algokit.errors import DataError, SubmissionError, UsageError
from algokit.metrics import CATALOGUE as METRICS
from algokit.metrics import Metric
from algokit.types import (
    HEMISPHERES,
    Ceilings,
    Finding,
    Ints,
    Predictions,
    Responses,
    RoiMask,
    ScoreRow,
    Scores,
    Split,
    errors_among,
)

__all__ = [
    "ScoredHemisphere",
    "score",
    "score_document",
    "score_submission",
    "scores_from_document",
    "submission_geometry",
    "validate_submission",
]

ALL = "all"


@dataclass(frozen=True)
class ScoredHemisphere:
    """What one hemisphere's score is computed from; `score` refuses parts that do not belong together."""

    predictions: Predictions
    responses: Responses
    ceilings: Ceilings | None
    roi_masks: Sequence[RoiMask]


@dataclass(frozen=True)
class _VertexScores:
    """Per-vertex numbers of one hemisphere; all that is kept of it.

    Attributes
    ----------
    pearson_r : (n_vertices,) float64.
    normalized : (n_vertices,) float64 in 0..1, None without ceilings.
    rois : (ROI class, ROI) -> indices of its vertices, perhaps none. "all" as ROI is any ROI of the class, "all" as
        both is every vertex.
    """

    subject: str
    hemisphere: str
    split: Split
    n_images: int
    pearson_r: NDArray[np.float64]
    normalized: NDArray[np.float64] | None
    rois: Mapping[tuple[str, str], Ints]
    ceiling_source: str
    n_zero_ceiling: int
    n_clipped: int
    n_flat: int


def score(items: Iterable[ScoredHemisphere]) -> Scores:
    """Score hemispheres, pooled and apart. Items are taken one at a time and not kept, so pass a generator.

    The pooled mean of ``noise_normalized`` over all vertices is the challenge score. Rows cover every subject,
    hemisphere, ROI class and ROI and the pools over them; an empty ROI has no row. Noise-normalized rows are given
    where every vertex of the row has a ceiling.

    Raises
    ------
    UsageError : predictions, responses, ceilings or masks do not belong together, or hemispheres repeat.
    """
    raw, normalized = METRICS.load("pearson_r"), METRICS.load("noise_normalized")
    scored = [_vertex_scores(item, raw, normalized) for item in items]
    places = [(one.subject, one.hemisphere) for one in scored]
    splits = {one.split for one in scored}
    if len(splits) != 1 or len(set(places)) < len(places):
        finding = Finding("hemispheres of one split, each once, are needed", found=f"{places} of {sorted(splits)}")
        raise UsageError("these cannot be scored together", [finding])
    return Scores(
        split=splits.pop(),
        rows=tuple(_rows(scored, raw, normalized)),
        ceiling_source="; ".join(dict.fromkeys(one.ceiling_source for one in scored if one.ceiling_source)),
        n_vertices=sum(one.pearson_r.size for one in scored),
        n_images={one.subject: one.n_images for one in scored},
        n_zero_ceiling=sum(one.n_zero_ceiling for one in scored),
        n_clipped=sum(one.n_clipped for one in scored),
        n_flat=sum(one.n_flat for one in scored),
        notes=tuple(_notes(scored)),
    )


def _vertex_scores(item: ScoredHemisphere, raw: Metric, normalized: Metric) -> _VertexScores:
    predictions, ceilings = item.predictions, item.ceilings
    if misfits := list(_misfits(item)):
        place = f"{predictions.subject} {predictions.hemisphere}"
        raise UsageError(f"{place} cannot be scored: its parts do not belong together", misfits)
    pair = (item.responses.values, predictions.values)
    fractions = normalized.compute(*pair, ceilings.values) if ceilings else None
    return _VertexScores(
        subject=predictions.subject,
        hemisphere=predictions.hemisphere,
        split=predictions.split,
        n_images=len(predictions.image_ids),
        pearson_r=raw.compute(*pair, None),
        normalized=fractions,
        rois=_roi_vertices(item),
        ceiling_source=ceilings.source if ceilings else "",
        n_zero_ceiling=int(np.count_nonzero(ceilings.values == 0)) if ceilings else 0,
        n_clipped=int(np.count_nonzero(fractions >= 1)) if fractions is not None else 0,
        n_flat=int(np.count_nonzero(flat_columns(predictions.values))),
    )


def _misfits(item: ScoredHemisphere) -> Iterator[Finding]:
    predictions = item.predictions
    own = (predictions.subject, predictions.hemisphere, predictions.split)
    others: list[tuple[str, Responses | Ceilings]] = [("responses", item.responses)]
    others += [("noise ceilings", item.ceilings)] if item.ceilings else []
    for name, one in others:
        if (place := (one.subject, one.hemisphere, one.split)) != own:
            yield Finding(f"the {name} are of another subject, hemisphere or split", "", "", str(own), str(place))
    shape = (len(predictions.image_ids), predictions.values.shape[-1])
    if not predictions.values.shape == item.responses.values.shape == shape:
        found = f"responses {item.responses.values.shape}"
        yield Finding("predictions and responses differ in shape", expected=f"predictions {shape}", found=found)
    if not np.array_equal(predictions.image_ids, item.responses.image_ids):
        yield Finding("predictions and responses are of other images, or in another order")
    if item.ceilings and item.ceilings.values.shape != shape[1:]:
        yield Finding("not one ceiling per vertex", expected=str(shape[1:]), found=str(item.ceilings.values.shape))
    for mask in item.roi_masks:
        if mask.hemisphere != own[1] or mask.labels.shape != shape[1:]:
            found = f"{mask.hemisphere} {mask.labels.shape}"
            yield Finding("an ROI mask of another hemisphere", "", mask.roi_class, f"{own[1]} {shape[1:]}", found)


def _roi_vertices(item: ScoredHemisphere) -> dict[tuple[str, str], Ints]:
    chosen: dict[tuple[str, str], Ints] = {(ALL, ALL): np.arange(item.predictions.values.shape[1])}
    for mask in item.roi_masks:
        chosen[mask.roi_class, ALL] = np.flatnonzero(mask.labels)
        for label, name in sorted(mask.names.items()):
            chosen[mask.roi_class, name] = np.flatnonzero(mask.labels == label)
    return chosen


def _rows(scored: Sequence[_VertexScores], raw: Metric, normalized: Metric) -> Iterator[ScoreRow]:
    rois = dict.fromkeys(roi for one in scored for roi in one.rois)
    for subject in (ALL, *dict.fromkeys(one.subject for one in scored)):
        for hemisphere in (ALL, *HEMISPHERES):
            group = [one for one in scored if subject in (ALL, one.subject) and hemisphere in (ALL, one.hemisphere)]
            for roi in rois:
                parts = [(one, one.rois[roi]) for one in group if roi in one.rois and one.rois[roi].size]
                for metric, name, n_vertices, value in _aggregates(parts, raw, normalized):
                    version, value = metric.version, metric.scale * float(value)
                    yield ScoreRow(subject, hemisphere, *roi, n_vertices, name, version, value)


def _aggregates(
    parts: Sequence[tuple[_VertexScores, Ints]], raw: Metric, normalized: Metric
) -> Iterator[tuple[Metric, str, int, float]]:
    """Metric, name, n_vertices and value of every aggregate over the chosen vertices, pooled; none of no vertices."""
    if not parts:
        return
    r = np.concatenate([one.pearson_r[vertices] for one, vertices in parts])
    yield raw, "pearson_r_mean", r.size, r.mean()
    fractions = [one.normalized[vertices] for one, vertices in parts if one.normalized is not None]
    if len(fractions) == len(parts):
        pooled = np.concatenate(fractions)
        yield normalized, "noise_normalized_mean", r.size, pooled.mean()
        yield normalized, "noise_normalized_median", r.size, np.median(pooled)


def _notes(scored: Sequence[_VertexScores]) -> Iterator[str]:
    without = [f"{one.subject} {one.hemisphere}" for one in scored if one.normalized is None]
    n_flat, n_zero = sum(one.n_flat for one in scored), sum(one.n_zero_ceiling for one in scored)
    if without:
        whose = "" if len(without) == len(scored) else f" for {', '.join(without)}"
        yield f"no noise ceilings{whose}: raw correlations only"
    if n_flat:
        yield f"{_vertices(n_flat)} with a constant or non-finite prediction: a score of 0"
    if n_zero:
        yield f"{_vertices(n_zero)} with a ceiling of exactly 0: 100 for any positive correlation (the official rule)"


def _vertices(n: int) -> str:
    return f"{n} {'vertex' if n == 1 else 'vertices'}"


def score_submission(path: Path, challenge: Challenge, *, subjects: Sequence[str] | None = None) -> Scores:
    """Score a submission folder or zip on the test split, one array in memory at a time.

    Warnings do not stop it, nor do values that are not finite: their vertices score 0 and are counted.

    Parameters
    ----------
    subjects : the subjects to score; all of the challenge's where None.

    Raises
    ------
    SubmissionError : files are missing, misnamed, unreadable or of the wrong shape or dtype; all findings.
    DataError : the challenge directory lacks test responses or noise ceilings.
    UsageError : a subject is not in the challenge.
    """
    geometry = {subject: challenge.geometry(subject) for subject in subjects or challenge.subjects}
    _refuse_withheld(challenge, geometry)
    with open_submission(path) as source:
        files, findings = locate(source, geometry)
        for file in files:
            findings += file_findings(source, file, geometry, values=False)
        if errors := errors_among([*source.findings, *findings]):
            raise SubmissionError(f"{path} cannot be scored", errors)
        return score(_test_items(source, files, challenge))


def _refuse_withheld(challenge: Challenge, subjects: Iterable[str]) -> None:
    missing = []
    for subject in subjects:
        if not challenge.has_responses(subject, "test"):
            missing.append((subject, "test responses", "no-responses"))
        if any(challenge.ceilings(subject, hemisphere, "test") is None for hemisphere in HEMISPHERES):
            missing.append((subject, "noise ceilings", "no-ceilings"))
    if missing:
        advice = "add the released test_data; without them a recipe's val split gives a local score"
        findings = [
            Finding(f"no {what}", str(challenge.root), subject, advice=advice, code=code)
            for subject, what, code in missing
        ]
        raise DataError("the test split cannot be scored with these data", findings)


def _test_items(
    source: SubmissionSource, files: Iterable[PredictionFile], challenge: Challenge
) -> Iterator[ScoredHemisphere]:
    for file in files:
        responses = challenge.responses(file.subject, file.hemisphere, "test")
        values = source.array(file.name, file.shape)
        yield ScoredHemisphere(
            predictions=Predictions(values, responses.image_ids, file.subject, file.hemisphere, "test"),
            responses=responses,
            ceilings=challenge.ceilings(file.subject, file.hemisphere, "test"),
            roi_masks=challenge.roi_masks(file.subject, file.hemisphere),
        )


def score_document(scores: Scores) -> dict[str, Any]:
    """Scores as plain JSON data: the three numbers over all vertices first, then counts, then every row.

    A number that could not be computed is None. ``noise_normalized_*`` are in 0..100.
    """
    headline = {row.metric: row.value for row in scores.rows if _is_total(row)}
    return {
        "split": scores.split,
        "noise_normalized_mean": headline.get("noise_normalized_mean"),
        "noise_normalized_median": headline.get("noise_normalized_median"),
        "pearson_r_mean": headline.get("pearson_r_mean"),
        "n_vertices": scores.n_vertices,
        "n_images": dict(scores.n_images),
        "n_zero_ceiling": scores.n_zero_ceiling,
        "n_clipped": scores.n_clipped,
        "n_flat": scores.n_flat,
        "ceiling_source": scores.ceiling_source,
        "metric_versions": {row.metric: row.version for row in scores.rows},
        "notes": list(scores.notes),
        "rows": [asdict(row) for row in scores.rows],
    }


def scores_from_document(document: Mapping[str, Any]) -> Scores:
    """The inverse of `score_document`.

    Raises
    ------
    KeyError, TypeError : it is not such a document.
    """
    names = ("split", "ceiling_source", "n_vertices", "n_images", "n_zero_ceiling", "n_clipped", "n_flat")
    return Scores(
        rows=tuple(ScoreRow(**row) for row in document["rows"]),
        notes=tuple(document["notes"]),
        **{name: document[name] for name in names},
    )


def _is_total(row: ScoreRow) -> bool:
    return row.subject == row.hemisphere == row.roi_class == ALL
