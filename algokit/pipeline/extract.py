"""Images -> features: one forward pass per image and backbone gives every layer and every pooling."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from algokit.backbones import Backbone, LayerInfo
from algokit.errors import RunError
from algokit.pipeline.images import batches
from algokit.pipeline.inputs import SubjectInputs
from algokit.pipeline.settings import RunSettings
from algokit.poolings import CATALOGUE as POOLINGS
from algokit.poolings import Pooling, PoolingSpec
from algokit.recipe.plan import PlannedMember, Space, Step
from algokit.store import CorruptArtefactError, Store
from algokit.types import Artefact, Finding, Progress, ProgressCallback

if TYPE_CHECKING:
    import torch

_POOLING: TypeAdapter[Any] = TypeAdapter(PoolingSpec)


@dataclass(frozen=True)
class Done:
    """A subject whose features are in the store: where rows of shared images can be copied from."""

    inputs: SubjectInputs
    steps: dict[str, Step]


def extract_features(
    member: PlannedMember,
    steps: Sequence[Step],
    inputs: SubjectInputs,
    backbone: Backbone,
    store: Store,
    settings: RunSettings,
    earlier: Sequence[Done],
    progress: ProgressCallback,
) -> None:
    """Make the given feature steps of one member and subject; each artefact appears whole or not at all.

    Rows of images that an ``earlier`` subject already has in all these spaces are copied, the others go through the
    backbone once.

    Raises
    ------
    DataError : an image cannot be decoded.
    RunError : a feature is not finite in the recipe's dtype.
    """
    spaces = [_space_of(member, step) for step in steps]
    with _open_matrices(steps, inputs, store) as matrices:
        copied = _copy_shared_rows(matrices, spaces, inputs, earlier, store)
        rows = [row for row in range(len(inputs.image_digests)) if row not in copied]
        paths = [image.path for image in (*inputs.train_images, *inputs.test_images)]
        name = f"features/{member.name}/{inputs.geometry.subject}"
        poolers = [_Pooler.of(space) for space in spaces]
        done = 0
        chosen = [paths[row] for row in rows]
        for n_real, batch in batches(chosen, member.card.preprocess, settings.batch_size, settings.n_workers):
            for matrix, values in zip(matrices, _pooled(backbone, poolers, batch, settings.device), strict=True):
                matrix.put(rows[done : done + n_real], values[:n_real])
            done += n_real
            progress(Progress(name, len(copied) + done, len(paths), "images"))


def _space_of(member: PlannedMember, step: Step) -> Space:
    name = step.id.rsplit("/", 1)[-1]
    return next(space for space in member.spaces if space.name == name)


@dataclass(frozen=True)
class _Pooler:
    """The pooling of one space, looked up once and not for every batch."""

    layer: LayerInfo
    spec: Any
    function: Pooling

    @classmethod
    def of(cls, space: Space) -> _Pooler:
        spec = _POOLING.validate_python(space.pooling)
        return cls(space.layer, spec, POOLINGS.load(spec.kind))

    def __call__(self, values: torch.Tensor) -> NDArray[np.float32]:
        pooled: NDArray[np.float32] = self.function(values, self.layer, self.spec).float().cpu().numpy()
        return pooled


def _pooled(
    backbone: Backbone, poolers: Sequence[_Pooler], batch: NDArray[np.float32], device: str
) -> list[NDArray[np.float32]]:
    import torch

    with torch.inference_mode():
        images = torch.from_numpy(batch).to(device)
        layers = list(dict.fromkeys(pooler.layer.name for pooler in poolers))
        activations = backbone.activations(images, layers)
        return [pooler(activations[pooler.layer.name]) for pooler in poolers]


class _Matrix:
    """One artefact being written: training and test rows addressed by one row number.

    Its files are mapped for one batch at a time: a large member writes to a thousand of them.
    """

    def __init__(self, folder: Path, step: Step, n_train: int) -> None:
        dtype, (n_rows, n_features) = np.dtype(step.params["dtype"]), step.shape
        self.step, self.n_train, self.dtype = step, n_train, dtype
        self._train, self._test = folder / "train.npy", folder / "test.npy"
        _reserve(self._train, dtype, (n_train, n_features))
        _reserve(self._test, dtype, (n_rows - n_train, n_features))

    def put(self, rows: Sequence[int], values: NDArray[Any]) -> None:
        with np.errstate(over="ignore"):
            stored = values.astype(self.dtype, copy=False)
        if not np.isfinite(stored).all():
            finding = Finding(
                f"a feature is not finite in {stored.dtype}",
                where=self.step.id,
                found=f"largest magnitude {np.abs(values).max():g}",
                advice="set features.dtype: float32" if stored.dtype == np.float16 else "check the weights",
                code="feature-not-finite",
            )
            raise RunError("the backbone gave features that cannot be stored", [finding])
        index = np.asarray(rows)
        in_train = index < self.n_train
        for path, here, chosen in (
            (self._train, index[in_train], in_train),
            (self._test, index[~in_train] - self.n_train, ~in_train),
        ):
            if len(here):
                np.load(path, mmap_mode="r+")[here] = stored[chosen]


def _reserve(path: Path, dtype: np.dtype[Any], shape: tuple[int, int]) -> None:
    """An array of zeros on disk, its bytes reserved: writing to a sparse map on a full disk would be SIGBUS."""
    np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as handle:
            os.posix_fallocate(handle.fileno(), 0, path.stat().st_size)


@contextmanager
def _open_matrices(steps: Sequence[Step], inputs: SubjectInputs, store: Store) -> Iterator[list[_Matrix]]:
    with ExitStack() as stack:
        matrices = []
        for step in steps:
            meta = {"id": step.id, "params": step.params, "n_train": inputs.geometry.n_train}
            folder = stack.enter_context(store.write("features", str(step.key), meta))
            matrices.append(_Matrix(folder, step, inputs.geometry.n_train))
        yield matrices


def _copy_shared_rows(
    matrices: Sequence[_Matrix],
    spaces: Sequence[Space],
    inputs: SubjectInputs,
    earlier: Sequence[Done],
    store: Store,
) -> set[int]:
    """Copy the rows of images (same bytes) that an earlier subject has in every one of the spaces."""
    copied: set[int] = set()
    for done in earlier:
        artefacts = _artefacts(done, spaces, store)
        if artefacts is None:
            continue
        place = {digest: row for row, digest in enumerate(done.inputs.image_digests)}
        rows = [row for row, digest in enumerate(inputs.image_digests) if digest in place and row not in copied]
        if not rows:
            continue
        there = np.array([place[inputs.image_digests[row]] for row in rows])
        for matrix, artefact in zip(matrices, artefacts, strict=True):
            matrix.put(rows, _rows_of(store, artefact, there, done.inputs.geometry.n_train))
        copied.update(rows)
    return copied


def _artefacts(done: Done, spaces: Sequence[Space], store: Store) -> list[Artefact] | None:
    """The features of all these spaces; None where one is not there, or is no longer what was written."""
    keys = [str(done.steps[space.name].key) for space in spaces]
    if not all(store.has("features", key) for key in keys):
        return None
    try:
        return [store.open("features", key) for key in keys]
    except CorruptArtefactError:
        return None


def _rows_of(store: Store, artefact: Artefact, rows: NDArray[np.int64], n_train: int) -> NDArray[Any]:
    train, test = store.array(artefact, "train"), store.array(artefact, "test")
    values = np.empty((len(rows), train.shape[1]), train.dtype)
    in_train = rows < n_train
    values[in_train] = train[rows[in_train]]
    values[~in_train] = test[rows[~in_train] - n_train]
    return values
