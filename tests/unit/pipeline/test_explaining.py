"""Why a step is stale: in the recipe's words, back to the first cause."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny_runs import Runner

from algokit import verbs
from algokit.errors import UsageError
from algokit.pipeline.explaining import Explained, explain_steps
from algokit.pipeline.history import read_history
from algokit.recipe import steps
from algokit.recipe.plan import made_from
from algokit.store import Store, entries


@pytest.fixture(scope="module")
def ran(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A finished run of two members; its store is only read."""
    runner = Runner(small_demo, tmp_path_factory.mktemp("explained"))
    runner.run()
    return runner


def explained(runner: Runner, *overrides: str, history: bool = True) -> dict[str, Explained]:
    plan = runner.plan(*overrides)
    past = read_history(plan, runner.store) if history else {}
    return {one.step.id: one for one in explain_steps(plan, plan.steps, entries(runner.store.root), past)}


def causes(one: Explained) -> list[tuple[str, Sequence[str]]]:
    return [(cause.words, cause.steps) for cause in one.causes]


def test_after_a_run_every_step_is_there_and_nothing_is_next(ran: Runner) -> None:
    assert {(one.state, one.causes, one.is_next) for one in explained(ran).values()} == {("there", (), False)}


@pytest.mark.parametrize("history", [True, False], ids=["with history", "from the store alone"])
def test_a_changed_setting_is_told_with_both_values_and_found_again_in_what_follows(ran: Runner, history: bool) -> None:
    found = explained(ran, "members.0.readout.folds.n=4", history=history)
    assert causes(found["fit/first/subj01"]) == [("readout.folds.n 3 -> 4", ())]
    assert causes(found["ensemble/subj01"]) == [("readout.folds.n 3 -> 4", ("fit/first/subj01",))]
    assert str(found["ensemble/subj01"].causes[0]) == "an input changed: fit/first/subj01: readout.folds.n 3 -> 4"
    assert {one.state for name, one in found.items() if name.startswith(("features", "fit/second"))} == {"there"}
    assert [name for name, one in found.items() if one.is_next] == [
        name for name in found if name.startswith(("fit/first", "ensemble"))
    ]


def test_a_change_far_up_is_told_once_for_all_inputs_it_touches(ran: Runner) -> None:
    found = explained(ran, "members.0.backbone.preprocess={interpolation: nearest}")
    spaces = tuple(f"features/first/subj01/{name}@flat" for name in ("conv", "vector"))
    words = 'preprocess.interpolation "bicubic" -> "nearest"'
    assert causes(found[spaces[0]]) == [(words, ())]
    for step in ("fit/first/subj01", "ensemble/subj01"):
        assert causes(found[step]) == [(words, spaces)]


def test_other_images_and_responses_are_named_by_kind(small_demo: Path, ran: Runner, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_demo, data)
    shutil.copytree(ran.store.root, tmp_path / "store")
    runner = Runner(data, tmp_path)
    shutil.copyfile(*[image.path for image in runner.challenge.images("subj06", "train")[:2]])
    found = explained(runner)
    assert causes(found["features/first/subj06/conv@flat"]) == [("images changed", ())]
    assert found["features/first/subj01/conv@flat"].state == "there"
    spaces = tuple(f"features/second/subj06/conv@max{grid}" for grid in (1, 2))
    assert causes(found["fit/second/subj06"]) == [("images changed", spaces)]


