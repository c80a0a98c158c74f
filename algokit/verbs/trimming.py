"""What did rounding the mantissas change? Measured on the zip itself, in points of the score where there is a truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from algokit.challenge.mantissa import MANTISSA_BITS
from algokit.types import HEMISPHERES, Finding, ProgressCallback, ScoreRow, Scores, SubjectGeometry, no_progress

if TYPE_CHECKING:
    from algokit.challenge import Challenge

LIMIT_POINTS = 1e-4  # what the default may change any official score by: less than anybody reports
_MUCH = 1e-8  # of 1 - r; usual predictions lose 1e-10, and more where a large offset has eaten the digits


@dataclass(frozen=True)
class TrimEffect:
    """The difference between a submission and its rounded copy.

    Attributes
    ----------
    n_bits : how many low mantissa bits were rounded away.
    largest : noise-normalized metric -> the largest absolute change of any of its rows in points, and that row; empty
        without test responses.
    changes : "subject hemisphere class ROI" -> absolute change of its official score, the mean, in points. The limit
        holds for these. A median is the score of one vertex, and moves as much as single vertices do.
    worst_pearson_r, worst_vertex : the smallest correlation of a vertex with its rounded self, and where; None where
        the scores were measured instead.
    n_columns_kept : vertices left as they were, because rounding would have made them constant.
    """

    n_bits: int
    largest: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    changes: Mapping[str, float] = field(default_factory=dict)
    worst_pearson_r: float | None = None
    worst_vertex: str | None = None
    n_columns_kept: int = 0

    @property
    def points(self) -> float:
        """The largest change of any official score; 0 where none was measured."""
        return max(self.changes.values(), default=0.0)

    def document(self) -> dict[str, Any]:
        """The effect as JSON data, for the card."""
        return {
            "bits": self.n_bits,
            "kept_bits": MANTISSA_BITS - self.n_bits,
            "n_columns_kept": self.n_columns_kept,
            "limit_points": LIMIT_POINTS,
            "largest_change_points": {
                metric: {"points": _short(points), "at": place} for metric, (points, place) in self.largest.items()
            },
            "changes_points": {place: _short(points) for place, points in self.changes.items()},
            "worst_pearson_r": self.worst_pearson_r,
            "worst_vertex": self.worst_vertex,
        }


def _short(points: float) -> float:
    return float(f"{points:.3g}")


def trim_effect(
    original: Path,
    rounded: Path,
    n_bits: int,
    geometry: Mapping[str, SubjectGeometry],
    challenge: Challenge | None,
    progress: ProgressCallback = no_progress,
) -> TrimEffect:
    """Compare a submission with its rounded copy: their scores, or without test responses their correlation.

    Parameters
    ----------
    original, rounded : folders or zips, valid ones.
    challenge : with test responses and ceilings of every subject the scores are compared.
    """
    if challenge is None or not _can_score(challenge, geometry):
        return _correlations(original, rounded, n_bits, geometry)
    from algokit.scoring import score_submission

    before, after = (
        score_submission(path, challenge, subjects=list(geometry), progress=progress) for path in (original, rounded)
    )
    return _changes(before, after, n_bits)


def _can_score(challenge: Challenge, subjects: Mapping[str, SubjectGeometry]) -> bool:
    return all(
        challenge.has_responses(subject, "test") and challenge.ceilings(subject, hemisphere, "test") is not None
        for subject in subjects
        for hemisphere in HEMISPHERES
    )


def _changes(before: Scores, after: Scores, n_bits: int) -> TrimEffect:
    old = {_place(row): row.value for row in before.rows}
    largest: dict[str, tuple[float, str]] = {}
    changes: dict[str, float] = {}
    for row in after.rows:
        if "noise_normalized" not in row.metric:
            continue
        points, label = abs(row.value - old[_place(row)]), " ".join(_place(row)[1:])
        largest[row.metric] = max(largest.get(row.metric, (-1.0, "")), (points, label))
        if row.metric == "noise_normalized_mean":
            changes[label] = points
    return TrimEffect(n_bits, largest, changes)


def _place(row: ScoreRow) -> tuple[str, ...]:
    return row.metric, row.subject, row.hemisphere, row.roi_class, row.roi


def _correlations(original: Path, rounded: Path, n_bits: int, geometry: Mapping[str, SubjectGeometry]) -> TrimEffect:
    from algokit.challenge.submission import open_submission
    from algokit.challenge.submission_check import flat_columns, locate
    from algokit.metrics import CATALOGUE

    pearson_r = CATALOGUE.load("pearson_r").compute
    worst = (2.0, "")
    with open_submission(original) as one, open_submission(rounded) as other:
        for mine, theirs in zip(locate(one, geometry)[0], locate(other, geometry)[0], strict=True):
            values = one.array(mine.name, mine.shape)
            r = pearson_r(values, other.array(theirs.name, theirs.shape), None)
            r[flat_columns(values)] = 1  # constant before as after
            vertex = int(np.argmin(r))
            worst = min(worst, (float(r[vertex]), f"{mine.subject} {mine.hemisphere} vertex {vertex}"))
    return TrimEffect(n_bits, worst_pearson_r=worst[0], worst_vertex=worst[1])


def fewer_bits(effect: TrimEffect) -> int:
    """How many bits would change no score by the limit; below 1 where not one would do."""
    return effect.n_bits - int(np.ceil(np.log2(1.25 * effect.points / LIMIT_POINTS)))  # a bit halves the change


def trim_findings(effect: TrimEffect, where: str, *, default_bits: int | None) -> Iterator[Finding]:
    """What there is to say about the effect; an error only where nobody asked for this very number of bits.

    Parameters
    ----------
    default_bits : how many it would have been; None where a number was asked for.
    """
    if effect.worst_pearson_r is not None:
        much = 1 - effect.worst_pearson_r > _MUCH
        found = f"1 - r with what was there is at most {1 - effect.worst_pearson_r:.1e}, at {effect.worst_vertex}"
        advice = "its mean is large beside its variation: round fewer bits" if much else "give --data with test_data"
        what = "rounding changed predictions" if much else "the change of the scores could not be measured"
        yield Finding(what, where, "", "", found, advice, "warning" if much else "note", "trim-not-measured")
    elif effect.points >= LIMIT_POINTS:
        fewer = fewer_bits(effect)
        advice = f"try --trim-bits {fewer}" if fewer >= 1 else "do not round: these scores hang on single vertices"
        place = max(effect.changes, key=effect.changes.__getitem__)
        found = f"{effect.points:.2g} points at {place}"
        what, limit = "rounding changed a score", f"less than {LIMIT_POINTS:.0e} points"
        yield Finding(what, where, "", limit, found, advice, "error" if default_bits else "warning", "trim-change")
    elif default_bits and effect.n_bits < default_bits:
        what = f"{effect.n_bits} mantissa bits were rounded away, not {default_bits}"
        advice = f"more would change the score of a small ROI by {LIMIT_POINTS:.0e} points; --trim-bits asks for it"
        yield Finding(what, where, "", "", "", advice, "note", "trim-fewer")
