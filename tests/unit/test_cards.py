"""A card is enough to run again and to compare: the same inputs give the same bytes, others are named and refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_card import card, changed, places, values

from algokit import verbs
from algokit.errors import InputError, RecipeError, UsageError
from algokit.reporting.card_reading import read_card
from algokit.verbs import RunOptions

RECIPE = """\
algokit: 1
name: tiny
val: {fraction: 0.2}
members:
  - name: tiny
    backbone: {kind: tiny}
    layers: [conv, vector]
    poolings: [{kind: flatten}]
    readout: {kind: ridge, alphas: [1, 100], folds: {n: 3}}
"""
CPU = RunOptions("cpu", 8, 2)


@pytest.fixture(scope="module")
def made(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, its store and its submission ``original``; read-only by convention."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    verbs.run(folder / "tiny.yaml", data=small_demo, out=folder / "original", store=folder / "store", options=CPU)
    return folder


def edited(made: Path, folder: Path, path: str, value: Any) -> Path:
    """The card of the original with one entry changed, in a file of its own."""
    document = changed(json.loads((made / "original" / "card.json").read_text(encoding="utf-8")), path, value)
    (folder / "edited.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return folder / "edited.json"


def with_other(name: str, small_demo: Path, folder: Path) -> Path:
    """A copy of the data (by links) in which one bit of the first subject's file of that name is another."""
    shutil.copytree(small_demo, folder / "other", copy_function=os.link)
    file = sorted((folder / "other").rglob(name))[0]
    raw = bytearray(file.read_bytes())
    raw[-2] ^= 1
    file.unlink()
    file.write_bytes(raw)
    return folder / "other"


def test_the_card_of_a_run_fits_its_schema_and_states_the_scores(made: Path) -> None:
    document = json.loads((made / "original" / "card.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, verbs.schema("card"))
    stored = json.loads((made / "original" / "scores.json").read_text(encoding="utf-8"))
    for split, one in document["scores"].items():
        for metric in ("noise_normalized_mean", "pearson_r_mean"):
            assert one["metrics"][metric]["value"] == stored[split][metric]
        assert one["ceiling_source"] == stored[split]["ceiling_source"]
    assert not read_card(made / "original").card.model_extra


def test_a_rerun_in_an_empty_store_gives_the_same_bytes_and_says_so(
    made: Path, small_demo: Path, tmp_path: Path
) -> None:
    report = verbs.rerun(
        made / "original", data=small_demo, out=tmp_path / "again", store=tmp_path / "store", options=CPU
    )
    assert report.outcome == "same bytes"
    assert report.verdict[0].startswith("the same bytes")
    assert len(report.verdict) == 1, "everything was computed again"
    assert all(check.is_same for check in report.checks)
    for file in sorted((made / "original").glob("subj*/*.npy")):
        assert file.read_bytes() == (tmp_path / "again" / file.parent.name / file.name).read_bytes()
    diff = verbs.diff(made / "original", tmp_path / "again")
    assert diff.diff.is_same
    assert diff.verdict[-1] == "same inputs, same predictions"


def test_other_data_are_named_and_refused_and_with_anyway_what_came_of_it_is_told(
    made: Path, small_demo: Path, tmp_path: Path
) -> None:
    other = with_other("lh_training_fmri.npy", small_demo, tmp_path)
    out = tmp_path / "again"
    with pytest.raises(UsageError) as caught:
        verbs.rerun(made / "original", data=other, out=out, store=tmp_path / "store", options=CPU)
    (finding,) = caught.value.findings
    assert finding.what == "other responses of subj01"
    assert finding.path == "data.responses"
    assert finding.where.startswith(str(made / "original" / "card.json") + ":")
    assert not out.exists()
    store = shutil.copytree(made / "store", tmp_path / "store", dirs_exist_ok=True)
    report = verbs.rerun(made / "original", data=other, out=out, store=store, options=CPU, anyway=True)
    assert report.outcome != "same bytes"
    assert any("the one input that differs: responses of subj01" in line for line in report.verdict)
    assert any("steps were computed again" in line for line in report.verdict)
    unlike = {check.what for check in report.checks if check.is_same is False}
    assert {"training responses", "plan", "predictions"} <= unlike


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lh_test_fmri.npy", "other test responses of subj01"),
        ("*lh*noise_ceiling*.npy", "other noise ceilings of subj01"),
        ("lh.floc-bodies_challenge_space.npy", "other ROI masks of subj01"),
    ],
)
def test_other_data_behind_the_scores_are_refused_before_any_work(
    name: str, said: str, made: Path, small_demo: Path, tmp_path: Path
) -> None:
    error = refused(made / "original", with_other(name, small_demo, tmp_path), tmp_path, options=CPU)
    (finding,) = error.findings
    assert (finding.what, finding.path, finding.code) == (said, "test_data", "other-inputs")
    assert not list((tmp_path / "store").glob("*/*/"))


