"""Are these submissions valid?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from algokit.console.findings import show_findings
from algokit.console.streams import results

if TYPE_CHECKING:
    from algokit.verbs import ValidationReport


def show_validation(reports: Sequence[ValidationReport]) -> None:
    """Print the findings of every submission, and which shapes it was held to."""
    for report in reports:
        show_findings(report.findings, str(report.path))
        results().print(Text(f"  shapes: {report.geometry_source}", "dim"))
