"""Cross-validated Pearson r of every alpha and target in one solved space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from algokit.solvers.arithmetic import Inputs, Operators, inputs, may_slice, operators
from algokit.solvers.interpolate import SolvedAlphas, runs_of_alphas, shortfall
from algokit.solvers.leading import Leading
from algokit.solvers.moments import Correction, pearson_r_of_sums, unit_rows
from algokit.solvers.targets import Targets
from algokit.types import Ints

FEWEST_IN_FOLD = 16  # rows: less their mean, fewer may have little left, of which a small error is much


@dataclass(frozen=True)
class Folds:
    """The folds and what is never trained on, on the device.

    Attributes
    ----------
    rows : the rows of each fold; together the fit rows.
    order : the fit rows, fold after fold: in this order a fold is a run of neighbours.
    places : where each fold lies in that order.
    val : the rows no fold may see.
    flat : (n_folds, n_targets) bool, from `Targets.flat`: r is 0 there.
    """

    rows: tuple[Tensor, ...]
    order: Tensor
    places: tuple[slice, ...]
    val: Tensor
    flat: Tensor

    @classmethod
    def of(cls, targets: Targets, folds: Sequence[Ints]) -> Folds:
        """Folds given as row numbers."""
        device = targets.device
        rows = tuple(torch.as_tensor(fold, device=device) for fold in folds)
        places = tuple(_runs([len(fold) for fold in rows]))
        val = torch.as_tensor(targets.rows.val, device=device)
        return cls(rows, torch.cat(rows), places, val, targets.flat(folds))

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

    def leading(self, alphas: Sequence[float]) -> Sequence[Leading]:
        """For each fold the eigenvalues that interpolation between alphas, ascending, need not cover."""
        ...

    @property
    def widths(self) -> Sequence[int]:
        """Columns of each fold's operators."""
        ...

    def operators(self, alpha: float) -> tuple[Iterator[Tensor], float]:
        """Operator of each fold, and the condition number of the worst system solved.

        An operator is (n_rows, width), centred over its rows: Pearson r ignores the mean. That of an infinite alpha is
        the limit of alpha times the operator.
        """
        ...

    def inputs(self, values: Tensor) -> Iterator[Tensor | None]:
        """For each fold (n_targets, width), what its operators act on; None for the values outside it as they are.

        Parameters
        ----------
        values : (n_targets, n_fit) float32, fit rows in the order of `Folds.order`.
        """
        ...


@dataclass(frozen=True)
class FoldOperators:
    """The solved alphas of one fold.

    Attributes
    ----------
    weights : (n_alphas, n_solved) float32: the operator of an alpha is this sum of those that are solved.
    lacking, missing, left_out : what such a sum lacks along the leading eigenvectors: ``alphas``, ``weights`` and
        ``rows`` of a `Correction`.
    """

    solved: Operators
    weights: Tensor
    lacking: Tensor
    missing: Tensor
    left_out: Tensor


def cv_scores(solved: Folded, targets: Targets, folds: Folds, alphas: Sequence[float]) -> tuple[Tensor, float]:
    """Mean over folds of Pearson r over the fold's rows, each fold predicted from the other folds alone.

    Parameters
    ----------
    alphas : positive, ascending.

    Returns
    -------
    (n_alphas, n_targets) float32, and the condition number of the worst system solved.
    """
    scores = torch.zeros(len(alphas), targets.n_targets, device=targets.device)
    slicing = [may_slice(targets.device, len(f), width) for f, width in zip(folds.rows, solved.widths, strict=True)]
    worst = 1.0
    numbers = sum(len(fold) * width for fold, width in zip(folds.rows, solved.widths, strict=True))
    most = targets.operator_bytes // max(1, 4 * numbers)
    leading = _leading(solved, folds, alphas)
    vectors = torch.cat([one.vectors for one in leading], dim=1)
    rest, largest = max(one.rest for one in leading), max(one.largest for one in leading)
    for run, chosen in runs_of_alphas(alphas, rest, largest, most):
        ready, condition = _fold_operators(solved, alphas[run], chosen, leading, folds, slicing)
        worst = max(worst, condition)
        for block in targets.blocks():
            values = block.values[folds.order].T.contiguous()
            for index, r in _scores(ready, solved, values, vectors, folds, slicing):
                scores[run, block.columns] += r.masked_fill_(folds.flat[index, block.columns], 0.0)
    return scores.div_(len(folds.rows)), worst


