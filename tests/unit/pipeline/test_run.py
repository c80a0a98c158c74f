"""Driving a plan: one pass, nothing twice, rows that belong to their images."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algokit.backbones import CATALOGUE as BACKBONES
from algokit.challenge import Challenge, DigestCache, open_challenge
from algokit.errors import RunError
from algokit.pipeline import extract
from algokit.pipeline.inputs import SubjectInputs, read_inputs, split_rows
from algokit.pipeline.run import StepOutcome, run_plan
from algokit.pipeline.settings import RunSettings
from algokit.recipe.load import load_recipe
from algokit.recipe.plan import Plan, make_plan
from algokit.recipe.schema import Val
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


@pytest.fixture
def runner(small_demo: Path, tmp_path: Path) -> Runner:
    return Runner(small_demo, tmp_path)


def _made(outcomes: Sequence[StepOutcome]) -> dict[str, str]:
    return {one.id: one.reason for one in outcomes if one.made}


def test_second_run_makes_nothing(runner: Runner) -> None:
    _, first = runner.run()
    _, second = runner.run()
    assert set(_made(first)) == {one.id for one in second}
    assert _made(second) == {}


def test_features_are_those_of_their_own_image(runner: Runner) -> None:
    """Row by row against one forward pass of one image at a time, reading the folder by number."""
    import torch

    from algokit.pipeline.images import prepare

    plan, _ = runner.run()
    recipe = load_recipe(runner.file)
    backbone = BACKBONES.load("tiny").load(recipe.members[0].backbone, "cpu")
    got = runner.arrays(plan, "features/first/subj06/vector@flat")
    geometry = runner.challenge.geometry("subj06")
    for split, n_images in (("train", geometry.n_train), ("test", geometry.n_test)):
        for number in (1, n_images // 2, n_images):
            (path,) = runner.challenge.root.rglob(f"subj06/**/{split}-{number:04d}_nsd-*.png")
            image = torch.from_numpy(prepare(path, plan.members[0].card.preprocess))[None]
            with torch.inference_mode():
                expected = backbone.activations(image, ["vector"])["vector"].numpy()[0]
            np.testing.assert_allclose(got[split][number - 1], expected, rtol=1e-4, atol=1e-5)


def test_batch_size_and_workers_change_no_feature_beyond_tolerance(small_demo: Path, tmp_path: Path) -> None:
    results = []
    for index, (batch_size, n_workers) in enumerate([(8, 1), (1, 1), (7, 4), (200, 2)]):
        folder = tmp_path / str(index)
        folder.mkdir()
        runner = Runner(small_demo, folder)
        plan, _ = runner.run(batch_size=batch_size, n_workers=n_workers)
        results.append(runner.arrays(plan, "features/first/subj01/conv@flat")["train"])
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-4, atol=1e-6)


def test_an_image_goes_through_a_backbone_once_whoever_sees_it(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    real = extract.batches

    def counted(paths: Sequence[Path], *rest: Any) -> Any:
        seen.extend(paths)
        return real(paths, *rest)

    monkeypatch.setattr(extract, "batches", counted)
    runner.run()
    digests = [digest for one in runner.inputs.values() for digest in one.image_digests]
    assert len(digests) > len(set(digests)), "the demo's subjects share images"
    assert len(seen) == len(runner.plan().members) * len(set(digests))


def test_copied_rows_equal_computed_ones(runner: Runner, small_demo: Path, tmp_path: Path) -> None:
    plan, _ = runner.run()
    alone = tmp_path / "alone"
    alone.mkdir()
    other = Runner(small_demo, alone)
    other_plan, _ = other.run("subjects=[subj06]")
    name = "features/second/subj06/conv@max2"
    shared, own = runner.arrays(plan, name), other.arrays(other_plan, name)
    for split in ("train", "test"):
        np.testing.assert_array_equal(shared[split], own[split])


def test_a_new_grid_redoes_only_what_it_touches_and_says_why(runner: Runner) -> None:
    runner.run()
    _, outcomes = runner.run("members.1.poolings.0.grid=[1, 4]")
    made = _made(outcomes)
    subjects = runner.challenge.subjects
    assert set(made) == {
        *(f"features/second/{subject}/conv@max4" for subject in subjects),
        *(f"fit/second/{subject}" for subject in subjects),
        *(f"ensemble/{subject}" for subject in subjects),
    }
    assert "with conv@max4" in made["fit/second/subj01"]
    assert "without conv@max2" in made["fit/second/subj01"]
    assert made["ensemble/subj01"] == "fit/second/subj01 changed"


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("members.0.readout.alphas=[1, 50]", "readout.alphas [1.0, 100.0] -> [1.0, 50.0]"),
        ("members.0.readout.folds.n=4", "readout.folds.n 3 -> 4"),
        ("val.fraction=0.25", "val.fraction 0.2 -> 0.25"),
    ],
)
def test_a_changed_setting_is_named_with_both_values(runner: Runner, override: str, reason: str) -> None:
    runner.run()
    _, outcomes = runner.run(override)
    assert _made(outcomes)["fit/first/subj01"] == reason


def test_a_pruned_search_of_stored_features_says_what_it_left_out(runner: Runner) -> None:
    search = "members.0.readout.search={kind: pruned, n_vertices: 20}"
    plan, _ = runner.run(search)
    step = plan.step("fit/first/subj01")
    (note, *_) = runner.store.open(step.kind, str(step.key)).meta["notes"]
    assert "of 2 feature spaces were kept, chosen by" in note
    everything, _ = runner.run("members.0.readout.search={kind: pruned, margin: 4}")
    plain, _ = runner.run()
    ours, theirs = (runner.arrays(one, "fit/first/subj01") for one in (everything, plain))
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_changed_responses_are_noticed(small_demo: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_demo, data)
    runner = Runner(data, tmp_path)
    runner.run()
    path = runner.challenge.response_path("subj01", "lh", "train")
    values = np.load(path)
    values[3, 4] += 1
    np.save(path, values)
    _, outcomes = runner.run()
    assert _made(outcomes) == {
        "fit/first/subj01": "responses changed",
        "fit/second/subj01": "responses changed",
        "ensemble/subj01": "2 of its inputs changed",
    }


def test_ensemble_is_the_mean_of_its_members(runner: Runner) -> None:
    plan, _ = runner.run()
    together = runner.arrays(plan, "ensemble/subj01")
    first, second = (runner.arrays(plan, f"fit/{name}/subj01") for name in ("first", "second"))
    for name in ("lh_test", "rh_test", "lh_val", "rh_val"):
        np.testing.assert_allclose(together[name], (first[name] + second[name]) / 2, rtol=1e-6, atol=1e-7)


def test_val_rows_are_drawn_once_and_never_fitted(runner: Runner) -> None:
    plan, _ = runner.run()
    rows = runner.arrays(plan, "fit/first/subj01")["val_rows"]
    again = split_rows(40, Val(fraction=0.2), "subj01")
    np.testing.assert_array_equal(rows, again.val)
    assert len(rows) == 8
    assert sorted([*again.fit, *again.val]) == list(range(40))
    assert not np.array_equal(again.val, split_rows(40, Val(fraction=0.2), "subj06").val)


def test_float16_overflow_is_refused_and_leaves_nothing(runner: Runner) -> None:
    with pytest.raises(RunError) as caught:
        runner.run("features.dtype=float16", "members.0.backbone.preprocess={std: [1.0e-6, 1.0e-6, 1.0e-6]}")
    assert "float32" in str(caught.value)
    assert not list((runner.store.root / "features").rglob("*.npy"))


def test_float16_features_cost_little(runner: Runner) -> None:
    plan, _ = runner.run()
    halved, _ = runner.run("features.dtype=float16")
    full, half = (runner.arrays(one, "ensemble/subj01")["lh_test"] for one in (plan, halved))
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(full.T, half.T, strict=True)]
    assert np.median(r) > 0.99
