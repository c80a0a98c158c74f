"""Cross-validated Pearson r of every alpha and target in one factorised space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from algokit.solvers.factorise import Factorisation
from algokit.solvers.leave_out import LeaveOut, alpha_chunks, leave_out
from algokit.solvers.moments import pearson_r, unit_columns
from algokit.solvers.targets import Targets
from algokit.types import Ints


@dataclass(frozen=True)
class Folds:
    """The folds and what is never trained on, on the device.

    Attributes
    ----------
    rows : the rows of each fold; together the fit rows.
    fit, val : all fit rows; the rows no fold may see.
    flat : (n_folds, n_targets) bool, from `Targets.flat`: r is 0 there.
    """

    rows: tuple[Tensor, ...]
    fit: Tensor
    val: Tensor
    flat: Tensor

    @classmethod
    def of(cls, targets: Targets, folds: Sequence[Ints]) -> Folds:
        """Folds given as row numbers."""
        device = targets.device
        rows = tuple(torch.as_tensor(fold, device=device) for fold in folds)
        fit, val = (torch.as_tensor(part, device=device) for part in (targets.rows.fit, targets.rows.val))
        return cls(rows, fit, val, targets.flat(folds))


def cv_scores(factors: Factorisation, targets: Targets, folds: Folds, alphas: Tensor) -> tuple[Tensor, float]:
    """Mean over folds of Pearson r over the fold's rows, each fold predicted from the other folds alone.

    Parameters
    ----------
    alphas : (n_alphas,) float64 on the device.

    Returns
    -------
    (n_alphas, n_targets) float32, and the condition number of the worst system solved.
    """
    held = [leave_out(factors, fold, folds.val) for fold in folds.rows]
    basis = factors.basis.float() if any(fold.compact for fold in held) else None
    scores = torch.zeros(len(alphas), targets.n_targets, device=targets.device)
    worst = 1.0
    for chunk in alpha_chunks(len(alphas), sum(len(fold.scored) * fold.width for fold in held)):
        operators = []
        for fold in held:
            operator, condition = fold.operators(alphas[chunk])
            operators.append(_unit_operator(operator))
            worst = max(worst, condition)
        for block in targets.blocks():
            inputs = _Inputs(block.values, folds.fit, basis)
            for fold, operator, flat in zip(held, operators, folds.flat[:, block.columns], strict=True):
                predictions = (operator.flatten(0, 1) @ inputs.of(fold)).reshape(*operator.shape[:2], -1)
                r = pearson_r(predictions, unit_columns(block.values[fold.scored]))
                scores[chunk, block.columns] += r.masked_fill_(flat, 0.0)
    return scores.div_(len(held)), worst


class _Inputs:
    """What the operators of every fold act on, for one block of targets.

    ``V' y`` of compact folds comes from sums over the fit rows less those over the fold's rows: one product over all
    rows instead of one per fold. `LeaveOut.compact` makes sure that the subtraction costs no precision.
    """

    def __init__(self, values: Tensor, fit: Tensor, basis: Tensor | None) -> None:
        self._values, self._basis = values, basis
        if basis is not None:
            fit_values = values[fit]
            self._product, self._sum = basis[fit].T @ fit_values, fit_values.sum(dim=0)

    def of(self, fold: LeaveOut) -> Tensor:
        """(width, n_targets) float32."""
        if self._basis is None or not fold.compact:
            return self._values[fold.kept]
        values = self._values[fold.scored]
        product = self._product - self._basis[fold.scored].T @ values
        return product - torch.outer(fold.kept_mean.float(), self._sum - values.sum(dim=0))


def _unit_operator(operator: Tensor) -> Tensor:
    """Every alpha's operator at unit norm and centred over the rows it predicts, in float32.

    r ignores mean and scale, and float32 would lose predictions of size 1e-15 in sums of squares.
    """
    centred = operator - operator.mean(dim=1, keepdim=True)
    norm = torch.linalg.vector_norm(centred, dim=(1, 2), keepdim=True)
    return (centred * torch.where(norm > 0, 1 / norm, 0.0)).float()
