"""Can a law be trusted beyond its data? Fit it to the small, test it on the large; predict no further than that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algokit.errors import FitRefusedError, UsageError
from algokit.studies.fit import Fit, fit_law
from algokit.studies.laws import N_PREDICTORS, LawName
from algokit.studies.observations import Observations
from algokit.studies.terms import Floats
from algokit.types import Finding

FACTOR = 10.0


@dataclass(frozen=True)
class HeldOut:
    """How well a law fitted to the small predicted the large.

    Attributes
    ----------
    n_small, n_large : points on either side.
    factor : the largest held-out predictor over the largest fitted one: how far was extrapolated.
    mean_error, bias : mean absolute and mean signed (predicted - measured) error of the score on the large.
    constant_error : mean absolute error of the mean score of the small, which no law has to be worse than.
    refused : why the law could not be fitted to the small; the numbers are NaN then.
    """

    law: LawName
    n_small: int
    n_large: int
    factor: float
    mean_error: float
    bias: float
    constant_error: float
    refused: tuple[Finding, ...] = ()


def hold_out(observations: Observations, law: LawName, *, factor: float = FACTOR) -> HeldOut:
    """Fit to the points whose predictors are all at most ``1/factor`` of the largest, and test on the others.

    Raises
    ------
    UsageError : nothing is small or nothing is large.
    """
    if not factor > 1:
        raise UsageError("nothing to hold out", [Finding("the factor is not above 1", found=f"{factor:g}")])
    small = _small(observations, factor)
    if not small.any() or small.all():
        found = f"{int(small.sum())} small, {int((~small).sum())} large"
        raise UsageError("nothing to hold out", [Finding("no points on one side", expected="some", found=found)])
    inside, outside = observations.take(small), observations.take(~small)
    reach = _reach(inside, outside)
    constant = float(np.abs(outside.score - inside.score.mean()).mean())
    mean_error, bias, refused = float("nan"), float("nan"), tuple[Finding, ...]()
    try:
        errors = fit_law(inside, law, anyway=True).predict(*outside.predictors) - outside.score
        mean_error, bias = float(np.abs(errors).mean()), float(errors.mean())
    except FitRefusedError as refusal:
        refused = refusal.findings
    n_small, n_large = int(small.sum()), int((~small).sum())
    return HeldOut(law, n_small, n_large, reach, mean_error, bias, constant, refused)


def compare_laws(observations: Observations, laws: Sequence[LawName], *, factor: float = FACTOR) -> tuple[HeldOut, ...]:
    """Laws of the right number of predictors, the one that extrapolated best first; those refused last."""
    n_predictors = len(observations.predictors)
    tried = [hold_out(observations, law, factor=factor) for law in laws if N_PREDICTORS[law] == n_predictors]
    return tuple(sorted(tried, key=lambda one: (np.isnan(one.mean_error), one.mean_error)))


def reach_of(observations: Observations, *, factor: float = FACTOR) -> float:
    """The factor beyond the largest predictor up to which a prediction is given: as far as the law could be tested.

    1, nothing beyond the data, where no points are large or small enough for a test.
    """
    small = _small(observations, factor)
    if not small.any() or small.all():
        return 1.0
    return _reach(observations.take(small), observations.take(~small))


def predict_within(fit: Fit, predictors: Sequence[float], *, reach: float) -> tuple[float, float, float]:
    """A score and its 95 % band at one place (NaN without resamples), if it is not too far from the data.

    Raises
    ------
    UsageError : a predictor exceeds the largest of the data by more than ``reach``, or falls below the smallest as far.
    """
    findings = []
    for name, value, known in zip(fit.observations.names, predictors, fit.observations.predictors, strict=True):
        low, high = known.min() / reach, known.max() * reach
        if not low <= value <= high:
            expected = f"{low:.3g} to {high:.3g}: {reach:.3g} times beyond the data, as far as was tested"
            findings.append(
                Finding("no prediction this far away", name, expected=expected, found=f"{value:.3g}", code="too-far")
            )
    if findings:
        raise UsageError("a prediction is not given", findings)
    low_high: tuple[Floats, Floats] = (np.array([np.nan]), np.array([np.nan]))
    if len(fit.resampled):
        low_high = fit.predict_interval(*predictors)
    return float(fit.predict(*predictors)[0]), float(low_high[0][0]), float(low_high[1][0])


def _small(observations: Observations, factor: float) -> NDArray[np.bool_]:
    small: NDArray[np.bool_] = np.all([one <= one.max() / factor for one in observations.predictors], axis=0)
    return small


def _reach(inside: Observations, outside: Observations) -> float:
    """By how much the largest predictor grew, of the one that grew least."""
    pairs = zip(inside.predictors, outside.predictors, strict=True)
    return float(min(max(large.max() / small.max(), 1.0) for small, large in pairs))
