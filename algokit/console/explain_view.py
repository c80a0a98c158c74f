"""Why steps are made again: those alike told together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from algokit.console.quantities import age, plural
from algokit.console.streams import results

if TYPE_CHECKING:
    from algokit.pipeline.explaining import Explained, State
    from algokit.verbs import ExplainReport

_SUBJECT = re.compile(r"/subj\d\d")
_SHOWN = 4
_CAUSE = 240  # characters of a cause; --json has the whole
_STYLES: dict[State, str] = {
    "there": "green",
    "damaged": "bold red",
    "stale": "yellow",
    "gone": "yellow",
    "new": "cyan",
    "no key": "bold red",
}


def show_explained(report: ExplainReport) -> None:
    """Print the steps by state and cause, in the order of the plan, and how many the next run makes."""
    stream = results()
    for group in _groups(report.steps):
        _print_group(stream, group)
    n_there = sum(one.state == "there" for one in report.steps)
    n_next = sum(one.is_next for one in report.steps)
    words = f"{plural(len(report.steps), 'step')}: {n_there:,} in the store, {n_next:,} made by the next run"
    stream.print(Text(words, "bold"))


def _groups(steps: Iterable[Explained]) -> list[list[Explained]]:
    """Steps of one state with the same causes, whichever subject or space they are of."""
    groups: dict[tuple[str, ...], list[Explained]] = {}
    for one in steps:
        alike = (one.step.kind, one.state, str(one.is_next), *(_any_subject(str(cause)) for cause in one.causes))
        groups.setdefault(alike, []).append(one)
    return list(groups.values())


def _print_group(stream: Console, group: Sequence[Explained]) -> None:
    first = group[0]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=13)
    grid.add_column(overflow="fold")
    shown = [one.step.id for one in group[:_SHOWN]]
    more = [f"and {len(group) - _SHOWN:,} more"] if len(group) > _SHOWN else []
    for label, line in zip([_label(first), *[Text()] * _SHOWN], [*shown, *more], strict=False):
        grid.add_row(label, line)
    for cause in first.joined_causes:
        words = shorten(str(cause), _CAUSE, placeholder=" ...")
        grid.add_row(Text("  because", "dim"), words if len(group) == 1 else _any_subject(words))
    if first.relative is not None and first.relative.entry is not None:
        record, entry = first.relative, first.relative.entry
        it = "its artefact" if record.id == first.step.id else record.id
        words = f"{it} {record.key[:12]}, made {age(entry.made_s)} ago" + " and others" * (len(group) > 1)
        grid.add_row(Text("  against", "dim"), Text(words, "dim"))
    if first.state in ("damaged", "stale", "gone") and not first.is_next:
        grid.add_row(Text("  but", "dim"), "the next run needs it for nothing, and does not make it")
    stream.print(grid)


def _label(one: Explained) -> Text:
    words = "in the store" if one.state == "there" else one.state
    return Text(words, _STYLES[one.state])


def _any_subject(words: str) -> str:
    return _SUBJECT.sub("/subj*", words)
