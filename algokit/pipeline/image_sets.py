"""Which images the features in the store belong to, so that no run computes again what another one has.

The key of a features step holds one digest over all its images. Here the digests of the single images are kept under
it, once per set of images; with them the features of any earlier run, subject or recipe are found by content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algokit.recipe.plan import Step
from algokit.recipe.steps import key_for_images
from algokit.store import META, CorruptArtefactError, Store
from algokit.types import Artefact, Ints

KIND = "images"


def remember(store: Store, images: str, digests: Sequence[str]) -> None:
    """Keep the digests of a set of images, in row order, under the digest of the set.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    if store.has(KIND, images):
        return
    with store.write(KIND, images, {"n_images": len(digests)}) as folder:
        np.save(folder / "sha256.npy", np.frombuffer(bytes.fromhex("".join(digests)), np.uint8).reshape(-1, 32))


@dataclass(frozen=True)
class Stored:
    """Features that are in the store, of all steps of an extraction, for another set of images.

    Attributes
    ----------
    images : digests in row order, training rows first.
    artefacts : by the key of the step that they are of for the images of the extraction.
    """

    images: tuple[str, ...]
    store: Store
    artefacts: Mapping[str, Artefact]

    def rows(self, key: str) -> StoredRows:
        """The features of one step."""
        train, test = (self.store.array(self.artefacts[key], split) for split in ("train", "test"))
        return StoredRows(train, test)


@dataclass(frozen=True)
class StoredRows:
    """Training and test rows addressed by one row number."""

    train: NDArray[np.floating]
    test: NDArray[np.floating]

    def __getitem__(self, chosen: slice | Ints) -> NDArray[np.floating]:
        """(n_rows, n_features)."""
        rows = np.arange(len(self.train) + len(self.test))[chosen]
        in_train = rows < len(self.train)
        values = np.empty((len(rows), self.train.shape[1]), self.train.dtype)
        values[in_train] = self.train[rows[in_train]]
        values[~in_train] = self.test[rows[~in_train] - len(self.train)]
        return values


def sharing(store: Store, steps: Sequence[Step], digests: Sequence[str]) -> Iterator[Stored]:
    """Features of these steps for other sets of images, while any of these images is among them and not yet found.

    A set counts only if all the steps have their artefacts; one that no longer is what was written is passed over.
    """
    missing, own = set(digests), str(steps[0].params["images"])
    for images in sorted(path.parent.name for path in (store.root / KIND).glob(f"*/[0-9a-f]*/{META}")):
        keys = [key_for_images(step, images) for step in steps]
        if images == own or not all(store.has("features", key) for key in keys):
            continue
        try:
            theirs = _digests(store, images)
            if missing.isdisjoint(theirs):
                continue
            artefacts = {str(step.key): store.open("features", key) for step, key in zip(steps, keys, strict=True)}
        except CorruptArtefactError:
            continue
        yield Stored(theirs, store, artefacts)
        missing.difference_update(theirs)


def _digests(store: Store, images: str) -> tuple[str, ...]:
    rows = store.array(store.open(KIND, images), "sha256")
    return tuple(row.tobytes().hex() for row in rows)
