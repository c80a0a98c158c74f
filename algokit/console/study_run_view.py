"""A study before it is run, and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from algokit.console.plan_view import print_member
from algokit.console.quantities import plural, scaled, size
from algokit.console.streams import print_warnings, results
from algokit.console.study_view import prediction_text
from algokit.console.tables import number_table, table_view
from algokit.reporting.study_tables import ends_table, roi_words

if TYPE_CHECKING:
    from rich.console import Console

    from algokit.recipe.plan import Step
    from algokit.recipe.study_plan import Curve, StudyPlan
    from algokit.studies.fit import Interval
    from algokit.studies.results import GroupStudy
    from algokit.verbs.study_running import StudyRunReport

N_FILES = 6  # that are told; pictures are in the page


def show_study_plan(plan: StudyPlan) -> None:
    """Print what a study is going to fit, and what all of it costs."""
    stream = results()
    question = str(plan.study["study"]).replace("_", " ")
    stream.print(Text.assemble((str(plan.study["name"]), "bold"), f"  {question}, on {plan.plan.challenge}"))
    for member in plan.plan.members:
        print_member(stream, member)
    stream.print()
    series: dict[str, list[Curve]] = {}
    for curve in plan.curves:
        series.setdefault(curve.series.name, []).append(curve)
    rows = [[name, *_series(curves)] for name, curves in series.items()]
    stream.print(number_table(["series", "spaces", "subjects", "images", "draws", "points", "work"], rows))
    stream.print()
    features = plan.features
    costs = [["features", *_cost(features)], ["curves", *_cost(plan.curves)]]
    stream.print(number_table(["", "", "on disk", "work", "peak memory"], costs))
    stream.print(f"{plural(plan.n_points, 'point')} in all; features are shared with every run of these members")
    if plan.warnings:
        stream.print()
        print_warnings(stream, plan.warnings)


def _cost(steps: Sequence[Step] | Sequence[Curve]) -> list[str]:
    return [
        f"{len(steps):,}",
        size(sum(one.out_bytes for one in steps)),
        _work(steps),
        size(max((one.memory_bytes for one in steps), default=0)),
    ]


def _series(curves: list[Curve]) -> list[str]:
    first = curves[0]
    sizes = sorted({size for curve in curves for size in curve.sizes})
    images = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,} ({len(first.sizes)})"
    n_points = sum(curve.n_points for curve in curves)
    return [
        f"{len(first.series.spaces)}",
        f"{len(curves)}",
        images,
        f"{len(first.seeds)}",
        f"{n_points}",
        _work(curves),
    ]


def _work(steps: Sequence[Step] | Sequence[Curve]) -> str:
    return scaled(sum(one.flops for one in steps), "FLOP")


def show_study_run(report: StudyRunReport) -> None:
    """Print the scores of every ROI, its law, and where everything is."""
    stream, study = results(), report.study
    n_kept = report.plan.n_points - report.n_made
    stream.print(f"{plural(report.n_made, 'point')} made, {n_kept:,} kept")
    stream.print()
    stream.print(table_view(ends_table(study, report.rows)))
    if report.groups:
        stream.print()
        _show_laws(stream, report.groups)
    if report.warnings:
        stream.print()
        print_warnings(stream, report.warnings)
    for path in report.files[:N_FILES]:
        stream.print(Text(str(path), "dim"), soft_wrap=True)


def _show_laws(stream: Console, groups: Sequence[GroupStudy]) -> None:
    """A line per ROI: constants with their intervals, or that the fit is refused; and what it advises."""
    names = next((list(one.fit.constants) for one in groups if one.fit), [])
    rows = []
    for one in groups:
        constants = one.fit.constants if one.fit else {}
        intervals = one.fit.intervals if one.fit else {}
        cells = [_constant(constants.get(name), intervals.get(name)) for name in names]
        rows.append([roi_words(one.group), *cells, "refused" if one.findings else ""])
    stream.print(number_table(["law", *names, ""], rows))
    for one in groups:
        for finding in one.findings:
            stream.print(Text(f"{roi_words(one.group)}: {finding}", "yellow"))
        for prediction in one.predictions:
            stream.print(Text(f"{roi_words(one.group)}, ").append(prediction_text(prediction)))
        if one.answer:
            stream.print(Text(f"{roi_words(one.group)}: {one.answer}", "bold"))


def _constant(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" + (f" [{interval.low:.3g}, {interval.high:.3g}]" if interval else "")
