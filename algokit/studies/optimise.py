"""Minimise many small bounded problems at once: damped Newton steps, each problem with a damping of its own.

Huber's function with a small delta is nearly an absolute value: its surface is creased. Two things keep Newton's
method honest there. The delta shrinks in stages, so that the first steps see a smooth bowl and the last only have to
settle which points lie within delta. And negative curvature is turned positive, so that every step points downhill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algokit.studies.objective import DELTA, Objective, Pieces
from algokit.studies.terms import Floats
from algokit.types import Ints

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-9, 1e12
_EASED, _TIGHTENED = 0.2, 6.0


@dataclass(frozen=True)
class Optima:
    """Where each problem ended.

    Attributes
    ----------
    theta : (n_problems, n_parameters).
    loss : (n_problems,).
    converged : (n_problems,) bool; no step within bounds promises more than rounding.
    """

    theta: Floats
    loss: Floats
    converged: NDArray[np.bool_]


def minimise(
    objective: Objective, starts: Floats, rows: Ints, *, delta: float = DELTA, n_steps: int = 200, gain: float = 1e-13
) -> Optima:
    """The nearest minimum of every problem.

    Parameters
    ----------
    starts : (n_problems, n_parameters), moved inside the bounds of the law.
    rows : (n_problems,) which resample each problem is.
    gain : a problem is finished once a step promises less than this share of its loss.
    """
    low, high = objective.law.low, objective.law.high
    theta = np.clip(starts, low, high)
    final, loss, converged = theta.copy(), np.empty(len(theta)), np.zeros(len(theta), bool)
    alive, damping = np.arange(len(theta)), np.full(len(theta), _FIRST_DAMPING)
    here = objective.pieces(theta, rows, delta)
    loss[:] = here.loss
    for _ in range(n_steps):
        step, promised = _step(theta, here, damping, low, high)
        done = promised <= gain * (here.loss + 1e-12)
        if done.any():
            final[alive[done]], loss[alive[done]], converged[alive[done]] = theta[done], here.loss[done], True
            keep = ~done
            alive, theta, damping, step, promised = alive[keep], theta[keep], damping[keep], step[keep], promised[keep]
            here = Pieces(here.loss[keep], here.gradient[keep], here.hessian[keep])
        if not len(alive):
            break
        trial = np.clip(theta + step, low, high)
        there = objective.pieces(trial, rows[alive], delta)
        gained = here.loss - there.loss
        better = gained > 0
        theta[better] = trial[better]
        for old, new in ((here.loss, there.loss), (here.gradient, there.gradient), (here.hessian, there.hessian)):
            old[better] = new[better]
        good = better & (gained > 0.25 * promised)
        damping = np.where(good, damping * _EASED, np.where(better, damping, damping * _TIGHTENED))
        np.clip(damping, _LEAST_DAMPING, _MOST_DAMPING, out=damping)
    final[alive], loss[alive] = theta, here.loss
    return Optima(final, loss, converged)


def _step(theta: Floats, here: Pieces, damping: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Steps and the decrease each promises; a parameter that leans against its bound stays there."""
    held = ((theta <= low) & (here.gradient > 0)) | ((theta >= high) & (here.gradient < 0))
    free = ~held
    gradient = np.where(free, here.gradient, 0.0)
    hessian = np.where(free[:, :, None] & free[:, None, :], here.hessian, 0.0)
    diagonal = np.abs(np.einsum("pii->pi", hessian))
    scale = np.sqrt(np.maximum(diagonal, 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300))
    values, vectors = np.linalg.eigh(hessian / (scale[:, :, None] * scale[:, None, :]))
    bent = np.maximum(np.abs(values), 1e-12) + damping[:, None]
    along = np.einsum("pij,pi->pj", vectors, gradient / scale)
    step = -np.einsum("pij,pj->pi", vectors, along / bent) / scale
    step = np.where(free, step, 0.0)
    with np.errstate(over="ignore"):  # without any curvature a step promises everything, and is damped
        promised = 0.5 * np.sum(np.square(along) / bent, axis=1)
    return step, promised


def anneal(objective: Objective, starts: Floats, rows: Ints, deltas: Sequence[float], *, n_steps: int) -> Floats:
    """Follow the minimum from a wide delta to a narrow one; (n_problems, n_parameters)."""
    theta = starts
    for delta in deltas:
        theta = minimise(objective, theta, rows, delta=delta, n_steps=n_steps, gain=1e-6).theta
    return theta
