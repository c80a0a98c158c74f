"""Features of one space and subject -> fewer columns, fitted on training rows alone."""

from __future__ import annotations

import numpy as np

from algokit.pipeline.inputs import SubjectInputs, recipe_rows
from algokit.pipeline.settings import RunSettings
from algokit.recipe.plan import Step, made_from
from algokit.recipe.schema import Recipe
from algokit.reductions import CATALOGUE as REDUCTIONS
from algokit.reductions import ReductionSpec
from algokit.store import Store, digest_of


def reduce_features(
    step: Step,
    features: Step,
    spec: ReductionSpec,
    recipe: Recipe,
    inputs: SubjectInputs,
    store: Store,
    settings: RunSettings,
) -> None:
    """Make one reduction step: ``train.npy`` and ``test.npy`` as of features, float32.

    Its meta says which training rows it was fitted on (``fitted_on``, a digest of the images' digests in row order).

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    fit_rows = recipe_rows(recipe, inputs).fit
    artefact = store.open("features", str(features.key))
    train, test = (store.array(artefact, split) for split in ("train", "test"))
    reduced = REDUCTIONS.load(spec.kind)(train, test, fit_rows, spec, device=settings.device)
    seen = [inputs.image_digests[row] for row in fit_rows] if spec.is_fitted else []
    meta = {**made_from(step, [features]), "fitted_on": digest_of(seen)}
    with store.write("reduction", str(step.key), meta) as folder:
        for split, values in zip(("train", "test"), reduced, strict=True):
            np.save(folder / f"{split}.npy", values)
