"""Reasons not to believe a fit: too few points, restarts that disagree, constants the data do not identify."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algokit.studies.laws import Law, LawName, make_law
from algokit.studies.observations import Observations
from algokit.studies.restarts import Restarts, multi_start
from algokit.studies.terms import Floats
from algokit.types import Finding

_NEAR = 1e-3  # a restart this much worse is as good an answer, as far as scores can tell
_AGREE = 0.05  # in log y at the points, or in an exponent or plateau
_CHI_SQUARE = 3.841  # 95 % of chi-square with one degree of freedom
_SHARE_AT_BOUND = 0.025  # beyond it the 95 % interval reaches the bound
_MOVING = {"log": ("a", "b"), "power": ("e", "alpha"), "shifted": ("e", "alpha"), "broken": ("e",)}


def too_few(observations: Observations, law: LawName) -> list[Finding]:
    """Fewer than two points per parameter, or fewer distinct predictors than parameters and one."""
    n_parameters = len(make_law(law, observations.scaled).parameters)
    n_points = len(observations.score)
    n_distinct = len(np.unique(np.column_stack(observations.predictors), axis=0))
    findings = []
    if n_points < 2 * n_parameters:
        what = f"too few points for the {n_parameters} parameters of '{law}'"
        findings.append(_refusal(what, "too-few-points", f"at least {2 * n_parameters}", str(n_points)))
    if n_distinct <= n_parameters:
        what = f"too few different predictors for the {n_parameters} parameters of '{law}'"
        findings.append(_refusal(what, "too-few-points", f"at least {n_parameters + 1}", str(n_distinct)))
    return findings


def refusals(observations: Observations, name: LawName, restarts: Restarts) -> list[Finding]:
    """What speaks against the best of the restarts."""
    law = make_law(name, observations.scaled)
    findings = _disagreement(law, restarts)
    findings += _at_bounds(law, restarts.theta[0])
    if name != "log" and not findings:
        findings += _no_plateau(observations, name, restarts)
    return findings


def resampled_refusals(law: Law, resampled: Floats) -> list[Finding]:
    """A plateau or exponent that leans on its bound in so many resamples that its interval says nothing."""
    found = []
    for index, parameter in enumerate(law.parameters):
        if parameter not in ("e", "alpha", "beta") or law.name == "broken":
            continue
        share = float(np.mean(_leans(resampled[:, index], law.low[index], law.high[index])))
        if share > _SHARE_AT_BOUND:
            noun = "plateau" if parameter == "e" else f"exponent {parameter}"
            what = f"the {noun} is not identified: it is at its limit in {share:.0%} of the resamples"
            code = "plateau-not-identified" if parameter == "e" else "exponent-not-identified"
            found.append(_refusal(what, code, "at most 2.5 %", f"{share:.1%}"))
    return found


def _disagreement(law: Law, restarts: Restarts) -> list[Finding]:
    """Ends that are as good as the best but say something else."""
    near = restarts.loss <= restarts.loss[0] * (1 + _NEAR) + 1e-12
    n_best = restarts.n_reaching_best
    apart = np.abs(law.log_prediction(restarts.theta[near]) - law.log_prediction(restarts.theta[:1])).max(axis=1)
    names = _MOVING.get(law.name, ("e", "alpha", "beta"))
    columns = [law.parameters.index(one) for one in names]
    parameters = np.abs(restarts.theta[near][:, columns] - restarts.theta[0, columns]).max(axis=1)
    other = int(restarts.n_starts[near][(apart > _AGREE) | (parameters > _AGREE)].sum())
    if other:
        what = "restarts disagree: as good a fit has other constants"
        return [_refusal(what, "restarts-disagree", f"all {n_best + other} good starts agree", f"{other} do not")]
    if n_best < 2:
        what = "restarts disagree: only one start reached the best fit"
        return [_refusal(what, "restarts-disagree", "at least 2", str(n_best))]
    return []


def _at_bounds(law: Law, theta: Floats) -> list[Finding]:
    findings = []
    for index, parameter in enumerate(law.parameters):
        flat_before_break = law.name == "broken" and parameter == "alpha"
        if flat_before_break or not _leans(theta[index : index + 1], law.low[index], law.high[index])[0]:
            continue
        if parameter == "e":
            findings.append(_refusal("the data show no plateau", "plateau-not-identified", "a bend", "a straight line"))
        else:
            what = f"the data do not identify {parameter}: it ran to its limit"
            findings.append(_refusal(what, "exponent-not-identified", "", f"{theta[index]:g}"))
    return findings


def _no_plateau(observations: Observations, name: LawName, restarts: Restarts) -> list[Finding]:
    """Does a law without a plateau fit as well? Likelihoods are of Laplace errors, as is nearly the loss."""
    without = multi_start(name, observations.scaled, observations.log_y, plateau=False).loss[0]
    n_points, best = len(observations.score), max(float(restarts.loss[0]), 1e-300)
    ratio = 2 * n_points * np.log(max(float(without), best) / best)
    if ratio >= _CHI_SQUARE:
        return []
    what = "the plateau is not identified: a law without one fits as well"
    expected = f"likelihood ratio above {_CHI_SQUARE}"
    return [_refusal(what, "plateau-not-identified", expected, f"{ratio:.2f}")]


def _leans(values: Floats, low: float, high: float) -> NDArray[np.bool_]:
    margin = 1e-6 * (high - low)
    return (values <= low + margin) | (values >= high - margin)


def _refusal(what: str, code: str, expected: str, found: str) -> Finding:
    advice = {
        "too-few-points": "add points, or take a law with fewer parameters",
        "restarts-disagree": "take a law with fewer parameters, or add points where the law bends",
        "plateau-not-identified": "add larger predictors, or take --law log, which has no plateau",
        "exponent-not-identified": "add a wider range of predictors, or take a law with fewer parameters",
    }[code]
    return Finding(what, expected=expected, found=found, advice=advice, code=code)
