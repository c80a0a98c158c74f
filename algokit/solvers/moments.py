"""Pearson r from sums over rows."""

from __future__ import annotations

import torch
from torch import Tensor


def unit_rows(values: Tensor) -> Tensor:
    """Every target less its mean, divided by its norm; a target without variance becomes 0.

    Parameters
    ----------
    values : (n_targets, n_rows).
    """
    centred = values - values.mean(dim=1, keepdim=True)
    return centred * _inverse(torch.linalg.vector_norm(centred, dim=1, keepdim=True))


def pearson_r(products: Tensor, unit_truth: Tensor, weights: Tensor) -> Tensor:
    """Pearson r of weighted sums of predictions, from the sums over rows of their pairwise products.

    The sums themselves are never formed: many may come from few predictions.

    Parameters
    ----------
    products : (n_targets, n_solved, n_rows), centred over rows.
    unit_truth : (n_targets, n_rows), from `unit_rows`.
    weights : (n_alphas, n_solved), of the sums.

    Returns
    -------
    (n_alphas, n_targets), in -1..1; 0 where a sum or the truth has no variance.
    """
    covariance = torch.bmm(products, unit_truth[:, :, None]).squeeze(2) @ weights.T
    gram = torch.bmm(products, products.mT)
    squared_norm = ((gram @ weights.T) * weights.T).sum(dim=1).clamp_(min=0)
    return covariance.mul_(_inverse(squared_norm.sqrt_())).clamp_(-1.0, 1.0).T


def _inverse(norm: Tensor) -> Tensor:
    return torch.where(norm > 0, 1 / norm, 0.0)
