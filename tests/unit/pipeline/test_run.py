"""Driving a plan: one pass, nothing twice, rows that belong to their images."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_runs import Runner, made

from algokit.backbones import CATALOGUE as BACKBONES
from algokit.errors import MemoryShortageError, RunError
from algokit.pipeline import blocks, extract
from algokit.pipeline.inputs import split_rows
from algokit.pipeline.run import run_plan
from algokit.pipeline.settings import RunSettings
from algokit.recipe.load import load_recipe
from algokit.recipe.schema import Val
from algokit.types import no_progress


@pytest.fixture
def runner(small_demo: Path, tmp_path: Path) -> Runner:
    return Runner(small_demo, tmp_path)


def test_second_run_makes_nothing(runner: Runner) -> None:
    _, first = runner.run()
    _, second = runner.run()
    assert set(made(first)) == {one.id for one in second}
    assert made(second) == {}


def test_features_are_those_of_their_own_image(runner: Runner) -> None:
    """Row by row against one forward pass of one image at a time, reading the folder by number."""
    import torch

    from algokit.pipeline.forward import normalised
    from algokit.pipeline.images import pixels

    plan, _ = runner.run()
    recipe = load_recipe(runner.file)
    backbone = BACKBONES.load("tiny").load(recipe.members[0].backbone, "cpu")
    got = runner.arrays(plan, "features/first/subj06/vector@flat")
    geometry = runner.challenge.geometry("subj06")
    for split, n_images in (("train", geometry.n_train), ("test", geometry.n_test)):
        for number in (1, n_images // 2, n_images):
            (path,) = runner.challenge.root.rglob(f"subj06/**/{split}-{number:04d}_nsd-*.png")
            how = plan.members[0].card.preprocess
            image = normalised(torch.from_numpy(pixels(path, how).copy())[None], how)
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


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The images that go through a backbone."""
    found: list[Path] = []
    real = extract.batches

    def noted(paths: Sequence[Path], *rest: Any, **options: Any) -> Any:
        found.extend(paths)
        return real(paths, *rest, **options)

    monkeypatch.setattr(extract, "batches", noted)
    return found


def test_an_image_goes_through_a_backbone_once_whoever_sees_it(runner: Runner, seen: list[Path]) -> None:
    runner.run()
    digests = [digest for one in runner.inputs.values() for digest in one.image_digests]
    assert len(digests) > len(set(digests)), "the demo's subjects share images"
    assert len(seen) == len(runner.plan().members) * len(set(digests))


def test_a_later_run_of_another_subject_computes_no_image_again(runner: Runner, seen: list[Path]) -> None:
    """Neither run's plan knows of the other's subject: images are found in the store by their bytes."""
    runner.run("subjects=[subj06]")
    plan, _ = runner.run("subjects=[subj01]")
    digests = [digest for one in runner.inputs.values() for digest in one.image_digests]
    assert len(seen) == len(plan.members) * len(set(digests))
    runner.run("subjects=[subj01]", "members.0.backbone.seed=5")
    assert len(seen) == len(plan.members) * len(set(digests)) + len(runner.inputs["subj01"].image_digests)


def test_an_image_that_one_subject_sees_twice_is_computed_once(
    small_demo: Path, tmp_path: Path, seen: list[Path]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_demo, data)
    runner = Runner(data, tmp_path)
    train, test = (runner.challenge.images("subj01", split) for split in ("train", "test"))
    shutil.copyfile(train[0].path, train[7].path)
    shutil.copyfile(train[0].path, test[3].path)
    plan, _ = runner.run("subjects=[subj01]")
    assert len(seen) == len(plan.members) * (len(train) + len(test) - 2)
    rows = runner.arrays(plan, "features/first/subj01/vector@flat")
    np.testing.assert_array_equal(rows["train"][0], rows["train"][7])
    np.testing.assert_array_equal(rows["train"][0], rows["test"][3])
    assert not np.array_equal(rows["train"][0], rows["train"][1])


