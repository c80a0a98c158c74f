"""Recipe files and ``--set``: every problem in one list, each at its place."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algokit.errors import RecipeError
from algokit.recipe.load import load_recipe, placed, recipe_digest, recipe_schema, shipped_recipes
from algokit.types import Finding

GOOD = """\
algokit: 1
name: it
val: null
members:
  - backbone: {kind: timm, name: resnet18, checkpoint: weights/it.safetensors}
    layers: [layer1, layer2]
    poolings:
      - {kind: adaptive_max, grid: [1, 2]}
    readout: {kind: ridge, alphas: {start: 0, stop: 1e1, num: 3}}
"""

# Eight mistakes, each marked by a fragment that stands nowhere else.
BAD = """\
algokit: 1
name: Demo Recipe
abuot: a misspelt key
val: {fraction: 1.5}
members:
  - backbone: {kind: tim, name: resnet18}
    layers: [layer1, layer1]
    poolings:
      - {kind: adaptive_max, grid: 0}
    readout: {kind: ridge, alphas: [10, -1]}
  - backbone: {kind: gabor}
    layers: all
    poolings: [{kind: flatten}]
"""
BLAMED = {
    "name: Demo": "string should match pattern",
    "abuot": "unknown key (did you mean about?)",
    "fraction": "should be less than or equal to 0.5 (found 1.5)",
    "kind: tim": 'unknown kind (found "tim"; did you mean timm?)',
    "layer1]": 'this layer stands here twice (found "layer1")',
    "grid": "should be greater than 0 (found 0)",
    "-1]": "should be greater than 0 (found -1)",
    "backbone: {kind: gabor": "missing key",
}


def written(folder: Path, text: str) -> Path:
    path = folder / "it.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, *overrides: str) -> tuple[Finding, ...]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    return caught.value.findings


def place(path: Path, fragment: str) -> str:
    text = path.read_text(encoding="utf-8")
    assert text.count(fragment) == 1, fragment
    before = text[: text.index(fragment)]
    return f"{path}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def test_eight_mistakes_are_eight_findings_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, BAD)
    findings = refused(path)
    assert [finding.where for finding in findings] == [place(path, fragment) for fragment in BLAMED]
    for finding, message in zip(findings, BLAMED.values(), strict=True):
        assert message in str(finding)
    assert findings[-1].path == "members[1].readout"


def test_a_good_recipe_is_read_as_it_stands(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, GOOD))
    (member,) = recipe.members
    assert (member.name, member.layers, recipe.val) == ("resnet18", ("layer1", "layer2"), None)
    assert member.readout.model_dump()["alphas"] == {"start": 0.0, "stop": 10.0, "num": 3}


def test_set_changes_adds_and_replaces(tmp_path: Path) -> None:
    overrides = [
        "name=other",
        "features.dtype=float16",
        "val={fraction: 0.2}",
        "val.seed=7",
        "members[0].layers.1=layer4",
        "members.0.poolings=[{kind: flatten}]",
        "members.0.readout.alphas.stop=1e2",
        "members.0.backbone.options.tag=a=b",
    ]
    recipe = load_recipe(written(tmp_path, GOOD), overrides)
    member = recipe.members[0].model_dump()
    assert (recipe.name, recipe.features.dtype) == ("other", "float16")
    assert recipe.val is not None and recipe.val.model_dump() == {"fraction": 0.2, "seed": 7}
    assert member["layers"] == ("layer1", "layer4")
    assert member["poolings"] == ({"kind": "flatten"},)
    assert member["readout"]["alphas"] == {"start": 0.0, "stop": 100.0, "num": 3}
    assert member["backbone"]["options"] == {"tag": "a=b"}


def test_setting_what_an_alias_repeats_changes_one_place(tmp_path: Path) -> None:
    second = (
        "  - {name: b, backbone: &b {kind: tiny}, layers: all, poolings: [{kind: flatten}], readout: {kind: ridge}}\n"
    )
    third = "  - {name: c, backbone: *b, layers: all, poolings: [{kind: flatten}], readout: {kind: ridge}}\n"
    recipe = load_recipe(written(tmp_path, GOOD + second + third), ["members.1.backbone.seed=5"])
    assert [member.backbone.model_dump()["seed"] for member in recipe.members] == [0, 5, 0]


OVERRIDES = {
    "val.fraction=2": "val.fraction: should be less than or equal to 0.5 (found 2)",
    "members.0.nmae=x": "members[0].nmae: unknown key (did you mean name?)",
    "member.0.name=x": "member: unknown key (did you mean members?)",
    "members.0.backbone={kind: timm}": "members[0].backbone.name: missing key",
    "members.0.poolings=[{kind: flatten}, {kind: flaten}]": "members[0].poolings[1].kind: unknown kind",
    "members.7.name=x": "leads to nothing: members is a list (expected an index from 0 to 0; found 7)",
    "members.first.name=x": "leads to nothing: members is a list (expected an index from 0 to 0; found first)",
    "name.x=1": 'leads to nothing (found name: "it")',
    "ensemble={kind: meen}": 'ensemble.kind: unknown kind (found "meen"; did you mean mean?)',
    "ensemble={kind: mean, folds: {n: 3}}": "ensemble.folds: unknown key",
    "ensemble={kind: stacking, n_picks: 3}": "ensemble.n_picks: unknown key",
    "ensemble={kind: greedy, n_picks: 0}": "ensemble.n_picks: should be greater than or equal to 1",
    "name": "not of the form path=value",
    "=x": "not of the form path=value",
    "name=[": "expected the node content",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_a_bad_override_is_told_as_one(tmp_path: Path, override: str) -> None:
    (finding,) = refused(written(tmp_path, GOOD), override)
    assert finding.where == f"--set {override.partition('=')[0]}"
    assert OVERRIDES[override] in str(finding)


def test_overrides_are_told_together_with_the_file_and_after_it(tmp_path: Path) -> None:
    path = written(tmp_path, BAD)
    findings = refused(path, "val.fraction=9", "members.9.name=x", "members.0.backbone.kind=timm")
    kept = [fragment for fragment in BLAMED if fragment not in ("fraction", "kind: tim")]
    assert [finding.where for finding in findings[:-2]] == [place(path, fragment) for fragment in kept]
    assert {finding.where for finding in findings[-2:]} == {"--set val.fraction", "--set members.9.name"}


def test_checkpoints_start_at_the_recipe_or_at_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes").mkdir()
    path = written(tmp_path / "recipes", GOOD)
    monkeypatch.chdir(tmp_path)

    def checkpoint(*overrides: str) -> Path:
        return load_recipe(path.relative_to(tmp_path), overrides).members[0].backbone.checkpoint  # type: ignore[union-attr,return-value]

    assert checkpoint() == tmp_path / "recipes" / "weights" / "it.safetensors"
    assert checkpoint("members.0.backbone.checkpoint=w.pt") == tmp_path / "w.pt"
    assert checkpoint("members.0.backbone={kind: timm, name: x, checkpoint: w.pt}") == tmp_path / "w.pt"
    assert checkpoint("members.0.backbone.checkpoint=/elsewhere/w.pt") == Path("/elsewhere/w.pt")
    assert checkpoint("members.0.backbone.checkpoint=null") is None


def test_a_missing_recipe_names_the_shipped_one_that_is_near(tmp_path: Path) -> None:
    (finding,) = refused(tmp_path / "dmo.yaml")
    assert finding.what == "no such file"
    assert finding.advice.startswith("did you mean demo?")


def test_the_digest_says_what_is_computed_and_not_where_files_lie(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    digest = recipe_digest(load_recipe(path))
    assert recipe_digest(load_recipe(path, ["members.0.backbone.checkpoint=/elsewhere/w.pt"])) == digest
    assert recipe_digest(load_recipe(path, ["members.0.name=resnet18", "subjects=all"])) == digest
    assert recipe_digest(load_recipe(path, ["members.0.readout.alphas.num=4"])) != digest


def test_findings_of_later_stages_get_their_place(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    error = RecipeError(
        "impossible",
        [
            Finding("no such layer", path="members[0].layers[1]"),
            Finding("no such subject", path="subjects[0]"),
            Finding("elsewhere"),
        ],
    )
    found = placed(error, path, ["subjects=[subj09]"])
    wheres = {finding.what: finding.where for finding in found.findings}
    assert wheres == {"no such layer": place(path, "layer2"), "no such subject": "--set subjects", "elsewhere": ""}
    assert found.headline == "impossible"


def test_the_schema_knows_the_keys_of_every_family() -> None:
    schema = recipe_schema()
    assert schema["$schema"].endswith("2020-12/schema") and "$id" not in schema
    assert {"algokit", "name", "members"} == set(schema["required"])
    assert {"TimmSpec", "AdaptiveMaxSpec", "RidgeSpec"} <= set(schema["$defs"])
    json.dumps(schema)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [deep for key, child in inner for deep in places_in(child, (*path, key))]


PLAIN: dict[str, Any] = {
    "algokit": 1,
    "name": "it",
    "subjects": ["subj01"],
    "val": {"fraction": 0.1, "seed": 1},
    "members": [
        {
            "name": "a",
            "backbone": {"kind": "timm", "name": "resnet18", "preprocess": {"mean": [0, 0, 0]}, "options": {"x": 1}},
            "layers": ["layer1"],
            "poolings": [{"kind": "adaptive_max", "grid": [1, 2]}],
            "readout": {"kind": "ridge", "alphas": [1, 2], "folds": {"n": 3}},
        }
    ],
    "ensemble": {"kind": "greedy", "n_picks": 5, "folds": {"n": 3}},
}
ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        3,
        1e300,
        float("inf"),
        float("nan"),
        "",
        "all",
        "ridge",
        [],
        {},
        [[]],
        [None],
        {"kind": []},
        "9" * 99,
    ]
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.sampled_from(places_in(PLAIN)), odd=ODD | st.dictionaries(st.sampled_from(["kind", "grid", "n"]), ODD))
def test_no_value_anywhere_raises_anything_but_recipe_error(tmp_path: Path, where: tuple[Any, ...], odd: Any) -> None:
    document = copy.deepcopy(PLAIN)
    parent = document
    for step in where[:-1]:
        parent = parent[step]
    parent[where[-1]] = odd
    text = json.dumps(document).replace("NaN", ".nan").replace("Infinity", ".inf")
    try:
        load_recipe(written(tmp_path, text))
    except RecipeError as error:
        assert all(finding.where.startswith(str(tmp_path)) for finding in error.findings)


def test_shipped_recipes_are_found_by_name() -> None:
    assert {"demo", "tutorial_alexnet", "baseline_alexnet", "clip_linear", "eva_ensemble"} <= set(shipped_recipes())