def _leading(solved: Folded, folds: Folds, alphas: Sequence[float]) -> Sequence[Leading]:
    """What interpolation need not cover; where folds are too small for any, every eigenvalue is out of its reach."""
    if min(map(len, folds.rows)) < FEWEST_IN_FOLD:
        return [Leading.none(math.inf, folds.order)] * len(folds.rows)
    return solved.leading(alphas)


def _fold_operators(
    solved: Folded,
    alphas: Sequence[float],
    chosen: SolvedAlphas,
    leading: Sequence[Leading],
    folds: Folds,
    slicing: Sequence[bool],
) -> tuple[list[FoldOperators], float]:
    """Operators of every fold, and the worst condition number."""
    n_solved, device = len(chosen.solved), folds.order.device
    shapes = [(n_solved, len(fold), width) for fold, width in zip(folds.rows, solved.widths, strict=True)]
    matrices = [torch.empty(shape, device=device) for shape in shapes]
    norms = torch.zeros(len(shapes), n_solved, dtype=torch.float64, device=device)
    worst = 1.0
    for place, alpha in enumerate(chosen.solved):
        each, condition = solved.operators(alpha)
        worst = max(worst, condition)
        for index, operator in enumerate(each):
            norms[index, place] = _to_unit(operator, matrices[index][place])
    interpolation = torch.as_tensor(chosen.weights, device=device)
    ready = []
    for index, may in enumerate(slicing):
        made = operators(matrices[index], len(slicing), may_slice=may)
        matrices[index] = matrices[index].new_empty(0)  # what was packed needs no second copy
        weights = interpolation * (norms[index] * made.scales)
        largest = weights.abs().amax(dim=1, keepdim=True)
        scale = 1 / torch.where(largest > 0, largest, 1.0)
        missing = shortfall(alphas, chosen, leading[index].values) * scale
        lacking = missing.any(dim=1).nonzero().flatten()
        part = leading[index].left_out
        ready.append(FoldOperators(made, (weights * scale).float(), lacking, missing[lacking].float(), part))
    return ready, worst


def _scores(
    ready: Sequence[FoldOperators],
    solved: Folded,
    values: Tensor,
    vectors: Tensor,
    folds: Folds,
    slicing: Sequence[bool],
) -> Iterator[tuple[int, Tensor]]:
    """(index, (n_alphas, n_targets) r) of every fold for one block of targets."""
    plain: Inputs | None = None
    along = torch.split(values @ vectors, [mine.missing.shape[1] for mine in ready], dim=1)
    for index, (mine, place, own) in enumerate(zip(ready, folds.places, solved.inputs(values), strict=True)):
        if own is not None:
            given = inputs(own, sliced=slicing[index])
        else:
            plain = plain or inputs(values, sliced=any(slicing))
            given = plain.without(place)
        missing = Correction(along[index], mine.lacking, mine.missing, mine.left_out)
        yield index, pearson_r_of_sums(mine.solved(given), unit_rows(values[:, place]), mine.weights, missing)


def _to_unit(operator: Tensor, out: Tensor) -> Tensor:
    """Write an operator to ``out``, float32, at norm 1; returns its norm.

    Float32 would lose predictions of size 1e-15 in sums of squares.
    """
    norm: Tensor = torch.linalg.vector_norm(operator)
    out.copy_(operator * torch.where(norm > 0, 1 / norm, 0.0))
    return norm
