"""Drive a plan: make what is missing, in order, and say why anything is made again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from algokit.atomic import disk_errors, sweep_partial
from algokit.backbones import CATALOGUE as BACKBONES
from algokit.backbones import Backbone
from algokit.errors import DiskError, WeightsError
from algokit.pipeline import image_sets, shards
from algokit.pipeline.blocks import refuse_too_large
from algokit.pipeline.ensemble import join_members
from algokit.pipeline.extract import extract_features
from algokit.pipeline.fit import fit_member
from algokit.pipeline.history import read_history, remember
from algokit.pipeline.inputs import SubjectInputs
from algokit.pipeline.missing import look, reasons_to_make
from algokit.pipeline.reduce import reduce_features
from algokit.pipeline.settings import RunSettings, accelerator_names, checked
from algokit.pipeline.surroundings import hardware, versions
from algokit.recipe.plan import Plan, PlannedMember, Step
from algokit.recipe.schema import Member, Recipe
from algokit.store import Store
from algokit.syncing import make_folder
from algokit.types import Finding, Progress, ProgressCallback


@dataclass(frozen=True)
class StepOutcome:
    """What happened to one step.

    Attributes
    ----------
    reason : why it was made; "" where it was kept.
    seconds : its share of the work it was made in; 0 where it was kept.
    resumed : an earlier run had begun it, so that its seconds may be those of a part.
    """

    id: str
    made: bool
    reason: str
    seconds: float
    resumed: bool = False


@dataclass(frozen=True)
class Ran:
    """What a run did, and on what.

    Attributes
    ----------
    device : where the arithmetic ran, as torch names it, several with commas between; "" where nothing was to do.
    accelerator : the GPUs' own names, "" for none.
    versions, hardware : `algokit.pipeline.surroundings` of where it ran.
    executor : ``kind``, and what that executor says of itself (``image``).
    """

    outcomes: tuple[StepOutcome, ...]
    device: str
    accelerator: str
    versions: Mapping[str, str] = field(default_factory=versions)
    hardware: Mapping[str, Any] = field(default_factory=hardware)
    executor: Mapping[str, str] = field(default_factory=lambda: {"kind": "local"})


@dataclass
class _Run:
    plan: Plan
    recipe: Recipe
    inputs: Mapping[str, SubjectInputs]
    store: Store
    settings: RunSettings
    progress: ProgressCallback
    reasons: dict[str, str]
    outcomes: list[StepOutcome] = field(default_factory=list)


def sweep_store(store: Store) -> None:
    """Remove what killed runs left half-written, and shards that they had no more use for."""
    sweep_partial(store.root)
    with contextlib.suppress(DiskError):  # a store that is only read has what it has
        shards.remove_finished(store)


def run_plan(
    plan: Plan,
    recipe: Recipe,
    inputs: Mapping[str, SubjectInputs],
    store: Store,
    settings: RunSettings,
    progress: ProgressCallback,
) -> Ran:
    """Execute a plan; steps already in the store are kept. Can be killed at any moment and called again.

    Raises
    ------
    WeightsError, DeviceError, MemoryShortageError : what the missing steps need is not on this machine (before any
        work).
    AlgokitError : whatever a step raises; finished steps stay in the store.
    """
    _refuse_missing_weights(plan)
    sweep_store(store)
    reasons = reasons_to_make(plan, store)
    needs_device = bool(reasons) or settings.device not in ("auto", "cpu")
    if needs_device:  # without anything to do, torch is not loaded to find out what there is
        settings = checked(settings)
        _refuse_too_large_fits(plan, recipe, inputs, reasons, settings)
    run = _Run(plan, recipe, inputs, store, settings, progress, reasons)
    try:
        for position, member in enumerate(plan.members):
            _run_member(run, position, member.name)
        for step in plan.of_kind("ensemble"):
            fits = plan.inputs(step)
            if step.id in run.reasons:
                with _timed(run, [step]):
                    join_members(step, fits, recipe.ensemble, inputs[step.subject], store, progress)
            else:
                _kept(run, [step])
    except BaseException:
        with contextlib.suppress(DiskError):  # what stopped the run is the thing to tell
            remember(plan, store, [one.id for one in run.outcomes])
        raise
    remember(plan, store, [one.id for one in run.outcomes])
    devices = ",".join((settings.device, *settings.more_devices)) if needs_device else ""
    accelerator = accelerator_names(devices)
    return Ran(tuple(run.outcomes), devices, accelerator, versions(), hardware(accelerator))


def run_features(
    plan: Plan,
    wanted: Collection[str],
    recipe: Recipe,
    inputs: Mapping[str, SubjectInputs],
    store: Store,
    settings: RunSettings,
    progress: ProgressCallback,
) -> tuple[StepOutcome, ...]:
    """Make the features of these step ids that the store does not hold, and nothing else; as `run_plan`, without
    `sweep_store`.

    Raises
    ------
    AlgokitError : see `run_plan`.
    """
    _refuse_missing_weights(plan)
    history = read_history(plan, store)
    reasons: dict[str, str] = {}
    chosen = [step for step in plan.of_kind("features") if step.id in wanted]
    for step in chosen:
        look(step, plan, store, history, reasons)
    run = _Run(plan, recipe, inputs, store, checked(settings) if reasons else settings, progress, reasons)
    for position, member in enumerate(plan.members):
        backbones: list[Backbone] = []
        for subject in plan.subjects:
            mine = [step for step in chosen if (step.member, step.subject) == (member.name, subject)]
            if mine:
                _make_features(run, position, mine, backbones)
    return tuple(run.outcomes)


def _run_member(run: _Run, position: int, name: str) -> None:
    member = run.recipe.members[position]
    backbones: list[Backbone] = []
    for fit in [step for step in run.plan.of_kind("fit") if step.member == name]:
        inputs = run.inputs[fit.subject]
        spaces = run.plan.inputs(fit)
        reductions = [step for step in spaces if step.kind == "reduction"]
        features = [run.plan.inputs(step)[0] for step in reductions] or spaces
        _make_features(run, position, features, backbones)
        _reduce(run, member, reductions, inputs)
        if fit.id in run.reasons:
            with _timed(run, [fit]):
                fit_member(fit, spaces, member, run.recipe, inputs, run.store, run.settings, run.progress)
        else:
            _kept(run, [fit])


def _make_features(run: _Run, position: int, features: Sequence[Step], backbones: list[Backbone]) -> None:
    """The features of one member and subject; the network goes into ``backbones`` when it is first needed."""
    planned, member = run.plan.members[position], run.recipe.members[position]
    inputs = run.inputs[features[0].subject]
    missing = [step for step in features if step.id in run.reasons]
    if run.reasons:
        image_sets.remember(run.store, features[0].params["images"], inputs.image_digests)
    if missing:
        with _timed(run, missing):
            if not backbones:
                run.progress(Progress(f"features/{planned.name}", 0, 1, "network", "loading"))
                backbones += _loaded(member, planned, run.settings)
            extract_features(planned, missing, inputs, backbones, run.store, run.settings, run.progress)
    _kept(run, [step for step in features if step not in missing])


def _loaded(member: Member, planned: PlannedMember, settings: RunSettings) -> list[Backbone]:
    """The member's network on every device."""
    module, backbones = BACKBONES.load(member.backbone.kind), []
    for device in (settings.device, *settings.more_devices):
        backbone: Backbone = module.load(member.backbone, device)
        _refuse_other_weights(planned.weights, backbone)
        backbones.append(backbone.compiled() if settings.compile else backbone)
    return backbones


