"""Intervals and chance of every row, against loops over the drawn images; and whether they hold what they promise."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr
from small_items import ALL, ITEMS, NAMES, PLACES

from algokit.errors import UsageError
from algokit.scoring import Intervals, ScoredHemisphere, score, score_document, scores_from_document
from algokit.scoring.intervals import spread, widened
from algokit.scoring.resampling import image_orders, image_weights, standardised, weighted_r
from algokit.types import Ceilings, Hemisphere, Predictions, Progress, Responses, ScoreRow, Scores

ASKED = Intervals(n_resamples=21, n_permutations=13, n_median_resamples=21, seed=5)
Rows = dict[tuple[str, str, str, str, str], ScoreRow]


def rows(scores: Scores) -> Rows:
    return {(row.subject, row.hemisphere, row.roi_class, row.roi, row.metric): row for row in scores.rows}


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score(ITEMS.values(), intervals=ASKED)


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[tuple[str, str], NDArray[np.float64]]]:
    """Kind of draw -> hemisphere -> (n_draws, n_vertices) r, by SciPy over rows written out."""
    found: dict[str, dict[tuple[str, str], NDArray[np.float64]]] = {
        "bootstrap": {},
        "shuffles": {},
        "left out": {},
        "whole": {},
    }
    for place, item in ITEMS.items():
        truth, prediction, ids = item.responses.values, item.predictions.values, item.predictions.image_ids
        counts = image_weights(place[0], ids, 21, 5).astype(int)
        repeated = [(row, row) for row in (np.repeat(np.arange(len(ids)), one) for one in counts)]
        dealt = [(np.arange(len(ids)), order) for order in image_orders(place[0], ids, 13, 5)]
        without = [(row, row) for row in (np.delete(np.arange(len(ids)), left_out) for left_out in range(len(ids)))]
        whole = [(np.arange(len(ids)), np.arange(len(ids)))]
        for kind, pairs in (("bootstrap", repeated), ("shuffles", dealt), ("left out", without), ("whole", whole)):
            found[kind][place] = np.array(
                [
                    [pearsonr(truth[left, v], prediction[right, v]).statistic for v in range(truth.shape[1])]
                    for left, right in pairs
                ]
            )
    return found


def brute_force(
    r: dict[tuple[str, str], NDArray[np.float64]], place: tuple[str, ...]
) -> Iterator[tuple[str, list[float]]]:
    """Row metric and its value over every draw, vertex by vertex."""
    subject, hemisphere, _, roi = place
    pooled: list[list[tuple[float, float]]] = [[] for _ in next(iter(r.values()))]
    for (one, side), draws in r.items():
        item = ITEMS[one, side]
        if subject not in (ALL, one) or hemisphere not in (ALL, side):
            continue
        assert item.ceilings
        for vertex, label in enumerate(item.roi_masks[0].labels):
            if (roi == ALL and (place[2] == ALL or label)) or NAMES.get(int(label)) == roi:
                for values, row in zip(pooled, draws, strict=True):
                    values.append((row[vertex], item.ceilings.values[vertex]))
    official = [[100 * min(max(r, 0) ** 2 / (ceiling or 1e-14), 1) for r, ceiling in one] for one in pooled]
    scientific = [[100 * min(max(r, 0) ** 2 / ceiling, 1) for r, ceiling in one if ceiling] for one in pooled]
    values = {
        "noise_normalized": official,
        "scientific_noise_normalized": scientific,
        "r2": [[max(r, 0) ** 2 for r, _ in one] for one in pooled],
        "pearson_r": [[r for r, _ in one] for one in pooled],
    }
    for metric, draws_ in values.items():
        yield f"{metric}_mean", [float(np.mean(one)) for one in draws_]
        yield f"{metric}_median", [float(np.median(one)) for one in draws_]


def jackknife_errors(drawn: dict, place: tuple[str, ...]) -> dict[str, float]:  # type: ignore[type-arg]
    """Row metric -> its standard error: every image of every subject left out in turn, all else as it is."""
    subjects = sorted({subject for subject, _ in ITEMS if place[0] in (ALL, subject)})
    variance: dict[str, float] = {}
    for subject in subjects:
        n_images = len(ITEMS[subject, "lh"].predictions.image_ids)
        r = {
            key: drawn["left out"][key] if key[0] == subject else np.repeat(drawn["whole"][key], n_images, axis=0)
            for key in ITEMS
        }
        for metric, scores in brute_force(r, place):
            added = (n_images - 1) / n_images * float(np.sum((np.array(scores) - np.mean(scores)) ** 2))
            variance[metric] = variance.get(metric, 0) + added
    return {metric: one**0.5 for metric, one in variance.items()}


@pytest.mark.parametrize(
    "place",
    [
        (ALL, ALL, ALL, ALL),
        (ALL, "rh", ALL, ALL),
        ("subj06", ALL, "prf-visualrois", ALL),
        ("subj01", "lh", "prf-visualrois", "V1v"),
        (ALL, ALL, "prf-visualrois", "V2v"),
    ],
    ids=" ".join,
)
def test_every_row_has_the_interval_and_chance_of_a_loop(scores: Scores, drawn: dict, place: tuple[str, ...]) -> None:  # type: ignore[type-arg]
    found = rows(scores)
    resampled, shuffled = dict(brute_force(drawn["bootstrap"], place)), dict(brute_force(drawn["shuffles"], place))
    errors = jackknife_errors(drawn, place)
    assert len(resampled) == 8
    for metric, draws in resampled.items():
        row, unit = found[(*place, metric)], 100 if "noise" in metric else 1  # type: ignore[index]
        factor = max(1, errors[metric] / np.std(draws)) if metric.endswith("mean") else 1
        low, high = row.value + factor * np.percentile(np.array(draws) - np.mean(draws), [2.5, 97.5])
        least = -1 if metric.startswith("pearson") else 0
        expected = [max(low, least), min(high, unit), *np.percentile(shuffled[metric], [2.5, 97.5])]
        # medians are kept in steps of 1 / 65535
        assert [row.low, row.high, row.chance_low, row.chance_high] == pytest.approx(expected, abs=4e-5 * unit)
        assert row.p_value == (1 + np.count_nonzero(np.array(shuffled[metric]) >= row.value)) / 14


def test_the_same_request_gives_the_same_bits_in_any_order(scores: Scores) -> None:
    again = score((ITEMS[place] for place in reversed(PLACES)), intervals=ASKED)
    assert again.rows == scores.rows
    assert score(ITEMS.values(), intervals=replace(ASKED, seed=6)).rows != scores.rows


def test_scores_are_the_same_with_and_without_intervals(scores: Scores) -> None:
    plain = score(ITEMS.values())
    bare = {"low": None, "high": None, "chance_low": None, "chance_high": None, "p_value": None}
    assert plain.rows == tuple(replace(row, **bare) for row in scores.rows)  # type: ignore[arg-type]
    assert plain.intervals == ""


def test_a_row_does_not_depend_on_the_other_subjects(scores: Scores) -> None:
    alone = rows(score([ITEMS["subj06", "lh"], ITEMS["subj06", "rh"]], intervals=ASKED))
    both = rows(scores)
    mine = {key: row for key, row in alone.items() if key[0] == "subj06"}
    assert mine == {key: both[key] for key in mine}


def test_intervals_survive_the_document_and_are_absent_where_there_are_none(scores: Scores) -> None:
    assert scores_from_document(json.loads(json.dumps(score_document(scores)))) == scores
    assert scores.intervals == (
        "95 % over images: 21 bootstrap resamples (medians: 21), centred on the score, those of means no narrower than "
        "the jackknife's; chance: 13 shuffles; seed 5"
    )
    plain = score_document(score(ITEMS.values()))
    assert not {"low", "high", "chance_low", "chance_high", "p_value"} & plain["rows"][0].keys()


def test_either_half_can_be_left_out() -> None:
    item = [ITEMS["subj01", "lh"]]
    row = score(item, intervals=Intervals(n_resamples=20, n_permutations=0)).rows[0]
    assert row.low is not None and row.p_value is None
    row = score(item, intervals=Intervals(n_resamples=0, n_permutations=20)).rows[0]
    assert row.low is None and row.p_value is not None
    nothing = score(item, intervals=Intervals(n_resamples=0, n_permutations=0))
    assert nothing == score(item)


def test_medians_without_resamples_of_their_own_have_no_interval() -> None:
    found = score([ITEMS["subj01", "lh"]], intervals=Intervals(n_resamples=20, n_permutations=5, n_median_resamples=0))
    assert all((row.low is None) == row.metric.endswith("median") for row in found.rows)


def test_without_ceilings_raw_rows_have_their_intervals() -> None:
    bare = score([replace(ITEMS["subj01", "lh"], ceilings=None)], intervals=ASKED)
    with_ceilings = rows(score([ITEMS["subj01", "lh"]], intervals=ASKED))
    assert {row.metric for row in bare.rows} == {"r2_mean", "r2_median", "pearson_r_mean", "pearson_r_median"}
    for key, row in rows(bare).items():
        assert (row.low, row.high, row.p_value) == tuple(
            getattr(with_ceilings[key], name) for name in ("low", "high", "p_value")
        )


@pytest.mark.parametrize("n_images", [1, 2])
def test_too_few_images_have_no_intervals_and_say_so(n_images: int) -> None:
    item = ITEMS["subj01", "lh"]
    few = replace(
        item,
        predictions=replace(
            item.predictions, values=item.predictions.values[:n_images], image_ids=item.predictions.image_ids[:n_images]
        ),
        responses=replace(
            item.responses, values=item.responses.values[:n_images], image_ids=item.responses.image_ids[:n_images]
        ),
    )
    found = score([few], intervals=ASKED)
    assert "no intervals: fewer than 3 images of subj01" in found.notes
    assert all(row.low is row.p_value is None for row in found.rows)
    assert found.intervals == ""


def test_three_images_can_be_resampled() -> None:
    item = ITEMS["subj01", "lh"]
    few = replace(
        item,
        predictions=replace(item.predictions, values=item.predictions.values[:3], image_ids=np.arange(3)),
        responses=replace(item.responses, values=item.responses.values[:3], image_ids=np.arange(3)),
    )
    for row in score([few], intervals=ASKED).rows:
        assert row.low is not None and row.high is not None and np.isfinite([row.low, row.high]).all()


def test_intervals_stay_within_what_a_metric_can_be() -> None:
    item = ITEMS["subj01", "lh"]
    perfect = replace(item, predictions=replace(item.predictions, values=item.responses.values))
    for row in score([perfect], intervals=ASKED).rows:
        assert row.low is not None and row.high is not None
        assert row.low == pytest.approx(row.value, rel=1e-5) and row.high == pytest.approx(row.value, rel=1e-5)
        assert row.high <= (100 if "noise" in row.metric else 1)
        assert row.p_value == 1 / 14


def test_an_interval_near_the_cap_ends_there() -> None:
    item = ITEMS["subj01", "lh"]
    noise = np.random.default_rng(0).standard_normal(item.responses.values.shape)
    good = replace(
        item, predictions=replace(item.predictions, values=(item.responses.values + 0.35 * noise).astype("f4"))
    )
    found = score([good], intervals=ASKED).rows[0]
    assert found.low is not None and found.high == 100
    assert found.value - found.low > 100 - found.value  # the draws themselves would reach further up


@pytest.mark.parametrize("name", ["n_resamples", "n_permutations", "n_median_resamples", "seed"])
def test_negative_numbers_are_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        Intervals(**{name: -1})
    assert [finding.path for finding in caught.value.findings] == [name]


def test_progress_ends_with_everything_done() -> None:
    told: list[Progress] = []
    score([ITEMS[place] for place in PLACES], intervals=ASKED, progress=told.append)
    steps = {one.step: one for one in told}
    assert list(steps) == ["resample images", "intervals"]
    assert all(one.done == one.total for one in steps.values())
    assert [one.total for one in told if one.step == "resample images"] == [4] * 5
    silent: list[Progress] = []
    score(ITEMS.values(), progress=silent.append)
    assert silent == []


def test_negated_draws_spread_the_other_way_exactly() -> None:
    draws = np.random.default_rng(0).gamma(2, size=997)
    below, above = spread(draws)
    assert below < 0 < above
    assert spread(-draws) == (-above, -below)


def test_draws_are_widened_to_the_jackknife_and_never_narrowed() -> None:
    draws = np.random.default_rng(0).normal(3, 1, 500)
    left_out = {"subj01": np.array([0.0, 1, 2]), "subj02": np.array([5.0, 5, 8])}
    error = (2 / 3 * (2 + 6)) ** 0.5
    wide = widened(draws, left_out)
    assert (wide.std(), wide.mean()) == (pytest.approx(error), pytest.approx(draws.mean()))
    assert widened(draws, {"subj01": np.array([0.0, 0.1])}) is draws
    assert widened(draws, {}) is draws
    constant = np.full(9, 4.0)
    assert widened(constant, left_out) is constant


# Whether intervals hold what they promise: made-up data whose expected score is known from many fresh data sets.


def simulated(
    rng: np.random.Generator, n_images: int, n_vertices: int, rho: float, shared: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Responses and predictions that correlate by ``rho``; a ``shared`` part of each image is alike at all vertices."""

    def noise() -> NDArray[np.float64]:
        return np.sqrt(1 - shared) * rng.standard_normal((n_images, n_vertices)) + np.sqrt(
            shared
        ) * rng.standard_normal((n_images, 1))

    truth = noise()
    return truth.astype(np.float32), (rho * truth + np.sqrt(1 - rho**2) * noise()).astype(np.float32)


