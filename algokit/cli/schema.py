"""``algokit schema``."""

from __future__ import annotations

from typing import Annotated

import typer


def schema(
    of: Annotated[
        str, typer.Argument(metavar="[recipe|study|card]", help="Of what: a recipe, a study or a submission's card.")
    ] = "recipe",
) -> None:
    """Print the JSON schema of a recipe or a study, for editors; or of a card, for programs that read one."""
    from algokit import verbs
    from algokit.console import write_json

    write_json(verbs.schema(of))
