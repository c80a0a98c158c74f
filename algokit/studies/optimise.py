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
    ended = Optima(np.empty_like(starts, np.float64), np.empty(len(starts)), np.zeros(len(starts), bool))
    walk = _Walk(objective, starts, rows, delta)
    for _ in range(n_steps):
        step, promised = walk.step()
        done = promised <= gain * (walk.here.loss + 1e-12)
        if done.any():
            walk.leave(done, ended)
            step, promised = step[~done], promised[~done]
        if not len(walk.problems):
            return ended
        walk.move(step, promised)
    walk.leave(np.ones(len(walk.problems), bool), ended, converged=False)
    return ended


class _Walk:
    """The problems that are still on their way, and where each is."""

    def __init__(self, objective: Objective, starts: Floats, rows: Ints, delta: float) -> None:
        self._objective, self._rows, self._delta = objective, rows, delta
        self._low, self._high = objective.law.low, objective.law.high
        self.problems = np.arange(len(starts))
        self.theta = np.clip(starts, self._low, self._high)
        self.damping = np.full(len(starts), _FIRST_DAMPING)
        self.here = objective.pieces(self.theta, rows, delta)

    def step(self) -> tuple[Floats, Floats]:
        """Steps and the decrease each promises; see `_step`."""
        return _step(self.theta, self.here, self.damping, self._low, self._high)

    def leave(self, done: NDArray[np.bool_], ended: Optima, *, converged: bool = True) -> None:
        """Write down where some problems are, and follow them no longer."""
        those, kept = self.problems[done], ~done
        ended.theta[those] = self.theta[done]
        ended.loss[those] = self.here.loss[done]
        ended.converged[those] = converged
        self.problems, self.theta, self.damping = self.problems[kept], self.theta[kept], self.damping[kept]
        self.here = Pieces(self.here.loss[kept], self.here.gradient[kept], self.here.hessian[kept])

    def move(self, step: Floats, promised: Floats) -> None:
        """Take the steps that lead down; damp the next one by how well each kept its promise."""
        trial = np.clip(self.theta + step, self._low, self._high)
        there = self._objective.pieces(trial, self._rows[self.problems], self._delta)
        gained = self.here.loss - there.loss
        better = gained > 0
        for old, new in (
            (self.theta, trial),
            (self.here.loss, there.loss),
            (self.here.gradient, there.gradient),
            (self.here.hessian, there.hessian),
        ):
            old[better] = new[better]
        good = better & (gained > 0.25 * promised)
        self.damping = np.where(good, self.damping * _EASED, np.where(better, self.damping, self.damping * _TIGHTENED))
        np.clip(self.damping, _LEAST_DAMPING, _MOST_DAMPING, out=self.damping)


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
