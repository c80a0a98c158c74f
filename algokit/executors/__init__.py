"""Executors: where a plan runs. The recipe says what, the executor says where.

To add one
----------
1. Write ``<name>_executor.py`` with a function that satisfies `Executor`.
2. Add one row to `CATALOGUE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from algokit.pipeline.inputs import SubjectInputs
from algokit.pipeline.run import Ran
from algokit.pipeline.settings import RunSettings
from algokit.recipe.plan import Plan
from algokit.recipe.schema import Recipe
from algokit.registry import Catalogue
from algokit.types import ProgressCallback

CATALOGUE = Catalogue("executor", {"local": "algokit.executors.local_executor:run_here"})


@dataclass(frozen=True)
class Job:
    """Everything an executor needs.

    Attributes
    ----------
    store_root : the store's folder; artefacts are left there whole or not at all.
    """

    plan: Plan
    recipe: Recipe
    inputs: Mapping[str, SubjectInputs]
    store_root: Path
    settings: RunSettings


class Executor(Protocol):
    """A member."""

    def __call__(self, job: Job, progress: ProgressCallback) -> Ran:
        """Run the job to its end and say what was made and why."""
        ...
