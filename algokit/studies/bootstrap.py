"""Resamples of a fit: which units are drawn how often, and the optimum of every resample, all in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algokit.studies.laws import LawName, make_law
from algokit.studies.objective import Objective
from algokit.studies.optimise import Optima, anneal, minimise
from algokit.studies.restarts import Restarts
from algokit.studies.terms import Floats

_WITHIN = 0.25  # a minimum of the point fit this much worse may be the best one of a resample
_MOST_MINIMA = 6
_N_PROBED = 100
_LOWER = 1e-8
_EXCHANGES = (0, 1)  # the other resample whose optimum is followed, by its loss here
_DELTAS = (0.3, 0.03, 0.006)  # a wide Huber function sees past the creases between which a resample may be caught


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

    Each resample starts from every minimum of the point fit. Some are then searched harder: from where a wide delta
    leads, and from what is lowest on them of the other resamples' optima. Only where that finds a lower minimum of any
    are all searched so; few points crease the surface enough for that.

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
    before = best.loss.copy()
    best = _harder(objective, best, rows[:_N_PROBED], restarts.theta[:1])
    if np.any(best.loss < before * (1 - _LOWER) - 1e-15):
        best = _harder(objective, best, rows, restarts.theta[:1])
    return best


def _harder(objective: Objective, best: Optima, rows: NDArray[np.int64], point: Floats) -> Optima:
    """Look for lower minima of some resamples: from where a wide delta leads, and from the optima of others."""
    smooth = anneal(objective, np.repeat(point, len(rows), axis=0), rows, _DELTAS, n_steps=15)
    best = _better(best, minimise(objective, smooth, rows), rows)
    for rank in _EXCHANGES:
        losses = objective.losses(best.theta)[:, rows]
        losses[rows, np.arange(len(rows))] = np.inf  # its own
        nearest = np.argsort(losses, axis=0)[min(rank, len(best.loss) - 1)]
        best = _better(best, minimise(objective, best.theta[nearest], rows), rows)
    return best


def _better(best: Optima, found: Optima, rows: NDArray[np.int64]) -> Optima:
    """The better of two optima for each of the resamples ``rows``."""
    wins = found.loss < best.loss[rows]
    for old, new in ((best.theta, found.theta), (best.loss, found.loss), (best.converged, found.converged)):
        old[rows[wins]] = new[wins]
    return best
