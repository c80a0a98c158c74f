"""Every shipped recipe opens with its header, loads, and asks its backbones only for what they have."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

import pytest

from algokit.backbones import shipped_card
from algokit.recipe.load import load_recipe, recipe_schema, shipped_recipes
from algokit.recipe.schema import Member

RECIPES = shipped_recipes()


@pytest.fixture(params=RECIPES)
def path(request: pytest.FixtureRequest) -> Path:
    return RECIPES[request.param]


def header(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))]


def members() -> list[tuple[str, Member]]:
    return [(name, member) for name, path in RECIPES.items() for member in load_recipe(path).members]


def test_a_recipe_is_named_as_its_file_and_says_what_it_is_for(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.about


def test_the_header_gives_needs_command_override_and_expectation(path: Path) -> None:
    text = "\n".join(header(path))
    assert all(f"\n# {word} " in text for word in ("Needs", "Run", "Change", "Expect"))
    assert f"algokit run recipes/{path.name} --data " in text


def test_the_override_of_the_header_is_accepted(path: Path) -> None:
    line = next(line for line in header(path) if line.startswith("# Change"))
    words = shlex.split(line.partition("   (")[0])
    overrides = [value for flag, value in itertools.pairwise(words) if flag == "--set"]
    assert overrides
    assert load_recipe(path, overrides) != load_recipe(path)


def test_the_schema_knows_every_key_a_recipe_uses(path: Path) -> None:
    schema = recipe_schema()
    used = set(load_recipe(path).model_dump(exclude_unset=True))
    assert set(schema["required"]) <= used <= set(schema["properties"])


@pytest.mark.parametrize(("name", "member"), members(), ids=lambda value: getattr(value, "name", value))
def test_layers_exist_and_poolings_take_them(name: str, member: Member) -> None:
    backbone = member.backbone
    if backbone.kind == "gabor":
        from algokit.backbones.gabor_backbone import describe

        card = describe(backbone)
    else:
        found = shipped_card(backbone.kind, backbone.name)
        assert found is not None, "a shipped recipe must plan without building a network"
        card = found
        assert backbone.weights in ("pretrained", *card.weights)
    layers = card.layers if member.layers == "all" else [card.layer(layer) for layer in member.layers]
    assert all(one.n_features(layer) > 0 for layer in layers for pooling in member.poolings for one in pooling.each())


def test_the_ensemble_is_the_one_of_the_paper() -> None:
    recipe = load_recipe(RECIPES["eva_ensemble"])
    (readout,) = {member.readout for member in recipe.members}
    assert readout.kind == "ridge"
    alphas = readout.alpha_values()
    assert (len(alphas), alphas[0], alphas[-1]) == (30, 1.0, 1e15)
    assert (readout.folds.n, readout.folds.kind, readout.standardize) == (8, "contiguous", False)
    assert {member.layers for member in recipe.members} == {"all"}
    # the paper's parameters: 1.0B, 86M, 0.3B, 4.4B, 0.85B and 1.5B
    millions = [round(shipped_card(one.backbone.kind, one.backbone.name).n_parameters / 1e6) for one in recipe.members]
    assert millions == [pytest.approx(stated, rel=0.05) for stated in (1000, 86, 300, 4400, 850, 1500)]


def test_the_baseline_reads_the_eight_stages_in_order() -> None:
    (member,) = load_recipe(RECIPES["baseline_alexnet"]).members
    stages = "features.2 features.5 features.7 features.9 features.12 classifier.2 classifier.5 classifier.6"
    assert member.layers == tuple(stages.split())
    assert member.readout.kind == "pca_ols" and member.readout.n_components == 100
