"""Plan a recipe, run it."""

from __future__ import annotations

import itertools
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.errors import DiskError, RecipeError
from algokit.types import HEMISPHERES, ProgressCallback, Scores, Split, no_progress
from algokit.verbs.opening import opened, wanted_subjects

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.executors import ContainerOptions, Job
    from algokit.pipeline.inputs import SubjectInputs
    from algokit.pipeline.run import Ran, StepOutcome
    from algokit.pipeline.times import GroupTime
    from algokit.recipe.plan import Plan, PlannedData
    from algokit.recipe.schema import Recipe


_SCORED = ("test_fmri", "noise_ceiling", "roi_challenge_space")  # the roles of files that scores are made from


@dataclass(frozen=True)
class RunOptions:
    """Where and how to run; nothing in here changes a prediction beyond float tolerance.

    Attributes
    ----------
    device : "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N"; GPUs with commas between share the images.
    batch_size : images per forward pass; None is 32, on a GPU what is fastest there.
    n_workers : threads that decode images.
    block_vertices : vertices fitted at once; None lets memory decide.
    shard_images : images whose features a kill can cost, about; half as many are kept together.
    compile : whether networks go through torch.compile.
    """

    device: str = "auto"
    batch_size: int | None = None
    n_workers: int = 4
    block_vertices: int | None = None
    shard_images: int = 256
    compile: bool = False


@dataclass(frozen=True)
class RunReport:
    """What a run did: where the submission is, what was made and why, how long it took, and the scores by split."""

    submission: Path
    plan: Plan
    outcomes: tuple[StepOutcome, ...]
    scores: dict[Split, Scores | None]
    warnings: tuple[str, ...]
    reused: bool
    times: tuple[GroupTime, ...] = ()


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


def run(
    recipe: Path,
    *,
    data: Path,
    manifest: Path | None = None,
    out: Path | None = None,
    store: Path | None = None,
    nsd: Path | None = None,
    overrides: Sequence[str] = (),
    lock: Path | None = None,
    machine_file: Path | None = None,
    executor: str = "local",
    options: RunOptions | None = None,
    container: ContainerOptions | None = None,
    progress: ProgressCallback = no_progress,
) -> RunReport:
    """Run a recipe to a submission folder; what the store already holds is not made again.

    Parameters
    ----------
    machine_file : what is known of this machine's rates (`algokit.verbs.doctor`), and learns from the run.
    lock : see `plan`.
    out : the submission folder; ``submissions/<recipe>-<key>`` where None.
    nsd : the Natural Scenes Dataset's own files, for noise ceilings; looked for in ``data`` where None.
    container : for an executor that runs in one.

    Raises
    ------
    AlgokitError : see `algokit.errors`; finished steps are kept and the next call resumes.
    """
    loaded, make = loaded_to_run(recipe, overrides, lock)
    places = Places(data, store or default_store(), manifest, out, nsd, machine_file)
    return run_recipe(loaded, places, make, executor=executor, options=options, container=container, progress=progress)


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
class Places:
    """The folders and files a run reads and writes; see `run`."""

    data: Path
    store: Path
    manifest: Path | None = None
    out: Path | None = None
    nsd: Path | None = None
    machine_file: Path | None = None


def run_recipe(
    recipe: Recipe,
    places: Places,
    make: Callable[[PlannedData], Plan],
    *,
    executor: str = "local",
    options: RunOptions | None = None,
    container: ContainerOptions | None = None,
    progress: ProgressCallback = no_progress,
) -> RunReport:
    """Run a recipe that is loaded already; ``make`` plans it and says where in its document a problem lies."""
    from algokit.executors import CATALOGUE
    from algokit.pipeline.times import step_times
    from algokit.reporting.finished import Finished
    from algokit.reporting.folder import is_current, refuse_foreign, write_submission
    from algokit.reporting.reported import read_scores
    from algokit.reporting.run_scores import scores_of
    from algokit.scoring import Intervals
    from algokit.store import Store, in_use

    started = time.monotonic()
    run_plan = CATALOGUE.load(executor)  # an unknown one is refused before the data are read
    if places.out is not None:
        refuse_foreign(places.out)
    job, challenge = prepared_job(recipe, places, make, options, container, progress)
    resolved, inputs, splits = job.plan, job.inputs, _scored_splits(recipe, challenge, job.inputs)
    with in_use(places.store):
        ran: Ran = run_plan(job, progress)
        submission = places.out or Path("submissions") / f"{recipe.name}-{str(resolved.key)[:12]}"
        refuse_foreign(submission)
        digests = _score_digests(challenge, inputs, splits, places.store)
        times = step_times(resolved, ran, places.machine_file)
        facts = {**_run_facts(ran, time.monotonic() - started, times), "test_data": digests}
        finished = Finished(resolved, inputs, Store(places.store), challenge, facts)
        reused = not any(one.made for one in ran.outcomes) and is_current(submission, finished, scores_of(finished))
        if reused:
            scores = read_scores(submission)
        else:
            scores = scores_of(finished, intervals=Intervals(), progress=progress)
            write_submission(submission, finished, scores, progress=progress)
    warnings = (*resolved.warnings, *_learned(times, ran, places.machine_file), *_let_go(resolved, ran, places.store))
    return RunReport(submission, resolved, ran.outcomes, scores, warnings, reused, times)


