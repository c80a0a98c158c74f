"""``algokit report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Manifest, MaybeData, Nsd, Quiet, Submission


def report(
    path: Submission,
    data: MaybeData = None,
    manifest: Manifest = None,
    nsd: Nsd = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The tables alone, as Markdown.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="PATH/report.html if not given; <name>.report.html beside a submission that algokit did not write.",
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=0, help="With --data: resamples of the images for every 95 % interval; 0 for none.")
    ] = 1000,
    quiet: Quiet = False,
) -> None:
    """Write one self-contained page: verdict, findings, figures, brain maps, tables, methods, provenance.

    Every picture is also written as a file of its own. With --data the test split is scored again; a submission that
    algokit did not write needs it.
    """
    from algokit import verbs
    from algokit.console import say, shown_progress
    from algokit.scoring import Intervals

    intervals = Intervals(n_resamples=resamples, n_permutations=Intervals().n_permutations if resamples else 0)
    with shown_progress(quiet=quiet) as progress:
        written = verbs.report(
            path,
            data=data,
            manifest=manifest,
            nsd=nsd,
            out=out,
            markdown=markdown,
            intervals=intervals,
            progress=progress,
        )
    say(f"report written: {written}")
