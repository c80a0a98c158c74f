"""What may change a score and what may not: orders, labels, scales and blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_items import ALL, ITEMS, PLACES

from algokit.scoring import Intervals, ScoredHemisphere, score
from algokit.scoring import samples as samples_module
from algokit.types import Hemisphere, ScoreRow, Scores

ASKED = Intervals(n_resamples=15, n_permutations=15, n_median_resamples=15, seed=1)
NUMBERS = ("value", "low", "high", "chance_low", "chance_high", "p_value")
COUNTS = ("n_vertices", "n_zero_ceiling", "n_clipped", "n_constant", "n_nonfinite")
Change = Callable[[ScoredHemisphere], ScoredHemisphere]
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=8, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score(ITEMS.values(), intervals=ASKED)


def place(row: ScoreRow) -> tuple[str, ...]:
    return row.subject, row.hemisphere, row.roi_class, row.roi, row.metric


def changed(change: Change) -> Scores:
    return score((change(item) for item in ITEMS.values()), intervals=ASKED)


def assert_same(found: Scores, scores: Scores, abs_: float = 2e-5) -> None:
    """Equal rows; the draws are float32, so a sum in another order may move them by a rounding."""
    assert [place(row) for row in found.rows] == [place(row) for row in scores.rows]
    for one, other in zip(found.rows, scores.rows, strict=True):
        assert [getattr(one, name) for name in COUNTS] == [getattr(other, name) for name in COUNTS]
        unit = 100 if "noise" in one.metric else 1
        # a median is kept in steps of 1 / 65535
        assert [getattr(one, name) for name in NUMBERS] == pytest.approx(
            [getattr(other, name) for name in NUMBERS], abs=abs_ * unit
        )


def columns(item: ScoredHemisphere, order: NDArray[np.int64]) -> ScoredHemisphere:
    assert item.ceilings
    return replace(
        item,
        predictions=replace(item.predictions, values=item.predictions.values[:, order]),
        responses=replace(item.responses, values=item.responses.values[:, order]),
        ceilings=replace(item.ceilings, values=item.ceilings.values[order]),
        roi_masks=[replace(mask, labels=mask.labels[order]) for mask in item.roi_masks],
    )


def images(item: ScoredHemisphere, order: NDArray[np.int64], *, truth: bool) -> ScoredHemisphere:
    """Rows of the predictions and, with ``truth``, of everything."""
    predictions = replace(item.predictions, values=item.predictions.values[order])
    if not truth:
        return replace(item, predictions=predictions)
    ids = item.predictions.image_ids[order]
    responses = replace(item.responses, values=item.responses.values[order], image_ids=ids)
    return replace(item, predictions=replace(predictions, image_ids=ids), responses=responses)


@few
@given(seeds)
def test_the_order_of_vertices_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = changed(lambda item: columns(item, rng.permutation(item.predictions.values.shape[1])))
    assert_same(found, score(ITEMS.values(), intervals=ASKED))


@few
@given(seeds)
def test_the_order_of_images_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = changed(lambda item: images(item, rng.permutation(len(item.predictions.image_ids)), truth=True))
    assert_same(found, score(ITEMS.values(), intervals=ASKED))


@few
@given(seeds)
def test_masks_that_do_not_move_with_their_vertices_change_rois_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def move(item: ScoredHemisphere) -> ScoredHemisphere:
        masks = [replace(mask, labels=rng.permutation(mask.labels)) for mask in item.roi_masks]
        return replace(item, roi_masks=masks)

    before = {place(row): row for row in score(ITEMS.values()).rows}
    moved = {place(row): row for row in score(move(item) for item in ITEMS.values()).rows}
    differing = {key for key in before if before[key].value != moved[key].value}
    assert differing
    assert all(roi_class != ALL for _, _, roi_class, _, _ in differing)


@few
@given(seeds, st.floats(-5, 5), st.floats(-1, 1))
def test_scale_and_offset_of_a_vertex_change_nothing(seed: int, log_scale: float, offset: float) -> None:
    rng = np.random.default_rng(seed)

    def rescale(item: ScoredHemisphere) -> ScoredHemisphere:
        values = item.predictions.values.astype(np.float64)
        scale = 10 ** (log_scale + rng.uniform(-1, 1, values.shape[1]))
        moved = values * scale + 10 * offset * scale
        return replace(item, predictions=replace(item.predictions, values=moved.astype(np.float32)))

    assert_same(changed(rescale), score(ITEMS.values(), intervals=ASKED), abs_=1e-4)


def test_predictions_of_shuffled_images_fall_to_chance(scores: Scores) -> None:
    rng = np.random.default_rng(0)
    whole = next(row for row in scores.rows if row.metric == "pearson_r_mean")
    dealt = [
        changed(lambda item: images(item, rng.permutation(len(item.predictions.image_ids)), truth=False)).rows
        for _ in range(20)
    ]
    values = [next(row.value for row in one if row.metric == "pearson_r_mean") for one in dealt]
    assert whole.chance_low is not None and whole.chance_high is not None and whole.p_value is not None
    assert whole.value > max(values)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(20)
    assert whole.p_value == 1 / 16


def test_an_opposite_prediction_scores_where_the_other_did_not(scores: Scores) -> None:
    def negate(item: ScoredHemisphere) -> ScoredHemisphere:
        return replace(item, predictions=replace(item.predictions, values=-item.predictions.values))

    opposite = changed(negate)
    for one, other in zip(opposite.rows, scores.rows, strict=True):
        if one.metric.startswith("pearson"):
            assert one.value == pytest.approx(-other.value, rel=1e-9)
    for left, right in zip(opposite.vertices, scores.vertices, strict=True):
        assert not (left.r2 * right.r2).any()  # a vertex scores for one of the two
        np.testing.assert_allclose(left.r2 + right.r2, right.pearson_r**2)


def relabelled(item: ScoredHemisphere, subject: str, hemisphere: Hemisphere) -> ScoredHemisphere:
    assert item.ceilings
    new = {"subject": subject, "hemisphere": hemisphere}
    return replace(
        item,
        predictions=replace(item.predictions, **new),
        responses=replace(item.responses, **new),
        ceilings=replace(item.ceilings, **new),
        roi_masks=[replace(mask, hemisphere=hemisphere) for mask in item.roi_masks],
    )


def moved_rows(labels: dict[tuple[str, Hemisphere], tuple[str, Hemisphere]]) -> dict[tuple[str, ...], ScoreRow]:
    found = score(relabelled(item, *labels[one]) for one, item in ITEMS.items())
    return {place(row): row for row in found.rows}


def assert_moved(moved: dict[tuple[str, ...], ScoreRow], rename: Callable[[str, str], tuple[str, str]]) -> None:
    before = {place(row): row for row in score(ITEMS.values()).rows}
    assert len(moved) == len(before)
    for (subject, hemisphere, *rest), row in before.items():
        now = moved[(*rename(subject, hemisphere), *rest)]
        assert now.value == pytest.approx(row.value, rel=1e-12)
        assert [getattr(now, name) for name in COUNTS] == [getattr(row, name) for name in COUNTS]


def test_swapped_hemispheres_swap_exactly_their_rows() -> None:
    other: dict[str, Hemisphere] = {"lh": "rh", "rh": "lh"}
    moved = moved_rows({(subject, side): (subject, other[side]) for subject, side in PLACES})
    assert_moved(moved, lambda subject, side: (subject, other.get(side, side)))


def test_swapped_subjects_swap_exactly_their_rows() -> None:
    other = {"subj01": "subj06", "subj06": "subj01"}
    moved = moved_rows({(subject, side): (other[subject], side) for subject, side in PLACES})
    assert_moved(moved, lambda subject, side: (other.get(subject, subject), side))


@pytest.mark.parametrize("n_block", [1, 7, 1000])
def test_how_vertices_are_split_into_blocks_changes_nothing(
    scores: Scores, n_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_module, "_BLOCK", n_block)
    assert_same(score(ITEMS.values(), intervals=ASKED), scores)


@pytest.mark.parametrize("n_chunk", [1, 50])
def test_how_medians_are_gathered_changes_nothing(
    scores: Scores, n_chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_module, "_CHUNK", n_chunk)
    assert score(ITEMS.values(), intervals=ASKED).rows == scores.rows
