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


def pearson_r(predictions: Tensor, unit_truth: Tensor) -> Tensor:
    """Pearson r of centred predictions with targets from `unit_rows`, both (n_targets, n_rows).

    Returns
    -------
    (n_targets,), in -1..1; 0 where predictions or truth have no variance.
    """
    covariance: Tensor = torch.linalg.vecdot(predictions, unit_truth)
    return covariance.mul_(_inverse(torch.linalg.vector_norm(predictions, dim=1))).clamp_(-1.0, 1.0)


def _inverse(norm: Tensor) -> Tensor:
    return torch.where(norm > 0, 1 / norm, 0.0)
