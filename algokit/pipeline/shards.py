"""Shards: features of some images of an unfinished extraction, kept until every artefact they are part of is whole.

A shard is an artefact of the store, so it is there whole or not at all, and is verified before it is used. What it
holds is in its key: the keys of the feature steps (weights, preprocessing, layers, poolings, dtype, images) and the
digests of its own images. Its values lie step by step, and within a step image by image, in one array ``rows.npy``.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.atomic import move_aside
from algokit.recipe.plan import Step
from algokit.store import META, CorruptArtefactError, Store, digest_of

KIND = "shards"


@dataclass(frozen=True)
class Layout:
    """What the shards of one extraction hold of every image.

    Attributes
    ----------
    keys, widths : of the feature steps, in order.
    dtype : of the stored values.
    """

    keys: tuple[str, ...]
    widths: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Layout:
        """The layout of some feature steps of one member and subject."""
        (dtype,) = {step.params["dtype"] for step in steps}
        return cls(tuple(str(step.key) for step in steps), tuple(step.shape[1] for step in steps), dtype)

    def key(self, images: Sequence[str]) -> str:
        """The key of a shard of these images."""
        return digest_of({"steps": self.keys, "widths": self.widths, "dtype": self.dtype, "images": list(images)})


@dataclass(frozen=True)
class Shard:
    """A finished shard; its file stays mapped, so that it can be read even after another run has removed it.

    Attributes
    ----------
    images : digests, in the order of the rows.
    batch_size : images per forward pass when it was made.
    """

    key: str
    layout: Layout
    images: tuple[str, ...]
    batch_size: int
    values: NDArray[Any]

    def rows(self, key: str) -> NDArray[Any]:
        """(n_images, n_features) of one step."""
        n_images, position = len(self.images), self.layout.keys.index(key)
        start, width = n_images * sum(self.layout.widths[:position]), self.layout.widths[position]
        return self.values[start : start + n_images * width].reshape(n_images, width)


class ShardFile:
    """A shard being written, batch by batch."""

    def __init__(self, folder: Path, layout: Layout, images: Sequence[str], batch_size: int) -> None:
        self._layout, self._images, self._batch_size = layout, tuple(images), batch_size
        self._dtype, self._n_written = np.dtype(layout.dtype), 0
        self._path = folder / "rows.npy"
        self._file = self._path.open("wb")
        shape = (len(images) * sum(layout.widths),)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()

    def put(self, batch: Sequence[NDArray[Any]]) -> None:
        """The next images: per step (n, n_features) in the stored dtype."""
        before = 0
        for values, width in zip(batch, self._layout.widths, strict=True):
            first = before * len(self._images) + self._n_written * width
            self._file.seek(self._start + first * self._dtype.itemsize)
            self._file.write(np.ascontiguousarray(values).data)
            before += width
        self._n_written += len(batch[0])

    def finish(self) -> Shard:
        """All is written. It is mapped now, before the file gets a name under which another run may remove it."""
        self._file.close()
        values = np.load(self._path, mmap_mode="r", allow_pickle=False)
        return Shard(self._layout.key(self._images), self._layout, self._images, self._batch_size, values)

    def close(self) -> None:
        """Give up the file, written or not."""
        self._file.close()


@contextlib.contextmanager
def written(store: Store, layout: Layout, images: Sequence[str], batch_size: int) -> Iterator[ShardFile]:
    """A shard to be filled and finished; it is in the store when the block ends without an exception.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    meta = {
        "steps": layout.keys,
        "widths": layout.widths,
        "dtype": layout.dtype,
        "images": list(images),
        "batch_size": batch_size,
    }
    with (
        store.write(KIND, layout.key(images), meta) as folder,
        contextlib.closing(ShardFile(folder, layout, images, batch_size)) as file,
    ):
        yield file


def opened(store: Store, key: str) -> Shard | None:
    """The shard, verified; None where it is not there (any more) or is not what was written."""
    try:
        artefact = store.open(KIND, key)
        values = store.array(artefact, "rows")
    except (CorruptArtefactError, OSError):
        return None
    layout, images = _contents(artefact.meta)
    return Shard(key, layout, images, int(artefact.meta["batch_size"]), values)


def usable(store: Store, wanted: Layout) -> list[Shard]:
    """The finished shards that hold all of these steps, whatever else they hold."""
    shards = []
    for key, meta in _listed(store):
        layout, images = _contents(meta)
        if layout.key(images) == key and layout.dtype == wanted.dtype and set(wanted.keys) <= set(layout.keys):
            shards.append(opened(store, key))
    return [shard for shard in shards if shard is not None]


def remove_finished(store: Store) -> None:
    """Remove the shards whose every step has its artefact, and what is left of others being removed."""
    finished = [
        store.path(KIND, key)
        for key, meta in _listed(store)
        if all(store.has("features", step) for step in meta["steps"])
    ]
    if finished:
        shutil.rmtree(move_aside(finished, store.root), ignore_errors=True)


def _listed(store: Store) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Key and meta of every shard in the store, whose bytes nobody has verified yet, in order of their keys."""
    for path in sorted((store.root / KIND).glob(f"*/[0-9a-f]*/{META}")):
        try:
            meta = json.loads(path.read_text(encoding="utf-8"))
            _contents(meta)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield path.parent.name, meta


def _contents(meta: Mapping[str, Any]) -> tuple[Layout, tuple[str, ...]]:
    return Layout(tuple(meta["steps"]), tuple(meta["widths"]), meta["dtype"]), tuple(meta["images"])
