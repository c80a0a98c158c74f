from __future__ import annotations

import numpy as np
import torch
from scipy.stats import pearsonr
from torch import Tensor

from algokit.solvers.moments import pearson_r, unit_rows


def _centred(*shape: int) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return values - values.mean(dim=-1, keepdim=True)


def test_r_of_sums_equals_scipys() -> None:
    products, truth = _centred(6, 3, 20), 7 + _centred(6, 20)
    weights = torch.tensor([[1.0, 0, 0], [0.5, -2, 1]], dtype=torch.float64)
    ours = pearson_r(products, unit_rows(truth), weights)
    for mine, row in zip(ours, weights, strict=True):
        sums = (products * row[:, None]).sum(dim=1)
        np.testing.assert_allclose(mine, pearsonr(sums, truth, axis=1).statistic, atol=1e-12)


def test_r_of_a_flat_prediction_or_a_flat_truth_is_zero() -> None:
    products, one = _centred(2, 1, 9), torch.ones(1, 1, dtype=torch.float64)
    assert pearson_r(products, unit_rows(torch.full((2, 9), 0.5, dtype=torch.float64)), one).tolist() == [[0, 0]]
    assert pearson_r(torch.zeros_like(products), unit_rows(products[:, 0]), one).tolist() == [[0, 0]]
