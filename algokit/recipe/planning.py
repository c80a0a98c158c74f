"""Recipe + data -> plan. No torch, no weights loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from algokit.backbones import CATALOGUE as BACKBONES
from algokit.backbones import BackboneCard, LayerInfo, WeightsRecord
from algokit.errors import AlgokitError, RecipeError, WeightsError
from algokit.poolings import PoolingMismatchError
from algokit.recipe.impossible import impossible_requests
from algokit.recipe.layers import resolve_layers
from algokit.recipe.load import recipe_digest
from algokit.recipe.plan import Plan, PlannedData, PlannedMember, Space, Step
from algokit.recipe.schema import Member, Recipe
from algokit.recipe.steps import ensemble_step, features_step, fit_step, reduction_step
from algokit.store import digest_of
from algokit.types import Finding, SubjectGeometry


def make_plan(recipe: Recipe, data: PlannedData, algokit_version: str) -> Plan:
    """Resolve a recipe.

    Raises
    ------
    RecipeError : every impossible request at once (unknown subject or layer, a pooling that cannot take a layer, more
        folds than the training images allow, weights to be learned from a readout without out-of-fold predictions).
    """
    findings: list[Finding] = []
    geometry = _chosen_subjects(recipe, data.geometry)
    members = [_resolve_member(member, index, findings) for index, member in enumerate(recipe.members)]
    resolved = [member for member in members if member is not None]
    findings += impossible_requests(recipe, data.geometry, geometry, data.n_different_images)
    if findings:
        raise RecipeError("the recipe asks for the impossible", findings)
    steps: list[Step] = []
    for subject in geometry:
        fits = []
        for member, planned in zip(recipe.members, resolved, strict=True):
            features = [features_step(recipe, planned, space, subject, data) for space in planned.spaces]
            reduced = [step for one in features for step in reduction_step(recipe, member, one, subject)]
            fits.append(fit_step(recipe, member, planned, reduced or features, subject, data))
            steps += [*features, *reduced, fits[-1]]
        steps.append(ensemble_step(recipe, fits, subject))
    ensembles = [step.key for step in steps if step.kind == "ensemble"]
    return Plan(
        algokit_version=algokit_version,
        recipe=portable(recipe),
        recipe_digest=recipe_digest(recipe),
        key=None if None in ensembles else digest_of([recipe.name, ensembles]),
        challenge=data.challenge,
        manifest_digest=data.manifest_digest,
        subjects={
            one.subject: {"n_train": one.n_train, "n_test": one.n_test, "n_vertices": dict(one.n_vertices)}
            for one in geometry
        },
        members=tuple(resolved),
        steps=tuple(steps),
        warnings=tuple(_warnings(recipe, resolved, data)),
    )


def portable(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data without this machine's paths: a checkpoint keeps its file name only."""
    document = recipe.model_dump(mode="json")
    for member, spec in zip(recipe.members, document["members"], strict=True):
        checkpoint = getattr(member.backbone, "checkpoint", None)
        if checkpoint is not None:
            spec["backbone"]["checkpoint"] = checkpoint.name
    return document


def _chosen_subjects(recipe: Recipe, present: Sequence[SubjectGeometry]) -> list[SubjectGeometry]:
    if recipe.subjects == "all":
        return list(present)
    return sorted((one for one in present if one.subject in recipe.subjects), key=lambda one: one.subject)


def _resolve_member(member: Member, index: int, findings: list[Finding]) -> PlannedMember | None:
    place = f"members[{index}]"
    weights, missing = None, None
    try:
        module = BACKBONES.load(member.backbone.kind)
        card: BackboneCard = module.describe(member.backbone)
        weights = _weights(module, member)
    except WeightsError as error:
        first = (*error.findings, Finding(error.headline))[0]
        if first.code != "weights-missing":
            raise  # a file that is there cannot be used, or one the user named is not: say so now, not after hours
        missing = (first.expected, first.advice)
    except AlgokitError as error:
        findings += [
            replace(finding, path=".".join(part for part in (f"{place}.backbone", finding.path) if part))
            for finding in error.findings or (Finding(error.headline),)
        ]
        return None
    layers, addresses = resolve_layers(member, card, place, findings)
    spaces = tuple(space for layer in layers for space in _spaces(member, layer, place, findings))
    return PlannedMember(
        name=member.name,
        card=card,
        weights=weights,
        weights_missing=missing,
        addresses=addresses,
        spaces=spaces,
        keeps_features=member.reduction is None or member.reduction.keep_features,
    )


def _weights(module: Any, member: Member) -> dict[str, Any]:
    record: WeightsRecord = module.weights_digest(member.backbone)
    return {"source": record.source, "sha256": record.sha256, "is_random": record.is_random}


def _spaces(member: Member, layer: LayerInfo, place: str, findings: list[Finding]) -> Iterable[Space]:
    for position, entry in enumerate(member.poolings):
        for pooling in entry.each():
            try:
                n_features = pooling.n_features(layer)
            except PoolingMismatchError as error:
                findings.append(
                    Finding(str(error), path=f"{place}.poolings[{position}]", found=entry.kind, code="pooling-mismatch")
                )
                break
            name = f"{layer.name}@{pooling.label()}"
            yield Space(name=name, layer=layer, pooling=pooling.model_dump(mode="json"), n_features=n_features)


def member_warnings(members: Sequence[PlannedMember]) -> Iterable[str]:
    """What is to be known of the members' weights before anything is computed."""
    for member in members:
        if member.weights is None:
            yield f"the weights of {member.name} are not on this machine; a run needs them: algokit fetch RECIPE"
        elif member.weights["is_random"]:
            yield f"{member.name} has RANDOM, UNTRAINED weights: its scores say nothing about the named model"


def _warnings(recipe: Recipe, members: Sequence[PlannedMember], data: PlannedData) -> Iterable[str]:
    yield from member_warnings(members)
    if recipe.ensemble.needs_out_of_fold and len(members) == 1:
        yield f"{recipe.ensemble.kind} has one member to weigh, which gets all the weight: the plain mean is the same"
    if recipe.val is None:
        yield "no val split: the recipe gives no local score where the test responses are absent"
    if data.image_digests is None:
        yield "planned without data: sizes are the manifest's, and steps have no keys"
