"""Correlations over drawn images, against SciPy on the rows written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from algokit.scoring.resampling import image_orders, image_weights, shuffled_r, standardised, weighted_r

RNG = np.random.default_rng(3)
TRUTH = RNG.standard_normal((17, 9)).astype(np.float32)
PREDICTION = (0.5 * TRUTH + RNG.standard_normal(TRUTH.shape)).astype(np.float32)
IDS = np.array([5, 3, 99, 14, 2, 8, 7, 40, 41, 21, 20, 77, 76, 60, 61, 1, 30])


def test_weighted_r_is_the_correlation_of_the_rows_repeated() -> None:
    weights = image_weights("subj01", IDS, 12, seed=4)
    found = weighted_r(standardised(TRUTH), standardised(PREDICTION), weights)
    for r, counts in zip(found, weights.astype(int), strict=True):
        rows = np.repeat(np.arange(17), counts)
        expected = [pearsonr(TRUTH[rows, v], PREDICTION[rows, v]).statistic for v in range(9)]
        np.testing.assert_allclose(r, expected, atol=2e-6)


def test_shuffled_r_is_the_correlation_with_other_rows() -> None:
    orders = image_orders("subj01", IDS, 12, seed=4)
    found = shuffled_r(standardised(TRUTH), standardised(PREDICTION), orders)
    for r, order in zip(found, orders, strict=True):
        expected = [pearsonr(TRUTH[:, v], PREDICTION[order, v]).statistic for v in range(9)]
        np.testing.assert_allclose(r, expected, atol=2e-6)


@pytest.mark.parametrize("offset", [0.0, 1e3, -1e6])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_float32_moments_are_exact_enough_whatever_scale_and_offset(scale: float, offset: float) -> None:
    truth = TRUTH.astype(np.float64) * scale + offset * scale
    weights = image_weights("subj01", IDS, 30, seed=0)
    moved = weighted_r(standardised(truth), standardised(PREDICTION), weights)  # type: ignore[arg-type]
    np.testing.assert_allclose(moved, weighted_r(standardised(TRUTH), standardised(PREDICTION), weights), atol=5e-6)


def test_float32_is_enough_for_many_images() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((515, 40)) ** 3  # heavy tails
    prediction = 0.2 * truth + rng.standard_normal(truth.shape) ** 3
    weights = image_weights("subj04", np.arange(515), 20, seed=0)
    found = weighted_r(standardised(truth), standardised(prediction), weights)  # type: ignore[arg-type]
    rows = [np.repeat(np.arange(515), counts) for counts in weights.astype(int)]
    expected = [[np.corrcoef(truth[one, v], prediction[one, v])[0, 1] for v in range(40)] for one in rows]
    np.testing.assert_allclose(found, expected, atol=5e-6)


def test_a_resample_in_which_a_column_is_constant_scores_zero() -> None:
    spike = np.full((17, 1), 0.3, dtype=np.float32)
    spike[6] = 4.0
    weights = image_weights("subj01", IDS, 200, seed=1)
    r = weighted_r(standardised(TRUTH[:, :1]), standardised(spike), weights)[:, 0]
    without = weights[:, 6] == 0
    assert 0 < np.count_nonzero(without) < 200
    assert not r[without].any()
    assert r[~without].all()


def test_one_image_drawn_again_and_again_scores_zero() -> None:
    weights = np.zeros((17, 17), dtype=np.float32)
    np.fill_diagonal(weights, 17)
    assert not weighted_r(standardised(TRUTH), standardised(PREDICTION), weights).any()


@pytest.mark.parametrize("bad", [2.0, np.nan, np.inf])
def test_columns_that_score_zero_do_so_in_every_draw(bad: float) -> None:
    values = PREDICTION.copy()
    values[:, 2] = bad
    weights, orders = image_weights("subj01", IDS, 5, 0), image_orders("subj01", IDS, 5, 0)
    drawn = weighted_r(standardised(TRUTH), standardised(values), weights)
    dealt = shuffled_r(standardised(TRUTH), standardised(values), orders)
    assert not drawn[:, 2].any() and not dealt[:, 2].any()
    others = np.arange(9) != 2
    assert drawn[:, others].all() and dealt[:, others].all()


def test_weights_are_counts_of_as_many_images_as_there_are() -> None:
    weights = image_weights("subj01", IDS, 4000, seed=0)
    assert weights.shape == (4000, 17)
    assert (weights == np.rint(weights)).all() and (weights >= 0).all()
    np.testing.assert_array_equal(weights.sum(axis=1), 17)
    # a count is binomial with n = 17 and p = 1 / 17: mean 1, variance 16 / 17
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=5 * np.sqrt(16 / 17 / 4000))
    np.testing.assert_allclose(weights.var(axis=0), 16 / 17, rtol=0.15)


def test_orders_use_every_image_once() -> None:
    orders = image_orders("subj01", IDS, 50, seed=0)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(17), (50, 1)))
    assert len({tuple(order) for order in orders}) == 50


def test_draws_belong_to_image_ids_and_not_to_rows() -> None:
    moved = RNG.permutation(17)
    np.testing.assert_array_equal(
        image_weights("subj01", IDS[moved], 6, 2), image_weights("subj01", IDS, 6, 2)[:, moved]
    )
    partners = [dict(zip(IDS, IDS[order], strict=True)) for order in image_orders("subj01", IDS, 6, 2)]
    again = [dict(zip(IDS[moved], IDS[moved][o], strict=True)) for o in image_orders("subj01", IDS[moved], 6, 2)]
    assert partners == again


@pytest.mark.parametrize("draw", [image_weights, image_orders])
def test_subjects_and_seeds_draw_apart(draw: object) -> None:
    drawn = [draw(*one) for one in (("subj01", IDS, 6, 0), ("subj02", IDS, 6, 0), ("subj01", IDS, 6, 1))]  # type: ignore[operator]
    assert not np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[0], draw("subj01", IDS, 6, 0))  # type: ignore[operator]
