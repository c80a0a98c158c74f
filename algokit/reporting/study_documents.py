"""A study as plain documents: one JSON object, and its constants as a tidy table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.studies.fit import CONFIDENCE, Interval

if TYPE_CHECKING:
    from algokit.studies.allocation import Allocation, BestSplit
    from algokit.studies.extrapolation import HeldOut
    from algokit.studies.fit import Fit
    from algokit.studies.laws import LawName
    from algokit.studies.results import GroupStudy, Predicted
    from algokit.studies.selection import Selection

FORMULAS = {
    "log": "S = a + b log10 X",
    "power": "S = S_max - A X^-alpha",
    "shifted": "S = S_max - A (X + shift)^-alpha",
    "broken": "S = S_max - A X^-alpha (1 + (X/x_break)^(1/f))^(-gamma f)",
    "joint": "S = S_max - A N^-alpha - B D^-beta",
}
COLUMNS = ("group", "law", "constant", "value", "low", "high", "n_points", "n_units", "n_resamples", "loss")


def study_document(table: Path, law: LawName, selection: Selection, groups: Iterable[GroupStudy]) -> dict[str, Any]:
    """Everything a study says, as plain values; numbers that are not known are None."""
    return {
        "table": table.name,
        "law": law,
        "formula": FORMULAS[law],
        "confidence": CONFIDENCE,
        "n_rows": selection.n_rows,
        "n_filtered": selection.n_filtered,
        "n_missing": selection.n_missing,
        "n_incomplete": selection.n_incomplete,
        "groups": [group_document(one) for one in groups],
    }


def constants_csv(groups: Iterable[GroupStudy]) -> str:
    """One row per group and constant; refused fits have none."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for group in groups:
        if group.fit is None:
            continue
        fit, intervals = group.fit, group.fit.intervals
        counts = (group.n_points, group.n_units, len(fit.resampled), repr(fit.loss))
        for name, value in fit.constants.items():
            interval = intervals.get(name)
            ends = (repr(interval.low), repr(interval.high)) if interval else ("", "")
            writer.writerow((group.group, fit.law, name, repr(value), *ends, *counts))
    return stream.getvalue()


def group_document(one: GroupStudy) -> dict[str, Any]:
    """What came out for one group."""
    return {
        "group": one.group,
        "n_points": one.n_points,
        "n_units": one.n_units,
        "refused": bool(one.findings),
        "findings": [finding.as_dict() for finding in one.findings],
        "fit": _fit(one.fit) if one.fit else None,
        "reach": one.reach,
        "held_out": [_held_out(held) for held in one.held_out],
        "predictions": [_prediction(prediction) for prediction in one.predictions],
        "allocation": _allocation(one.allocation) if one.allocation else None,
        "answer": one.answer,
    }


def _fit(fit: Fit) -> dict[str, Any]:
    intervals = fit.intervals
    names, scales = fit.observations.names, fit.observations.scales
    return {
        "predictors": [{"name": name, "scale": scale} for name, scale in zip(names, scales, strict=True)],
        "constants": {name: _number(value, intervals.get(name)) for name, value in fit.constants.items()},
        "loss": fit.loss,
        "n_resamples": len(fit.resampled),
        "n_starts": fit.n_starts,
        "n_reaching_best": fit.n_reaching_best,
    }


def _held_out(held: HeldOut) -> dict[str, Any]:
    numbers = {name: known(getattr(held, name)) for name in ("factor", "mean_error", "bias", "constant_error")}
    findings = [finding.as_dict() for finding in held.refused]
    return {"law": held.law, "n_small": held.n_small, "n_large": held.n_large, **numbers, "refused": findings}


def _prediction(one: Predicted) -> dict[str, Any]:
    findings = [finding.as_dict() for finding in one.findings]
    return {"at": list(one.at), "score": one.score, "low": one.low, "high": one.high, "findings": findings}


def _allocation(allocation: Allocation) -> dict[str, Any]:
    interval = allocation.parameter_interval
    images = Interval(1 - interval.high, 1 - interval.low) if interval else None
    return {
        "parameter_exponent": _number(allocation.parameter_exponent, interval),
        "image_exponent": _number(allocation.image_exponent, images),
        "compute": {"log10_m": allocation.compute.log10_m, "n": allocation.compute.n},
        "growth_of_ten": {name: _number(*grown) for name, grown in allocation.growth(10.0).items()},
        "frontier": [_split(one) for one in allocation.frontier()],
    }


def _split(best: BestSplit) -> dict[str, Any]:
    return {
        "compute": best.compute,
        "parameters": _number(best.parameters, best.parameters_interval),
        "images": _number(best.images, best.images_interval),
        "score": _number(best.score, best.score_interval),
        "beyond": best.beyond,
    }


def _number(value: float, interval: Interval | None) -> Mapping[str, float | None]:
    low, high = (interval.low, interval.high) if interval else (None, None)
    return {"value": known(value), "low": known(low), "high": known(high)}


def known(value: float | None) -> float | None:
    """The number, or None where there is none to write."""
    return value if value is not None and math.isfinite(value) else None
