"""``algokit diff``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Json

_HELP = "A card.json, a submission folder, or the provenance file beside a zip."


def diff(
    first: Annotated[Path, typer.Argument(metavar="CARD1", help=_HELP)],
    second: Annotated[Path, typer.Argument(metavar="CARD2", help=_HELP)],
    as_json: Json = False,
) -> None:
    """Say which input changed the score from one submission to another.

    Exits with 0 where predictions and scores are the same, whatever else differs, and with 1 where they are not or
    where a card was changed after it was written.
    """
    from algokit import verbs
    from algokit.console import show_diff, write_json
    from algokit.reporting.card_documents import diff_document

    report = verbs.diff(first, second)
    if as_json:
        write_json({"card1": str(report.old), "card2": str(report.new), **diff_document(report.diff, report.verdict)})
    else:
        show_diff(report)
    if not report.diff.is_same:
        raise typer.Exit(1)
