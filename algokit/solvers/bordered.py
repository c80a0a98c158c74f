"""Dual route: ridge of many features, one inverse per alpha and no eigendecomposition.

K is the Gram matrix of the features, centred over the rows fitted on. The inverse of the bordered matrix
``[[K + alpha I, 1], [1', 0]]``, whose leading block is called G here, holds every fit with an unpenalised intercept:
the rows f left out of the rows t are predicted as ``-(G_ff)^-1 G_ft y_t``, exactly, for any f. For alphas above the
largest eigenvalue the signal in G drowns beside 1 / alpha; there the hat matrix ``H = K (K + alpha I)^-1`` takes its
place: ``mean(y_t) + (I - 1/n - H_ff)^-1 (H_ft - mean over t) y_t``.

Precision: at a condition number (largest eigenvalue over alpha) of `FLOAT32_CONDITION`, r from a float32 inverse is off
by up to 5e-5 on steep spectra. Smaller alphas are inverted in float64, from a float64 Gram matrix.

Val rows are rows like those of the test split to the fit that chooses: they are never in its K.

Source: the bordered (saddle point) form of ridge with an intercept and its block inverse (Golub and Van Loan).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.readouts import FeatureSpace
from algokit.solvers.arithmetic import outside
from algokit.solvers.cross_validate import Folds
from algokit.solvers.factorise import gram_blocks
from algokit.solvers.interpolate import LIMIT, SolvedAlphas, interpolation, shortfall, solved_alphas
from algokit.solvers.leading import FEWEST_ROWS, Leading, leading, start_basis
from algokit.solvers.memory import OPERATOR_BYTES
from algokit.solvers.predict import Predicted, predict_each
from algokit.solvers.symmetric import centre_over_rows, largest_eigenvalue, spd_inverse
from algokit.solvers.targets import Targets
from algokit.types import Ints

FLOAT32_CONDITION = 400.0
MARGIN = 1.25  # the largest eigenvalue comes from a few steps of power iteration
WORTH_SETTING_APART = 8.0  # narrower by this factor, the range of eigenvalues spares about two solved alphas
FEWEST_ALPHAS = 4  # fewer are solved, each of them
HAT_FROM = 16.0  # times the largest eigenvalue: from there on the signal in G is lost in float32


@dataclass
class Kernel:
    """Rows fitted on and rows to predict.

    Attributes
    ----------
    gram : (n, n) centred over its own rows; float64 where an alpha asks for it.
    cross : (n_new, n) new rows against them, centred with their mean.
    largest : the largest eigenvalue of ``gram``, or of one it is part of.
    remembered : alpha -> `new_operator`, of alphas whose inverse was at hand.
    leading : eigenpairs of ``gram`` that interpolation need not cover; none before `set_apart`.
    """

    gram: Tensor
    cross: Tensor
    largest: float
    remembered: dict[float, Tensor] = field(default_factory=dict)
    leading: Leading = field(init=False)

    def __post_init__(self) -> None:
        self.leading = Leading.none(MARGIN * self.largest, self.gram)

    def set_apart(self, alphas: Sequence[float], places: Sequence[slice]) -> list[Leading]:
        """Find `leading` of all rows, and of the rows outside some runs, where that spares solved alphas."""
        none = [self.leading] * len(places)
        if len(alphas) < FEWEST_ALPHAS or len(self.gram) < FEWEST_ROWS:
            return none
        gram = self.gram.float()
        basis = start_basis(gram)
        whole = leading(gram, basis, [slice(0, 0)])
        if not whole or self.largest < WORTH_SETTING_APART * max(whole[0].rest, alphas[0]):
            return none
        outside_runs = leading(gram, basis, places)
        if outside_runs is None:
            return none
        self.leading = whole[0]
        # no eigenvalue of some rows exceeds that of all; the refit is interpolated from what the folds solve
        return [replace(one, rest=self.leading.rest, largest=self.leading.largest) for one in outside_runs]

    def fold_operators(self, alpha: float, places: Sequence[slice]) -> tuple[Iterator[Tensor], float]:
        """Operators of folds that are runs of neighbouring rows, and the condition number of the system solved."""
        if alpha == LIMIT:
            return self._limit(places), 1.0
        by_inverse = alpha <= HAT_FROM * self.largest
        made = self._by_inverse(alpha, places) if by_inverse else self._by_hat(alpha, places)
        return made, (self.largest + alpha) / alpha

    def new_operator(self, alpha: float) -> Tensor:
        """(n_new, n) float32: predictions of the new rows less the mean over the rows fitted on."""
        if alpha in self.remembered:
            return self.remembered[alpha]
        weights = interpolation(alpha, tuple(self.remembered), self.leading.rest, self.leading.largest)
        return self._solved(alpha) if weights is None else self._interpolated(alpha, weights)

    def prepare(self, alphas: Sequence[float]) -> None:
        """Solve what the operators of these alphas, ascending, are interpolated from."""
        if not alphas:
            return
        self.set_apart(alphas, [])
        for alpha in solved_alphas(alphas, self.leading.rest, self.leading.largest).solved:
            self._remember(alpha, functools.partial(self._solved, alpha))

    def _interpolated(self, alpha: float, weights: NDArray[np.float64]) -> Tensor:
        total = torch.zeros_like(self.cross, dtype=torch.float32)
        for weight, operator in zip(weights, self.remembered.values(), strict=True):
            total.add_(operator, alpha=float(weight))
        vectors, chosen = self.leading.vectors, SolvedAlphas(tuple(self.remembered), weights[None])
        missing = shortfall([alpha], chosen, self.leading.values).float()
        return total.addmm_(self.cross.float() @ vectors * missing, vectors.T) if len(missing.T) else total

    def _solved(self, alpha: float) -> Tensor:
        gram, cross = self._precise(alpha)
        if alpha == LIMIT:
            return cross
        return torch.cholesky_solve(cross.T, torch.linalg.cholesky(_shifted(gram, alpha))).T.float()

    def _precise(self, alpha: float) -> tuple[Tensor, Tensor]:
        """Gram matrix and cross in the precision this alpha needs."""
        dtype = self.gram.dtype if self.largest > FLOAT32_CONDITION * alpha else torch.float32
        return self.gram.to(dtype), self.cross.to(dtype)

    def _remember(self, alpha: float, operator: Callable[[], Tensor]) -> None:
        if 4 * self.cross.numel() * (len(self.remembered) + 1) <= OPERATOR_BYTES:
            self.remembered[alpha] = operator().float()

    def _limit(self, places: Sequence[slice]) -> Iterator[Tensor]:
        self._remember(LIMIT, lambda: self.cross)
        gram = self.gram.float()
        for place in places:
            kept = gram.shape[1] - (place.stop - place.start)
            mean = (gram[place].sum(dim=1) - gram[place, place].sum(dim=1)) / kept
            yield _centred(outside(gram[place] - mean[:, None], place))

    def _by_inverse(self, alpha: float, places: Sequence[slice]) -> Iterator[Tensor]:
        gram, cross = self._precise(alpha)
        inverse = spd_inverse(_shifted(gram, alpha))
        self._remember(alpha, lambda: cross @ inverse)
        inverse.sub_(1 / (alpha * len(gram)))  # the border: the rows of a centred matrix add up to nothing
        for place in places:
            within = torch.cholesky_inverse(torch.linalg.cholesky(inverse[place, place]))
            yield _times_others(_centred(within).neg_(), inverse[place], place)

    def _by_hat(self, alpha: float, places: Sequence[slice]) -> Iterator[Tensor]:
        gram, cross = self._precise(alpha)
        factor = torch.linalg.cholesky(_shifted(gram, alpha))
        self._remember(alpha, lambda: torch.cholesky_solve(cross.T, factor).T)
        hat = torch.cholesky_solve(gram, factor)
        for place in places:
            system = _shifted(-hat[place, place] - 1 / len(gram), 1.0)
            within = torch.cholesky_inverse(torch.linalg.cholesky(system))
            mean = (hat[place].sum(dim=1) - hat[place, place].sum(dim=1)) / (len(gram) - len(within))
            yield _times_others(_centred(within), hat[place].sub_(mean[:, None]), place)


class BorderedSpace:
    """One feature space solved by `Kernel`: see `algokit.solvers.routes.Route`.

    Parameters
    ----------
    gram : (n, n) of all training rows, centred over any of them; float32 or float64.
    test : (n_test, n), of the same dtype.

    Attributes
    ----------
    n_constant : features without variance, which are left out.
    largest : the largest eigenvalue of ``gram``.
    """

    def __init__(self, gram: Tensor, test: Tensor, n_constant: int) -> None:
        self._gram, self._test, self.n_constant = gram, test, n_constant
        self.largest = largest_eigenvalue(gram)
        self._for_folds: tuple[Tensor, Kernel] | None = None  # the kernel that chose knows operators already

    @classmethod
    def of(
        cls, space: FeatureSpace, fit_rows: Ints, dtype: torch.dtype, *, standardize: bool, device: str
    ) -> BorderedSpace:
        """Take the Gram matrix of a space."""
        return cls(*gram_blocks(space, fit_rows, dtype, standardize=standardize, device=device))

    def folded(self, folds: Folds) -> BorderedFolds:
        """See `Route`."""
        cross = self._gram[folds.val] if len(folds.val) else self._test
        kernel = _kernel(self._gram, folds.order, cross, self.largest)
        self._for_folds = folds.order, kernel
        return BorderedFolds(kernel, folds.places)

    def predict_test(self, targets: Targets, alpha: Tensor, chosen: Tensor) -> Predicted:
        """See `Route`."""
        everything = torch.arange(len(self._gram), device=self._gram.device)
        return self._predicted(everything, self._test, targets, alpha, chosen)

    def predict_left_out(
        self, targets: Targets, alpha: Tensor, chosen: Tensor, scored: Tensor, also_left: Tensor
    ) -> Predicted:
        """See `Route`."""
        is_kept = torch.ones(len(self._gram), dtype=torch.bool, device=self._gram.device)
        is_kept[torch.cat([scored, also_left])] = False
        return self._predicted(is_kept.nonzero().flatten(), self._gram[scored], targets, alpha, chosen)

    def _predicted(self, kept: Tensor, cross: Tensor, targets: Targets, alpha: Tensor, chosen: Tensor) -> Predicted:
        if not len(cross):
            return
        if self._for_folds is not None and len(kept) == len(self._for_folds[0]):  # one set of fit rows: the same rows
            kept, kernel = self._for_folds
        else:
            kernel = _kernel(self._gram, kept, cross, self.largest)
            kernel.prepare(torch.unique(alpha[chosen]).tolist())

        def of_all_rows(one: float) -> Tensor:
            # rows of the operator add up to nothing, so that only the mean over the rows kept is to be added
            operator = torch.zeros(len(cross), len(self._gram), device=cross.device)
            operator[:, kept] = kernel.new_operator(one) + 1 / len(kept)
            return operator

        yield from predict_each(of_all_rows, 4 * cross.numel(), torch.matmul, targets, alpha, chosen)


@dataclass(frozen=True)
class BorderedFolds:
    """See `algokit.solvers.cross_validate.Folded`."""

    kernel: Kernel
    places: tuple[slice, ...]

    def leading(self, alphas: Sequence[float]) -> list[Leading]:
        """See `Folded`."""
        return self.kernel.set_apart(alphas, self.places)

    @property
    def widths(self) -> list[int]:
        """See `Folded`."""
        return [len(self.kernel.gram) - (place.stop - place.start) for place in self.places]

    def operators(self, alpha: float) -> tuple[Iterator[Tensor], float]:
        """See `Folded`."""
        return self.kernel.fold_operators(alpha, self.places)

    def inputs(self, values: Tensor) -> Iterator[None]:
        """See `Folded`: the values themselves."""
        yield from (None for _ in self.places)


def _kernel(gram: Tensor, rows: Tensor, cross_rows: Tensor, largest: float) -> Kernel:
    """The kernel of some rows against new ones, centred over them; no eigenvalue of it exceeds those of all rows."""
    inner, cross = gram[rows][:, rows], cross_rows[:, rows]
    centre_over_rows(inner, cross)
    return Kernel(inner, cross, largest)


def _shifted(matrix: Tensor, alpha: float) -> Tensor:
    shifted = matrix.clone()
    shifted.diagonal().add_(alpha)
    return shifted


def _centred(matrix: Tensor) -> Tensor:
    """Less the mean over rows; a product from the left with what is centred is centred."""
    return matrix - matrix.mean(dim=0)


def _times_others(left: Tensor, rows: Tensor, place: slice) -> Tensor:
    """``left`` times the columns of ``rows`` outside a run."""
    product = rows.new_empty(len(left), rows.shape[1] - (place.stop - place.start))
    torch.mm(left, rows[:, : place.start], out=product[:, : place.start])
    torch.mm(left, rows[:, place.stop :], out=product[:, place.start :])
    return product