def test_a_file_behind_the_scores_that_is_gone_is_refused(made: Path, small_demo: Path, tmp_path: Path) -> None:
    shutil.copytree(small_demo, tmp_path / "other", copy_function=os.link)
    for file in (tmp_path / "other").rglob("*_test_fmri.npy"):
        file.unlink()
    error = refused(made / "original", tmp_path / "other", tmp_path, options=CPU)
    assert "test responses" in error.findings[0].what
    assert error.findings[0].found == "absent"


def test_a_card_made_without_test_data_is_rerun_with_them(made: Path, small_demo: Path, tmp_path: Path) -> None:
    """During the challenge they were withheld; what a card does not state is not contradicted."""
    shutil.copytree(small_demo, tmp_path / "then", copy_function=os.link)
    for file in (tmp_path / "then").rglob("*_test_fmri.npy"):
        file.unlink()
    store = shutil.copytree(made / "store", tmp_path / "store")
    verbs.run(made / "tiny.yaml", data=tmp_path / "then", out=tmp_path / "old", store=store, options=CPU)
    report = verbs.rerun(tmp_path / "old", data=small_demo, out=tmp_path / "new", store=store, options=CPU)
    assert report.outcome == "same bytes"
    assert any("only the second card has a score" in line for line in report.verdict)


def test_the_same_predictions_on_other_responses_are_said_to_have_another_score(
    made: Path, small_demo: Path, tmp_path: Path
) -> None:
    """However little other: what the last bit of one response does is far below the digits that are shown."""
    shutil.copytree(small_demo, tmp_path / "other", copy_function=os.link)
    file = sorted((tmp_path / "other").rglob("lh_test_fmri.npy"))[0]
    values = np.load(file)
    values[0, 0] += 0.01
    file.unlink()
    np.save(file, values)
    store = shutil.copytree(made / "store", tmp_path / "store")
    out = tmp_path / "again"
    report = verbs.rerun(made / "original", data=tmp_path / "other", out=out, store=store, options=CPU, anyway=True)
    for one in sorted((made / "original").glob("subj*/*.npy")):
        assert one.read_bytes() == (out / one.parent.name / one.name).read_bytes()
    scores = [json.loads((folder / "scores.json").read_text())["test"] for folder in (made / "original", out)]
    assert 0 < abs(scores[0]["noise_normalized_mean"] - scores[1]["noise_normalized_mean"]) < 0.005
    assert report.outcome == "same predictions"
    assert report.verdict[0] == "the same predictions, other scores"
    assert any("only the scoring changed, by test responses of subj01" in line for line in report.verdict)
    assert not any("other bytes" in line for line in report.verdict)


