"""What every metric of the catalogue promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr

from algokit.metrics import CATALOGUE, Metric

N_IMAGES, N_VERTICES = 20, 12
RNG = np.random.default_rng(0)
TRUTH = RNG.standard_normal((N_IMAGES, N_VERTICES)).astype(np.float32)
PREDICTION = (TRUTH + RNG.standard_normal(TRUTH.shape)).astype(np.float32)
CEILING = np.linspace(0.1, 0.9, N_VERTICES)


@pytest.fixture(params=sorted(CATALOGUE.rows()))
def metric(request: pytest.FixtureRequest) -> Metric:
    loaded: Metric = CATALOGUE.load(request.param)
    return loaded


def compute(metric: Metric, truth: NDArray[Any], prediction: NDArray[Any]) -> NDArray[np.float64]:
    return metric.compute(truth, prediction, CEILING if metric.needs_ceiling else None)


def test_a_row_is_named_as_its_metric_and_says_where_it_comes_from() -> None:
    for kind in CATALOGUE.rows():
        metric = CATALOGUE.load(kind)
        assert metric.name == kind
        assert metric.version >= 1
        assert metric.scale > 0
        assert metric.source


def test_there_is_one_finite_float64_per_vertex(metric: Metric) -> None:
    values = compute(metric, TRUTH, PREDICTION)
    assert values.shape == (N_VERTICES,)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()


def test_a_perfect_prediction_scores_one_and_no_other_more(metric: Metric) -> None:
    np.testing.assert_allclose(compute(metric, TRUTH, TRUTH), 1, atol=1e-12)
    assert compute(metric, TRUTH, PREDICTION).max() <= 1


@pytest.mark.parametrize("bad", [0.0, 0.1, np.nan, np.inf, -np.inf])
def test_a_constant_or_non_finite_column_scores_zero_and_never_nan(metric: Metric, bad: float) -> None:
    prediction = PREDICTION.copy()
    prediction[:, 4] = bad
    values = compute(metric, TRUTH, prediction)
    assert values[4] == 0
    np.testing.assert_array_equal(np.delete(values, 4), np.delete(compute(metric, TRUTH, PREDICTION), 4))


def test_positive_scale_and_offset_of_a_prediction_do_not_matter(metric: Metric) -> None:
    np.testing.assert_allclose(
        compute(metric, TRUTH, 3 * PREDICTION + 5), compute(metric, TRUTH, PREDICTION), atol=1e-5
    )


def test_vertices_do_not_see_each_other(metric: Metric) -> None:
    alone = [
        metric.compute(TRUTH[:, [v]], PREDICTION[:, [v]], CEILING[[v]] if metric.needs_ceiling else None)[0]
        for v in range(N_VERTICES)
    ]
    np.testing.assert_allclose(compute(metric, TRUTH, PREDICTION), alone, rtol=1e-12)


def test_correlations_alone_give_the_same_numbers_for_every_draw_of_images(metric: Metric) -> None:
    ceiling = np.where(np.arange(N_VERTICES) == 3, 0.0, CEILING)
    r = np.array([pearsonr(TRUTH[:, v], PREDICTION[:, v]).statistic for v in range(N_VERTICES)])
    given = ceiling if metric.needs_ceiling else None
    expected = metric.compute(TRUTH, PREDICTION, given)
    np.testing.assert_allclose(metric.of_r(r, given), expected, rtol=1e-5)
    draws = np.stack([r, -r, 0 * r]).astype(np.float32)
    found = metric.of_r(draws, given)
    assert (found.shape, found.dtype) == (draws.shape, np.float32)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    assert not found[2].any()


def test_a_metric_never_decreases_in_r_and_stays_in_its_range(metric: Metric) -> None:
    r = np.repeat(np.linspace(-1, 1, 201)[:, None], N_VERTICES, axis=1)
    values = metric.of_r(r, np.where(np.arange(N_VERTICES) == 3, 0.0, CEILING))
    assert (np.diff(values, axis=0) >= 0).all()
    assert values.min() == metric.lowest and values.max() == 1


def test_a_metric_that_leaves_out_zero_ceilings_scores_them_zero(metric: Metric) -> None:
    if metric.needs_ceiling:
        values = metric.compute(TRUTH, TRUTH, np.zeros(N_VERTICES))
        assert values.tolist() == [0.0 if metric.leaves_out_zero_ceilings else 1.0] * N_VERTICES


def test_inputs_are_left_as_they_are(metric: Metric) -> None:
    truth, prediction = TRUTH.copy(), PREDICTION.copy()
    truth.flags.writeable = prediction.flags.writeable = False
    compute(metric, truth, prediction)


def test_a_metric_that_needs_a_ceiling_refuses_to_work_without(metric: Metric) -> None:
    if metric.needs_ceiling:
        with pytest.raises(ValueError, match="ceiling"):
            metric.compute(TRUTH, PREDICTION, None)
    else:
        assert metric.compute(TRUTH, PREDICTION, None).shape == (N_VERTICES,)
