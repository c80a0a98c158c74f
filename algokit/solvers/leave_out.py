"""Exact ridge predictions for rows left out of a factorised space, as small operators on the rows kept.

For all n rows, centred, the ridge fit has the hat matrix ``H = U diag(lam / (lam + alpha)) U'``. Let L be the rows left
out and t the rows kept. The ridge fit on t alone, *with its own unpenalised intercept*, predicts L as

    mean(y_t) + C V' y_t,    C = (I - 11'/n - H)_LL^-1 U_L diag(lam / (lam + alpha)),    V = U_t - mean of its rows.

It is exact for any set L. C itself shrinks with alpha, so predictions that approach the mean keep their relative
precision up to alphas of 1e15 and more. An equivalent form of C solves a (rank, rank) system instead of one with a row
per row left out; the smaller of the two is used.

Source: block form of the leave-one-out identity (Cook 1977; Allen 1974), in the basis of a kernel's eigenvectors.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from algokit.solvers.factorise import Factorisation
from algokit.solvers.interpolate import LIMIT

# Smallest eigenvalue of V'V for which C is handed over without V: float32 then loses at most a factor of ten.
WELL_CONDITIONED = 1e-2
FLOAT32_CONDITION = 1e5  # of a system whose solution may go on in float32
SMALL = 2**27  # multiplications; below, float64 costs nothing to speak of


@dataclass(frozen=True)
class LeaveOut:
    """Rows left out of one factorised space.

    Attributes
    ----------
    scored : (n_scored,) int64, the rows to predict.
    kept : (n_kept,) int64, the rows trained on.
    left_basis : (n_left, rank) float64, U at the rows left out, scored ones first.
    kept_mean : (rank,) float64, mean of U over the rows kept.
    by_row : whether C comes from an (n_left, n_left) inverse; else from a (rank, rank) one.
    core : float64, the part of that matrix that no alpha changes.
    compact : whether operators act on ``V' y`` (rank numbers per target) instead of on ``y`` at the rows kept.
    """

    factors: Factorisation
    scored: Tensor
    kept: Tensor
    left_basis: Tensor
    kept_mean: Tensor
    by_row: bool
    core: Tensor
    compact: bool

    @property
    def width(self) -> int:
        """Columns of an operator."""
        return self.factors.rank if self.compact else len(self.kept)

    def operator(self, alpha: float) -> tuple[Tensor, float]:
        """The operator of one alpha, and the condition number of the system solved.

        Returns
        -------
        (n_scored, width) float64, or float32 where that is enough. Applied to the inputs that `compact` says, it gives
        the predictions less the mean over the rows kept; for an infinite alpha, the limit of alpha times that.
        """
        coefficients, condition = self._coefficients(alpha)
        if self.compact:
            return coefficients, condition
        if condition > FLOAT32_CONDITION or len(coefficients) * self.factors.rank * len(self.kept) < SMALL:
            return coefficients @ self.kept_basis().T, condition
        return coefficients.float() @ self.kept_basis_float32.T, condition

    @functools.cached_property
    def kept_basis_float32(self) -> Tensor:
        """V, (n_kept, rank) float32."""
        return self.kept_basis().float()

    def kept_basis(self) -> Tensor:
        """V, (n_kept, rank) float64."""
        return self.factors.basis[self.kept] - self.kept_mean

    @property
    def _complete(self) -> bool:
        """U and the constant span all rows. Then ``U_L V' = 0``, and C may hold -alpha / (lam + alpha) instead."""
        return self.factors.rank == len(self.factors.basis) - 1

    def _coefficients(self, alpha: float) -> tuple[Tensor, float]:
        lam = self.factors.eigenvalues
        if alpha == LIMIT:
            return (self.left_basis[: len(self.scored)] - self.kept_mean) * lam, 1.0
        shrink, residual = lam / (lam + alpha), alpha / (lam + alpha)
        n_scored = len(self.scored)
        if self.by_row:
            system = (self.left_basis * residual) @ self.left_basis.T + self.core
            identity = torch.eye(len(system), n_scored).to(system)
            inverse_rows, condition = _solve(system, identity)
            if self._complete and float((inverse_rows.diagonal() - 1).square().mean()) > 1:
                shrink = -residual  # the inverse grows as alpha falls: let what it multiplies fall with it
            return inverse_rows.T @ (self.left_basis * shrink), condition
        root = shrink.sqrt()
        system = root[:, None] * self.core * root + torch.diag(residual)
        solved, condition = _solve(system, ((self.left_basis[:n_scored] - self.kept_mean) * root).T)
        return solved.T * root, condition


def leave_out(factors: Factorisation, scored: Tensor, also_left: Tensor, kept: Tensor | None = None) -> LeaveOut:
    """Prepare the prediction of ``scored`` from all rows that are neither in it nor in ``also_left``.

    Parameters
    ----------
    scored, also_left : int64 row numbers, disjoint; at least one row must remain.
    kept : the rows that remain, in the order that inputs will have; ascending by default.
    """
    n, rank = factors.basis.shape
    left = torch.cat([scored, also_left])
    if kept is None:
        is_kept = torch.ones(n, dtype=torch.bool, device=left.device)
        is_kept[left] = False
        kept = is_kept.nonzero().flatten()
    left_basis = factors.basis[left]
    kept_mean = -left_basis.sum(dim=0) / len(kept)
    by_row = len(left) < rank
    core = _row_core(left_basis, n) if by_row else _feature_core(left_basis, kept_mean, len(kept))
    compact = rank < len(kept) and _smallest_eigenvalue(left_basis, kept_mean, len(kept)) > WELL_CONDITIONED
    return LeaveOut(factors, scored, kept, left_basis, kept_mean, by_row, core, compact)


def _row_core(left_basis: Tensor, n: int) -> Tensor:
    """The projection on what neither the features nor the constant reach, at the rows left out."""
    n_left, rank = left_basis.shape
    if rank == n - 1:
        return left_basis.new_zeros(n_left, n_left)
    identity = torch.eye(n_left).to(left_basis)
    return identity - 1 / n - left_basis @ left_basis.T


def _feature_core(left_basis: Tensor, kept_mean: Tensor, n_kept: int) -> Tensor:
    """V'V, from the rows left out because U'U is the identity."""
    identity = torch.eye(len(kept_mean)).to(left_basis)
    return identity - left_basis.T @ left_basis - n_kept * torch.outer(kept_mean, kept_mean)


def _smallest_eigenvalue(left_basis: Tensor, kept_mean: Tensor, n_kept: int) -> float:
    """The smallest eigenvalue of V'V; 1 for rank 0."""
    lost = torch.cat([left_basis, n_kept**0.5 * kept_mean[None]])
    return 1.0 - float(torch.linalg.matrix_norm(lost, ord=2)) ** 2 if lost.numel() else 1.0


def _solve(system: Tensor, right: Tensor) -> tuple[Tensor, float]:
    """Solve a positive definite system; also an estimate of its condition number."""
    factor, info = torch.linalg.cholesky_ex(system)
    if int(info):
        jitter = 10 * len(system) * torch.finfo(system.dtype).eps * float(system.diagonal().max())
        factor = torch.linalg.cholesky(system + jitter * torch.eye(len(system)).to(system))
    pivots = factor.diagonal()
    condition = float((pivots.max() / pivots.min()) ** 2) if len(pivots) else 1.0
    return torch.cholesky_solve(right, factor), condition
