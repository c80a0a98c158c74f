"""Addresses of layers: what each stands for, in which order, and what is said of those that stand for nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algokit.backbones import BackboneCard, LayerInfo, Preprocess, shipped_card
from algokit.console.plan_view import addresses_in_words
from algokit.errors import RecipeError
from algokit.recipe.layers import malformed_addresses, resolve_layers
from algokit.recipe.load import load_recipe, placed, recipe_schema
from algokit.recipe.plan import Plan, PlannedData
from algokit.recipe.planning import make_plan
from algokit.recipe.schema import Member
from algokit.types import Finding, SubjectGeometry

SQUARE = Preprocess(size_px=8, resize="squash", resize_px=8, crop="none", mean=(0, 0, 0), std=(1, 1, 1))


def card_of(names: Sequence[str]) -> BackboneCard:
    layers = tuple(LayerInfo(name=name, layout="vector", channels=4) for name in names)
    return BackboneCard(
        kind="x", name="net", source="-", n_parameters=0, flops_per_image=0, preprocess=SQUARE, layers=layers
    )


def shipped(kind: str, name: str) -> BackboneCard:
    card = shipped_card(kind, name)
    assert card is not None
    return card


def member_with(layers: Any) -> Member:
    rest = {"backbone": {"kind": "tiny"}, "poolings": [{"kind": "flatten"}], "readout": {"kind": "ridge"}}
    return Member.model_validate_json(json.dumps({**rest, "layers": layers}), strict=True)


def names_of(layers: Any, card: BackboneCard) -> list[str]:
    findings: list[Finding] = []
    chosen, _ = resolve_layers(member_with(layers), card, "members[0]", findings)
    assert not findings
    return [layer.name for layer in chosen]


EVA, ALEXNET, RESNET = (
    shipped(*which) for which in (("open_clip", "EVA01-g-14"), ("torchvision", "alexnet"), ("torchvision", "resnet50"))
)
MOBILENET = shipped("timm", "mobilenetv2_100")


@pytest.mark.parametrize(
    ("card", "layers", "expected"),
    [
        (EVA, ["blocks.[8:24:4]"], "blocks.8 blocks.12 blocks.16 blocks.20"),
        (EVA, ["blocks.[-2:]"], "blocks.38 blocks.39"),
        (EVA, ["blocks.[-1]"], "blocks.39"),
        (EVA, ["blocks.[:2]", "blocks.[38:99]"], "blocks.0 blocks.1 blocks.38 blocks.39"),
        (EVA, ["blocks.[::-13]"], "blocks.0 blocks.13 blocks.26 blocks.39"),
        (MOBILENET, ["blocks.[1:5]"], "blocks.1 blocks.2 blocks.4"),
        (MOBILENET, ["blocks.[::2]"], "blocks.0 blocks.2 blocks.4 blocks.6"),
        (MOBILENET, ["blocks.[-3:]"], "blocks.4 blocks.6"),
        (ALEXNET, ["features.?"], " ".join(f"features.{n}" for n in range(10))),
        (ALEXNET, ["features.1?", "classifier.[:3]"], "features.10 features.11 features.12 classifier.1 classifier.2"),
        (RESNET, ["layer*"], "layer1 layer2 layer3 layer4"),
        (RESNET, ["layer[2:4]"], "layer2 layer3"),
        (RESNET, ["layer[3:].[-1]"], "layer3.5 layer4.2"),
        (RESNET, ["*.0"], "layer1.0 layer2.0 layer3.0 layer4.0"),
        (RESNET, ["layer4.1", "layer1.*", "fc"], "layer4.1 layer1.0 layer1.1 layer1.2 fc"),
    ],
)
def test_an_address_stands_for_the_layers_whose_names_it_spells(
    card: BackboneCard, layers: list[str], expected: str
) -> None:
    assert names_of(layers, card) == expected.split()


@given(
    st.integers(1, 50),
    *(st.none() | st.integers(-60, 60) for _ in range(2)),
    st.none() | st.integers(-9, 9).filter(bool),
)
def test_a_range_is_a_python_slice_of_the_numbers(
    n: int, start: int | None, stop: int | None, step: int | None
) -> None:
    text = ":".join("" if one is None else str(one) for one in (start, stop, step))
    member, findings = member_with([f"b.[{text}]"]), list[Finding]()
    chosen, _ = resolve_layers(member, card_of([f"b.{index}" for index in range(n)]), "members[0]", findings)
    assert [layer.name for layer in chosen] == [f"b.{index}" for index in sorted(range(n)[start:stop:step])]
    assert len(findings) == (not chosen)


@given(
    st.lists(st.text("ab1", min_size=1, max_size=4), min_size=1, max_size=9, unique=True), st.text("ab1*?", max_size=4)
)
def test_within_one_part_of_a_name_a_pattern_matches_as_in_a_shell(names: list[str], pattern: str) -> None:
    chosen, _ = resolve_layers(member_with([pattern]), card_of(names), "members[0]", [])
    assert [layer.name for layer in chosen] == [name for name in names if fnmatchcase(name, pattern)]


def test_a_pattern_does_not_reach_over_a_dot() -> None:
    assert names_of(["layer1.*", "layer?"], RESNET) == [
        "layer1.0",
        "layer1.1",
        "layer1.2",
        *(f"layer{n}" for n in range(1, 5)),
    ]


@pytest.mark.parametrize("n_layers", [1, 3, 10, 24, 40])
def test_depth_is_the_first_layer_by_which_that_share_of_them_is_passed(n_layers: int) -> None:
    """Against whole numbers: depth k / 1000 is layer number m with (m - 1) / L < k / 1000 <= m / L."""
    card = card_of([str(number) for number in range(1, n_layers + 1)])
    for thousandths in range(1, 1001):
        (name,) = names_of({"depth": float(f"{thousandths / 1000:.3f}")}, card)
        assert (int(name) - 1) * 1000 < thousandths * n_layers <= int(name) * 1000


def test_depths_stand_alone_or_in_a_list_with_other_addresses() -> None:
    assert names_of({"depth": [0.25, 0.5, 1.0]}, EVA) == ["blocks.9", "blocks.19", "blocks.39"]
    assert names_of({"depth": 1}, EVA) == ["blocks.39"]
    mixed = ["blocks.7", {"depth": [0.1, 0.5]}, "blocks.[18:20]"]
    assert names_of(mixed, EVA) == ["blocks.7", "blocks.3", "blocks.19", "blocks.18"]


def test_layers_come_in_the_order_of_the_recipe_and_each_once() -> None:
    assert names_of(["layer4", "layer1", "layer*", {"depth": 1.0}, "all"], RESNET)[:4] == [
        "layer4",
        "layer1",
        "layer2",
        "layer3",
    ]
    every = names_of(["fc", "all"], RESNET)
    assert (every[0], sorted(every)) == ("fc", sorted(layer.name for layer in RESNET.layers))
    assert names_of("all", RESNET) == [layer.name for layer in RESNET.layers]


def test_the_exact_name_of_a_layer_wins_over_its_reading_as_a_pattern() -> None:
    assert names_of(["b.[0]", "all"], card_of(["b.0", "b.[0]", "all"])) == ["b.[0]", "all"]


RECIPE = """\
algokit: 1
name: it
members:
  - name: many
    backbone: {kind: gabor, wavelengths_px: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]}
    layers:
      - gabor.3
      - gabor.[4:8:2]
      - depth: [0.25, 1.0]
    poolings: [{kind: adaptive_max, grid: 1}]
    readout: {kind: ridge, alphas: [1, 10], folds: {n: 2}}
