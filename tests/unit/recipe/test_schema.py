"""What a recipe may say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from algokit.recipe.schema import FeaturesSpec, Member, Recipe, Val

MEMBER: dict[str, Any] = {
    "backbone": {"kind": "tiny"},
    "layers": "all",
    "poolings": [{"kind": "adaptive_max", "grid": [1, 2]}, {"kind": "flatten"}],
    "readout": {"kind": "ridge"},
}


def recipe(**changes: Any) -> Recipe:
    document = {"algokit": 1, "name": "it", "members": [MEMBER], **changes}
    return Recipe.model_validate_json(json.dumps(document), strict=True)


def refused_at(**changes: Any) -> list[tuple[Any, ...]]:
    with pytest.raises(ValidationError) as caught:
        recipe(**changes)
    return [detail["loc"] for detail in caught.value.errors()]


def test_the_shortest_recipe_holds_nothing_out_and_takes_all_subjects() -> None:
    short = recipe()
    assert (short.subjects, short.val, short.features.dtype, short.ensemble.kind) == ("all", None, "float32", "mean")


@pytest.mark.parametrize(
    ("backbone", "name"),
    [
        ({"kind": "tiny"}, "tiny"),
        ({"kind": "open_clip", "name": "EVA02-L-14"}, "eva02-l-14"),
        ({"kind": "timm", "name": "mobilenetv2_100"}, "mobilenetv2_100"),
        ({"kind": "timm", "name": "resnet18.a1_in1k"}, "resnet18-a1_in1k"),
    ],
)
def test_a_member_is_named_after_its_backbone(backbone: dict[str, str], name: str) -> None:
    assert recipe(members=[{**MEMBER, "backbone": backbone}]).members[0].name == name


def test_a_stated_member_name_wins() -> None:
    assert recipe(members=[{**MEMBER, "name": "mine"}]).members[0].name == "mine"


def test_member_names_are_unique_and_the_second_is_blamed() -> None:
    assert refused_at(members=[MEMBER, MEMBER, {**MEMBER, "name": "tiny"}]) == [
        ("members", 1, "name"),
        ("members", 2, "name"),
    ]


def test_a_feature_space_is_asked_for_once() -> None:
    layers = {**MEMBER, "layers": ["a", "b", "a"]}
    grids = {**MEMBER, "poolings": [{"kind": "adaptive_max", "grid": [1, 2]}, {"kind": "adaptive_max", "grid": 2}]}
    kinds = {**MEMBER, "poolings": [{"kind": "flatten"}, {"kind": "flatten"}]}
    assert refused_at(members=[layers])[0] == ("members", 0, "layers", 2)
    assert refused_at(members=[grids])[0] == ("members", 0, "poolings", 1)
    assert refused_at(members=[kinds])[0] == ("members", 0, "poolings", 1)
    max_and_mean = [{"kind": kind, "grid": 2} for kind in ("adaptive_max", "adaptive_mean")]
    assert len(recipe(members=[{**MEMBER, "poolings": max_and_mean}]).members[0].poolings) == 2


def test_subjects_are_unique() -> None:
    assert refused_at(subjects=["subj01", "subj05", "subj01"]) == [("subjects", 2)]


@pytest.mark.parametrize(
    "changes",
    [
        {"algokit": 2},
        {"name": "My Recipe"},
        {"name": "-x"},
        {"name": "../x"},
        {"subjects": []},
        {"subjects": ["1"]},
        {"members": []},
        {"members": [{**MEMBER, "layers": []}]},
        {"members": [{**MEMBER, "poolings": []}]},
        {"members": [{**MEMBER, "name": None}]},
        {"members": [{**MEMBER, "readout": {"kind": "ridge", "alphas": [1, 0]}}]},
        {"val": {"fraction": 0}},
        {"val": {"fraction": 0.6}},
        {"val": {"fraction": 0.1, "seed": -1}},
        {"features": {"dtype": "float64"}},
        {"device": "cuda"},
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    assert len(refused_at(**changes)) >= 1


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        recipe().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("model", [Recipe, Member, Val, FeaturesSpec])
def test_every_field_is_described(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
