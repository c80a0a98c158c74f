"""Findings and errors: what, where, expected, found, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from algokit.console.quantities import plural
from algokit.console.streams import messages, results
from algokit.types import Finding, Severity

_STYLE: dict[Severity, str] = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
_INDENT = (0, 0, 0, 2)


def show_error(headline: str, findings: Sequence[Finding]) -> None:
    """An error on stderr: the headline, then every finding."""
    stream = messages()
    stream.print(Text.assemble(("error: ", _STYLE["error"]), headline))
    for finding in findings:
        print_finding(stream, finding)


def show_findings(findings: Sequence[Finding], subject: str) -> None:
    """Findings as a result, worst first, and one line that counts them."""
    stream = results()
    order: list[Severity] = ["error", "warning", "note"]
    for finding in sorted(findings, key=lambda one: order.index(one.severity)):
        print_finding(stream, finding, with_severity=True)
    stream.print(verdict(findings, subject))


def print_finding(stream: Console, finding: Finding, *, with_severity: bool = False) -> None:
    """One finding: its place and what is wrong, then the details beside their labels."""
    head = Text()
    if with_severity:
        head.append(f"{finding.severity}: ", _STYLE[finding.severity])
    place = ": ".join(part for part in (finding.where, finding.path) if part)
    if place:
        head.append(f"{place}: ", "bold")
    head.append(finding.what)
    if stream.is_terminal:
        stream.print(Padding(head, _INDENT, expand=False))
    else:
        stream.print("  ", head, sep="", soft_wrap=True)  # whole in a log file, where programs look for it
    details = Table.grid(padding=(0, 1))
    details.add_column(style="dim", min_width=10)
    details.add_column(overflow="fold")
    for label, value in (("expected", finding.expected), ("found", finding.found), ("advice", finding.advice)):
        if value:
            details.add_row(f"  {label}", value)
    if details.row_count:
        stream.print(Padding(details, _INDENT, expand=False))


def verdict(findings: Sequence[Finding], subject: str) -> Text:
    """``demo/data: fine`` or ``demo/data: 2 errors, 1 warning``."""
    counts = Counter(finding.severity for finding in findings)
    said = [plural(counts[severity], severity) for severity in _STYLE if counts[severity]]
    if not counts["error"]:
        return Text.assemble((f"{subject}: ", ""), ("fine", "bold green"), ", with " * bool(said) + ", ".join(said))
    return Text.assemble((f"{subject}: ", ""), (", ".join(said), _STYLE["error"]))
