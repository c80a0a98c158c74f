"""Ridge search: for every target the feature space and alpha with the best cross-validated Pearson r.

Spaces are visited once, in order. The winner of each target is kept online, and the val and test predictions of targets
that improved are made while the space's factorisation is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.errors import UsageError
from algokit.readouts import FeatureSpace, ReadoutResult
from algokit.solvers.cross_validate import Folds, cv_scores
from algokit.solvers.factorise import check_shapes, factorise
from algokit.solvers.leave_one_out import LeaveOneOut
from algokit.solvers.routes import EigenSpace, Route, solve_space
from algokit.solvers.targets import Targets
from algokit.types import Ints

Result = TypeVar("Result")
SCORE_RESOLUTION = 1e-6  # the precision of r in float32
INEXACT_CONDITION = 1e10
_APPROXIMATE = {
    "loo": ("penalties were chosen by leave-one-out r, near the choice by folds; cv_score is one r over all fit rows",),
    "gcv": ("penalties were chosen by GCV, near the choice by folds; cv_score is the leave-one-out r of all fit rows",),
}
LOST_STEPS = 16  # a range of fewer float32 steps: their rounding alone lowers r


@dataclass(frozen=True)
class SearchSettings:
    """What is searched.

    Attributes
    ----------
    alphas : penalties, positive, ascending.
    folds : rows of each fold; together the fit rows.
    standardize : divide features by their SD over the fit rows.
    selection : "kfold", or an approximation of it in `algokit.solvers.leave_one_out`: "loo" or "gcv".
    """

    alphas: tuple[float, ...]
    folds: tuple[Ints, ...]
    standardize: bool = False
    selection: Literal["kfold", "loo", "gcv"] = "kfold"


def search_ridge(
    spaces: Iterable[FeatureSpace],
    targets: Targets,
    settings: SearchSettings,
    progress: Callable[[int, str], None] = lambda done, name: None,
    out_of_fold: NDArray[np.float32] | None = None,
) -> ReadoutResult:
    """Search spaces and alphas for every target, and predict.

    The score is the mean over folds of Pearson r over the fold's rows; r is 0 where prediction or target have no
    variance. Scores nearer than `SCORE_RESOLUTION`, the precision of r in float32, are equal: the earlier space wins,
    then the smaller alpha, whose predictions vary most. A target that nothing predicts (r exactly 0 for every alpha)
    keeps the largest alpha.

    Otherwise than by "kfold" the score that is returned is the leave-one-out r at the choice, one r over all fit rows.

    Parameters
    ----------
    progress : called with (spaces finished, name of the space).
    out_of_fold : (n, n_targets), usually a memory map: filled, at the fit rows, with the prediction of every row by the
        chosen space and alpha fitted without the row's fold and without the val rows.

    Raises
    ------
    UsageError : there is no space, or the shapes of one do not fit.
    DataError : a feature is not finite.
    """
    search: RunningSearch | None = None
    for index, space in enumerate(spaces):
        search = search or RunningSearch(targets, settings, len(space.test), out_of_fold)
        check_shapes(space, targets.n_rows, search.n_test)
        search.visit(index, space)
        progress(index + 1, space.name)
    if search is None:
        raise UsageError("a readout needs at least one feature space")
    return search.result()


@dataclass(frozen=True)
class _Scored:
    """One space: the best alpha per target, the score it was chosen by, the r to report, and how it was solved."""

    alpha_index: Tensor
    score: Tensor
    r: Tensor
    condition: float = 1.0
    why_float64: str = ""


class RunningSearch:
    """The running winner of every target, and its predictions.

    Parameters
    ----------
    out_of_fold : as in `search_ridge`.
    """

    def __init__(
        self, targets: Targets, settings: SearchSettings, n_test: int, out_of_fold: NDArray[np.float32] | None = None
    ) -> None:
        self.targets, self.settings, self.n_test, self.out_of_fold = targets, settings, n_test, out_of_fold
        self.block_targets = targets.block_targets
        self.folds = Folds.of(targets, settings.folds)
        self.alphas = torch.tensor(settings.alphas, dtype=torch.float64, device=targets.device)
        n_targets = targets.n_targets
        self.score = torch.full((n_targets,), -torch.inf, device=targets.device)
        self.reported = torch.zeros(n_targets, device=targets.device)
        self.alpha = torch.zeros(n_targets, dtype=torch.float64, device=targets.device)
        self.space_index = torch.zeros(n_targets, dtype=torch.int64, device=targets.device)
        self.val_predictions = np.zeros((len(targets.rows.val), n_targets), dtype=np.float32)
        self.test_predictions = np.zeros((n_test, n_targets), dtype=np.float32)
        self.notes: list[str] = []

    def visit(self, index: int, space: FeatureSpace) -> None:
        """Solve a space, score it, and predict the targets it wins."""
        if self.settings.selection != "kfold":
            self._keep_winners(index, space, *self._with_room(lambda: self._by_rows(space)))
            return
        route, why_float64 = solve_space(
            space,
            self.targets.rows.fit,
            self.settings.alphas,
            standardize=self.settings.standardize,
            device=self.targets.device,
        )
        self.take(index, space, route, why_float64)

    def take(self, index: int, space: FeatureSpace, route: Route, why_float64: str) -> None:
        """Score a solved space by folds, as `solve_space` gives it, and predict the targets it wins."""
        scores, condition = self._with_room(
            lambda: cv_scores(route.folded(self.folds), self.targets, self.folds, self.settings.alphas)
        )
        alpha_index, score = best_alpha(scores)
        self._keep_winners(index, space, route, _Scored(alpha_index, score, score, condition, why_float64))

    def _keep_winners(self, index: int, space: FeatureSpace, route: Route, scored: _Scored) -> None:
        improved = scored.score > self.score + SCORE_RESOLUTION
        self.score = torch.where(improved, scored.score, self.score)
        self.reported = torch.where(improved, scored.r, self.reported)
        self.alpha = torch.where(improved, self.alphas[scored.alpha_index], self.alpha)
        self.space_index[improved] = index
        self._with_room(lambda: self._predict(route, improved))
        self.notes += _notes(space, route, scored)

    def _by_rows(self, space: FeatureSpace) -> tuple[Route, _Scored]:
        targets, settings = self.targets, self.settings
        factors = factorise(space, targets.rows.fit, standardize=settings.standardize, device=targets.device)
        solved = LeaveOneOut.of(factors, targets)
        is_gcv = settings.selection == "gcv"
        alpha_index, score = best_alpha(solved.gcv(self.alphas) if is_gcv else solved.r(self.alphas))
        r = solved.r_at(self.alphas[alpha_index]) if is_gcv else score
        return EigenSpace(factors), _Scored(alpha_index, score, r)

    def _with_room(self, work: Callable[[], Result]) -> Result:
        """Do work on blocks of targets, with blocks half as large each time the GPU has no memory for them."""
        while True:
            try:
                return work()
            except torch.OutOfMemoryError:
                if not self.targets.halve_blocks():
                    raise
            torch.cuda.empty_cache()

    def _predict(self, route: Route, improved: Tensor) -> None:
        targets, alpha, val = self.targets, self.alpha, self.folds.val
        for columns, predictions in route.predict_test(targets, alpha, improved):
            self.test_predictions[:, columns] = predictions
        for columns, predictions in route.predict_left_out(targets, alpha, improved, val, val[:0]):
            self.val_predictions[:, columns] = predictions
        if self.out_of_fold is None:
            return
        for fold in self.folds.rows:
            for columns, predictions in route.predict_left_out(targets, alpha, improved, fold, val):
                self.out_of_fold[np.ix_(fold.cpu().numpy(), columns)] = predictions

    def result(self) -> ReadoutResult:
        """What was found."""
        return ReadoutResult(
            space_index=self.space_index.cpu().numpy(),
            alpha=self.alpha.cpu().numpy(),
            cv_score=self.reported.cpu().numpy(),
            val_predictions=self.val_predictions,
            test_predictions=self.test_predictions,
            notes=(*self._lost(), *self._halved(), *self.notes, *_APPROXIMATE.get(self.settings.selection, ())),
        )

    def _halved(self) -> Iterator[str]:
        if self.targets.block_targets < self.block_targets:
            yield (
                f"the GPU had too little memory for blocks of {self.block_targets} targets; went on with blocks of "
                f"{self.targets.block_targets}"
            )

    def _lost(self) -> Iterator[str]:
        """How many targets are predicted (r is not 0), but so weakly that float32 beside their mean loses it."""
        if self.n_test < 2:
            return
        low, high = self.test_predictions.min(axis=0), self.test_predictions.max(axis=0)
        step = np.spacing(np.maximum(np.abs(low), np.abs(high)))
        lost = (high - low < LOST_STEPS * step) & (self.reported != 0).cpu().numpy()
        if lost.any():
            yield (
                f"{lost.sum()} of {len(lost)} targets: the penalty is so large that their predictions are constant in "
                "float32, or nearly, and score about 0; use smaller alphas"
            )


def best_alpha(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Index and score of the best alpha of every target.

    Parameters
    ----------
    scores : (n_alphas, n_targets), alphas ascending.
    """
    n_alphas = len(scores)
    order = torch.arange(n_alphas, device=scores.device)[:, None]
    near = scores >= scores.amax(dim=0) - SCORE_RESOLUTION
    index = torch.where(near, order, n_alphas).amin(dim=0)
    index[(scores == 0).all(dim=0)] = n_alphas - 1
    return index, scores.gather(0, index[None])[0]


def _notes(space: FeatureSpace, route: Route, scored: _Scored) -> Iterator[str]:
    if route.n_constant == space.train.shape[1]:
        yield f"{space.name}: all features are constant; nothing is predicted from them"
    elif route.n_constant:
        yield f"{space.name}: {route.n_constant} constant features left out"
    if scored.why_float64:
        yield f"{space.name}: {scored.why_float64}"
    if isinstance(route, EigenSpace) and scored.condition > INEXACT_CONDITION:
        place = f"{space.name}: near singular at the smallest alpha (condition {scored.condition:.0e})"
        yield f"{place}; r there may be off by more than 1e-5"
