"""``algokit list``."""

from __future__ import annotations

from typing import Annotated

import typer

from algokit.cli.options import Json


def list_members(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="backbones, poolings, reductions, readouts, metrics, executors, models or recipes; or a model, "
            "for its layers.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what a recipe can name.

    Members of every family (backbones to executors), models whose layers are known, and the shipped recipes.
    """
    from algokit import verbs
    from algokit.console import show_members, write_json

    listing = verbs.list_members(what)
    if as_json:
        write_json(
            {name: [{"kind": kind, "summary": summary} for kind, summary in rows] for name, rows in listing.items()}
        )
    else:
        show_members(listing)
