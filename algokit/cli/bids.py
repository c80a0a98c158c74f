"""``algokit /data /out participant|group``: the command line of BIDS Apps, on the challenge's own folders."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import BatchSize, Device, Json, Overrides, Quiet, Workers


class Level(StrEnum):
    """What is analysed."""

    participant = "participant"
    group = "group"


def bids(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The challenge directory.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Where the store, submissions and the zip go.")],
    level: Annotated[Level, typer.Argument(metavar="LEVEL", help="participant, then group.")],
    recipe: Annotated[Path, typer.Option("--recipe", metavar="RECIPE", help="Such as recipes/demo.yaml.")],
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--participant-label", "--participant_label", metavar="LABEL...", help="Such as 01 05; all if not given."
        ),
    ] = None,
    overrides: Overrides = None,
    device: Device = "auto",
    batch_size: BatchSize = None,
    workers: Workers = 4,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """DATA OUT participant runs a recipe for some subjects; DATA OUT group scores, reports and zips what they made.

    The command line that BIDS Apps share: algokit takes it when its first word is an absolute path.
    """
    from algokit import verbs
    from algokit.cli.run import run_document
    from algokit.console import show_pack, show_run, shown_progress, write_json

    options = verbs.RunOptions(device, batch_size, workers)
    work = verbs.run_participants if level is Level.participant else verbs.run_group
    with shown_progress(quiet=quiet) as progress:
        report = work(
            recipe,
            data=data,
            out=out,
            labels=labels or (),
            overrides=overrides or (),
            options=options,
            progress=progress,
        )
    ran = report.run if isinstance(report, verbs.GroupReport) else report
    if as_json:
        write_json(run_document(ran))
        return
    show_run(ran)
    if isinstance(report, verbs.GroupReport):
        show_pack(report.pack)


def as_verb(words: list[str]) -> list[str]:
    """The words of a command line in that shape, as those of the verb; others as they are.

    Labels stand one after the other there: ``--participant-label 01 05`` is the option twice.
    """
    if not words or not words[0].startswith("/"):
        return words
    spread: list[str] = []
    option = ""
    for word in words:
        if word.startswith("-"):
            option = word if word in ("--participant-label", "--participant_label") else ""
            spread += [] if option else [word]
        else:
            spread += [option, word] if option else [word]
    return ["bids", *spread]
