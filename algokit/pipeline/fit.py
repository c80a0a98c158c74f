"""Features + training responses -> choices and predictions of one member and subject, both hemispheres together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from algokit.atomic import scratch_file
from algokit.pipeline.blocks import fit_blocks
from algokit.pipeline.inputs import SubjectInputs, recipe_rows
from algokit.pipeline.settings import RunSettings
from algokit.readouts import CATALOGUE as READOUTS
from algokit.readouts import FeatureSpace, ReadoutResult
from algokit.recipe.plan import Step, made_from
from algokit.recipe.schema import Member, Recipe
from algokit.store import Store
from algokit.types import HEMISPHERES, Hemisphere, Progress, ProgressCallback, SubjectGeometry

_ROWS_AT_ONCE = 128


def fit_member(
    step: Step,
    features: Sequence[Step],
    member: Member,
    recipe: Recipe,
    inputs: SubjectInputs,
    store: Store,
    settings: RunSettings,
    progress: ProgressCallback,
) -> None:
    """Make one fit step.

    The artefact holds, per hemisphere: ``{h}_space_index`` (n_vertices,) int64, ``{h}_alpha`` float64, ``{h}_cv_score``
    float32, ``{h}_val`` (n_val, n_vertices) and ``{h}_test`` (n_test, n_vertices) float32; and ``val_rows`` (n_val,).
    Readouts that use all spaces jointly add ``{h}_band_alpha`` (n_spaces, n_vertices) float64.
    Where the ensemble learns weights, also ``{h}_oof`` (n_train, n_vertices) float32: predictions out of fold at the
    rows fitted on, and 0 at the val rows.
    """
    rows = recipe_rows(recipe, inputs)
    names = [feature.id.rsplit("/", 1)[-1] for feature in features]
    with _out_of_fold(step, inputs, store) as out_of_fold:
        result: ReadoutResult = READOUTS.load(member.readout.kind)(
            StoredSpaces(features, store),
            [inputs.responses[hemisphere].values for hemisphere in HEMISPHERES],
            rows,
            member.readout,
            device=settings.device,
            blocks=fit_blocks(features, inputs.geometry, member, recipe.val, settings),
            progress=lambda done, name: progress(Progress(step.id, done, len(features), "feature spaces", name)),
            out_of_fold=out_of_fold,
        )
        meta = {**made_from(step, features), "spaces": names, "notes": list(result.notes)}
        with store.write("fit", str(step.key), meta) as folder:
            np.save(folder / "val_rows.npy", rows.val)
            for hemisphere, part in hemisphere_columns(inputs.geometry):
                np.save(folder / f"{hemisphere}_space_index.npy", result.space_index[part])
                np.save(folder / f"{hemisphere}_alpha.npy", result.alpha[part])
                np.save(folder / f"{hemisphere}_cv_score.npy", result.cv_score[part])
                np.save(folder / f"{hemisphere}_val.npy", np.ascontiguousarray(result.val_predictions[:, part]))
                np.save(folder / f"{hemisphere}_test.npy", np.ascontiguousarray(result.test_predictions[:, part]))
                if result.band_alpha is not None:
                    np.save(folder / f"{hemisphere}_band_alpha.npy", np.ascontiguousarray(result.band_alpha[:, part]))
                if out_of_fold is not None:
                    _save_by_rows(folder / f"{hemisphere}_oof.npy", out_of_fold[:, part])


def hemisphere_columns(geometry: SubjectGeometry) -> Iterator[tuple[Hemisphere, slice]]:
    """Where each hemisphere's vertices lie among all targets."""
    start = 0
    for hemisphere in HEMISPHERES:
        stop = start + geometry.n_vertices[hemisphere]
        yield hemisphere, slice(start, stop)
        start = stop


@contextlib.contextmanager
def _out_of_fold(step: Step, inputs: SubjectInputs, store: Store) -> Iterator[NDArray[np.float32] | None]:
    """(n_train, n_targets) zeros on disk to be filled, as large as the responses; None where nobody needs them."""
    if not step.params.get("out_of_fold", False):
        yield None
        return
    shape = (inputs.geometry.n_train, sum(inputs.geometry.n_vertices.values()))
    with scratch_file(store.path("fit", str(step.key)), 4 * shape[0] * shape[1]) as path:
        yield np.memmap(path, dtype=np.float32, mode="r+", shape=shape)


def _save_by_rows(path: Path, array: NDArray[np.float32]) -> None:
    """Some columns of a memory map as a ``.npy`` file, a few rows in memory at a time."""
    with path.open("wb") as file:
        header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(array), _ROWS_AT_ONCE):
            file.write(array[start : start + _ROWS_AT_ONCE].tobytes())


class StoredSpaces(Sequence[FeatureSpace]):
    """Feature spaces that are read from the store whenever one is asked for, and not kept."""

    def __init__(self, features: Sequence[Step], store: Store) -> None:
        self._features, self._store = features, store

    def __len__(self) -> int:
        return len(self._features)

    @overload
    def __getitem__(self, index: int) -> FeatureSpace: ...
    @overload
    def __getitem__(self, index: slice) -> StoredSpaces: ...
    def __getitem__(self, index: int | slice) -> FeatureSpace | StoredSpaces:
        """One space, read now; or some of them, unread."""
        if isinstance(index, slice):
            return StoredSpaces(self._features[index], self._store)
        step = self._features[index]
        artefact = self._store.open(step.kind, str(step.key))
        return FeatureSpace(
            name=step.id.rsplit("/", 1)[-1],
            train=np.asarray(self._store.array(artefact, "train"), dtype=np.float32),
            test=np.asarray(self._store.array(artefact, "test"), dtype=np.float32),
        )
