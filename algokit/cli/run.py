"""``algokit run``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from algokit.cli.options import (
    BatchSize,
    BlockVertices,
    Build,
    Compile,
    Data,
    Device,
    Executor,
    Gpus,
    Image,
    Json,
    Lock,
    Manifest,
    Memory,
    Nsd,
    Overrides,
    Quiet,
    Recipe,
    ShardImages,
    Store,
    Threads,
    Timeout,
    Workers,
    container_options,
    machine_file,
    store_root,
)

if TYPE_CHECKING:
    from algokit.verbs import RunReport


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
    image: Image = "",
    gpus: Gpus = "",
    memory: Memory = "",
    threads: Threads = None,
    timeout_s: Timeout = None,
    build: Build = False,
    printed: Annotated[
        bool, typer.Option("--print", help="Print the command that starts the container, and do nothing else.")
    ] = False,
    shell: Annotated[bool, typer.Option("--shell", help="Open a shell in the container instead.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a recipe to a scored submission folder.

    What the store already holds is not made again, so an interrupted run resumes with the same command, and a run
    that has nothing to do says so.
    """
    from algokit import verbs
    from algokit.console import show_run, shown_progress, write_json

    said: dict[str, Any] = {
        "data": data,
        "manifest": manifest,
        "nsd": nsd,
        "store": store_root(store),
        "overrides": overrides or (),
        "lock": lock,
        "executor": executor,
        "options": verbs.RunOptions(device, batch_size, workers, block_vertices, shard_images, compiled),
        "container": container_options(image, gpus, memory, threads, timeout_s, build=build),
    }
    with shown_progress(quiet=quiet) as progress:
        if printed or shell:
            words = verbs.container_command(recipe, **said, shell=shell, progress=progress)
        else:
            report = verbs.run(recipe, **said, out=out, machine_file=machine_file(), progress=progress)
    if printed:
        typer.echo(shlex.join(words))
    elif shell:
        os.execvp(words[0], words)
    elif as_json:
        write_json(run_document(report))
    else:
        show_run(report)


def run_document(report: RunReport) -> dict[str, Any]:
    """A run as plain JSON data."""
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
