"""Which way a feature space is solved, and why.

`EigenSpace`, one float64 SVD or eigendecomposition, is taken where features are fewer than rows (its operators act on d
numbers instead of n), where rows are few (float64 then costs nothing to speak of), and where many alphas are so small
against the largest eigenvalue that float32 is not enough. `BorderedSpace`, one inverse per alpha, is taken elsewhere.

The cost rule, in products of two (n, n) matrices in float32: an inverse and its fold operators are about two thirds; in
float64 twice that. An eigenbasis costs about nine to make in float64, and three per alpha to make operators from.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from algokit.readouts import FeatureSpace
from algokit.solvers.bordered import FLOAT32_CONDITION, BorderedSpace
from algokit.solvers.cross_validate import Folded, Folds
from algokit.solvers.factorise import Factorisation, factorise, factorise_gram, gram_blocks
from algokit.solvers.leading import Leading
from algokit.solvers.leave_out import LeaveOut, leave_out
from algokit.solvers.predict import Predicted, predict_left_out, predict_test
from algokit.solvers.symmetric import largest_eigenvalue
from algokit.solvers.targets import Targets
from algokit.types import Ints

FEW_ROWS = 512  # float64 costs nothing to speak of
PRIMAL_BELOW = 0.8  # features per row
MANY_PRECISE = 10  # alphas to be inverted in float64 that cost as much as one eigendecomposition
FLOAT64_CONDITION = 1e9


class Route(Protocol):
    """One solved feature space."""

    @property
    def n_constant(self) -> int:
        """Features without variance, which are left out."""
        ...

    def folded(self, folds: Folds) -> Folded:
        """The space ready to predict every fold from the others."""
        ...

    def predict_test(self, targets: Targets, alpha: Tensor, chosen: Tensor) -> Predicted:
        """As `algokit.solvers.predict.predict_test`."""
        ...

    def predict_left_out(
        self, targets: Targets, alpha: Tensor, chosen: Tensor, scored: Tensor, also_left: Tensor
    ) -> Predicted:
        """As `algokit.solvers.predict.predict_left_out`."""
        ...


@dataclass(frozen=True)
class EigenSpace:
    """A space solved through one float64 factorisation."""

    factors: Factorisation

    @property
    def n_constant(self) -> int:
        """See `Route`."""
        return self.factors.n_constant

    def folded(self, folds: Folds) -> EigenFolds:
        """See `Route`."""
        held = tuple(
            leave_out(self.factors, fold, folds.val, folds.kept(index)) for index, fold in enumerate(folds.rows)
        )
        return EigenFolds(self.factors, folds, held)

    def predict_test(self, targets: Targets, alpha: Tensor, chosen: Tensor) -> Predicted:
        """See `Route`."""
        return predict_test(self.factors, targets, alpha, chosen)

    def predict_left_out(
        self, targets: Targets, alpha: Tensor, chosen: Tensor, scored: Tensor, also_left: Tensor
    ) -> Predicted:
        """See `Route`."""
        return predict_left_out(self.factors, targets, alpha, chosen, scored, also_left)


@dataclass(frozen=True)
class EigenFolds:
    """See `algokit.solvers.cross_validate.Folded`."""

    factors: Factorisation
    folds: Folds
    held: tuple[LeaveOut, ...]

    def leading(self, alphas: Sequence[float]) -> list[Leading]:
        """See `Folded`: none is set apart."""
        largest = float(self.factors.eigenvalues[0]) if self.factors.rank else 0.0
        return [Leading.none(largest, self.folds.order)] * len(self.held)

    @property
    def widths(self) -> Sequence[int]:
        """See `Folded`."""
        return [fold.width for fold in self.held]

    def operators(self, alpha: float) -> tuple[Iterator[Tensor], float]:
        """See `Folded`."""
        pairs = [fold.operator(alpha) for fold in self.held]
        return (operator - operator.mean(dim=0) for operator, _ in pairs), max(condition for _, condition in pairs)

    def inputs(self, values: Tensor) -> Iterator[Tensor | None]:
        """See `Folded`: ``V' y`` of compact folds, which `LeaveOut.compact` says costs no precision.

        It comes from all fit rows less those of the fold: two products of n rows for all folds together.
        """
        all_rows = values @ self._basis if any(held.compact for held in self.held) else values[:, :0]
        total = values.sum(dim=1, keepdim=True)
        for held, place in zip(self.held, self.folds.places, strict=True):
            if not held.compact:
                yield None
                continue
            left = values[:, place]
            kept_total = total - left.sum(dim=1, keepdim=True)
            yield (all_rows - left @ self._basis[place]).addmm_(kept_total, held.kept_mean[None].float(), alpha=-1)

    @functools.cached_property
    def _basis(self) -> Tensor:
        """U at the fit rows, fold after fold, (n_fit, rank) float32."""
        return self.factors.basis[self.folds.order].float()


def solve_space(
    space: FeatureSpace, fit_rows: Ints, alphas: Sequence[float], *, standardize: bool, device: str
) -> tuple[Route, str]:
    """Solve a space by the route that fits it.

    Parameters
    ----------
    alphas : all penalties, ascending.

    Returns
    -------
    The route, and why float32 was not enough for it ("" where it was, or was never an issue).

    Raises
    ------
    DataError : a feature is not finite; the first row and column are named.
    """
    if len(fit_rows) < FEW_ROWS or space.train.shape[1] < PRIMAL_BELOW * len(fit_rows):
        return EigenSpace(factorise(space, fit_rows, standardize=standardize, device=device)), ""
    options: dict[str, Any] = {"standardize": standardize, "device": device}
    bordered = BorderedSpace.of(space, fit_rows, torch.float32, **options)
    if not _n_precise(bordered.largest, alphas):
        return bordered, ""
    del bordered
    return solve_gram(*gram_blocks(space, fit_rows, torch.float64, **options), alphas)


def solve_gram(gram: Tensor, cross: Tensor, n_constant: int, alphas: Sequence[float]) -> tuple[Route, str]:
    """As `solve_space` where features are many, from a Gram matrix that `gram_blocks` has taken in float64."""
    if len(gram) < FEW_ROWS:
        return EigenSpace(factorise_gram(gram, cross, n_constant)), ""
    largest = largest_eigenvalue(gram)
    n_precise = _n_precise(largest, alphas)
    if not n_precise:
        return BorderedSpace(gram.float(), cross.float(), n_constant), ""
    below = f"those below {largest / FLOAT32_CONDITION:.0e}"
    note = f"float64 for {n_precise} of {len(alphas)} alphas, {below}: float32 would not be enough"
    if n_precise < MANY_PRECISE and alphas[0] > largest / FLOAT64_CONDITION:
        return BorderedSpace(gram, cross, n_constant), note
    return EigenSpace(factorise_gram(gram, cross, n_constant)), note


def _n_precise(largest: float, alphas: Sequence[float]) -> int:
    """How many alphas float32 is not enough for."""
    return sum(alpha < largest / FLOAT32_CONDITION for alpha in alphas)
