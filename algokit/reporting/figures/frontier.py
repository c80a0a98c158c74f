"""The efficient frontier: the best score that each budget of compute buys, and how it is split."""

from __future__ import annotations

from collections.abc import Iterable

from algokit.reporting.figures.curves import Axes, Line, curves_picture, short_number
from algokit.reporting.figures.picture import Picture, kebab
from algokit.reporting.study_words import LawWords
from algokit.studies.allocation import Allocation, BestSplit
from algokit.studies.results import GroupStudy


def frontier_pictures(groups: Iterable[GroupStudy], words: LawWords) -> dict[str, Picture]:
    """Group -> its frontier, of the groups that have one inside of what was tested."""
    found = {}
    for one in groups:
        splits = _given(one.allocation, one.reach) if one.allocation else []
        if len(splits) > 1:
            found[one.group] = _picture(one.group, splits, words)
    return found


def _given(allocation: Allocation, reach: float) -> list[BestSplit]:
    """No score is given farther beyond the data than was tested."""
    return [one for one in allocation.frontier() if one.beyond <= max(reach, 1.0)]


def _picture(group: str, splits: list[BestSplit], words: LawWords) -> Picture:
    intervals = [one.score_interval for one in splits]
    line = Line(
        label="best split",
        x=tuple(one.compute for one in splits),
        y=tuple(one.score for one in splits),
        low=tuple(at.low if at else one.score for at, one in zip(intervals, splits, strict=True)),
        high=tuple(at.high if at else one.score for at, one in zip(intervals, splits, strict=True)),
    )
    title = "Efficient frontier" + (f", {group}" if group != "all" else "")
    ends = (splits[0], splits[-1])
    first, last = (f"{short_number(at.parameters)} parameters, {short_number(at.images)} images" for at in ends)
    how = f"The best {words.score.short} for each compute, with its 95 % interval. From {first} to {last}."
    axes = Axes(words.compute.axis, words.score.axis, is_log=True)
    return curves_picture(f"frontier-{kebab(group)}", [line], axes, title=title, how=how)