"""
DATA = PlannedData(
    "made-up", "m", (SubjectGeometry("subj01", 20, 5, {"lh": 30, "rh": 40}),), {"subj01": "i"}, {"subj01": "r"}
)


def planned(folder: Path, text: str) -> Plan:
    path = folder / "it.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        return make_plan(load_recipe(path), DATA, "0")
    except RecipeError as error:
        raise placed(error, path) from error


def test_the_plan_names_every_layer_and_says_what_each_address_stood_for(tmp_path: Path) -> None:
    (member,) = planned(tmp_path, RECIPE).members
    layers = ["gabor.3", "gabor.4", "gabor.6", "gabor.2", "texture"]
    assert [space.layer.name for space in member.spaces] == layers
    words = ["gabor.[4:8:2] -> 2 layers", "depth 0.25 -> gabor.2", "depth 1 -> texture"]
    assert list(addresses_in_words(member.addresses)) == words


def test_an_address_and_the_names_it_stands_for_give_the_same_keys(tmp_path: Path) -> None:
    spelt = RECIPE.replace("[4:8:2]", "4\n      - gabor.6").replace("depth: [0.25, 1.0]", "gabor.2\n      - texture")
    by_address, by_name = planned(tmp_path, RECIPE), planned(tmp_path, spelt)
    assert [step.key for step in by_address.steps] == [step.key for step in by_name.steps]
    assert by_name.members[0].addresses == ()


def test_every_address_that_stands_for_nothing_is_told_at_its_place_in_one_list(tmp_path: Path) -> None:
    text = (
        RECIPE.replace("gabor.3\n", "gabor.33\n").replace("[4:8:2]", "[4:8:0]").replace("[0.25, 1.0]", "[0, 0.5, 1.5]")
    )
    text = text.replace("      - depth", "      - gbor.*\n      - gabor.[12:]\n      - gabor.[4\n      - depth")
    with pytest.raises(RecipeError) as caught:
        planned(tmp_path, text)
    found = [(one.where.rsplit(":", 2)[1:], one.path, one.found, one.code) for one in caught.value.findings]
    assert found == [
        (["7", "9"], "members[0].layers[0]", "gabor.33", "unknown-layer"),
        (["8", "9"], "members[0].layers[1]", "gabor.[4:8:0]", "bad-range"),
        (["9", "9"], "members[0].layers[2]", "gbor.*", "unknown-layer"),
        (["10", "9"], "members[0].layers[3]", "gabor.[12:]", "unknown-layer"),
        (["11", "9"], "members[0].layers[4]", "gabor.[4", "bad-range"),
        (["12", "17"], "members[0].layers[5].depth[0]", "0", "bad-depth"),
        (["12", "25"], "members[0].layers[5].depth[2]", "1.5", "bad-depth"),
    ]
    advice = {one.found: one for one in caught.value.findings}
    assert "gabor.3" in advice["gabor.33"].advice
    assert "did you mean gabor." in advice["gbor.*"].advice
    assert advice["gabor.[12:]"].expected == "one of gabor.0 .. texture (12 layers)"
    assert "start:stop:step" in advice["gabor.[4"].expected
    assert "at most 1" in advice["1.5"].expected


@pytest.mark.parametrize(
    "text",
    [
        "b.[]",
        "b.[x]",
        "b.[1:2:3:4]",
        "b.[1.5:]",
        "b.[1",
        "b.1]",
        "b.[[1]]",
        "b.[1:2:0]",
        "b.[" + "9" * 5000 + ":]",
        "b.[--1:]",
    ],
)
def test_a_range_that_cannot_be_read_is_told_without_a_card(text: str) -> None:
    (finding,) = malformed_addresses(member_with([text]), "members[0]")
    assert (finding.code, finding.found) == ("bad-range", text)


@pytest.mark.parametrize("depth", [0, -0.5, 1.0001, 7])
def test_a_depth_outside_the_network_is_told_without_a_card(depth: float) -> None:
    (finding,) = malformed_addresses(member_with({"depth": depth}), "members[0]")
    assert (finding.code, finding.path) == ("bad-depth", "members[0].layers.depth")


def test_editors_are_told_the_bounds_of_a_depth() -> None:
    depth = recipe_schema()["$defs"]["Depths"]["properties"]["depth"]["anyOf"]
    bounds = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    assert depth == [bounds, {"type": "array", "items": bounds, "minItems": 1}]
