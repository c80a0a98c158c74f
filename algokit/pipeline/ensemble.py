"""Predictions of the members -> one prediction per subject, hemisphere and split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.pipeline.inputs import SubjectInputs
from algokit.readouts import Rows
from algokit.recipe.plan import Step, made_from
from algokit.recipe.schema import EnsembleSpec, GreedySpec, MeanSpec, StackingSpec
from algokit.solvers.folds import cut_folds
from algokit.solvers.stacking import Rule, Weighed, greedy_weights, simplex_weights, weigh_members
from algokit.store import Store
from algokit.types import HEMISPHERES, Artefact, Hemisphere, Progress, ProgressCallback


def join_members(
    step: Step,
    fits: Sequence[Step],
    ensemble: EnsembleSpec,
    inputs: SubjectInputs,
    store: Store,
    progress: ProgressCallback,
) -> None:
    """Make one ensemble step.

    The artefact holds ``{h}_test`` and ``{h}_val`` (float32) and ``val_rows``, as a fit does. Where weights were
    learned, also ``{h}_weights`` (n_members, n_vertices) float32, and in its notes what they are worth beside the plain
    mean.
    """
    artefacts = [store.open("fit", str(fit.key)) for fit in fits]
    if isinstance(ensemble, MeanSpec):
        _average(step, made_from(step, fits), artefacts, store)
    else:
        _weigh(step, made_from(step, fits), artefacts, ensemble, inputs, store, progress)


def _average(step: Step, meta: Mapping[str, Any], artefacts: Sequence[Artefact], store: Store) -> None:
    """The plain mean over members of their predicted responses."""
    with store.write("ensemble", str(step.key), meta) as folder:
        np.save(folder / "val_rows.npy", store.array(artefacts[0], "val_rows"))
        for hemisphere in HEMISPHERES:
            for split in ("val", "test"):
                name = f"{hemisphere}_{split}"
                total = np.zeros_like(store.array(artefacts[0], name), dtype=np.float64)
                for artefact in artefacts:
                    total += store.array(artefact, name)
                np.save(folder / f"{name}.npy", (total / len(artefacts)).astype(np.float32))


def _weigh(
    step: Step,
    meta: Mapping[str, Any],
    artefacts: Sequence[Artefact],
    ensemble: StackingSpec | GreedySpec,
    inputs: SubjectInputs,
    store: Store,
    progress: ProgressCallback,
) -> None:
    """Weights learned from the out-of-fold predictions of the rows fitted on; the val rows take no part in them."""
    val_rows = store.array(artefacts[0], "val_rows")
    fit_rows = np.setdiff1d(np.arange(inputs.geometry.n_train), val_rows)
    groups = inputs.image_groups if ensemble.folds.kind == "grouped" else None
    folds = cut_folds(Rows(fit_rows, val_rows, groups), ensemble.folds)
    n_done, n_vertices = 0, sum(inputs.geometry.n_vertices.values())
    weighed: dict[Hemisphere, Weighed] = {}

    def tell(before: int, done: int) -> None:
        progress(Progress(step.id, before + done, n_vertices, "vertices"))

    for hemisphere in HEMISPHERES:
        weighed[hemisphere] = weigh_members(
            [store.array(artefact, f"{hemisphere}_oof") for artefact in artefacts],
            inputs.responses[hemisphere].values,
            folds,
            _rule(ensemble),
            progress=partial(tell, n_done),
        )
        n_done += inputs.geometry.n_vertices[hemisphere]
    notes = [_comparison(weighed, ensemble)]
    with store.write("ensemble", str(step.key), {**meta, "notes": notes}) as folder:
        np.save(folder / "val_rows.npy", val_rows)
        for hemisphere, one in weighed.items():
            np.save(folder / f"{hemisphere}_weights.npy", one.weights)
            for split in ("val", "test"):
                name = f"{hemisphere}_{split}"
                predictions = [store.array(artefact, name) for artefact in artefacts]
                np.save(folder / f"{name}.npy", _weighted(predictions, one.weights))


def _weighted(predictions: Sequence[NDArray[np.float32]], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    total = np.zeros(predictions[0].shape)
    for one, weight in zip(predictions, weights, strict=True):
        total += np.multiply(one, weight, dtype=np.float64)
    return total.astype(np.float32)


def _rule(ensemble: StackingSpec | GreedySpec) -> Rule:
    if isinstance(ensemble, GreedySpec):
        return partial(greedy_weights, n_picks=ensemble.n_picks)
    return simplex_weights


def _comparison(weighed: Mapping[Hemisphere, Weighed], ensemble: StackingSpec | GreedySpec) -> str:
    """What the weights are worth, whichever way it comes out."""
    r, mean_r = (np.concatenate([getattr(one, name) for one in weighed.values()]) for name in ("r", "mean_r"))
    parts = ", ".join(f"{name} {_mean(one.r)} against {_mean(one.mean_r)}" for name, one in weighed.items())
    better = r.mean(dtype=np.float64) > mean_r.mean(dtype=np.float64)
    verdict = "the weights do better" if better else "the plain mean does as well or better: use ensemble {kind: mean}"
    return (
        f"out-of-fold Pearson r, mean over vertices, of {ensemble.kind} against the plain mean: {parts} "
        f"({ensemble.folds.n} folds, weights learned from the others); {verdict}"
    )


def _mean(values: NDArray[Any]) -> str:
    return f"{values.mean(dtype=np.float64):.4f}"
