"""Executors: where a plan runs. The recipe says what, the executor says where.

To add one
----------
1. Write ``<name>_executor.py`` with a function that satisfies `Executor`. One that runs the plan in a container builds
   its command from `algokit.executors.container` and listens with `algokit.executors.lines`.
2. Add one row to `CATALOGUE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from algokit.pipeline.inputs import SubjectInputs
from algokit.pipeline.run import Ran
from algokit.pipeline.settings import RunSettings
from algokit.recipe.plan import Plan
from algokit.recipe.schema import Recipe
from algokit.registry import Catalogue
from algokit.types import ProgressCallback

CATALOGUE = Catalogue(
    "executor",
    {
        "local": "algokit.executors.local_executor:run_here",
        "docker": "algokit.executors.docker_executor:run_in_docker",
        "apptainer": "algokit.executors.apptainer_executor:run_in_apptainer",
    },
)


@dataclass(frozen=True)
class ContainerOptions:
    """What only a container has; nothing in here changes a prediction beyond float tolerance.

    Attributes
    ----------
    image : its name or digest, for Apptainer a file too; the executor's own default where "".
    gpus : "all", "none", a number, or ``device=0,1`` by index or id; "" gives all that there are, unless the CPU was
        asked for.
    n_threads : of the arithmetic inside; as many as this process may use where None.
    memory_bytes : the most it may take; what is free now where None.
    timeout_s : seconds after which it is ended; never where None.
    consents : asked with the name of an image that is not there whether it is to be built.
    """

    image: str = ""
    gpus: str = ""
    n_threads: int | None = None
    memory_bytes: int | None = None
    timeout_s: float | None = None
    consents: Callable[[str], bool] = lambda image: False


@dataclass(frozen=True)
class Job:
    """Everything an executor needs.

    Attributes
    ----------
    store_root : the store's folder; artefacts are left there whole or not at all.
    data, manifest : the challenge directory that ``inputs`` were read from, and what it was held to where that was
        said; for an executor that reads them again elsewhere.
    """

    plan: Plan
    recipe: Recipe
    inputs: Mapping[str, SubjectInputs]
    store_root: Path
    settings: RunSettings
    data: Path
    manifest: Path | None = None
    container: ContainerOptions = field(default_factory=ContainerOptions)


class Executor(Protocol):
    """A member."""

    def __call__(self, job: Job, progress: ProgressCallback) -> Ran:
        """Run the job to its end and say what was made and why."""
        ...
