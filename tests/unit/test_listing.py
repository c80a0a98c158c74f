"""What `algokit list` says: every catalogue row, every shipped card and recipe, the layers of a model."""

import pytest

from algokit.backbones import CATALOGUE, shipped_cards
from algokit.errors import UsageError
from algokit.listing import list_members
from algokit.recipe.load import shipped_recipes


def test_everything_a_recipe_can_name_is_listed_with_a_line_about_it() -> None:
    listing = list_members()
    assert [name for name, _ in listing["backbones"]] == sorted(CATALOGUE.rows())
    assert [name for name, _ in listing["recipes"]] == list(shipped_recipes())
    assert len(listing["models"]) == len(shipped_cards())
    assert all(about for rows in listing.values() for _, about in rows)


def test_a_model_lists_its_layers_in_order() -> None:
    (rows,) = list_members("mobilenetv2_100").values()
    assert [name for name, _ in rows] == ["licence", "blocks.0", "blocks.1", "blocks.2", "blocks.4", "blocks.6"]
    assert dict(rows)["blocks.6"] == "map, 320 channels of 7 x 7"


def test_a_name_in_two_libraries_lists_both() -> None:
    assert list(list_members("resnet50")) == ["timm resnet50", "torchvision resnet50"]


def test_an_unknown_name_is_answered_with_a_near_one() -> None:
    with pytest.raises(UsageError) as caught:
        list_members("mobilenetv2")
    assert "mobilenetv2_100" in str(caught.value)


def test_a_name_like_no_other_is_answered_with_what_can_be_listed() -> None:
    with pytest.raises(UsageError) as caught:
        list_members("nope")
    assert all(name in caught.value.findings[0].advice for name in list_members())
