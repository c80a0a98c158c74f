"""Predictions of chosen targets from one solved space, every target at its own alpha.

All functions yield pairs: the numbers (n_some,) of some of the chosen targets and their predictions, (n_rows, n_some)
float32. Every chosen target comes exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.solvers.factorise import Factorisation
from algokit.solvers.leave_out import leave_out
from algokit.solvers.targets import TargetBlock, Targets, alpha_chunks
from algokit.types import Ints

Predicted: TypeAlias = Iterator[tuple[Ints, NDArray[np.float32]]]


def predict_test(factors: Factorisation, targets: Targets, alpha: Tensor, chosen: Tensor) -> Predicted:
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
) -> Predicted:
    """Predict some training rows from a fit on the others alone.

    Parameters
    ----------
    alpha, chosen : as `predict_test`.
    scored, also_left : the rows to predict; further rows that the fit may not see. As in `leave_out`.
    """
    if not len(scored):
        return
    held = leave_out(factors, scored, also_left)
    basis = held.kept_basis_float32 if held.compact else None

    def effects(operator: Tensor, values: Tensor) -> Tensor:
        kept = values[held.kept]
        return operator @ (kept if basis is None else basis.T @ kept) + kept.mean(dim=0)

    bytes_each = 4 * len(scored) * held.width
    yield from predict_each(lambda one: held.operator(one)[0].float(), bytes_each, effects, targets, alpha, chosen)


def predict_each(
    operator: Callable[[float], Tensor],
    operator_bytes: int,
    effects: Callable[[Tensor, Tensor], Tensor],
    targets: Targets,
    alpha: Tensor,
    chosen: Tensor,
) -> Predicted:
    """Apply the operator of each alpha to the targets that chose it.

    Parameters
    ----------
    operator : alpha -> (n_rows, width) float32, made once per alpha.
    effects : operator and (n, n_some) values at all training rows -> (n_rows, n_some), without the fit mean.
    """
    used = torch.unique(alpha[chosen])
    for chunk in alpha_chunks(len(used), operator_bytes, targets.operator_bytes):
        operators = [operator(float(one)) for one in used[chunk]]
        for block, mine in _blocks_with(targets, chosen & torch.isin(alpha, used[chunk])):
            for one, made in zip(used[chunk], operators, strict=True):
                these = mine & (alpha[block.columns] == one)
                if bool(these.any()):
                    yield _add_mean(block, these, effects(made, block.values[:, these]), targets.fit_mean)


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
