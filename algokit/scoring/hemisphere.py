"""One hemisphere of one subject: what belongs together to be scored, and the numbers of its vertices."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from algokit.challenge.submission_check import flat_columns
from algokit.errors import UsageError
from algokit.metrics import CATALOGUE as METRICS
from algokit.metrics import Metric
from algokit.types import Ceilings, Finding, Ints, Predictions, Responses, RoiMask, VertexScores

ALL = "all"
SCORED = ("noise_normalized", "scientific_noise_normalized", "r2", "pearson_r")  # the challenge's own first


@functools.cache  # a look-up reads the entry points of everything installed, and there are a thousand places to score
def metrics() -> dict[str, Metric]:
    """The metrics that every place is scored by, by name."""
    return {name: METRICS.load(name) for name in SCORED}


@dataclass(frozen=True)
class ScoredHemisphere:
    """What one hemisphere's score is computed from; parts that do not belong together cannot be put together.

    Attributes
    ----------
    fsaverage_index : (n_vertices,) int64, the fsaverage vertex of each column; None where not known.

    Raises
    ------
    UsageError : the parts are of different subjects, hemispheres, splits, images or sizes.
    """

    predictions: Predictions
    responses: Responses
    ceilings: Ceilings | None
    roi_masks: Sequence[RoiMask]
    fsaverage_index: Ints | None = None

    def __post_init__(self) -> None:
        if misfits := list(_misfits(self)):
            place = f"{self.predictions.subject} {self.predictions.hemisphere}"
            raise UsageError(f"{place} cannot be scored: its parts do not belong together", misfits)


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
    if item.ceilings and not np.all((item.ceilings.values >= 0) & (item.ceilings.values <= 1)):  # refuses NaN too
        advice = "divide percentages by 100" if np.max(item.ceilings.values) > 1 else ""
        yield Finding("a noise ceiling that is no fraction", expected="0 to 1", advice=advice)
    for mask in item.roi_masks:
        if mask.hemisphere != own[1] or mask.labels.shape != shape[1:]:
            found = f"{mask.hemisphere} {mask.labels.shape}"
            yield Finding("an ROI mask of another hemisphere", "", mask.roi_class, f"{own[1]} {shape[1:]}", found)


def vertex_scores(item: ScoredHemisphere) -> VertexScores:
    """The numbers of every vertex of one hemisphere; its arrays are not kept."""
    predictions, ceilings = item.predictions, item.ceilings
    pearson_r = metrics()["pearson_r"].compute(item.responses.values, predictions.values, None)
    flat = flat_columns(predictions.values)
    nonfinite = flat.copy()
    nonfinite[flat] = ~np.isfinite(predictions.values[:, flat]).all(axis=0)
    return VertexScores(
        subject=predictions.subject,
        hemisphere=predictions.hemisphere,
        split=predictions.split,
        n_images=len(predictions.image_ids),
        pearson_r=pearson_r,
        ceiling=ceilings.values if ceilings else None,
        normalized=metrics()["noise_normalized"].of_r(pearson_r, ceilings.values) if ceilings else None,
        constant=flat & ~nonfinite,
        nonfinite=nonfinite,
        rois=_roi_vertices(item),
        fsaverage_index=item.fsaverage_index,
    )


def _roi_vertices(item: ScoredHemisphere) -> dict[tuple[str, str], Ints]:
    chosen: dict[tuple[str, str], Ints] = {(ALL, ALL): np.arange(item.predictions.values.shape[1])}
    for mask in item.roi_masks:
        chosen[mask.roi_class, ALL] = np.flatnonzero(mask.labels)
        for label, name in sorted(mask.names.items()):
            chosen[mask.roi_class, name] = np.flatnonzero(mask.labels == label)
    return chosen
