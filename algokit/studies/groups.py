"""One group of points: the law that is fitted to it, what was held out, and what is predicted."""

from __future__ import annotations

from dataclasses import dataclass

from algokit.errors import FitRefusedError, UsageError
from algokit.studies.allocation import Allocation, allocate
from algokit.studies.answer import compute_sentence
from algokit.studies.extrapolation import HeldOut, compare_laws, predict_within, reach_of
from algokit.studies.fit import Fit, fit_law
from algokit.studies.laws import LAW_NAMES, LawName
from algokit.studies.results import GroupStudy, Predicted
from algokit.studies.selection import Points
from algokit.types import Finding


@dataclass(frozen=True)
class LawOptions:
    """How a law is fitted.

    Attributes
    ----------
    compute : the extra column of the points that is training compute, for an allocation from a joint law; "" for none.
    n_resamples, seed : of the bootstrap; 0 resamples for no intervals.
    at : places to predict at, in the predictors' own units.
    compare : also fit other laws to the small, and test them on the large.
    anyway : give fits that are refused too, beside the reasons.
    """

    law: LawName
    compute: str = ""
    n_resamples: int = 1000
    seed: int = 42
    at: tuple[tuple[float, ...], ...] = ()
    compare: bool = False
    anyway: bool = False


def study_group(points: Points, options: LawOptions) -> GroupStudy:
    """Fit a law to the points of one group, test it, and predict; a refusal is part of what comes out."""
    observations, findings, fit = points.observations, tuple[Finding, ...](), None
    try:
        n_resamples, seed = options.n_resamples, options.seed
        fit = fit_law(observations, options.law, n_resamples=n_resamples, seed=seed, anyway=options.anyway)
        findings = fit.findings
    except FitRefusedError as refusal:
        findings = refusal.findings
    reach = reach_of(observations)
    allocation, answer = _allocation(fit, points, options, reach)
    return GroupStudy(
        group=points.group,
        n_points=len(observations.score),
        n_units=len(set(observations.units)),
        fit=fit,
        findings=findings,
        held_out=_held_out(points, options, reach),
        reach=reach,
        predictions=tuple(_predicted(fit, place, reach) for place in options.at),
        allocation=allocation,
        answer=answer,
    )


def _held_out(points: Points, options: LawOptions, reach: float) -> tuple[HeldOut, ...]:
    """None where no points are large or small enough for a test."""
    if reach == 1:
        return ()
    return compare_laws(points.observations, LAW_NAMES if options.compare else (options.law,))


def _predicted(fit: Fit | None, place: tuple[float, ...], reach: float) -> Predicted:
    if fit is None:
        return Predicted(
            place, None, None, None, (Finding("no prediction from a fit that is refused", code="refused"),)
        )
    try:
        score, low, high = predict_within(fit, place, reach=reach)
    except UsageError as refusal:
        return Predicted(place, None, None, None, refusal.findings)
    return Predicted(place, score, *((low, high) if len(fit.resampled) else (None, None)))


def _allocation(fit: Fit | None, points: Points, options: LawOptions, reach: float) -> tuple[Allocation | None, str]:
    if fit is None or not options.compute:
        return None, ""
    allocation = allocate(fit, points.extra[options.compute], seed=options.seed)
    return allocation, compute_sentence(allocation, reach=reach)
