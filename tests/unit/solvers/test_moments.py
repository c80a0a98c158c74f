from __future__ import annotations

import numpy as np
import torch
from scipy.stats import pearsonr

from algokit.solvers.moments import pearson_r, unit_columns


def test_r_equals_scipys() -> None:
    rng = np.random.default_rng(0)
    predictions, truth = rng.standard_normal((3, 20, 6)), 7 + rng.standard_normal((20, 6))
    centred = torch.from_numpy(predictions - predictions.mean(axis=1, keepdims=True))
    ours = pearson_r(centred, unit_columns(torch.from_numpy(truth)))
    expected = [pearsonr(one, truth, axis=0).statistic for one in predictions]
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_r_of_a_flat_prediction_or_a_flat_truth_is_zero() -> None:
    values = torch.randn(1, 9, 2, generator=torch.Generator().manual_seed(0))
    values -= values.mean(dim=1, keepdim=True)
    assert pearson_r(values, unit_columns(torch.full((9, 2), 0.5))).tolist() == [[0, 0]]
    assert pearson_r(torch.zeros(1, 9, 2), unit_columns(values[0])).tolist() == [[0, 0]]
