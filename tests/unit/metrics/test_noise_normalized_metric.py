"""The challenge's metric, against its published rule written out in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from algokit.metrics.noise_normalized_metric import noise_normalized, normalize


def test_every_vertex_follows_the_published_rule() -> None:
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((30, 60))
    prediction = truth * rng.uniform(-0.5, 2, 60) + rng.standard_normal(truth.shape)
    ceiling = rng.uniform(0, 1, 60)
    ceiling[::7] = 0
    expected = []
    for vertex in range(60):
        r = pearsonr(truth[:, vertex], prediction[:, vertex]).statistic
        r = max(r, 0.0)
        share = 100 * r**2 / (ceiling[vertex] if ceiling[vertex] != 0 else 1e-14)
        expected.append(min(share, 100.0))
    assert min(expected) == 0 and max(expected) == 100
    np.testing.assert_allclose(100 * noise_normalized(truth, prediction, ceiling), expected, rtol=1e-10)


def test_a_vertex_without_ceiling_gets_all_for_any_positive_correlation_and_else_nothing() -> None:
    assert normalize(np.array([1e-6, 0.3, 0.0]), np.zeros(3)).tolist() == [1, 1, 0]


def test_more_than_the_ceiling_counts_as_the_ceiling() -> None:
    assert normalize(np.array([0.5, 0.25]), np.array([0.25, 0.5])).tolist() == [1, 0.5]


def test_float32_inputs_are_divided_in_float64() -> None:
    squared, ceiling = np.float32([0.1, 0.2]), np.float32([0.3, 0.7])
    expected = [float(one) / float(other) for one, other in zip(squared, ceiling, strict=True)]
    assert normalize(squared, ceiling).tolist() == expected


@pytest.mark.parametrize("bad", [-0.1, 1.5, 40.5, np.nan])
def test_a_ceiling_that_is_no_fraction_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="fraction from 0 to 1"):
        normalize(np.array([0.1, 0.1]), np.array([0.5, bad]))


def test_ceilings_of_another_number_of_vertices_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2,\) scores and \(3,\) ceilings"):
        normalize(np.zeros(2), np.zeros(3))
