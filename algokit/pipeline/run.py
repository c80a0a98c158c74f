"""Drive a plan: make what is missing, in order, and say why anything is made again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from algokit.atomic import sweep_partial, write_text_atomically
from algokit.backbones import CATALOGUE as BACKBONES
from algokit.backbones import Backbone
from algokit.documents import changes
from algokit.errors import DiskError, WeightsError
from algokit.pipeline import image_sets
from algokit.pipeline.blocks import refuse_too_large
from algokit.pipeline.ensemble import join_members
from algokit.pipeline.extract import extract_features
from algokit.pipeline.fit import fit_member
from algokit.pipeline.inputs import SubjectInputs
from algokit.pipeline.settings import RunSettings, accelerator_name, checked_device
from algokit.recipe.plan import Plan, Step
from algokit.recipe.schema import Recipe
from algokit.store import CorruptArtefactError, Store
from algokit.types import Finding, Progress, ProgressCallback


@dataclass(frozen=True)
class StepOutcome:
    """What happened to one step: ``reason`` says why it was made ("" when it was kept)."""

    id: str
    made: bool
    reason: str
    seconds: float


class _Past(BaseModel):
    """What a step was made from when it was last made."""

    key: str
    params: dict[str, Any]
    inputs: dict[str, str]


_HISTORY = TypeAdapter(dict[str, _Past])


@dataclass(frozen=True)
class Ran:
    """What a run did, and on what.

    Attributes
    ----------
    device : where the arithmetic ran, as torch names it; "" where there was nothing to do.
    accelerator : the GPU's own name, "" for none.
    """

    outcomes: tuple[StepOutcome, ...]
    device: str
    accelerator: str


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
    sweep_partial(store.root)
    reasons = _reasons(plan, store)
    needs_device = bool(reasons) or settings.device not in ("auto", "cpu")
    if needs_device:  # without anything to do, torch is not loaded to find out what there is
        settings = replace(settings, device=checked_device(settings.device))
        _refuse_too_large_fits(plan, recipe, inputs, reasons, settings)
    run = _Run(plan, recipe, inputs, store, settings, progress, reasons)
    try:
        for position, member in enumerate(plan.members):
            _run_member(run, position, member.name)
        for step in plan.of_kind("ensemble"):
            fits = [plan.step(name) for name in step.inputs]
            if step.id in run.reasons:
                started = time.monotonic()
                join_members(step, fits, recipe.ensemble, inputs[step.subject], store, progress)
                _finished(run, [step], started)
            else:
                _kept(run, [step])
    except BaseException:
        with contextlib.suppress(DiskError):  # what stopped the run is the thing to tell
            _remember(run)
        raise
    _remember(run)
    device = settings.device if needs_device else ""
    return Ran(tuple(run.outcomes), device, accelerator_name(device))


def _run_member(run: _Run, position: int, name: str) -> None:
    planned, member = run.plan.members[position], run.recipe.members[position]
    backbone: Backbone | None = None
    for fit in [step for step in run.plan.of_kind("fit") if step.member == name]:
        inputs = run.inputs[fit.subject]
        features = [run.plan.step(step_id) for step_id in fit.inputs]
        missing = [step for step in features if step.id in run.reasons]
        if run.reasons:
            image_sets.remember(run.store, features[0].params["images"], inputs.image_digests)
        if missing:
            started = time.monotonic()
            if backbone is None:
                run.progress(Progress(f"features/{name}", 0, 1, "network", "loading"))
                backbone = BACKBONES.load(member.backbone.kind).load(member.backbone, run.settings.device)
                _refuse_other_weights(planned.weights, backbone)
            extract_features(planned, missing, inputs, backbone, run.store, run.settings, run.progress)
            _finished(run, missing, started)
        _kept(run, [step for step in features if step not in missing])
        if fit.id in run.reasons:
            started = time.monotonic()
            fit_member(fit, features, member, run.recipe, inputs, run.store, run.settings, run.progress)
            _finished(run, [fit], started)
        else:
            _kept(run, [fit])


def _finished(run: _Run, steps: Sequence[Step], started: float) -> None:
    seconds = (time.monotonic() - started) / len(steps)
    run.outcomes += [StepOutcome(step.id, True, run.reasons[step.id], seconds) for step in steps]


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


def _reasons(plan: Plan, store: Store) -> dict[str, str]:
    """Step id -> why it has to be made.

    Features are looked at only for fits that have to be made: those of a kept fit may be gone, and are not read.
    """
    history = _history(plan, store)
    reasons: dict[str, str] = {}
    for step in [*plan.of_kind("fit"), *plan.of_kind("ensemble")]:
        inputs = [plan.step(name) for name in step.inputs] if step.kind == "fit" else []
        if _look(step, plan, store, history, reasons):
            for feature in inputs:
                _look(feature, plan, store, history, reasons)
    return reasons


def _look(step: Step, plan: Plan, store: Store, history: Mapping[str, _Past], reasons: dict[str, str]) -> bool:
    """Note why a step has to be made, if it has to be; says whether."""
    try:
        if store.has(step.kind, str(step.key)):
            store.open(step.kind, str(step.key))
            return False
        reasons[step.id] = _why(step, plan, history)
    except CorruptArtefactError as error:
        reasons[step.id] = error.findings[0].what
    return True


def _why(step: Step, plan: Plan, history: Mapping[str, _Past]) -> str:
    past = history.get(step.id)
    if past is None:
        return "new"
    if past.key == step.key:
        return "its artefact is no longer in the store"
    words = [str(change) for change in changes(past.params, step.params)]
    inputs = {name: plan.step(name).key for name in step.inputs}
    gone, added = past.inputs.keys() - inputs.keys(), inputs.keys() - past.inputs.keys()
    words += [f"without {_short(name)}" for name in sorted(gone)] + [f"with {_short(name)}" for name in sorted(added)]
    changed = [name for name in inputs.keys() & past.inputs.keys() if inputs[name] != past.inputs[name]]
    if changed:
        words.append(f"{len(changed)} of its inputs changed" if len(changed) > 1 else f"{_short(changed[0])} changed")
    return "; ".join(words) or "made by another version of algokit"


def _short(step_id: str) -> str:
    """A feature space by its own name, any other step by its id."""
    return step_id.rsplit("/", 1)[-1] if step_id.startswith("features/") else step_id


def _history_path(plan: Plan, store: Store) -> Path:
    return store.root / "history" / f"{plan.recipe['name']}.json"


def _history(plan: Plan, store: Store) -> dict[str, _Past]:
    try:
        return _HISTORY.validate_json(_history_path(plan, store).read_bytes())
    except (OSError, ValueError):
        return {}


def _remember(run: _Run) -> None:
    """Note what each finished step was made from, so that the next run can say what changed."""
    before = _history(run.plan, run.store)
    history = dict(before)
    steps = {step.id: step for step in run.plan.steps}
    for outcome in run.outcomes:
        step = steps[outcome.id]
        inputs = {name: str(steps[name].key) for name in step.inputs}
        history[step.id] = _Past(key=str(step.key), params=step.params, inputs=inputs)
    if history != before:
        write_text_atomically(_history_path(run.plan, run.store), _HISTORY.dump_json(history).decode() + "\n")
