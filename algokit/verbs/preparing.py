"""Before a run: a recipe is loaded and planned, and the data it needs are looked through."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import RecipeError
from algokit.types import HEMISPHERES, ProgressCallback, Split, no_progress
from algokit.verbs.opening import opened, wanted_subjects

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.executors import ContainerOptions, Job
    from algokit.pipeline.inputs import SubjectInputs
    from algokit.recipe.plan import Plan, PlannedData
    from algokit.recipe.schema import Recipe


@dataclass(frozen=True)
class RunOptions:
    """Where and how to run; nothing in here changes a prediction beyond float tolerance.

    Attributes
    ----------
    device : "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N"; GPUs with commas between share the images.
    batch_size : images per forward pass; None is 16, on a GPU what is fastest there.
    n_workers : threads that decode images.
    block_vertices : vertices fitted at once; None lets memory decide.
    shard_images : images whose features a kill can cost, about; less than half as many are kept together.
    compile : whether networks go through torch.compile.
    """

    device: str = "auto"
    batch_size: int | None = None
    n_workers: int = 4
    block_vertices: int | None = None
    shard_images: int = 256
    compile: bool = False


@dataclass(frozen=True)
class Places:
    """The folders and files a run reads and writes; see `algokit.verbs.run`."""

    data: Path
    store: Path
    manifest: Path | None = None
    out: Path | None = None
    nsd: Path | None = None
    machine_file: Path | None = None


def default_store() -> Path:
    """Where artefacts go when nobody says: ``.algokit/store`` in the current directory."""
    return Path(".algokit") / "store"


def plan(
    recipe: Path,
    *,
    data: Path | None = None,
    manifest: Path | None = None,
    overrides: Sequence[str] = (),
    store: Path | None = None,
    lock: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> Plan:
    """Resolve a recipe, against a challenge directory or (without keys) against a manifest alone.

    Parameters
    ----------
    lock : digests that the weights must have; ``weights.lock.json`` beside the recipe, if there is one, where None.

    Raises
    ------
    RecipeError, DataError : every problem at once.
    WeightsError : weights on this machine are damaged, or not those of the lock.
    """
    from algokit.challenge import load_manifest, shipped_manifest
    from algokit.recipe.load import load_recipe
    from algokit.recipe.plan import PlannedData

    loaded = load_recipe(recipe, overrides)
    if data is not None:
        planned, _, _ = _read_data(loaded, Places(data, store or default_store(), manifest), progress)
    else:
        stated = load_manifest(manifest) if manifest else shipped_manifest()
        geometry = tuple(stated.geometry(subject) for subject in stated.subjects)
        planned = PlannedData(stated.name, stated.digest(), geometry)
    return _plan_at(recipe, overrides, loaded, planned, lock)


def _plan_at(path: Path, overrides: Sequence[str], recipe: Recipe, data: PlannedData, lock: Path | None) -> Plan:
    """Make the plan; what it refuses is told with the line of the recipe. Its weights are those of the lock."""
    from algokit.pipeline.weights.lock import lock_path, read_lock, refuse_unlocked
    from algokit.recipe.load import placed
    from algokit.recipe.planning import make_plan

    locked = read_lock(lock_path(path, lock), is_given=lock is not None)
    try:
        made = make_plan(recipe, data, version("algokit"))
    except RecipeError as error:
        raise placed(error, path, overrides) from error
    refuse_unlocked(recipe, made, locked, lock_path(path, lock))
    return made


def fetch_command(recipe: Path, overrides: Sequence[str]) -> str:
    """What to type to download the weights of this recipe."""
    return shlex.join(["algokit", "fetch", str(recipe), *(word for one in overrides for word in ("--set", one))])


def _read_data(
    recipe: Recipe, places: Places, progress: ProgressCallback
) -> tuple[PlannedData, Challenge, dict[str, SubjectInputs]]:
    from algokit.challenge import DigestCache
    from algokit.pipeline.inputs import read_inputs

    challenge = opened(places.data, places.manifest, places.nsd)
    subjects = wanted_subjects(challenge, recipe.subjects)
    planned, inputs = read_inputs(challenge, subjects, DigestCache(places.store / "digests.json"), progress)
    return planned, challenge, inputs


def loaded_to_run(
    recipe: Path, overrides: Sequence[str], lock: Path | None
) -> tuple[Recipe, Callable[[PlannedData], Plan]]:
    """A recipe whose weights are all here, and what plans it and says where in its file a problem lies.

    Raises
    ------
    RecipeError, WeightsError : every problem at once.
    """
    from algokit.pipeline.weights.needed import refuse_missing_weights
    from algokit.recipe.load import load_recipe

    loaded = load_recipe(recipe, overrides)
    refuse_missing_weights(loaded, fetch_command(recipe, overrides))
    return loaded, lambda data: _plan_at(recipe, overrides, loaded, data, lock)


@dataclass(frozen=True)
class Prepared:
    """What a run begins with.

    Attributes
    ----------
    job : what an executor needs.
    splits : those that will be scored.
    """

    job: Job
    challenge: Challenge
    splits: list[Split]


def prepared_job(
    recipe: Recipe,
    places: Places,
    make: Callable[[PlannedData], Plan],
    options: RunOptions | None,
    container: ContainerOptions | None,
    progress: ProgressCallback,
) -> Prepared:
    """A job, from data that were looked through: all that can be wrong with them shows now.

    Raises
    ------
    RecipeError, DataError : every problem at once.
    """
    from algokit.executors import ContainerOptions, Job
    from algokit.pipeline.settings import RunSettings

    planned, challenge, inputs = _read_data(recipe, places, progress)
    splits = _scored_splits(recipe, challenge, inputs)
    _refuse_bad_ceilings(challenge, inputs, splits)
    settings = RunSettings(**asdict(options or RunOptions()))
    job = Job(
        make(planned),
        recipe,
        inputs,
        places.store,
        settings,
        places.data,
        places.manifest,
        container or ContainerOptions(),
    )
    return Prepared(job, challenge, splits)


def _scored_splits(recipe: Recipe, challenge: Challenge, subjects: Iterable[str]) -> list[Split]:
    """The splits a run will score."""
    has_test = all(challenge.has_responses(subject, "test") for subject in subjects)
    splits: list[tuple[Split, bool]] = [("test", has_test), ("val", recipe.val is not None)]
    return [split for split, is_scored in splits if is_scored]


def _refuse_bad_ceilings(challenge: Challenge, subjects: Iterable[str], splits: Sequence[Split]) -> None:
    """Read every ceiling once before the work: what is wrong with them shows now and not hours later."""
    for subject, split, hemisphere in itertools.product(subjects, splits, HEMISPHERES):
        challenge.ceilings(subject, hemisphere, split)