def _reduce(run: _Run, member: Member, reductions: Sequence[Step], inputs: SubjectInputs) -> None:
    for done, step in enumerate(reductions, start=1):
        if member.reduction is None or step.id not in run.reasons:
            _kept(run, [step])
            continue
        with _timed(run, [step]):
            (features,) = run.plan.inputs(step)
            reduce_features(step, features, member.reduction, run.recipe, inputs, run.store, run.settings)
        name = f"reduction/{step.member}/{step.subject}"
        run.progress(Progress(name, done, len(reductions), "feature spaces"))


@contextlib.contextmanager
def _timed(run: _Run, steps: Sequence[Step]) -> Iterator[None]:
    """Steps that are made together. Whoever is stopped in between leaves a mark that they were begun."""
    folder = run.store.root / "history" / "begun"
    marks = [folder / f"{step.kind}-{step.key}" for step in steps]
    resumed = [mark.exists() for mark in marks]
    with disk_errors(folder):
        make_folder(folder)
        for mark in marks:
            mark.touch()
    started = time.monotonic()
    yield
    seconds = (time.monotonic() - started) / len(steps)
    with disk_errors(folder):
        for mark in marks:
            mark.unlink(missing_ok=True)
    run.outcomes += [
        StepOutcome(step.id, True, run.reasons[step.id], seconds, was_begun)
        for step, was_begun in zip(steps, resumed, strict=True)
    ]


def _kept(run: _Run, steps: Sequence[Step]) -> None:
    run.outcomes += [StepOutcome(step.id, False, "", 0.0) for step in steps]


def _refuse_too_large_fits(
    plan: Plan,
    recipe: Recipe,
    inputs: Mapping[str, SubjectInputs],
    reasons: Mapping[str, str],
    settings: RunSettings,
) -> None:
    members = {member.name: member for member in recipe.members}
    subjects = {name: one.geometry for name, one in inputs.items()}
    missing = [step for step in plan.of_kind("fit") if step.id in reasons]
    refuse_too_large(plan, members, subjects, recipe.val, missing, settings)


def _refuse_missing_weights(plan: Plan) -> None:
    missing = [
        Finding(
            "weights are not on this machine",
            path=f"members[{index}].backbone",
            expected=which,
            advice=f"{how} (--set members.{index}.backbone.checkpoint=FILE)",
            code="weights-missing",
        )
        for index, member in enumerate(plan.members)
        if member.weights is None
        for which, how in [member.weights_missing or ("", "")]
    ]
    if missing:
        raise WeightsError("a run needs weights that are not here", missing)


def _refuse_other_weights(planned: Mapping[str, Any] | None, backbone: Backbone) -> None:
    loaded = backbone.weights
    if planned is not None and planned["sha256"] not in ("", loaded.sha256):
        what = "the weights changed between plan and run"
        finding = Finding(what, expected=planned["sha256"], found=loaded.sha256, code="weights-changed")
        raise WeightsError("these are not the weights the plan names", [finding])
