"""Find the best minimum from a whole grid of starts, and say how many starts reached it.

Every start is followed on a few of the points first, with a wide delta, where a step costs little. Starts that have met
by then go on as one, on all points, while delta narrows to its own value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algokit.studies.laws import LawName, make_law
from algokit.studies.objective import Objective
from algokit.studies.optimise import Optima, anneal, minimise
from algokit.studies.terms import Floats
from algokit.types import Ints

_N_SCOUTED = 40
_MOST_PATHS = 96
_ROUNDS = ((1.0, 4), (1.0, 6), (1.0, 12), (0.1, 4), (0.1, 12))  # delta and steps, after which paths that met are one
_NARROWING = (0.03, 0.01, 0.003)
_HOPELESS = 3.0  # times the best loss at the same delta
_MET_LOG_Y, _MET_PARAMETERS = 0.01, 0.25  # far below the scatter of scores; apart by less, paths end alike
SAME_LOSS = 1e-6


@dataclass(frozen=True)
class Restarts:
    """Where all starts ended, best first; starts that met are one row.

    Attributes
    ----------
    theta : (n_ends, n_parameters).
    loss : (n_ends,) rising.
    converged : (n_ends,) bool.
    n_starts : (n_ends,) int64, how many starts each row stands for.
    n_all : all starts; those in no row were left behind far from the best.
    """

    theta: Floats
    loss: Floats
    converged: NDArray[np.bool_]
    n_starts: Ints
    n_all: int

    @property
    def n_reaching_best(self) -> int:
        """Starts that ended with the best loss, to a millionth."""
        return int(self.n_starts[self.loss <= self.loss[0] * (1 + SAME_LOSS) + 1e-15].sum())

    def minima(self, within: float) -> Floats:
        """Minima whose loss is at most ``1 + within`` times the best and which differ by more than rounding."""
        kept = self.loss <= self.loss[0] * (1 + within) + 1e-15
        _, first = np.unique(np.round(self.theta[kept], 3), axis=0, return_index=True)
        found: Floats = self.theta[kept][np.sort(first)]
        return found


def multi_start(name: LawName, predictors: Sequence[Floats], log_y: Floats, *, plateau: bool = True) -> Restarts:
    """Run every start of the law's grid to its end.

    Parameters
    ----------
    predictors : (n_points,) each, scaled, above 0.
    log_y : (n_points,) natural logarithm of ``1 - S``.
    plateau : False holds it at a score of 1.
    """
    law = make_law(name, predictors, plateau=plateau)
    grid = law.starts()
    chosen = _spread(predictors)
    few = make_law(name, [one[chosen] for one in predictors], plateau=plateau)
    scouted, groups = _scout(Objective(few, log_y[chosen], np.ones((1, len(chosen)))), grid)
    objective = Objective(law, log_y, np.ones((1, len(log_y))))
    paths, groups = _most_promising(objective, scouted, groups)
    for delta in _NARROWING:
        paths = anneal(objective, paths, np.zeros(len(paths), np.int64), (delta,), n_steps=20)
        paths, groups = _hopeful(objective, *_merged(objective, paths, groups, delta), delta)
    return _ends(minimise(objective, paths, np.zeros(len(paths), np.int64)), groups, len(grid))


def _spread(predictors: Sequence[Floats]) -> Ints:
    """A few points spread evenly over all of them, from the smallest predictors to the largest."""
    order = np.argsort(sum(np.log(one) for one in predictors), kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, min(_N_SCOUTED, len(order))).astype(np.int64))
    return order[places].astype(np.int64)


def _scout(objective: Objective, grid: Floats) -> tuple[Floats, Ints]:
    """Follow every start; returns where paths met, and how many starts each is."""
    theta, counts = grid, np.ones(len(grid), np.int64)
    for delta, n_steps in _ROUNDS:
        theta = anneal(objective, theta, np.zeros(len(theta), np.int64), (delta,), n_steps=n_steps)
        theta, counts = _merged(objective, theta, counts, delta)
    return theta, counts


def _merged(objective: Objective, theta: Floats, counts: Ints, delta: float) -> tuple[Floats, Ints]:
    """One path, the best, of all that are in the same cell of predictions and parameters."""
    loss = objective.losses(theta, delta)[:, 0]
    with np.errstate(invalid="ignore"):
        predicted = np.nan_to_num(objective.law.log_prediction(theta), nan=1e6)
    cells = np.round(np.column_stack([predicted / _MET_LOG_Y, theta / _MET_PARAMETERS]))
    order = np.argsort(loss, kind="stable")
    _, first, group = np.unique(cells[order], axis=0, return_index=True, return_inverse=True)
    n_each = np.bincount(group.ravel(), weights=counts[order]).astype(np.int64)
    return theta[order[first]], n_each


def _most_promising(objective: Objective, theta: Floats, counts: Ints) -> tuple[Floats, Ints]:
    """At most so many paths as are worth following on all points."""
    order = np.argsort(objective.losses(theta, _ROUNDS[-1][0])[:, 0], kind="stable")[:_MOST_PATHS]
    return theta[order], counts[order]


def _hopeful(objective: Objective, theta: Floats, counts: Ints, delta: float) -> tuple[Floats, Ints]:
    """The paths that are not far behind the best."""
    losses = objective.losses(theta, delta)[:, 0]
    near = losses <= _HOPELESS * losses.min() + 1e-12
    return theta[near], counts[near]


def _ends(optima: Optima, counts: Ints, n_all: int) -> Restarts:
    order = np.argsort(optima.loss, kind="stable")
    return Restarts(optima.theta[order], optima.loss[order], optima.converged[order], counts[order], n_all)
