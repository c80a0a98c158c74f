"""The scores of a finished run, on the test split and on the val split of its recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from algokit.reporting.finished import Finished, predictions, val_rows
from algokit.scoring import Intervals, ScoredHemisphere, score
from algokit.types import HEMISPHERES, Hemisphere, ProgressCallback, Responses, Scores, Split, no_progress


def scores_of(
    finished: Finished, *, intervals: Intervals | None = None, progress: ProgressCallback = no_progress
) -> dict[Split, Scores | None]:
    """The scores of the test split (None where the test responses are absent), and of val where the recipe has one.

    Parameters
    ----------
    intervals : how the intervals of every row are made; none where None, which is faster by far.
    """
    subjects = finished.plan.subjects
    is_released = all(finished.challenge.has_responses(subject, "test") for subject in subjects)
    scores: dict[Split, Scores | None] = {"test": None}
    if is_released:
        scores["test"] = score(_test_items(finished), intervals=intervals, progress=progress)
    if finished.plan.recipe["val"] is not None:
        scores["val"] = score(_val_items(finished), intervals=intervals, progress=progress)
    return scores


def _test_items(finished: Finished) -> Iterator[ScoredHemisphere]:
    for subject in finished.plan.subjects:
        responses = {hemi: finished.challenge.responses(subject, hemi, "test") for hemi in HEMISPHERES}
        yield from _scored(finished, subject, "test", responses)


def _val_items(finished: Finished) -> Iterator[ScoredHemisphere]:
    for subject, inputs in finished.inputs.items():
        rows = val_rows(finished, subject)
        responses = {
            hemisphere: Responses(
                np.ascontiguousarray(train.values[rows]), train.image_ids[rows], subject, hemisphere, "val"
            )
            for hemisphere, train in inputs.responses.items()
        }
        yield from _scored(finished, subject, "val", responses)


def _scored(
    finished: Finished, subject: str, split: Split, responses: Mapping[Hemisphere, Responses]
) -> Iterator[ScoredHemisphere]:
    challenge = finished.challenge
    for one in predictions(finished, subject, split):
        image_ids = one.image_ids if split == "val" else None
        yield ScoredHemisphere(
            predictions=one,
            responses=responses[one.hemisphere],
            ceilings=challenge.ceilings(subject, one.hemisphere, split, image_ids),
            roi_masks=challenge.roi_masks(subject, one.hemisphere),
            fsaverage_index=challenge.fsaverage_index(subject, one.hemisphere),
        )
