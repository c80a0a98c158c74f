"""Run a planned study: features that are missing, then curves that are missing, then rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algokit.challenge import Challenge
from algokit.pipeline.inputs import SubjectInputs
from algokit.pipeline.run import run_features, sweep_store
from algokit.pipeline.settings import RunSettings, checked
from algokit.readouts import RidgeSpec, Rows
from algokit.recipe.study_plan import Curve, StudyPlan
from algokit.recipe.study_schema import StudyRecipe
from algokit.store import Store
from algokit.studies.curves import CurveInputs, make_curve, missing_draws, read_curve, study_rows
from algokit.studies.tidy import Measured, StudyRow, curve_rows, measured
from algokit.types import HEMISPHERES, Hemisphere, Progress, ProgressCallback, Responses, Split


@dataclass(frozen=True)
class StudyJob:
    """Everything a study is run from."""

    plan: StudyPlan
    study: StudyRecipe
    inputs: Mapping[str, SubjectInputs]
    challenge: Challenge
    store_root: Path
    settings: RunSettings

    @property
    def split(self) -> Split:
        """The split that is scored."""
        return "test" if self.study.val is None else "val"


def run_study(job: StudyJob, progress: ProgressCallback) -> tuple[list[StudyRow], int]:
    """The tidy rows of all curves, and how many points were made for them; can be killed and called again.

    Raises
    ------
    AlgokitError : whatever a step raises; finished curves and features stay in the store.
    """
    store = Store(job.store_root)
    sweep_store(store)
    missing = {curve.id: missing_draws(curve, store) for curve in job.plan.curves}
    waiting = [curve for curve in job.plan.curves if missing[curve.id]]
    board = _Board(job.plan, missing, progress)
    if waiting:
        _make(job, waiting, missing, store, board)
    rows: list[StudyRow] = []
    places: dict[str, dict[Hemisphere, Measured]] = {}
    for curve in job.plan.curves:
        if curve.subject not in places:
            places[curve.subject] = _places(job, curve.subject)
        here = places[curve.subject]
        for draw in range(len(curve.keys)):
            rows += curve_rows(job.study.name, curve, draw, read_curve(curve, draw, store), here)
    return rows, sum(len(curve.sizes) * len(missing[curve.id]) for curve in waiting)


def _make(job: StudyJob, waiting: list[Curve], missing: Mapping[str, list[int]], store: Store, board: _Board) -> None:
    """All features that waiting curves read, then the curves one by one."""
    settings = checked(job.settings)
    needed = {name for curve in waiting for name in curve.features}
    with_progress = board.of_features(needed)
    run_features(job.plan.plan, needed, job.study.recipe, job.inputs, store, settings, with_progress)
    board.features_done(needed)
    readouts = {member.name: member.readout for member in job.study.members}
    for curve in waiting:
        readout = readouts[curve.series.member]
        assert isinstance(readout, RidgeSpec)  # the plan refuses others
        inputs = job.inputs[curve.subject]
        rows = study_rows(job.study, inputs)
        features = [job.plan.plan.step(name) for name in curve.features]
        given = CurveInputs(features, inputs, _truth(job, inputs, rows), rows)
        draws = missing[curve.id]
        make_curve(curve, draws, readout, given, store, device=settings.device, progress=board.of_curve(curve))
        board.curve_done(curve)


def _truth(job: StudyJob, inputs: SubjectInputs, rows: Rows) -> dict[Hemisphere, Responses]:
    """The responses to the images that are scored."""
    subject = inputs.geometry.subject
    if job.split == "test":
        return {hemisphere: job.challenge.responses(subject, hemisphere, "test") for hemisphere in HEMISPHERES}
    return {
        hemisphere: Responses(
            np.ascontiguousarray(train.values[rows.val]), train.image_ids[rows.val], subject, hemisphere, "val"
        )
        for hemisphere, train in inputs.responses.items()
    }


def _places(job: StudyJob, subject: str) -> dict[Hemisphere, Measured]:
    inputs = job.inputs[subject]
    ids = (
        inputs.test_ids if job.split == "test" else inputs.responses["lh"].image_ids[study_rows(job.study, inputs).val]
    )
    roi_class = job.study.scores.roi_class
    return {one: measured(job.challenge, subject, one, roi_class, job.split, ids) for one in HEMISPHERES}


class _Board:
    """One progress for the whole study: shares of the work that the plan counts, so that the time left makes sense."""

    def __init__(self, plan: StudyPlan, missing: Mapping[str, list[int]], progress: ProgressCallback) -> None:
        self._plan, self._missing, self._progress = plan, missing, progress
        self._name = f"study {plan.study['name']}"
        self._curves = sum(map(self._work, plan.curves))
        self._n_points = sum(len(curve.sizes) * len(missing[curve.id]) for curve in plan.curves)
        self._total, self._done, self._points = self._curves, 0.0, 0

    def of_features(self, needed: set[str]) -> ProgressCallback:
        """What extraction reports becomes a share of the whole."""
        steps = self._plan.plan.of_kind("features")
        own = sum(step.flops for step in steps if step.id in needed)
        self._total += own
        parts = max(1, len({(step.member, step.subject) for step in steps if step.id in needed}))
        seen: dict[str, float] = {}

        def report(one: Progress) -> None:
            if one.unit == "images":
                seen[one.step] = one.done / max(one.total, 1)
            self._tell(min(1.0, sum(seen.values()) / parts) * own, one.step)

        return report

    def features_done(self, needed: set[str]) -> None:
        """All of them are in the store."""
        self._done += sum(step.flops for step in self._plan.plan.of_kind("features") if step.id in needed)

    def of_curve(self, curve: Curve) -> ProgressCallback:
        """The spaces of a curve are shares of its work."""
        return lambda one: self._tell(one.done / one.total * self._work(curve), one.step)

    def curve_done(self, curve: Curve) -> None:
        """All draws of a curve are in the store."""
        self._done += self._work(curve)
        self._points += len(curve.sizes) * len(self._missing[curve.id])
        self._tell(0.0, curve.id)

    def _work(self, curve: Curve) -> float:
        return curve.flops * len(self._missing[curve.id]) / len(curve.seeds)

    def _tell(self, inside: float, what: str) -> None:
        is_over = self._points == self._n_points
        done = 1000 if is_over else min(999, int(1000 * (self._done + inside) / max(self._total, 1.0)))
        note = f"{self._points} of {self._n_points} points; {what}"
        self._progress(Progress(self._name, done, 1000, "thousandths of the work", note))
