"""The plan: every step with its key, shape, bytes, FLOPs and peak memory, as values that are JSON.

`algokit.recipe.planning` makes it, `algokit.recipe.steps` its steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from algokit.backbones import BackboneCard, LayerInfo
from algokit.frozen import Frozen
from algokit.recipe.cost import DeviceMemory, device_memory
from algokit.recipe.layers import ResolvedAddress
from algokit.types import SubjectGeometry

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


def made_from(step: Step, inputs: Sequence[Step]) -> dict[str, Any]:
    """What meta.json says of an artefact's origin, enough to explain later why it is not another one."""
    return {"id": step.id, "params": step.params, "inputs": [[one.id, one.key] for one in inputs]}
