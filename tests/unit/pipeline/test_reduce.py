"""Reductions as steps of a run: what they are made from, what is kept, and what a fit of them gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_runs import Runner

from algokit import verbs
from algokit.errors import RecipeError
from algokit.pipeline.inputs import split_rows
from algokit.recipe.load import load_recipe
from algokit.store import digest_of, entries, in_use


@pytest.fixture
def runner(small_demo: Path, tmp_path: Path) -> Runner:
    return Runner(small_demo, tmp_path)


def reduce_with(**spec: Any) -> tuple[str, ...]:
    words = ", ".join(f"{name}: {str(value).lower()}" for name, value in spec.items())
    return ("subjects=[subj01]", f"members.0.reduction={{{words}}}")


def test_a_gram_changes_no_prediction(runner: Runner) -> None:
    plain, _ = runner.run("subjects=[subj01]")
    expected = runner.arrays(plain, "fit/first/subj01")
    plan, _ = runner.run(*reduce_with(kind="gram"))
    found = runner.arrays(plan, "fit/first/subj01")
    np.testing.assert_array_equal(found["val_rows"], expected["val_rows"])
    for hemisphere in ("lh", "rh"):
        same = found[f"{hemisphere}_space_index"] == expected[f"{hemisphere}_space_index"]
        same &= found[f"{hemisphere}_alpha"] == expected[f"{hemisphere}_alpha"]
        assert same.mean() > 0.95, "near ties may fall to the other side"
        for split in ("val", "test"):
            name = f"{hemisphere}_{split}"
            np.testing.assert_allclose(found[name][:, same], expected[name][:, same], atol=2e-3)


def test_a_reduction_says_which_rows_it_was_fitted_on_and_has_the_planned_shape(runner: Runner) -> None:
    plan, outcomes = runner.run(*reduce_with(kind="pca", n_components=5))
    inputs = runner.inputs["subj01"]
    rows = split_rows(inputs.geometry.n_train, load_recipe(runner.file).val, "subj01").fit
    for step in plan.of_kind("reduction"):
        artefact = runner.store.open("reduction", str(step.key))
        assert artefact.meta["fitted_on"] == digest_of([inputs.image_digests[row] for row in rows])
        arrays = runner.arrays(plan, step.id)
        assert len(arrays["train"]) + len(arrays["test"]) == step.shape[0]
        assert arrays["train"].shape[1] == arrays["test"].shape[1] == step.shape[1] == 5
    fit = plan.step("fit/first/subj01")
    assert fit.inputs == tuple(step.id for step in plan.of_kind("reduction"))
    assert {one.id for one in outcomes if one.made} == {step.id for step in plan.steps}


def test_a_second_run_makes_nothing_and_needs_no_features(runner: Runner) -> None:
    plan, _ = runner.run(*reduce_with(kind="gram"))
    for step in plan.passing:
        for file in runner.store.path("features", str(step.key)).iterdir():
            file.unlink()
        runner.store.path("features", str(step.key)).rmdir()
    _, outcomes = runner.run(*reduce_with(kind="gram"))
    assert not any(one.made for one in outcomes)
    _, outcomes = runner.run(*reduce_with(kind="gram"), "members.0.readout.alphas=[10]")
    assert {one.id.split("/")[0] for one in outcomes if one.made} == {"fit", "ensemble"}


def test_another_val_split_makes_principal_components_anew_and_no_gram(runner: Runner) -> None:
    for spec, is_made in (({"kind": "gram"}, False), ({"kind": "pca", "n_components": 5}, True)):
        runner.run(*reduce_with(**spec))
        _, outcomes = runner.run(*reduce_with(**spec), "val.seed=7")
        made = {one.id.split("/")[0]: one.reason for one in outcomes if one.made}
        assert ("reduction" in made) == is_made
        assert "features" not in made
        assert not is_made or made["reduction"] == "val.seed 0 -> 7"


def test_features_that_another_member_reads_do_not_pass(runner: Runner) -> None:
    both = ("members.1.backbone.seed=0", "members.1.poolings=[{kind: flatten}]")
    plan = runner.plan(*reduce_with(kind="gram"), *both)
    assert {step.id for step in plan.passing} == {"features/first/subj01/vector@flat"}
    assert [step for step in plan.steps if step not in plan.passing] == plan.staying
    assert runner.plan(*reduce_with(kind="gram", keep_features=True)).passing == []
    assert runner.plan("subjects=[subj01]").passing == []


@pytest.mark.parametrize("keep", [False, True])
def test_features_go_when_the_run_ends_unless_they_are_kept(runner: Runner, tmp_path: Path, keep: bool) -> None:
    """Those of the other member, which nothing takes the place of, stay."""
    places = {"data": runner.challenge.root, "store": runner.store.root, "out": tmp_path / "out"}
    report = verbs.run(runner.file, overrides=reduce_with(kind="gram", keep_features=keep), **places)
    there = {entry.member for entry in entries(runner.store.root) if entry.kind == "features"}
    assert there == ({"first", "second"} if keep else {"second"})
    again = verbs.run(runner.file, overrides=reduce_with(kind="gram", keep_features=keep), **places)
    assert (again.submission, again.reused) == (report.submission, True)
    garbage = verbs.collect_store(runner.store.root, keep=[report.submission])
    assert garbage.unreferenced == ()


def test_features_stay_while_somebody_else_uses_the_store(runner: Runner, tmp_path: Path) -> None:
    places = {"data": runner.challenge.root, "store": runner.store.root, "out": tmp_path / "out"}
    with in_use(runner.store.root):
        report = verbs.run(runner.file, overrides=reduce_with(kind="gram"), **places)
    assert any("another run uses the store" in warning for warning in report.warnings)
    garbage = verbs.collect_store(runner.store.root, keep=[report.submission])
    assert {entry.id for entry in garbage.unreferenced} == {step.id for step in report.plan.passing}


def test_columns_of_a_gram_are_not_standardized(runner: Runner) -> None:
    with pytest.raises(RecipeError) as caught:
        runner.plan(*reduce_with(kind="gram"), "members.0.readout.standardize=true")
    (finding,) = caught.value.findings
    assert (finding.path, finding.code) == ("members[0].readout.standardize", "gram-standardize")
