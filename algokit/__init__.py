"""From a YAML recipe to a scored, zipped submission for the Algonauts 2023 challenge.

The public verbs are one function per command; they are imported on first use, so ``import algokit`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algokit.recipe.load import load_recipe
    from algokit.verbs import (
        check_data,
        choices,
        collect_store,
        compare,
        describe_data,
        diff,
        doctor,
        explain,
        fetch,
        forecasts,
        list_members,
        lock_data,
        make_demo,
        pack,
        plan,
        report,
        rerun,
        run,
        schema,
        score,
        store_contents,
        store_usage,
        validate,
        verify_store,
    )

__all__ = [
    "check_data",
    "choices",
    "collect_store",
    "compare",
    "describe_data",
    "diff",
    "doctor",
    "explain",
    "fetch",
    "forecasts",
    "list_members",
    "load_recipe",
    "lock_data",
    "make_demo",
    "pack",
    "plan",
    "report",
    "rerun",
    "run",
    "schema",
    "score",
    "store_contents",
    "store_usage",
    "validate",
    "verify_store",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'algokit' has no attribute {name!r}")
    module = "algokit.recipe.load" if name == "load_recipe" else "algokit.verbs"
    return getattr(importlib.import_module(module), name)
