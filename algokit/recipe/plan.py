"""Recipe + data -> plan: every step with its key, shape, bytes, FLOPs and peak memory. No torch, no weights loaded.

A step's key is the hash of its resolved parameters, the keys of its inputs, its integer version and the digests of
the files and weights it reads. Executor, device, batch size and paths are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from algokit.backbones import CATALOGUE as BACKBONES
from algokit.backbones import BackboneCard, LayerInfo, WeightsRecord
from algokit.errors import AlgokitError, RecipeError, WeightsError
from algokit.frozen import Frozen
from algokit.poolings import PoolingMismatchError
from algokit.recipe.cost import (
    DeviceMemory,
    device_memory,
    ensemble_cost,
    features_cost,
    fit_cost,
    reduction_cost,
    val_rows,
)
from algokit.recipe.impossible import impossible_requests
from algokit.recipe.layers import ResolvedAddress, resolve_layers
from algokit.recipe.load import recipe_digest
from algokit.recipe.schema import Member, Recipe
from algokit.store import digest_of
from algokit.types import Finding, SubjectGeometry

# Raise a version when the step's bytes change for the same parameters, never when only its code does.
STEP_VERSIONS = {"features": 2, "reduction": 1, "fit": 4, "ensemble": 1}

StepKind = Literal["features", "reduction", "fit", "ensemble"]


class Step(Frozen):
    """One artefact to make.

    ``params`` is what was resolved for it and is hashed into ``key`` together with the keys of ``inputs`` (step ids).
    ``key`` is None where something it depends on is not known yet: no data directory, or weights not on this machine.
    """

    id: str
    kind: StepKind
    key: str | None
    member: str
    subject: str
    inputs: tuple[str, ...]
    params: dict[str, Any]
    shape: tuple[int, ...]
    out_bytes: int
    flops: float
    memory_bytes: int


class Space(Frozen):
    """One feature space of a member: a layer and one pooling."""

    name: str
    layer: LayerInfo
    pooling: dict[str, Any]
    n_features: int


class PlannedMember(Frozen):
    """A member with everything resolved.

    ``weights`` is None where they are not on this machine; ``weights_missing`` then says which, and how to get them.
    ``addresses`` has what the recipe's addresses of layers stood for, but for plain names and ``all``.
    ``keeps_features`` is False where a reduction takes their place in the store.
    """

    name: str
    card: BackboneCard
    weights: dict[str, Any] | None
    weights_missing: tuple[str, str] | None
    addresses: tuple[ResolvedAddress, ...] = ()
    spaces: tuple[Space, ...]
    keeps_features: bool = True

    @cached_property
    def device_memory(self) -> DeviceMemory:
        """What a forward pass that gives all its spaces holds on the device."""
        layers = {space.layer.name: space.layer for space in self.spaces}
        return device_memory(self.card, layers.values(), sum(space.n_features for space in self.spaces))


class Plan(Frozen):
    """A resolved recipe: JSON in, JSON out; printed by ``algokit plan``, executed by any executor."""

    schema_name: Literal["algokit-plan/1"] = "algokit-plan/1"
    algokit_version: str
    recipe: dict[str, Any]
    recipe_digest: str
    key: str | None
    challenge: str
    manifest_digest: str
    subjects: dict[str, dict[str, Any]]
    members: tuple[PlannedMember, ...]
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]

    def of_kind(self, kind: StepKind) -> list[Step]:
        """The steps of one kind, in order of execution."""
        return [step for step in self.steps if step.kind == kind]

    def inputs(self, step: Step) -> list[Step]:
        """The steps it is made from, in order."""
        return [self.step(name) for name in step.inputs]

    def step(self, step_id: str) -> Step:
        """The step of that id (KeyError where there is none)."""
        return self._by_id[step_id]

    @property
    def passing(self) -> list[Step]:
        """Features that are not to stay: each has been made narrower, and no member keeps it."""
        keeping = {member.name for member in self.members if member.keeps_features}
        kept = {step.key for step in self.of_kind("features") if step.member in keeping}
        return [step for step in self.of_kind("features") if step.member not in keeping and step.key not in kept]

    @property
    def staying(self) -> list[Step]:
        """All steps but those."""
        passing = {step.id for step in self.passing}
        return [step for step in self.steps if step.id not in passing]

    @property
    def joining_bytes(self) -> int:
        """What the disk needs besides while the features of one member and subject, the most there are, are joined."""
        totals: dict[tuple[str, str], int] = {}
        for step in self.of_kind("features"):
            group = step.member, step.subject
            totals[group] = totals.get(group, 0) + step.out_bytes
        return max(totals.values(), default=0)

    @cached_property
    def _by_id(self) -> dict[str, Step]:
        return {step.id: step for step in self.steps}


@dataclass(frozen=True)
class PlannedData:
    """What a plan needs to know of the data.

    Attributes
    ----------
    challenge, manifest_digest : which challenge this is.
    geometry : the subjects in order.
    image_digests, response_digests : per subject, one sha256 over the ordered image files' digests, or over both
        hemispheres' training responses; None when planning without data.
    n_different_images : per subject, the training images that differ; None when planning without data.
    """

    challenge: str
    manifest_digest: str
    geometry: tuple[SubjectGeometry, ...]
    image_digests: Mapping[str, str] | None = None
    response_digests: Mapping[str, str] | None = None
    n_different_images: Mapping[str, int] | None = None


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
            features = [_features_step(recipe, planned, space, subject, data) for space in planned.spaces]
            reduced = [step for one in features for step in _reduction_step(recipe, member, one, subject)]
            fits.append(_fit_step(recipe, member, planned, reduced or features, subject, data))
            steps += [*features, *reduced, fits[-1]]
        steps.append(_ensemble_step(recipe, fits, subject))
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


def made_from(step: Step, inputs: Sequence[Step]) -> dict[str, Any]:
    """What meta.json says of an artefact's origin, enough to explain later why it is not another one."""
    return {"id": step.id, "params": step.params, "inputs": [[one.id, one.key] for one in inputs]}


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


def _features_step(
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


def _reduction_step(recipe: Recipe, member: Member, features: Step, subject: SubjectGeometry) -> Iterable[Step]:
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


def _fit_step(
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


def _ensemble_step(recipe: Recipe, fits: Sequence[Step], subject: SubjectGeometry) -> Step:
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
