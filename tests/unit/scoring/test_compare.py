"""Is B better than A? Paired over the same images, and honest about noise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_items import ALL, ITEMS, PLACES

from algokit.errors import UsageError
from algokit.scoring import Comparison, ComparisonRow, Intervals, ScoredHemisphere, compare, comparison_document, score

ASKED = Intervals(n_resamples=60, n_median_resamples=30, seed=3)
Items = Mapping[tuple[str, Any], ScoredHemisphere]


def noisier(items: Items, amount: float, seed: int = 0) -> dict[tuple[str, Any], ScoredHemisphere]:
    rng = np.random.default_rng(seed)
    found = {}
    for place, item in items.items():
        values = item.predictions.values + amount * rng.standard_normal(item.predictions.values.shape)
        found[place] = replace(item, predictions=replace(item.predictions, values=values.astype(np.float32)))
    return found


WORSE = noisier(ITEMS, 1.5)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(ITEMS.values(), WORSE.values(), ASKED)


def key(row: ComparisonRow) -> tuple[str, ...]:
    return row.subject, row.hemisphere, row.roi_class, row.roi, row.metric


def test_every_row_holds_both_scores_and_their_difference(comparison: Comparison) -> None:
    a, b = score(ITEMS.values()), score(WORSE.values())
    assert [row.value_a for row in comparison.rows] == [row.value for row in a.rows]
    assert [row.value_b for row in comparison.rows] == [row.value for row in b.rows]
    assert all(row.difference == row.value_b - row.value_a for row in comparison.rows)
    assert all(row.low < row.high for row in comparison.rows if row.metric.endswith("mean"))


def jackknife_error() -> float:
    """Standard error of the difference in mean r: every image of every subject left out of both in turn."""

    def r_without(item: ScoredHemisphere, image: int | None) -> list[float]:
        kept = [row for row in range(len(item.predictions.image_ids)) if row != image]
        columns = zip(item.responses.values[kept].T, item.predictions.values[kept].T, strict=True)
        return [float(np.corrcoef(*pair)[0, 1]) for pair in columns]

    variance = 0.0
    for subject in {subject for subject, _ in ITEMS}:
        n_images = len(ITEMS[subject, "lh"].predictions.image_ids)
        differences = []
        for image in range(n_images):
            a, b = (
                [r for (one, _), item in items.items() for r in r_without(item, image if one == subject else None)]
                for items in (ITEMS, WORSE)
            )
            differences.append(np.mean(b) - np.mean(a))
        variance += (n_images - 1) * float(np.var(differences))
    return float(variance**0.5)


def test_the_interval_is_that_of_resampled_differences(comparison: Comparison) -> None:
    """By another road: the resampled correlations of all vertices, pooled by hand."""
    from algokit.scoring.resampling import image_weights, standardised, weighted_r

    draws = []
    for items in (ITEMS, WORSE):
        r = [
            weighted_r(
                standardised(item.responses.values),
                standardised(item.predictions.values),
                image_weights(item.predictions.subject, item.predictions.image_ids, 60, 3),
            )
            for item in items.values()
        ]
        draws.append(np.concatenate(r, axis=1).astype(np.float64).mean(axis=1))
    difference = draws[1] - draws[0]
    row = next(row for row in comparison.rows if key(row) == (ALL, ALL, ALL, ALL, "pearson_r_mean"))
    factor = max(1, jackknife_error() / difference.std())
    expected = row.difference + factor * np.percentile(difference - difference.mean(), [2.5, 97.5])
    assert [row.low, row.high] == pytest.approx(expected, abs=1e-6)
    p_value = (1 + np.count_nonzero(np.abs(difference - difference.mean()) >= abs(row.difference))) / 61
    assert row.p_value == pytest.approx(p_value)


def test_a_submission_is_not_told_apart_from_itself() -> None:
    for row in compare(ITEMS.values(), ITEMS.values(), ASKED).rows:
        assert (row.difference, row.low, row.high, row.p_value) == (0, 0, 0, 1)
        assert row.p_holm in (1, None)
        assert row.verdict == "not told apart"


def test_changes_below_the_precision_of_the_draws_are_not_told_apart() -> None:
    """As by cutting bits off the mantissa: every difference is 0 for all that an interval can know."""
    for row in compare(ITEMS.values(), noisier(ITEMS, 1e-6).values(), ASKED).rows:
        assert row.verdict == "not told apart"


def test_swapping_the_two_flips_every_sign_exactly(comparison: Comparison) -> None:
    swap = str.maketrans("AB", "BA")
    swapped = compare(WORSE.values(), ITEMS.values(), ASKED)
    for row, other in zip(comparison.rows, swapped.rows, strict=True):
        assert key(row) == key(other)
        assert (row.value_a, row.value_b) == (other.value_b, other.value_a)
        assert (row.difference, row.low, row.high) == (-other.difference, -other.high, -other.low)
        assert (row.p_value, row.p_holm) == (other.p_value, other.p_holm)
        assert row.verdict.translate(swap) == other.verdict


def test_the_order_of_hemispheres_does_not_matter(comparison: Comparison) -> None:
    again = compare((ITEMS[place] for place in reversed(PLACES)), WORSE.values(), ASKED)
    assert again == comparison


def made(truth: NDArray[np.float64], prediction: NDArray[np.float64]) -> ScoredHemisphere:
    """The left hemisphere of subj01 with other values."""
    item, ids = ITEMS["subj01", "lh"], np.arange(len(truth))
    return replace(
        item,
        responses=replace(item.responses, values=truth.astype(np.float32), image_ids=ids),
        predictions=replace(item.predictions, values=prediction.astype(np.float32), image_ids=ids),
    )


def test_a_clear_difference_is_told_and_pairing_tells_more_than_two_intervals() -> None:
    """B adds a little noise to A: what both make of an image goes together, so their difference is certain."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((100, 1)) + rng.standard_normal((100, 30))
    guess = 0.6 * truth + rng.standard_normal((100, 1)) + rng.standard_normal((100, 30))
    a, b = made(truth, guess), made(truth, guess + rng.standard_normal((100, 30)))
    asked = Intervals(n_resamples=400, n_permutations=0)
    row = compare([a], [b], asked).rows[0]
    one, two = (score([each], intervals=asked).rows[0] for each in (a, b))
    assert row.verdict == "A better" and row.high < 0
    assert row.p_value < 0.01
    assert one.low is not None and one.high is not None and two.high is not None
    assert one.low < two.high  # the two intervals overlap
    assert row.high - row.low < 0.6 * (one.high - one.low)


