"""Ridge search: for every target the feature space and alpha with the best cross-validated Pearson r.

Spaces are visited once, in order. The winner of each target is kept online, and the val and test predictions of targets
that improved are made while the space's factorisation is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.errors import UsageError
from algokit.readouts import FeatureSpace, ReadoutResult
from algokit.solvers.cross_validate import Folds, cv_scores
from algokit.solvers.factorise import check_shapes
from algokit.solvers.routes import EigenSpace, Route, solve_space
from algokit.solvers.targets import Targets
from algokit.types import Ints

SCORE_RESOLUTION = 1e-6  # the precision of r in float32
INEXACT_CONDITION = 1e10
LOST_STEPS = 16  # a range of fewer float32 steps: their rounding alone lowers r


@dataclass(frozen=True)
class SearchSettings:
    """What is searched.

    Attributes
    ----------
    alphas : penalties, positive, ascending.
    folds : rows of each fold; together the fit rows.
    standardize : divide features by their SD over the fit rows.
    """

    alphas: tuple[float, ...]
    folds: tuple[Ints, ...]
    standardize: bool = False


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
        self.folds = Folds.of(targets, settings.folds)
        self.alphas = torch.tensor(settings.alphas, dtype=torch.float64, device=targets.device)
        n_targets = targets.n_targets
        self.score = torch.full((n_targets,), -torch.inf, device=targets.device)
        self.alpha = torch.zeros(n_targets, dtype=torch.float64, device=targets.device)
        self.space_index = torch.zeros(n_targets, dtype=torch.int64, device=targets.device)
        self.val_predictions = np.zeros((len(targets.rows.val), n_targets), dtype=np.float32)
        self.test_predictions = np.zeros((n_test, n_targets), dtype=np.float32)
        self.notes: list[str] = []

    def visit(self, index: int, space: FeatureSpace) -> None:
        """Solve a space, score it, and predict the targets it wins."""
        targets, settings = self.targets, self.settings
        route, why_float64 = solve_space(
            space, targets.rows.fit, settings.alphas, standardize=settings.standardize, device=targets.device
        )
        self.take(index, space, route, why_float64)

    def take(self, index: int, space: FeatureSpace, route: Route, why_float64: str) -> None:
        """Score a solved space, as `solve_space` gives it, and predict the targets it wins."""
        scores, condition = cv_scores(route.folded(self.folds), self.targets, self.folds, self.settings.alphas)
        alpha_index, score = best_alpha(scores)
        improved = score > self.score + SCORE_RESOLUTION
        self.score = torch.where(improved, score, self.score)
        self.alpha = torch.where(improved, self.alphas[alpha_index], self.alpha)
        self.space_index[improved] = index
        self._predict(route, improved)
        self.notes += _notes(space, route, condition, why_float64)

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
            cv_score=self.score.cpu().numpy(),
            val_predictions=self.val_predictions,
            test_predictions=self.test_predictions,
            notes=(*self._lost(), *self.notes),
        )

    def _lost(self) -> Iterator[str]:
        """How many targets are predicted (r is not 0), but so weakly that float32 beside their mean loses it."""
        if self.n_test < 2:
            return
        low, high = self.test_predictions.min(axis=0), self.test_predictions.max(axis=0)
        step = np.spacing(np.maximum(np.abs(low), np.abs(high)))
        lost = (high - low < LOST_STEPS * step) & (self.score != 0).cpu().numpy()
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


def _notes(space: FeatureSpace, route: Route, condition: float, why_float64: str) -> Iterator[str]:
    if route.n_constant == space.train.shape[1]:
        yield f"{space.name}: all features are constant; nothing is predicted from them"
    elif route.n_constant:
        yield f"{space.name}: {route.n_constant} constant features left out"
    if why_float64:
        yield f"{space.name}: {why_float64}"
    if isinstance(route, EigenSpace) and condition > INEXACT_CONDITION:
        place = f"{space.name}: near singular at the smallest alpha (condition {condition:.0e})"
        yield f"{place}; r there may be off by more than 1e-5"
