"""Plans: everything resolved, keys that change with what matters and with nothing else."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from algokit.errors import RecipeError
from algokit.recipe.load import load_recipe
from algokit.recipe.plan import Plan, PlannedData
from algokit.recipe.planning import make_plan
from algokit.types import SubjectGeometry

TWO = (
    SubjectGeometry("subj01", 20, 5, {"lh": 30, "rh": 40}),
    SubjectGeometry("subj06", 18, 6, {"lh": 29, "rh": 38}),
)
DATA = PlannedData(
    "made-up",
    "m",
    TWO,
    image_digests={"subj01": "i1", "subj06": "i6"},
    response_digests={"subj01": "r1", "subj06": "r6"},
)
RECIPE = """\
algokit: 1
name: small
val: {fraction: 0.2}
members:
  - backbone: {kind: gabor}
    layers: [gabor.0, gabor.3]
    poolings: [{kind: adaptive_max, grid: [1, 2]}]
    readout: {kind: ridge, alphas: [1, 10], folds: {n: 5}}
"""


def _plan(tmp_path: Path, text: str = RECIPE, data: PlannedData = DATA, overrides: tuple[str, ...] = ()) -> Plan:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return make_plan(load_recipe(path, overrides), data, "0")


def _keys(plan: Plan) -> dict[str, Any]:
    return {step.id: step.key for step in plan.steps}


def test_every_layer_times_pooling_is_a_step_with_its_true_shape(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    shapes = {step.id: step.shape for step in plan.of_kind("features") if step.subject == "subj06"}
    prefix = "features/gabor/subj06/"
    assert shapes == {
        prefix + "gabor.0@max1": (24, 8),
        prefix + "gabor.0@max2": (24, 32),
        prefix + "gabor.3@max1": (24, 8),
        prefix + "gabor.3@max2": (24, 32),
    }
    assert plan.step("fit/gabor/subj06").shape == (6, 67)
    assert plan.step("features/gabor/subj06/gabor.0@max2").out_bytes == 24 * 32 * 4


def test_a_changed_grid_changes_only_what_it_touches(tmp_path: Path) -> None:
    before = _keys(_plan(tmp_path))
    after = _keys(_plan(tmp_path, RECIPE.replace("[1, 2]", "[1, 3]")))
    kept = before.keys() & after.keys()
    same = {step for step in kept if before[step] == after[step]}
    assert same == {step for step in kept if step.endswith("@max1")}


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (("members.0.readout.alphas=[1,100]",), {"fit", "ensemble"}),
        (("val.seed=3",), {"fit", "ensemble"}),
        (("members.0.backbone.size_px=64",), {"features", "fit", "ensemble"}),
        (("features.dtype=float16",), {"features", "fit", "ensemble"}),
        (("members.0.readout.search={kind: pruned}",), {"fit", "ensemble"}),
        (("members.0.readout.search={kind: exhaustive}",), set()),
        (("about=another sentence",), set()),
    ],
)
def test_a_setting_changes_the_keys_downstream_of_it(
    tmp_path: Path, change: tuple[str, ...], touched: set[str]
) -> None:
    before, after = _keys(_plan(tmp_path)), _keys(_plan(tmp_path, overrides=change))
    assert {step.split("/")[0] for step in before if before[step] != after[step]} == touched


def test_one_subjects_data_change_only_its_own_keys(tmp_path: Path) -> None:
    other = PlannedData("made-up", "m", TWO, {"subj01": "i1", "subj06": "NEW"}, DATA.response_digests)
    before, after = _keys(_plan(tmp_path)), _keys(_plan(tmp_path, data=other))
    assert {step for step in before if before[step] != after[step]} == {step for step in before if "subj06" in step}


def test_without_data_there_are_sizes_but_no_keys(tmp_path: Path) -> None:
    plan = _plan(tmp_path, data=PlannedData("made-up", "m", TWO))
    assert {step.key for step in plan.steps} == {None}
    assert plan.key is None
    assert plan.steps[0].out_bytes > 0
    assert any("no keys" in warning for warning in plan.warnings)


def test_everything_impossible_is_told_in_one_list(tmp_path: Path) -> None:
    text = RECIPE.replace("gabor.3]", "gabor.33]").replace("val:", "subjects: [subj02]\nval:")
    text = text.replace("grid: [1, 2]}", "grid: 1}, {kind: cls_token}")
    with pytest.raises(RecipeError) as caught:
        _plan(tmp_path, text)
    places = {finding.path: finding for finding in caught.value.findings}
    assert set(places) == {"subjects[0]", "members[0].layers[1]", "members[0].poolings[1]"}
    assert "gabor.3" in places["members[0].layers[1]"].advice


def test_subjects_of_the_recipe_are_planned_in_order(tmp_path: Path) -> None:
    plan = _plan(tmp_path, RECIPE.replace("val:", "subjects: [subj06]\nval:"))
    assert list(plan.subjects) == ["subj06"]


def test_a_plan_survives_json(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_random_weights_are_warned_about(tmp_path: Path) -> None:
    text = RECIPE.replace("{kind: gabor}", "{kind: timm, name: mobilenetv2_100, weights: random}")
    text = text.replace("[gabor.0, gabor.3]", "[blocks.0]")
    plan = _plan(tmp_path, text)
    assert any("RANDOM" in warning for warning in plan.warnings)


def test_the_main_product_dominates_the_fit_and_grows_linearly_with_alphas(tmp_path: Path) -> None:
    big = PlannedData("made-up", "m", (SubjectGeometry("subj01", 2000, 100, {"lh": 19004, "rh": 20544}),))
    one = _plan(tmp_path, data=big).step("fit/gabor/subj01").flops
    two = _plan(tmp_path, data=big, overrides=("members.0.readout.alphas=[1,2,3,4]",)).step("fit/gabor/subj01").flops
    assert 1.5 < two / one < 2.1


def test_a_pruned_search_is_planned_as_the_exhaustive_one_and_its_screening(tmp_path: Path) -> None:
    big = PlannedData("made-up", "m", (SubjectGeometry("subj01", 2000, 100, {"lh": 19004, "rh": 20544}),))
    plain = _plan(tmp_path, data=big).step("fit/gabor/subj01")
    pruned = _plan(tmp_path, data=big, overrides=("members.0.readout.search={kind: pruned}",)).step("fit/gabor/subj01")
    assert plain.flops < pruned.flops < 2 * plain.flops
    assert pruned.memory_bytes == plain.memory_bytes


@pytest.mark.parametrize(
    ("change", "path"),
    [("members.0.readout.folds.n=8", "members[0].readout.folds.n"), ("val.fraction=0.05", "val.fraction")],
)
def test_fewer_images_than_a_correlation_needs_are_refused_before_any_work(
    tmp_path: Path, change: str, path: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        _plan(tmp_path, overrides=(change,))
    (finding,) = caught.value.findings
    assert finding.path == path
    assert "subj06 has 18 training images" in finding.found


@pytest.mark.parametrize(
    "override",
    ["{resize_px: 50}", "{crop: center, resize_px: 50}", "{resize: short_side}", "{std: [0, 1, 1]}"],
)
def test_preprocessing_that_gives_no_square_input_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(RecipeError) as caught:
        _plan(tmp_path, overrides=(f"members.0.backbone.preprocess={override}",))
    (finding,) = caught.value.findings
    assert finding.path == "members[0].backbone.preprocess"


def test_the_name_of_a_weights_file_changes_no_key(tmp_path: Path) -> None:
    import timm
    from safetensors.torch import save_file

    text = RECIPE.replace("{kind: gabor}", "{kind: timm, name: mobilenetv2_100}").replace(
        "[gabor.0, gabor.3]", "[blocks.0]"
    )
    state = timm.create_model("mobilenetv2_100").state_dict()
    keys = []
    for name in ("one", "other"):
        save_file(state, tmp_path / f"{name}.safetensors")
        override = f"members.0.backbone.checkpoint={tmp_path / name}.safetensors"
        keys.append(_keys(_plan(tmp_path, text, overrides=(override,))))
    assert keys[0] == keys[1]
    assert None not in keys[0].values()


@pytest.mark.parametrize(
    "override",
    [
        "members.0.backbone.preprocess={mean: [.nan, 0, 0]}",
        "members.0.backbone.preprocess={std: [1.0e-300, 1, 1]}",
        "members.0.backbone.preprocess={size_px: 1000000000}",
        "members.0.backbone={kind: tiny, seed: 99999999999999999999}",
        "members.0.readout.folds.seed=-1",
        "members.0.readout={kind: pca_ols, seed: 99999999999}",
        "val.seed=-1",
    ],
)
def test_numbers_that_no_machine_can_use_are_refused_by_name(tmp_path: Path, override: str) -> None:
    with pytest.raises(RecipeError) as caught:
        _plan(tmp_path, overrides=(override,))
    assert any("seed" in str(one) or "preprocess" in str(one) for one in caught.value.findings)


TWO_MEMBERS = (
    RECIPE
    + """\
  - name: other
    backbone: {kind: gabor}
    layers: [gabor.0]
    poolings: [{kind: adaptive_max, grid: 1}]
    readout: {kind: ridge, alphas: [1, 10], folds: {n: 5}}
