"""What a job needs of this machine inside of a container: its data and weights to read, its store to write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from algokit.atomic import disk_errors
from algokit.executors import Job
from algokit.executors.container import Mount
from algokit.pipeline.weights.needed import needed_weights
from algokit.recipe.schema import Recipe


def job_mounts(job: Job) -> list[Mount]:
    """All that a job reads and writes; the store is made if it is not there, so that it belongs to the caller.

    Raises
    ------
    DiskError : the store cannot be made.
    """
    store = job.store_root.resolve()
    with disk_errors(store):
        store.mkdir(parents=True, exist_ok=True)
    data = job.data.resolve()
    manifest = [Mount(job.manifest.resolve())] if job.manifest else []
    elsewhere = [Mount(place) for place in sorted(set(_linked(data)))]
    return [Mount(data), *elsewhere, *manifest, *_weights(job.recipe), Mount(store, writable=True)]


def weights_environment(recipe: Recipe) -> dict[str, str]:
    """Where the hubs' caches are, in the variables that the hubs' libraries read."""
    environment = {}
    for one in needed_weights(recipe):
        if one.published.is_url:
            environment["TORCH_HOME"] = str(one.published.folder.absolute().parents[1])
        else:
            environment["HF_HUB_CACHE"] = str(one.published.folder.absolute().parent)
    return environment


def _weights(recipe: Recipe) -> Iterator[Mount]:
    """The hubs' folders of published weights, and every checkpoint; with what is linked from them elsewhere."""
    for one in needed_weights(recipe):
        path = one.published.found()
        if path is not None:
            yield Mount(one.published.folder.absolute())
            yield Mount(path.resolve())
    for member in recipe.members:
        checkpoint: Path | None = getattr(member.backbone, "checkpoint", None)
        if checkpoint is not None:
            yield Mount(checkpoint.resolve(), target=checkpoint.absolute())


def _linked(root: Path) -> Iterator[Path]:
    """Folders outside of ``root`` that links in it lead into: challenges are often put together from links."""
    waiting = [root]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            place = Path(entry.path)
            if entry.is_symlink():
                target = place.resolve()
                if target.is_relative_to(root) or not target.exists():
                    continue
                yield target if target.is_dir() else target.parent
            elif entry.is_dir():
                waiting.append(place)
