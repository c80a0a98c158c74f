"""Plain sentences: what a joint law advises to do with more compute."""

from __future__ import annotations

from algokit.studies.allocation import Allocation, BestSplit
from algokit.studies.fit import Interval


def compute_sentence(allocation: Allocation, *, reach: float, factor: float = 10.0) -> str:
    """``10 times the compute: 4.7 times the images, 1.9 times the parameters, expected score 0.45 (95 % ...)``.

    What is multiplied is the largest compute whose best split lies inside the data.

    Parameters
    ----------
    reach : the factor beyond the data up to which a score is given.
    """
    growth = allocation.growth(factor)
    images, parameters = (_times(*growth[name], name) for name in ("images", "parameters"))
    before = allocation.largest_inside
    best = allocation.best_split(factor * before)
    times = f"{factor:g} times the compute ({before:.3g} to {best.compute:.3g})"
    return f"{times}: {images}, {parameters}, {_score(best, reach)}"


def _times(value: float, interval: Interval | None, noun: str) -> str:
    return f"{value:.2f} times the {noun}{_bracket(interval, 2)}"


def _score(best: BestSplit, reach: float) -> str:
    if best.beyond > reach:
        return f"no score, because that is {best.beyond:.3g} times beyond the data and {reach:.3g} times was tested"
    return f"expected score {best.score:.3f}{_bracket(best.score_interval, 3)}"


def _bracket(interval: Interval | None, digits: int) -> str:
    return "" if interval is None else f" (95 % {interval.low:.{digits}f} to {interval.high:.{digits}f})"
