"""Is B better than A, or is it noise? Two submissions over the same resamples of the same images."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.scoring.aggregate import STATISTICS, Place, place_rows, places, vertex_values
from algokit.scoring.hemisphere import ALL, ScoredHemisphere, metrics
from algokit.scoring.intervals import (
    MIN_IMAGES,
    ROUNDING,
    Intervals,
    distributions,
    in_threads,
    leave_one_out,
    spread,
    widened,
)
from algokit.scoring.taking import Taken, take
from algokit.types import Finding, Progress, ProgressCallback, ScoreRow, Split, no_progress

Verdict: TypeAlias = Literal["A better", "B better", "A better?", "B better?", "not told apart"]

_ALPHA = 0.05  # what a corrected p value has to fall below


@dataclass(frozen=True)
class ComparisonRow:
    """One place and metric of two submissions.

    Attributes
    ----------
    subject, hemisphere, roi_class, roi, metric : as in `ScoreRow`, and the unit of the numbers too.
    difference : ``value_b - value_a``.
    low, high : 95 % interval of the difference over images, paired: both submissions see the same resamples.
    p_value : share of resampled differences that lie as far from their mean as the difference does from 0.
    p_holm : the same, corrected by Holm's method for all ROIs of one metric, subject and hemisphere; that of a ROI
        class or of all vertices is not corrected. None of an ROI where the resamples are too few for any corrected p
        value to fall below 0.05.
    verdict : "A better" or "B better" where the interval leaves out 0 and, of an ROI, `p_holm` is below 0.05 too; with
        a "?" of an ROI whose interval alone says so. What is nearer to 0 than the draws are exact (1e-5 of the metric's
        range) counts as 0.
    """

    subject: str
    hemisphere: str
    roi_class: str
    roi: str
    n_vertices: int
    metric: str
    version: int
    value_a: float
    value_b: float
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float | None
    verdict: Verdict

    @property
    def verdict_alone(self) -> str:
        """The verdict of this row's own interval, whatever the other ROIs do."""
        return self.verdict.rstrip("?")


@dataclass(frozen=True)
class Comparison:
    """Two submissions, row by row.

    Attributes
    ----------
    intervals : how the intervals were made, in words.
    n_images : subject -> scored images.
    """

    split: Split
    rows: tuple[ComparisonRow, ...]
    n_images: Mapping[str, int]
    ceiling_source: str
    intervals: str
    notes: tuple[str, ...]


def compare(
    items_a: Iterable[ScoredHemisphere],
    items_b: Iterable[ScoredHemisphere],
    intervals: Intervals | None = None,
    *,
    progress: ProgressCallback = no_progress,
) -> Comparison:
    """Compare two submissions over the same images; their hemispheres may come in any order.

    Both are scored over the same resamples, so what makes an image easy or hard for both cancels. The interval is that
    of `Intervals`: the difference plus how the resampled differences scatter about their own mean, for means no less
    than their jackknife does. Shuffles are not used.

    Parameters
    ----------
    intervals : its default where None.

    Raises
    ------
    UsageError : the two are not of the same split, hemispheres, images, responses and ceilings, or of too few images.
    """
    asked = replace(intervals or Intervals(), n_permutations=0)
    if not asked.n_resamples:
        raise UsageError("a comparison needs resamples", [Finding("no resamples", "", "n_resamples", found="0")])
    a, b = _Witnessed(items_a), _Witnessed(items_b)
    taken_a, taken_b = take(a, asked, progress, "resample A"), take(b, asked, progress, "resample B")
    _refuse_misfits(a.seen, b.seen)
    if taken_a.resampling is None:
        finding = Finding(f"fewer than {MIN_IMAGES} images", found=", ".join(taken_a.too_few), code="too-few-images")
        raise UsageError("these submissions cannot be compared", [finding])
    n_draws = {"mean": asked.n_resamples, "median": min(asked.n_median_resamples, asked.n_resamples)}
    rows = _with_holm([*_rows(taken_a, taken_b, progress)], n_draws)
    return Comparison(
        split=taken_a.scored[0].split,
        rows=tuple(rows),
        n_images={one.subject: one.n_images for one in taken_a.scored},
        ceiling_source=taken_a.ceiling_source,
        intervals=f"{asked.words()}; paired",
        notes=tuple(_notes(rows, n_draws)),
    )


class _Witnessed:
    """Hemispheres on their way through, and what each was scored against: equal where nothing differs."""

    def __init__(self, items: Iterable[ScoredHemisphere]) -> None:
        self._items = items
        self.seen: dict[str, dict[str, str]] = {}

    def __length_hint__(self) -> int:
        return operator.length_hint(self._items)

    def __iter__(self) -> Iterator[ScoredHemisphere]:
        for item in self._items:
            responses = item.responses
            self.seen[f"{responses.subject} {responses.hemisphere}, {responses.split} split"] = {
                "images": _digest(responses.image_ids),
                "responses": _digest(responses.values),
                "noise ceilings": _digest(item.ceilings.values) if item.ceilings else "",
                "ROIs": _digest(*(mask.labels for mask in item.roi_masks)),
            }
            yield item


