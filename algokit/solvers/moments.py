"""Pearson r from sums over rows."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Correction:
    """What the sums of some alphas lack: that of alpha ``alphas[a]`` lacks ``(along * weights[a]) @ rows.T``.

    Attributes
    ----------
    along : (n_targets, k).
    alphas : (n_some,) int64.
    weights : (n_some, k).
    rows : (n_rows, k), centred over rows.
    """

    along: Tensor
    alphas: Tensor
    weights: Tensor
    rows: Tensor


def pearson_r_of_sums(products: Tensor, unit_truth: Tensor, weights: Tensor, missing: Correction) -> Tensor:
    """Pearson r of weighted sums of predictions, from the sums over rows of their pairwise products.

    The sums themselves are never formed: many may come from few predictions.

    Parameters
    ----------
    products : (n_targets, n_solved, n_rows), centred over rows.
    unit_truth : (n_targets, n_rows), from `unit_rows`.
    weights : (n_alphas, n_solved), of the sums.
    missing : what the sums lack.

    Returns
    -------
    (n_alphas, n_targets), in -1..1; 0 where a sum or the truth has no variance.
    """
    covariance = torch.bmm(products, unit_truth[:, :, None]).squeeze(2) @ weights.T
    gram = torch.bmm(products, products.mT)
    squared_norm = ((gram @ weights.T) * weights.T).sum(dim=1)
    if missing.along.shape[1] and len(missing.alphas):
        covariance[:, missing.alphas] += (missing.along * (unit_truth @ missing.rows)) @ missing.weights.T
        squared_norm[:, missing.alphas] += _missing_square(products, weights[missing.alphas], missing)
    norm = squared_norm.clamp_(min=0).sqrt_()
    return covariance.mul_(_inverse(norm)).clamp_(-1.0, 1.0).T


def _missing_square(products: Tensor, weights: Tensor, missing: Correction) -> Tensor:
    """(n_targets, n_some): twice the product of the sums with what they lack, and its square."""
    mixed = ((products @ missing.rows) * missing.along[:, None]) @ missing.weights.T
    square = torch.bmm(_forms(missing), missing.along[:, :, None]).squeeze(2)
    return square + 2 * (mixed * weights.T).sum(dim=1)


def _forms(missing: Correction) -> Tensor:
    """(n_targets, n_some, k): ``along`` times the matrices of the quadratic forms of it that are the squares."""
    n_some, k = missing.weights.shape
    matrices = missing.weights[:, :, None] * (missing.rows.T @ missing.rows) * missing.weights[:, None]
    return (missing.along @ matrices.transpose(0, 1).reshape(k, n_some * k)).view(-1, n_some, k)


def _inverse(norm: Tensor) -> Tensor:
    return torch.where(norm > 0, 1 / norm, 0.0)
