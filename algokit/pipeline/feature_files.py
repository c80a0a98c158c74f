"""Feature artefacts in the making: rows come in any order, from the backbone, from shards and from other artefacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from algokit.recipe.plan import Step
from algokit.store import Store
from algokit.types import Ints

_WRITERS = 8  # most of the time an artefact waits for its disk
_ROWS_AT_ONCE = 256


class Source(Protocol):
    """Features of some images, whose digests are in the order of the rows."""

    @property
    def images(self) -> tuple[str, ...]:
        """The digests."""
        ...

    def rows(self, key: str) -> Any:
        """(n_images, n_features) of the step of that key, to be indexed by slices and by row numbers."""
        ...


@dataclass(frozen=True)
class _Part:
    """Neighbouring rows of one file: the number of the first, and which of the given rows they are, piece by piece."""

    split: str
    first: int
    given: Sequence[slice | Ints]


class FeatureFiles:
    """The artefacts of some feature steps of one subject; none of them is in the store before they are finished.

    Parameters
    ----------
    images : digests in row order, training rows first.
    until_finished : what was begun vanishes where this is closed earlier.
    """

    def __init__(
        self, store: Store, steps: Sequence[Step], images: Sequence[str], n_train: int, until_finished: ExitStack
    ) -> None:
        self._n_train = n_train
        self._rows: dict[str, list[int]] = {}
        for row, image in enumerate(images):
            self._rows.setdefault(image, []).append(row)
        self._artefacts = [_Artefact(step, store, n_train, until_finished) for step in steps]

    def put(self, images: Sequence[str], features: Sequence[NDArray[Any]]) -> None:
        """Features of these images, per step (n_images, n_features); those of an image that came before are left out.

        Raises
        ------
        OSError : the disk is full or not writable.
        """
        parts = self._parts(images)
        for artefact, rows in zip(self._artefacts, features, strict=True):
            artefact.put(parts, rows)

    def finish(self, sources: Sequence[Source]) -> Iterator[int]:
        """Take from these whatever nobody has put, and make the artefacts, yielding how many there are.

        Raises
        ------
        DiskError : the disk is full or not writable.
        """
        found = [(source, self._parts(source.images)) for source in sources]
        if self._rows:
            raise ValueError(f"there are no features of {len(self._rows)} images")
        with ThreadPoolExecutor(_WRITERS) as pool:
            for position, _ in enumerate(pool.map(partial(_finish, found), self._artefacts)):
                yield position + 1

    def _parts(self, images: Sequence[str]) -> list[_Part]:
        """Where the features of these images go; all of them have come then."""
        pairs = sorted((row, given) for given, image in enumerate(images) for row in self._rows.pop(image, ()))
        if not pairs:
            return []
        rows, given = np.array(pairs, np.int64).T
        cuts = np.flatnonzero((np.diff(rows) != 1) | (rows[1:] == self._n_train)) + 1
        firsts = rows[[0, *cuts]].tolist()
        return [self._part(first, some) for first, some in zip(firsts, np.split(given, cuts), strict=True)]

    def _part(self, row: int, given: Ints) -> _Part:
        in_train = row < self._n_train
        pieces = [_as_slice(given[start : start + _ROWS_AT_ONCE]) for start in range(0, len(given), _ROWS_AT_ONCE)]
        return _Part("train" if in_train else "test", row if in_train else row - self._n_train, pieces)


def _as_slice(rows: Ints) -> slice | Ints:
    """Neighbours, the usual case, as a slice: they need no copy then."""
    return slice(int(rows[0]), int(rows[-1]) + 1) if (np.diff(rows) == 1).all() else rows


class _Artefact:
    """The files of one step."""

    def __init__(self, step: Step, store: Store, n_train: int, until_finished: ExitStack) -> None:
        n_rows, n_features = step.shape
        self.key = str(step.key)
        self._dtype, self._width = np.dtype(step.params["dtype"]), n_features
        self._row_bytes = n_features * self._dtype.itemsize
        self._whole = ExitStack()
        meta = {"id": step.id, "params": step.params, "n_train": n_train}
        self._folder = self._whole.enter_context(store.write("features", self.key, meta))
        until_finished.push(self._whole)
        self._starts = {"train": self._begin("train", n_train), "test": self._begin("test", n_rows - n_train)}

    def put(self, parts: Sequence[_Part], rows: Any) -> None:
        """Rows of (n, n_features) into their places."""
        for part in parts:
            with self._file(part.split).open("r+b") as file:
                file.seek(self._starts[part.split] + part.first * self._row_bytes)
                for given in part.given:
                    file.write(np.ascontiguousarray(rows[given]).data)

    def finish(self) -> None:
        """Every row is there; another run may have been faster."""
        self._whole.close()

    def _begin(self, split: str, n_rows: int) -> int:
        """A file with a header and room for its rows; where these begin."""
        with self._file(split).open("wb") as file:
            header = {"descr": self._dtype.str, "fortran_order": False, "shape": (n_rows, self._width)}
            np.lib.format.write_array_header_1_0(file, header)
            start = file.tell()
            file.truncate(start + n_rows * self._row_bytes)
        return start

    def _file(self, split: str) -> Path:
        return self._folder / f"{split}.npy"


def _finish(found: Sequence[tuple[Source, Sequence[_Part]]], artefact: _Artefact) -> None:
    for source, parts in found:
        artefact.put(parts, source.rows(artefact.key))
    artefact.finish()
