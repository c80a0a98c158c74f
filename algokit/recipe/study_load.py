"""Reading study recipes, as recipes are read: every problem in one list with its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from algokit.documents import Document, validated
from algokit.errors import RecipeError
from algokit.recipe.load import load_recipe, recipe_document, recipes_folder, shipped_recipes
from algokit.recipe.schema import Recipe
from algokit.recipe.study_schema import StudyRecipe


def load_study(path: Path, overrides: Sequence[str] = ()) -> StudyRecipe:
    """Read a study recipe; parameters are those of `algokit.recipe.load.load_recipe`.

    Raises
    ------
    RecipeError : every problem of the file and of the overrides, in one list.
    """
    return validated(study_document(path, overrides), StudyRecipe, RecipeError)


def load_members(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a file, or that with the members of the study in it: what weights are asked for by.

    Raises
    ------
    RecipeError : see `load_study`.
    """
    if is_study(path, overrides):
        return load_study(path, overrides).recipe
    return load_recipe(path, overrides)


def is_study(path: Path, overrides: Sequence[str] = ()) -> bool:
    """Whether a file is the recipe of a study and not that of a submission.

    Raises
    ------
    RecipeError : it cannot be read.
    """
    return "study" in study_document(path, overrides).data


def study_document(path: Path, overrides: Sequence[str] = ()) -> Document:
    """The file as plain data with the place of every value, the overrides applied.

    Raises
    ------
    RecipeError : it cannot be read.
    """
    return recipe_document(path, overrides, {**shipped_recipes(), **shipped_studies()})


def study_schema() -> dict[str, Any]:
    """The JSON schema of a study recipe (draft 2020-12), for editors."""
    schema = StudyRecipe.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "algokit study"}


def shipped_studies() -> dict[str, Path]:
    """Name -> file of the study recipes that come with algokit."""
    return {path.stem: path for path in sorted((recipes_folder() / "studies").glob("*.yaml"))}
