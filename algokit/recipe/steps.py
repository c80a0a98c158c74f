"""One step each: what was resolved for it, its key, and what it costs.

A step's key is the hash of its resolved parameters, the keys of its inputs, its integer version and the digests of
the files and weights it reads. Executor, device, batch size and paths are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from algokit.recipe.cost import ensemble_cost, features_cost, fit_cost, reduction_cost, val_rows
from algokit.recipe.plan import PlannedData, PlannedMember, Space, Step, StepKind
from algokit.recipe.schema import Member, Recipe
from algokit.store import digest_of
from algokit.types import SubjectGeometry

# Raise a version when the step's bytes change for the same parameters, never when only its code does.
STEP_VERSIONS = {"features": 2, "reduction": 1, "fit": 4, "ensemble": 1}


def _key(kind: StepKind, params: Mapping[str, Any], inputs: Sequence[str | None]) -> str | None:
    known = [key for key in inputs if key is not None]
    return step_key(kind, params, known, STEP_VERSIONS[kind]) if len(known) == len(inputs) else None


def step_key(kind: StepKind, params: Mapping[str, Any], inputs: Sequence[str], version: int) -> str:
    """The key of what a step of that version makes from these parameters and the artefacts of these keys."""
    return digest_of({"kind": kind, "version": version, "params": dict(params), "inputs": list(inputs)})


def key_for_images(step: Step, images: str) -> str:
    """The key a features step has for the images of that digest, all else being the same."""
    return str(_key("features", {**step.params, "images": images}, []))


def _backbone_params(member: PlannedMember, recipe: Recipe) -> dict[str, Any]:
    """The part of a backbone's spec that shapes its activations; where the weights lie is not part of it."""
    spec = next(one.backbone for one in recipe.members if one.name == member.name)
    return spec.model_dump(mode="json", exclude={"checkpoint", "preprocess", "weights"})


def _weights_identity(weights: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What of the weights goes into a key: their digest, not the name of the file they lie in."""
    if weights is None:
        return None
    return {name: value for name, value in weights.items() if name != "source" or not weights["sha256"]}


def features_step(
    recipe: Recipe, member: PlannedMember, space: Space, subject: SubjectGeometry, data: PlannedData
) -> Step:
    params = {
        "backbone": _backbone_params(member, recipe),
        "preprocess": member.card.preprocess.model_dump(mode="json"),
        "weights": _weights_identity(member.weights),
        "layer": space.layer.name,
        "pooling": space.pooling,
        "dtype": recipe.features.dtype,
        "images": data.image_digests[subject.subject] if data.image_digests else None,
    }
    if recipe.features.autocast is not None:  # otherwise not there at all, as most recipes have it
        params["autocast"] = recipe.features.autocast
    known = member.weights is not None and data.image_digests is not None
    dtype, n_spaces = recipe.features.dtype, len(member.spaces)
    cost = features_cost(member.card, space.n_features, subject, dtype, n_spaces, member.device_memory)
    return Step(
        id=f"features/{member.name}/{subject.subject}/{space.name}",
        kind="features",
        key=_key("features", params, []) if known else None,
        member=member.name,
        subject=subject.subject,
        inputs=(),
        params=params,
        shape=(subject.n_train + subject.n_test, space.n_features),
        **cost,
    )


def reduction_step(recipe: Recipe, member: Member, features: Step, subject: SubjectGeometry) -> Iterable[Step]:
    """None where the member's spaces stay as they are."""
    spec = member.reduction
    if spec is None:
        return
    params: dict[str, Any] = {"reduction": spec.model_dump(mode="json", exclude={"keep_features"})}
    if spec.is_fitted:  # otherwise it is the same whatever is held out
        params["val"] = _val_params(recipe)
    n_fit = subject.n_train - val_rows(subject.n_train, recipe.val)
    n_images, n_features = features.shape
    n_columns = spec.n_columns(n_features, subject.n_train, n_fit)
    yield Step(
        id=f"reduction/{features.id.removeprefix('features/')}",
        kind="reduction",
        key=_key("reduction", params, [features.key]),
        member=features.member,
        subject=features.subject,
        inputs=(features.id,),
        params=params,
        shape=(n_images, n_columns),
        **reduction_cost(spec, n_images, n_features, n_columns, subject.n_train),
    )


def fit_step(
    recipe: Recipe,
    member: Member,
    planned: PlannedMember,
    spaces: Sequence[Step],
    subject: SubjectGeometry,
    data: PlannedData,
) -> Step:
    params: dict[str, Any] = {
        "readout": member.readout.model_dump(mode="json"),
        "val": _val_params(recipe),
        "responses": data.response_digests[subject.subject] if data.response_digests else None,
    }
    out_of_fold = recipe.ensemble.needs_out_of_fold
    if out_of_fold:  # otherwise not there at all, so that the plain mean needs no other fit than it ever did
        params["out_of_fold"] = True
    known = data.response_digests is not None
    cost = fit_cost([space.shape[1] for space in spaces], subject, member.readout, recipe.val, out_of_fold=out_of_fold)
    return Step(
        id=f"fit/{planned.name}/{subject.subject}",
        kind="fit",
        key=_key("fit", params, [step.key for step in spaces]) if known else None,
        member=planned.name,
        subject=subject.subject,
        inputs=tuple(step.id for step in spaces),
        params=params,
        shape=(subject.n_test, sum(subject.n_vertices.values())),
        **cost,
    )


def _val_params(recipe: Recipe) -> dict[str, Any] | None:
    """What decides the val rows beside the images themselves, which are in the keys of the features."""
    if recipe.val is None:
        return None
    whole = {"images": "whole"} if recipe.keeps_images_whole else {}
    return {**recipe.val.model_dump(mode="json"), **whole}


def ensemble_step(recipe: Recipe, fits: Sequence[Step], subject: SubjectGeometry) -> Step:
    params = {"ensemble": recipe.ensemble.model_dump(mode="json")}
    return Step(
        id=f"ensemble/{subject.subject}",
        kind="ensemble",
        key=_key("ensemble", params, [step.key for step in fits]),
        member="",
        subject=subject.subject,
        inputs=tuple(step.id for step in fits),
        params=params,
        shape=fits[0].shape,
        **ensemble_cost(len(fits), subject, recipe.ensemble, recipe.val),
    )
