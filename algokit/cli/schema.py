"""``algokit schema``."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON schema of a recipe, for editors."""
    from algokit import verbs
    from algokit.console import write_json

    write_json(verbs.schema())