def test_a_rerun_from_the_store_says_that_nothing_was_computed(
    made: Path, small_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without --out it goes beside, never over, the submission of the same recipe."""
    monkeypatch.chdir(tmp_path)
    report = verbs.rerun(made / "original" / "card.json", data=small_demo, store=made / "store", options=CPU)
    key = read_card(made / "original").card.plan_key
    assert report.run.submission == Path("submissions") / f"tiny-{key[:12]}-rerun"
    assert "nothing was computed again" in report.verdict[-1]


def test_a_changed_grid_is_named_between_two_runs(made: Path, small_demo: Path, tmp_path: Path) -> None:
    verbs.run(
        made / "tiny.yaml",
        data=small_demo,
        out=tmp_path / "other",
        store=made / "store",
        overrides=["members.0.poolings=[{kind: adaptive_max, grid: [1, 2]}]", "members.0.layers=[conv]"],
        options=CPU,
    )
    report = verbs.diff(made / "original", tmp_path / "other")
    assert not report.diff.is_same
    assert {one.what for one in report.diff.inputs} == {
        "members[0].poolings[0].kind",
        "members[0].poolings[0].grid",
    } | {"members[0].layers"}
    assert "two cards cannot tell which of them did it" in report.verdict[-1]


@pytest.mark.parametrize(
    ("path", "value"), [("recipe_digest", "0" * 64), ("recipe/val/fraction", 0.25), ("recipe/members/0/name", "x")]
)
def test_diff_says_that_a_card_was_changed_after_it_was_written(
    path: str, value: Any, made: Path, tmp_path: Path
) -> None:
    other = edited(made, tmp_path, path, value)
    for cards, which in (((made / "original", other), "second"), ((other, made / "original"), "first")):
        report = verbs.diff(*cards)
        assert report.diff.altered == (which,)
        assert not report.diff.is_same
        assert report.verdict[0].startswith(f"the {which} card was changed after it was written")


def test_where_weights_lie_is_no_part_of_what_a_card_is_held_to(made: Path, tmp_path: Path) -> None:
    """By the digest that plans are made with, of a recipe with a checkpoint, as a card tells it."""
    from algokit.recipe.load import recipe_digest
    from algokit.recipe.planning import portable
    from algokit.recipe.schema import Recipe
    from algokit.reporting.card_inputs import stated_recipe_digest

    document = json.loads((made / "original" / "card.json").read_text())["recipe"]
    document["members"][0]["backbone"] = {"kind": "timm", "name": "resnet18", "checkpoint": "/some/where/a.safetensors"}
    recipe = Recipe.model_validate_json(json.dumps(document))
    assert stated_recipe_digest(json.loads(json.dumps(portable(recipe)))) == recipe_digest(recipe)


@pytest.mark.parametrize("verb", [lambda folder: verbs.diff(folder, folder), lambda folder: verbs.report(folder)])
def test_a_pipe_in_the_place_of_a_card_is_named_and_not_waited_for(verb: Callable[[Path], Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "card.json")
    with pytest.raises(UsageError) as caught:
        verb(tmp_path)
    (finding,) = caught.value.findings
    assert (finding.what, finding.where) == ("not a regular file", str(tmp_path / "card.json"))


def refused(card: Path, data: Path, folder: Path, **settings: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        verbs.rerun(card, data=data, out=folder / "out", store=folder / "store", **settings)
    assert not (folder / "out").exists()
    return caught.value


def test_a_recipe_that_does_not_fit_its_digest_is_refused(made: Path, small_demo: Path, tmp_path: Path) -> None:
    error = refused(edited(made, tmp_path, "recipe/val/fraction", 0.25), small_demo, tmp_path, anyway=True)
    (finding,) = error.findings
    assert "not the one whose digest the card states" in finding.what
    line = int(finding.where.split(":")[-2])
    assert '"recipe_digest"' in (tmp_path / "edited.json").read_text().splitlines()[line - 1]


def test_set_may_not_change_the_recipe(made: Path, small_demo: Path, tmp_path: Path) -> None:
    error = refused(made / "original", small_demo, tmp_path, overrides=["val.seed=3"])
    assert "--set may only say where weights lie" in error.findings[0].what


def test_a_recipe_this_algokit_cannot_read_is_told_at_its_place_in_the_card(
    made: Path, small_demo: Path, tmp_path: Path
) -> None:
    edited_card = edited(made, tmp_path, "recipe/members/0/readout/gird", 3)
    with pytest.raises(RecipeError) as caught:
        verbs.rerun(edited_card, data=small_demo, store=tmp_path / "store")
    (finding,) = caught.value.findings
    assert finding.path == "members[0].readout.gird"
    assert '"gird"' in edited_card.read_text().splitlines()[int(finding.where.split(":")[-2]) - 1]


@pytest.mark.parametrize("path", ["weights/tiny", "data/images/subj01", "data/responses/subj01"])
def test_a_card_that_leaves_out_a_digest_is_refused(path: str, made: Path, small_demo: Path, tmp_path: Path) -> None:
    error = refused(edited(made, tmp_path, path, ...), small_demo, tmp_path, anyway=True)
    assert error.findings[0].path == ".".join(path.split("/")[:-1])


def test_other_weights_and_other_steps_are_refused(made: Path, small_demo: Path, tmp_path: Path) -> None:
    error = refused(edited(made, tmp_path, "weights/tiny/sha256", "5" * 64), small_demo, tmp_path)
    assert error.findings[0].what == "other weights of tiny"
    error = refused(edited(made, tmp_path, "plan_key", "0" * 64), small_demo, tmp_path)
    assert error.findings[0].what == "the same inputs are planned into other steps"


def test_the_original_is_never_replaced(made: Path, small_demo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        verbs.rerun(made / "original", data=small_demo, out=made / "original", store=tmp_path / "store")
    assert "replace what it is compared with" in caught.value.findings[0].what


def test_a_weights_file_is_asked_for_by_its_digest_and_member(made: Path, small_demo: Path, tmp_path: Path) -> None:
    """A card names the file alone; where it lies on this machine has to be said."""
    from algokit.recipe.load import recipe_digest
    from algokit.recipe.schema import Recipe

    backbone = {"kind": "timm", "name": "resnet18", "checkpoint": "weights-of-mine.safetensors"}
    edited_card = edited(made, tmp_path, "recipe/members/0/backbone", backbone)
    document = json.loads(edited_card.read_text())
    document["recipe_digest"] = recipe_digest(Recipe.model_validate_json(json.dumps(document["recipe"])))
    document["weights"]["tiny"]["sha256"] = "5" * 64
    edited_card.write_text(json.dumps(document, indent=1))
    error = refused(edited_card, small_demo, tmp_path)
    (finding,) = error.findings
    assert finding.expected == "sha256 " + "5" * 64
    assert "--set members.0.backbone.checkpoint=FILE" in finding.advice
    assert '"checkpoint"' in edited_card.read_text().splitlines()[int(finding.where.split(":")[-2]) - 1]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_in_the_recipe_of_a_card_is_a_finding(tmp_path: Path, data: st.DataObject) -> None:
    document = card()
    *steps, last = data.draw(st.sampled_from(places(document["recipe"])[1:]))
    place: Any = document["recipe"]
    for step in steps:
        place = place[step]
    place[last] = data.draw(values)
    (tmp_path / "card.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        verbs.rerun(tmp_path, data=tmp_path / "none", out=tmp_path / "out", store=tmp_path / "store")
    assert caught.value.findings
