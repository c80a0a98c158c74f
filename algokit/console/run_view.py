"""A finished run: what was made and why, how good it is, where it lies."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from algokit.console.quantities import duration, plural
from algokit.console.score_view import headline
from algokit.console.streams import print_warnings, results
from algokit.console.tables import number_table

if TYPE_CHECKING:
    from algokit.pipeline.run import StepOutcome
    from algokit.pipeline.times import GroupTime
    from algokit.verbs import RunReport

_SUBJECT = re.compile(r"/subj\d\d")
_NOTICED_S = 1.0
_REASON = 160  # characters of a reason; --json has the whole


def show_run(report: RunReport) -> None:
    """Print a run: steps made with their reasons, scores, notes, warnings, and where the submission is."""
    stream = results()
    _print_steps(stream, report.outcomes)
    print_times(stream, report.times)
    for split, scores in report.scores.items():
        if scores is not None:
            stream.print(headline(scores))
        elif split == "test":
            stream.print(Text("test: no test responses in the data, so no score", "dim"))
    _print_notes(stream, report.submission)
    print_warnings(stream, report.warnings)
    _print_places(stream, report.submission, "unchanged" if report.reused else "written")


def _print_notes(stream: Console, submission: Path) -> None:
    """The first note of every fit, worst first as the readout says them; the card has all."""
    card = json.loads((submission / "card.json").read_text(encoding="utf-8"))
    for step, (first, *others) in card["notes"].items():
        more = f" (and {len(others)} more in card.json)" if others else ""
        stream.print(Text.assemble(("note: ", "bold cyan"), f"{step}: {first}{more}"))


def _print_places(stream: Console, submission: Path, state: str) -> None:
    stream.print(Text.assemble(f"submission {state}: ", (str(submission), "bold")), soft_wrap=True)
    places = {
        "report": "report.html, report.md",
        "figures": "figures/",
        "scores": "scores.json",
        "made from": "card.json, plan.json",
        "choices": "fits/",
    }
    for label, place in places.items():
        stream.print(Text.assemble((f"  {label:<10}", "dim"), place))


def _print_steps(stream: Console, outcomes: Sequence[StepOutcome]) -> None:
    made = [outcome for outcome in outcomes if outcome.made]
    kept = len(outcomes) - len(made)
    if not made:
        stream.print(f"nothing to do: all {plural(len(outcomes), 'step')} are in the store")
        return
    spent = duration(sum(outcome.seconds for outcome in made))
    stream.print(f"{plural(len(made), 'step')} made in {spent}, {kept:,} kept from the store")
    reasons = Table.grid(padding=(0, 1))
    reasons.add_column(style="dim")
    reasons.add_column(justify="right")
    reasons.add_column(overflow="fold")
    for name, count, reason in reasons_in_words(made):
        reasons.add_row(f"  {name}", f"{count:,}", reason)
    stream.print(reasons)


def print_times(stream: Console, times: Sequence[GroupTime]) -> None:
    """Forecast beside actual, of what took longer than nobody notices."""
    shown = [one for one in times if max(one.actual_s, one.forecast_s or 0) >= _NOTICED_S]
    if not shown or all(one.forecast_s is None for one in shown):
        return
    rows = [[one.group, _forecast(one), duration(one.actual_s)] for one in shown]
    stream.print(number_table(["steps", "forecast", "took"], rows))


def _forecast(time: GroupTime) -> str:
    words = "unknown" if time.forecast_s is None else duration(time.forecast_s)
    return words if time.is_whole else f"{words} (a part was made before)"


def reasons_in_words(made: Sequence[StepOutcome]) -> list[tuple[str, int, str]]:
    """Steps of one kind and member that were made for the same reason: ``("features/clip", 12, "new")``."""
    counts = Counter(
        (_family(one.id), shorten(_SUBJECT.sub("", one.reason), _REASON, placeholder=" ...")) for one in made
    )
    return [(name, count, reason) for (name, reason), count in counts.items()]


def _family(step_id: str) -> str:
    kind, *rest = _SUBJECT.sub("", step_id).split("/")
    return f"{kind}/{rest[0]}" if rest else kind
