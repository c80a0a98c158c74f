from __future__ import annotations

import numpy as np
import torch
from scipy.stats import pearsonr

from algokit.solvers.moments import pearson_r, unit_rows


def test_r_equals_scipys() -> None:
    rng = np.random.default_rng(0)
    predictions, truth = rng.standard_normal((6, 20)), 7 + rng.standard_normal((6, 20))
    centred = torch.from_numpy(predictions - predictions.mean(axis=1, keepdims=True))
    ours = pearson_r(centred, unit_rows(torch.from_numpy(truth)))
    np.testing.assert_allclose(ours, pearsonr(predictions, truth, axis=1).statistic, atol=1e-12)


def test_r_of_a_flat_prediction_or_a_flat_truth_is_zero() -> None:
    values = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    values -= values.mean(dim=1, keepdim=True)
    assert pearson_r(values, unit_rows(torch.full((2, 9), 0.5))).tolist() == [0, 0]
    assert pearson_r(torch.zeros(2, 9), unit_rows(values)).tolist() == [0, 0]