def test_two_predictions_of_equal_skill_are_rarely_told_apart() -> None:
    rng = np.random.default_rng(8)
    told = 0
    for seed in range(40):
        truth = rng.standard_normal((60, 30))
        guesses = [0.5 * truth + 0.7 * rng.standard_normal((60, 1)) + rng.standard_normal((60, 30)) for _ in range(2)]
        a, b = (made(truth, guess) for guess in guesses)
        row = compare([a], [b], Intervals(n_resamples=200, n_median_resamples=0, seed=seed)).rows[0]
        told += row.verdict != "not told apart"
    assert told <= 6  # 2 expected, 6 are 3 standard errors more


def test_holm_corrects_within_the_rois_of_one_metric_and_place(comparison: Comparison) -> None:
    rows = [row for row in comparison.rows if (row.subject, row.hemisphere, row.metric) == (ALL, ALL, "r2_mean")]
    rois = sorted((row for row in rows if row.roi != ALL), key=lambda row: row.p_value)
    least = 0.0
    for rank, row in enumerate(rois):
        least = max(least, min(1.0, (len(rois) - rank) * row.p_value))
        assert row.p_holm == pytest.approx(least)
    assert len(rois) == 3
    assert all(row.p_holm == row.p_value for row in rows if row.roi == ALL)


def rois(found: Comparison, statistic: str) -> list[ComparisonRow]:
    return [row for row in found.rows if row.roi != ALL and row.metric.endswith(statistic)]


def test_an_roi_is_better_only_where_holm_says_so_too_and_is_doubted_where_its_interval_alone_does() -> None:
    """Many amounts of noise, so that some ROIs lie between the two rules."""
    seen = set()
    for seed in range(6):
        found = compare(ITEMS.values(), noisier(ITEMS, 0.25, seed).values(), replace(ASKED, n_resamples=100, seed=seed))
        for row in found.rows:
            is_apart = row.low > 1e-3 or row.high < -1e-3
            if row.roi == ALL:
                assert not row.verdict.endswith("?")
            elif row.metric.endswith("mean") and (is_apart or row.low < 0 < row.high):
                assert row.p_holm is not None
                tail = "" if row.p_holm < 0.05 else "?"
                better = "B" if row.low > 0 else "A"
                assert row.verdict == (f"{better} better{tail}" if is_apart else "not told apart")
                assert row.verdict_alone == row.verdict.removesuffix("?")
                seen.add(row.verdict)
        assert any("its own interval leaves 0 out" in one for one in found.notes) == any(
            row.verdict.endswith("?") for row in found.rows
        )
    assert {"A better", "A better?", "not told apart"} <= seen


