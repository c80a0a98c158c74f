"""Every row predicted from all others, for every alpha and target, from one factorisation; and GCV from its spectrum.

Over the n fit rows alone let B and mu be `fit_basis`, and for one alpha ``s = mu / (mu + alpha)``. Ridge with an
unpenalised intercept has the hat matrix ``H = 11'/n + B diag(s) B'``. The fit without row i predicts row i as

    mean(y of the others) + d_i,    d_i = (f_i - g_i c_i n / (n - 1)) / (1 - h_i)

with ``c`` the centred targets, ``f = B diag(s) B' c``, ``g = diag(B diag(s) B')`` and ``h = g + 1/n``. f and g shrink
together as alpha grows, so d keeps its relative precision.

Both are approximations of the choice by folds. The leave-one-out score is Pearson r between d and y over all rows at
once, not a mean over folds. The mean of the others is left out of it, as r over a fold leaves out the fold's intercept:
it falls where y_i rises, and would pull r to -1 as alpha grows. Generalised cross-validation (GCV) chooses by squared
error, with the mean of h in place of each h_i.

Source: Allen (1974), the prediction sum of squares; Golub, Heath & Wahba (1979), Generalized cross-validation as a
method for choosing a good ridge parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from algokit.solvers.factorise import Factorisation, factorise_gram
from algokit.solvers.moments import pearson_r, unit_rows
from algokit.solvers.targets import TargetBlock, Targets

SMALLEST = torch.finfo(torch.float64).eps  # of 1 - h_i, where alpha is next to nothing beside every eigenvalue
FLOAT32_LEVERAGE = 1e-2  # smallest 1 - h_i for which float32 is enough: its rounding is divided by it


@dataclass(frozen=True)
class LeaveOneOut:
    """The fit rows of one space, factorised.

    Attributes
    ----------
    basis : (n_fit, rank) float64, B: orthonormal columns, each orthogonal to the constant.
    eigenvalues : (rank,) float64, mu.
    outside : (n_fit,) float64, ``1 - 1/n - sum of B_i**2``: what neither the features nor the constant reach of a row.
    """

    targets: Targets
    fit: Tensor
    basis: Tensor
    eigenvalues: Tensor
    outside: Tensor

    @classmethod
    def of(cls, factors: Factorisation, targets: Targets) -> LeaveOneOut:
        """Prepare a space; the val rows are not seen."""
        fit = torch.as_tensor(targets.rows.fit, device=targets.device)
        basis, eigenvalues = fit_basis(factors, fit)
        n, rank = basis.shape
        outside = (1 - 1 / n - basis.square().sum(dim=1)).clamp_min(0.0)
        return cls(targets, fit, basis, eigenvalues, torch.zeros_like(outside) if rank == n - 1 else outside)

    def r(self, alphas: Tensor) -> Tensor:
        """Leave-one-out Pearson r; 0 where prediction or target have no variance.

        Parameters
        ----------
        alphas : (n_alphas,) float64 on the device.

        Returns
        -------
        (n_alphas, n_targets) float32.
        """
        scores = torch.zeros(len(alphas), self.targets.n_targets, device=alphas.device)
        rows = [self._row_terms(alpha) for alpha in alphas]
        basis_float32 = self.basis.float()
        for block in self.targets.blocks():
            centred, flat = self._centred(block)
            truth = unit_rows(centred.T.float()).masked_fill_(flat[:, None], 0.0)
            loadings = self.basis.T @ centred
            for index, (shrink, leverage, left) in enumerate(rows):
                basis = basis_float32 if float(left.min()) > FLOAT32_LEVERAGE else self.basis
                effect = basis @ (shrink[:, None] * loadings).to(basis.dtype)
                scores[index, block.columns] = _r(effect, leverage[:, None], left[:, None], centred, truth)
        return scores

    def r_at(self, alpha: Tensor) -> Tensor:
        """(n_targets,) float32: as `r`, with every target at its own alpha (n_targets,)."""
        scores = torch.zeros(self.targets.n_targets, device=alpha.device)
        for block in self.targets.blocks():
            centred, flat = self._centred(block)
            truth = unit_rows(centred.T.float()).masked_fill_(flat[:, None], 0.0)
            shrink, leverage, left = self._row_terms(alpha[block.columns])
            effect = self.basis @ (shrink * (self.basis.T @ centred))
            scores[block.columns] = _r(effect, leverage, left, centred, truth)
        return scores

    def gcv(self, alphas: Tensor) -> Tensor:
        """1 less the GCV of every alpha over that of the mean alone; 0 where the target has no variance.

        Returns
        -------
        (n_alphas, n_targets) float32; higher is better, and comparable between spaces.
        """
        n = len(self.fit)
        scores = torch.zeros(len(alphas), self.targets.n_targets, device=alphas.device)
        residual = alphas[:, None] / (self.eigenvalues + alphas[:, None])
        freedom = ((n - 1 - len(self.eigenvalues)) + residual.sum(dim=1)).clamp_min(SMALLEST)
        for block in self.targets.blocks():
            centred, flat = self._centred(block)
            power, total = (self.basis.T @ centred).square(), centred.square().sum(dim=0)
            unreached = (total - power.sum(dim=0)).clamp_min(0.0) * (len(self.eigenvalues) < n - 1)
            error = (residual.square() @ power + unreached) * ((n - 1) / freedom[:, None]).square()
            scores[:, block.columns] = torch.where(flat, 0.0, 1 - error / total).float()
        return scores

    def _centred(self, block: TargetBlock) -> tuple[Tensor, Tensor]:
        """Targets of a block at the fit rows, float64 and centred; and which are constant, by equality."""
        values = block.values[self.fit]
        flat = values.amax(dim=0) == values.amin(dim=0)
        centred = values.double()
        return centred - centred.mean(dim=0), flat

    def _row_terms(self, alpha: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """s over its largest, g over the same number, and 1 - h; r ignores the factor. One column per alpha given."""
        eigenvalues = self.eigenvalues if alpha.ndim == 0 else self.eigenvalues[:, None]
        outside = self.outside if alpha.ndim == 0 else self.outside[:, None]
        square = self.basis.square()
        left = (outside + square @ (alpha / (eigenvalues + alpha))).clamp_min(SMALLEST)
        shrink = eigenvalues / (eigenvalues + alpha)
        shrink = shrink / shrink[:1]  # eigenvalues descend
        return shrink, square @ shrink, left


def fit_basis(factors: Factorisation, fit: Tensor) -> tuple[Tensor, Tensor]:
    """Basis and eigenvalues of the features at the fit rows alone, centred over them.

    Returns
    -------
    (n_fit, rank) and (rank,), descending, float64.
    """
    n, rank = factors.basis.shape
    if len(fit) == n:
        return factors.basis, factors.eigenvalues
    kept = factors.basis[fit] - factors.basis[fit].mean(dim=0)
    if rank >= len(fit):
        gram = (kept * factors.eigenvalues) @ kept.T
        alone = factorise_gram(gram, gram[:0], 0)
        return alone.basis, alone.eigenvalues
    basis, singular, _ = torch.linalg.svd(kept * factors.eigenvalues.sqrt(), full_matrices=False)
    reached = singular > len(fit) * torch.finfo(torch.float64).eps * singular[:1]
    basis = basis[:, reached]
    return basis - basis.mean(dim=0), singular[reached].square()


def _r(effect: Tensor, leverage: Tensor, left: Tensor, centred: Tensor, unit_truth: Tensor) -> Tensor:
    """Pearson r of d, (n_fit, n_targets), with truth from `unit_rows`."""
    n, dtype = len(centred), effect.dtype
    deviation = (effect - (leverage * (n / (n - 1))).to(dtype) * centred.to(dtype)) / left.to(dtype)
    deviation = deviation - deviation.mean(dim=0)
    return pearson_r(deviation.T.contiguous(), unit_truth.to(dtype)).float()