def test_another_version_of_a_step_is_named_with_both_numbers(ran: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    now = steps.STEP_VERSIONS["features"]
    monkeypatch.setitem(steps.STEP_VERSIONS, "features", now + 1)
    found = explained(ran)
    words = f"step version {now} -> {now + 1}"
    assert causes(found["features/first/subj01/conv@flat"]) == [(words, ())]
    assert [cause.words for cause in found["ensemble/subj06"].causes] == [words]


def test_the_digest_of_other_weights_is_told_by_its_first_digits(ran: Runner, tmp_path: Path) -> None:
    plan = ran.plan()
    (step,) = [one for one in plan.steps if one.id == "features/first/subj01/conv@flat"]
    weights = {"sha256": "cd34" * 16, "is_random": False}
    other = step.model_copy(update={"params": {**step.params, "weights": weights}, "key": "0" * 64})
    before = step.model_copy(update={"params": {**step.params, "weights": {**weights, "sha256": "ab12" * 16}}})
    key = steps.step_key("features", before.params, [], steps.STEP_VERSIONS["features"])
    with Store(tmp_path).write("features", key, made_from(before, [])):
        pass
    (one,) = explain_steps(plan, [other], entries(tmp_path), {})
    assert causes(one) == [("weights.sha256 ab12ab12ab12 -> cd34cd34cd34", ())]


def test_a_new_space_is_held_against_the_one_most_like_it(ran: Runner) -> None:
    found = explained(ran, "members.1.poolings.0.grid=[1, 4]")
    one = found["features/second/subj01/conv@max4"]
    assert one.state == "new" and one.relative is not None
    assert one.relative.id in ("features/second/subj01/conv@max1", "features/second/subj01/conv@max2")
    assert causes(one) in ([("pooling.grid 1 -> 4", ())], [("pooling.grid 2 -> 4", ())])
    assert causes(found["fit/second/subj01"]) == [("without conv@max2", ()), ("with conv@max4", ())]


def test_inputs_in_another_order_are_no_change_of_any_of_them(ran: Runner) -> None:
    found = explained(ran, "members.0.layers=[vector, conv]")
    assert causes(found["fit/first/subj01"]) == [("its inputs in another order", ())]


def test_what_was_made_and_removed_is_gone_and_features_that_nobody_needs_are_not_next(
    small_demo: Path, ran: Runner, tmp_path: Path
) -> None:
    shutil.copytree(ran.store.root, tmp_path / "store")
    runner = Runner(small_demo, tmp_path)
    shutil.rmtree(tmp_path / "store" / "features")
    found = explained(runner)
    assert {(one.state, one.is_next) for one in found.values() if one.step.kind == "features"} == {("gone", False)}
    shutil.rmtree(tmp_path / "store" / "fit")
    assert {(one.state, one.is_next) for one in explained(runner).values() if one.step.kind != "ensemble"} == {
        ("gone", True)
    }


def test_what_cannot_be_made_here_names_the_weights_it_lacks(ran: Runner) -> None:
    found = explained(
        ran,
        "members.0={name: first, backbone: {kind: timm, name: resnet18}, layers: [layer1], "
        "poolings: [{kind: flatten}], readout: {kind: ridge, folds: {n: 3}}}",
    )
    for step in ("features/first/subj01/layer1@flat", "fit/first/subj01", "ensemble/subj01"):
        assert (found[step].state, found[step].is_next) == ("no key", False)
        assert causes(found[step]) == [("the weights of first are not on this machine", ())]
    assert found["fit/second/subj01"].state == "there"


def test_a_file_of_another_size_is_told_before_it_is_read(small_demo: Path, ran: Runner, tmp_path: Path) -> None:
    shutil.copytree(ran.store.root, tmp_path / "store")
    runner = Runner(small_demo, tmp_path)
    plan = runner.plan()
    place = runner.store.path("ensemble", str(plan.step("ensemble/subj01").key)) / "lh_test.npy"
    n_bytes = place.stat().st_size
    place.write_bytes(place.read_bytes()[:-8])
    one = explained(runner)["ensemble/subj01"]
    assert (one.state, one.is_next) == ("damaged", True)
    assert causes(one) == [(f"lh_test.npy has {n_bytes - 8} bytes, {n_bytes} were written", ())]


def test_a_fit_without_recorded_inputs_is_still_explained_where_its_key_proves_them(
    small_demo: Path, ran: Runner, tmp_path: Path
) -> None:
    """As algokit wrote them before inputs were recorded."""
    shutil.copytree(ran.store.root, tmp_path / "store")
    runner = Runner(small_demo, tmp_path)
    for meta in (tmp_path / "store" / "fit").glob("*/*/meta.json"):
        document = json.loads(meta.read_text())
        del document["inputs"]
        meta.write_text(json.dumps(document))
    found = explained(runner, "members.0.readout.folds.n=4", history=False)
    assert causes(found["fit/first/subj01"]) == [("readout.folds.n 3 -> 4", ())]
    found = explained(runner, "members.0.layers=[conv]", history=False)
    assert causes(found["fit/first/subj01"]) == [("its inputs, which an earlier algokit did not write down", ())]


def test_steps_are_asked_for_by_id_by_start_and_by_pattern(small_demo: Path, ran: Runner) -> None:
    def ids(asked: str) -> list[str]:
        report = verbs.explain(asked, ran.file, data=small_demo, store=ran.store.root)
        return [one.step.id for one in report.steps]

    assert ids("fit/first/subj06") == ["fit/first/subj06"]
    assert ids("fit/first") == ids("fit/first/") == ["fit/first/subj01", "fit/first/subj06"]
    assert ids("*/subj01") == ["fit/first/subj01", "fit/second/subj01", "ensemble/subj01"]
    with pytest.raises(UsageError) as caught:
        ids("fit/frist")
    assert "fit/first" in caught.value.findings[0].advice
