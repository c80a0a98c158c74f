"""Hemispheres come one at a time, each with big arrays: what is kept of them to be scored."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from algokit.errors import UsageError
from algokit.scoring.hemisphere import ScoredHemisphere, vertex_scores
from algokit.scoring.intervals import MIN_IMAGES, Intervals, Resampling
from algokit.types import Finding, Progress, ProgressCallback, VertexScores


@dataclass(frozen=True)
class Taken:
    """Hemispheres of one split, each once, by subject and left before right.

    Attributes
    ----------
    ceiling_source : where the ceilings are from; "" without any.
    resampling : what drawing images left; None where it was not asked for or a subject has too few.
    too_few : the subjects with fewer images than can be resampled.
    """

    scored: tuple[VertexScores, ...]
    ceiling_source: str
    resampling: Resampling | None
    too_few: tuple[str, ...]


def take(
    items: Iterable[ScoredHemisphere], intervals: Intervals | None, progress: ProgressCallback, step: str
) -> Taken:
    """Go through hemispheres once; progress is told only where images are resampled, which takes long.

    Raises
    ------
    UsageError : hemispheres of several splits, or one twice, or none.
    """
    resampling = Resampling(intervals) if intervals and intervals.words() else None
    taken: list[tuple[VertexScores, str]] = []
    n_items = operator.length_hint(items)
    for item in items:
        one = vertex_scores(item)
        taken.append((one, item.ceilings.source if item.ceilings else ""))
        if resampling and one.n_images >= MIN_IMAGES:
            progress(Progress(step, len(taken) - 1, max(n_items, len(taken)), "hemispheres"))
            resampling.add(item, one)
    if resampling and taken:
        progress(Progress(step, len(taken), len(taken), "hemispheres"))
    taken.sort(key=lambda pair: (pair[0].subject, pair[0].hemisphere))  # sums then do not depend on the order given
    scored = tuple(one for one, _ in taken)
    _refuse_mixtures(scored)
    too_few = tuple(dict.fromkeys(one.subject for one in scored if one.n_images < MIN_IMAGES))
    sources = dict.fromkeys(source for _, source in taken if source)
    return Taken(scored, "; ".join(sources), None if too_few else resampling, too_few)


def _refuse_mixtures(scored: Sequence[VertexScores]) -> None:
    pairs = [(one.subject, one.hemisphere) for one in scored]
    splits = {one.split for one in scored}
    if len(splits) != 1 or len(set(pairs)) < len(pairs):
        finding = Finding("hemispheres of one split, each once, are needed", found=f"{pairs} of {sorted(splits)}")
        raise UsageError("these cannot be scored together", [finding])
