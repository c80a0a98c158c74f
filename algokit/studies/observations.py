"""What a law is fitted to: scores at predictors, and what the points were drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.studies.terms import Floats
from algokit.types import Finding


@dataclass(frozen=True)
class Observations:
    """Points of a study.

    Attributes
    ----------
    predictors : one (n_points,) float64 per predictor, in its own unit, above 0.
    score : (n_points,) float64 alignment S, below 1.
    scales : what each predictor is divided by before a law sees it.
    names : of the predictors.
    units : (n_points,) label of what is resampled: points with one label come and go together.

    Raises
    ------
    UsageError : shapes differ, a value is not finite, a predictor is not above 0, a score is not below 1.
    """

    predictors: tuple[Floats, ...]
    score: Floats
    scales: tuple[float, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]

    def __post_init__(self) -> None:
        n_points = len(self.score)
        lengths = {len(self.units), *map(len, self.predictors)}
        if lengths != {n_points} or len(self.predictors) != len(self.scales):
            raise UsageError("nothing can be fitted", [Finding("predictors and scores differ in number", code="shape")])
        findings = [
            finding
            for name, values in zip(self.names, self.predictors, strict=True)
            for finding in _outside(name, values, np.isfinite(values) & (values > 0), "above 0, for its logarithm")
        ]
        below = np.isfinite(self.score) & (self.score < 1)
        findings += _outside("score", self.score, below, "below 1, for the logarithm of 1 - S")
        if findings:
            raise UsageError("these points have no logarithm", findings)

    @property
    def log_y(self) -> Floats:
        """(n_points,) natural logarithm of ``1 - S``."""
        return np.log1p(-self.score)

    @property
    def scaled(self) -> tuple[Floats, ...]:
        """The predictors, divided by their scales."""
        return tuple(values / scale for values, scale in zip(self.predictors, self.scales, strict=True))

    def take(self, rows: NDArray[np.bool_]) -> Observations:
        """Some of the points."""
        units = tuple(unit for unit, kept in zip(self.units, rows, strict=True) if kept)
        predictors = tuple(one[rows] for one in self.predictors)
        return Observations(predictors, self.score[rows], self.scales, self.names, units)


def observe(
    predictors: Sequence[Sequence[float] | Floats],
    score: Sequence[float] | Floats,
    *,
    scales: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
) -> Observations:
    """Observations from plain arrays; every point is a unit of its own unless ``units`` says otherwise.

    Raises
    ------
    UsageError : see `Observations`.
    """
    n_predictors, n_points = len(predictors), len(score)
    return Observations(
        tuple(np.asarray(one, np.float64) for one in predictors),
        np.asarray(score, np.float64),
        tuple(float(scale) for scale in scales or [1.0] * n_predictors),
        tuple(names or ["x", "x2"][:n_predictors]),
        tuple(units or map(str, range(n_points))),
    )


def _outside(name: str, values: Floats, good: NDArray[np.bool_], expected: str) -> list[Finding]:
    bad = np.flatnonzero(~good)
    if not len(bad):
        return []
    what = f"{len(bad)} of {len(values)} values cannot be used"
    advice = "leave them out with a filter (--where)"
    return [Finding(what, name, expected=expected, found=f"{values[bad[0]]:g}", advice=advice, code="no-logarithm")]
