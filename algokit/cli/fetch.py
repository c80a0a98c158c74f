"""``algokit fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Json, Overrides, Quiet, Recipe


def fetch(
    recipe: Recipe,
    overrides: Overrides = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Say what is here and what is missing; no network, nothing is written.")
    ] = False,
    lock: Annotated[
        Path | None,
        typer.Option(
            "--lock",
            metavar="FILE",
            help="Where the digests are written, and read; weights.lock.json beside the recipe if not given.",
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Download all weights a recipe needs. The only command that uses the network.

    They go into the caches of the hubs themselves, where other programs find them too. A download that breaks off goes
    on where it stopped, and no file is in its place before its digest is what the publisher says. The digests of all
    are written into the lock file, to be checked in: plan, run and fetch refuse weights that differ from it.
    """
    from algokit import verbs
    from algokit.console import show_weights, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        report = verbs.fetch(recipe, overrides=overrides or (), lock=lock, only_list=only_list, progress=progress)
    if as_json:
        write_json(report.document())
    else:
        show_weights(report)