def _digest(*arrays: NDArray[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _refuse_misfits(a: Mapping[str, Mapping[str, str]], b: Mapping[str, Mapping[str, str]]) -> None:
    alone = [(place, "A" if place in a else "B") for place in sorted(a.keys() ^ b.keys())]
    findings = [Finding(f"only {which} has it", "", place, code="not-in-both") for place, which in alone]
    for place in (one for one in a if one in b):
        others = [what for what in a[place] if a[place][what] != b[place][what]]
        findings += [Finding(f"not the same {what} for both", "", place, code="not-the-same") for what in others]
    if findings:
        raise UsageError("these submissions cannot be compared", findings)


def _rows(a: Taken, b: Taken, progress: ProgressCallback) -> Iterator[ComparisonRow]:
    values_a, values_b = vertex_values(a.scored), vertex_values(b.scored)
    scales = {f"{metric.name}_{name}": metric.scale for metric in metrics().values() for name in STATISTICS}
    pairs = list(zip(places(a.scored), places(b.scored), strict=True))

    def compared(pair: tuple[Place, Place]) -> list[ComparisonRow]:
        draws = _differences(pair, a, b)
        rows = zip(place_rows(pair[0], values_a), place_rows(pair[1], values_b), strict=True)
        return [
            _row(row_a, row_b, draws[row_a.metric], scales[row_a.metric])
            for row_a, row_b in rows
            if row_a.metric in draws
        ]

    for done, rows in enumerate(in_threads(compared, pairs), 1):
        yield from rows
        progress(Progress("compare", done, len(pairs), "places"))


def _differences(pair: tuple[Place, Place], a: Taken, b: Taken) -> dict[str, NDArray[np.float64]]:
    """Row metric -> B less A over every draw, scattered as widely as the jackknife of the difference says."""
    assert a.resampling and b.resampling
    draws_a, draws_b = distributions(pair[0], a.resampling.resampled), distributions(pair[1], b.resampling.resampled)
    left_a, left_b = leave_one_out(pair[0], a.resampling.left_out), leave_one_out(pair[1], b.resampling.left_out)
    found = {}
    for metric, draws in draws_a.items():
        shares = left_a.get(metric, {})
        left_out = {subject: left_b[metric][subject] - share for subject, share in shares.items()}
        found[metric] = widened(draws_b[metric] - draws, left_out)
    return found


def _row(a: ScoreRow, b: ScoreRow, draws: NDArray[np.float64], scale: float) -> ComparisonRow:
    difference, rounding = b.value - a.value, ROUNDING * scale
    below, above = spread(draws)
    low, high = difference + below, difference + above
    n_as_far = int(np.count_nonzero(np.abs(draws - draws.mean()) >= abs(difference) - rounding))
    p_value = (1 + n_as_far) / (1 + len(draws))
    verdict: Verdict = "B better" if low > rounding else "A better" if high < -rounding else "not told apart"
    place = (a.subject, a.hemisphere, a.roi_class, a.roi, a.n_vertices, a.metric, a.version)
    return ComparisonRow(*place, a.value, b.value, difference, low, high, p_value, p_value, verdict)


def _with_holm(rows: Sequence[ComparisonRow], n_draws: Mapping[str, int]) -> list[ComparisonRow]:
    """Correct the p values of every family, the ROIs of one metric, subject and hemisphere, by Holm's method.

    Parameters
    ----------
    n_draws : "mean", "median" -> on how many resamples those are.
    """
    found = list(rows)
    for family in _families(rows):
        n_rois, least = len(family), 0.0
        is_too_few = n_rois / (1 + n_draws[_statistic(rows[family[0]])]) >= _ALPHA
        for rank, index in enumerate(sorted(family, key=lambda index: rows[index].p_value)):
            least = max(least, min(1.0, (n_rois - rank) * rows[index].p_value))
            found[index] = _corrected(rows[index], None if is_too_few else least)
    return found


def _families(rows: Sequence[ComparisonRow]) -> Collection[list[int]]:
    """The indices of the ROIs of each metric, subject and hemisphere."""
    families: dict[tuple[str, str, str], list[int]] = {}
    for index, row in enumerate(rows):
        if row.roi != ALL:  # ROI classes and the whole are made of the same vertices again
            families.setdefault((row.metric, row.subject, row.hemisphere), []).append(index)
    return families.values()


def _statistic(row: ComparisonRow) -> str:
    return row.metric.rpartition("_")[2]


def _corrected(row: ComparisonRow, p_holm: float | None) -> ComparisonRow:
    if p_holm is not None and p_holm < _ALPHA:
        return replace(row, p_holm=p_holm)
    doubted: dict[Verdict, Verdict] = {"A better": "A better?", "B better": "B better?"}
    return replace(row, p_holm=p_holm, verdict=doubted.get(row.verdict, row.verdict))


def _notes(rows: Sequence[ComparisonRow], n_draws: Mapping[str, int]) -> Iterator[str]:
    rois = [row for row in rows if row.roi != ALL]
    yield "every row is judged alone: of 20 rows that do not differ, one is expected to seem to"
    if rois:
        yield f"an ROI is called better only where its p, corrected for all ROIs (Holm), is below {_ALPHA} too"
    if any(row.verdict.endswith("?") for row in rois):
        yield '"?": its own interval leaves 0 out, but it may be the one of many ROIs that seems to differ'
    for statistic, n in n_draws.items():
        families = [len(family) for family in _families(rows) if _statistic(rows[family[0]]) == statistic]
        n_rois = max((one for one in families if one / (1 + n) >= _ALPHA), default=0)
        if n_rois:
            needed = math.floor(n_rois / _ALPHA)
            yield f"no p (Holm) of {statistic}s: {n} resamples cannot tell one of {n_rois} ROIs, {needed} can"


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain JSON data.

    Of an ROI ``verdict`` counts the correction and ``verdict_alone`` does not; ``p_holm`` is None where it was not
    given, and a note says why.
    """
    rows = [{**asdict(row), "verdict_alone": row.verdict_alone} for row in comparison.rows]
    return {**asdict(comparison), "rows": rows}