def hemisphere(
    truth: NDArray[np.float32], prediction: NDArray[np.float32], subject: str, side: Hemisphere = "lh"
) -> ScoredHemisphere:
    ids, ceiling = np.arange(len(truth)), np.full(truth.shape[1], 0.5)
    place = (subject, side, "test")
    return ScoredHemisphere(
        Predictions(prediction, ids, *place),
        Responses(truth, ids, *place),
        Ceilings(ceiling, *place, "made up"),
        [],  # type: ignore[arg-type]
    )


def value(items: Iterable[ScoredHemisphere], intervals: Intervals | None = None) -> ScoreRow:
    found = score(items, intervals=intervals).rows[0]
    assert found.metric == "noise_normalized_mean"
    return found


@pytest.mark.parametrize(
    ("n_images", "rho", "shared"), [(60, 0.5, 0.3), (60, 0.1, 0.1), (40, 0.6, 0.3), (40, 0.7, 0.5)]
)
def test_intervals_hold_the_expected_score_about_as_often_as_they_say(n_images: int, rho: float, shared: float) -> None:
    rng = np.random.default_rng(11)

    def fresh() -> ScoredHemisphere:
        return hemisphere(*simulated(rng, n_images, 30, rho, shared), "subj01")

    expected = np.mean([value([fresh()]).value for _ in range(400)])
    asked, hits = Intervals(n_resamples=200, n_permutations=0, n_median_resamples=0), 0
    for seed in range(120):
        row = value([fresh()], replace(asked, seed=seed))
        assert row.low is not None and row.high is not None
        hits += row.low <= expected <= row.high
    assert 0.9 <= hits / 120 <= 1  # 95 % in truth, less 2.5 of its standard errors


