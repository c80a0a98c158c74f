"""What a recipe may say, and what a card says."""

from __future__ import annotations

from typing import Any

from algokit.errors import UsageError
from algokit.listing import list_members as list_members
from algokit.registry import did_you_mean
from algokit.types import Finding


def schema(of: str = "recipe") -> dict[str, Any]:
    """The JSON schema of a "recipe" or a "study", for editors, or of a "card", for programs that read one.

    Raises
    ------
    UsageError : there is no schema of that name.
    """
    from algokit.recipe.load import recipe_schema
    from algokit.recipe.study_load import study_schema
    from algokit.reporting.card_schema import card_schema

    schemas = {"recipe": recipe_schema, "study": study_schema, "card": card_schema}
    if of not in schemas:
        advice = did_you_mean(of, schemas)
        finding = Finding(
            "no such schema", expected="recipe, study or card", found=of, advice=advice, code="unknown-schema"
        )
        raise UsageError("there is no schema of that", [finding])
    return schemas[of]()
