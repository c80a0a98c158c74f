"""What to spend compute on: the published exponents, and the optimum of scipy's own search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published import published_observations, published_points
from scipy.optimize import minimize_scalar
from test_optimise import joint_law

from algokit.errors import UsageError
from algokit.studies.allocation import Allocation, allocate
from algokit.studies.fit import fit_law


@pytest.fixture(scope="module")
def allocation() -> Allocation:
    points = joint_law(150, seed=2)
    n, d = points.predictors
    return allocate(fit_law(points, "joint", n_resamples=200), 30 * (n * d) ** 1.1)


@pytest.mark.reference
def test_the_published_exponents_and_their_interval(reference: Path) -> None:
    fit = fit_law(published_observations(reference, "joint"), "joint", n_resamples=1000, seed=42)
    found = allocate(fit, published_points(reference, "joint").C.to_numpy())
    assert found.parameter_exponent == pytest.approx(0.27735, abs=1e-5)
    assert found.image_exponent == pytest.approx(0.72265, abs=1e-5)
    assert found.parameter_interval is not None
    assert found.parameter_interval.low == pytest.approx(0.22472, abs=0.005)
    assert found.parameter_interval.high == pytest.approx(0.32519, abs=0.005)
    assert found.compute.log10_m == pytest.approx(2.52256, abs=1e-5)
    assert found.compute.n == pytest.approx(1.02792, abs=1e-5)


def test_the_best_split_is_where_a_search_over_all_splits_ends(allocation: Allocation) -> None:
    compute = 1e9
    product = (compute / 30) ** (1 / 1.1)
    found = allocation.best_split(compute)
    search = minimize_scalar(lambda log_n: -allocation.fit.predict(np.exp(log_n), product / np.exp(log_n))[0])
    assert found.score == pytest.approx(-search.fun, abs=1e-10)
    assert found.parameters == pytest.approx(np.exp(search.x), rel=1e-3)
    assert found.parameters * found.images == pytest.approx(product)


def test_parameters_and_images_grow_to_ten_times_the_compute_together(allocation: Allocation) -> None:
    growth = allocation.growth(10.0)
    assert growth["parameters"][0] * growth["images"][0] == pytest.approx(10 ** (1 / 1.1))
    before, after = allocation.best_split(1e6), allocation.best_split(1e7)
    assert after.parameters / before.parameters == pytest.approx(growth["parameters"][0])
    for value, interval in growth.values():
        assert interval is not None
        assert interval.low < value < interval.high


def test_intervals_hold_the_truth_the_points_were_made_with(allocation: Allocation) -> None:
    interval = allocation.parameter_interval
    assert interval is not None
    assert interval.low < 0.25 / 0.75 < interval.high
    assert allocation.compute.n == pytest.approx(1.1)
    assert allocation.compute.largest_error == pytest.approx(1.0)


def test_the_frontier_rises_and_ends_ten_times_beyond_the_data(allocation: Allocation) -> None:
    frontier = allocation.frontier()
    assert np.all(np.diff([one.score for one in frontier]) > 0)
    largest = 30 * np.prod(allocation.fit.observations.predictors, axis=0).max() ** 1.1
    assert frontier[-1].compute == pytest.approx(10 * largest)


def test_only_a_joint_law_of_known_compute_allocates(allocation: Allocation) -> None:
    with pytest.raises(UsageError, match="hardly known"):
        allocate(allocation.fit, np.full(150, np.nan))
