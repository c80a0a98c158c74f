"""What came out of a study, group by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from algokit.types import Finding

if TYPE_CHECKING:
    from algokit.studies.allocation import Allocation
    from algokit.studies.extrapolation import HeldOut
    from algokit.studies.fit import Fit


@dataclass(frozen=True)
class Predicted:
    """A score at one place, its 95 % band, or why none is given."""

    at: tuple[float, ...]
    score: float | None
    low: float | None
    high: float | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class GroupStudy:
    """What came out for one group.

    Attributes
    ----------
    fit : None where it was refused, unless it was wanted anyway; ``findings`` say why.
    held_out : laws fitted to the small and tested on the large, the best first.
    reach : how many times beyond the data a prediction is given.
    answer : what to do with ten times the compute; "" without an allocation.
    """

    group: str
    n_points: int
    n_units: int
    fit: Fit | None
    findings: tuple[Finding, ...]
    held_out: tuple[HeldOut, ...]
    reach: float
    predictions: tuple[Predicted, ...]
    allocation: Allocation | None
    answer: str
