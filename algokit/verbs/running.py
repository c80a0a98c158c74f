"""Run a recipe to a submission."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algokit.errors import DiskError
from algokit.types import ProgressCallback, Scores, Split, no_progress
from algokit.verbs.preparing import Places, RunOptions, default_store, loaded_to_run, prepared_job

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.executors import ContainerOptions
    from algokit.pipeline.run import Ran, StepOutcome
    from algokit.pipeline.times import GroupTime
    from algokit.recipe.plan import Plan, PlannedData
    from algokit.recipe.schema import Recipe

_SCORED = ("test_fmri", "noise_ceiling", "roi_challenge_space")  # the roles of files that scores are made from


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
    begun = prepared_job(recipe, places, make, options, container, progress)
    resolved, inputs, challenge = begun.job.plan, begun.job.inputs, begun.challenge
    with in_use(places.store):
        ran: Ran = run_plan(begun.job, progress)
        submission = places.out or Path("submissions") / f"{recipe.name}-{str(resolved.key)[:12]}"
        refuse_foreign(submission)
        digests = _score_digests(challenge, inputs, begun.splits, places.store)
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