"""
)


@pytest.mark.parametrize("kind", ["stacking", "greedy"])
def test_learned_weights_ask_the_fits_for_out_of_fold_predictions_and_the_plain_mean_does_not(
    tmp_path: Path, kind: str
) -> None:
    averaged = _plan(tmp_path, TWO_MEMBERS)
    learned = _plan(tmp_path, TWO_MEMBERS, overrides=(f"ensemble={{kind: {kind}, folds: {{n: 4}}}}",))
    before, after = _keys(averaged), _keys(learned)
    assert {step.split("/")[0] for step in before if before[step] != after[step]} == {"fit", "ensemble"}
    assert "out_of_fold" not in averaged.step("fit/gabor/subj01").params
    assert learned.step("fit/gabor/subj01").params["out_of_fold"] is True
    fits = [plan.step("fit/gabor/subj01").out_bytes for plan in (averaged, learned)]
    assert fits[1] - fits[0] == 4 * 20 * 70
    ensembles = [plan.step("ensemble/subj01").out_bytes for plan in (averaged, learned)]
    assert ensembles[1] - ensembles[0] == 4 * 2 * 70


def test_both_kinds_of_learned_weights_share_their_fits(tmp_path: Path) -> None:
    stacking, greedy = (
        _keys(_plan(tmp_path, TWO_MEMBERS, overrides=(f"ensemble={{kind: {kind}, folds: {{n: 4}}}}",)))
        for kind in ("stacking", "greedy")
    )
    assert {step.split("/")[0] for step in stacking if stacking[step] != greedy[step]} == {"ensemble"}


def test_saying_the_plain_mean_changes_no_key(tmp_path: Path) -> None:
    plain = _plan(tmp_path, TWO_MEMBERS)
    said = _plan(tmp_path, TWO_MEMBERS + "ensemble: {kind: mean}\n")
    assert (said.key, said.recipe_digest) == (plain.key, plain.recipe_digest)
    assert plain.step("ensemble/subj01").params == {"ensemble": {"kind": "mean"}}
    assert set(plain.step("fit/gabor/subj01").params) == {"readout", "val", "responses"}


@pytest.mark.parametrize("kind", ["stacking", "greedy"])
def test_members_that_weights_cannot_be_learned_from_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    overrides = (f"ensemble={{kind: {kind}, folds: {{n: 4}}}}", "members.1.readout={kind: pca_ols}")
    with pytest.raises(RecipeError) as caught:
        _plan(tmp_path, TWO_MEMBERS, overrides=overrides)
    (finding,) = caught.value.findings
    assert (finding.path, finding.found, finding.code) == ("members[1].readout.kind", "pca_ols", "no-out-of-fold")
    assert kind in finding.what
    assert "ensemble: {kind: mean}" in finding.advice
    _plan(tmp_path, TWO_MEMBERS, overrides=overrides[1:])


def test_too_few_images_for_the_folds_of_the_ensemble_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        _plan(tmp_path, TWO_MEMBERS, overrides=("ensemble={kind: stacking}",))
    assert [finding.path for finding in caught.value.findings] == ["ensemble.folds.n"]


def test_weights_for_a_single_member_are_warned_about(tmp_path: Path) -> None:
    learned = ("ensemble={kind: stacking, folds: {n: 4}}",)
    assert any("one member" in warning for warning in _plan(tmp_path, overrides=learned).warnings)
    assert not any("one member" in warning for warning in _plan(tmp_path, TWO_MEMBERS, overrides=learned).warnings)
    assert not any("one member" in warning for warning in _plan(tmp_path).warnings)


def test_the_ensemble_is_sized_with_its_val_rows(tmp_path: Path) -> None:
    assert _plan(tmp_path).step("ensemble/subj01").out_bytes == 4 * (5 + 4) * 70


def test_more_folds_by_image_than_images_are_refused_with_both_numbers(tmp_path: Path) -> None:
    data = replace(DATA, n_different_images={"subj01": 20, "subj06": 4})
    assert _plan(tmp_path, data=data).steps
    with pytest.raises(RecipeError) as caught:
        _plan(tmp_path, data=data, overrides=("members.0.readout.folds.kind=grouped",))
    (finding,) = caught.value.findings
    assert finding.path == "members[0].readout.folds.n"
    assert finding.found == "5; subj06 has 4 different training images"


def test_folds_by_image_change_the_key_of_every_fit_and_others_keep_theirs(tmp_path: Path) -> None:
    plain, grouped = _plan(tmp_path), _plan(tmp_path, overrides=("members.0.readout.folds.kind=grouped",))
    assert plain.step("fit/gabor/subj01").params["val"] == {"fraction": 0.2, "seed": 0}
    assert grouped.step("fit/gabor/subj01").params["val"] == {"fraction": 0.2, "seed": 0, "images": "whole"}
    assert plain.step("fit/gabor/subj01").key != grouped.step("fit/gabor/subj01").key
