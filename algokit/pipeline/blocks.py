"""Blocks of vertices that fit this machine, chosen before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from algokit.errors import MemoryShortageError
from algokit.pipeline.free_memory import free_bytes
from algokit.pipeline.settings import RunSettings
from algokit.readouts import Blocks, RidgeSpec
from algokit.recipe.cost import search_sizes
from algokit.recipe.plan import Plan, Step
from algokit.recipe.schema import Member, Val
from algokit.solvers.memory import default_blocks, fitting_blocks
from algokit.types import Finding, SubjectGeometry


def fit_blocks(
    features: Sequence[Step], subject: SubjectGeometry, member: Member, val: Val | None, settings: RunSettings
) -> Blocks:
    """Blocks for one fit step: those asked for, or what fits the memory that is free now.

    Raises
    ------
    MemoryShortageError : nothing fits, or not what was asked for.
    """
    if not isinstance(member.readout, RidgeSpec):
        default = default_blocks(settings.device, subject.n_train)
        return replace(default, targets=settings.block_vertices or default.targets)
    sizes = search_sizes([step.shape[1] for step in features], subject, member.readout, val)
    return fitting_blocks(sizes, free_bytes(settings.device), settings.device, settings.block_vertices)


def refuse_too_large(
    plan: Plan,
    members: Mapping[str, Member],
    subjects: Mapping[str, SubjectGeometry],
    val: Val | None,
    missing: Sequence[Step],
    settings: RunSettings,
) -> None:
    """Refuse a run with a fit step that this machine has no memory for.

    Raises
    ------
    MemoryShortageError : with every such step.
    """
    findings: list[Finding] = []
    for step in missing:
        features = plan.inputs(step)
        try:
            fit_blocks(features, subjects[step.subject], members[step.member], val, settings)
        except MemoryShortageError as error:
            findings += [replace(finding, where=step.id) for finding in error.findings]
    if findings:
        raise MemoryShortageError("there is too little memory for this plan", findings)
