"""Fit a law, with intervals, or refuse with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from algokit.errors import FitRefusedError, UsageError
from algokit.studies.bootstrap import bootstrap, resample_weights
from algokit.studies.identify import refusals, resampled_refusals, too_few
from algokit.studies.laws import N_PREDICTORS, LawName, constants, make_law, predicted_score
from algokit.studies.observations import Observations
from algokit.studies.restarts import multi_start
from algokit.studies.terms import Floats
from algokit.types import Finding

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Fit:
    """A fitted law.

    Attributes
    ----------
    theta : (n_parameters,) as the law has them: logarithms of plateau misalignment and amplitudes, exponents.
    loss : the sum of Huber's function over points.
    resampled : (n_resamples, n_parameters), the optimum of every bootstrap resample; none of no resamples.
    n_starts, n_reaching_best : starts, and how many of those that were followed to their end reached the best loss.
    n_units : how many units were resampled.
    """

    law: LawName
    parameters: tuple[str, ...]
    observations: Observations
    theta: Floats
    loss: float
    resampled: Floats
    n_starts: int
    n_reaching_best: int
    n_units: int
    findings: tuple[Finding, ...] = ()

    @property
    def constants(self) -> dict[str, float]:
        """S_max, A, alpha and so on, in units of scaled predictors."""
        return {name: float(value[0]) for name, value in constants(self.law, self.theta[None]).items()}

    @property
    def intervals(self) -> dict[str, Interval]:
        """The 2.5 and 97.5 percentiles of every constant over the resamples; empty where there are none."""
        if not len(self.resampled):
            return {}
        return {name: percentiles(value) for name, value in constants(self.law, self.resampled).items()}

    def predict(self, *predictors: float | Sequence[float] | Floats) -> Floats:
        """Scores at predictors in their own units, one array per predictor: (n_points,)."""
        curve: Floats = predicted_score(self.law, self.theta[None], self._scaled(predictors))[0]
        return curve

    def predict_interval(self, *predictors: float | Sequence[float] | Floats) -> tuple[Floats, Floats]:
        """The 95 % band of `predict` over resamples: of the curve, not of a single new score."""
        tail = (1 - CONFIDENCE) / 2
        curves = predicted_score(self.law, self.resampled, self._scaled(predictors))
        low, high = np.nanpercentile(curves, [100 * tail, 100 * (1 - tail)], axis=0)
        return low, high

    def _scaled(self, predictors: Sequence[float | Sequence[float] | Floats]) -> list[Floats]:
        arrays = [np.atleast_1d(np.asarray(one, np.float64)) for one in predictors]
        return [one / scale for one, scale in zip(arrays, self.observations.scales, strict=True)]


def percentiles(values: Floats) -> Interval:
    """2.5 and 97.5 percentiles of the values that are finite."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(values, [100 * tail, 100 * (1 - tail)])
    return Interval(float(low), float(high))


def fit_law(
    observations: Observations, law: LawName, *, n_resamples: int = 0, seed: int = 42, anyway: bool = False
) -> Fit:
    """Fit one law to all points.

    Parameters
    ----------
    n_resamples : bootstrap resamples of the units; 0 for no intervals.
    anyway : return a fit that would be refused, with the reasons as its findings.

    Raises
    ------
    UsageError : the law wants another number of predictors.
    FitRefusedError : points are too few, restarts disagree, or the data do not identify the plateau or an exponent.

    Source: the objective is that of Hoffmann et al. 2022 and Gokce & Schrimpf 2025, on misalignment 1 - S.
    """
    _check_predictors(observations, law)
    _refuse(too_few(observations, law))
    bound = make_law(law, observations.scaled)
    restarts = multi_start(law, observations.scaled, observations.log_y)
    reasons = refusals(observations, law, restarts)
    _refuse([] if anyway else reasons)
    resampled = np.empty((0, len(bound.parameters)))
    if n_resamples:
        weights = resample_weights(observations.units, n_resamples, seed)
        resampled = bootstrap(law, observations.scaled, observations.log_y, weights, restarts).theta
        reasons += resampled_refusals(bound, resampled)
    _refuse([] if anyway else reasons)
    return Fit(
        law=law,
        parameters=bound.parameters,
        observations=observations,
        theta=restarts.theta[0],
        loss=float(restarts.loss[0]),
        resampled=resampled,
        n_starts=restarts.n_all,
        n_reaching_best=restarts.n_reaching_best,
        n_units=len(set(observations.units)),
        findings=tuple(reasons),
    )


def _refuse(reasons: Sequence[Finding]) -> None:
    if reasons:
        raise FitRefusedError("this fit is refused: the data do not say what it would claim", reasons)


def _check_predictors(observations: Observations, law: LawName) -> None:
    wanted, given = N_PREDICTORS[law], len(observations.predictors)
    if wanted != given:
        finding = Finding(
            f"the law '{law}' has another number of predictors", "--x", expected=str(wanted), found=str(given)
        )
        raise UsageError("law and predictors do not go together", [finding])