def prepared_job(
    recipe: Recipe,
    places: Places,
    make: Callable[[PlannedData], Plan],
    options: RunOptions | None,
    container: ContainerOptions | None,
    progress: ProgressCallback,
) -> tuple[Job, Challenge]:
    """What an executor needs, from data that were looked through: all that can be wrong with them shows now."""
    from algokit.executors import ContainerOptions, Job
    from algokit.pipeline.settings import RunSettings

    planned, challenge, inputs = _read_data(recipe, places, progress)
    _refuse_bad_ceilings(challenge, inputs, _scored_splits(recipe, challenge, inputs))
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
    return job, challenge


def _learned(times: Sequence[GroupTime], ran: Ran, machine_file: Path | None) -> Iterable[str]:
    """Keep what the run taught about times; that it cannot be kept is no reason for a finished run to fail."""
    from algokit.pipeline.times import learn_from

    try:
        learn_from(times, ran, machine_file)
    except DiskError as error:
        yield f"what this run taught about times is not kept: {error.headline}"


def _let_go(made: Plan, ran: Ran, store: Path) -> Iterable[str]:
    """Remove the features that this run made and reductions have taken the place of."""
    from algokit.store import let_go

    new = {one.id for one in ran.outcomes if one.made}
    keys = {str(step.key) for step in made.passing if step.id in new}
    if keys and not let_go(store, "features", keys):
        yield "another run uses the store, so features that were reduced stay there: algokit store gc frees them"


def _run_facts(ran: Ran, seconds: float, times: Sequence[GroupTime]) -> dict[str, Any]:
    """What the card says beyond the plan: timings of the steps made, versions, hardware."""
    steps_s = {one.id: round(one.seconds, 3) for one in ran.outcomes if one.made}
    return {
        "timings": {
            "total_s": round(seconds, 3),
            "steps_s": steps_s,
            "groups": {one.group: one.document() for one in times},
        },
        "versions": dict(ran.versions),
        "hardware": dict(ran.hardware),
        "device": ran.device or None,
        "executor": dict(ran.executor),
    }


def _scored_splits(recipe: Recipe, challenge: Challenge, subjects: Iterable[str]) -> list[Split]:
    """The splits a run will score."""
    has_test = all(challenge.has_responses(subject, "test") for subject in subjects)
    splits: list[tuple[Split, bool]] = [("test", has_test), ("val", recipe.val is not None)]
    return [split for split, is_scored in splits if is_scored]


def _refuse_bad_ceilings(challenge: Challenge, subjects: Iterable[str], splits: Sequence[Split]) -> None:
    """Read every ceiling once before the work: what is wrong with them shows now and not hours later."""
    for subject, split, hemisphere in itertools.product(subjects, splits, HEMISPHERES):
        challenge.ceilings(subject, hemisphere, split)


def _score_digests(
    challenge: Challenge, subjects: Iterable[str], splits: Sequence[Split], store: Path
) -> dict[str, str]:
    """sha256 of the test responses, ceilings and ROIs behind the scores; of those that are there."""
    from algokit.challenge import DigestCache

    paths: dict[str, Path] = {}
    for subject in subjects:
        files = {role: path for role, path in challenge.files(subject).items() if role.startswith(_SCORED)}
        for split in splits:
            files |= challenge.ceiling_files(subject, split)
        paths |= {f"{subject}/{role}": path for role, path in files.items()}
    known = DigestCache(store / "digests.json").many(list(paths.values()))
    return {name: known[path] for name, path in paths.items()}
