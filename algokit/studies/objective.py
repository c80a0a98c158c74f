"""What a fit minimises: the sum of Huber's function of ``log y^ - log y``, for many problems at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algokit.studies.laws import Law
from algokit.studies.terms import Floats
from algokit.types import Ints

DELTA = 1e-3
_CHUNK_VALUES = 1 << 15  # of one temporary: it stays in a processor's own cache


@dataclass(frozen=True)
class Pieces:
    """The objective at parameters, one row per problem.

    Attributes
    ----------
    loss : (n_problems,), infinite where the law gives no positive y.
    gradient : (n_problems, n_parameters).
    hessian : (n_problems, n_parameters, n_parameters), exact; zero curvature beyond ``delta`` is the Huber function's.
    """

    loss: Floats
    gradient: Floats
    hessian: Floats


@dataclass(frozen=True)
class Objective:
    """Sum over points of ``weight * huber(log y^ - log y)``.

    A resample is a row of weights: how often each point was drawn. All problems share the points.

    Attributes
    ----------
    log_y : (n_points,) natural logarithm of ``1 - S``.
    weights : (n_resamples, n_points) float64.
    """

    law: Law
    log_y: Floats
    weights: Floats

    def pieces(self, theta: Floats, rows: Ints, delta: float = DELTA) -> Pieces:
        """Loss, gradient and Hessian.

        Parameters
        ----------
        theta : (n_problems, n_parameters).
        rows : (n_problems,) the row of ``weights`` of each problem.
        delta : where Huber's function turns from a square into a line.
        """
        n_problems, n_parameters = theta.shape
        found = Pieces(
            np.empty(n_problems),
            np.empty((n_problems, n_parameters)),
            np.empty((n_problems, n_parameters, n_parameters)),
        )
        for chunk in _chunks(n_problems, len(self.log_y)):
            found.loss[chunk], found.gradient[chunk], found.hessian[chunk] = self._chunk(
                theta[chunk], self.weights[rows[chunk]], delta
            )
        return found

    def losses(self, theta: Floats, delta: float = DELTA) -> Floats:
        """The loss of every resample at every theta: (n_theta, n_resamples), in one product."""
        found = np.empty((len(theta), len(self.weights)))
        for chunk in _chunks(len(theta), len(self.log_y)):
            with np.errstate(invalid="ignore", over="ignore"):
                residual = self.law.log_prediction(theta[chunk]) - self.log_y
                clipped = np.clip(residual, -delta, delta)
                found[chunk] = (clipped * (residual - 0.5 * clipped)) @ self.weights.T
        return np.where(np.isfinite(found), found, np.inf)

    def _chunk(self, theta: Floats, weights: Floats, delta: float) -> tuple[Floats, Floats, Floats]:
        expansion = self.law.expand(theta)
        residual = expansion.log_prediction - self.log_y
        clipped = np.clip(residual, -delta, delta)
        pull = weights * clipped
        curved = weights * (clipped == residual)
        curved -= pull
        residual -= 0.5 * clipped
        loss = np.einsum("pn,pn->p", pull, residual)
        jacobian = np.stack(expansion.jacobian, axis=1)
        gradient = np.matmul(jacobian, pull[:, :, None])[:, :, 0]
        hessian = (jacobian * curved[:, None, :]) @ jacobian.transpose(0, 2, 1)
        hessian += expansion.bend(pull)
        outside = ~np.isfinite(loss)
        if outside.any():
            loss[outside], gradient[outside], hessian[outside] = np.inf, 0.0, 0.0
        return loss, gradient, hessian


def _chunks(n_problems: int, n_points: int) -> list[slice]:
    size = max(1, _CHUNK_VALUES // n_points)
    return [slice(start, min(start + size, n_problems)) for start in range(0, n_problems, size)]
