"""Images -> features: one forward pass per image and backbone gives every layer and every pooling.

Features are made in shards of a fixed number of images. A finished shard survives whatever happens; when all are
there they become one artefact per feature space and are removed. Batches are cut from the images that are nowhere in
the store yet, in row order, and a shard is a whole number of batches: what a resumed extraction still has to make is
made in the very batches of an undisturbed one, and ends with the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.backbones import Backbone
from algokit.pipeline import shards
from algokit.pipeline.batch_size import fastest_batch
from algokit.pipeline.forward import Forward
from algokit.pipeline.heap import reused_memory
from algokit.pipeline.image_sets import Stored, sharing
from algokit.pipeline.images import batches
from algokit.pipeline.inputs import SubjectInputs
from algokit.pipeline.settings import RunSettings
from algokit.pipeline.shards import Layout, Shard
from algokit.recipe.cost import BATCH
from algokit.recipe.plan import PlannedMember, Space, Step
from algokit.store import Store
from algokit.types import Progress, ProgressCallback

_ROWS_AT_ONCE = 256
_WRITERS = 8  # most of the time an artefact waits for its disk


def extract_features(
    member: PlannedMember,
    steps: Sequence[Step],
    inputs: SubjectInputs,
    backbone: Backbone,
    store: Store,
    settings: RunSettings,
    progress: ProgressCallback,
) -> None:
    """Make the given feature steps of one member and subject; killed at any moment, it loses one shard at most.

    An image goes through the backbone once: not again for another row, subject or run, as long as features of the same
    bytes by the same weights, preprocessing, layers, poolings and dtype are in the store.

    Raises
    ------
    DataError : an image cannot be decoded.
    RunError : a feature is not finite in the recipe's dtype.
    DiskError : the disk is full or not writable.
    """
    layout = Layout.of(steps)
    sources: list[Shard | Stored] = [*shards.usable(store, layout)]
    sources += sharing(store, steps, _without(sources, inputs.image_digests))
    missing = _without(sources, inputs.image_digests)
    name = f"features/{member.name}/{inputs.geometry.subject}"
    with ExitStack() as until_written:
        if missing:
            until_written.enter_context(reused_memory())
            spaces = [_space_of(member, step) for step in steps]
            forward = Forward(backbone, spaces, steps, settings.device)
            work = _Work(name, inputs, forward, _batch_size(forward, settings, sources), settings, progress)
            sources += work.shards(store, layout, missing, until_written)
        rows = _Rows(inputs.image_digests, sources)
        with ThreadPoolExecutor(_WRITERS) as pool:
            write = partial(_write_missing, store=store, rows=rows, n_train=inputs.geometry.n_train)
            for position, _ in enumerate(pool.map(write, range(len(steps)), steps)):
                progress(Progress(f"{name}: files", position + 1, len(steps), "feature spaces"))
    shards.remove_finished(store)


def _without(sources: Iterable[Shard | Stored], images: Iterable[str]) -> list[str]:
    """The images that no source has, each once, in order of their first row."""
    known = set().union(*(source.images for source in sources))
    return [image for image in dict.fromkeys(images) if image not in known]


@dataclass(frozen=True)
class _Work:
    """What has to go through the backbone."""

    name: str
    inputs: SubjectInputs
    forward: Forward
    batch_size: int
    settings: RunSettings
    progress: ProgressCallback

    def shards(self, store: Store, layout: Layout, images: Sequence[str], until_written: ExitStack) -> Iterator[Shard]:
        """Shards of these images, each in the store as soon as it is whole.

        Digests and syncing of a shard go on while the next one is computed. Two are unfinished then, so each has half
        of the images that a kill may cost, where that is a batch at least. The last one, which becomes artefacts at
        once, is never kept: it goes with ``until_written``.
        """
        size, may_cost = self.batch_size, self.settings.shard_images
        per_shard = size * max(1, may_cost // (2 * size))
        saved: Future[None] | None = None
        with ThreadPoolExecutor(max_workers=1) as background, closing(self._batches(images)) as features:
            for start in range(0, len(images), per_shard):
                part = images[start : start + per_shard]
                is_last = start + per_shard >= len(images)
                with ExitStack() as stack:
                    write = shards.passing if is_last else shards.written
                    file = stack.enter_context(write(store, layout, part, size))
                    for batch in islice(features, -(-len(part) // size)):
                        file.put(batch)
                    yield file.finish()
                    whole = stack.pop_all()
                if saved is not None:
                    saved.result()
                if is_last:
                    until_written.push(whole)
                else:
                    saved = background.submit(whole.close)
                    if 2 * per_shard > may_cost:
                        saved.result()

    def _batches(self, images: Sequence[str]) -> Generator[list[NDArray[Any]], None, None]:
        """Per batch and step (n, n_features)."""
        paths: dict[str, Path] = {}
        files = (*self.inputs.train_images, *self.inputs.test_images)
        for digest, image in zip(self.inputs.image_digests, files, strict=True):
            paths.setdefault(digest, image.path)
        preprocess = self.forward.backbone.card.preprocess
        n_known, n_made, started = len(paths) - len(images), 0, time.monotonic()
        chosen = [paths[image] for image in images]
        ahead = self.settings.device != "cpu"
        for n_real, pixels in batches(chosen, preprocess, self.batch_size, self.settings.n_workers, ahead=ahead):
            features = [values[:n_real] for values in self.forward(pixels)]
            n_made += n_real
            note = f"{n_made / (time.monotonic() - started):.3g} images/s{self.forward.note}"
            self.progress(Progress(self.name, n_known + n_made, len(paths), "images", note))
            yield features


def _batch_size(forward: Forward, settings: RunSettings, sources: Sequence[Shard | Stored]) -> int:
    """As asked for; else as the extraction began; else what suits the device."""
    begun = [source.batch_size for source in sources if isinstance(source, Shard)]
    if settings.batch_size is not None:
        return settings.batch_size
    if begun:
        return begun[0]
    if settings.device == "cpu":
        return BATCH
    return fastest_batch(forward.once, forward.backbone.card.preprocess.size_px)


def _space_of(member: PlannedMember, step: Step) -> Space:
    name = step.id.rsplit("/", 1)[-1]
    return next(space for space in member.spaces if space.name == name)


class _Rows:
    """Where the features of every row lie: in a shard, or with another set of images."""

    def __init__(self, images: Sequence[str], sources: Sequence[Shard | Stored]) -> None:
        self._sources = sources
        places: dict[str, tuple[int, int]] = {}
        for number, source in enumerate(sources):
            for row, image in enumerate(source.images):
                places.setdefault(image, (number, row))
        self._places = np.array([places[image] for image in images], np.int64)

    def of(self, position: int, key: str) -> Callable[[int, int], NDArray[Any]]:
        """The features of one step: (start, stop) -> those rows."""
        stored = [one.rows(key) if isinstance(one, Shard) else one.rows(position) for one in self._sources]

        def take(start: int, stop: int) -> NDArray[Any]:
            numbers, rows = self._places[start:stop].T
            if np.ptp(numbers) == 0 and (np.diff(rows) == 1).all():  # the usual case needs no copy
                neighbours: NDArray[Any] = stored[numbers[0]][rows[0] : rows[-1] + 1]
                return neighbours
            values = {number: stored[number][rows[numbers == number]] for number in np.unique(numbers)}
            first = next(iter(values.values()))
            taken = np.empty((stop - start, first.shape[1]), first.dtype)
            for number, some in values.items():
                taken[numbers == number] = some
            return taken

        return take


def _write_missing(position: int, step: Step, *, store: Store, rows: _Rows, n_train: int) -> None:
    if not store.has("features", str(step.key)):  # another run may have made it
        _write(step, rows.of(position, str(step.key)), n_train, store)


def _write(step: Step, take: Callable[[int, int], NDArray[Any]], n_train: int, store: Store) -> None:
    """One artefact: ``train.npy`` and ``test.npy``, some rows in memory at a time."""
    n_rows, n_features = step.shape
    meta = {"id": step.id, "params": step.params, "n_train": n_train}
    with store.write("features", str(step.key), meta) as folder:
        for split, first, last in (("train", 0, n_train), ("test", n_train, n_rows)):
            with (folder / f"{split}.npy").open("wb") as file:
                descr = np.dtype(step.params["dtype"]).str
                header = {"descr": descr, "fortran_order": False, "shape": (last - first, n_features)}
                np.lib.format.write_array_header_1_0(file, header)
                for start in range(first, last, _ROWS_AT_ONCE):
                    file.write(take(start, min(start + _ROWS_AT_ONCE, last)).data)
