"""Two cards side by side, and a rerun beside its card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from algokit.console.streams import results
from algokit.reporting.card_inputs import plain
from algokit.reporting.card_rerun import GOOD
from algokit.reporting.card_verdict import change_text

if TYPE_CHECKING:
    from algokit.reporting.card_diff import FilesCompared, ScoreCompared
    from algokit.reporting.card_inputs import Difference
    from algokit.verbs import DiffReport, RerunReport

_SAME = {True: Text("yes", "green"), False: Text("no", "bold red"), None: Text("-", "dim")}


def show_diff(report: DiffReport) -> None:
    """Print which inputs differ, the files, the scores side by side, and the verdict last."""
    stream = results()
    if report.diff.inputs:
        stream.print(_inputs(report.diff.inputs))
    for what, files in (("predictions", report.diff.predictions), ("choices", report.diff.choices)):
        _print_files(stream, what, files)
    if report.diff.scores:
        stream.print(_scores(report.diff.scores))
    _print_verdict(stream, report.verdict, is_good=report.diff.is_same)


def show_rerun(report: RerunReport) -> None:
    """Print every check of a rerun, where the new submission lies, and the verdict last."""
    stream = results()
    table = _table("what", "card", "now", "same?")
    for check in report.checks:
        table.add_row(Text(check.what), Text(check.card), Text(check.now), _SAME[check.is_same])
    stream.print(table)
    state = "unchanged" if report.run.reused else "written"
    stream.print(Text.assemble(f"submission {state}: ", (str(report.run.submission), "bold")), soft_wrap=True)
    _print_verdict(stream, report.verdict, is_good=report.outcome in GOOD)


def _inputs(inputs: Sequence[Difference]) -> Table:
    """One row per input; what can change nothing is dim, and says why."""
    table = _table("input", "what", "CARD1", "CARD2")
    groups = [one.group for one in inputs]
    for one, group, before in zip(inputs, groups, [None, *groups], strict=False):
        style = "dim" if one.reach == "nothing" else ""
        what = f"{one.what} ({one.note})" if one.note else one.what
        cells = ("" if group == before else group, what, plain(one.old), plain(one.new))
        table.add_row(*(Text(cell, style) for cell in cells))
    return table


def _print_files(stream: Console, what: str, files: FilesCompared) -> None:
    n_files = files.n_same + len(files.differing)
    if files.differing:
        stream.print(Text(f"{what}: {len(files.differing)} of {n_files} files differ"))
        shown = files.differing[:4]
        more = [f"and {len(files.differing) - len(shown)} more"] if len(files.differing) > len(shown) else []
        for name in (*shown, *more):
            stream.print(Text(f"  {name}", "dim"))
    elif n_files:
        stream.print(Text(f"{what}: all {n_files} files have the same bytes"))


def _scores(scores: Sequence[ScoreCompared]) -> Table:
    table = _table("split", "score", "CARD1", "CARD2", "change")
    for score in scores:
        old, new = ("n/a" if value is None else f"{value:.{score.digits}f}" for value in (score.old, score.new))
        change = "n/a" if score.change is None else change_text(score) if score.change else "0"
        table.add_row(score.split, score.metric.replace("_", " "), old, new, change)
    return table


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _print_verdict(stream: Console, verdict: Sequence[str], *, is_good: bool) -> None:
    for line in verdict:
        stream.print(Text(line, "bold green" if is_good else "bold"))
