"""``algokit execute``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Quiet


def execute(
    job: Annotated[Path, typer.Argument(metavar="JOB", help="A job file, as algokit run leaves it in the store.")],
    lines: Annotated[
        bool, typer.Option("--lines", help="Progress and outcome as one JSON object a line on stdout, for algokit run.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Run a job file: the inside of a container, or of another machine that sees the same folders.

    It makes what the store lacks and nothing else; algokit run then makes the submission of it.
    """
    from algokit import verbs
    from algokit.console import say, shown_progress

    if lines:
        raise typer.Exit(_spoken(job))
    with shown_progress(quiet=quiet) as progress:
        ran = verbs.execute(job, progress)
    made = sum(outcome.made for outcome in ran.outcomes)
    say(f"{made:,} of {len(ran.outcomes):,} steps made; algokit run with the same store makes the submission of them")


def _spoken(job: Path) -> int:
    """Run it and tell a program how it goes; every way out is told, a bug too. Returns the exit code."""
    from algokit import verbs
    from algokit.cli import BUG, as_told
    from algokit.errors import AlgokitError
    from algokit.executors.lines import Speaker

    speaker = Speaker(sys.stdout)
    try:
        speaker.ran(verbs.execute(job, speaker.progress))
    except Exception as error:
        told = as_told(error)
        speaker.failed(told)
        return told.exit_code if isinstance(told, AlgokitError) else BUG
    return 0
