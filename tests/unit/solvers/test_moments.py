from __future__ import annotations

import numpy as np
import torch
from scipy.stats import pearsonr
from torch import Tensor

from algokit.solvers.moments import Correction, pearson_r, pearson_r_of_sums, unit_rows


def _centred(*shape: int) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return values - values.mean(dim=-1, keepdim=True)


def test_r_equals_scipys() -> None:
    predictions, truth = _centred(6, 20), _centred(6, 20).flip(1)
    ours = pearson_r(predictions, unit_rows(7 + truth))
    np.testing.assert_allclose(ours, pearsonr(predictions, truth, axis=1).statistic, atol=1e-12)


def test_r_of_sums_equals_scipys() -> None:
    products, truth = _centred(6, 3, 20), 7 + _centred(6, 20)
    weights = torch.tensor([[1.0, 0, 0], [0.5, -2, 1]], dtype=torch.float64)
    for k in (0, 4):
        rows = _centred(k, 20).T
        missing = Correction(_centred(6, 5)[:, :k], torch.tensor([1]), _centred(1, 5)[:, :k], rows)
        ours = pearson_r_of_sums(products, unit_rows(truth), weights, missing)
        for mine, row, share in zip(ours, weights, (0, 1), strict=True):
            sums = (products * row[:, None]).sum(dim=1) + share * (missing.along * missing.weights) @ rows.T
            np.testing.assert_allclose(mine, pearsonr(sums, truth, axis=1).statistic, atol=1e-12)


def test_r_of_a_flat_prediction_or_a_flat_truth_is_zero() -> None:
    products, one = _centred(2, 1, 9), torch.ones(1, 1, dtype=torch.float64)
    truth, flat = unit_rows(products[:, 0]), unit_rows(torch.full((2, 9), 0.5, dtype=torch.float64))
    nothing = Correction(truth[:, :0], torch.arange(0), one[:0, :0], truth.new_zeros(9, 0))
    assert pearson_r_of_sums(products, flat, one, nothing).tolist() == [[0, 0]]
    assert pearson_r_of_sums(torch.zeros_like(products), truth, one, nothing).tolist() == [[0, 0]]
    assert pearson_r(products[:, 0], flat).tolist() == [0, 0]
    assert pearson_r(torch.zeros_like(products[:, 0]), truth).tolist() == [0, 0]
