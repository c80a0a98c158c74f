"""Runs of two tiny members on a small challenge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from algokit.challenge import Challenge, DigestCache, open_challenge
from algokit.pipeline.inputs import SubjectInputs, read_inputs
from algokit.pipeline.run import StepOutcome, run_plan
from algokit.pipeline.settings import RunSettings
from algokit.recipe.load import load_recipe
from algokit.recipe.plan import Plan
from algokit.recipe.planning import make_plan
from algokit.store import Store
from algokit.types import no_progress

RECIPE = """\
algokit: 1
name: tiny
val: {fraction: 0.2}
members:
  - name: first
    backbone: {kind: tiny}
    layers: [conv, vector]
    poolings: [{kind: flatten}]
    readout: &ridge {kind: ridge, alphas: [1, 100], folds: {n: 3}}
  - name: second
    backbone: {kind: tiny, seed: 1}
    layers: [conv]
    poolings: [{kind: adaptive_max, grid: [1, 2]}]
    readout: *ridge
"""


class Runner:
    """One challenge, one store; a run is one call."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.challenge: Challenge = open_challenge(root)
        self.store = Store(folder / "store")
        self.file = folder / "tiny.yaml"
        self.file.write_text(RECIPE)
        self.inputs: dict[str, SubjectInputs] = {}

    def plan(self, *overrides: str) -> Plan:
        digests = DigestCache(self.store.root / "digests.json")
        data, self.inputs = read_inputs(self.challenge, self.challenge.subjects, digests)
        return make_plan(load_recipe(self.file, overrides), data, "0")

    def run(self, *overrides: str, batch_size: int = 8, n_workers: int = 2) -> tuple[Plan, list[StepOutcome]]:
        plan = self.plan(*overrides)
        recipe = load_recipe(self.file, overrides)
        settings = RunSettings("cpu", batch_size, n_workers)
        return plan, list(run_plan(plan, recipe, self.inputs, self.store, settings, no_progress).outcomes)

    def arrays(self, plan: Plan, step_id: str) -> dict[str, np.ndarray]:
        step = plan.step(step_id)
        artefact = self.store.open(step.kind, str(step.key))
        return {path.stem: np.load(path) for path in artefact.path.glob("*.npy")}


def made(outcomes: Sequence[StepOutcome]) -> dict[str, str]:
    """Step id -> why it was made."""
    return {one.id: one.reason for one in outcomes if one.made}
