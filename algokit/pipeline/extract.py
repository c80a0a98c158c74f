"""Images -> features: one forward pass per image and backbone gives every layer and every pooling.

Features are made in shards of a fixed number of images. A finished shard survives whatever happens; when all are
there they become one artefact per feature space and are removed. Batches are cut from the images that are nowhere in
the store yet, in row order, and a shard is a whole number of batches: what a resumed extraction still has to make is
made in the very batches of an undisturbed one, and ends with the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from algokit.backbones import Backbone
from algokit.pipeline import shards
from algokit.pipeline.batch_size import fastest_batch
from algokit.pipeline.feature_files import FeatureFiles
from algokit.pipeline.forward import Forward
from algokit.pipeline.heap import reused_memory
from algokit.pipeline.image_sets import Stored, sharing
from algokit.pipeline.images import batches
from algokit.pipeline.inputs import SubjectInputs
from algokit.pipeline.processors import n_passes
from algokit.pipeline.settings import RunSettings
from algokit.pipeline.shards import Layout, Shard
from algokit.pipeline.team import Team
from algokit.recipe.cost import BATCH, CPU_PASSES
from algokit.recipe.plan import PlannedMember, Space, Step
from algokit.store import Store
from algokit.types import Progress, ProgressCallback

Batch: TypeAlias = tuple[Sequence[str], list[NDArray[Any]]]
"""Images, and per step their (n, n_features)."""


def extract_features(
    member: PlannedMember,
    steps: Sequence[Step],
    inputs: SubjectInputs,
    backbones: Sequence[Backbone],
    store: Store,
    settings: RunSettings,
    progress: ProgressCallback,
) -> None:
    """Make the given feature steps of one member and subject; killed at any moment, it loses one shard at most.

    ``backbones`` is the member's network once per device, in the order of the settings; images are shared among them.

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
    with ExitStack() as until_finished:
        computed: Iterator[Batch] = iter(())
        saving = until_finished.enter_context(_Saving())
        if missing:
            until_finished.enter_context(reused_memory())
            spaces = [_space_of(member, step) for step in steps]
            forwards = [Forward(one, spaces, steps, device) for one, device in _at_work(backbones, settings)]
            size = _batch_size(forwards[0], settings, sources)
            work = _Work(name, inputs, Team(forwards), size, settings, progress)
            computed = until_finished.enter_context(closing(work.features(missing)))
            sources += work.shards(store, layout, missing, computed, saving)
        files = FeatureFiles(store, steps, inputs.image_digests, inputs.geometry.n_train, until_finished)
        for images, features in computed:  # the last shard becomes artefacts at once
            files.put(images, features)
        saving.wait()
        for n_done in files.finish(sources):
            progress(Progress(f"{name}: files", n_done, len(steps), "feature spaces"))
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
    team: Team
    batch_size: int
    settings: RunSettings
    progress: ProgressCallback

    def shards(
        self, store: Store, layout: Layout, images: Sequence[str], computed: Iterator[Batch], saving: _Saving
    ) -> Iterator[Shard]:
        """All shards of these images but the last, whose batches are left.

        Digests and syncing of a shard go on while the next one is computed. Two are unfinished then, and some batches
        wait to be taken, so each has half of what is left of the images that a kill may cost: a batch at least.
        """
        size, may_cost, ahead = self.batch_size, self.settings.shard_images, self.team.n_ahead
        per_shard = size * max(1, (may_cost // size - ahead) // 2)
        for start in range(0, len(images) - per_shard, per_shard):
            with ExitStack() as stack:
                part = images[start : start + per_shard]
                file = stack.enter_context(shards.written(store, layout, part, size))
                for _, features in islice(computed, per_shard // size):
                    file.put(features)
                yield file.finish()
                saving.begin(stack.pop_all())
            if 2 * per_shard + size * ahead > may_cost:
                saving.wait()

    def features(self, images: Sequence[str]) -> Generator[Batch, None, None]:
        """Image by image once through the backbone."""
        paths: dict[str, Path] = {}
        files = (*self.inputs.train_images, *self.inputs.test_images)
        for digest, image in zip(self.inputs.image_digests, files, strict=True):
            paths.setdefault(digest, image.path)
        n_known, n_made, started = len(paths) - len(images), 0, time.monotonic()
        chosen, ahead = [paths[image] for image in images], not self.team.takes_turns
        pixels = batches(chosen, self.team.preprocess, self.batch_size, self.settings.n_workers, ahead=ahead)
        with closing(self.team.features(pixels)) as features:
            for batch in features:
                part = images[n_made : n_made + len(batch[0])]
                n_made += len(part)
                elapsed_s = time.monotonic() - started
                note = f"{n_made / elapsed_s:.3g} images/s, {self.team.busy_share(elapsed_s):.0%} busy{self.team.note}"
                self.progress(Progress(self.name, n_known + n_made, len(paths), "images", note))
                yield part, batch


class _Saving:
    """One shard at a time is digested, synced and given its name in the background."""

    def __init__(self) -> None:
        self._background = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def __enter__(self) -> _Saving:
        return self

    def __exit__(self, *_: object) -> None:
        self._background.shutdown()

    def begin(self, shard: ExitStack) -> None:
        """Close it in the background, as soon as the one before is saved; where that failed it is given up as well."""
        with shard:
            self.wait()
            self._last = self._background.submit(shard.pop_all().close)

    def wait(self) -> None:
        """Until the last one is saved.

        Raises
        ------
        DiskError : the disk is full or not writable.
        """
        if self._last is not None:
            self._last.result()


def _at_work(backbones: Sequence[Backbone], settings: RunSettings) -> list[tuple[Backbone, str]]:
    """The network of every pass and its device; passes of a CPU share one, unless it is compiled."""
    devices = (settings.device, *settings.more_devices)
    if devices == ("cpu",) and not settings.compile:
        return [(backbones[0], "cpu")] * n_passes()
    return list(zip(backbones, devices, strict=True))


def _batch_size(forward: Forward, settings: RunSettings, sources: Sequence[Shard | Stored]) -> int:
    """As asked for; else as the extraction began; else what suits the device."""
    begun = [source.batch_size for source in sources if isinstance(source, Shard)]
    if settings.batch_size is not None:
        return settings.batch_size
    if begun:
        return begun[0]
    if settings.device == "cpu":
        return BATCH // CPU_PASSES
    return fastest_batch(forward.once, forward.backbone.card.preprocess.size_px)


def _space_of(member: PlannedMember, step: Step) -> Space:
    name = step.id.rsplit("/", 1)[-1]
    return next(space for space in member.spaces if space.name == name)
