"""Is B better than A, or is it noise? Two submissions over the same resamples of the same images."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.scoring.aggregate import STATISTICS, Place, place_rows, places, vertex_values
from algokit.scoring.hemisphere import ALL, ScoredHemisphere, metrics
from algokit.scoring.intervals import MIN_IMAGES, ROUNDING, Intervals, distributions, in_threads, spread
from algokit.scoring.taking import Taken, take
from algokit.types import Finding, Progress, ProgressCallback, ScoreRow, Split, no_progress

Verdict: TypeAlias = Literal["A better", "B better", "not told apart"]


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
        class or of all vertices is not corrected.
    verdict : of this row alone, by whether its interval holds 0; what is nearer to 0 than the draws are exact (1e-5 of
        the metric's range) counts as 0.
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
    p_holm: float
    verdict: Verdict


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
    notes: tuple[str, ...] = (
        "every row is judged alone: of 20 rows that do not differ, one is expected to seem to; p_holm corrects for it",
    )


def compare(
    items_a: Iterable[ScoredHemisphere],
    items_b: Iterable[ScoredHemisphere],
    intervals: Intervals | None = None,
    *,
    progress: ProgressCallback = no_progress,
) -> Comparison:
    """Compare two submissions over the same images; their hemispheres may come in any order.

    Both are scored over the same resamples, so what makes an image easy or hard for both cancels. The interval is that
    of `Intervals`: the difference plus how the resampled differences scatter about their own mean. Shuffles are not
    used.

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
    return Comparison(
        split=taken_a.scored[0].split,
        rows=tuple(_with_holm([*_rows(taken_a, taken_b, progress)])),
        n_images={one.subject: one.n_images for one in taken_a.scored},
        ceiling_source=taken_a.ceiling_source,
        intervals=f"{asked.words()}; paired",
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
        draws_a, draws_b = _draws(pair[0], a), _draws(pair[1], b)
        rows = zip(place_rows(pair[0], values_a), place_rows(pair[1], values_b), strict=True)
        return [
            _row(row_a, row_b, draws_b[row_a.metric] - draws_a[row_a.metric], scales[row_a.metric])
            for row_a, row_b in rows
            if row_a.metric in draws_a
        ]

    for done, rows in enumerate(in_threads(compared, pairs), 1):
        yield from rows
        progress(Progress("compare", done, len(pairs), "places"))


def _draws(place: Place, taken: Taken) -> dict[str, NDArray[np.float64]]:
    return distributions(place, taken.resampling.resampled) if taken.resampling else {}


def _row(a: ScoreRow, b: ScoreRow, draws: NDArray[np.float64], scale: float) -> ComparisonRow:
    difference, rounding = b.value - a.value, ROUNDING * scale
    below, above = spread(draws)
    low, high = difference + below, difference + above
    n_as_far = int(np.count_nonzero(np.abs(draws - draws.mean()) >= abs(difference) - rounding))
    p_value = (1 + n_as_far) / (1 + len(draws))
    verdict: Verdict = "B better" if low > rounding else "A better" if high < -rounding else "not told apart"
    place = (a.subject, a.hemisphere, a.roi_class, a.roi, a.n_vertices, a.metric, a.version)
    return ComparisonRow(*place, a.value, b.value, difference, low, high, p_value, p_value, verdict)


def _with_holm(rows: Sequence[ComparisonRow]) -> list[ComparisonRow]:
    """Correct the p values of every family, the ROIs of one metric, subject and hemisphere, by Holm's method."""
    corrected = [row.p_value for row in rows]
    families: dict[tuple[str, str, str], list[int]] = {}
    for index, row in enumerate(rows):
        if row.roi != ALL:  # ROI classes and the whole are made of the same vertices again
            families.setdefault((row.metric, row.subject, row.hemisphere), []).append(index)
    for family in families.values():
        least = 0.0
        for rank, index in enumerate(sorted(family, key=lambda index: rows[index].p_value)):
            least = max(least, min(1.0, (len(family) - rank) * rows[index].p_value))
            corrected[index] = least
    return [replace(row, p_holm=p) for row, p in zip(rows, corrected, strict=True)]


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain JSON data."""
    return asdict(comparison)
