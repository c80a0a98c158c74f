"""Learning curves as artefacts: what every vertex of one subject is predicted by at every size, draw by draw.

A curve is fitted on nested subsets of the training images and scored on images that none of them has. Kept are the
correlations of every vertex, from which every metric follows, and not the predictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.errors import DataError, MemoryShortageError
from algokit.pipeline.fit import StoredSpaces, hemisphere_columns
from algokit.pipeline.free_memory import free_bytes
from algokit.pipeline.inputs import SubjectInputs, held_out_rows
from algokit.readouts import FeatureSpace, RidgeSpec, Rows
from algokit.recipe.cost import draw_bytes
from algokit.recipe.plan import Step
from algokit.recipe.study_plan import CURVE_KIND, Curve
from algokit.recipe.study_schema import StudyRecipe
from algokit.scoring import ScoredHemisphere, vertex_scores
from algokit.solvers.learning_curve import CurvePoint, CurveSettings, learning_curves, pool_of
from algokit.solvers.memory import USABLE
from algokit.store import CorruptArtefactError, Store
from algokit.types import HEMISPHERES, Finding, Hemisphere, Predictions, ProgressCallback, Responses, no_progress
from algokit.types import Progress as ProgressMessage


@dataclass(frozen=True)
class CurveInputs:
    """What a curve is made from.

    Attributes
    ----------
    features : the steps of its feature spaces, in order.
    truth : hemisphere -> responses to the images that are scored.
    """

    features: Sequence[Step]
    subject: SubjectInputs
    truth: Mapping[Hemisphere, Responses]
    rows: Rows


def study_rows(study: StudyRecipe, inputs: SubjectInputs) -> Rows:
    """The training rows that subsets are drawn from, and those that are held out and scored."""
    geometry = inputs.geometry
    if study.val is None:
        return Rows(fit=np.arange(geometry.n_train), val=np.empty(0, np.int64))
    return held_out_rows(geometry.n_train, study.val.n, study.val.seed, geometry.subject)


def missing_draws(curve: Curve, store: Store) -> list[int]:
    """The draws that are not in the store; damaged ones are moved aside."""
    return [draw for draw, key in enumerate(curve.keys) if not _is_there(store, str(key))]


def make_curve(
    curve: Curve,
    draws: Sequence[int],
    readout: RidgeSpec,
    inputs: CurveInputs,
    store: Store,
    *,
    device: str = "cpu",
    progress: ProgressCallback = no_progress,
) -> None:
    """Fit and score some draws of a curve, an artefact each.

    It holds, per hemisphere, arrays (n_sizes, n_vertices): ``{h}_pearson_r`` float64, ``{h}_constant`` and
    ``{h}_nonfinite`` bool, ``{h}_space_index`` int16, ``{h}_alpha`` float64, ``{h}_cv_score`` float32.

    Raises
    ------
    MemoryShortageError : there is no room for a single draw.
    DataError : a feature or a response is not finite.
    """
    settings = CurveSettings(
        alphas=readout.alpha_values(),
        sizes=curve.sizes,
        n_folds=readout.folds.n,
        fold_seed=readout.folds.seed,
        draw=curve.params["order"],
        standardize=readout.standardize,
    )
    pool = pool_of(inputs.rows, settings, curve.seeds)
    step = _at_once(curve, inputs, device)
    for some in (draws[start : start + step] for start in range(0, len(draws), step)):
        done = learning_curves(
            _spaces(inputs, store),
            [inputs.subject.responses[hemisphere].values for hemisphere in HEMISPHERES],
            inputs.rows,
            settings,
            [curve.seeds[draw] for draw in some],
            pool=pool,
            device=device,
            progress=lambda n, name: progress(
                ProgressMessage(curve.id, n, len(inputs.features), "feature spaces", name)
            ),
        )
        for draw, points in zip(some, done, strict=True):
            _keep(curve, draw, points, inputs, store)


def read_curve(curve: Curve, draw: int, store: Store) -> dict[str, NDArray[Any]]:
    """The arrays of one draw, memory-mapped; see `make_curve`."""
    artefact = store.open(CURVE_KIND, str(curve.keys[draw]))
    names = ("pearson_r", "constant", "nonfinite", "space_index", "alpha", "cv_score")
    return {f"{h}_{name}": store.array(artefact, f"{h}_{name}") for h in HEMISPHERES for name in names}


def _is_there(store: Store, key: str) -> bool:
    try:
        return store.has(CURVE_KIND, key) and bool(store.open(CURVE_KIND, key))
    except CorruptArtefactError:
        return False


def _spaces(inputs: CurveInputs, store: Store) -> Iterator[FeatureSpace]:
    """Where training images are scored, test images are not predicted."""
    for space in StoredSpaces(inputs.features, store):
        yield FeatureSpace(space.name, space.train, space.test[:0]) if len(inputs.rows.val) else space


def _at_once(curve: Curve, inputs: CurveInputs, device: str) -> int:
    """How many draws there is memory for in one visit to the features."""
    n_targets = sum(inputs.subject.geometry.n_vertices.values())
    each = draw_bytes(n_targets, curve.sizes, len(inputs.truth["lh"].image_ids))
    shared = curve.memory_bytes - len(curve.seeds) * each
    room = int(USABLE * min(free_bytes("cpu"), free_bytes(device)))
    if shared + each > room:
        found, expected = f"{room / 1e9:.2f} GB", f"{(shared + each) / 1e9:.2f} GB for one draw"
        advice = "fewer images, coarser poolings, or a larger machine; finished curves are kept"
        finding = Finding("too little memory", curve.id, "", expected, found, advice, code="memory-short")
        raise MemoryShortageError("a learning curve does not fit into memory", [finding])
    return max(1, (room - shared) // each)


def _keep(curve: Curve, draw: int, points: Sequence[CurvePoint], inputs: CurveInputs, store: Store) -> None:
    arrays = _arrays(points, inputs)
    meta = {
        "id": f"{curve.id}/draw-{draw}",
        "params": {**curve.params, "seed": curve.seeds[draw]},
        "inputs": [[step.id, step.key] for step in inputs.features],
        "notes": sorted({note for point in points for note in point.result.notes}),
    }
    with store.write(CURVE_KIND, str(curve.keys[draw]), meta) as folder:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)


def _arrays(points: Sequence[CurvePoint], inputs: CurveInputs) -> dict[str, NDArray[Any]]:
    found: dict[str, list[NDArray[Any]]] = {}
    for point in points:
        for hemisphere, part in hemisphere_columns(inputs.subject.geometry):
            scored = vertex_scores(_scored(point, part, hemisphere, inputs))
            for name, values in {
                "pearson_r": scored.pearson_r,
                "constant": scored.constant,
                "nonfinite": scored.nonfinite,
                "space_index": point.result.space_index[part].astype(np.int16),
                "alpha": point.result.alpha[part],
                "cv_score": point.result.cv_score[part],
            }.items():
                found.setdefault(f"{hemisphere}_{name}", []).append(values)
    return {name: np.stack(values) for name, values in found.items()}


def _scored(point: CurvePoint, part: slice, hemisphere: Hemisphere, inputs: CurveInputs) -> ScoredHemisphere:
    """Predictions beside the truth; refused if any image fitted on is among those that are scored."""
    truth = inputs.truth[hemisphere]
    result = point.result
    values = result.val_predictions if len(inputs.rows.val) else result.test_predictions
    fitted = inputs.subject.responses[hemisphere].image_ids[point.rows]
    if np.isin(fitted, truth.image_ids).any():
        finding = Finding("an image is both fitted on and scored", f"{truth.subject} {hemisphere}", code="leak")
        raise DataError("these images cannot be scored", [finding])
    return ScoredHemisphere(
        predictions=Predictions(values[:, part], truth.image_ids, truth.subject, hemisphere, truth.split),
        responses=truth,
        ceilings=None,
        roi_masks=(),
    )
