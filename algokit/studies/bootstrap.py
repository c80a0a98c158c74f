"""Resamples of a fit: which units are drawn how often, and the optimum of every resample, all in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algokit.studies.laws import LawName, make_law
from algokit.studies.objective import Objective
from algokit.studies.optimise import Optima, minimise
from algokit.studies.restarts import Restarts
from algokit.studies.terms import Floats

_WITHIN = 0.25  # a minimum of the point fit this much worse may be the best one of a resample
_MOST_MINIMA = 6
_EXCHANGES = 3
_LOWER = 1e-10


def resample_weights(units: Sequence[str] | NDArray[np.int64], n_resamples: int, seed: int) -> Floats:
    """How often each point is in each resample of units drawn with replacement: (n_resamples, n_points) float64.

    Parameters
    ----------
    units : (n_points,) what is drawn: points with the same label come and go together (models, subjects, draws).
    seed : of ``numpy.random.default_rng``; the draws are ``integers(0, n_units, size=(n_resamples, n_units))``, units
        in the order in which they first appear.
    """
    order = {unit: index for index, unit in enumerate(dict.fromkeys(np.asarray(units).tolist()))}
    index = np.array([order[unit] for unit in np.asarray(units).tolist()])
    n_units = len(order)
    drawn = np.random.default_rng(seed).integers(0, n_units, size=(n_resamples, n_units))
    flat = (drawn + n_units * np.arange(n_resamples)[:, None]).ravel()
    counts = np.bincount(flat, minlength=n_resamples * n_units).reshape(n_resamples, n_units)
    return counts[:, index].astype(np.float64)


def bootstrap(
    name: LawName, predictors: Sequence[Floats], log_y: Floats, weights: Floats, restarts: Restarts
) -> Optima:
    """The best optimum of every resample.

    Each resample starts from every minimum of the point fit. Then resamples show each other what they found: one
    product gives the loss of every optimum on every resample, and where another's is lower, that one is followed.

    Parameters
    ----------
    weights : (n_resamples, n_points).
    restarts : of the fit to all points.
    """
    objective = Objective(make_law(name, predictors), log_y, weights)
    n_resamples = len(weights)
    rows = np.arange(n_resamples)
    best = minimise(objective, np.repeat(restarts.theta[:1], n_resamples, axis=0), rows)
    for theta in restarts.minima(_WITHIN)[1:_MOST_MINIMA]:
        best = _better(best, minimise(objective, np.repeat(theta[None], n_resamples, axis=0), rows), rows)
    for _ in range(_EXCHANGES):
        found = np.unique(np.round(best.theta, 8), axis=0)
        losses = objective.losses(found)
        lower = np.flatnonzero(losses.min(axis=0) < best.loss * (1 - _LOWER) - 1e-15)
        if not len(lower):
            break
        starts = found[losses[:, lower].argmin(axis=0)]
        best = _better(best, minimise(objective, starts, lower), lower)
    return best


def _better(best: Optima, found: Optima, rows: NDArray[np.int64]) -> Optima:
    """The better of two optima for each of the resamples ``rows``."""
    wins = found.loss < best.loss[rows]
    for old, new in ((best.theta, found.theta), (best.loss, found.loss), (best.converged, found.converged)):
        old[rows[wins]] = new[wins]
    return best
