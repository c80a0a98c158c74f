"""Fitted laws: constants with intervals, what was held out, what is predicted, and what to do with more compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from algokit.console.findings import print_finding
from algokit.console.quantities import plural
from algokit.console.streams import results
from algokit.console.tables import number_table

if TYPE_CHECKING:
    from rich.console import Console

    from algokit.studies.results import GroupStudy, Predicted
    from algokit.verbs.studying import StudyReport


def show_study(report: StudyReport) -> None:
    """Print every group; refused fits say why."""
    stream, selection = results(), report.selection
    counts = f"{plural(selection.n_rows, 'row')}, {selection.n_filtered:,} left out by filters, "
    counts += f"{selection.n_missing:,} for a missing value"
    if selection.n_incomplete:
        counts += f"; {plural(selection.n_incomplete, 'point')} with fewer scores than others"
    stream.print(counts)
    for group in report.groups:
        stream.print()
        _show_group(stream, group, report.options.law)
    for path in report.files:
        stream.print(Text(str(path), "dim"), soft_wrap=True)


def _show_group(stream: Console, group: GroupStudy, law: str) -> None:
    name = "" if group.group == "all" else f"{group.group}: "
    stream.print(Text(f"{name}{law} law, {plural(group.n_points, 'point')}", "bold"))
    if group.findings:
        stream.print(Text("refused: the data do not say what this fit would claim", "bold red"))
        for finding in group.findings:
            print_finding(stream, finding)
    if group.fit is not None:
        intervals = group.fit.intervals
        rows = [
            [
                name,
                f"{value:.5g}",
                *((f"{intervals[name].low:.5g}", f"{intervals[name].high:.5g}") if intervals else ()),
            ]
            for name, value in group.fit.constants.items()
        ]
        stream.print(number_table(["constant", "value", *(["95 % from", "to"] if intervals else [])], rows))
        scaled = zip(group.fit.observations.names, group.fit.observations.scales, strict=True)
        units = ", ".join(f"{name} / {scale:g}" for name, scale in scaled)
        stream.print(Text(f"of {units}; loss {group.fit.loss:.6g}; {group.n_units:,} units resampled", "dim"))
    _show_held_out(stream, group)
    for one in group.predictions:
        stream.print(prediction_text(one))
    if group.answer:
        stream.print(Text(group.answer, "bold"))


def _show_held_out(stream: Console, group: GroupStudy) -> None:
    if not group.held_out:
        return
    rows = []
    for one in group.held_out:
        error = ["refused", ""] if one.refused else [f"{one.mean_error:.4f}", f"{one.bias:+.4f}"]
        rows.append([one.law, f"{one.n_small}", f"{one.n_large}", f"{one.factor:.3g}", *error])
    stream.print()
    stream.print(
        number_table(["fitted to the small", "points", "tested on", "times beyond", "mean error", "bias"], rows)
    )


def prediction_text(one: Predicted) -> Text:
    """A score at one place with its band, or why none is given."""
    place = ", ".join(f"{value:g}" for value in one.at)
    if one.score is None:
        why = "; ".join(str(finding) for finding in one.findings)
        return Text(f"at {place}: not given, {why}", "yellow")
    band = "" if one.low is None else f" (95 % {one.low:.4f} to {one.high:.4f})"
    return Text(f"at {place}: {one.score:.4f}{band}")