def test_rows_follow_the_numbers_in_the_names_however_the_folder_lists_them(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, _ = runner.run()
    expected = runner.arrays(plan, "features/first/subj06/vector@flat")
    (tmp_path / "shuffled").mkdir()
    draw, listed, scanned = random.Random(3), os.listdir, os.scandir

    class Shuffled:
        """What `os.scandir` gives, in another order."""

        def __init__(self, *place: Any) -> None:
            with scanned(*place) as entries:
                found = list(entries)
            self._entries = iter(draw.sample(found, len(found)))

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> Any:
            return next(self._entries)

        def close(self) -> None:
            pass

    monkeypatch.setattr(os, "listdir", lambda *place: draw.sample(names := listed(*place), len(names)))
    monkeypatch.setattr(os, "scandir", Shuffled)
    other = Runner(runner.challenge.root, tmp_path / "shuffled")
    again, _ = other.run()
    found = other.arrays(again, "features/first/subj06/vector@flat")
    for split in ("train", "test"):
        np.testing.assert_array_equal(found[split], expected[split])


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
    redone = made(outcomes)
    subjects = runner.challenge.subjects
    assert set(redone) == {
        *(f"features/second/{subject}/conv@max4" for subject in subjects),
        *(f"fit/second/{subject}" for subject in subjects),
        *(f"ensemble/{subject}" for subject in subjects),
    }
    assert "with conv@max4" in redone["fit/second/subj01"]
    assert "without conv@max2" in redone["fit/second/subj01"]
    assert redone["ensemble/subj01"] == "fit/second/subj01 changed"


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
    assert made(outcomes)["fit/first/subj01"] == reason


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
    assert made(outcomes) == {
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


def test_a_val_split_by_image_splits_none_and_is_the_plain_one_where_images_differ() -> None:
    val = Val(fraction=0.2)
    plain = split_rows(40, val, "subj01")
    np.testing.assert_array_equal(split_rows(40, val, "subj01", np.arange(40)[::-1]).val, plain.val)
    groups = np.arange(40) // 3
    rows = split_rows(40, val, "subj01", groups)
    assert not set(groups[rows.fit]) & set(groups[rows.val])
    assert 8 <= len(rows.val) <= 10
    assert sorted([*rows.fit, *rows.val]) == list(range(40))


def test_grouped_folds_keep_equal_image_files_on_one_side_of_val(small_demo: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_demo, data)
    runner = Runner(data, tmp_path)
    images = [image.path for image in runner.challenge.images("subj01", "train")]
    first = split_rows(40, Val(fraction=0.2), "subj01").val[0]
    for row in (1, 2):
        shutil.copyfile(images[first], images[(first + 13 * row) % 40])
    plan, _ = runner.run("members.1.readout={kind: ridge, alphas: [1, 100], folds: {n: 3, kind: grouped}}")
    assert "images" in plan.step("fit/first/subj01").params["val"]
    held = {name: runner.arrays(plan, f"fit/{name}/subj01")["val_rows"] for name in ("first", "second")}
    np.testing.assert_array_equal(held["first"], held["second"])
    groups = runner.inputs["subj01"].image_groups
    assert len(set(groups)) == 38
    fitted = np.setdiff1d(np.arange(40), held["first"])
    assert not set(groups[fitted]) & set(groups[held["first"]])


def test_penalties_per_band_are_kept_with_the_fit(runner: Runner) -> None:
    plan, _ = runner.run("members.0.readout={kind: banded_ridge, alphas: [1, 100], n_iter: 2, folds: {n: 3}}")
    banded, plain = (runner.arrays(plan, f"fit/{name}/subj01") for name in ("first", "second"))
    assert banded["rh_band_alpha"].shape == (2, len(banded["rh_alpha"]))
    assert "rh_band_alpha" not in plain
    assert plan.step("fit/first/subj01").flops > plan.step("fit/second/subj01").flops


def test_float16_overflow_is_refused_and_leaves_nothing(runner: Runner) -> None:
    with pytest.raises(RunError) as caught:
        runner.run("features.dtype=float16", "members.0.backbone.preprocess={std: [1.0e-6, 1.0e-6, 1.0e-6]}")
    assert "float32" in str(caught.value)
    assert not list((runner.store.root / "features").rglob("*.npy"))


def test_autocast_is_part_of_the_key_and_named_as_the_reason(runner: Runner) -> None:
    runner.run()
    _, outcomes = runner.run("features.autocast=bfloat16")
    assert made(outcomes)["features/first/subj01/vector@flat"] == 'autocast absent -> "bfloat16"'


def test_float16_features_cost_little(runner: Runner) -> None:
    plan, _ = runner.run()
    halved, _ = runner.run("features.dtype=float16")
    full, half = (runner.arrays(one, "ensemble/subj01")["lh_test"] for one in (plan, halved))
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(full.T, half.T, strict=True)]
    assert np.median(r) > 0.99


def test_a_plan_that_memory_has_no_room_for_is_refused_before_any_work_with_every_step(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "free_bytes", lambda device: 1000)
    with pytest.raises(MemoryShortageError) as caught:
        runner.run()
    fits = [step.id for step in runner.plan().of_kind("fit")]
    assert sorted(finding.where for finding in caught.value.findings) == sorted(fits)
    assert not list((runner.store.root / "features").glob("*"))


def test_vertices_per_block_change_no_key_and_no_score(runner: Runner, tmp_path: Path) -> None:
    runner.run()
    (tmp_path / "other").mkdir()
    other = Runner(runner.challenge.root, tmp_path / "other")
    plan = other.plan()
    settings = RunSettings("cpu", batch_size=8, n_workers=1, block_vertices=3)
    run_plan(plan, load_recipe(other.file), other.inputs, other.store, settings, no_progress)
    assert [step.key for step in plan.of_kind("fit")] == [step.key for step in runner.plan().of_kind("fit")]
    for step in plan.of_kind("fit"):
        ours, theirs = (one.store.open("fit", str(step.key)) for one in (other, runner))
        for name in ("lh_cv_score", "lh_test"):
            found, expected = other.store.array(ours, name), runner.store.array(theirs, name)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_batch_size_workers_and_the_place_of_the_store_are_in_no_key(
    runner: Runner, small_demo: Path, tmp_path: Path
) -> None:
    plan, _ = runner.run(batch_size=8, n_workers=2)
    again, outcomes = runner.run(batch_size=3, n_workers=1)
    assert made(outcomes) == {}
    (tmp_path / "other").mkdir()
    elsewhere = Runner(small_demo, tmp_path / "other").plan()
    assert {one.key for one in plan.steps} == {one.key for one in again.steps} == {one.key for one in elsewhere.steps}
