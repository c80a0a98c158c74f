"""What a recipe may say."""

from __future__ import annotations

from typing import Any

from algokit.listing import list_members as list_members


def schema() -> dict[str, Any]:
    """The JSON schema of a recipe, for editors."""
    from algokit.recipe.load import recipe_schema

    return recipe_schema()
