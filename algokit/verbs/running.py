"""Plan a recipe, run it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.errors import RecipeError
from algokit.types import ProgressCallback, Scores, Split, no_progress
from algokit.verbs.opening import opened

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.pipeline.inputs import SubjectInputs
    from algokit.pipeline.run import Ran, StepOutcome
    from algokit.recipe.plan import Plan, PlannedData
    from algokit.recipe.schema import Recipe


@dataclass(frozen=True)
class RunOptions:
    """Where and how to run; nothing in here changes a prediction beyond float tolerance.

    Attributes
    ----------
    device : "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".
    batch_size : images per forward pass.
    n_workers : threads that decode images.
    """

    device: str = "auto"
    batch_size: int = 32
    n_workers: int = 4


@dataclass(frozen=True)
class RunReport:
    """What a run did: where the submission is, what was made and why, and the scores by split."""

    submission: Path
    plan: Plan
    outcomes: tuple[StepOutcome, ...]
    scores: dict[Split, Scores | None]
    warnings: tuple[str, ...]
    reused: bool


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
    progress: ProgressCallback = no_progress,
) -> Plan:
    """Resolve a recipe, against a challenge directory or (without keys) against a manifest alone.

    Raises
    ------
    RecipeError, DataError : every problem at once.
    """
    from algokit.challenge import load_manifest, shipped_manifest
    from algokit.recipe.load import load_recipe
    from algokit.recipe.plan import PlannedData

    loaded = load_recipe(recipe, overrides)
    if data is not None:
        planned, _, _ = _read_data(loaded, data, manifest, store or default_store(), progress)
    else:
        stated = load_manifest(manifest) if manifest else shipped_manifest()
        geometry = tuple(stated.geometry(subject) for subject in stated.subjects)
        planned = PlannedData(stated.name, stated.digest(), geometry)
    return _plan_at(recipe, overrides, loaded, planned)


def _plan_at(path: Path, overrides: Sequence[str], recipe: Recipe, data: PlannedData) -> Plan:
    """Make the plan; what it refuses is told with the line of the recipe."""
    from algokit.recipe.load import placed
    from algokit.recipe.plan import make_plan

    try:
        return make_plan(recipe, data, version("algokit"))
    except RecipeError as error:
        raise placed(error, path, overrides) from error


def _read_data(
    recipe: Recipe, data: Path, manifest: Path | None, store: Path, progress: ProgressCallback
) -> tuple[PlannedData, Challenge, dict[str, SubjectInputs]]:
    from algokit.challenge import DigestCache
    from algokit.pipeline.inputs import read_inputs

    challenge = opened(data, manifest)
    wanted = challenge.subjects if recipe.subjects == "all" else recipe.subjects
    subjects = [subject for subject in challenge.subjects if subject in wanted]
    planned, inputs = read_inputs(challenge, subjects, DigestCache(store / "digests.json"), progress)
    return planned, challenge, inputs


def run(
    recipe: Path,
    *,
    data: Path,
    manifest: Path | None = None,
    out: Path | None = None,
    store: Path | None = None,
    overrides: Sequence[str] = (),
    executor: str = "local",
    options: RunOptions | None = None,
    progress: ProgressCallback = no_progress,
) -> RunReport:
    """Run a recipe to a submission folder; what the store already holds is not made again.

    Parameters
    ----------
    out : the submission folder; ``submissions/<recipe>-<key>`` where None.

    Raises
    ------
    AlgokitError : see `algokit.errors`; finished steps are kept and the next call resumes.
    """
    from algokit.executors import CATALOGUE, Job
    from algokit.pipeline.settings import RunSettings
    from algokit.recipe.load import load_recipe
    from algokit.reporting.folder import Finished, is_current, refuse_foreign, scores_of, write_submission
    from algokit.store import Store

    started = time.monotonic()
    options = options or RunOptions()
    store_root = store or default_store()
    loaded = load_recipe(recipe, overrides)
    if out is not None:
        refuse_foreign(out)
    planned, challenge, inputs = _read_data(loaded, data, manifest, store_root, progress)
    resolved = _plan_at(recipe, overrides, loaded, planned)
    settings = RunSettings(options.device, options.batch_size, options.n_workers)
    ran: Ran = CATALOGUE.load(executor)(Job(resolved, loaded, inputs, store_root, settings), progress)
    submission = out or Path("submissions") / f"{loaded.name}-{str(resolved.key)[:12]}"
    refuse_foreign(submission)
    facts = {**_run_facts(ran, time.monotonic() - started), "test_data": _test_digests(challenge, inputs, store_root)}
    finished = Finished(resolved, inputs, Store(store_root), challenge, facts)
    scores = scores_of(finished)
    reused = is_current(submission, finished, scores) and not any(one.made for one in ran.outcomes)
    if not reused:
        write_submission(submission, finished, scores)
    return RunReport(submission, resolved, ran.outcomes, scores, resolved.warnings, reused)


def _run_facts(ran: Ran, seconds: float) -> dict[str, Any]:
    """What the card says beyond the plan: timings of the steps made, versions, hardware."""
    from algokit.reporting.card import hardware, versions

    steps_s = {one.id: round(one.seconds, 3) for one in ran.outcomes if one.made}
    return {
        "timings": {"total_s": round(seconds, 3), "steps_s": steps_s},
        "versions": versions(),
        "hardware": hardware(ran.accelerator),
        "device": ran.device or None,
    }


def _test_digests(challenge: Challenge, subjects: Iterable[str], store: Path) -> dict[str, str]:
    """sha256 of the test responses, ceilings and ROIs behind the scores; of those that are there."""
    from algokit.challenge import DigestCache

    roles = ("test_fmri", "noise_ceiling", "roi_challenge_space")
    paths = {
        f"{subject}/{role}": path
        for subject in subjects
        for role, path in challenge.files(subject).items()
        if role.startswith(roles)
    }
    known = DigestCache(store / "digests.json").many(list(paths.values()))
    return {name: known[path] for name, path in paths.items()}
