"""Are these submissions valid?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from algokit.challenge.untrusted_npy import shown
from algokit.console.findings import print_finding
from algokit.console.quantities import plural
from algokit.console.streams import results
from algokit.types import Finding, Severity, errors_among

if TYPE_CHECKING:
    from algokit.verbs import ValidationReport

_ORDER: list[Severity] = ["error", "warning", "note"]
_PATH_CHARACTERS = 4096


def show_validation(reports: Sequence[ValidationReport], *, strict: bool = False) -> None:
    """Print every submission's verdict, its findings, worst first, and what it was held to; at last how many passed."""
    stream = results()
    for position, report in enumerate(reports):
        if position and (report.findings or reports[position - 1].findings):
            stream.print()
        _show(stream, report, strict)
    if len(reports) > 1:
        n_valid = sum(report.is_valid(strict=strict) for report in reports)
        said = f"{plural(len(reports), 'submission')}: {n_valid} valid, {len(reports) - n_valid} not"
        stream.print(Text("\n" + said, "bold green" if n_valid == len(reports) else "bold red"))


def _show(stream: Console, report: ValidationReport, strict: bool) -> None:
    path = shown(str(report.path), _PATH_CHARACTERS)
    name = "stdin" if report.path == Path("-") else path
    stream.print(Text.assemble((f"{name}: ", "bold"), _verdict(report, strict)), soft_wrap=True)
    for finding in sorted(report.findings, key=lambda one: _ORDER.index(one.severity)):
        print_finding(stream, _without_place(finding, path), with_severity=True)
    for line in _held_to(report):
        stream.print(Text(f"  {line}", "dim"), soft_wrap=not stream.is_terminal)


def _without_place(finding: Finding, path: str) -> Finding:
    """The finding without the submission's own path, which stands above it."""
    return replace(finding, where="") if finding.where == path else finding


def _verdict(report: ValidationReport, strict: bool) -> Text:
    """``valid``, ``valid with 3 warnings``, ``5 errors, 1 warning``."""
    n_errors, n_warnings = len(errors_among(report.findings)), report.n_warnings
    warnings = plural(n_warnings, "warning")
    if n_errors:
        return Text(plural(n_errors, "error") + f", {warnings}" * bool(n_warnings), "bold red")
    if strict and n_warnings:
        return Text(f"{warnings}, which --strict refuses", "bold red")
    return Text("valid" + f" with {warnings}" * bool(n_warnings), "bold yellow" if n_warnings else "bold green")


def _held_to(report: ValidationReport) -> list[str]:
    if not report.geometry:
        return []
    lines = [f"sizes are those of {report.geometry_source}"]
    if errors_among(report.findings):
        return lines
    lines.insert(0, f"checked {plural(len(report.files), 'file')}, {_many(report.n_values)} values")
    if report.truth_source:
        tried = "other subjects, the other hemisphere, five other orders, and how the other files follow the images"
        lines.append(f"the rows were compared with {report.truth_source}: {tried}")
    return lines


def _many(number: int) -> str:
    """``79.5 million``; in full where it is small."""
    return f"{number / 1e6:.1f} million" if number >= 1_000_000 else f"{number:,}"