def test_p_holm_is_withheld_where_no_outcome_could_make_it_small(comparison: Comparison) -> None:
    """3 ROIs: the least corrected p of 30 resamples is 3 / 31, of 60 it is 3 / 61 < 0.05."""
    assert all(row.p_holm is None for row in rois(comparison, "median"))
    assert not {row.verdict for row in rois(comparison, "median")} & {"A better", "B better"}
    assert all(row.p_holm is not None for row in rois(comparison, "mean"))
    assert "no p (Holm) of medians: 30 resamples cannot tell one of 3 ROIs, 60 can" in comparison.notes
    enough = compare(ITEMS.values(), WORSE.values(), replace(ASKED, n_median_resamples=60))
    assert all(row.p_holm is not None for row in enough.rows)
    assert not any("no p (Holm)" in note for note in enough.notes)
    few = compare(ITEMS.values(), WORSE.values(), replace(ASKED, n_resamples=59))
    assert all(row.p_holm is None for row in rois(few, "mean") if row.subject == row.hemisphere == ALL)
    assert "no p (Holm) of means: 59 resamples cannot tell one of 3 ROIs, 60 can" in few.notes


def test_the_document_is_plain_json(comparison: Comparison) -> None:
    document = json.loads(json.dumps(comparison_document(comparison), allow_nan=False))
    assert document["rows"][0]["difference"] == comparison.rows[0].difference
    assert document["intervals"].startswith(
        "95 % over images: 60 bootstrap resamples (medians: 30), centred on the score"
    )
    assert document["intervals"].endswith("the jackknife's; seed 3; paired")
    assert "every row is judged alone" in document["notes"][0]
    for row, one in zip(document["rows"], comparison.rows, strict=True):
        assert (row["verdict"], row["p_holm"]) == (one.verdict, one.p_holm)
        assert row["verdict_alone"] in ("A better", "B better", "not told apart")


GOOD = ITEMS["subj01", "lh"]
assert GOOD.ceilings
OTHERS: dict[str, tuple[Callable[[], list[ScoredHemisphere]], str]] = {
    "another subject": (lambda: [ITEMS["subj06", "lh"]], "only A has it"),
    "a hemisphere more": (lambda: [GOOD, ITEMS["subj01", "rh"]], "only B has it"),
    "other images": (
        lambda: [
            replace(
                GOOD,
                predictions=replace(GOOD.predictions, image_ids=GOOD.predictions.image_ids + 1),
                responses=replace(GOOD.responses, image_ids=GOOD.responses.image_ids + 1),
            )
        ],
        "not the same images for both",
    ),
    "other responses": (
        lambda: [replace(GOOD, responses=replace(GOOD.responses, values=GOOD.responses.values * 2))],
        "not the same responses for both",
    ),
    "other ceilings": (lambda: [replace(GOOD, ceilings=None)], "not the same noise ceilings for both"),
    "other ROIs": (lambda: [replace(GOOD, roi_masks=GOOD.roi_masks[:1])], "not the same ROIs for both"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_submissions_of_different_things_are_not_compared(case: str) -> None:
    make, what = OTHERS[case]
    with pytest.raises(UsageError, match="cannot be compared") as caught:
        compare([GOOD], make(), ASKED)
    assert what in [finding.what for finding in caught.value.findings]


def test_too_few_images_or_no_resamples_cannot_tell() -> None:
    few = replace(
        GOOD,
        predictions=replace(GOOD.predictions, values=GOOD.predictions.values[:2], image_ids=np.arange(2)),
        responses=replace(GOOD.responses, values=GOOD.responses.values[:2], image_ids=np.arange(2)),
    )
    with pytest.raises(UsageError, match="cannot be compared"):
        compare([few], [few], ASKED)
    with pytest.raises(UsageError, match="needs resamples"):
        compare([GOOD], [GOOD], Intervals(n_resamples=0))
