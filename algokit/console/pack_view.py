"""Where the zip is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from algokit.console.findings import print_finding
from algokit.console.quantities import plural, size
from algokit.console.streams import results

if TYPE_CHECKING:
    from algokit.verbs import PackReport


def show_pack(report: PackReport) -> None:
    """Print where the zip is, its size and digest, and what there is to say about it."""
    stream = results()
    for finding in report.findings:
        print_finding(stream, finding, with_severity=True)
    stream.print(Text.assemble("zip written: ", (str(report.path), "bold")), soft_wrap=True)
    stream.print(f"  {plural(report.n_files, 'file')}, {size(report.n_bytes)}, sha256 {report.sha256[:12]}")
