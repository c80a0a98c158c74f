"""``algokit rerun``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import (
    BatchSize,
    BlockVertices,
    Data,
    Device,
    Executor,
    Image,
    Json,
    Manifest,
    Nsd,
    Quiet,
    Store,
    Workers,
    container_options,
    machine_file,
    store_root,
)


def rerun(
    card: Annotated[
        Path,
        typer.Argument(metavar="CARD", help="A card.json, a submission folder, or the provenance file beside a zip."),
    ],
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The new submission folder; submissions/<recipe>-<key>-rerun if not given."),
    ] = None,
    manifest: Manifest = None,
    nsd: Nsd = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=FILE", help="Where a checkpoint lies: members.0.backbone.checkpoint=FILE."),
    ] = None,
    store: Store = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Run even where data, weights or plan are not those of the card.")
    ] = False,
    executor: Executor = "local",
    image: Image = "",
    device: Device = "auto",
    batch_size: BatchSize = None,
    workers: Workers = 4,
    block_vertices: BlockVertices = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run again what a card says, and compare what comes out with it.

    Refused where the data, those behind the scores too, or the weights are not those of the card. What the store holds
    is not computed again; a new --store computes everything. Exits with 0 for the same bytes or the same scores, and
    with 1 otherwise.
    """
    from algokit import verbs
    from algokit.console import show_rerun, shown_progress, write_json
    from algokit.reporting.card_documents import rerun_document
    from algokit.reporting.card_rerun import GOOD

    with shown_progress(quiet=quiet) as progress:
        report = verbs.rerun(
            card,
            data=data,
            manifest=manifest,
            nsd=nsd,
            out=out,
            store=store_root(store),
            overrides=overrides or (),
            machine_file=machine_file(),
            executor=executor,
            options=verbs.RunOptions(device, batch_size, workers, block_vertices),
            container=container_options(image),
            anyway=anyway,
            progress=progress,
        )
    if as_json:
        places = {"card": str(report.card), "submission": str(report.run.submission)}
        write_json({**places, **rerun_document(report.checks, report.outcome, report.verdict)})
    else:
        show_rerun(report)
    if report.outcome not in GOOD:
        raise typer.Exit(1)
