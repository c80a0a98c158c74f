"""Features + training responses -> choices and predictions of one member and subject, both hemispheres together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from algokit.pipeline.blocks import fit_blocks
from algokit.pipeline.inputs import SubjectInputs, split_rows
from algokit.pipeline.settings import RunSettings
from algokit.readouts import CATALOGUE as READOUTS
from algokit.readouts import FeatureSpace, ReadoutResult
from algokit.recipe.plan import Step
from algokit.recipe.schema import Member, Recipe
from algokit.store import Store
from algokit.types import HEMISPHERES, Progress, ProgressCallback


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
    """
    groups = inputs.image_groups if recipe.keeps_images_whole else None
    rows = split_rows(inputs.geometry.n_train, recipe.val, inputs.geometry.subject, groups)
    result: ReadoutResult = READOUTS.load(member.readout.kind)(
        _spaces(features, store),
        [inputs.responses[hemisphere].values for hemisphere in HEMISPHERES],
        rows,
        member.readout,
        device=settings.device,
        blocks=fit_blocks(features, inputs.geometry, member, recipe.val, settings),
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
            if result.band_alpha is not None:
                np.save(folder / f"{hemisphere}_band_alpha.npy", np.ascontiguousarray(result.band_alpha[:, part]))
            start = stop


def _spaces(features: Sequence[Step], store: Store) -> Iterator[FeatureSpace]:
    for step in features:
        artefact = store.open("features", str(step.key))
        yield FeatureSpace(
            name=step.id.rsplit("/", 1)[-1],
            train=np.asarray(store.array(artefact, "train"), dtype=np.float32),
            test=np.asarray(store.array(artefact, "test"), dtype=np.float32),
        )
