"""Predictions of chosen targets from one factorised space, every target at its own alpha.

Both functions yield pairs: the numbers (n_some,) of some of the chosen targets and their predictions, (n_test, n_some)
or (n_scored, n_some) float32. Every chosen target comes exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.solvers.factorise import Factorisation
from algokit.solvers.leave_out import alpha_chunks, leave_out
from algokit.solvers.targets import TargetBlock, Targets
from algokit.types import Ints


def predict_test(
    factors: Factorisation, targets: Targets, alpha: Tensor, chosen: Tensor
) -> Iterator[tuple[Ints, NDArray[np.float32]]]:
    """Predict the test rows from a refit on all training rows: ``mean + test_loadings diag(1 / (lam + alpha)) U' y``.

    Parameters
    ----------
    alpha : (n_targets,) float64.
    chosen : (n_targets,) bool, the targets to predict.
    """
    basis, loadings = factors.basis.float(), factors.test_loadings.float()
    for block, mine in _blocks_with(targets, chosen):
        penalised = factors.eigenvalues[:, None] + alpha[block.columns][mine]
        effect = loadings @ ((basis.T @ block.values[:, mine]) / penalised.float())
        yield _add_mean(block, mine, effect, targets.all_mean)


def predict_left_out(
    factors: Factorisation, targets: Targets, alpha: Tensor, chosen: Tensor, scored: Tensor, also_left: Tensor
) -> Iterator[tuple[Ints, NDArray[np.float32]]]:
    """Predict some training rows from a fit on the others alone.

    Parameters
    ----------
    alpha, chosen : as `predict_test`.
    scored, also_left : the rows to predict; further rows that the fit may not see. As in `leave_out`.
    """
    held = leave_out(factors, scored, also_left)
    basis = held.kept_basis().float() if held.compact else None
    used = torch.unique(alpha[chosen])
    for chunk in alpha_chunks(len(used), len(scored) * held.width):
        operators = held.operators(used[chunk])[0].float()
        for block, mine in _blocks_with(targets, chosen & torch.isin(alpha, used[chunk])):
            kept = block.values[held.kept]
            inputs = kept if basis is None else basis.T @ kept
            mean = kept.mean(dim=0)
            for one, operator in zip(used[chunk], operators, strict=True):
                these = mine & (alpha[block.columns] == one)
                yield _add_mean(block, these, operator @ inputs[:, these] + mean[these], targets.fit_mean)


def _blocks_with(targets: Targets, chosen: Tensor) -> Iterator[tuple[TargetBlock, Tensor]]:
    """Blocks that hold a chosen target, and which of theirs are."""
    for block in targets.blocks():
        mine = chosen[block.columns]
        if bool(mine.any()):
            yield block, mine


def _add_mean(
    block: TargetBlock, mine: Tensor, effect: Tensor, mean: NDArray[np.float64]
) -> tuple[Ints, NDArray[np.float32]]:
    columns = block.columns.start + np.flatnonzero(mine.cpu().numpy())
    return columns, effect.cpu().numpy() + mean[columns].astype(np.float32)
