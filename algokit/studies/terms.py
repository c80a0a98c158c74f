"""The terms that scaling laws are sums of, each as the logarithm of a term, with first and second derivatives.

A law says ``y = exp(t_1) + exp(t_2) + ...``. Every term has parameters of its own; ``x`` is the natural logarithm of
one predictor, in the unit the caller scaled it to. Parameters come as (n_problems, n_parameters) float64, so that all
starts and all resamples are one call; results are (n_problems, n_points).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
_LN_10 = float(np.log(10.0))


class Term(Protocol):
    """The logarithm ``t`` of one term of a law."""

    parameters: ClassVar[tuple[str, ...]]

    def value(self, theta: Floats) -> Floats:
        """``t``, (n_problems, n_points), or (n_problems, 1) where it is the same for all points."""
        ...

    def gradient(self, theta: Floats, factor: Floats) -> list[Floats]:
        """``factor * dt/dtheta`` of every parameter in turn, each (n_problems, n_points)."""
        ...

    def second(self, theta: Floats, weight: Floats) -> Floats:
        """Sum over points of ``weight * (dt dt' + d2t)``: (n_problems, n_parameters, n_parameters)."""
        ...


@dataclass(frozen=True)
class Plateau:
    """``exp(e)``, what remains however large the predictors are."""

    parameters: ClassVar[tuple[str, ...]] = ("e",)

    def value(self, theta: Floats) -> Floats:
        """``e``."""
        return theta

    def gradient(self, theta: Floats, factor: Floats) -> list[Floats]:
        """The factor itself."""
        return [factor]

    def second(self, theta: Floats, weight: Floats) -> Floats:
        """The sum of the weights."""
        total: Floats = weight.sum(axis=1)
        return total[:, None, None]


@dataclass(frozen=True)
class Power:
    """``exp(a) X^-alpha``."""

    x: Floats
    parameters: ClassVar[tuple[str, ...]] = ("a", "alpha")

    def value(self, theta: Floats) -> Floats:
        """``a - alpha x``."""
        t = np.multiply(-theta[:, 1:2], self.x)
        t += theta[:, 0:1]
        return t

    def gradient(self, theta: Floats, factor: Floats) -> list[Floats]:
        """1 and ``-x``."""
        return [factor, factor * -self.x]

    def second(self, theta: Floats, weight: Floats) -> Floats:
        """Moments of x; ``t`` is linear."""
        moments: Floats = weight @ np.stack([np.ones_like(self.x), -self.x, np.square(self.x)], axis=1)
        return moments[:, [[0, 1], [1, 2]]]


@dataclass(frozen=True)
class ShiftedPower:
    """``exp(a) (X + 10^lambda)^-alpha``: flat below the shift, a power law above it."""

    x: Floats
    parameters: ClassVar[tuple[str, ...]] = ("a", "alpha", "lambda")

    def value(self, theta: Floats) -> Floats:
        """``a - alpha log(X + 10^lambda)``."""
        return theta[:, 0:1] - theta[:, 1:2] * self._log_sum(theta)

    def gradient(self, theta: Floats, factor: Floats) -> list[Floats]:
        """1, minus the logarithm of the sum, and how the shift moves it."""
        slope = _LN_10 * self._share(theta)
        return [factor, -factor * self._log_sum(theta), -factor * theta[:, 1:2] * slope]

    def second(self, theta: Floats, weight: Floats) -> Floats:
        """Outer products of the gradient, and the bend of the shift."""
        ones = np.ones_like(weight)
        found = outer_sum(self.gradient(theta, ones), weight)
        share = self._share(theta)
        mixed = -_LN_10 * np.sum(weight * share, axis=1)
        found[:, 1, 2] += mixed
        found[:, 2, 1] += mixed
        found[:, 2, 2] -= theta[:, 1] * _LN_10**2 * np.sum(weight * share * (1 - share), axis=1)
        return found

    def _log_sum(self, theta: Floats) -> Floats:
        return np.logaddexp(self.x, _LN_10 * theta[:, 2:3])

    def _share(self, theta: Floats) -> Floats:
        return sigmoid(_LN_10 * theta[:, 2:3] - self.x)


@dataclass(frozen=True)
class BrokenPower:
    """``exp(a) X^-alpha (1 + (X/exp(d))^(1/f))^(-gamma f)``: exponent alpha before the break, alpha + gamma after it.

    ``f = exp(phi)`` is the width of the break in ln X.

    Source: Caballero et al. 2023, "Broken neural scaling laws", with one break.
    """

    x: Floats
    parameters: ClassVar[tuple[str, ...]] = ("a", "alpha", "gamma", "d", "phi")

    def value(self, theta: Floats) -> Floats:
        """``a - alpha x - gamma f softplus((x - d) / f)``."""
        z, f = self._place(theta)
        return theta[:, 0:1] - theta[:, 1:2] * self.x - theta[:, 2:3] * f * np.logaddexp(0.0, z)

    def gradient(self, theta: Floats, factor: Floats) -> list[Floats]:
        """By a, alpha, gamma, d and phi."""
        z, f = self._place(theta)
        gamma, after = theta[:, 2:3], sigmoid(z)
        soft = np.logaddexp(0.0, z)
        width = f * (soft - z * after)
        return [factor, factor * -self.x, -factor * f * soft, factor * gamma * after, -factor * gamma * width]

    def second(self, theta: Floats, weight: Floats) -> Floats:
        """Outer products of the gradient, and how the break bends."""
        found = outer_sum(self.gradient(theta, np.ones_like(weight)), weight)
        z, f = self._place(theta)
        gamma, after = theta[:, 2:3], sigmoid(z)
        bend = after * (1 - after)
        width = f * (np.logaddexp(0.0, z) - z * after)
        entries = {
            (2, 3): after,
            (2, 4): -width,
            (3, 3): -gamma * bend / f,
            (3, 4): -gamma * bend * z,
            (4, 4): -gamma * (width + f * np.square(z) * bend),
        }
        for (row, column), entry in entries.items():
            total = np.sum(weight * entry, axis=1)
            found[:, row, column] += total
            if row != column:
                found[:, column, row] += total
        return found

    def _place(self, theta: Floats) -> tuple[Floats, Floats]:
        f = np.exp(theta[:, 4:5])
        return (self.x - theta[:, 3:4]) / f, f


def outer_sum(rows: list[Floats], weight: Floats) -> Floats:
    """Sum over points of ``weight * rows_i * rows_j``: (n_problems, n_rows, n_rows)."""
    stacked = np.stack(np.broadcast_arrays(*rows), axis=1)
    found: Floats = (stacked * weight[:, None, :]) @ stacked.transpose(0, 2, 1)
    return found


def sigmoid(z: Floats) -> Floats:
    """``1 / (1 + exp(-z))`` that never overflows."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)
