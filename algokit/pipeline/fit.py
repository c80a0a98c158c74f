"""Features + training responses -> choices and predictions of one member and subject, both hemispheres together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from algokit.pipeline.inputs import SubjectInputs, split_rows
from algokit.pipeline.settings import RunSettings
from algokit.readouts import CATALOGUE as READOUTS
from algokit.readouts import FeatureSpace, ReadoutResult
from algokit.recipe.plan import Step
from algokit.recipe.schema import Member, Val
from algokit.store import Store
from algokit.types import HEMISPHERES, Progress, ProgressCallback


def fit_member(
    step: Step,
    features: Sequence[Step],
    member: Member,
    val: Val | None,
    inputs: SubjectInputs,
    store: Store,
    settings: RunSettings,
    progress: ProgressCallback,
) -> None:
    """Make one fit step.

    The artefact holds, per hemisphere: ``{h}_space_index`` (n_vertices,) int64, ``{h}_alpha`` float64, ``{h}_cv_score``
    float32, ``{h}_val`` (n_val, n_vertices) and ``{h}_test`` (n_test, n_vertices) float32; and ``val_rows`` (n_val,).
    """
    rows = split_rows(inputs.geometry.n_train, val, inputs.geometry.subject)
    result: ReadoutResult = READOUTS.load(member.readout.kind)(
        StoredSpaces(features, store),
        [inputs.responses[hemisphere].values for hemisphere in HEMISPHERES],
        rows,
        member.readout,
        device=settings.device,
        progress=lambda done, name: progress(Progress(step.id, done, len(features), "feature spaces", name)),
    )
    names = [feature.id.rsplit("/", 1)[-1] for feature in features]
    meta = {"id": step.id, "params": step.params, "spaces": names, "notes": list(result.notes)}
    with store.write("fit", str(step.key), meta) as folder:
        np.save(folder / "val_rows.npy", rows.val)
        start = 0
        for hemisphere in HEMISPHERES:
            stop = start + inputs.geometry.n_vertices[hemisphere]
            part = slice(start, stop)
            np.save(folder / f"{hemisphere}_space_index.npy", result.space_index[part])
            np.save(folder / f"{hemisphere}_alpha.npy", result.alpha[part])
            np.save(folder / f"{hemisphere}_cv_score.npy", result.cv_score[part])
            np.save(folder / f"{hemisphere}_val.npy", np.ascontiguousarray(result.val_predictions[:, part]))
            np.save(folder / f"{hemisphere}_test.npy", np.ascontiguousarray(result.test_predictions[:, part]))
            start = stop


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
        artefact = self._store.open("features", str(step.key))
        return FeatureSpace(
            name=step.id.rsplit("/", 1)[-1],
            train=np.asarray(self._store.array(artefact, "train"), dtype=np.float32),
            test=np.asarray(self._store.array(artefact, "test"), dtype=np.float32),
        )