def test_plain_percentiles_of_the_resampled_scores_would_miss_the_score() -> None:
    truth, prediction = simulated(np.random.default_rng(0), 100, 2000, 0.1, 0.0)
    weights = image_weights("subj01", np.arange(100), 200, 0)
    r = weighted_r(standardised(truth), standardised(prediction), weights)
    resampled = 100 * np.minimum(np.maximum(r, 0) ** 2 / 0.5, 1).mean(axis=1)
    row = value([hemisphere(truth, prediction, "subj01")], Intervals(n_resamples=200, n_permutations=0))
    assert np.percentile(resampled, 2.5) > row.value
    assert row.low is not None and row.high is not None and row.low < row.value < row.high


def test_a_prediction_without_any_skill_is_within_chance_and_one_with_some_is_not() -> None:
    rng, asked = np.random.default_rng(2), Intervals(n_resamples=0, n_permutations=99)
    p_values = []
    for _ in range(60):
        row = value([hemisphere(*simulated(rng, 40, 20, 0.0, 0.3), "subj01")], asked)
        assert row.p_value is not None
        p_values.append(row.p_value)
    # uniform under chance: mean 0.5 with a standard error of 0.037
    assert 0.38 < np.mean(p_values) < 0.62
    assert min(p_values) < 0.2 and max(p_values) > 0.8
    skilled = value([hemisphere(*simulated(rng, 40, 20, 0.5, 0.3), "subj01")], asked)
    assert skilled.p_value == 1 / 100
    assert skilled.chance_high is not None and skilled.chance_high < skilled.value


def test_hemispheres_share_their_images_and_subjects_do_not() -> None:
    """The same data twice: as two hemispheres nothing is gained, as two subjects the interval narrows by sqrt(2)."""
    data = simulated(np.random.default_rng(4), 80, 40, 0.4, 0.5)
    asked = Intervals(n_resamples=1500, n_permutations=0, n_median_resamples=0)

    def width(items: Iterable[ScoredHemisphere]) -> float:
        row = value(items, asked)
        assert row.low is not None and row.high is not None
        return row.high - row.low

    one = width([hemisphere(*data, "subj01")])
    assert width([hemisphere(*data, "subj01"), hemisphere(*data, "subj01", "rh")]) == pytest.approx(one, rel=1e-6)
    assert width([hemisphere(*data, "subj01"), hemisphere(*data, "subj02")]) == pytest.approx(one / 2**0.5, rel=0.1)
