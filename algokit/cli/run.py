"""``algokit run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from algokit.cli.options import (
    BatchSize,
    BlockVertices,
    Compile,
    Data,
    Device,
    Executor,
    Json,
    Lock,
    Manifest,
    Nsd,
    Overrides,
    Quiet,
    Recipe,
    ShardImages,
    Store,
    Workers,
    machine_file,
    store_root,
)


def run(
    recipe: Recipe,
    data: Data,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The submission folder; submissions/<recipe>-<key> if not given.")
    ] = None,
    manifest: Manifest = None,
    nsd: Nsd = None,
    overrides: Overrides = None,
    store: Store = None,
    lock: Lock = None,
    executor: Executor = "local",
    device: Device = "auto",
    batch_size: BatchSize = None,
    workers: Workers = 4,
    shard_images: ShardImages = 256,
    block_vertices: BlockVertices = None,
    compiled: Compile = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a recipe to a scored submission folder.

    What the store already holds is not made again, so an interrupted run resumes with the same command, and a run
    that has nothing to do says so.
    """
    from algokit import verbs
    from algokit.console import show_run, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        report = verbs.run(
            recipe,
            data=data,
            manifest=manifest,
            nsd=nsd,
            out=out,
            store=store_root(store),
            overrides=overrides or (),
            lock=lock,
            machine_file=machine_file(),
            executor=executor,
            options=verbs.RunOptions(device, batch_size, workers, block_vertices, shard_images, compiled),
            progress=progress,
        )
    if as_json:
        write_json(_document(report))
    else:
        show_run(report)


def _document(report: Any) -> dict[str, Any]:
    from algokit.scoring import score_document

    return {
        "submission": str(report.submission),
        "key": report.plan.key,
        "reused": report.reused,
        "warnings": list(report.warnings),
        "scores": {split: score_document(scores) if scores else None for split, scores in report.scores.items()},
        "steps": [
            {"id": one.id, "made": one.made, "reason": one.reason, "seconds": round(one.seconds, 3)}
            for one in report.outcomes
        ],
        "times": {one.group: one.document() for one in report.times},
    }
