"""The scientific metric is the official one, except where nothing can be explained."""

from __future__ import annotations

import numpy as np
import pytest

from algokit.metrics.noise_normalized_metric import NOISE_NORMALIZED, noise_normalized
from algokit.metrics.scientific_noise_normalized_metric import SCIENTIFIC_NOISE_NORMALIZED, scientific_noise_normalized


def test_it_differs_only_at_ceilings_of_exactly_zero() -> None:
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((30, 60))
    prediction = truth + rng.standard_normal(truth.shape)
    ceiling = rng.uniform(0, 1, 60)
    ceiling[::7] = 0
    ceiling[1] = 1e-300
    official, scientific = (
        noise_normalized(truth, prediction, ceiling),
        scientific_noise_normalized(truth, prediction, ceiling),
    )
    np.testing.assert_array_equal(scientific[ceiling > 0], official[ceiling > 0])
    assert official[::7].tolist() == [1] * 9
    assert scientific[::7].tolist() == [0] * 9


def test_only_the_scientific_metric_leaves_vertices_out_of_aggregates() -> None:
    assert SCIENTIFIC_NOISE_NORMALIZED.leaves_out_zero_ceilings
    assert not NOISE_NORMALIZED.leaves_out_zero_ceilings
    assert "not the challenge score" in SCIENTIFIC_NOISE_NORMALIZED.source


def test_it_needs_a_ceiling() -> None:
    with pytest.raises(ValueError, match="ceiling"):
        scientific_noise_normalized(np.zeros((3, 2)), np.zeros((3, 2)))
