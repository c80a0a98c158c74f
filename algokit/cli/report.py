"""``algokit report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Manifest, MaybeData, Submission


def report(
    path: Submission,
    data: MaybeData = None,
    manifest: Manifest = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="PATH/report.md if not given.")] = None,
) -> None:
    """Write report.md with every score table."""
    from algokit import verbs
    from algokit.console import say

    say(f"report written: {verbs.report(path, data=data, manifest=manifest, out=out)}")
