"""Cross-validated Pearson r of every alpha and target in one solved space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from algokit.solvers.arithmetic import Inputs, Operator, inputs, may_slice, operator
from algokit.solvers.moments import pearson_r, unit_rows
from algokit.solvers.targets import Targets, alpha_chunks
from algokit.types import Ints


@dataclass(frozen=True)
class Folds:
    """The folds and what is never trained on, on the device.

    Attributes
    ----------
    rows : the rows of each fold; together the fit rows.
    order : the fit rows, fold after fold: in this order a fold is a run of neighbours.
    places : where each fold lies in that order.
    fit, val : all fit rows, ascending; the rows no fold may see.
    flat : (n_folds, n_targets) bool, from `Targets.flat`: r is 0 there.
    """

    rows: tuple[Tensor, ...]
    order: Tensor
    places: tuple[slice, ...]
    fit: Tensor
    val: Tensor
    flat: Tensor

    @classmethod
    def of(cls, targets: Targets, folds: Sequence[Ints]) -> Folds:
        """Folds given as row numbers."""
        device = targets.device
        rows = tuple(torch.as_tensor(fold, device=device) for fold in folds)
        fit, val = (torch.as_tensor(part, device=device) for part in (targets.rows.fit, targets.rows.val))
        return cls(rows, torch.cat(rows), tuple(_runs([len(fold) for fold in rows])), fit, val, targets.flat(folds))

    def kept(self, index: int) -> Tensor:
        """The fit rows outside a fold, in the order of `order`."""
        return torch.cat([fold for other, fold in enumerate(self.rows) if other != index])


def _runs(lengths: Sequence[int]) -> Iterator[slice]:
    start = 0
    for length in lengths:
        yield slice(start, start + length)
        start += length


class Folded(Protocol):
    """A solved space, ready to predict every fold from the others."""

    @property
    def widths(self) -> Sequence[int]:
        """Columns of each fold's operators."""
        ...

    def operators(self, alpha: float) -> tuple[Iterator[Tensor], float]:
        """Operator of each fold, (n_rows, width), and the condition number of the worst system solved."""
        ...

    def inputs(self, values: Tensor, index: int) -> Tensor | None:
        """(n_targets, width), what a fold's operators act on; None for the values outside the fold as they are.

        Parameters
        ----------
        values : (n_targets, n_fit) float32, fit rows in the order of `Folds.order`.
        """
        ...


def cv_scores(solved: Folded, targets: Targets, folds: Folds, alphas: Tensor) -> tuple[Tensor, float]:
    """Mean over folds of Pearson r over the fold's rows, each fold predicted from the other folds alone.

    Parameters
    ----------
    alphas : (n_alphas,) float64 on the device.

    Returns
    -------
    (n_alphas, n_targets) float32, and the condition number of the worst system solved.
    """
    scores = torch.zeros(len(alphas), targets.n_targets, device=targets.device)
    slicing = [may_slice(targets.device, len(f), width) for f, width in zip(folds.rows, solved.widths, strict=True)]
    worst = 1.0
    numbers = sum(len(fold) * width for fold, width in zip(folds.rows, solved.widths, strict=True))
    for chunk in alpha_chunks(len(alphas), numbers * (2 if all(slicing) else 4)):
        operators, condition = _operators(solved, alphas[chunk].tolist(), slicing)
        worst = max(worst, condition)
        for block in targets.blocks():
            values = block.values[folds.order].T.contiguous()
            for index, r in _scores(operators, solved, values, folds, slicing):
                scores[chunk, block.columns] += r.masked_fill_(folds.flat[index, block.columns], 0.0)
    return scores.div_(len(folds.rows)), worst


def _operators(solved: Folded, alphas: Sequence[float], slicing: Sequence[bool]) -> tuple[list[list[Operator]], float]:
    """Operators by fold and alpha, and the worst condition number."""
    by_fold: list[list[Operator]] = [[] for _ in slicing]
    worst = 1.0
    for alpha in alphas:
        matrices, condition = solved.operators(alpha)
        worst = max(worst, condition)
        for mine, matrix, may in zip(by_fold, matrices, slicing, strict=True):
            mine.append(operator(_unit_operator(matrix), len(slicing), may_slice=may))
    return by_fold, worst


def _scores(
    operators: Sequence[Sequence[Operator]], solved: Folded, values: Tensor, folds: Folds, slicing: Sequence[bool]
) -> Iterator[tuple[int, Tensor]]:
    """(index, (n_alphas, n_targets) r) of every fold for one block of targets."""
    plain: Inputs | None = None
    for index, (mine, place) in enumerate(zip(operators, folds.places, strict=True)):
        own = solved.inputs(values, index)
        if own is not None:
            given = inputs(own, sliced=slicing[index])
        else:
            plain = plain or inputs(values, sliced=any(slicing))
            given = plain.without(place)
        truth = unit_rows(values[:, place])
        yield index, torch.stack([pearson_r(one(given), truth) for one in mine])


def _unit_operator(matrix: Tensor) -> Tensor:
    """An operator at unit norm and centred over the rows it predicts, in float32.

    r ignores mean and scale, and float32 would lose predictions of size 1e-15 in sums of squares.
    """
    centred = matrix - matrix.mean(dim=0)
    norm = torch.linalg.vector_norm(centred)
    return (centred * torch.where(norm > 0, 1 / norm, 0.0)).float()
